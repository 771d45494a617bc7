"""The pages of guides and projects: who reads what, the form from the first press to handing in, the first review, and its speed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update

from marketplace.actions.demonstration_projects import seed_projects
from marketplace.app import create_app
from marketplace.domain.projects import ProjectState
from marketplace.records.accounts import Account, Membership
from marketplace.records.enterprises import Enterprise
from marketplace.records.guides import Guide
from marketplace.records.projects import Project, ProjectSupplier
from marketplace.records.providers import Provider
from marketplace.site import Site
from tests.demo_site import own_copy
from tests.files.samples import pdf
from tests.opened import Browser, main_of, seen_in, site_of
from tests.web.people import PEOPLE, Counted, browser_of, viewer_of

S = ProjectState
OFFICES = {"centre", "manager", "bureau", "finance", "admin"}


class Played:
    """The demonstration's projects by state, the newest of each; the area's officer sees to the area of the first enterprise."""

    def __init__(self, site: Site) -> None:
        self.site, self.app = site, create_app(site)
        at = datetime.now(UTC)
        with site.database.writing() as session:
            own = min(viewer_of(session, "enterprise").enterprise_ids)
            area = session.get_one(Enterprise, own).area
            account = session.scalars(select(Account).where(Account.login == "area")).one()
            session.execute(update(Membership).where(Membership.account_id == account.id).values(areas=[area]))
        self.area = area
        assert seed_projects(site.database, site.pilot.project, files=site.files, at=at, today=at.date())
        self.kept: dict[str, Browser] = {}

    def as_(self, person: str) -> Browser:
        if person not in self.kept:
            self.kept[person] = browser_of(self.app, person)
        return self.kept[person]

    def project(self, state: ProjectState, *, own: bool = True) -> Project:
        """One in this state, of the account `enterprise` or of another one."""
        with self.site.database.reading() as session:
            mine = viewer_of(session, "enterprise").organisation_ids
            query = select(Project).where(Project.state == state)
            query = query.where(Project.organisation_id.in_(mine) if own else Project.organisation_id.not_in(mine))
            found = session.scalars(query.order_by(Project.id.desc())).first()
            assert found is not None, state
            session.expunge_all()
            return found

    def guide(self, state: str, project_class: str = "central") -> str:
        with self.site.database.reading() as session:
            query = select(Guide.public_id).where(Guide.state == state, Guide.project_class == project_class)
            return session.scalars(query.order_by(Guide.id)).first() or ""

    def again(self, key: str) -> Project:
        with self.site.database.reading() as session:
            found = session.scalars(select(Project).where(Project.public_id == key)).one()
            session.expunge_all()
            return found


@pytest.fixture(scope="module")
def played(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    site = site_of(own_copy(demo_folder, tmp_path_factory.mktemp("projects") / "data"))
    yield Played(site)
    site.index.close()
    site.database.close()


@pytest.fixture
def many(demo_folder: Path, tmp_path: Path) -> Iterator[Played]:
    """A site of its own, to be filled."""
    site = site_of(own_copy(demo_folder, tmp_path / "data"))
    yield Played(site)
    site.index.close()
    site.database.close()


def test_who_reads_what(played: Played) -> None:
    draft, handed_in = played.project(S.DRAFT), played.project(S.SUBMITTED, own=False)
    with played.site.database.reading() as session:
        applicant = {
            login for login in PEOPLE if login != "anyone" and handed_in.organisation_id in viewer_of(session, login).organisation_ids
        }
        suppliers = set(session.scalars(select(ProjectSupplier.provider_id).where(ProjectSupplier.project_id == handed_in.id)))
        supplying = {login for login in ("provider", "provider2") if viewer_of(session, login).provider_ids & suppliers}
        near = {"area"} if handed_in.area == played.area else set()
    pages = {
        "/guides": set(PEOPLE),
        "/guides/new": {"bureau", "admin"},
        f"/guides/{played.guide('published')}": set(PEOPLE),
        f"/guides/{played.guide('published')}/edit": {"bureau", "admin"},
        "/projects": set(PEOPLE) - {"anyone"},
        "/projects/new": {"enterprise", "enterprise2", "provider", "provider2"},
        "/projects/reserve": {"centre", "admin", "enterprise", "enterprise2"},
        f"/projects/{draft.public_id}": {"enterprise", "centre", "admin"},
        f"/projects/{draft.public_id}/sections/costs": {"enterprise"},
        # The city's authorities read it in short (tests/web/test_figures.py).
        f"/projects/{handed_in.public_id}": OFFICES | {"city"} | applicant | supplying | near,
        f"/projects/{handed_in.public_id}/sections/costs": set(),
        f"/projects/{handed_in.public_id}/first-review": {"admin"} | near,
    }
    for place, allowed in pages.items():
        for person in PEOPLE:
            status = played.as_(person).get(place).status_code
            assert (status == 200) == (person in allowed), (place, person, status)
            assert status in {200, 303, 403, 404}, (place, person, status)


def test_every_page_of_every_state(played: Played) -> None:
    with played.site.database.reading() as session:
        keys = list(session.scalars(select(Project.public_id)))
    for key in keys:
        for person in ("admin", "enterprise", "enterprise2"):
            answer = played.as_(person).get(f"/projects/{key}")
            assert answer.status_code in {200, 404}
            if answer.status_code == 200:
                assert "jg-steps" in answer.text
                assert "{" not in re.sub(r"<script.*?</script>", "", main_of(answer.text)), key
    draft = played.project(S.DRAFT).public_id
    for section in ("basic", "content", "problems", "suppliers", "indicators", "costs", "milestones", "documents"):
        assert played.as_("enterprise").get(f"/projects/{draft}/sections/{section}").status_code == 200, section
    assert played.as_("enterprise").get(f"/projects/{draft}/sections/none").status_code == 404


def test_a_supplier_sees_its_own_part_only(played: Played) -> None:
    with played.site.database.reading() as session:
        mine = viewer_of(session, "provider").provider_ids
        query = select(Project).join(ProjectSupplier, ProjectSupplier.project_id == Project.id)
        query = query.where(ProjectSupplier.provider_id.in_(mine), Project.state.not_in((S.DRAFT, S.RETURNED, S.RESERVE)))
        project = session.scalars(query.order_by(Project.id)).first()
        assert project is not None
        key = project.public_id
        others = {
            row.provider.name
            for row in session.scalars(select(ProjectSupplier).where(ProjectSupplier.project_id == project.id))
            if row.provider_id not in mine
        }
        files = list(re.findall(r"/files/[0-9a-f-]+", played.as_("admin").get(f"/projects/{key}").text))
        total = project.total_fen
    text = main_of(played.as_("provider").get(f"/projects/{key}").text)
    assert others
    assert not {name for name in others if name in text}
    assert "经费使用计划" not in text
    assert "绩效指标" not in text
    assert f"{(total or 0) // 1_000_000} 万元" not in text
    assert files
    for file in files:
        with played.as_("provider").get(file) as answer:
            assert answer.status_code == 404
        with played.as_("bureau").get(file) as answer:
            assert answer.status_code == 200


def test_from_the_guide_to_the_recommendation_in_the_browser(played: Played) -> None:
    enterprise, guide = played.as_("enterprise"), played.guide("published")
    assert "按这份指南申报" in enterprise.get(f"/guides/{guide}").text
    assert enterprise.post("/projects/new", {"guide": guide, "title": " "}).status_code == 422
    made = enterprise.post("/projects/new", {"guide": guide, "title": "夹具库改造"})
    assert made.status_code == 303
    place = made.headers["Location"].removesuffix("/sections/basic")
    again = enterprise.post("/projects/new", {"guide": guide, "title": "夹具库改造"})
    assert again.headers["Location"] == made.headers["Location"]
    key = place.rsplit("/", 1)[1]

    def save(section: str, **values: object) -> int:
        return enterprise.post(f"{place}/sections/{section}", values).status_code

    rules = played.site.pilot.project
    ends = min(rules.last_day, datetime.now(UTC).date())
    starts = ends - timedelta(150)
    basic = {
        "title": "夹具库改造", "level": "point", "area": played.area, "sector": "auto", "orientations": ["intelligent"], "scenarios": "",
        "starts": starts.isoformat(), "ends": ends.isoformat(), "total_wan": "2，00x", "asked_wan": "30", "promised": "yes",
    }  # fmt: skip
    assert save("basic", **basic) == 422
    assert save("basic", **{**basic, "total_wan": "200", "starts": "soon"}) == 422
    assert save("basic", **{**basic, "total_wan": "200"}) == 303
    assert save("content", background="旧", content="新", effect="好") == 303
    text = enterprise.get(f"{place}/sections/problems").text
    first = re.findall(r'name="problem" value="([0-9a-f-]+)"', text)[0]
    assert save("problems", problem=[first]) == 303
    with played.site.database.reading() as session:
        provider = session.get_one(Provider, min(viewer_of(session, "provider").provider_ids)).name
    row = {
        "row": [""],
        "role": ["general"],
        "content": ["总包"],
        "contract_number": [""],
        "contract_wan": ["150"],
        "signed": [""],
        "share": ["100"],
    }
    assert save("suppliers", **row, provider=["没有这家公司"]) == 422
    assert save("suppliers", **row, provider=[provider]) == 303
    columns = {"unit": ["", ""], "direction": ["up", "up"], "baseline": ["1", ""], "target": ["2", ""], "evidence": ["", ""]}
    assert save("indicators", **columns, name=["产量", ""], weight=["99", ""]) == 303
    quarter = (starts.month + 2) // 3
    cost = {"year": [str(starts.year)], "quarter": [str(quarter)], "kind": ["equipment"], "item": ["夹具"], "basis": [""]}
    wrong = enterprise.post(f"{place}/sections/costs", {**cost, "amount_wan": ["200"], "fiscal_wan": ["30"], "own_wan": ["160"]})
    assert wrong.status_code == 422
    assert 'value="160"' in wrong.text
    assert save("costs", **cost, amount_wan=["200"], fiscal_wan=["30"], own_wan=[""]) == 303
    assert save("milestones", title=["到货"], planned=[starts.isoformat()]) == 303
    refused = enterprise.post(f"{place}/submit", {"seen": seen_in(enterprise.get(place).text)})
    assert refused.status_code == 422
    assert "权重合计要是 100" in refused.text
    assert save("indicators", **columns, name=["产量", ""], weight=["100", ""]) == 303
    for kind in ("plan", "promise"):
        answer = enterprise.post(f"{place}/sections/documents", {"document": kind, "file": (BytesIO(pdf()), "方案.pdf")})
        assert answer.status_code == 303, kind
    assert "填写完整，可以提交" in enterprise.get(place).text
    assert enterprise.post(f"{place}/submit", {"seen": seen_in(enterprise.get(place).text)}).status_code == 303
    assert played.again(key).state == S.SUBMITTED
    # The park's officer: three ways, each with an opinion; a half one keeps what was typed.
    officer, review = played.as_("area"), f"{place}/first-review"
    assert officer.get(place).status_code == 200
    half = officer.post(review, {"verdict": "recommend", "text": "写了一半的意见"})
    assert half.status_code == 422
    assert "写了一半的意见" in half.text
    passed = {f"passed.{check}": "yes" for check in ("applicant", "complete", "true", "amounts", "once")}
    stale = seen_in(officer.get(review).text)
    assert officer.post(review, {**passed, "verdict": "return", "text": "补报价单", "seen": stale}).status_code == 303
    assert "补报价单" in enterprise.get(place).text
    assert enterprise.post(f"{place}/submit").status_code == 303
    late = officer.post(review, {**passed, "verdict": "recommend", "text": "同意推荐", "seen": stale})
    assert late.status_code == 409
    assert (
        officer.post(review, {**passed, "verdict": "recommend", "text": "同意推荐", "seen": seen_in(officer.get(review).text)}).status_code
        == 303
    )
    assert played.again(key).state == S.RECOMMENDED
    assert played.as_("enterprise2").get(place).status_code == 404
    assert enterprise.post(f"{place}/withdraw", {"why": "不做了"}).status_code == 303
    assert "不做了" in enterprise.get(place).text


def test_two_at_one_section_see_both_texts(played: Played) -> None:
    key = played.project(S.DRAFT).public_id
    place = f"/projects/{key}/sections/content"
    first, second = browser_of(played.app, "enterprise"), played.as_("enterprise")
    seen = seen_in(first.get(place).text)
    texts = {"background": "旧", "content": "先存的内容", "effect": "好", "organisation": "", "risks": ""}
    assert second.post(place, {**texts, "seen": seen_in(second.get(place).text)}).status_code == 303
    lost = first.post(place, {**texts, "content": "后写的内容", "seen": seen})
    assert lost.status_code == 409
    assert "先存" in lost.text
    assert "后写的内容" in lost.text
    # Now it has been seen, and is saved on purpose.
    assert first.post(place, {**texts, "content": "后写的内容", "seen": seen_in(lost.text)}).status_code == 303


def test_bad_input_never_breaks(played: Played) -> None:
    key, browser = played.project(S.DRAFT).public_id, played.as_("enterprise")
    for section in ("basic", "content", "problems", "members", "suppliers", "indicators", "costs", "milestones", "documents"):
        tried: tuple[dict[str, object], ...] = (
            {}, {"title": "长" * 500, "level": "x" * 99, "total_wan": "-5", "year": ["1"], "name": ["x"], "provider": ["x"], "enterprise": ["x"]},
            {"year": ["9" * 30], "item": ["x"], "amount_wan": ["1e9"], "weight": ["1.5"], "planned": ["2026-02-30"], "title": ["a", "b"]},
            {"baseline": ["nan"], "name": ["y"], "target": ["inf"], "share": ["101"], "provider": ["\x00"], "problem": ["\x00", "x"], "document": "\x00"},
        )  # fmt: skip
        for values in tried:
            answer = browser.post(f"/projects/{key}/sections/{section}", values)
            assert answer.status_code in {303, 409, 422}, (section, values, answer.status_code)
    for query in ("?class=x&state=y&stage=z&area=q&late=7&page=-1", "?q=%25%25&guide='", "?page=9999999&q=" + "长" * 300):
        assert browser.get(f"/projects{query}").status_code == 200


def test_the_bureau_writes_a_guide(played: Played) -> None:
    bureau = played.as_("bureau")
    values: dict[str, object] = {
        "project_class": "central", "title": "第二批", "text": "支持能源改造。", "opens": "2026-01-01", "closes": "2099-12-31",
        "least_total": "lots", "sectors": ["auto"], "rule_sectors": ["auto", "chem"], "flags": ["diagnosed"], "free": "没有事故\n信用良好",
        "documents": ["plan"], "budget_wan": "1,000",
    }  # fmt: skip
    refused = bureau.post("/guides/new", values)
    assert refused.status_code == 422
    assert 'id="e-least_total"' in refused.text
    made = bureau.post("/guides/new", {**values, "least_total": "500"})
    assert made.status_code == 303
    place = made.headers["Location"]
    assert played.as_("enterprise").get(place).status_code == 404
    text = bureau.get(f"{place}/edit").text
    for part in ('value="500"', "没有事故\n信用良好", 'value="1000"'):
        assert part in text, part
    assert bureau.post(f"{place}/publish", {"seen": seen_in(bureau.get(place).text)}).status_code == 303
    page = played.as_("anyone").get(place).text
    for words in ("总投资不少于 500 万元", "行业限于：", "已在平台完成评估诊断", "信用良好"):
        assert words in page, words
    fixed = bureau.post(f"{place}/edit", {**values, "least_total": "400", "seen": seen_in(bureau.get(f"{place}/edit").text)})
    assert fixed.status_code == 422
    assert "不能再改" in fixed.text
    assert bureau.post(f"{place}/close", {"seen": seen_in(bureau.get(place).text)}).status_code == 303
    assert bureau.post(f"{place}/close").status_code == 409


def test_reserve_and_apply(played: Played) -> None:
    centre, enterprise = played.as_("centre"), played.as_("enterprise")
    with played.site.database.reading() as session:
        name = session.get_one(Enterprise, min(viewer_of(session, "enterprise").enterprise_ids)).name
    assert centre.post("/projects/reserve", {"enterprise": "没有这家", "title": "x", "class": "central"}).status_code == 422
    made = centre.post("/projects/reserve", {"enterprise": name, "title": "余热发电", "class": "central"})
    assert made.status_code == 303
    place = made.headers["Location"]
    assert "选一份指南申报" in enterprise.get(place).text
    assert enterprise.post(f"{place}/apply", {"guide": "none"}).status_code == 409
    assert enterprise.post(f"{place}/apply", {"guide": played.guide("published")}).status_code == 303
    assert played.again(place.rsplit("/", 1)[1]).state == S.DRAFT


def test_filters(played: Played) -> None:
    bureau = played.as_("bureau")
    with played.site.database.reading() as session:
        rows = session.scalars(select(Project).where(Project.state.not_in((S.DRAFT, S.RETURNED)))).all()
        session.expunge_all()
    for query, wanted in (
        ("state=submitted", [row for row in rows if row.state == S.SUBMITTED]),
        ("stage=selection", [row for row in rows if row.state == S.RECOMMENDED]),
        ("class=municipal", [row for row in rows if row.project_class == "municipal"]),
        (f"area={rows[0].area}", [row for row in rows if row.area == rows[0].area]),
        (f"q={rows[1].number}", [rows[1]]),
    ):
        text = main_of(bureau.get(f"/projects?{query}").text)
        found = set(re.findall(r'href="/projects/([0-9a-f-]{36})"', text))
        assert found == {row.public_id for row in wanted}, query


def test_the_inbox_leads_to_the_project(played: Played) -> None:
    text = played.as_("enterprise").get("/inbox?noun=project").text
    key = played.project(S.RETURNED).public_id
    assert f"/projects/{key}" in text


def test_the_list_is_quick_at_five_thousand(many: Played) -> None:
    """≤ 150 ms at the server (what it computes: others share the machine), and as many statements as for one page of a few."""
    browser = many.as_("bureau")
    with Counted(many.site) as few:
        browser.get("/projects")
    with many.site.database.writing() as session:
        unit = session.scalars(select(Enterprise)).first()
        assert unit is not None
        made = datetime.now(UTC)
        values = [
            {
                "public_id": f"{n:08d}-0000-4000-8000-000000000000", "number": f"XM-2020-{n:05d}", "project_class": "central", "title": f"改造 {n}",
                "organisation_id": unit.organisation_id, "enterprise_id": unit.id, "area": unit.area, "sector": unit.sector, "orientations": [],
                "scenario_codes": [], "plan": {}, "health_reasons": [], "created": made, "waits_role": "manager",
                "waits_due": made.date() - timedelta(n % 40 - 20), "state": list(S)[n % len(S)], "level": "point", "health": "", "reason": "",
            }
            for n in range(5_000)
        ]  # fmt: skip
        session.execute(Project.__table__.insert(), values)  # type: ignore[attr-defined]
    with Counted(many.site) as more:
        browser.get("/projects")
    assert len(more.statements) == len(few.statements)
    for query in ("", "?late=1", "?state=implementing", "?stage=acceptance&class=central", f"?area={many.area}&page=5", "?q=改造 49"):
        times = []
        for _turn in range(5):
            began = time.process_time()
            assert browser.get(f"/projects{query}").status_code == 200
            times.append(time.process_time() - began)
        assert min(times) < 0.15, (query, times)
