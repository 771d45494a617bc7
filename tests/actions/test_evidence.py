"""Evidence from the upload to the finding that an office judges: what is the same elsewhere is found, whoever brings it, and when."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import evidence
from marketplace.actions.files import _blob as real_blob
from marketplace.domain.evidence import EvidenceDraft, EvidenceState, FindingState, Likeness
from marketplace.domain.projects import ProjectState
from marketplace.records.database import Database
from marketplace.records.evidence import Evidence, EvidenceFinding, find_evidence_of, sums_by_cost
from marketplace.records.files import Attachment
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.notices import Notice
from marketplace.records.projects import Project
from tests.actions.supervising import Watched, open_watched, refused
from tests.files.invoices import NUMBER, SELLER, invoice_pdf


@pytest.fixture
def world(database: Database, tmp_path: Path) -> Watched:
    return open_watched(database, tmp_path / "files")


def findings(world: Watched) -> list[tuple[int, int, Likeness, FindingState]]:
    with world.database.reading() as session:
        rows = session.scalars(select(EvidenceFinding).order_by(EvidenceFinding.id))
        return [(row.evidence_id, row.other_id, row.likeness, row.state) for row in rows]


def finding_id(world: Watched) -> int:
    with world.database.reading() as session:
        return session.scalars(select(EvidenceFinding.id).order_by(EvidenceFinding.id)).first() or 0


def test_what_is_read_of_an_invoice_waits_for_the_person(world: Watched) -> None:
    file = world.read(invoice_pdf(), "发票.pdf")
    (one,) = evidence.add(world.database, world.project, "invoice", [file], world.step("enterprise"))
    with world.database.reading() as session:
        kept = session.get_one(Evidence, one.id)
        assert (kept.state, kept.invoice_number, kept.amount_fen, kept.seller) == (EvidenceState.UPLOADED, NUMBER, 11_300_000, SELLER)
        assert kept.suggested == {"number": NUMBER, "day": "2026-06-01", "amount_fen": 11_300_000, "seller": SELLER}
        # Nothing counts before the person has said so.
        assert sums_by_cost(session, world.project) == {}
    assert ("count_evidence", "enterprise 单位") in world.tasks()
    draft = EvidenceDraft("invoice", 11_300_000, NUMBER, date(2026, 6, 1), SELLER, "software", world.milestones[0])
    evidence.confirm(world.database, world.project, one.id, draft, world.step("enterprise"))
    with world.database.reading() as session:
        kept = session.get_one(Evidence, one.id)
        assert sums_by_cost(session, world.project) == {"software": 11_300_000}
        assert [row["code"] for row in kept.doubts] == ["other_seller"]
        verbs = session.scalars(select(HistoryEntry.verb).where(HistoryEntry.noun == "evidence").order_by(HistoryEntry.id)).all()
        assert verbs == ["attach", "count"]
        assert find_broken_link(session) is None
    assert world.tasks() == set()
    assert refused(evidence.confirm, world.database, world.project, one.id, draft, world.step("enterprise")) == "wrong_state"


@pytest.mark.parametrize("person", ["neighbour", "supplier", "manager", "bureau", "area", "expert", "centre", "finance"])
def test_only_the_applicant_hands_in(world: Watched, person: str) -> None:
    one = world.invoice("10000001")
    draft = EvidenceDraft("invoice", 1, "10000002", world.day, "甲")
    step = world.step(person)
    assert refused(evidence.add, world.database, world.project, "invoice", [world.read(b"x", "a.txt")], step, draft) == "not_allowed"
    assert refused(evidence.confirm, world.database, world.project, one, draft, step) == "not_allowed"
    assert refused(evidence.supersede, world.database, world.project, one, step, why="换") == "not_allowed"


@pytest.mark.parametrize("state", list(ProjectState))
def test_in_which_states_evidence_is_taken(world: Watched, state: ProjectState) -> None:
    with world.database.writing() as session:
        session.get_one(Project, world.project).state = state
    takes = state in evidence.TAKES_EVIDENCE
    draft = EvidenceDraft("invoice", 1, "10000002", world.day, "甲")
    code = refused(evidence.add, world.database, world.project, "invoice", [world.read(b"x", "a.txt")], world.step("enterprise"), draft)
    assert code == ("" if takes else "takes_no_evidence")


def test_a_bad_draft_leaves_nothing_behind(world: Watched) -> None:
    bad = EvidenceDraft("invoice", -5, "10000001", world.day, "甲")
    step = world.step("enterprise")
    assert refused(evidence.add, world.database, world.project, "invoice", [world.read(b"x", "a.txt")], step, bad) == "amount_not_positive"
    assert refused(evidence.add, world.database, world.project, "invoice", [], step) == "no_file"
    assert refused(evidence.add, world.database, world.project, "plan", [world.read(b"x", "a.txt")], step) == "unknown_kind"
    with world.database.reading() as session:
        assert session.scalars(select(Evidence)).all() == []
        assert session.scalars(select(Attachment)).all() == []


def test_the_same_invoice_in_another_project(world: Watched) -> None:
    first = world.invoice("2611 2000-0001", project=world.other, person="neighbour")
    second = world.invoice("261120000001")
    assert findings(world) == [(second, first, Likeness.INVOICE, FindingState.OPEN)]
    assert world.health() == ("watch", ["evidence_repeated"])
    assert world.health(world.other)[0] in ("", "good")
    assert ("look_into_evidence", "manager") in world.tasks()
    with world.database.reading() as session:
        told = session.scalars(select(Notice).where(Notice.message.contains("佐证与"))).all()
        assert [row.values["other"] for row in told] == ["XM-2026-0002"]
        # The other project's number is for offices.
        assert {row.account_id for row in told} == {world.people["manager"].account_id}


def test_the_same_file_twice_in_one_project(world: Watched) -> None:
    first = world.invoice("10000001", data=b"the same")
    second = world.invoice("10000002", data=b"the same")
    assert findings(world) == [(second, first, Likeness.FILE, FindingState.OPEN)]


def test_nearly_the_same_photo(world: Watched) -> None:
    first = world.photo(1, project=world.other, person="neighbour")
    second = world.photo(1, size=(400, 300), quality=40)
    world.photo(2)
    assert findings(world) == [(second, first, Likeness.PHOTO, FindingState.OPEN)]


def test_a_number_that_is_mended_later_is_found_too(world: Watched) -> None:
    (one,) = evidence.add(world.database, world.other, "invoice", [world.read(b"x", "a.txt")], world.step("neighbour"))
    second = world.invoice("10000001")
    draft = EvidenceDraft("invoice", 100, "10000001", world.day, "甲")
    evidence.confirm(world.database, world.other, one.id, draft, world.step("neighbour"))
    assert findings(world) == [(second, one.id, Likeness.INVOICE, FindingState.OPEN)]


def test_what_is_replaced_in_its_own_project_is_not_held_against_it(world: Watched) -> None:
    first = world.invoice("10000001")
    assert refused(evidence.supersede, world.database, world.project, first, world.step("enterprise"), why=" ") == "required"
    file = world.read(b"again", "a.txt")
    new = evidence.supersede(world.database, world.project, first, world.step("enterprise"), why="传错了", file=file)
    draft = EvidenceDraft("invoice", 100, "10000001", world.day, "甲")
    evidence.confirm(world.database, world.project, new.id, draft, world.step("enterprise"))
    assert findings(world) == []
    with world.database.reading() as session:
        old = session.get_one(Evidence, first)
        assert (old.state, old.superseded_by, old.why) == (EvidenceState.SUPERSEDED, new.id, "传错了")
        assert [row.id for row in find_evidence_of(session, world.project)] == [new.id]
        assert len(find_evidence_of(session, world.project, superseded=True)) == 2
    # In another project it still does.
    other = world.invoice("10000001", project=world.other, person="neighbour")
    assert {(row[0], row[2]) for row in findings(world)} == {(other, Likeness.INVOICE)}


def test_offices_judge_what_was_found(world: Watched) -> None:
    world.invoice("10000001", project=world.other, person="neighbour")
    world.invoice("10000001")
    number = finding_id(world)
    for person in ("enterprise", "supplier", "expert", "area", "centre", "finance"):
        assert refused(evidence.judge, world.database, number, "uphold", world.step(person), why="x") == "not_allowed"
    assert refused(evidence.judge, world.database, number, "uphold", world.step("manager"), why="") == "required"
    evidence.judge(world.database, number, "explain", world.step("manager"), why="分期付款")
    assert world.health() == ("good", [])
    assert ("look_into_evidence", "manager") not in world.tasks()
    evidence.judge(world.database, number, "uphold", world.step("bureau"), why="同一张发票")
    assert world.health() == ("trouble", ["evidence_misused"])
    assert refused(evidence.judge, world.database, number, "explain", world.step("manager"), why="x") == "wrong_state"


def test_of_two_at_once_the_second_one_finds_the_first(world: Watched) -> None:
    barrier, errors = threading.Barrier(2), []

    def bring(project: int, person: str) -> None:
        try:
            file = world.read(f"{person}".encode(), "a.txt")
            draft = EvidenceDraft("invoice", 100, "77777777", world.day - timedelta(1), "甲")
            barrier.wait(20)
            evidence.add(world.database, project, "invoice", [file], world.step(person), draft)
        except Exception as error:  # pragma: no cover
            errors.append(error)

    threads = [threading.Thread(target=bring, args=pair) for pair in ((world.project, "enterprise"), (world.other, "neighbour"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(findings(world)) == 1


def test_two_people_confirm_one_file_at_once(world: Watched) -> None:
    (one,) = evidence.add(world.database, world.project, "invoice", [world.read(b"x", "a.txt")], world.step("enterprise"))
    draft = EvidenceDraft("invoice", 100, "10000001", world.day, "甲")
    codes, barrier = [], threading.Barrier(2)

    def confirm(person: str) -> None:
        barrier.wait(20)
        codes.append(refused(evidence.confirm, world.database, world.project, one.id, draft, world.step(person)))

    threads = [threading.Thread(target=confirm, args=(person,)) for person in ("enterprise", "colleague")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(codes) == ["", "wrong_state"]


def test_a_fault_in_the_middle_leaves_nothing(world: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed while the second of two files comes in: neither is there."""
    calls: list[int] = []

    def failing(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real_blob(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr("marketplace.actions.files._blob", failing)
    files = [world.read(b"one", "a.txt"), world.read(b"two", "b.txt")]
    with pytest.raises(KeyboardInterrupt):
        evidence.add(world.database, world.project, "paid", files, world.step("enterprise"))
    with world.database.reading() as session:
        assert session.scalars(select(Evidence)).all() == []
        assert session.scalars(select(Attachment)).all() == []
