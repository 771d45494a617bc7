"""The ledger of work on both kinds of database: what hangs below what, what may be over when, and sheets that come whole or not at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from marketplace.actions import work_items
from marketplace.actions.work_item_imports import PACKAGED, BadRowsError, import_work_items, load_plan
from marketplace.actions.work_items_due import remind_of_work
from marketplace.domain.access import Role
from marketplace.domain.work_items import WorkDraft, WorkState
from marketplace.records.database import Database
from marketplace.records.history import find_last_entry
from marketplace.records.tasks import find_tasks
from marketplace.records.work_items import WorkItem
from marketplace.sheets.work_items import WorkReading, read_work_items, work_item_workbook
from tests.actions.brokering import refused
from tests.actions.centre import PHASES, PILOT, Centre, open_centre

NAMES = {phase.key: phase.name for phase in PILOT.city.phases}


@pytest.fixture
def centre(database: Database) -> Centre:
    return open_centre(database)


def draft(code: str = "1", **values: object) -> WorkDraft:
    phase = "" if "." in code else "implementation"
    return WorkDraft(**{"code": code, "phase": phase, "title": f"任务 {code}", "owner": "区工信局", **values})  # type: ignore[arg-type]


def made(centre: Centre, code: str, person: str = "bureau", **values: object) -> int:
    return work_items.create(centre.database, draft(code, **values), centre.step(person), phases=PHASES).id


def item(centre: Centre, code: str) -> WorkItem:
    with centre.database.reading() as session:
        found = session.scalars(select(WorkItem).where(WorkItem.code == code)).one()
        session.expunge_all()
        return found


def reading(folder: Path, text: str) -> WorkReading:
    path = folder / "台账.csv"
    path.write_text("序号,阶段,工作任务,责任单位,截止日期,状态,进展与佐证,说明\n" + text, encoding="utf-8")
    return read_work_items(path, PILOT, NAMES)


def test_who_writes_and_how_it_hangs_together(centre: Centre) -> None:
    for person in ("enterprise", "provider", "area", "finance"):
        assert refused(made, centre, "1", person) == "not_allowed"
    assert refused(made, centre, "1.1") == "no_parent"
    assert refused(made, centre, "0") == "bad_code"
    top = made(centre, "1")
    for place, person in enumerate(("bureau", "manager", "centre"), 8):
        made(centre, f"1.{place}", person)
    assert refused(made, centre, "1.8") == "code_taken"
    assert (item(centre, "1.8").parent_id, item(centre, "1.8").phase) == (top, "implementation")
    with centre.database.reading() as session:
        assert list(session.scalars(select(WorkItem.code).order_by(WorkItem.rank))) == ["1", "1.8", "1.9", "1.10"]
    moved = draft("2")
    assert refused(work_items.change, centre.database, top, moved, centre.step("bureau"), phases=PHASES) == "code_fixed"


def test_nothing_is_over_before_its_parts(centre: Centre) -> None:
    top, part = made(centre, "1", evidence="总结"), made(centre, "1.1")
    database, step = centre.database, centre.step("bureau")
    assert refused(work_items.advance, database, top, "finish", step) == "open_below"
    assert refused(work_items.advance, database, part, "finish", step) == "no_evidence"
    assert refused(work_items.advance, database, part, "drop", step) == "no_reason"
    work_items.advance(database, part, "start", step)
    work_items.change(database, part, draft("1.1", evidence="会议纪要 3 号"), step, phases=PHASES)
    work_items.advance(database, part, "finish", step)
    work_items.advance(database, top, "finish", step)
    assert (item(centre, "1").finished_at is not None, item(centre, "1").state) == (True, WorkState.DONE)
    assert refused(made, centre, "1.2") == "above_is_over"
    assert refused(work_items.advance, database, part, "reopen", step, why="漏了一家") == "above_is_over"
    work_items.advance(database, top, "reopen", step, why="漏了一家")
    work_items.advance(database, part, "reopen", step, why="漏了一家")
    assert item(centre, "1.1").finished_at is None
    assert centre.history("work_item", part) == ["create", "start", "change", "finish", "reopen"]


def test_two_at_one_task(centre: Centre) -> None:
    number, seen = made(centre, "1"), centre.entries()
    work_items.change(centre.database, number, draft(title="甲"), centre.step("bureau", seen=seen), phases=PHASES)
    late = centre.step("centre", seen=seen)
    assert refused(work_items.change, centre.database, number, draft(title="乙"), late, phases=PHASES) == "changed_meanwhile"
    assert refused(work_items.advance, centre.database, number, "start", late) == "changed_meanwhile"
    assert item(centre, "1").title == "甲"


def test_a_sheet_comes_whole(centre: Centre, tmp_path: Path) -> None:
    made(centre, "1")
    text = "1,项目实施,总任务改名,区工信局,2026-12-31,已办结,都做完了,\n1.10,,第十件,能力中心,2026-12-01,已完成,纪要,\n1.2,,第二件,能力中心,,不再办理,,并入第十件\n"
    found = reading(tmp_path, text)
    assert not found.bad
    done = import_work_items(centre.database, found.rows, centre.step("manager"))
    assert (done.new, done.changed, done.moved) == (2, 1, 3)
    # The sheet named the whole before its parts; it was finished after them.
    assert [item(centre, code).state for code in ("1", "1.10", "1.2")] == [WorkState.DONE, WorkState.DONE, WorkState.DROPPED]
    assert centre.history("work_item", item(centre, "1").id) == ["create", "change", "finish"]
    again = import_work_items(centre.database, found.rows, centre.step("manager"))
    assert (again.new, again.changed, again.moved) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,项目实施,好的,区工信局,,,,\n1.1,,没有责任单位,,,,,\n", [(3, "责任单位", "required")]),
        ("1,第七阶段,好的,区工信局,,,,\n", [(2, "阶段", "unknown_answer")]),
        ("1,项目实施,好的,区工信局,昨天,,,\n", [(2, "截止日期", "not_a_date")]),
        ("1,项目实施,好的,区工信局,,,,\n1,项目实施,又一次,区工信局,,,,\n", [(3, "序号", "code_twice")]),
        ("a,项目实施,好的,区工信局,,,,\n", [(2, "序号", "bad_code")]),
    ],
)  # fmt: skip
def test_a_sheet_with_mistakes_names_each(tmp_path: Path, text: str, expected: list[tuple[int, str, str]]) -> None:
    assert [(cell.row, cell.column, cell.message.code) for cell in reading(tmp_path, text).bad] == expected


def test_what_only_the_ledger_knows_is_told_by_row_and_nothing_is_written(centre: Centre, tmp_path: Path) -> None:
    made(centre, "1")
    text = (
        "1,项目实施,总任务,区工信局,,已办结,依据,\n1.1,,分任务,区工信局,,办理中,,\n2.1,,没有上级,区工信局,,,,\n"
        "3,项目实施,一步到不了,区工信局,,已办结,,\n4,项目实施,没说为什么,区工信局,,不再办理,,\n"
    )
    before = centre.entries()
    with pytest.raises(BadRowsError) as error:
        import_work_items(centre.database, reading(tmp_path, text).rows, centre.step("bureau"))
    found = [(cell.row, cell.column, cell.message.code) for cell in error.value.bad]
    assert found == [
        (2, "状态", "open_below"), (4, "阶段", "no_parent"), (5, "状态", "no_evidence"), (6, "状态", "no_reason_in_row"),
    ]  # fmt: skip
    assert centre.entries() == before
    assert item(centre, "1").title == "任务 1"


def test_what_was_exported_comes_back_unless_somebody_was_faster(centre: Centre, tmp_path: Path) -> None:
    number = made(centre, "1", due=centre.today + timedelta(9), evidence="=1+1", co_owners="能力中心")
    made(centre, "1.1")

    def exported() -> WorkReading:
        with centre.database.reading() as session:
            rows = session.scalars(select(WorkItem).order_by(WorkItem.rank)).all()
            names = ("code", "phase", "title", "owner", "co_owners", "starts", "due", "evidence", "remark")
            lines = [
                (WorkDraft(**{name: getattr(row, name) for name in names}), row.state, find_last_entry(session, "work_item", row.id))
                for row in rows
            ]
        path = tmp_path / "工作台账.xlsx"
        path.write_bytes(work_item_workbook(lines, NAMES))
        return read_work_items(path, PILOT, NAMES)

    found = exported()
    assert not found.bad
    before = centre.entries()
    done = import_work_items(centre.database, found.rows, centre.step("bureau"))
    assert (done.new, done.changed, done.moved, centre.entries()) == (0, 0, 0, before)
    work_items.change(centre.database, number, draft(title="别人改了"), centre.step("centre"), phases=PHASES)
    with pytest.raises(BadRowsError) as error:
        import_work_items(centre.database, found.rows, centre.step("bureau"))
    assert [(cell.row, cell.message.code) for cell in error.value.bad] == [(2, "changed_meanwhile")]
    assert item(centre, "1").title == "别人改了"


def test_the_plan_of_the_pilot_is_packaged_and_loaded_once(centre: Centre) -> None:
    found = read_work_items(PACKAGED, PILOT, NAMES)
    assert not found.bad
    tops = [row.draft for row in found.rows if "." not in row.draft.code]
    assert [one.phase for one in tops] == PHASES
    for one, phase in zip(tops, PILOT.city.phases, strict=True):
        assert (one.starts, one.due) == (phase.start, phase.end), one.code
    assert load_plan(centre.database, found, at=centre.now, actor="x")
    assert not load_plan(centre.database, found, at=centre.now, actor="x")
    with centre.database.reading() as session:
        assert len(session.scalars(select(WorkItem)).all()) == len(found.rows)


def test_terms_are_told_when_they_are_near_and_once_more_when_they_are_over(centre: Centre) -> None:
    """Not night after night; by whom the words of the owner mean; and it ends with the task."""
    day, names = centre.today, {Role.CENTRE: "能力中心", Role.MANAGER: "综合管理服务商"}

    def night(after: int) -> int:
        with centre.database.writing() as session:
            session.info["role_names"] = names
            return remind_of_work(session, day + timedelta(after), centre.now + timedelta(after))

    def asked(person: str) -> list[tuple[str, str]]:
        with centre.database.reading() as session:
            found = find_tasks(session, centre.people[person], nouns=("work_item",))
            return [(row.values["code"], "over" if "已于" in row.message else "soon") for row in found]

    due = {"due": day + timedelta(30)}
    number = made(centre, "1", **due)
    made(centre, "2", owner="数字化转型能力中心", **due)
    made(centre, "3", owner="某街道", due=day + timedelta(90))
    assert night(10) == 0
    assert (night(26), night(26), night(27)) == (2, 0, 0)
    assert (asked("bureau"), asked("centre"), asked("manager")) == ([("1", "soon")], [("2", "soon")], [])
    # A term that was put off is told anew.
    later = draft("1", due=day + timedelta(60))
    work_items.change(centre.database, number, later, centre.step("bureau"), phases=PHASES)
    assert asked("bureau") == []
    assert (night(31), night(32)) == (1, 0)
    assert (asked("bureau"), asked("centre")) == ([], [("2", "over")])
    assert (night(57), night(61), night(70)) == (1, 1, 0)
    assert asked("bureau") == [("1", "over")]
    work_items.advance(centre.database, number, "drop", centre.step("bureau"), why="并入第 2 项")
    assert asked("bureau") == []
    told = [word for word in centre.told("bureau") if "工作任务" in word]
    assert len(told) == 3
    assert len([word for word in centre.told("centre") if "工作任务" in word]) == 2
    # Many at once, as from a sheet, are one notice.
    for code in range(5, 10):
        made(centre, str(code), due=day)
    assert night(80) == 5
    assert sum("5 项" in word or "{count}" in word for word in centre.told("bureau")) == 1
