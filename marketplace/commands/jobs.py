"""`jigai jobs`: what waits, runs and was given up in the job queue, and another try for what was given up."""

from __future__ import annotations

import click

from marketplace.commands.runtime import Runtime, Stop, emit, tell

JSON = click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
STATES = ("waiting", "running", "done", "dead")


@click.group("jobs")
def jobs() -> None:
    """后台任务：列出、重试。 / The job queue: list, retry."""


@jobs.command("list")
@click.option("--state", type=click.Choice(STATES), help="只列这种状态 / only this state")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="最多列几条 / at most so many")
@JSON
@click.pass_obj
def list_jobs(runtime: Runtime, state: str | None, limit: int, as_json: bool) -> None:
    """各状态有多少，停下的在最前。 / How many of each state; those given up come first."""
    from marketplace.records.jobs import JobState, count_jobs, find_jobs

    with runtime.database.reading() as session:
        counts = {key.value: count for key, count in count_jobs(session).items()}
        found = find_jobs(session, states=[JobState(state)] if state else tuple(JobState), most=limit)
        rows = [
            {
                "id": job.public_id,
                "kind": job.kind,
                "state": job.state.value,
                "attempts": job.attempts,
                "created": job.created.isoformat(),
                "run_after": job.run_after.isoformat(),
                "progress": {"done": job.progress_done, "total": job.progress_total},
                "error": job.error,
            }
            for job in found
        ]
    if as_json:
        emit({"counts": counts, "jobs": rows})
        return
    click.echo("　".join(f"{key} {count}" for key, count in counts.items()))
    for row in rows:
        click.echo(f"{row['id']}  {row['state']:<8} {row['kind']:<16} {row['attempts']} 次  {row['error']}")


@jobs.command("retry")
@click.argument("job_id", required=False)
@click.option("--all", "everything", is_flag=True, help="所有停下的 / all that were given up")
@JSON
@click.pass_obj
def retry(runtime: Runtime, job_id: str | None, everything: bool, as_json: bool) -> None:
    """让停下的任务重新排队；正在运行的服务会办理。 / Let what was given up wait again; the running server does it."""
    from datetime import UTC, datetime

    from marketplace.actions.jobs import retry_job
    from marketplace.domain.access import Role, Viewer
    from marketplace.domain.lifecycle import RefusedError
    from marketplace.records.jobs import JobState, find_job, find_jobs

    if bool(job_id) == everything:
        raise Stop("请写一个任务编号，或用 --all。")
    operator, at = Viewer(name="命令行", roles=frozenset({Role.ADMIN})), datetime.now(UTC)
    with runtime.database.writing() as session:
        found = list(find_jobs(session, states=[JobState.DEAD], most=10_000)) if everything else [find_job(session, job_id or "")]
        if found == [None]:
            raise Stop(f"没有编号为 {job_id} 的任务。")
        try:
            for job in found:
                assert job is not None
                retry_job(session, job, viewer=operator, at=at)
        except RefusedError as error:
            raise Stop(error.refused.sentence()) from None
    if as_json:
        emit({"retried": len(found)})
    else:
        tell(f"已重新排队 {len(found)} 项。")
