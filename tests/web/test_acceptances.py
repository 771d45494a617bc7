"""The pages of acceptance and changes: who reads them, and one project through acceptance in the browser by its roles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select

from marketplace.app import create_app
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.records.database import Database
from marketplace.records.decisions import Decision
from marketplace.records.enterprises import Enterprise
from marketplace.records.experts import ReviewExpert
from marketplace.records.project_changes import ProjectChange
from marketplace.records.project_plans import ProjectIndicator
from marketplace.records.projects import Project, ProjectSupplier
from marketplace.site import Site
from tests.conftest import _settled as settled
from tests.opened import copy_of, site_of
from tests.web.people import browser_of, viewer_of

PAPERS = ("self_evaluation", "audit", "effect", "purchase", "invoice", "paid")


@dataclass(frozen=True)
class Seeded:
    site: Site
    project: str
    indicator: str
    supplier: str
    experts: list[str]

    def state(self) -> ProjectState:
        with self.site.database.reading() as session:
            return session.scalars(select(Project.state).where(Project.public_id == self.project)).one()


@pytest.fixture(scope="module")
def seeded_file(demonstration_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("acceptance") / "jigai.db"
    shutil.copyfile(demonstration_file, path)
    settled(path, _fill)
    return path


def _fill(database: Database) -> None:
    here_ = here()
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, next(iter(viewer_of(session, "enterprise").enterprise_ids)))
        project = Project(
            number="XM-2026-9900", project_class=ProjectClass.CENTRAL, organisation_id=enterprise.organisation_id, enterprise_id=enterprise.id,
            title="验收中的改造", area=next(iter(viewer_of(session, "area").areas)), sector=enterprise.sector, orientations=[],
            scenario_codes=[], starts=here_ - timedelta(200), ends=here_ + timedelta(20), total_fen=500_000_000, amount_fen=90_000_000,
            state=ProjectState.IMPLEMENTING, plan={}, health_reasons=[], created=datetime.now(ZoneInfo("UTC")) - timedelta(90),
        )  # fmt: skip
        session.add(project)
        session.flush()
        session.add(ProjectSupplier(project_id=project.id, provider_id=next(iter(viewer_of(session, "provider").provider_ids))))
        session.add(ProjectIndicator(project_id=project.id, position=1, name="产能", unit="件", baseline=80, target=100, weight=100))
        for name in ("张某", "李某"):
            session.add(ReviewExpert(name=name, unit="示例研究院", fields=["chem"], avoid=[]))


def here() -> date:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


@pytest.fixture
def seeded(seeded_file: Path, tmp_path: Path) -> Iterator[Seeded]:
    site = site_of(copy_of(seeded_file, tmp_path / "data"))
    with site.database.reading() as session:
        project = session.scalars(select(Project).where(Project.number == "XM-2026-9900")).one()
        yield Seeded(
            site,
            project.public_id,
            session.scalars(select(ProjectIndicator.public_id).where(ProjectIndicator.project_id == project.id)).one(),
            session.scalars(select(ProjectSupplier.public_id).where(ProjectSupplier.project_id == project.id)).one(),
            list(session.scalars(select(ReviewExpert.public_id).where(ReviewExpert.name.in_(("张某", "李某"))))),
        )
    site.index.close()
    site.database.close()


@pytest.fixture
def app(seeded: Seeded) -> Flask:
    return create_app(seeded.site)


def typed(seeded: Seeded, **changed: object) -> dict[str, object]:
    values: dict[str, object] = {
        "finished_on": (here() - timedelta(2)).isoformat(), "summary": "做完了", f"measured_{seeded.indicator}": "101",
        f"quality_{seeded.supplier}": "4", f"remark_{seeded.supplier}": "好",
    }  # fmt: skip
    values |= {f"file_{kind}": (BytesIO(f"{kind} 的内容".encode()), f"{kind}.txt") for kind in PAPERS}
    return values | changed


def test_who_reads_them(app: Flask, seeded: Seeded) -> None:
    wanted = dict.fromkeys(("enterprise", "manager", "bureau", "admin", "centre", "finance", "area"), 200) | {"provider": 404}
    for page in ("acceptance", "changes"):
        for person, status in wanted.items():
            assert browser_of(app, person).get(f"/projects/{seeded.project}/{page}").status_code == status, (page, person)
        assert browser_of(app, "bureau").get(f"/projects/0/{page}").status_code == 404
    assert f"/projects/{seeded.project}/acceptance" in browser_of(app, "bureau").get(f"/projects/{seeded.project}").text


def test_acceptance_by_its_roles(app: Flask, seeded: Seeded) -> None:
    page = f"/projects/{seeded.project}/acceptance"
    enterprise = browser_of(app, "enterprise")
    lacking = enterprise.post(f"{page}/request", {"summary": "只写了这一句"}, form=page)
    assert lacking.status_code == 422
    assert "只写了这一句" in lacking.text
    assert enterprise.post(f"{page}/save", typed(seeded), form=page).status_code == 303
    assert "做完了" in enterprise.get(page).text
    assert enterprise.post(f"{page}/request", typed(seeded), form=page).status_code == 303
    assert seeded.state() == ProjectState.FORMAL_REVIEW
    area = browser_of(app, "area")
    assert area.post(f"{page}/formal", {"check_complete": "yes"}, form=page).status_code == 422
    yes: dict[str, object] = {f"check_{key}": "yes" for key in ("complete", "true", "valid")}
    assert enterprise.post(f"{page}/formal", yes, form=page).status_code in (403, 404)
    assert area.post(f"{page}/formal", yes, form=page).status_code == 303
    assert area.post(f"{page}/formal", yes, form=page).status_code == 409
    manager = browser_of(app, "manager")
    assert manager.post(f"{page}/experts", {"expert": seeded.experts}, form=page).status_code == 303
    report: dict[str, object] = {f"measured_{seeded.indicator}": "98", "verdict": "pass", "text": "逐项测评", "held_on": here().isoformat()}
    assert manager.post(f"{page}/report", report | {f"measured_{seeded.indicator}": "x"}, form=page).status_code == 422
    assert manager.post(f"{page}/report", report, form=page).status_code == 303
    assert "张某" in manager.get(page).text
    for person in ("enterprise", "area"):
        assert "张某" not in browser_of(app, person).get(page).text, "experts are not known outside the offices"
    assert "90 %" in enterprise.get(page).text
    bureau, admin = browser_of(app, "bureau"), browser_of(app, "admin")
    assert bureau.post(f"{page}/decide", {"event": "fail", "why": "差一点"}, form=page).status_code == 422
    assert bureau.post(f"{page}/decide", {"event": "pass", "why": "同意验收报告"}, form=page).status_code == 303
    with seeded.site.database.reading() as session:
        decision = session.scalars(select(Decision.public_id).where(Decision.event == "pass")).one()
    assert "等复核" not in enterprise.get(page).text
    assert bureau.post(f"{page}/decisions/{decision}/confirm", {}, form=page).status_code == 409
    assert admin.post(f"{page}/decisions/{decision}/confirm", {}, form=page).status_code == 303
    assert seeded.state() == ProjectState.PASSED
    assert "同意验收报告" in enterprise.get(page).text


def test_a_form_that_lost_a_race(app: Flask, seeded: Seeded) -> None:
    page = f"/projects/{seeded.project}/acceptance"
    enterprise = browser_of(app, "enterprise")
    assert enterprise.post(f"{page}/save", typed(seeded, seen="0"), form=page).status_code == 303
    late = enterprise.post(f"{page}/save", typed(seeded, summary="另一个人的话", seen="0"), form=page)
    assert late.status_code == 409
    assert "另一个人的话" in late.text


@pytest.mark.parametrize("kind", ["scope", "term", "investment", "indicators", "provider"])
def test_every_form_of_a_change_opens(app: Flask, seeded: Seeded, kind: str) -> None:
    page = f"/projects/{seeded.project}/changes"
    assert f'name="kind" value="{kind}"' in browser_of(app, "enterprise").get(f"{page}?kind={kind}").text
    empty = browser_of(app, "enterprise").post(page, {"kind": kind, "reason": "原因在此"}, form=page)
    assert empty.status_code == 422
    assert "原因在此" in empty.text


def test_a_later_end_is_said_as_a_day(app: Flask, seeded: Seeded) -> None:
    page = f"/projects/{seeded.project}/changes"
    enterprise = browser_of(app, "enterprise")
    with seeded.site.database.reading() as session:
        ends = session.scalars(select(Project.ends).where(Project.public_id == seeded.project)).one()
    assert ends is not None
    later = ends + timedelta(9)
    values: dict[str, object] = {"kind": "term", "reason": "设备到货晚", "ends": later.isoformat()}
    assert enterprise.post(page, values, form=page).status_code == 303
    assert f"从 {ends.isoformat()} 到 {later.isoformat()}" in enterprise.get(page).text


def test_a_change_by_its_roles(app: Flask, seeded: Seeded) -> None:
    page = f"/projects/{seeded.project}/changes"
    enterprise, area, bureau = (browser_of(app, name) for name in ("enterprise", "area", "bureau"))
    values: dict[str, object] = {"kind": "indicators", "reason": "换了型号", f"target_{seeded.indicator}": "95"}
    assert enterprise.post(page, values, form=page).status_code == 303
    assert enterprise.post(page, values, form=page).status_code == 409
    with seeded.site.database.reading() as session:
        change = session.scalars(select(ProjectChange.public_id)).one()
    assert bureau.post(f"{page}/{change}/approve", {}, form=page).status_code == 409
    assert area.post(f"{page}/{change}/opine", {"opinion": "support", "text": "属实"}, form=page).status_code == 303
    assert bureau.post(f"{page}/{change}/refuse", {"why": ""}, form=page).status_code == 422
    assert bureau.post(f"{page}/{change}/approve", {}, form=page).status_code == 303
    with seeded.site.database.reading() as session:
        assert session.scalars(select(ProjectIndicator.target).where(ProjectIndicator.public_id == seeded.indicator)).one() == 95
    assert "从 100 到 95" in enterprise.get(page).text
    assert browser_of(app, "provider").post(f"{page}/{change}/withdraw", {}).status_code == 404
