"""A provider's import makes drafts of its own solutions; new providers come into the pool on a basis that is written down."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from marketplace.actions import catalogue
from marketplace.actions.imports import Admission, ImportReport, Owner, check_admission, import_path, owner_of
from marketplace.domain.access import Role, Viewer
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.solutions import SolutionState
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.index_queue import QueuedThing
from marketplace.records.providers import Provider
from marketplace.records.solution_versions import SolutionVersion, find_open_version
from marketplace.records.solutions import Solution
from tests.actions.catalogue import CODES, Pool, open_pool
from tests.conftest import NOW


@pytest.fixture
def pool(database: Database) -> Pool:
    return open_pool(database)


def row(**other: object) -> dict[str, object]:
    return {
        "id": "FA-009", "provider_code": CODES[0], "title": "结垢监测", "form": "解决方案", "sectors": ["化工"],
        "summary": "按压差和温差判断结垢，提前安排清洗。", "price_wan": [30, 60], **other,
    }  # fmt: skip


def run(database: Database, pilot: Pilot, folder: Path, rows: list[dict[str, Any]], name: str = "solutions", **more: Any) -> ImportReport:
    path = folder / f"{name}.jsonl"
    path.write_text("\n".join(json.dumps(one, ensure_ascii=False) for one in rows), encoding="utf-8")
    return import_path(database, pilot, path, actor="人", at=NOW, **more)


def test_rows_become_drafts_that_nobody_else_sees(database: Database, pool: Pool, pilot: Pilot, tmp_path: Path) -> None:
    owner = owner_of(pool.person)
    assert owner == Owner(pool.provider, pool.person)
    rows = [row(), row(id="FA-010", title="密封检测", provider_code="")]
    dry = run(database, pilot, tmp_path, rows, owner=owner, dry_run=True)
    assert (dry.counts["solutions"].new, dry.written) == (2, False)
    report = run(database, pilot, tmp_path, rows, owner=owner)
    assert report.written, report.bad
    with database.reading() as session:
        made = session.scalars(select(Solution).where(Solution.id != pool.published).order_by(Solution.id)).all()
        assert [(one.provider_id, one.state, one.source_ref) for one in made] == [
            (pool.provider, SolutionState.DRAFT, "FA-009"), (pool.provider, SolutionState.DRAFT, "FA-010")
        ]  # fmt: skip
        versions = session.scalars(select(SolutionVersion)).all()
        assert [one.author_id for one in versions] == [pool.person.account_id] * 2
        assert versions[0].content["price_low_fen"] == 30_000_000
        assert not session.scalars(select(QueuedThing)).all()
    again = run(database, pilot, tmp_path, rows, owner=owner)
    assert (again.counts["solutions"].unchanged, again.changes) == (2, 0)
    changed = run(database, pilot, tmp_path, [row(references=7)], owner=owner)
    assert changed.counts["solutions"].changed == 1
    with database.reading() as session:
        version = find_open_version(session, made_id(session, "FA-009"))
        assert version is not None
        assert (version.number, version.content["references"]) == (1, 7)


def made_id(session: Any, ref: str) -> int:
    return int(session.scalar(select(Solution.id).where(Solution.source_ref == ref)))


def test_a_published_one_gets_a_version_that_waits(database: Database, pool: Pool, pilot: Pilot, tmp_path: Path) -> None:
    report = run(database, pilot, tmp_path, [row(id="FA-001", title="密封点检测与修复")], owner=owner_of(pool.person))
    assert report.counts["solutions"].changed == 1
    with database.reading() as session:
        assert session.get_one(Solution, pool.published).title == "密封点检测服务"
        version = find_open_version(session, pool.published)
        assert version is not None
        assert (version.number, version.content["title"], version.content["scenario_codes"]) == (2, "密封点检测与修复", ["CH-16"])
        number, revision = version.id, version.revision
    with database.writing() as session:
        # What was handed in may not be changed under the reviewer's eyes.
        session.execute(SolutionVersion.__table__.update().where(SolutionVersion.id == number).values(state="submitted"))
    again = run(database, pilot, tmp_path, [row(id="FA-001", title="再改一次")], owner=owner_of(pool.person))
    assert [cell.message.code for cell in again.bad] == ["not_editable"]
    assert revision == 1


def test_only_ones_own(database: Database, pool: Pool, pilot: Pilot, tmp_path: Path) -> None:
    owner = owner_of(pool.person)
    report = run(database, pilot, tmp_path, [row(provider_code=CODES[1])], owner=owner)
    assert [cell.message.code for cell in report.bad] == ["not_own_provider"]
    # The number of another provider's solution is one's own to use: it is another solution.
    theirs = run(database, pilot, tmp_path, [row(id="FA-001", provider_code=CODES[1])], owner=owner_of(pool.rival_person))
    assert theirs.written
    with database.reading() as session:
        assert session.get_one(Solution, pool.published).title == "密封点检测服务"
        assert len(session.scalars(select(Solution).where(Solution.source_ref == "FA-001")).all()) == 2
    other = run(database, pilot, tmp_path, [{"code": CODES[0], "name": "改名"}], "providers", owner=owner)
    assert [cell.message.code for cell in other.bad] == ["not_own_sheet"]
    assert not other.written
    clerk = Viewer(account_id=pool.person.account_id, roles=frozenset({Role.PROVIDER}), provider_ids=frozenset({pool.provider}))
    with pytest.raises(RefusedError, match="没有办理这一步的权限"):
        run(database, pilot, tmp_path, [row()], owner=owner_of(clerk))
    with pytest.raises(RefusedError, match="还没有入库"):
        owner_of(Viewer(account_id=9, roles=frozenset({Role.PROVIDER})))
    assert owner_of(pool.manager) is None


def test_a_row_that_lacks_something_is_a_draft_all_the_same(database: Database, pool: Pool, pilot: Pilot, tmp_path: Path) -> None:
    report = run(database, pilot, tmp_path, [{"id": "FA-011", "title": "只有标题"}], owner=owner_of(pool.person))
    assert report.written, report.bad
    with database.reading() as session:
        version = find_open_version(session, made_id(session, "FA-011"))
        assert version is not None
        problems, findings = catalogue.faults_of(version.content, pilot.catalogue)
    assert {field for field, _refused in problems} == {"form", "sectors", "solves", "scenario_codes"}
    assert [finding.refused.code for finding in findings if finding.hard] == ["too_short"]


PROVIDER = {"code": "91990000MA1XBPUC6W", "name": "新服务商（示例）", "region": "天津"}


def test_new_providers_need_a_basis_and_a_date(database: Database, pool: Pool, pilot: Pilot, tmp_path: Path) -> None:
    for admission, code in ((Admission("", date(2026, 11, 1)), "basis_missing"), (Admission("公告", None), "date_missing")):
        with pytest.raises(RefusedError) as refused:
            run(database, pilot, tmp_path, [PROVIDER], "providers", admission=admission)
        assert refused.value.refused.code == code
    with database.reading() as session:
        assert session.scalars(select(Provider).where(Provider.source == "import")).first() is None
    admission = Admission("第一批入库公告（2026年第3号）", date(2026, 11, 1))
    assert run(database, pilot, tmp_path, [PROVIDER], "providers", admission=admission).written
    with database.reading() as session:
        provider = session.scalars(select(Provider).where(Provider.source == "import")).one()
        assert (provider.admission_basis, provider.admitted_on) == (admission.basis, admission.on)
        entry = session.scalars(select(HistoryEntry).where(HistoryEntry.noun == "provider")).one()
        assert entry.after is not None
        assert (entry.after["admission_basis"], entry.after["admitted_on"]) == (admission.basis, "2026-11-01")
    # Known ones are only changed: nobody comes into the pool by it.
    assert run(database, pilot, tmp_path, [PROVIDER | {"region": "北京"}], "providers", admission=Admission("", None)).written


def test_the_command_line_writes_that_they_were_imported(database: Database, pilot: Pilot, tmp_path: Path) -> None:
    assert run(database, pilot, tmp_path, [PROVIDER], "providers").written
    with database.reading() as session:
        provider = session.scalars(select(Provider)).one()
        assert (provider.admission_basis, provider.admitted_on) == ("imported", NOW.date())


def test_a_day_that_lies_ahead_is_no_admission() -> None:
    found = list(check_admission(Admission("公告", date(2026, 12, 1)), date(2026, 11, 25)))
    assert [(field, refused.code) for field, refused in found] == [("admitted_on", "date_in_future")]
