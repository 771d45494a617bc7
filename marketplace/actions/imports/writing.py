"""Items → records, history and queue, all inside the caller's one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import history, transition
from marketplace.actions.dependants import enqueue_dependants
from marketplace.actions.imports.admission import Admission
from marketplace.actions.imports.checking import Item
from marketplace.actions.imports.consents import is_held_back
from marketplace.actions.imports.nouns import TARGETS
from marketplace.actions.ratings import Incoming, put_events
from marketplace.domain.access import Role
from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.problems import TABLE as PROBLEM_TABLE
from marketplace.domain.problems import ProblemState
from marketplace.domain.rating_events import EventDraft
from marketplace.domain.scenarios import ScenarioState
from marketplace.records.columns import Record
from marketplace.records.diagnoses import Diagnosis
from marketplace.records.enterprises import Enterprise
from marketplace.records.matches import Acceptance, Outcome
from marketplace.records.organisations import Organisation
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario


@dataclass
class Writer:
    """What every written row needs to know, and what was touched so far."""

    session: Session
    actor: str
    source: str
    at: datetime
    diagnosed: date
    admission: Admission
    step: Callable[[], None]
    touched: dict[str, set[int]] = field(default_factory=dict)
    _organisations: dict[str, Organisation] = field(default_factory=dict)
    _diagnoses: dict[int, Diagnosis] = field(default_factory=dict)
    _last_number: int = -1

    def write(self, noun: str, items: list[Item]) -> None:
        """Write the items of a noun whose rows are new or changed."""
        if noun == "rating_events":
            self._put_events(items)
            return
        created: list[tuple[Item, Record, dict[str, Any]]] = []
        for item in items:
            if item.existing is None:
                values = own_values(item)
                created.append((item, self._create(item, values), values))
            else:
                self._update(item, item.existing)
            self.step()
        self.session.flush()
        for item, record, values in created:
            item.existing = record
            self._note(item, "import", None, _all_values(values, record))

    def _put_events(self, items: list[Item]) -> None:
        """Events are never written over: a changed row replaces the one before, which stays."""
        rows = []
        for item in items:
            # An absent column changes nothing.
            kept: dict[str, Any] = {"project": "", "payload": {}, "solution_id": None}
            kept |= {name: getattr(item.existing, name) for name in kept} if item.existing is not None else {}
            values = kept | own_values(item)
            draft = EventDraft(values["kind"], values["on"], values["payload"], values["project"])
            rows.append(Incoming(values["provider_id"], draft, item.key, values["solution_id"]))
            self.step()
        written = put_events(self.session, rows, source=self.source, actor=self.actor, at=self.at)
        self.touched.setdefault("rating_event", set()).update(event.id for event in written)

    def enqueue(self) -> None:
        """Ask for everything that speaks of the touched rows to be indexed again."""
        self._solve()
        enqueue_dependants(self.session, self.touched)

    def _solve(self) -> None:
        """A project that passed without rectification has solved its problem. Who reopens it later is not overruled."""
        touched = self.touched.get("outcome", set())
        if not touched:
            return
        passed = select(Outcome.id, Outcome.problem_id).where(Outcome.acceptance == Acceptance.PASSED)
        solved = {problem_id for number, problem_id in self.session.execute(passed) if number in touched}
        for problem in self.session.scalars(select(Problem).where(Problem.state == ProblemState.OPEN).order_by(Problem.id)).all():
            if problem.id in solved:
                transition.apply(
                    self.session, problem, PROBLEM_TABLE, "solve", actor=self.actor, roles={Role.ADMIN}, at=self.at, why="项目通过验收"
                )

    def _create(self, item: Item, values: dict[str, Any]) -> Record:
        held = item.noun == "scenarios" and is_held_back(item)
        record: Record = Scenario(state=ScenarioState.DRAFT) if held else TARGETS[item.noun].record()
        if isinstance(record, (Provider, Enterprise)):
            record.organisation = self._organisation(item)
        if isinstance(record, Provider):
            record.admission_basis, record.admitted_on = self.admission.basis.strip(), self.admission.on
        for name, value in values.items():
            setattr(record, name, value)
        thing: Any = record
        thing.source, thing.source_ref = self.source, item.key
        if item.noun == "problems":
            thing.diagnosis_id = self._diagnosis(thing.enterprise_id).id
        self.session.add(record)
        return record

    def _update(self, item: Item, record: Record) -> None:
        found = changes(item)
        if not found:
            return
        before = {name: _plain(old) for name, (old, _new) in found.items()}
        for name, (_old, new) in found.items():
            if name == "name" and isinstance(record, (Provider, Enterprise)):
                self._rename(record.organisation, new)
            else:
                setattr(record, name, new)
        self._note(item, "import", before, {name: _plain(new) for name, (_old, new) in found.items()})

    def _note(self, item: Item, verb: str, before: dict[str, Any] | None, after: dict[str, Any]) -> None:
        noun = TARGETS[item.noun].single
        record: Any = item.existing
        self.touched.setdefault(noun, set()).add(record.id)
        history.record(self.session, actor=self.actor, verb=verb, noun=noun, noun_id=record.id, before=before, after=after, at=self.at)

    def _organisation(self, item: Item) -> Organisation:
        """One credit code is one organisation: an enterprise may be a provider as well."""
        code = item.key
        found = self._organisations.get(code) or self.session.scalar(select(Organisation).where(Organisation.credit_code == code))
        if found is None:
            found = Organisation(credit_code=code, name=item.values["name"])
            self.session.add(found)
        elif found.name != item.values["name"]:
            self._rename(found, item.values["name"])
        self._organisations[code] = found
        return found

    def _rename(self, organisation: Organisation, name: str) -> None:
        """A new name is a change of everything that the organisation is."""
        organisation.name = name
        for record, noun in ((Provider, "provider"), (Enterprise, "enterprise")):
            ids = self.session.scalars(select(record.id).where(record.organisation_id == organisation.id))
            self.touched.setdefault(noun, set()).update(ids)

    def _diagnosis(self, enterprise_id: int) -> Diagnosis:
        """The issued diagnosis of an enterprise that this source's problems hang on."""
        found = self._diagnoses.get(enterprise_id) or self.session.scalar(
            select(Diagnosis).where(Diagnosis.enterprise_id == enterprise_id, Diagnosis.source == self.source)
        )
        if found is None:
            found = Diagnosis(
                enterprise_id=enterprise_id,
                number=self._next_number(),
                visited=self.diagnosed,
                state=DiagnosisState.ISSUED,
                source=self.source,
                source_ref=f"enterprise:{enterprise_id}",
            )
            self.session.add(found)
            self.session.flush()
            history.record(
                self.session,
                actor=self.actor,
                verb="import",
                noun="diagnosis",
                noun_id=found.id,
                before=None,
                after={"number": found.number, "enterprise_id": enterprise_id},
                at=self.at,
            )
        self._diagnoses[enterprise_id] = found
        return found

    def _next_number(self) -> str:
        """ZD-2024-0001 and on, one series a year."""
        start = f"ZD-{self.diagnosed.year}-"
        if self._last_number < 0:
            taken = self.session.scalars(select(Diagnosis.number).where(Diagnosis.number.startswith(start)))
            self._last_number = max((int(number[len(start) :]) for number in taken if number[len(start) :].isdecimal()), default=0)
        self._last_number += 1
        return f"{start}{self._last_number:04}"


def _plain(value: Any) -> Any:
    """A value as JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def _all_values(values: dict[str, Any], record: Record) -> dict[str, Any]:
    """What the history keeps of a new record."""
    found = {name: _plain(value) for name, value in values.items()}
    if isinstance(record, (Provider, Enterprise)):
        found |= {"name": record.organisation.name, "credit_code": record.organisation.credit_code}
    if isinstance(record, Provider):
        found |= {"admission_basis": record.admission_basis, "admitted_on": _plain(record.admitted_on)}
    return found


def own_values(item: Item) -> dict[str, Any]:
    """The attributes of the item's record that the row speaks of, references as ids (None: not written yet)."""
    target = TARGETS[item.noun]
    values = {name: value for name, value in item.values.items() if name in target.columns}
    for name, (attribute, _noun) in target.refers.items():
        if name in item.refers:
            other = item.refers[name]
            values[attribute] = other if isinstance(other, int) else getattr(other.existing, "id", None)
        elif name in item.values:
            values[attribute] = None
    return values


def changes(item: Item) -> dict[str, tuple[Any, Any]]:
    """Attribute → (old, new) of an item that exists already. An absent column changes nothing."""
    record = item.existing
    found = {name: (old, new) for name, new in own_values(item).items() if (old := getattr(record, name)) != new}
    if isinstance(record, (Provider, Enterprise)) and record.organisation.name != item.values["name"]:
        found["name"] = (record.organisation.name, item.values["name"])
    return found
