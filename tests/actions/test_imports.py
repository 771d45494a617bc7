"""Import: everything or nothing, again without effect, never half."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from marketplace.actions.imports import ImportReport, import_path
from marketplace.domain.problems import ProblemState
from marketplace.pilot import Pilot
from marketplace.records.cases import Case
from marketplace.records.database import Database
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.matches import Acceptance, Outcome
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.ratings import RatingEvent, RatingScore
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from tests.actions.files import code, csv_file, enterprise, jsonl, market, problem, provider, solution, xlsx
from tests.conftest import DEMO, NOW, ROOT

Import = Callable[..., ImportReport]
ROWS = {
    "enterprises": 36,
    "providers": 48,
    "scenarios": 60,
    "solutions": 170,
    "cases": 90,
    "problems": 252,
    "history": 140,
    "rating_events": 54,
}
TABLES = (Enterprise, Provider, Scenario, Solution, Case, Problem, Outcome, Diagnosis, Organisation, HistoryEntry, QueuedThing)


@pytest.fixture
def bring(database: Database, pilot: Pilot) -> Import:
    """Import into the database of the test."""

    def run(path: Path, **more: Any) -> ImportReport:
        return import_path(database, pilot, path, actor="人", at=NOW, **more)

    return run


def sizes(database: Database) -> dict[str, int]:
    with database.reading() as session:
        return {table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES}


def snapshot(database: Database) -> list[Any]:
    with database.reading() as session:
        queue = [
            (row.kind, row.thing_id, row.wanted)
            for row in session.scalars(select(QueuedThing).order_by(QueuedThing.kind, QueuedThing.thing_id))
        ]
    return [sizes(database), queue]


def test_the_demonstration_set_twice(database: Database, bring: Import) -> None:
    first = bring(DEMO, source="demo", diagnosed=date(2024, 9, 30))
    assert first.bad == []
    assert first.written
    assert {noun: (row.new, row.changed, row.unchanged, row.bad) for noun, row in first.counts.items()} == {
        noun: (number, 0, 0, 0) for noun, number in ROWS.items()
    }
    before = snapshot(database)
    assert before[0]["diagnoses"] == 36
    with database.reading() as session:
        passed = select(Outcome.problem_id).where(Outcome.acceptance == Acceptance.PASSED)
        solved = session.scalars(select(Problem).where(Problem.state == ProblemState.SOLVED)).all()
        assert {row.id for row in solved} == set(session.scalars(passed))
        # Of each of the 78 finished projects three events, and a rating for each of the 38 providers that have any.
        past = session.scalar(select(func.count()).select_from(RatingEvent).where(RatingEvent.source == "history")) or 0
        ratings = session.scalar(select(func.count()).select_from(RatingScore)) or 0
        assert (past, ratings) == (234, 38)
    # Every row, every diagnosis, every consent, every problem that a project has solved, every event of a past match and every rating has its entry in the history.
    assert before[0]["history"] == sum(ROWS.values()) + 36 + 15 + len(solved) + past + ratings
    second = bring(DEMO, source="demo", diagnosed=date(2024, 9, 30))
    assert {noun: row.unchanged for noun, row in second.counts.items()} == ROWS
    assert second.changes == 0
    assert snapshot(database) == before
    with database.reading() as session:
        assert find_broken_link(session) is None


def test_what_the_demonstration_set_says_is_stored(database: Database, bring: Import) -> None:
    bring(DEMO, source="demo", diagnosed=date(2024, 9, 30))
    with database.reading() as session:
        row = session.scalars(select(Solution).where(Solution.source_ref == "SOL-0001")).one()
        assert (row.price_low_fen, row.price_high_fen, row.weeks_low, row.weeks_high, row.references) == (16_000_000, 60_000_000, 4, 10, 34)
        assert (row.form, row.sectors, row.orientations, row.stages) == ("service", ["chem"], ["green", "safe"], ["energy", "safety"])
        assert row.provider.organisation.credit_code == "919900005218409025"
        asked = session.scalars(select(Problem).where(Problem.source_ref == "PRB-0001")).one()
        assert (asked.stage, asked.orientation, asked.priority) == ("production", "intelligent", "high")
        assert (asked.budget_low_fen, asked.budget_high_fen) == (240_000_000, 480_000_000)
        assert session.scalar(select(func.count()).select_from(Problem).where(Problem.budget_high_fen.is_(None))) == 52
        assert asked.diagnosis is not None
        assert (asked.diagnosis.number, asked.diagnosis.visited, asked.diagnosis.state) == ("ZD-2024-0001", date(2024, 9, 30), "issued")
        assert asked.enterprise.area == "nangang"
        scenario = session.scalars(select(Scenario).where(Scenario.code == "CHEM-P02")).one()
        assert (scenario.canonical, scenario.kind) == (["CH-13", "CH-02"], "individual")
        assert scenario.enterprise is not None
        offered = session.scalars(select(Provider).join(Organisation).where(Organisation.credit_code == "919900006639233244")).one()
        assert offered.financials[0] == {"year": 2023, "revenue_fen": 8_620_000_000, "profit_fen": 764_000_000, "debt_ratio": 0.38}
        assert (offered.kind, offered.local_office, offered.local_commitment) == ("software", True, False)
        finished = session.scalars(select(Outcome).where(Outcome.acceptance.is_not(None))).all()
        assert len(finished) == 78
        case = session.scalars(select(Case).order_by(Case.id)).first()
        assert case is not None
        assert (case.signed, case.completed, case.cost_fen) == ("2022-03", "2022-09", 126_000_000)
        assert case.effects[0] == {"indicator": "投料差错", "before": 9, "after": 1, "unit": "起/年"}
        assert case.solution is not None
        assert case.solution.source_ref == "SOL-0025"


def test_a_dry_run_says_the_same_and_writes_nothing(database: Database, bring: Import) -> None:
    report = bring(DEMO, source="demo", dry_run=True)
    assert report.dry_run
    assert not report.written
    assert {noun: row.new for noun, row in report.counts.items()} == ROWS
    assert set(sizes(database).values()) == {0}


def test_a_change_is_written_with_before_and_after(database: Database, bring: Import, tmp_path: Path) -> None:
    bring(market(tmp_path))
    with database.writing() as session:
        session.query(QueuedThing).delete()
    jsonl(tmp_path / "solutions.jsonl", solution(price_wan=[10, 20], title="新标题"))
    report = bring(tmp_path)
    assert {noun: (row.new, row.changed, row.unchanged) for noun, row in report.counts.items()} == {
        "enterprises": (0, 0, 1),
        "providers": (0, 0, 1),
        "solutions": (0, 1, 0),
        "problems": (0, 0, 1),
    }
    with database.reading() as session:
        entry = session.scalars(select(HistoryEntry).order_by(HistoryEntry.id.desc())).first()
        assert entry is not None
        assert (entry.actor, entry.verb, entry.noun) == ("人", "import", "solution")
        assert entry.before == {"title": "方案 1", "price_low_fen": None, "price_high_fen": None}
        assert entry.after == {"title": "新标题", "price_low_fen": 10_000_000, "price_high_fen": 20_000_000}
        # The solution, and its provider who is found through it.
        assert {row.kind for row in session.scalars(select(QueuedThing))} == {"solution", "provider"}


def test_a_provider_that_changes_takes_its_solutions_along(database: Database, bring: Import, tmp_path: Path) -> None:
    bring(market(tmp_path))
    with database.writing() as session:
        session.query(QueuedThing).delete()
    bring(jsonl(tmp_path / "providers.jsonl", provider(local_office=False)))
    with database.reading() as session:
        assert {row.kind for row in session.scalars(select(QueuedThing))} == {"provider", "solution"}


def test_an_absent_column_changes_nothing_and_an_empty_cell_does(database: Database, bring: Import, tmp_path: Path) -> None:
    bring(market(tmp_path))
    bring(jsonl(tmp_path / "solutions.jsonl", solution(summary="有简介", price_wan=[1, 2])))
    bring(jsonl(tmp_path / "solutions.jsonl", {"id": "F-1", "provider_code": code(1), "title": "方案 1", "price_wan": None}))
    with database.reading() as session:
        row = session.scalars(select(Solution)).one()
        assert (row.summary, row.price_low_fen, row.sectors) == ("有简介", None, ["chem"])


def test_one_bad_row_and_nothing_is_written(database: Database, bring: Import, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "solutions.jsonl", solution(1), solution(2, sectors=["机械"]), solution(3))
    report = bring(tmp_path)
    assert not report.written
    assert [cell.sentence() for cell in report.bad] == ["第 2 行“sectors”列：没有“机械”这个行业，可填：化工、汽车、电子。"]
    assert set(sizes(database).values()) == {0}
    assert report.bad_files == []


def test_skip_bad_writes_the_rest_and_a_file_that_can_be_mended(database: Database, bring: Import, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "solutions.jsonl", solution(1), solution(2, sectors=["机械"]), solution(3))
    report = bring(tmp_path, skip_bad=True)
    assert report.written
    counts = report.counts["solutions"]
    assert (counts.new, counts.bad) == (2, 1)
    [file] = report.bad_files
    assert file.name == "solutions-问题行.jsonl"
    assert "没有“机械”这个行业" in file.read_text(encoding="utf-8")
    # The file is not taken for data when the folder is imported again, and is data once it is mended.
    assert bring(tmp_path, skip_bad=True).counts["solutions"].total == 3
    file.write_text(file.read_text(encoding="utf-8").replace("机械", "电子"), encoding="utf-8")
    mended = bring(file)
    assert (mended.counts["solutions"].new, mended.bad, mended.notes) == (1, [], [])
    assert sizes(database)["solutions"] == 3


def test_what_hangs_on_a_bad_row_is_bad_too(database: Database, bring: Import, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "providers.jsonl", provider(1, founded=20_011), provider(2))
    jsonl(tmp_path / "solutions.jsonl", solution(1), solution(2, provider_code=code(2)))
    report = bring(tmp_path, skip_bad=True)
    assert [cell.sentence() for cell in report.bad] == [
        "第 1 行“founded”列：成立年份应是 1900 到 2100 之间的年份，现在是 20011。",
        "第 1 行“provider_code”列：它所属的服务商（providers.jsonl 第 1 行）有问题，这一行也不能导入。",
    ]
    assert sizes(database)["solutions"] == 1
    assert {file.name for file in report.bad_files} == {"providers-问题行.jsonl", "solutions-问题行.jsonl"}


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_bad_rows_of_a_sheet_come_back_as_a_sheet(database: Database, bring: Import, tmp_path: Path, form: str) -> None:
    bring(jsonl(tmp_path / "providers.jsonl", provider()))
    rows = [
        ["编号", "服务商信用代码", "标题", "适用行业", "报价（万元）", "我的备忘"],
        ["1", code(1), "=1+1", "化工", "10-20", "甲"],
        ["2", code(1), "=cmd()", "机械", "90-60", "乙"],
    ]
    path = csv_file(tmp_path / "方案.csv", *rows) if form == "csv" else xlsx(tmp_path / "方案.xlsx", {"方案": rows})
    report = bring(path, skip_bad=True)
    assert [cell.sentence() for cell in report.bad] == [
        "第 3 行“适用行业”列：没有“机械”这个行业，可填：化工、汽车、电子。",
        "第 3 行“报价（万元）”列：报价最低 90 万元高于最高 60 万元，请对调或修改。",
    ]
    assert [note.sentence() for note in report.notes] == [f"{path.name}：这些列不认识，没有导入：“我的备忘”。"]
    [file] = report.bad_files
    again = bring(file, dry_run=True)
    assert [cell.message.code for cell in again.bad] == ["unknown_term", "range_turned"]
    assert again.bad[0].value == "机械"
    with database.reading() as session:
        assert [row.title for row in session.scalars(select(Solution))] == ["=1+1"]


def test_an_industry_code_in_the_sector_column_is_kept(database: Database, bring: Import, tmp_path: Path) -> None:
    rows = [enterprise(1, sector="C2651"), enterprise(2, sector="2662", gbt4754="2669"), enterprise(3, sector="化工")]
    assert bring(jsonl(tmp_path / "enterprises.jsonl", *rows)).written
    with database.reading() as session:
        found = session.scalars(select(Enterprise).order_by(Enterprise.id)).all()
        said = [(row.sector, row.gbt4754) for row in found]
    assert said == [("chem", "2651"), ("chem", "2669"), ("chem", "")]


def test_a_list_in_a_bad_cell_is_shown_as_people_write_it(bring: Import, tmp_path: Path) -> None:
    jsonl(tmp_path / "providers.jsonl", provider())
    jsonl(tmp_path / "solutions.jsonl", solution(sectors=["化工", "纺织"]))
    [cell] = bring(tmp_path, dry_run=True).bad
    assert cell.value == "化工、纺织"


def test_one_organisation_is_provider_and_enterprise(database: Database, bring: Import, tmp_path: Path) -> None:
    jsonl(tmp_path / "providers.jsonl", provider(name="同一家"))
    jsonl(tmp_path / "enterprises.jsonl", enterprise(code=code(1), name="同一家"))
    assert bring(tmp_path).written
    assert sizes(database)["organisations"] == 1
    # A new name is a new name everywhere.
    with database.writing() as session:
        session.query(QueuedThing).delete()
    report = bring(jsonl(tmp_path / "enterprises.jsonl", enterprise(code=code(1), name="改了名")), noun="enterprises")
    assert report.counts["enterprises"].changed == 1
    with database.reading() as session:
        assert session.scalars(select(Provider)).one().name == "改了名"
        assert {row.kind for row in session.scalars(select(QueuedThing))} == {"provider"}


def test_an_unnumbered_row_is_known_by_what_it_says(database: Database, bring: Import, tmp_path: Path) -> None:
    market(tmp_path)
    row = solution()
    del row["id"]
    jsonl(tmp_path / "solutions.jsonl", row)
    bring(tmp_path)
    jsonl(tmp_path / "solutions.jsonl", row | {"summary": "现在有简介"})
    report = bring(tmp_path)
    assert (report.counts["solutions"].new, report.counts["solutions"].changed) == (0, 1)


def test_titles_alone_are_enough(database: Database, bring: Import, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "solutions.jsonl", *({"_id": f"a{n}", "title": f"成果 {n}", "text": "", "provider_code": code(1)} for n in range(5)))
    jsonl(tmp_path / "problems.jsonl", {"text": "只有一句话", "enterprise_code": code(101)})
    report = bring(tmp_path)
    assert report.written
    assert [note.sentence() for note in report.notes] == ["solutions.jsonl：5 行没有填“适用行业”，照样导入；补上后更容易被找到。"]
    with database.reading() as session:
        assert [row.sectors for row in session.scalars(select(Solution))] == [[]] * 5


def test_references_reach_into_the_database(database: Database, bring: Import, tmp_path: Path) -> None:
    bring(market(tmp_path), source="甲")
    row = {
        "problem_id": "W-1",
        "solution_id": "F-1",
        "proposed": "2024-12-03",
        "decision": "接受",
        "project": {"acceptance": "通过", "score": 81},
    }
    report = bring(jsonl(tmp_path / "历史对接.jsonl", row), source="乙")
    assert report.bad == []
    with database.reading() as session:
        outcome = session.scalars(select(Outcome)).one()
        assert (outcome.decision, outcome.acceptance, outcome.score) == ("accepted", "passed", 81)
        # The provider is the solution's.
        assert outcome.provider_id == session.scalars(select(Provider.id)).one()


def test_a_number_of_another_source_is_another_row(database: Database, bring: Import, tmp_path: Path) -> None:
    bring(market(tmp_path), source="甲")
    bring(jsonl(tmp_path / "solutions.jsonl", solution(title="另一个")), source="乙")
    assert sizes(database)["solutions"] == 2
    row = {"problem_id": "W-1", "solution_id": "F-1", "proposed": "2024-12-03", "decision": "no_response"}
    report = bring(jsonl(tmp_path / "history.jsonl", row), source="丙")
    assert [cell.sentence() for cell in report.bad] == [
        "第 1 行“solution_id”列：有 2 条方案的编号都是“F-1”，分不清是哪一条。请用 --source 写明来源。"
    ]


def test_problems_hang_on_one_diagnosis_per_enterprise(database: Database, bring: Import, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "enterprises.jsonl", enterprise(1), enterprise(2))
    jsonl(tmp_path / "problems.jsonl", problem(1), problem(2), problem(3, enterprise_code=code(102)))
    bring(tmp_path)
    bring(jsonl(tmp_path / "problems.jsonl", problem(4)), noun="problems")
    with database.reading() as session:
        found = session.scalars(select(Diagnosis).order_by(Diagnosis.id)).all()
        assert [row.number for row in found] == ["ZD-2026-0001", "ZD-2026-0002"]
        assert session.scalar(select(func.count()).select_from(Problem).where(Problem.diagnosis_id == found[0].id)) == 3


def test_progress_is_told(bring: Import) -> None:
    told: list[tuple[str, int, int]] = []
    bring(DEMO, source="demo", progress=lambda *step: told.append(step))
    assert {stage for stage, _done, _total in told} == {"读取", "核对", "写入"}
    assert [step for step in told if step[0] == "写入"][-1] == ("写入", sum(ROWS.values()), sum(ROWS.values()))


def test_two_thousand_solutions_take_three_seconds(sqlite_database: Database, pilot: Pilot, tmp_path: Path) -> None:
    """The rate of 10,000 in 15 s, in seconds of the processor: others work on this machine too."""
    market(tmp_path)
    with (DEMO / "solutions.jsonl").open(encoding="utf-8") as lines:
        known = [json.loads(line) for line in lines]
    jsonl(tmp_path / "solutions.jsonl", *(known[n % len(known)] | {"id": f"N-{n}", "provider_code": code(1)} for n in range(2000)))
    took = []
    # The better of two: two sources of the same rows are new twice.
    for source in ("甲", "乙"):
        started = time.process_time()
        report = import_path(sqlite_database, pilot, tmp_path, actor="人", at=NOW, source=source)
        took.append(time.process_time() - started)
        assert report.counts["solutions"].new == 2000
    assert min(took) < 3


def test_two_imports_at_once_are_one_after_the_other(database: Database, bring: Import) -> None:
    reports: list[ImportReport] = []
    threads = [threading.Thread(target=lambda: reports.append(bring(DEMO, source="demo"))) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.changes for report in reports) == [0, sum(ROWS.values())]
    assert sizes(database)["diagnoses"] == 36


KILLED = """
import sys
from pathlib import Path
from marketplace.actions.imports import import_path
from marketplace.pilot import load_pilot
from marketplace.records.database import Database
def tell(stage, done, total):
    print(stage, done, flush=True)
import_path(Database(sys.argv[1]), load_pilot(), Path(sys.argv[2]), actor="x", source="demo", progress=tell)
"""


@pytest.mark.parametrize("stage", ["核对", "写入"])
def test_a_killed_import_leaves_nothing_half_done(database: Database, bring: Import, stage: str) -> None:
    url = database.engine.url.render_as_string(hide_password=False)
    process = subprocess.Popen([sys.executable, "-c", KILLED, url, str(DEMO)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith(f"{stage} 300"):
            os.kill(process.pid, signal.SIGKILL)
            break
    process.wait(30)
    process.stdout.close()
    assert process.returncode == -signal.SIGKILL
    # PostgreSQL may need a moment to notice that the other side is gone.
    time.sleep(0.2)
    assert set(sizes(database).values()) == {0}
    assert bring(DEMO, source="demo").written
