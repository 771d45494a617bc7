"""The pages of evidence, progress, inspections and supervision: who reads what, what is told to whom, and the ways through them."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.demonstration_progress import seed_progress
from marketplace.app import create_app
from marketplace.domain.projects import ProjectClass, ProjectState
from marketplace.files.store import BlobStore
from marketplace.pilot import Pilot
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.evidence import Evidence, EvidenceFinding
from marketplace.records.experts import ReviewExpert
from marketplace.records.inspections import Inspection, Rectification
from marketplace.records.progress import MonthlyReport
from marketplace.records.project_plans import Milestone, ProjectCost
from marketplace.records.projects import Project, ProjectSupplier
from marketplace.records.supervision import SupervisionOrder
from marketplace.site import Site
from tests.conftest import _settled as settled
from tests.files.invoices import NUMBER, invoice_pdf, photo
from tests.opened import Browser, copy_of, site_of
from tests.web.people import Counted, browser_of, viewer_of


@dataclass(frozen=True)
class Seeded:
    """Public ids. The first project is the demonstration enterprise's, the second one its neighbour's, and so on for lists."""

    site: Site
    project: str
    other: str
    number: str
    other_number: str


def _projects(session: Session, today: date) -> None:
    provider = viewer_of(session, "provider")
    area = next(iter(viewer_of(session, "area").areas))
    for place, login in enumerate(("enterprise", "enterprise2", "enterprise", "enterprise2")):
        enterprise = session.get_one(Enterprise, next(iter(viewer_of(session, login).enterprise_ids)))
        row = Project(
            number=f"XM-2026-90{place:02}", project_class=ProjectClass.CENTRAL, organisation_id=enterprise.organisation_id,
            enterprise_id=enterprise.id, title=f"改造 {place}", area=area, sector=enterprise.sector, orientations=[], scenario_codes=[],
            starts=today - timedelta(200), ends=today + timedelta(200), total_fen=500_000_000, amount_fen=90_000_000,
            state=ProjectState.IMPLEMENTING, plan={}, health_reasons=[], created=datetime.now(ZoneInfo("UTC")) - timedelta(90),
        )  # fmt: skip
        session.add(row)
        session.flush()
        session.add(ProjectSupplier(project_id=row.id, provider_id=next(iter(provider.provider_ids)), contract_fen=300_000_000))
        session.add(Milestone(project_id=row.id, position=0, title="设备到货", planned=today - timedelta(40 if place == 3 else -40)))
        session.add(ProjectCost(project_id=row.id, year=today.year + 1, quarter=1, kind="software", item="软件", amount_fen=300_000_000))


@pytest.fixture(scope="module")
def seeded_file(demonstration_file: Path, pilot: Pilot, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("progress")
    path = folder / "jigai.db"
    shutil.copyfile(demonstration_file, path)
    at = datetime.now(ZoneInfo(pilot.city.zone))

    def fill(database: Database) -> None:
        with database.writing() as session:
            _projects(session, at.date())
            expert = ReviewExpert(
                account_id=viewer_of(session, "expert").account_id, name="专家", unit="示例研究院", fields=["chem"], avoid=[]
            )
            session.add(expert)
        started = time.perf_counter()
        assert seed_progress(
            database, pilot.project, pilot.inspection, pilot.supervision, pilot.rating, pilot.adjustment, files=BlobStore(folder / "files"),
            at=at, today=at.date(),
        )  # fmt: skip
        print("played in", time.perf_counter() - started)

    settled(path, fill)
    return path


def _opened(seeded_file: Path, folder: Path) -> Iterator[Seeded]:
    site = site_of(copy_of(seeded_file, folder))
    with site.database.reading() as session:
        rows = session.execute(
            select(Project.public_id, Project.number).where(Project.number.like("XM-2026-90%")).order_by(Project.id)
        ).all()
    yield Seeded(site, rows[0][0], rows[1][0], rows[0][1], rows[1][1])
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def read_only(seeded_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeded]:
    yield from _opened(seeded_file, tmp_path_factory.mktemp("shared") / "data")


@pytest.fixture(scope="module")
def read_app(read_only: Seeded) -> Flask:
    return create_app(read_only.site)


@pytest.fixture
def seeded(seeded_file: Path, tmp_path: Path) -> Iterator[Seeded]:
    yield from _opened(seeded_file, tmp_path / "data")


@pytest.fixture
def app(seeded: Seeded) -> Flask:
    return create_app(seeded.site)


def here() -> date:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def every(seeded: Seeded, table: type, *where: object) -> list[str]:
    with seeded.site.database.reading() as session:
        return list(session.scalars(select(table.public_id).where(*where).order_by(table.id)))  # type: ignore[attr-defined,arg-type]


def test_the_demonstration_has_every_state(read_only: Seeded) -> None:
    with read_only.site.database.reading() as session:
        assert {"uploaded", "counted"} <= {str(one) for one in session.scalars(select(Evidence.state))}
        assert {"planned", "reported", "confirmed"} <= {str(one) for one in session.scalars(select(Inspection.state))}
        assert {str(one) for one in session.scalars(select(Rectification.state))} == {"handed_in"}
        assert {"issued", "answered"} == {str(one) for one in session.scalars(select(SupervisionOrder.state))}
        assert {"wanted", "handed_in"} <= {str(one) for one in session.scalars(select(MonthlyReport.state))}
        assert "trouble" in set(session.scalars(select(Project.health)))
        assert session.scalars(select(EvidenceFinding)).all()


STAFF = dict.fromkeys(("manager", "bureau", "admin", "centre", "finance", "area"), 200)


@pytest.mark.parametrize("page", ["evidence", "progress", "inspections"])
def test_who_reads_the_steps_of_a_project(read_app: Flask, read_only: Seeded, page: str) -> None:
    own = STAFF | {"enterprise": 200, "enterprise2": 404, "provider": 404, "expert": 404, "anyone": 303}
    if page == "inspections":
        own["provider"] = 200
    for person, status in own.items():
        found = browser_of(read_app, person).get(f"/projects/{read_only.project}/{page}")
        assert found.status_code == status, (person, page)
        assert browser_of(read_app, person).get(f"/projects/{read_only.project[:-4]}0000/{page}").status_code == (
            303 if person == "anyone" else 404
        )


def test_who_reads_the_desks(read_app: Flask, read_only: Seeded) -> None:
    for person, wanted in {
        "manager": (200, 200), "bureau": (200, 200), "admin": (200, 200), "centre": (403, 200), "finance": (403, 200), "expert": (403, 200),
        "enterprise": (403, 200), "provider": (403, 200), "area": (403, 200), "anyone": (303, 303),
    }.items():  # fmt: skip
        browser = browser_of(read_app, person)
        assert (browser.get("/supervision").status_code, browser.get("/inspections").status_code) == wanted, person
    for shown in ("trouble", "watch", "reserve", "nonsense"):
        assert browser_of(read_app, "manager").get(f"/supervision?show={shown}").status_code == 200


def test_the_other_project_is_named_to_offices_only(read_app: Flask, read_only: Seeded) -> None:
    """The invoice of the second project was the first one's."""
    page = f"/projects/{read_only.other}/evidence"
    office = browser_of(read_app, "manager").get(page).text
    assert f"与项目 {read_only.number} 的一份佐证" in office
    own = browser_of(read_app, "enterprise2").get(page).text
    assert read_only.number not in own
    assert "这份材料以前用过，请说明或更换" in own
    finding = every(read_only, EvidenceFinding)[0]
    assert browser_of(read_app, "enterprise2").get(f"/evidence-findings/{finding}").status_code == 403
    assert read_only.number in browser_of(read_app, "manager").get(f"/evidence-findings/{finding}").text


def test_files_are_for_those_who_read_the_page(read_app: Flask, read_only: Seeded) -> None:
    page = browser_of(read_app, "enterprise").get(f"/projects/{read_only.project}/evidence").text
    one = re.findall(rf"/projects/{read_only.project}/evidence/([0-9a-f-]+)", page)[0]
    file = re.findall(r"/files/([0-9a-f-]+)", browser_of(read_app, "enterprise").get(f"/projects/{read_only.project}/evidence/{one}").text)[
        0
    ]
    for person, seen in {"enterprise2": False, "provider": False, "expert": False}.items():
        assert (browser_of(read_app, person).get(f"/files/{file}").status_code == 404) is not seen, person


def test_an_unannounced_inspection_is_not_told(read_app: Flask, read_only: Seeded) -> None:
    with read_only.site.database.reading() as session:
        planned = session.scalars(select(Inspection).where(Inspection.state == "planned")).all()
        confirmed = session.scalars(select(Inspection).where(Inspection.state == "confirmed")).one()
        keys = [row.public_id for row in planned]
        done, of = confirmed.public_id, confirmed.project.organisation_id
        owner = "enterprise" if of in viewer_of(session, "enterprise").organisation_ids else "enterprise2"
    assert keys
    for key in keys:
        for person in ("enterprise", "enterprise2", "provider", "anyone"):
            assert browser_of(read_app, person).get(f"/inspections/{key}").status_code in (404, 303), person
        assert browser_of(read_app, "expert").get(f"/inspections/{key}").status_code == 200
    assert "两台设备还没有到货" in browser_of(read_app, owner).get(f"/inspections/{done}").text
    # Nothing of it is about the supplier's work.
    assert browser_of(read_app, "provider").get(f"/inspections/{done}").status_code == 404


def test_lists_ask_the_database_the_same_however_long_they_are(read_app: Flask, read_only: Seeded) -> None:
    browser = browser_of(read_app, "manager")
    for page in ("/supervision", "/inspections", f"/projects/{read_only.project}/evidence", f"/projects/{read_only.project}/progress"):
        browser.get(page)
        with Counted(read_only.site) as counted:
            assert browser.get(page).status_code == 200
        assert len(counted.statements) < 45, (page, len(counted.statements))


def test_english(read_app: Flask, read_only: Seeded) -> None:
    browser = browser_of(read_app, "manager")
    for page in ("/supervision", "/inspections", f"/projects/{read_only.project}/evidence", f"/projects/{read_only.project}/progress"):
        assert browser.get(f"{page}?lang=en").status_code == 200


def upload(browser: Browser, project: str, kind: str, data: bytes, name: str) -> str:
    """Hand in a file; where the browser is led to."""
    answer = browser.post(
        f"/projects/{project}/evidence", {"kind": kind, "file": (BytesIO(data), name)}, form=f"/projects/{project}/evidence",
        content_type="multipart/form-data",
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def test_an_invoice_is_read_checked_and_replaced(app: Flask, seeded: Seeded) -> None:
    browser = browser_of(app, "enterprise")
    place = upload(browser, seeded.project, "invoice", invoice_pdf(), "发票.pdf")
    form = browser.get(place).text
    assert f'value="{NUMBER}"' in form
    assert 'value="11.3"' in form
    assert "从文件里读出" in form
    seen = re.findall(r'name="seen" value="(\d+)"', form)[0]
    values = {"seen": seen, "invoice_number": "", "invoice_date": "2026-06-01", "seller": "甲", "amount": "11.3", "cost": "software"}
    wrong = browser.post(f"{place}/count", values, form=place)
    assert wrong.status_code == 422
    assert "发票号码没有填" in wrong.text
    values["invoice_number"] = NUMBER
    assert browser.post(f"{place}/count", values, form=place).status_code == 303
    # A form that knew less is told, with both texts.
    again = browser.post(f"{place}/supersede", {"seen": seen, "why": "传错了"}, form=place)
    assert again.status_code == 409
    seen = re.findall(r'name="seen" value="(\d+)"', again.text)[0]
    moved = browser.post(
        f"{place}/supersede",
        {"seen": seen, "why": "传错了", "file": (BytesIO(photo(5)), "a.jpg")},
        form=place,
        content_type="multipart/form-data",
    )
    assert moved.status_code == 303
    assert "待核对" in browser.get(str(moved.headers["Location"])).text
    assert "已替换" in browser.get(f"/projects/{seeded.project}/evidence?all=1").text


def test_bad_uploads_are_told(app: Flask, seeded: Seeded) -> None:
    browser = browser_of(app, "enterprise")
    page = f"/projects/{seeded.project}/evidence"

    def answer(data: dict[str, object]) -> tuple[int, str]:
        found = browser.post(page, data, form=page, content_type="multipart/form-data")
        return found.status_code, found.text

    assert answer({"kind": "invoice"})[0] == 422
    assert answer({"kind": "poem", "file": (BytesIO(photo(1)), "a.jpg")})[0] == 422
    status, text = answer({"kind": "invoice", "file": (BytesIO(b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>"), "a.xml")})
    assert status == 422
    assert "指向别处的声明" in text
    assert answer({"kind": "invoice", "file": (BytesIO(b"MZ" + b"\0" * 300), "a.pdf")})[0] == 422
    for person in ("manager", "area", "enterprise2", "provider"):
        other = browser_of(app, person)
        assert other.post(
            page, {"kind": "photo", "file": (BytesIO(photo(1)), "a.jpg")}, content_type="multipart/form-data"
        ).status_code in (403, 404, 409)


def test_a_month_is_reported(app: Flask, seeded: Seeded) -> None:
    with seeded.site.database.reading() as session:
        row = session.scalars(
            select(MonthlyReport).join(Project).where(Project.public_id == seeded.project, MonthlyReport.state == "wanted")
        ).first()
        assert row is not None
        month = row.month
        milestone = session.scalars(select(Milestone.public_id).where(Milestone.project_id == row.project_id)).one()
    browser = browser_of(app, "enterprise")
    page = f"/projects/{seeded.project}/progress/{month}"
    wrong = browser.post(page, {"text": "到货", "percent": "120", "spending": "x"}, form=page)
    assert wrong.status_code == 422
    assert "完成百分比应在 0 到 100 之间" in wrong.text
    assert "到货" in wrong.text
    seen = re.findall(r'name="seen" value="(\d+)"', browser.get(page).text)[0]
    day = here() - timedelta(5)
    values = {"seen": seen, "text": "到货", "percent": "95", "spending": "300", f"reached-{milestone}": day.isoformat()}
    assert browser.post(page, values, form=page).status_code == 303
    assert day.isoformat() in browser.get(f"/projects/{seeded.project}/progress").text
    manager = browser_of(app, "manager")
    assert manager.post(f"{page}/send-back", {"why": ""}, form=page).status_code == 422
    assert manager.post(f"{page}/send-back", {"why": "写明到了哪些"}, form=page).status_code == 303
    assert "写明到了哪些" in browser.get(page).text


def test_an_inspection_on_a_phone(app: Flask, seeded: Seeded) -> None:
    with seeded.site.database.reading() as session:
        one = session.scalars(select(Inspection).where(Inspection.state == "planned")).first()
        assert one is not None
        key = one.public_id
    expert = browser_of(app, "expert")
    assert f"/inspections/{key}" in expert.get("/inspections").text
    page = f"/inspections/{key}"
    assert expert.post(f"{page}/start", {}, form=page).status_code == 303
    shown = expert.get(page)
    assert "geolocation=(self)" in shown.headers["Permissions-Policy"]
    assert "geolocation=()" in expert.get("/inspections").headers["Permissions-Policy"]
    for count in range(3):
        stamp = {"latitude": "39.02", "longitude": "117.71"} if count else {"place": "一号车间", "taken_at": "2026-01-02T10:00"}
        data: dict[str, object] = {**stamp, "file": (BytesIO(photo(200 + count)), f"{count}.jpg")}
        assert expert.post(f"{page}/photos", data, form=page, content_type="multipart/form-data").status_code == 303
    assert (
        expert.post(f"{page}/photos", {"file": (BytesIO(photo(9)), "9.jpg")}, form=page, content_type="multipart/form-data").status_code
        == 422
    )
    seen = re.findall(r'name="seen" value="(\d+)"', expert.get(page).text)[0]
    report = {"seen": seen, "summary": "看了现场", "severity": "minor"}
    report |= {f"answer-{row.key}": "yes" for row in seeded.site.pilot.inspection.checklist}
    refused = expert.post(f"{page}/report", report, form=page)
    assert refused.status_code == 422
    assert "请至少写一条发现" in refused.text
    assert "看了现场" in refused.text
    report |= {"fault-0": "behind", "severity-0": "minor", "text-0": "少一台设备"}
    assert expert.post(f"{page}/save", report, form=page).status_code == 303
    # The manager's form knew less than what the expert has saved meanwhile.
    manager = browser_of(app, "manager")
    lost = manager.post(f"{page}/save", {**report, "summary": "我看到的"}, form=page)
    assert lost.status_code == 409
    assert "我看到的" in lost.text
    seen = re.findall(r'name="seen" value="(\d+)"', expert.get(page).text)[0]
    assert expert.post(f"{page}/report", {**report, "seen": seen}, form=page).status_code == 303
    assert expert.post(f"{page}/confirm", {}, form=page).status_code == 403
    assert manager.post(f"{page}/confirm", {}, form=page).status_code == 409
    assert browser_of(app, "bureau").post(f"{page}/confirm", {}, form=page).status_code == 303
    assert "少一台设备" in browser_of(app, "bureau").get(page).text


def test_a_draw_shows_why(app: Flask, seeded: Seeded) -> None:
    manager = browser_of(app, "manager")
    desk = manager.get("/inspections").text
    team = re.findall(r'name="inspector" value="([0-9a-f-]+)"', desk)[:2]
    last = re.findall(r'name="last" value="([0-9a-f-]*)"', desk)[0]
    values = {"wanted": "1", "planned_on": (here() + timedelta(3)).isoformat(), "last": last}
    assert manager.post("/inspections/draw", {**values, "inspector": team[:1]}, form="/inspections").status_code == 422
    done = manager.post("/inspections/draw", {**values, "inspector": team}, form="/inspections")
    assert done.status_code == 303
    log = manager.get(str(done.headers["Location"])).text
    assert "种子" in log
    assert "每个项目都有的份" in log
    stale = manager.post("/inspections/draw", {**values, "inspector": team}, form="/inspections")
    assert stale.status_code == 409


def test_put_right_and_supervised(app: Flask, seeded: Seeded) -> None:
    with seeded.site.database.reading() as session:
        row = session.scalars(select(Rectification)).one()
        project, key = row.project.public_id, row.public_id
        owner = "enterprise" if row.project.organisation_id in viewer_of(session, "enterprise").organisation_ids else "enterprise2"
    bureau, page = browser_of(app, "bureau"), f"/projects/{project}/inspections"
    assert bureau.post(f"/projects/{project}/rectifications/{key}/reject", {"why": "照片不清"}, form=page).status_code == 422
    due = (here() + timedelta(10)).isoformat()
    assert bureau.post(f"/projects/{project}/rectifications/{key}/reject", {"why": "照片不清", "due": due}, form=page).status_code == 303
    enterprise = browser_of(app, owner)
    proof: dict[str, object] = {"report": "重新拍了", "file": (BytesIO(photo(300)), "a.jpg")}
    address = f"/projects/{project}/rectifications/{key}/hand_in"
    assert enterprise.post(address, {"report": "重新拍了"}, form=page, content_type="multipart/form-data").status_code == 422
    assert enterprise.post(address, proof, form=page, content_type="multipart/form-data").status_code == 303
    assert browser_of(app, "manager").post(f"/projects/{project}/rectifications/{key}/pass", {"why": "好"}, form=page).status_code == 409
    assert bureau.post(f"/projects/{project}/rectifications/{key}/pass", {"why": "好"}, form=page).status_code == 303
    manager = browser_of(app, "manager")
    new = f"/projects/{project}/orders/new"
    assert manager.post(new, {"text": "", "due": due}, form=new).status_code == 422
    place = str(manager.post(new, {"text": "说明滞后", "due": due}, form=new).headers["Location"])
    assert browser_of(app, "provider").get(place).status_code == 404
    assert enterprise.post(f"{place}/answer", {"answer": "下月补上"}, form=place).status_code == 303
    assert manager.post(f"{place}/send_back", {"why": "写明日期"}, form=place).status_code == 422
    assert manager.post(f"{place}/close", {"why": "可以"}, form=place).status_code == 303
    assert "已办结" in enterprise.get(place).text
