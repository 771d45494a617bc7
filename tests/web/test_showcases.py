"""The public face: showcases by consent, the policy library, complaints by number and code, open data; what nobody may read stays unread."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree as Xml
from zipfile import ZipFile

import docx
import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select, update

from indexer.entries import entries_of
from indexer.query import Kind
from indexer.rows import documents_of
from marketplace.app import create_app
from marketplace.domain.complaints import ComplaintState
from marketplace.domain.policies import PolicyVersionState
from marketplace.domain.problems import names_of
from marketplace.domain.showcases import Side
from marketplace.records.complaints import Complaint
from marketplace.records.index_queue import QueuedThing
from marketplace.records.policies import PolicyVersion
from marketplace.records.showcases import Showcase, ShowcaseConsent
from marketplace.records.solutions import Solution
from marketplace.site import Site
from tests.files.samples import pdf
from tests.opened import Browser, site_of
from tests.web.people import Counted, browser_of

SETS = ("solutions", "scenarios", "providers", "showcases", "guides", "policies", "events")
TEXT = "服务商答应三天到场，等了两周没有人来，希望尽快处理。"


@pytest.fixture(scope="module")
def played(pool_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("public") / "data"
    shutil.copytree(pool_folder, folder, symlinks=True)
    site = site_of(folder, public_url="http://jigai.example/")
    yield site
    site.index.close()
    site.database.close()


@pytest.fixture(scope="module")
def app(played: Site) -> Flask:
    return create_app(played)


@pytest.fixture(scope="module")
def people(app: Flask) -> dict[str, Browser]:
    return {person: browser_of(app, person) for person in ("anyone", "centre", "manager", "bureau", "enterprise", "provider2")}


def found(site: Site, state: str) -> list[Showcase]:
    with site.database.reading() as session:
        rows = list(session.scalars(select(Showcase).where(Showcase.state == state).order_by(Showcase.id)))
        for row in rows:
            assert row.enterprise is not None
            assert row.enterprise.name
        session.expunge_all()
        return rows


def index_showcases(site: Site) -> None:
    """What the worker would write of them; the rest of this index stays empty."""
    with site.database.reading() as session:
        waiting = select(QueuedThing.thing_id, QueuedThing.wanted).where(QueuedThing.kind == Kind.SHOWCASE)
        documents = documents_of(session, Kind.SHOWCASE, dict(session.execute(waiting).all()), lambda _kind, key: key)  # type: ignore[arg-type]
    assert not any(site.index.backend.apply(entries_of(list(documents.values()), site.embeddings)))
    site.index.backend.refresh()


def test_nothing_confidential_in_anything_public(played: Site, people: dict[str, Browser]) -> None:
    """Neither the name nor the amount that the enterprise kept to itself, in no page and no file that anybody can read."""
    rows, anyone = found(played, "published"), people["anyone"]
    index_showcases(played)
    assert len(rows) == 3
    texts = {"list": anyone.get("/showcases").text, "home": anyone.get("/").text, "feed": anyone.get("/open-data/feed.atom").text}
    texts |= {form: anyone.get(f"/open-data/showcases.{form}", buffered=True).text for form in ("csv", "json")}
    texts["search"] = anyone.get("/search?kind=showcase").text
    with played.database.reading() as session:
        solutions = {row.id: session.get_one(Solution, row.solution_id).public_id for row in rows if row.solution_id}
    for row in rows:
        own = f"/showcases/{row.public_id}"
        texts |= {own: anyone.get(own).text, f"{own}/kit": words_of_kit(anyone.get(f"{own}/kit", buffered=True).data, row)}
        if row.id in solutions:
            page = anyone.get(f"/solutions/{solutions[row.id]}").text
            assert row.title in page
            texts[f"solution {row.id}"] = page
        assert row.title in texts[own]
        assert row.title in texts["list"]
        assert row.title in texts["search"]
    with played.database.reading() as session:
        documents = documents_of(session, Kind.SHOWCASE, {row.id: 1 for row in rows}, lambda _kind, key: key)
    texts |= {f"document {rows_id}": repr(one.text) for rows_id, one in documents.items()}
    assert len(documents) == 3
    shown = {row.show_name for row in rows}, {row.show_cost for row in rows}
    assert shown == ({True, False}, {True, False})
    for row in rows:
        assert row.enterprise is not None
        assert row.cost_fen is not None
        names, amount = names_of(row.enterprise.name), f"{row.cost_fen // 1_000_000} 万元"
        places = [place for place, text in texts.items() if any(word in text for word in names)]
        assert bool(places) == row.show_name, places
        mine = [text for place, text in texts.items() if row.public_id in place]
        assert any(amount in text for text in mine) == row.show_cost


def words_of_kit(data: bytes, row: Showcase) -> str:
    """All that stands in a kit; every paper that its list names lies in it."""
    archive, found = ZipFile(io.BytesIO(data)), []
    for name in archive.namelist():
        content = io.BytesIO(archive.read(name))
        if name.endswith(".docx"):
            document = docx.Document(content)
            found += [line.text for line in document.paragraphs] + [cell.text for table in document.tables for cell in table._cells]
        else:
            for sheet in openpyxl.load_workbook(content, read_only=True):
                found += [str(cell) for line in sheet.iter_rows(values_only=True) for cell in line if cell is not None]
    papers = [name.removeprefix("空白表/") for name in archive.namelist() if name.startswith("空白表/")]
    assert len(papers) == len(row.templates) >= 5
    assert set(papers) <= set(found)
    assert {row.effects[0]["name"], "本企业目标", "开工前数值"} <= set(found)
    return "\n".join(found)


def test_filters_by_sector_level_and_scenario(played: Site, people: dict[str, Browser]) -> None:
    rows = found(played, "published")
    for row in rows:
        for query in (f"sector={row.sector}", f"level={row.level}", f"scenario={row.scenario_codes[0]}"):
            page = people["anyone"].get(f"/showcases?{query}").text
            key, value = query.split("=")
            for other in rows:
                fits = value in other.scenario_codes if key == "scenario" else getattr(other, key) == value
                assert (other.title in page) == fits, (query, other.title)
    # A long list asks the database no more than a short one.
    counts = []
    for query in ("?level=cluster", ""):
        with Counted(played) as counted:
            people["anyone"].get(f"/showcases{query}")
        counts.append(len(counted.statements))
    assert counts[0] == counts[1]


def test_from_the_enterprises_consent_to_the_public_page_and_back(played: Site, people: dict[str, Browser]) -> None:
    (row,) = found(played, "consenting")
    page = f"/showcases/{row.public_id}"
    for person, status in (("anyone", 404), ("provider2", 404), ("enterprise", 200), ("centre", 200)):
        assert people[person].get(page).status_code == status, person
    refused = people["enterprise"].post(f"{page}/answer", {"answer": "decline", "why": ""}, form=page)
    assert refused.status_code == 422
    assert "理由没有填" in refused.text
    assert people["enterprise"].post(f"{page}/answer", {"answer": "agree", "show_name": "yes"}, form=page).status_code == 303
    # The enterprises that took part have no account: the centre enters what they said on paper.
    with played.database.reading() as session:
        consents = select(ShowcaseConsent).where(ShowcaseConsent.showcase_id == row.id, ShowcaseConsent.side == Side.MEMBER)
        members = [one.organisation.public_id for one in session.scalars(consents)]
    for member in members:
        paper: dict[str, object] = {"answer": "agree", "organisation": member, "way": "盖章回函"}
        assert people["bureau"].post(f"{page}/answer", paper, form="/account").status_code in (403, 404)
        assert people["centre"].post(f"{page}/answer", paper, form=page).status_code == 303
    assert people["centre"].post(f"{page}/publish", form=page).status_code == 422
    assert people["anyone"].get(page).status_code == 404
    assert people["bureau"].post(f"{page}/publish", form=page).status_code == 303
    index_showcases(played)
    asked = "/search?kind=showcase&q=机床没有联网，数据靠人抄"
    assert row.public_id in people["anyone"].get(asked).text
    assert row.title in people["anyone"].get("/open-data/showcases.json", buffered=True).text
    public = people["anyone"].get(page)
    assert public.status_code == 200
    assert row.enterprise is not None
    assert row.enterprise.name in public.text
    assert "未公开" in public.text
    assert people["enterprise"].post(f"{page}/revoke", {"why": "工艺还在保密期"}, form=page).status_code == 303
    for address in (page, f"{page}/kit"):
        assert people["anyone"].get(address).status_code == 404
    for address in ("/showcases", asked):
        assert row.public_id not in people["anyone"].get(address).text
    assert row.title not in people["anyone"].get("/open-data/showcases.json", buffered=True).text
    # Begun anew, by two at once.
    assert people["centre"].post(f"{page}/reopen", form=page).status_code == 303
    form = people["centre"].get(f"{page}/edit").text
    seen = re.search(r'name="seen" value="(\d+)"', form)
    assert seen
    values: dict[str, object] = {
        "seen": seen[1],
        "title": "甲的标题",
        "level": row.level,
        "sector": row.sector,
        "problem": "停机多",
        "approach": "加装采集",
    }
    values |= {"summary": "一句话", "effect_note": "停机少了一半", "effect_name": ["停机", ""], "effect_unit": ["次", ""]}
    values |= {"effect_before": ["26", ""], "effect_after": ["8", ""]}
    assert people["centre"].post(f"{page}/edit", values, form=f"{page}/edit").status_code == 303
    lost = people["manager"].post(f"{page}/edit", values | {"title": "乙的标题"}, form=f"{page}/edit")
    assert lost.status_code == 409
    assert "<del>甲</del>的标题" in lost.text
    assert 'value="乙的标题"' in lost.text
    bad = people["centre"].post(f"{page}/edit", values | {"seen": "", "cost_wan": "很多", "effect_after": ["x", ""]}, form=f"{page}/edit")
    assert bad.status_code == 422
    assert "投资额要大于 0" in bad.text
    assert "第 1 项指标的改造前、改造后都要填数字" in bad.text


def test_policies_by_version(played: Site, people: dict[str, Browser]) -> None:
    with played.database.reading() as session:
        rows = {(row.title, row.version): row for row in session.scalars(select(PolicyVersion))}
        draft = next(row for row in rows.values() if row.state == PolicyVersionState.DRAFT)
        second = next(row for row in rows.values() if row.version == 2 and row.state == PolicyVersionState.PUBLISHED)
        first = rows[(second.title, 1)]
        session.expunge_all()
    anyone, bureau = people["anyone"], people["bureau"]
    page = anyone.get(f"/policies/{second.public_id}/compare/{first.public_id}").text
    assert "<mark>五</mark>" in page
    assert anyone.get(f"/policies/{draft.public_id}").status_code == 404
    assert anyone.get(f"/policies/{second.public_id}/compare/{draft.public_id}").status_code == 404
    assert draft.text.splitlines()[-1] not in anyone.get("/policies").text
    assert "已有新版" in anyone.get(f"/policies/{first.public_id}").text
    own = f"/policies/{draft.public_id}"
    values = {name: getattr(draft, name) for name in ("topic", "title", "issuer", "summary", "text")}
    values |= {"issued": draft.issued.isoformat(), "number": second.number}
    taken = bureau.post(f"{own}/edit", values, form=f"{own}/edit")
    assert taken.status_code == 422
    assert "已在政策库里" in taken.text
    upload = {**values, "number": "", "file": (io.BytesIO(pdf("第五条")), "办法.pdf")}
    assert bureau.post(f"{own}/edit", upload, form=f"{own}/edit", content_type="multipart/form-data").status_code == 303
    file = re.search(r'href="(/files/[^"]+)"', bureau.get(own).text)
    assert file
    assert anyone.get(file[1]).status_code == 404
    assert bureau.post(f"{own}/publish", form=own).status_code == 303
    given = anyone.get(file[1])
    assert given.status_code == 200
    given.close()
    assert anyone.get(own).status_code == 200
    for query, title in (("q=贴息", "金融支持"), ("topic=pool", "资源池"), ("show=valid", "实施意见")):
        listed = anyone.get(f"/policies?{query}").text
        assert title in listed
        assert "设备更新补助" not in listed
    # Somebody repeals it while its next version is being written.
    place = f"/policies/new?of={draft.public_id}"
    seen = re.search(r'name="seen" value="(\d+)"', bureau.get(place).text)
    assert seen
    assert bureau.post(f"{own}/repeal", {"why": "上位办法已废止"}, form=own).status_code == 303
    lost = bureau.post("/policies/new", {**values, "number": "", "title": "我写的新版", "of": draft.public_id, "seen": seen[1]}, form=place)
    assert lost.status_code == 409
    assert "我写的新版" in lost.text


def test_a_complaint_without_a_log_in(played: Site, people: dict[str, Browser], caplog: pytest.LogCaptureFixture) -> None:
    anyone = Browser(people["anyone"].client.application.test_client())
    typed: dict[str, object] = {"kind": "complaint", "about": "manager", "text": TEXT, "name": "王秘密", "contact": "13900001111"}
    wrong = anyone.post("/complaints/new", typed | {"text": "请打 13812345678"}, form="/complaints/new")
    assert wrong.status_code == 422
    assert "像是联系方式" in wrong.text
    assert "王秘密" in wrong.text
    with caplog.at_level(logging.INFO):
        assert anyone.post("/complaints/new", typed, form="/complaints/new").status_code == 303
        page = anyone.get("/complaints/received").text
        number, code = re.findall(r'jg-big jg-code">([^<]+)<', page)
        assert code not in anyone.get("/complaints/received").text
        for given in ({"number": number, "code": "ZZZZZZZZZZ"}, {"number": "TS-1999-0001", "code": code}):
            answer = anyone.post("/complaints/track", given, form="/complaints/track")
            assert answer.status_code == 422
            assert TEXT not in answer.text
        assert anyone.post("/complaints/track", {"number": number, "code": code}, form="/complaints/track").status_code == 303
        assert TEXT in anyone.get("/complaints/track").text
    for word in ("王秘密", "13900001111", TEXT, code):
        assert word not in caplog.text
    with played.database.reading() as session:
        row = session.scalars(select(Complaint).where(Complaint.number == number)).one()
        own, complaint = f"/complaints/{row.public_id}", row.id
    for person, status in (("anyone", 401), ("manager", 404), ("centre", 403), ("enterprise", 403), ("bureau", 200)):
        assert people[person].get(own).status_code in (status, 302, 303), person
    desk = people["bureau"].get("/complaints").text
    assert number in desk
    for word in ("王秘密", "13900001111", "没有人来"):
        assert word not in desk
    assert number not in people["manager"].get("/complaints").text
    assert people["bureau"].post(f"{own}/take", form=own).status_code == 303
    assert people["bureau"].post(f"{own}/answer", {"text": ""}, form=own).status_code == 422
    assert people["bureau"].post(f"{own}/answer", {"text": "已约谈。"}, form=own).status_code == 303
    assert "已约谈。" in anyone.get("/complaints/track").text
    assert anyone.post("/complaints/track/again", {"text": TEXT}, form="/complaints/track").status_code == 303
    with played.database.reading() as session:
        assert session.get_one(Complaint, complaint).state == ComplaintState.IN_HAND
    anyone.post("/complaints/track", {"do": "leave"}, form="/complaints/track")
    assert TEXT not in anyone.get("/complaints/track").text


def test_too_many_complaints_from_one_address(people: dict[str, Browser]) -> None:
    anyone = Browser(people["anyone"].client.application.test_client())
    typed: dict[str, object] = {"kind": "suggestion", "about": "site", "text": TEXT}
    elsewhere = {"REMOTE_ADDR": "10.7.7.7"}
    answers = [anyone.post("/complaints/new", typed, form="/complaints/new", environ_base=elsewhere).status_code for _try in range(4)]
    assert answers[-1] == 429
    # What fills every field is no person.
    assert anyone.post("/complaints/new", typed | {"website": "x"}, form="/complaints/new").status_code == 303


def test_open_data_is_the_same_in_both_forms(played: Site, people: dict[str, Browser]) -> None:
    with played.database.writing() as session:
        session.execute(update(Solution).where(Solution.id == session.scalars(select(Solution.id)).first()).values(summary="=1+1"))
    anyone = people["anyone"]
    page = anyone.get("/open-data").text
    for key in SETS:
        data = json.loads(anyone.get(f"/open-data/{key}.json", buffered=True).data)
        table = list(csv.reader(io.StringIO(anyone.get(f"/open-data/{key}.csv", buffered=True).data.decode("utf-8-sig"))))
        assert data["licence"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", data["date"])
        assert len(table) == len(data["rows"]) + 1 > 1, key
        assert len(table[0]) == len(data["rows"][0])
        assert f'data-label="条数">{len(data["rows"])}<' in page, key
        assert all(row["address"].startswith("http://jigai.example/") for row in data["rows"])
        assert not [cell for row in table[1:] for cell in row if cell.startswith(("=", "+", "@"))], key
    assert anyone.get("/open-data/accounts.csv").status_code == 404
    assert anyone.get("/open-data/solutions.xml").status_code == 404


def test_feed_sitemap_and_robots(people: dict[str, Browser]) -> None:
    anyone = people["anyone"]
    atom = "{http://www.w3.org/2005/Atom}"
    feed = Xml.fromstring(anyone.get("/open-data/feed.atom").data)
    entries = feed.findall(f"{atom}entry")
    assert {entry.find(f"{atom}category").get("term") for entry in entries} >= {"申报指南", "申报通知", "场景清单", "标杆案例", "政策库"}  # type: ignore[union-attr]
    days = [entry.findtext(f"{atom}updated") or "" for entry in entries]
    assert days == sorted(days, reverse=True)
    assert "Sitemap: http://jigai.example/sitemap.xml" in anyone.get("/robots.txt").text
    places = [node.text or "" for node in Xml.fromstring(anyone.get("/sitemap.xml").data).iter() if node.tag.endswith("loc")]
    assert len(places) == len(set(places)) > 100
    assert all(place.startswith("http://jigai.example/") for place in places)
    kinds: dict[str, list[str]] = {}
    for place in places:
        kinds.setdefault(urlsplit(place).path.split("/")[1], []).append(urlsplit(place).path)
    for paths in kinds.values():
        assert anyone.get(paths[-1]).status_code == 200, paths[-1]
    page = anyone.get("/showcases?sector=chem&lang=zh").text
    assert '<link rel="canonical" href="http://jigai.example/showcases">' in page
    assert '<meta name="description" content="验收通过' in page
