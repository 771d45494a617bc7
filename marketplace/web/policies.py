"""政策库: for everybody to read, version by version and two of them side by side; kept by the bureau and the manager."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request, url_for
from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from marketplace import attachments
from marketplace.actions import policies as actions
from marketplace.actions.policies import Step, may_read_file
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, Transition, allowed_events
from marketplace.domain.policies import PUBLIC, TABLE, TOPICS, PolicyVersionState, Standing, standing_of
from marketplace.guard import current_viewer, not_found, open_to_all
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.policies import PolicyVersion, find_current, find_version, find_versions
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_shown import outdated_fields
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen

pages = Blueprint("policies", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("policies.show", public_id=ref)
FILES = ("pdf", "docx")
TEXTS = ("topic", "title", "number", "issuer", "summary", "text", "note")
DAYS = ("issued", "valid_from", "valid_until")
_MOST_SUCCESSORS = 200
_S = PolicyVersionState
Typed = dict[str, str]


@dataclass(frozen=True)
class PolicyRow:
    version: PolicyVersion
    standing: Standing


@dataclass(frozen=True)
class PolicyList:
    rows: Sequence[PolicyRow]
    paging: Paging


@dataclass(frozen=True)
class PolicyPage:
    """`others`: all versions, the newest first, of which `version` is open. `successors`: what may take its place."""

    version: PolicyVersion
    standing: Standing
    others: Sequence[PolicyRow]
    files: Sequence[Attachment]
    successor: PolicyVersion | None
    events: Sequence[Transition]
    successors: Sequence[PolicyVersion]
    has_draft: bool
    seen: int


def topic_word(key: str) -> str:
    return say(TOPICS[key]) if key in TOPICS else key


def step_of() -> Step:
    return Step(current_viewer(), here_now(), today(), seen())


def _manages(viewer: Viewer) -> bool:
    return may(viewer, "manage", "policy")


@pages.get("/policies")
@open_to_all
def index() -> str:
    args = request.args
    wanted = {"topic": args.get("topic", "") if args.get("topic") in TOPICS else "", "q": args.get("q", "").strip()[:100]}
    wanted["show"] = args.get("show", "") if args.get("show") in ("valid", "draft") else ""
    with current_site().database.reading() as session:
        found = read_list(session, current_viewer(), wanted)
        return render_template("policies/index.html", found=found, wanted=wanted, topics=list(TOPICS), topic_word=topic_word)


def read_list(session: Session, viewer: Viewer, wanted: Mapping[str, str]) -> PolicyList:
    """Of each policy the newest version, by the day on which it was issued; for its keepers the drafts too."""
    # Of what is public, the newest is published or repealed: what came before it is superseded, and a repealed policy has no next version.
    where: list[ColumnElement[bool]] = [PolicyVersion.state.in_((_S.PUBLISHED, _S.REPEALED))]
    if _manages(viewer):
        drafts = PolicyVersion.state == _S.DRAFT
        where = [drafts] if wanted["show"] == "draft" else [or_(*where, drafts & (PolicyVersion.version == 1))]
    if wanted["show"] == "valid":
        day = today()
        where += [PolicyVersion.state == _S.PUBLISHED, func.coalesce(PolicyVersion.valid_from, day) <= day]
        where.append(func.coalesce(PolicyVersion.valid_until, day) >= day)
    if wanted["topic"]:
        where.append(PolicyVersion.topic == wanted["topic"])
    if wanted["q"]:
        columns = (PolicyVersion.title, PolicyVersion.number, PolicyVersion.summary, PolicyVersion.text)
        where.append(or_(*(column.contains(wanted["q"], autoescape=True) for column in columns)))
    total = session.scalar(select(func.count()).select_from(PolicyVersion).where(*where)) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "policies.index", **wanted)
    query = select(PolicyVersion).where(*where).order_by(PolicyVersion.issued.desc(), PolicyVersion.id.desc())
    return PolicyList([_row(one) for one in session.scalars(query.limit(paging.size).offset(paging.offset))], paging)


def _row(version: PolicyVersion) -> PolicyRow:
    return PolicyRow(version, standing_of(version.state, version.valid_from, version.valid_until, today()))


@pages.get("/policies/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return page_of(public_id)


def page_of(public_id: str, refused: Refused | None = None, *, form: str = "") -> Response:
    with current_site().database.reading() as session:
        page = read_page(session, found_version(session, public_id))
        body = render_template(
            "policies/show.html",
            page=page,
            one=page.version,
            sentence=sentence_of(refused),
            form=form,
            typed=request.form,
            topic_word=topic_word,
        )
    return make_response(body, 409 if refused and refused.code == "changed_meanwhile" else 422 if refused else 200)


def found_version(session: Session, public_id: str) -> PolicyVersion:
    row = find_version(session, public_id)
    readable = row is not None and (row.state in PUBLIC or (_manages(current_viewer()) and row.state != _S.DROPPED))
    return row if row is not None and readable else not_found()


def read_page(session: Session, row: PolicyVersion) -> PolicyPage:
    viewer = current_viewer()
    manages = _manages(viewer)
    versions = find_versions(session, row.policy_id, drafts=manages)
    after = row.policy.successor_id
    events = allowed_events(TABLE, row.state, viewer.roles)
    successors: Sequence[PolicyVersion] = ()
    if any(one.event == "repeal" for one in events):
        others = select(PolicyVersion).where(PolicyVersion.state == _S.PUBLISHED, PolicyVersion.policy_id != row.policy_id)
        successors = session.scalars(others.order_by(PolicyVersion.issued.desc()).limit(_MOST_SUCCESSORS)).all()
    return PolicyPage(
        row, _row(row).standing, [_row(one) for one in versions], find_attachments(session, actions.NOUN, row.id),
        find_current(session, [after]).get(after) if after else None, [one for one in events if one.event != "supersede"], successors,
        any(one.state == _S.DRAFT for one in versions), find_last_entry(session, actions.NOUN, row.id),
    )  # fmt: skip


@pages.get("/policies/<public_id>/compare/<other_id>")
@open_to_all
def compare(public_id: str, other_id: str) -> str:
    """Two versions of one policy side by side, the earlier one left."""
    with current_site().database.reading() as session:
        pair = sorted((found_version(session, public_id), found_version(session, other_id)), key=lambda one: one.version)
        if pair[0].policy_id != pair[1].policy_id or pair[0].id == pair[1].id:
            not_found()
        old, new = (as_typed(one) for one in pair)
        changes = outdated_fields((label, old[name], new[name]) for name, label in labels().items())
        return render_template("policies/compare.html", before=pair[0], after=pair[1], changes=changes)


def labels() -> dict[str, str]:
    return {
        "title": say("标题"), "number": say("文号"), "issuer": say("发文机关"), "issued": say("发文日期"), "valid_from": say("施行日期"),
        "valid_until": say("失效日期"), "topic": say("主题"), "summary": say("要点"), "text": say("正文"),
    }  # fmt: skip


def as_typed(row: PolicyVersion) -> Typed:
    typed = {name: getattr(row, name) for name in TEXTS}
    typed |= {name: value.isoformat() if (value := getattr(row, name)) else "" for name in DAYS}
    return typed


def _may_read(session: Session, viewer: Viewer, attachment: Attachment) -> bool:
    return may_read_file(session, _manages(viewer), attachment)


attachments.READERS[actions.NOUN] = _may_read
