"""Groups of enterprises (产业链、园区): members, what several of them need, and where each wants to go (拟改造方向)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, joinedload
from werkzeug.wrappers import Response

from marketplace.actions import groups as actions
from marketplace.domain.access import Viewer, may
from marketplace.domain.groups import KIND_WORDS, GroupDraft, check
from marketplace.domain.lifecycle import Refused, RefusedError
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.enterprises import find_enterprise
from marketplace.records.groups import EnterpriseGroup, GroupMember, OrientationWish, count_members, find_group, find_members
from marketplace.records.history import find_last_entry
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.group_needs import Need, shared_needs
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now
from marketplace.web.typed import seen, seen_still

pages = Blueprint("groups", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("groups.show", public_id=ref)
_TYPED = ("kind", "name", "note", "leader", "area")


@dataclass(frozen=True)
class GroupPage:
    """`listed`: the members that this viewer may know; the others are counted only. `needs`: None where they are not for the viewer."""

    group: EnterpriseGroup
    size: int
    listed: Sequence[GroupMember]
    needs: Sequence[Need] | None
    wishes: Mapping[str, int]


def _readable(viewer: Viewer) -> ColumnElement[bool]:
    """Staff read every group, an enterprise those that it is in."""
    if may(viewer, "read", actions.NOUN):
        return true()
    mine = select(GroupMember.group_id).where(GroupMember.enterprise_id.in_(viewer.enterprise_ids))
    return EnterpriseGroup.id.in_(mine)


@pages.get("/groups")
@permission("read", "group")
def index() -> str:
    with current_site().database.reading() as session:
        rows, sizes, paging = read_index(session, current_viewer())
        return render_template("groups/index.html", rows=rows, sizes=sizes, paging=paging, kinds=KIND_WORDS)


def read_index(session: Session, viewer: Viewer) -> tuple[Sequence[EnterpriseGroup], Mapping[int, int], Paging]:
    total = session.scalar(select(func.count()).select_from(EnterpriseGroup).where(_readable(viewer))) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "groups.index")
    query = select(EnterpriseGroup).where(_readable(viewer)).options(joinedload(EnterpriseGroup.leader)).order_by(EnterpriseGroup.id.desc())
    rows = session.scalars(query.limit(paging.size).offset(paging.offset)).all()
    return rows, count_members(session, [row.id for row in rows]), paging


@pages.get("/groups/<public_id>")
@permission("read", "group")
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        page = read_page(session, find_readable(session, public_id), current_viewer())
        body = render_template(
            "groups/show.html",
            page=page,
            group=page.group,
            kinds=KIND_WORDS,
            sentence=sentence_of(refused),
            typed=request.form.get("enterprise", ""),
        )
    return make_response(body, 422 if refused else 200)


def read_page(session: Session, group: EnterpriseGroup, viewer: Viewer) -> GroupPage:
    members = find_members(session, group.id)
    reads_all = may(viewer, "read", actions.NOUN)
    # Members know that they are in one group with its leader; who else is in it is for the offices.
    listed = [one for one in members if reads_all or one.enterprise_id in viewer.enterprise_ids or one.enterprise_id == group.leader_id]
    numbers = [one.enterprise_id for one in members]
    wishes: dict[str, int] = {}
    for keys in session.scalars(select(OrientationWish.orientations).where(OrientationWish.enterprise_id.in_(numbers))):
        for key in keys:
            wishes[key] = wishes.get(key, 0) + 1
    reads_needs = may(viewer, "read", "plan") or bool(viewer.enterprise_ids & set(numbers))
    needs = shared_needs(session, group, numbers, viewer) if reads_needs else None
    return GroupPage(group, len(members), listed, needs, dict(sorted(wishes.items(), key=lambda one: -one[1])))


@pages.get("/groups/new")
@permission("manage", "group")
def new() -> Response:
    return _form_page(dict.fromkeys(_TYPED, "") | {"kind": "chain"})


@pages.post("/groups/new")
@permission("manage", "group")
def create() -> Response:
    return _keep(None)


@pages.get("/groups/<public_id>/edit")
@permission("manage", "group")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        typed = _typed_of(find_readable(session, public_id))
    return _form_page(typed, public_id=public_id)


@pages.post("/groups/<public_id>/edit")
@permission("manage", "group")
def save(public_id: str) -> Response:
    return _keep(public_id)


def _keep(public_id: str | None) -> Response:
    site, viewer = current_site(), current_viewer()
    typed = {name: request.form.get(name, "").strip() for name in _TYPED}
    area = site.pilot.area(typed["area"]) if typed["area"] else None
    draft = GroupDraft(typed["kind"], typed["name"], typed["note"], typed["leader"], area.key if area else "")
    with site.database.reading() as session:
        number = find_readable(session, public_id).id if public_id else None
    faults = list(check(draft))
    if not faults:
        try:
            if number is None:
                group = actions.create(site.database, draft, viewer=viewer, at=now())
            else:
                group = actions.change(site.database, number, draft, viewer=viewer, at=here_now(), seen=seen())
            flash(say("已保存。"), "good")
            return redirect(url_for("groups.show", public_id=group.public_id), 303)
        except RefusedError as error:
            if error.refused.code == "changed_meanwhile":
                return _form_page(typed, public_id=public_id or "", lost=error.refused)
            faults = [({"name_taken": "name", "unknown_leader": "leader"}.get(error.refused.code, ""), error.refused)]
    return _form_page(typed, public_id=public_id or "", faults=faults)


def _form_page(typed: Mapping[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        group = find_readable(session, public_id) if public_id else None
        stands = _typed_of(group) if group else {}
        labels = {"kind": say("群组类型"), "name": say("群组名称"), "note": say("说明"), "leader": say("链主企业"), "area": say("园区")}
        body = render_template(
            "groups/form.html",
            typed=typed,
            public_id=public_id,
            faults=sentences(faults or []),
            kinds=KIND_WORDS,
            areas=current_site().pilot.areas,
            seen=seen_still(find_last_entry(session, actions.NOUN, group.id) if group else 0, lost=lost is not None),
            lost=sentence_of(lost),
            changes=outdated_fields((label, stands[name], typed[name]) for name, label in labels.items()) if group and lost else [],
        )
    return make_response(body, 409 if lost else 422 if faults else 200)


def _typed_of(group: EnterpriseGroup) -> dict[str, str]:
    leader = group.leader
    code = (leader.organisation.credit_code or leader.public_id) if leader else ""
    return {"kind": str(group.kind), "name": group.name, "note": group.note, "leader": code, "area": group.area}


@pages.post("/groups/<public_id>/members")
@permission("manage", "group")
def add_member(public_id: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        number = find_readable(session, public_id).id
    try:
        added = actions.add_member(site.database, number, request.form.get("enterprise", ""), viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已加入群组。") if added else say("这家企业已在群组里。"), "good")
    return redirect(url_for("groups.show", public_id=public_id, _anchor="members"), 303)


@pages.post("/groups/<public_id>/members/<enterprise>/remove")
@permission("manage", "group")
def remove_member(public_id: str, enterprise: str) -> Response:
    site = current_site()
    with site.database.reading() as session:
        number, member = find_readable(session, public_id).id, find_enterprise(session, enterprise) or not_found()
        member_id = member.id
    try:
        actions.remove_member(site.database, number, member_id, viewer=current_viewer(), at=now())
    except RefusedError as error:
        return _page(public_id, error.refused)
    flash(say("已移出群组。"), "good")
    return redirect(url_for("groups.show", public_id=public_id, _anchor="members"), 303)


def find_readable(session: Session, public_id: str) -> EnterpriseGroup:
    """The group, for whom it is; 404 like a missing one for others."""
    group = find_group(session, public_id)
    if (
        group is None
        or session.scalar(select(EnterpriseGroup.id).where(EnterpriseGroup.id == group.id, _readable(current_viewer()))) is None
    ):
        not_found()
    return group
