"""Scenario lists (应用场景清单), batch by batch: issued ones for everybody; for the offices drafts, issuing and withdrawing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import Session

from marketplace.actions import scenario_lists as actions
from marketplace.api.days import here_now, today
from marketplace.api.operation import Done, Model, Versioned, operation, refuse_faults
from marketplace.api.paging import ListQuery, part_of
from marketplace.api.writing import read_number, read_version
from marketplace.domain.access import may
from marketplace.domain.scenario_lists import ScenarioListDraft, ScenarioListState, check
from marketplace.domain.scenarios import ScenarioKind, ScenarioState
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.history import find_last_entry
from marketplace.records.scenario_lists import ScenarioConsent, ScenarioList, count_entries, find_list_scenarios
from marketplace.records.scenarios import Scenario
from marketplace.scenario_texts import scenario_text
from marketplace.site import current_site


class BatchLine(Model):
    """A list. `size`: how many scenarios stand on it."""

    id: str
    batch: int
    title: str
    state: ScenarioListState
    issued: date | None
    size: int


class BatchScenario(Model):
    code: str
    name: str
    sector: str
    stage: str
    state: ScenarioState


class BatchOut(Versioned, BatchLine):
    """A list in full. Of its scenarios those only that the viewer may still read; `supersedes`, `superseded_by`: ids of lists.

    `missing`: of a draft, the codes of enterprises' own scenarios whose consent is still wanted, for the offices.
    """

    note: str
    why: str
    scenarios: list[BatchScenario]
    missing: list[str]
    supersedes: str | None
    superseded_by: str | None


class BatchList(Model):
    items: list[BatchLine]
    next: str | None


class BatchIn(Model):
    """A draft, whole; `codes` in their order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"batch": 7, "title": "应用场景清单（第 7 批）", "note": "", "codes": ["CHEM-01", "CHEM-02"]}]}
    )
    batch: int = Field(ge=1, le=999)
    title: str = Field(max_length=200)
    note: str = Field("", max_length=5_000)
    codes: list[str] = Field([], max_length=2_000)


class IssueIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"supersedes": ""}]})
    supersedes: str = Field("", max_length=36)
    """The id of an issued list whose place this one takes."""


class WithdrawalIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"why": "口径调整，重新征集"}]})
    why: str = Field(max_length=500)


def _readable() -> ColumnElement[bool]:
    """What was once issued is public, and says what became of it; a draft is for those who make it."""
    return true() if may(current_viewer(), "manage", actions.NOUN) else ScenarioList.issued.is_not(None)


@permission("read", "scenario_list")
@operation("/scenario-lists", summary="Scenario lists that were issued", tag="lists", query=ListQuery, answer=BatchList)
def list_scenario_lists(query: ListQuery) -> BatchList:
    with current_site().database.reading() as session:
        part, following = part_of(session, select(ScenarioList).where(_readable()), ScenarioList, query)
        sizes = count_entries(session, [row.id for row in part])
        return BatchList(items=[BatchLine(**_line(row, sizes.get(row.id, 0))) for row in part], next=following)


def _line(row: ScenarioList, size: int) -> dict[str, Any]:
    same = {name: getattr(row, name) for name in ("batch", "title", "state", "issued")}
    return {**same, "id": row.public_id, "size": size}


@permission("read", "scenario_list")
@operation("/scenario-lists/<id>", summary="One scenario list", tag="lists", answer=BatchOut)
def read_scenario_list(id: str) -> BatchOut:
    with current_site().database.reading() as session:
        return _out(session, _found(session, id))


def _found(session: Session, id: str) -> ScenarioList:
    return session.scalar(select(ScenarioList).where(ScenarioList.public_id == id, _readable())) or not_found()


def _out(session: Session, row: ScenarioList) -> BatchOut:
    listed, manages = find_list_scenarios(session, row.id), may(current_viewer(), "manage", actions.NOUN)
    old = session.get(ScenarioList, row.supersedes_id) if row.supersedes_id else None
    new = session.scalars(select(ScenarioList).where(ScenarioList.supersedes_id == row.id)).first()
    return BatchOut(
        **_line(row, len(listed)),
        version=str(find_last_entry(session, actions.NOUN, row.id)),
        note=row.note,
        why=row.why,
        scenarios=[_scenario(one) for one in listed if manages or one.state == ScenarioState.PUBLISHED],
        missing=_missing(session, listed) if manages and row.state == ScenarioListState.DRAFT else [],
        supersedes=old.public_id if old else None,
        superseded_by=new.public_id if new else None,
    )


def _scenario(row: Scenario) -> BatchScenario:
    same = {name: getattr(row, name) for name in ("code", "sector", "stage", "state")}
    return BatchScenario(**same, name=scenario_text(row, row.name, current_viewer(), current_site().pilot))


def _missing(session: Session, listed: Sequence[Scenario]) -> list[str]:
    agreed = set(session.scalars(select(ScenarioConsent.scenario_id).where(ScenarioConsent.taken_back.is_(None))))
    return [one.code for one in listed if one.kind == ScenarioKind.INDIVIDUAL and one.id not in agreed]


def _draft(body: BatchIn) -> ScenarioListDraft:
    draft = ScenarioListDraft(body.batch, body.title.strip(), body.note.strip(), tuple(dict.fromkeys(body.codes)))
    refuse_faults(check(draft))
    return draft


def _done(number: int) -> Done:
    with current_site().database.reading() as session:
        row = session.get_one(ScenarioList, number)
        return Done(id=row.public_id, state=row.state, version=str(find_last_entry(session, actions.NOUN, number)))


def _acted(id: str, act: Callable[[int], object]) -> Done:
    with current_site().database.reading() as session:
        number = _found(session, id).id
    act(number)
    return _done(number)


@permission("manage", "scenario_list", scope="write")
@operation("/scenario-lists", method="POST", summary="Draft a list", tag="lists", body=BatchIn, answer=Done, status=201, writes=True)
def draft_scenario_list(body: BatchIn) -> Done:
    return _done(actions.create(current_site().database, _draft(body), viewer=current_viewer(), at=here_now()).id)


@permission("manage", "scenario_list", scope="write")
@operation(
    "/scenario-lists/<id>", method="PUT", summary="Write a draft anew", tag="lists", body=BatchIn, answer=Done, writes=True, match="may"
)
def change_scenario_list(id: str, body: BatchIn) -> Done:
    values: dict[str, Any] = {"viewer": current_viewer(), "at": here_now(), "seen": read_number(read_version())}
    return _acted(id, lambda number: actions.change(current_site().database, number, _draft(body), **values))


@permission("manage", "scenario_list", scope="write")
@operation(
    "/scenario-lists/<id>/issue",
    method="POST",
    summary="Issue a list, in the place of another one or beside it",
    tag="lists",
    body=IssueIn,
    answer=Done,
    writes=True,
)
def issue_scenario_list(id: str, body: IssueIn) -> Done:
    database = current_site().database

    def act(number: int) -> object:
        with database.reading() as session:
            old = _found(session, body.supersedes).id if body.supersedes else None
        return actions.issue(database, number, viewer=current_viewer(), at=here_now(), today=today(), supersedes=old)

    return _acted(id, act)


@permission("manage", "scenario_list", scope="write")
@operation(
    "/scenario-lists/<id>/withdraw",
    method="POST",
    summary="Take a whole list back",
    tag="lists",
    body=WithdrawalIn,
    answer=Done,
    writes=True,
)
def withdraw_scenario_list(id: str, body: WithdrawalIn) -> Done:
    verb = actions.withdraw
    return _acted(id, lambda number: verb(current_site().database, number, viewer=current_viewer(), at=here_now(), why=body.why.strip()))
