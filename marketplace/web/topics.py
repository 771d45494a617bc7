"""课题研究: topics of the centre and its members; what runs and what came out is for everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, make_response, render_template, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from marketplace.actions import topics as actions
from marketplace.attachments import ALLOWED, READERS, received
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, Transition, _, allowed_events
from marketplace.domain.topics import OPEN, TABLE, WITH_REASON, TopicDraft, TopicState, check
from marketplace.guard import current_viewer, not_found, open_to_all, permission
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import find_last_entry
from marketplace.records.topics import Topic, find_topic, readable_topics
from marketplace.site import current_site
from marketplace.web.addresses import ADDRESSES
from marketplace.web.catalogue_form import Faults
from marketplace.web.catalogue_shown import ShownDifference, outdated_fields
from marketplace.web.centre import WORDS, Done, acted, status_of, step_of, trail, typed
from marketplace.web.centre_forms import form_page, kept
from marketplace.web.language import say
from marketplace.web.paging import Paging, paged
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import today
from marketplace.web.typed import typed_day

pages = Blueprint("topics", __name__)
ADDRESSES[actions.NOUN] = lambda ref: url_for("topics.show", public_id=ref)
NAMES = ("title", "text", "lead", "members", "due", "result")
LABELS = {
    "title": _("标题"), "text": _("内容"), "lead": _("牵头单位"), "members": _("参加单位"), "due": _("完成期限"), "result": _("研究结果"),
}  # fmt: skip
_SAID = {"begin": _("已开题。"), "conclude": _("已结题，结果公开。"), "stop": _("课题已中止。")}


@dataclass(frozen=True)
class TopicList:
    rows: Sequence[Topic]
    paging: Paging


@dataclass(frozen=True)
class TopicPage:
    topic: Topic
    files: Sequence[Attachment]
    steps: Sequence[Transition]
    done: Sequence[Done]
    seen: int


def _readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """Results are for everybody once the topic is concluded, before that for the offices."""
    topic = session.get(Topic, file.noun_id)
    return topic is not None and (topic.state == TopicState.CONCLUDED or viewer.is_staff)


READERS[actions.NOUN] = _readable


@pages.get("/topics")
@open_to_all
def index() -> str:
    with current_site().database.reading() as session:
        return render_template("topics/index.html", found=read_list(session, current_viewer()), late=is_late, **WORDS)


def is_late(topic: Topic) -> bool:
    return topic.state in OPEN and topic.due < today()


def read_list(session: Session, viewer: Viewer) -> TopicList:
    """The newest first."""
    query = select(Topic).where(readable_topics(viewer))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    paging = paged(total, current_site().pilot.thresholds.page_size, "topics.index")
    return TopicList(session.scalars(query.order_by(Topic.id.desc()).limit(paging.size).offset(paging.offset)).all(), paging)


@pages.get("/topics/<public_id>")
@open_to_all
def show(public_id: str) -> Response:
    return _page(public_id)


def _page(public_id: str, refused: Refused | None = None, why: str = "") -> Response:
    viewer = current_viewer()
    with current_site().database.reading() as session:
        topic = _found(session, public_id)
        files = [one for one in find_attachments(session, actions.NOUN, topic.id) if _readable(session, viewer, one)]
        page = TopicPage(
            topic,
            files,
            allowed_events(TABLE, topic.state, viewer.roles),
            trail(session, actions.NOUN, topic.id) if may(viewer, "manage", actions.NOUN) else [],
            find_last_entry(session, actions.NOUN, topic.id),
        )
        body = render_template(
            "topics/show.html",
            page=page,
            topic=topic,
            late=is_late,
            open=topic.state in OPEN,
            with_reason=WITH_REASON,
            allowed=ALLOWED,
            why=why,
            sentence=sentence_of(refused),
            **WORDS,
        )
    return make_response(body, status_of(refused))


def _found(session: Session, public_id: str) -> Topic:
    return find_topic(session, public_id, current_viewer()) or not_found()


def _number(public_id: str) -> int:
    with current_site().database.reading() as session:
        return _found(session, public_id).id


@pages.post("/topics/<public_id>/<any(begin, conclude, stop):event>")
@permission("manage", "topic")
def move(public_id: str, event: str) -> Response:
    database, number, why = current_site().database, _number(public_id), request.form.get("why", "")[:1000]
    return acted(
        lambda: actions.advance(database, number, event, step_of(), why=why),
        lambda refused: _page(public_id, refused, why),
        url_for("topics.show", public_id=public_id),
        _SAID[event],
    )


@pages.post("/topics/<public_id>/files")
@permission("manage", "topic")
def add_file(public_id: str) -> Response:
    database, number = current_site().database, _number(public_id)
    file = received("file")
    if file is None:
        return _page(public_id, Refused("required", _("没有选文件。")))
    if isinstance(file, Refused):
        return _page(public_id, file)
    return acted(
        lambda: actions.add_file(database, number, file, step_of()),
        lambda refused: _page(public_id, refused),
        url_for("topics.show", public_id=public_id),
        _("文件已上传。"),
    )


@pages.get("/topics/new")
@permission("manage", "topic")
def new() -> Response:
    return _form(dict.fromkeys(NAMES, ""))


@pages.post("/topics/new")
@permission("manage", "topic")
def create() -> Response:
    return _keep("")


@pages.get("/topics/<public_id>/edit")
@permission("manage", "topic")
def edit(public_id: str) -> Response:
    with current_site().database.reading() as session:
        values = typed_of(_found(session, public_id))
    return _form(values, public_id=public_id)


@pages.post("/topics/<public_id>/edit")
@permission("manage", "topic")
def save(public_id: str) -> Response:
    return _keep(public_id)


def typed_of(topic: Topic) -> dict[str, str]:
    return {name: str(getattr(topic, name)) for name in NAMES}


def _keep(public_id: str) -> Response:
    database, values = current_site().database, typed(*NAMES)
    number = _number(public_id) if public_id else None
    draft = TopicDraft(**{name: value for name, value in values.items() if name != "due"}, due=typed_day(values["due"]))

    def keep() -> Topic:
        return actions.create(database, draft, step_of()) if number is None else actions.change(database, number, draft, step_of())

    return kept("topics", keep, list(check(draft)), lambda faults, lost: _form(values, public_id=public_id, faults=faults, lost=lost))


def _form(values: dict[str, str], *, public_id: str = "", faults: Faults | None = None, lost: Refused | None = None) -> Response:
    with current_site().database.reading() as session:
        topic = _found(session, public_id) if public_id else None
        return form_page(
            "topics/form.html", session, actions.NOUN, topic, values, faults or [], lost, lambda: _outdated(topic, values) if topic else []
        )


def _outdated(topic: Topic, values: Mapping[str, str]) -> list[ShownDifference]:
    there = typed_of(topic)
    return outdated_fields((say(word), there[name], values[name]) for name, word in LABELS.items())
