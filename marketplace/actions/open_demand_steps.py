"""What every step of an open demand shares: its lock, who may act for whom, and the guard of what is written in front of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.brokering_steps import CLOCK, Act, Step
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.roles import actor_of, refuse_unless, roles_on
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.lifecycle import Refused
from marketplace.domain.open_demand_rules import OpenDemandRules
from marketplace.domain.open_demands import TABLE, OpenDemandState, Situation, is_over, names_owner, names_somebody
from marketplace.domain.problems import names_of
from marketplace.domain.text_guard import examine
from marketplace.records.enterprises import Enterprise
from marketplace.records.open_demands import OpenDemand, count_open_answers
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider

DEMAND, ANSWER, QUESTION, VERSION = "open_demand", "open_answer", "open_question", "open_answer_version"
# Verbs of the history that change nothing of what a form about the demand shows.
HARMLESS = ("tell", "attach")


@dataclass(frozen=True, kw_only=True)
class OpenStep(Step):
    """Who acts and when, by the pilot's rules. `areas`: park or street → the words for it."""

    open: OpenDemandRules
    catalogue: CatalogueRules
    areas: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def hidden(self, enterprise: Enterprise) -> tuple[str, ...]:
        """Words that tell whose demand it is."""
        return (*names_of(enterprise.name), *self.areas.get(enterprise.area, ()))


def situation_of(session: Session, demand: OpenDemand, step: Act, *, least: int = 0, chosen: int = 0) -> Situation:
    answers = count_open_answers(session, [demand.id]).get(demand.id, 0)
    return Situation(step.today, demand.questions_until, demand.answers_until, least, answers, chosen)


def locked(session: Session, demand_id: int, step: Step) -> OpenDemand:
    """The demand under lock, as it is at this moment: one whose last day is over is closed, whether or not the night has come by."""
    session.execute(select(OpenDemand.id).where(OpenDemand.id == demand_id).with_for_update())
    demand = session.get_one(OpenDemand, demand_id, populate_existing=True)
    refuse_if_moved(session, DEMAND, demand.id, seen=step.seen, at=step.at, harmless=HARMLESS)
    close_if_over(session, demand, step)
    return demand


def close_if_over(session: Session, demand: OpenDemand, step: Act) -> bool:
    """Whether it was closed just now."""
    if demand.state != OpenDemandState.PUBLISHED or not is_over(demand.answers_until, step.today):
        return False
    subject = situation_of(session, demand, step)
    transition.apply(session, demand, TABLE, "close", actor=actor_of(CLOCK), roles=CLOCK.roles, at=step.at, subject=subject)
    return True


def move(session: Session, demand: OpenDemand, event: str, step: Step, why: str = "", *, least: int = 0, chosen: int = 0) -> None:
    """Move a locked demand by an event of its table."""
    held = roles_on(step.viewer, enterprise_id=demand.enterprise_id)
    subject = situation_of(session, demand, step, least=least, chosen=chosen)
    transition.apply(session, demand, TABLE, event, actor=actor_of(step.viewer), roles=held, at=step.at, why=why, subject=subject)


def writes_for(viewer: Viewer, enterprise: Enterprise, right: str = "submit") -> bool:
    """Whether somebody acts as a member of the enterprise."""
    return enterprise.id in viewer.enterprise_ids and may_act_for(viewer, enterprise.organisation_id, right)


def must_write(viewer: Viewer, enterprise: Enterprise, right: str = "submit") -> bool:
    """The enterprise, or the centre in its place. Returns whether it is the enterprise itself."""
    own = writes_for(viewer, enterprise, right)
    refuse_unless(own or may(viewer, "write", DEMAND))
    return own


# ---- what is written in front of all

Faults = list[tuple[str, Refused]]


def contacts_in(name: str, text: str, rules: CatalogueRules) -> Faults:
    """Telephone, mail and the like belong where both sides have agreed to talk."""
    return [(name, one.refused) for one in examine({name: [text]}, rules) if one.refused.code == "contact_data"]


def faults_of_own(texts: Mapping[str, str], enterprise: Enterprise, step: OpenStep, *, shows_name: bool) -> Faults:
    """What the enterprise writes in front of all. `texts`: field → text."""
    found: Faults = []
    for name, text in texts.items():
        if not shows_name and (refused := names_owner(text, step.hidden(enterprise))):
            found.append((name, refused))
        found += contacts_in(name, text, step.catalogue)
    return found


def fault_of_question(session: Session, text: str, provider: Provider, step: OpenStep) -> Refused | None:
    """What a provider asks in front of all. Every enterprise of the platform is looked for alike."""
    places = {word for words in step.areas.values() for word in words}
    names: set[str] = set(places)
    for name in session.scalars(select(Organisation.name).join(Enterprise, Enterprise.organisation_id == Organisation.id)):
        names.update(names_of(name))
    if refused := names_somebody(text, names, names_of(provider.name)):
        return refused
    found: Sequence[tuple[str, Refused]] = contacts_in("text", text, step.catalogue)
    return found[0][1] if found else None
