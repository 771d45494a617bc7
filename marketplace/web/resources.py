"""公共服务资源: the directory for everybody, with filters; the centre writes it. What could help with a problem stands on the plan page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import resources as actions
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, Transition, _, allowed_events
from marketplace.domain.resources import TABLE, ResourceDraft, check
from marketplace.domain.scenarios import ScenarioState
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.history import find_last_entry
from marketplace.records.resources import Resource, ResourceScenario, find_resource, find_serving, readable_resources, serves_stage
from marketplace.records.scenarios import Scenario
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, scenario_choices
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.centre import WORDS, Done, acted, resource_kind_word, status_of, step_of, trail, typed
from marketplace.web.centre_forms import form_page, kept
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.wording import terms

pages = Blueprint("resources", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("resources.show", public_id=ref)
NAMES = ("name", "kind", "host", "does", "conditions", "price", "contact")
LABELS = {
    "name": _("名称"), "kind": _("类别"), "host": _("所属单位"), "does": _("能做什么"), "conditions": _("使用条件"), "price": _("收费"),
    "contact": _("联系方式"),
}  # fmt: skip
_SAID = {"publish": _("已发布，所有人都能看到。"), "withdraw": _("已下架，只有能力中心能看到。")}
# On a plan page: what could help with its problems.
MOST_ON_PLAN = 6
# So many are looked at for them; what serves a scenario of theirs comes first.
LOOKED_AT = 40
# Scenarios that every sector has.
ANY_SECTOR = "any"


@dataclass(frozen=True)
class ResourceList:
    rows: Sequence[Resource]
    paging: Paging
    asked: Mapping[str, str]


@dataclass(frozen=True)
class Serving:
    """A resource beside a plan, and for which of its problems (by their number)."""

    resource: Resource
    numbers: Sequence[int]


@dataclass(frozen=True)
class ResourcePage:
    resource: Resource
    scenarios: Mapping[str, Scenario]
    steps: Sequence[Transition]
    done: Sequence[Done]
    seen: int


@pages.get("/resources")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        return render_template(
            "resources/index.html", found=read_list(session, current_viewer()), rules=current_site().pilot.centre, **WORDS
        )


def read_list(session: Session, viewer: Viewer) -> ResourceList:
    """By kind and then by age; a scenario narrows it to what serves it."""
    pilot = current_site().pilot
    kind, stage = request.args.get("kind", ""), request.args.get("stage", "")
    text, code = (request.args.get(name, "").replace("\0", "").strip()[:100] for name in ("q", "scenario"))
    asked = {
        "kind": kind if pilot.centre.resource_kind(kind) else "",
        "stage": stage if pilot.find("stage", stage) else "",
        "scenario": code,
        "q": text,
    }
    query = select(Resource).where(readable_resources(viewer))
    if asked["kind"]:
        query = query.where(Resource.kind == asked["kind"])
    if asked["stage"]:
        query = query.where(serves_stage(asked["stage"]))
    if code:
        query = query.where(Resource.id.in_(select(ResourceScenario.resource_id).where(ResourceScenario.code == code)))
    if text:
        query = query.where(or_(*(one.contains(text, autoescape=True) for one in (Resource.name, Resource.host, Resource.does))))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    paging = paged(total, pilot.thresholds.page_size, "resources.index", **asked)
    rows = session.scalars(query.order_by(Resource.kind, Resource.id).limit(paging.size).offset(paging.offset)).all()
    return ResourceList(rows, paging, asked)


def serving(session: Session, problems: Iterable[tuple[int, str, str]], *, sector: str = "") -> list[Serving]:
    """What could help with problems of a plan: (number, scenario code, stage). One query, whatever their number. A problem that names no
    scenario is looked at by its stage, among what serves the enterprise's sector."""
    pilot = current_site().pilot
    by_code: dict[str, list[int]] = {}
    by_stage: dict[str, list[int]] = {}
    for number, code, stage in problems:
        for one in dict.fromkeys((code, *pilot.scenario_codes(code))) if code else ():
            by_code.setdefault(one, []).append(number)
        if stage and not code:
            by_stage.setdefault(stage, []).append(number)
    found = []
    for row in find_serving(session, by_code, by_stage, most=LOOKED_AT):
        numbers = _numbers(by_code, row.scenario_codes)
        if _serves_sector(row, sector):
            numbers += _numbers(by_stage, row.stages)
        if numbers:
            found.append(Serving(row, sorted(set(numbers))))
    return found[:MOST_ON_PLAN]


def _serves_sector(resource: Resource, sector: str) -> bool:
    """Unless all of its scenarios are other sectors' own."""
    sectors = {one.sector for code in resource.scenario_codes if (one := current_site().pilot.scenario(code))}
    return not sector or not sectors or bool(sectors & {sector, ANY_SECTOR})


def _numbers(wanted: Mapping[str, Sequence[int]], keys: Iterable[str]) -> list[int]:
    return [number for key in keys for number in wanted.get(key, ())]


@pages.get("/resources/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        resource = _found(session, public_id)
        named = select(Scenario).where(Scenario.code.in_(resource.scenario_codes), Scenario.state == ScenarioState.PUBLISHED)
        page = ResourcePage(
            resource,
            {row.code: row for row in session.scalars(named.options(joinedload(Scenario.enterprise)))},
            allowed_events(TABLE, resource.state, viewer.roles),
            trail(session, actions.NOUN, resource.id) if may(viewer, "manage", actions.NOUN) else [],
            find_last_entry(session, actions.NOUN, resource.id),
        )
        body = render_template("resources/show.html", page=page, resource=resource, sentence=sentence_of(refused), **WORDS)
    return make_response(body, status_of(refused))


def _found(session: Session, public_id: str) -> Resource:
    return find_resource(session, public_id, current_viewer()) or not_found()


@pages.post("/resources/<public_id>/<any(publish, withdraw):event>")
@permission("manage", "resource")
def move(public_id: str, event: str) -> Response:
    database = current_site().database
    with database.reading() as session:
        number = _found(session, public_id).id
    return acted(
        lambda: actions.advance(database, number, event, step_of()),
        lambda refused: _page(public_id, refused),
        url_for("resources.show", public_id=public_id),
        _SAID[event],
    )


@pages.get("/resources/new")
@permission("manage", "resource")
def new() -> Response:
    return _form(ResourceDraft())


@pages.post("/resources/new")
@permission("manage", "resource")
def create() -> Response:
    return _keep("")


@pages.get("/resources/<public_id>/edit")
@permission("manage", "resource")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        draft = draft_of(_found(session, public_id))
    return _form(draft, public_id=public_id)


@pages.post("/resources/<public_id>/edit")
@permission("manage", "resource")
def save(public_id: str) -> Response:
    return _keep(public_id)


def draft_of(resource: Resource) -> ResourceDraft:
    texts = {name: str(getattr(resource, name)) for name in NAMES}
    return ResourceDraft(**texts, scenario_codes=tuple(resource.scenario_codes), stages=tuple(resource.stages))


def _keep(public_id: str) -> Response:
    site = current_site()
    rules, choices = site.pilot.centre, actions.Choices.of(site.pilot.stages, site.pilot.scenarios)
    chosen = {name: tuple(dict.fromkeys(request.form.getlist(name))) for name in ("scenario_codes", "stages")}
    draft = ResourceDraft(**typed(*NAMES), scenario_codes=chosen["scenario_codes"], stages=chosen["stages"])
    with site.database.reading() as session:
        number = _found(session, public_id).id if public_id else None
    faults: Faults = list(check(draft, kinds=[row.key for row in rules.resource_kinds], stages=choices.stages))

    def keep() -> Resource:
        if number is None:
            return actions.create(site.database, draft, step_of(), rules, choices)
        return actions.change(site.database, number, draft, step_of(), rules, choices)

    return kept(
        "resources", keep, faults, lambda faults, lost: _form(draft, public_id=public_id, faults=faults, lost=lost),
        fields={"unknown_scenario": "scenario_codes"},
    )  # fmt: skip


def _form(draft: ResourceDraft, *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        resource = _found(session, public_id) if public_id else None
        typical, own = scenario_choices(session)
        return form_page(
            "resources/form.html", session, actions.NOUN, resource, draft, faults or [], lost,
            lambda: _outdated(resource, draft) if resource else [], typical=typical, own=own,
            kinds=[(row.key, resource_kind_word(row.key)) for row in current_site().pilot.centre.resource_kinds],
        )  # fmt: skip


def _outdated(resource: Resource, draft: ResourceDraft) -> list[ShownDifference]:
    there = draft_of(resource)
    rows = [(say(word), str(getattr(there, name)), str(getattr(draft, name))) for name, word in LABELS.items()]
    rows.append((say("服务的环节"), terms("stage", there.stages), terms("stage", draft.stages)))
    rows.append((say("服务的场景"), "、".join(there.scenario_codes), "、".join(sorted(draft.scenario_codes))))
    return outdated_fields(rows)
