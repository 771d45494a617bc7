"""The queue itself: one worker a job, an effect exactly once, retries with pauses, a dead letter with its reason."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from marketplace.actions.jobs import enqueue_job, retry_job
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.jobs import handlers
from marketplace.jobs.leases import ATTEMPTS, KILLED, LEASE, LeaseLost, Leases
from marketplace.jobs.progress import Later, Progress
from marketplace.jobs.worker import JobWorker
from marketplace.records.history import HistoryEntry
from marketplace.records.jobs import Job, JobState, count_jobs, find_jobs
from marketplace.records.organisations import Organisation
from marketplace.site import Site

ADMIN = Viewer(account_id=1, name="管理员", roles=frozenset({Role.ADMIN}))
Handler = Callable[[Site, Job, Progress], dict[str, Any] | None]


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Callable[[Handler], None]:
    """Let a function be the handler of the kind "trial"."""

    def use(handler: Handler) -> None:
        monkeypatch.setitem(handlers.HANDLERS, "trial", handler)

    use(lambda site, job, progress: None)
    return use


def ask(site: Site, *, key: str | None = None, kind: str = "trial", after: timedelta = timedelta(), **payload: Any) -> int:
    now = datetime.now(UTC)
    with site.database.writing() as session:
        return enqueue_job(session, kind, payload, at=now, key=key, run_after=now + after).id


def job_of(site: Site, number: int) -> Job:
    with site.database.reading() as session:
        job = session.get_one(Job, number)
        session.expunge(job)
        return job


def shift(site: Site, number: int, **values: Any) -> None:
    with site.database.writing() as session:
        session.execute(update(Job).where(Job.id == number).values(values))


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def organisations(site: Site) -> int:
    with site.database.reading() as session:
        return session.scalar(select(func.count()).select_from(Organisation)) or 0


def found(site: Site, job: Job, progress: Progress) -> None:
    """A handler whose effect can be counted."""
    with progress.finishing({"made": 1}) as session:
        session.add(Organisation(name=f"单位 {job.id}"))


def test_a_job_runs_once_it_is_due(site: Site, handle: Callable[[Handler], None]) -> None:
    handle(lambda site, job, progress: {"seen": job.payload["n"]})
    now, later = ask(site, n=7), ask(site, after=timedelta(hours=1))
    assert JobWorker(site).drain() == 1
    job = job_of(site, now)
    assert (job.state, job.result, job.attempts, job.error, job.lease_until) == (JobState.DONE, {"seen": 7}, 1, "", None)
    assert job.ended is not None
    assert job_of(site, later).state is JobState.WAITING


def test_a_kind_that_nobody_knows_waits_for_a_newer_program(site: Site) -> None:
    number = ask(site, kind="of_tomorrow")
    assert JobWorker(site).drain() == 0
    assert job_of(site, number).state is JobState.WAITING


def test_of_one_key_one_job_waits_and_what_is_asked_meanwhile_is_not_missed(site: Site, handle: Callable[[Handler], None]) -> None:
    meanwhile: list[int] = []

    def handler(site: Site, job: Job, progress: Progress) -> None:
        if not meanwhile:
            meanwhile.append(ask(site, key="one"))

    handle(handler)
    first = ask(site, key="one")
    assert ask(site, key="one") == first
    assert JobWorker(site).drain() == 2
    assert meanwhile[0] != first
    assert job_of(site, meanwhile[0]).state is JobState.DONE


def test_a_failure_is_tried_again_with_pauses_and_then_given_up(site: Site, handle: Callable[[Handler], None]) -> None:
    tried: list[int] = []

    def fails(site: Site, job: Job, progress: Progress) -> None:
        tried.append(job.attempts)
        raise ValueError("没有墨了")

    handle(fails)
    number, pauses = ask(site), []
    for _attempt in range(ATTEMPTS):
        assert JobWorker(site).drain() == 1
        job = job_of(site, number)
        if job.state is JobState.WAITING:
            pauses.append(round((job.run_after - datetime.now(UTC)).total_seconds()))
            shift(site, number, run_after=long_ago())
    assert tried == [1, 2, 3, 4, 5]
    assert pauses == [5, 30, 120, 600]
    assert (job.state, job.error) == (JobState.DEAD, "ValueError: 没有墨了")
    assert JobWorker(site).drain() == 0


def test_a_refusal_is_an_answer(site: Site, handle: Callable[[Handler], None]) -> None:
    def refuses(site: Site, job: Job, progress: Progress) -> None:
        raise RefusedError(Refused("no", "这样的文书没有。"))

    handle(refuses)
    number = ask(site)
    JobWorker(site).drain()
    job = job_of(site, number)
    assert (job.state, job.attempts, job.error) == (JobState.DEAD, 1, "这样的文书没有。")


def test_later_is_no_failure(site: Site, handle: Callable[[Handler], None]) -> None:
    def waits(site: Site, job: Job, progress: Progress) -> None:
        raise Later(timedelta(seconds=30), "服务器不在")

    handle(waits)
    number = ask(site)
    for _attempt in range(ATTEMPTS + 2):
        assert JobWorker(site).drain() == 1
        job = job_of(site, number)
        assert (job.state, job.attempts, job.error) == (JobState.WAITING, 0, "服务器不在")
        shift(site, number, run_after=long_ago())


def test_a_dead_job_gets_its_attempts_again_and_only_a_dead_one(site: Site, handle: Callable[[Handler], None]) -> None:
    number = ask(site)
    shift(site, number, state=JobState.DEAD, attempts=5, error="坏了")
    with site.database.writing() as session:
        retry_job(session, session.get_one(Job, number), viewer=ADMIN, at=datetime.now(UTC))
    with pytest.raises(RefusedError), site.database.writing() as session:
        retry_job(session, session.get_one(Job, number), viewer=ADMIN, at=datetime.now(UTC))
    assert JobWorker(site).drain() == 1
    assert job_of(site, number).state is JobState.DONE
    with site.database.reading() as session:
        assert session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "job")).all() == ["retry"]


def test_a_lease_that_was_lost_never_writes_its_result(site: Site, handle: Callable[[Handler], None]) -> None:
    number = ask(site)

    def slow(site: Site, job: Job, progress: Progress) -> None:
        if job.attempts == 1:
            # Asleep beyond the lease; another worker does the job meanwhile.
            shift(site, number, lease_until=long_ago())
            assert JobWorker(site).step()
        found(site, job, progress)

    handle(slow)
    assert JobWorker(site).step()
    job = job_of(site, number)
    assert (job.state, job.attempts, job.result) == (JobState.DONE, 2, {"made": 1})
    assert organisations(site) == 1


def test_a_lease_that_was_lost_fails_nothing_and_reports_nothing(site: Site, handle: Callable[[Handler], None]) -> None:
    number = ask(site)

    def fails(site: Site, job: Job, progress: Progress) -> None:
        shift(site, number, lease_until=datetime.now(UTC) + timedelta(hours=2))
        with pytest.raises(LeaseLost):
            progress(1, 1)
        raise ValueError("too late")

    handle(fails)
    assert JobWorker(site).step()
    job = job_of(site, number)
    assert (job.state, job.error) == (JobState.RUNNING, "")


def test_a_long_job_keeps_its_lease(site: Site, handle: Callable[[Handler], None]) -> None:
    lease, ends, taken = timedelta(seconds=0.3), [], []

    def long(site: Site, job: Job, progress: Progress) -> None:
        for _step in range(6):
            threading.Event().wait(0.15)
            ends.append(job_of(site, job.id).lease_until)
            taken.append(Leases(site.database, lease).take(["trial"]))
        found(site, job, progress)

    handle(long)
    ask(site)
    assert JobWorker(site, lease=lease).step()
    assert len(set(ends)) > 1
    assert taken == [None] * 6
    assert organisations(site) == 1


def test_progress_can_be_seen(site: Site, handle: Callable[[Handler], None]) -> None:
    seen: list[tuple[int, int]] = []

    def steps(site: Site, job: Job, progress: Progress) -> None:
        for done in (0, 1, 2, 3, 3000):
            progress(done, 3000)
            now = job_of(site, job.id)
            seen.append((now.progress_done, now.progress_total))

    handle(steps)
    ask(site)
    JobWorker(site).drain()
    # What changes faster than once a second is not written each time; the first and the last are.
    assert seen == [(0, 3000), (0, 3000), (0, 3000), (0, 3000), (3000, 3000)]


def test_an_effect_and_its_job_are_one_transaction(site: Site, handle: Callable[[Handler], None]) -> None:
    def half(site: Site, job: Job, progress: Progress) -> None:
        with progress.finishing() as session:
            session.add(Organisation(name="半个"))
            session.flush()
            if job.attempts == 1:
                raise ValueError("in the middle")

    handle(half)
    number = ask(site)
    JobWorker(site).drain()
    assert organisations(site) == 0
    assert job_of(site, number).state is JobState.WAITING
    shift(site, number, run_after=long_ago())
    JobWorker(site).drain()
    assert organisations(site) == 1


def test_what_kills_its_worker_each_time_is_given_up(site: Site, handle: Callable[[Handler], None]) -> None:
    number = ask(site)
    for attempt in range(1, ATTEMPTS + 1):
        taken = Leases(site.database, LEASE).take(["trial"])
        assert taken is not None
        assert taken[0].attempts == attempt
        assert Leases(site.database, LEASE).take(["trial"]) is None
        # The worker is killed here; its lease runs out.
        shift(site, number, lease_until=long_ago())
    assert JobWorker(site).drain() == 0
    job = job_of(site, number)
    assert (job.state, job.error) == (JobState.DEAD, KILLED)


def test_many_workers_do_each_job_once(site: Site, handle: Callable[[Handler], None]) -> None:
    handle(found)
    numbers = [ask(site) for _number in range(40)]
    start = threading.Barrier(6)

    def work() -> None:
        worker = JobWorker(site)
        start.wait()
        idle = 0
        while idle < 5:
            idle = 0 if worker.step() else idle + 1

    threads = [threading.Thread(target=work) for _number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert organisations(site) == 40
    assert {job_of(site, number).attempts for number in numbers} == {1}
    with site.database.reading() as session:
        assert count_jobs(session)[JobState.DONE] == 40


def test_a_list_of_jobs_begins_with_the_dead(site: Site) -> None:
    numbers = [ask(site, after=timedelta(minutes=minute)) for minute in (9, 3)] + [ask(site) for _state in range(3)]
    for number, state in zip(numbers[2:], (JobState.DONE, JobState.DEAD, JobState.RUNNING), strict=True):
        shift(site, number, state=state)
    with site.database.reading() as session:
        assert [job.id for job in find_jobs(session)] == [numbers[3], numbers[4], numbers[1], numbers[0], numbers[2]]


def test_a_worker_ends_with_its_stop(site: Site, handle: Callable[[Handler], None]) -> None:
    stop, seen = threading.Event(), threading.Event()
    handle(lambda site, job, progress: seen.set())
    thread = threading.Thread(target=JobWorker(site).run, args=(stop,))
    thread.start()
    ask(site)
    assert seen.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
