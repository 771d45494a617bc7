"""What the capability centre offers, in the demonstration set: a ledger with tasks in every state, events before and after today with their
people, a directory of resources. Everything happens through the same actions as on the pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from sqlalchemy import select

from marketplace.actions import events, resources, sign_ups, talents, topics
from marketplace.actions.centre_steps import Step
from marketplace.actions.demonstration_centre_texts import BREAKDOWN, COMMENTS, EVENTS, RESOURCES, TALENTS, TOPICS, EventStory
from marketplace.actions.work_item_imports import PACKAGED, import_work_items
from marketplace.domain.access import Viewer
from marketplace.domain.centre_rules import CentreRules
from marketplace.domain.events import EventDraft
from marketplace.domain.resources import ResourceDraft
from marketplace.domain.talents import TalentDraft
from marketplace.domain.topics import TopicDraft
from marketplace.domain.work_items import WorkDraft, WorkState, parent_of
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.events import Event
from marketplace.records.work_items import WorkItem
from marketplace.sheets.columns import Words
from marketplace.sheets.work_items import WorkRow, read_work_items

# Who takes part, in the order in which they sign up.
CROWD = ("enterprise", "provider", "enterprise2", "provider2", "area", "expert")
# So many of the tasks whose day is over are still waited for.
LATE = 2


@dataclass(frozen=True)
class Play:
    """The stage. `phases`: what the pilot calls its phases."""

    database: Database
    rules: CentreRules
    choices: resources.Choices
    phases: Mapping[str, str]
    at: datetime
    people: Mapping[str, Viewer]

    def step(self, login: str, ago: int = 0, hour: int = 10) -> Step:
        """At some hour of a day before today; of today itself, now."""
        day = self.at.date() - timedelta(days=ago)
        moment = datetime.combine(day, time(hour), self.at.tzinfo) if ago else self.at
        return Step(self.people[login], moment, day)


def play(
    database: Database, words: Words, rules: CentreRules, choices: resources.Choices, phases: Mapping[str, str], *, at: datetime
) -> bool:
    """`at` is in the pilot's zone. Once only; False where there is something already, or nobody to play."""
    with database.reading() as session:
        if session.scalar(select(WorkItem.id).limit(1)) is not None or session.scalar(select(Event.id).limit(1)) is not None:
            return False
        accounts = {login: row.id for login in ("centre", "bureau", *CROWD) if (row := find_account(session, login))}
        people = {login: found for login, number in accounts.items() if (found := find_viewer(session, number))}
    if "centre" not in people or "bureau" not in people:
        return False
    stage = Play(database, rules, choices, phases, at, people)
    _ledger(stage, words)
    for story in EVENTS:
        _event(stage, _on_a_weekday(stage, story))
    _resources(stage)
    _talents(stage)
    _topics(stage)
    return True


def _ledger(stage: Play, words: Words) -> None:
    """The plan as it is packaged, broken down further, each task in the state that its days say."""
    found = read_work_items(PACKAGED, words, stage.phases)
    assert not found.bad, found.bad
    today, table = stage.at.date(), found.rows[0].table
    rows = [row.draft for row in found.rows]
    rows += [WorkDraft(code=code, title=title, owner=owner, starts=starts, due=due) for code, title, owner, starts, due in BREAKDOWN]
    above = {parent_of(draft.code) for draft in rows}
    over = sorted(
        (draft for draft in rows if draft.due and draft.due < today and draft.code not in above), key=lambda one: one.due or today
    )
    states = {draft.code: WorkState.DONE for draft in over[: max(0, len(over) - LATE)]}
    states |= {draft.code: WorkState.IN_PROGRESS for draft in rows if draft.code not in states and draft.starts and draft.starts <= today}
    # What hangs together is over when all its parts are.
    for draft in sorted(rows, key=lambda one: one.code.count("."), reverse=True):
        parts = [states.get(one.code) for one in rows if parent_of(one.code) == draft.code]
        if parts and all(state == WorkState.DONE for state in parts):
            states[draft.code] = WorkState.DONE
    proved = [
        replace(draft, evidence="按期完成，材料已归档（示例）。" if states.get(draft.code) == WorkState.DONE else draft.evidence)
        for draft in rows
    ]
    lines = [WorkRow(0, draft, states.get(draft.code), None, table, {}) for draft in proved]
    import_work_items(stage.database, lines, stage.step("bureau", 1))


def _on_a_weekday(stage: Play, story: EventStory) -> EventStory:
    """The next weekday for what comes, the one before for what was."""
    days, on = story.days, 1 if story.days >= 0 else -1
    while (stage.at.date() + timedelta(days=days)).weekday() > 4:
        days += on
    return replace(story, days=days)


def _event(stage: Play, story: EventStory) -> None:
    """From the draft as far as the story goes."""
    starts = datetime.combine(stage.at.date() + timedelta(days=story.days), time(story.hour), stage.at.tzinfo)
    draft = EventDraft(
        story.kind, story.title, story.text, story.place, story.host, story.speakers,
        starts, starts + timedelta(hours=3), starts - timedelta(days=2), story.seats,
    )  # fmt: skip
    begun = max(0, 20 - story.days)
    number = events.create(stage.database, draft, stage.step("centre", begun), stage.rules).id
    if story.ends == "draft":
        return
    events.advance(stage.database, number, "publish", stage.step("centre", begun))
    own = {}
    for place, login in enumerate(CROWD[: story.people]):
        if login in stage.people and stage.people[login].organisation_ids:
            unit = min(stage.people[login].organisation_ids)
            own[login] = sign_ups.sign_up(stage.database, number, unit, stage.step(login, max(begun - 1, 0), 9 + place)).id
    if story.ends == "cancelled":
        why = "主讲人另有安排，改期后另行通知（示例）。"
        events.advance(stage.database, number, "cancel", stage.step("centre", max(begun - 2, 0)), why=why)
    elif story.ends == "closed":
        events.advance(stage.database, number, "close", stage.step("centre"))
    elif story.ends == "held":
        _held(stage, number, story, own)


def _held(stage: Play, number: int, story: EventStory, own: Mapping[str, int]) -> None:
    """Who was there, what they thought of it, what it came to."""
    ago = -story.days
    late = stage.step("centre", ago, story.hour + 1)
    for place, login in enumerate(own):
        sign_ups.mark(stage.database, number, own[login], late, came=place % 4 != 3)
    events.advance(stage.database, number, "hold", stage.step("centre", ago, 18))
    for place, login in enumerate(own):
        if place % 4 != 3:
            score, text = COMMENTS[place % len(COMMENTS)]
            sign_ups.rate(stage.database, number, score, text, stage.step(login, max(ago - 1, 0)))
    events.sum_up(stage.database, number, story.summary, stage.step("centre", max(ago - 2, 0)))


def _resources(stage: Play) -> None:
    """Most are published; one is still written, one was taken out again."""
    for place, row in enumerate(RESOURCES):
        step = stage.step("centre", 60 - place)
        draft = ResourceDraft(*row[:7], scenario_codes=row[7], stages=row[8])
        number = resources.create(stage.database, draft, step, stage.rules, stage.choices).id
        if place < len(RESOURCES) - 1:
            resources.advance(stage.database, number, "publish", step)
        if place == len(RESOURCES) - 2:
            resources.advance(stage.database, number, "withdraw", stage.step("centre", 3))


def _talents(stage: Play) -> None:
    """One of each side for the accounts; the last one is out of date, the first one was asked for."""
    made = {}
    for place, (login, side, title, text, people, days) in enumerate(TALENTS):
        if login not in stage.people:
            continue
        step, until = stage.step(login, 30 - place), stage.at.date() + timedelta(days=days)
        draft = TalentDraft(side, title, text, people, until, f"人事科，分机 {8100 + place}（示例）")
        number = talents.create(stage.database, min(stage.people[login].organisation_ids), draft, step).id
        made[login] = talents.advance(stage.database, number, "publish", step).id
    if {"enterprise", "provider"} <= made.keys():
        unit = min(stage.people["provider"].organisation_ids)
        talents.ask(
            stage.database, made["enterprise"], unit, "我们有两位做过同类装置的，可以先来聊一次（示例）。", stage.step("provider", 5)
        )


def _topics(stage: Play) -> None:
    for place, (title, text, lead, members, days, state, result) in enumerate(TOPICS):
        step = stage.step("centre", 90 - place)
        draft = TopicDraft(title, text, lead, members, stage.at.date() + timedelta(days=days), result)
        number = topics.create(stage.database, draft, step).id
        if state != "planned":
            topics.advance(stage.database, number, "begin", step)
        if state == "concluded":
            topics.advance(stage.database, number, "conclude", stage.step("centre", 32))
        elif state == "stopped":
            topics.advance(stage.database, number, "stop", stage.step("centre", 10), why="检测机构已另行采购（示例）。")
