"""A round of evaluation from its opening to the letters, certificates and their reminders, exposures: in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from marketplace.actions import certificates, evaluations
from marketplace.actions.exposures import write_exposures
from marketplace.actions.ratings import Incoming, put_events, recompute
from marketplace.domain.access import RIGHTS, Role, Viewer
from marketplace.domain.certificates import CertificateDraft
from marketplace.domain.evaluations import UNRATED, Period, ResultState, RoundState
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import ProviderState
from marketplace.domain.rating_events import EventDraft, EventKind
from marketplace.domain.rating_rules import RatingRules
from marketplace.files.store import StoredBlob
from marketplace.pilot import Pilot
from marketplace.records.accounts import Account, Membership
from marketplace.records.certificates import Certificate, find_certificates
from marketplace.records.database import Database
from marketplace.records.evaluations import EvaluationResult, EvaluationRound
from marketplace.records.exposures import Exposure, ExposureDay, find_exposures
from marketplace.records.files import Scan
from marketplace.records.history import find_broken_link
from marketplace.records.jobs import Job
from marketplace.records.notices import Notice
from marketplace.records.providers import Provider
from marketplace.records.tasks import Task, find_tasks
from tests.actions.people import Market, open_market
from tests.conftest import NOW

TODAY = NOW.date()
PERIOD = Period(date(2026, 1, 1), date(2026, 6, 30))
SCAN = StoredBlob("b" * 64, 1_000, "application/pdf", "执照.pdf", Scan.UNSCANNED)


@dataclass(frozen=True)
class Scene:
    """A market with accounts, one provider with a good project in the period, the other one without any."""

    market: Market
    own: Viewer
    rival: Viewer

    def staff(self, role: Role = Role.BUREAU) -> Viewer:
        return self.market.person(role)


@pytest.fixture
def rules(pilot: Pilot) -> RatingRules:
    return pilot.rating


@pytest.fixture
def scene(database: Database, rules: RatingRules) -> Scene:
    market = open_market(database)
    with database.writing() as session:
        units = {row.id: row.organisation_id for row in session.scalars(select(Provider))}
        for number in range(1, 10):
            session.add(Account(id=number, login=f"staff{number}", name="员工", password_hash="-", created=NOW))
        for number, provider in ((101, market.provider), (102, market.rival)):
            account = Account(id=number, login=f"p{number}", name="服务商", password_hash="-", created=NOW)
            account.memberships.append(Membership(organisation_id=units[provider], role=Role.PROVIDER, areas=[], rights=list(RIGHTS)))
            session.add(account)
        drafts = [
            EventDraft(EventKind.ACCEPTANCE, date(2026, 3, 1), {"result": "passed", "score": 96}, "a"),
            EventDraft(EventKind.ENTERPRISE_RATING, date(2026, 3, 2), {"overall": 5}, "a"),
            EventDraft(EventKind.CONDUCT, date(2026, 7, 1), {"severity": "serious"}),
        ]
        rows = [Incoming(market.provider, draft, str(number)) for number, draft in enumerate(drafts)]
        put_events(session, rows, source="t", actor="t", at=NOW)
        recompute(session, [market.provider], rules, at=NOW, on=TODAY, why="import")

    def member(number: int, provider: int) -> Viewer:
        rights = frozenset((units[provider], right) for right in RIGHTS)
        return Viewer(
            number, "服务商", frozenset({Role.PROVIDER}), frozenset({units[provider]}), provider_ids=frozenset({provider}), rights=rights
        )

    return Scene(market, member(101, market.provider), member(102, market.rival))


def opened(database: Database, scene: Scene, rules: RatingRules) -> tuple[int, dict[int, int]]:
    """The id of a new round, and of each provider's result."""
    found = evaluations.open_round(database, PERIOD, viewer=scene.staff(), at=NOW, today=TODAY, rules=rules)
    with database.reading() as session:
        rows = session.scalars(select(EvaluationResult).where(EvaluationResult.round_id == found.id)).all()
        return found.id, {row.provider_id: row.id for row in rows}


def result_of(database: Database, number: int) -> EvaluationResult:
    with database.reading() as session:
        found = session.get_one(EvaluationResult, number)
        session.expunge(found)
        return found


def refused(error: pytest.ExceptionInfo[RefusedError]) -> str:
    return error.value.refused.code


def test_a_round_from_opening_to_letters(database: Database, scene: Scene, rules: RatingRules) -> None:
    number, results = opened(database, scene, rules)
    good, none = results[scene.market.provider], results[scene.market.rival]
    # Only the events of the period count: neither the conduct of July, nor anything for who has no project.
    first = result_of(database, good)
    assert (first.projects, first.events, first.result) == (1, 2, "good")
    assert first.proposed == pytest.approx((0.35 * 96 + 0.25 * 100 + 1.5 * 80) / 2.1, abs=0.06)
    assert (result_of(database, none).proposed, result_of(database, none).result) == (None, UNRATED)
    at = {"viewer": scene.staff(), "at": NOW, "rules": rules}
    with pytest.raises(RefusedError) as error:
        evaluations.show(database, number, today=TODAY, **at)
    assert refused(error) == "unreviewed"
    with pytest.raises(RefusedError) as error:
        evaluations.review(database, good, score=90.0, why="", **at)
    assert refused(error) == "reason_missing"
    evaluations.review(database, good, score=90.0, why="漏记一项实测成效", **at)
    assert result_of(database, good).result == "excellent"
    assert evaluations.review_rest(database, number, **at) == 1
    shown = evaluations.show(database, number, today=TODAY, **at)
    # Five working days after Wednesday 2026-11-25.
    assert shown.comment_until == date(2026, 12, 2)
    with database.reading() as session:
        assert [task.kind for task in find_tasks(session, scene.own)] == ["comment"]
        assert session.scalar(select(func.count()).select_from(Notice).where(Notice.account_id == 101)) == 1
    with pytest.raises(RefusedError) as error:
        evaluations.comment(database, good, text="别家的", viewer=scene.rival, at=NOW, today=TODAY)
    assert refused(error) == "not_allowed"
    evaluations.comment(database, good, text="少算了一个项目", viewer=scene.own, at=NOW, today=TODAY)
    with database.reading() as session:
        assert [task.kind for task in find_tasks(session, scene.own)] == []
        assert "answer" in {task.kind for task in find_tasks(session, scene.staff(Role.MANAGER))}
    late = TODAY + timedelta(30)
    for day, code in ((TODAY, "still_commenting"), (late, "unanswered")):
        with pytest.raises(RefusedError) as error:
            evaluations.issue(database, number, today=day, **at)
        assert refused(error) == code
    with pytest.raises(RefusedError) as error:
        evaluations.answer(database, good, text="", score=90.0, **at)
    assert refused(error) == "answer_missing"
    # Nor does an answer take the score away.
    with pytest.raises(RefusedError) as error:
        evaluations.answer(database, good, text="那个项目在下一期", score=None, **at)
    assert refused(error) == "score_missing"
    evaluations.answer(database, good, text="那个项目在下一期", score=85.0, **at)
    assert (result_of(database, good).score, result_of(database, good).result) == (85.0, "good")
    with pytest.raises(RefusedError) as error:
        evaluations.issue(database, number, today=late, viewer=scene.staff(Role.MANAGER), at=NOW, rules=rules)
    assert refused(error) == "not_allowed"
    evaluations.issue(database, number, today=late, **at)
    with database.reading() as session:
        assert session.get_one(EvaluationRound, number).state == RoundState.ISSUED
        assert set(session.scalars(select(EvaluationResult.state))) == {ResultState.ISSUED}
        letters = session.scalars(select(Job).where(Job.kind == "letter")).all()
        assert {job.payload["id"] for job in letters} == {good, none}
        said = next(job.payload["values"] for job in letters if job.payload["id"] == good)
        assert (said["round"], said["result"], said["score"]) == ("2026 年上半年", "良好", "85")
        assert [row["name"] for row in said["rows"]] == ["验收结果", "企业评价"]
        assert session.scalars(select(Task.id).where(Task.done_at.is_(None))).all() == []
        assert find_broken_link(session) is None


def test_one_round_a_period_unless_cancelled(database: Database, scene: Scene, rules: RatingRules) -> None:
    number, _results = opened(database, scene, rules)
    with pytest.raises(RefusedError) as error:
        opened(database, scene, rules)
    assert refused(error) == "round_exists"
    with pytest.raises(RefusedError) as error:
        evaluations.cancel(database, number, why="", viewer=scene.staff(), at=NOW, today=TODAY)
    assert refused(error) == "reason_missing"
    evaluations.cancel(database, number, why="数据不全", viewer=scene.staff(), at=NOW, today=TODAY)
    again, _results = opened(database, scene, rules)
    with database.reading() as session:
        assert [row.turn for row in session.scalars(select(EvaluationRound).order_by(EvaluationRound.id))] == [1, 2]
        assert session.get_one(EvaluationRound, again).number == "PJ-2026-0002"
    with pytest.raises(RefusedError) as error:
        evaluations.open_round(database, Period(TODAY, TODAY), viewer=scene.staff(), at=NOW, today=TODAY, rules=rules)
    assert refused(error) == "not_over"
    with pytest.raises(RefusedError) as error:
        evaluations.open_round(database, PERIOD, viewer=scene.own, at=NOW, today=TODAY, rules=rules)
    assert refused(error) == "not_allowed"


def test_who_has_no_project_gets_no_score(database: Database, scene: Scene, rules: RatingRules) -> None:
    _number, results = opened(database, scene, rules)
    with pytest.raises(RefusedError) as error:
        evaluations.review(database, results[scene.market.rival], score=88.0, why="印象好", viewer=scene.staff(), at=NOW, rules=rules)
    assert refused(error) == "unrated"


def add(
    database: Database, scene: Scene, *, expires: date | None, viewer: Viewer | None = None, replaces: int | None = None
) -> Certificate:
    draft = CertificateDraft("licence", "安全生产许可证", "A-1", date(2024, 1, 1), expires)
    return certificates.add_certificate(
        database, scene.market.provider, draft, proof=SCAN, replaces=replaces, viewer=viewer or scene.own, at=NOW
    )


def test_certificates_are_reminded_of_once_a_step(database: Database, scene: Scene, rules: RatingRules) -> None:
    expires = TODAY + timedelta(40)
    row = add(database, scene, expires=expires)
    told = []
    for days in (0, 1, 10, 20, 33, 40, 41, 50):
        with database.writing() as session:
            told.append(certificates.remind(session, rules.certificates, at=NOW, today=TODAY + timedelta(days)))
    assert told == [1, 0, 1, 0, 1, 0, 1, 0]
    with database.reading() as session:
        assert [task.kind for task in find_tasks(session, scene.own)] == ["renew"]
        assert session.scalar(select(func.count()).select_from(Notice).where(Notice.account_id == 101)) == 4
    newer = add(database, scene, expires=None, replaces=row.id)
    with database.writing() as session:
        assert [one.id for one in find_certificates(session, scene.market.provider)] == [newer.id]
        assert find_tasks(session, scene.own) == []
        assert certificates.remind(session, rules.certificates, at=NOW, today=TODAY + timedelta(99)) == 0
    with pytest.raises(RefusedError) as error:
        add(database, scene, expires=None, replaces=row.id)
    assert refused(error) == "replaced"
    with pytest.raises(RefusedError) as error:
        add(database, scene, expires=None, viewer=scene.rival)
    assert refused(error) == "not_allowed"


def test_who_left_is_not_reminded(database: Database, scene: Scene, rules: RatingRules) -> None:
    add(database, scene, expires=TODAY)
    with database.writing() as session:
        session.execute(Provider.__table__.update().values(state=ProviderState.RETIRED))
    with database.writing() as session:
        assert certificates.remind(session, rules.certificates, at=NOW, today=TODAY) == 0
        assert certificates.ask_for_recheck(session, rules.certificates, at=NOW, today=TODAY, zone="Asia/Shanghai") == 0


def test_a_recheck_a_year(database: Database, scene: Scene, rules: RatingRules) -> None:
    def ask(day: date) -> int:
        at = NOW + (day - TODAY)
        with database.writing() as session:
            return certificates.ask_for_recheck(session, rules.certificates, at=at, today=day, zone="Asia/Shanghai")

    assert ask(date(2027, 2, 28)) == 0
    assert ask(date(2027, 3, 1)) == 2
    assert ask(date(2027, 3, 2)) == 0
    certificates.confirm_all(database, scene.market.provider, viewer=scene.own, at=NOW)
    with database.reading() as session:
        assert [task.kind for task in find_tasks(session, scene.own)] == []
        assert "compare" in {task.kind for task in find_tasks(session, scene.staff(Role.MANAGER))}
    assert ask(date(2027, 4, 1)) == 0
    assert ask(date(2028, 3, 1)) == 2


def test_exposures_are_counted_and_counted_again(database: Database, scene: Scene) -> None:
    own, rival = scene.market.provider, scene.market.rival
    lists = [[own, rival], [rival], [], [own]]
    for _twice in range(2):
        with database.writing() as session:
            day = write_exposures(session, TODAY, lists, model="m", at=NOW)
            assert (day.problems, day.answered, day.places) == (4, 3, 4)
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ExposureDay)) == 1
        assert {(row.provider_id, row.first, row.top) for row in session.scalars(select(Exposure))} == {(own, 2, 2), (rival, 1, 2)}
        rows = find_exposures(session, TODAY)
        assert [(row.provider_id, row.top, row.awards, row.is_new) for row in rows] == [(own, 2, 0, False), (rival, 2, 0, True)]
        assert [row.top for row in find_exposures(session, None)] == [0, 0]
