"""课题研究: the centre writes topics down, begins and concludes them; results are files."""

from __future__ import annotations

from typing import Any

from marketplace.actions.centre_steps import Step, changed, locked, move, note, refuse_first, refuse_without_reason
from marketplace.actions.files import attach
from marketplace.actions.numbers import next_number
from marketplace.actions.roles import must_hold
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.topics import OPEN, TABLE, WITH_REASON, TopicDraft, check
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.files import Attachment
from marketplace.records.topics import Topic

NOUN, SERIES, RESULT = "topic", "KT", "result"
FIELDS = ("title", "text", "lead", "members", "due", "result")


def create(database: Database, draft: TopicDraft, step: Step) -> Topic:
    must_hold(step.viewer, "manage", NOUN)
    refuse_first(check(draft))
    with database.writing() as session:
        number = next_number(session, SERIES, step.today.year)
        topic = Topic(number=number, created_by=step.viewer.account_id, created=step.at, **_values(draft))
        session.add(topic)
        session.flush()
        note(session, NOUN, topic.id, "create", step, None, {"number": number, **_values(draft)})
        return topic


def change(database: Database, topic_id: int, draft: TopicDraft, step: Step) -> Topic:
    """Until it is concluded or stopped."""
    must_hold(step.viewer, "manage", NOUN)
    refuse_first(check(draft))
    with database.writing() as session:
        topic = locked(session, Topic, topic_id, NOUN, step)
        if topic.state not in OPEN:
            raise RefusedError(Refused("topic_over", _("课题已结题或中止，不能再改。")))
        before = {name: getattr(topic, name) for name in FIELDS}
        after = changed(before, _values(draft))
        for name, value in after.items():
            setattr(topic, name, value)
        if after:
            session.flush()
            note(session, NOUN, topic.id, "change", step, {name: before[name] for name in after}, after)
        return topic


def advance(database: Database, topic_id: int, event: str, step: Step, *, why: str = "") -> Topic:
    refuse_without_reason(event, why, WITH_REASON)
    with database.writing() as session:
        topic = locked(session, Topic, topic_id, NOUN, step)
        move(session, topic, TABLE, event, step, why=why, subject=topic.result)
        return topic


def add_file(database: Database, topic_id: int, file: StoredBlob, step: Step) -> Attachment:
    """A file of its results: everybody reads it once the topic is concluded."""
    must_hold(step.viewer, "manage", NOUN)
    with database.writing() as session:
        topic = locked(session, Topic, topic_id, NOUN, Step(step.viewer, step.at, step.today))
        return attach(session, file, noun=NOUN, noun_id=topic.id, kind=RESULT, organisation_id=None, viewer=step.viewer, at=step.at)


def _values(draft: TopicDraft) -> dict[str, Any]:
    return {name: value.strip() if isinstance(value := getattr(draft, name), str) else value for name in FIELDS}
