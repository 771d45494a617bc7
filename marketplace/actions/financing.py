"""Financing: the centre publishes offers, an enterprise asks for one with papers of its project, the centre writes down what the bank says."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.funds_steps import refuse_first
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.notices import accounts_of_organisation, accounts_of_roles, notify
from marketplace.actions.project_steps import Step
from marketplace.actions.roles import actor_of, must_hold, refuse_unless, roles_on
from marketplace.actions.tasks import close_tasks, open_task
from marketplace.domain.access import Role, may_act_for
from marketplace.domain.financing import (
    OFFERS,
    TABLE,
    WITH_ANSWER,
    FinancingDraft,
    FinancingState,
    OfferDraft,
    OfferKind,
    OfferState,
    check_application,
    check_offer,
)
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.financing import FinancingApplication, FinancingOffer
from marketplace.records.projects import Project

OFFER, NOUN = "financing_offer", "financing_application"
ANSWER_TASK = "financing_answer"
_FIELDS = ("institution", "product", "kind", "low_fen", "high_fen", "rate", "conditions", "contact")


def keep_offer(database: Database, offer_id: int | None, draft: OfferDraft, step: Step) -> FinancingOffer:
    """Write a new offer, or change one."""
    must_hold(step.viewer, "manage", "financing")
    refuse_first(check_offer(draft))
    with database.writing() as session:
        if offer_id is None:
            offer = FinancingOffer(created_by=step.viewer.account_id, created=step.at)
            before = None
        else:
            offer = session.get_one(FinancingOffer, offer_id, with_for_update=True)
            refuse_if_moved(session, OFFER, offer.id, seen=step.seen, at=step.at)
            before = _plain(offer)
        for name in _FIELDS:
            value = getattr(draft, name)
            setattr(offer, name, OfferKind(value) if name == "kind" else value.strip() if isinstance(value, str) else value)
        session.add(offer)
        session.flush()
        verb = "create" if before is None else "edit"
        record(
            session, actor=actor_of(step.viewer), verb=verb, noun=OFFER, noun_id=offer.id, before=before, after=_plain(offer), at=step.at
        )
        return offer


def move_offer(database: Database, offer_id: int, event: str, step: Step) -> FinancingOffer:
    with database.writing() as session:
        offer = session.get_one(FinancingOffer, offer_id)
        transition.apply(session, offer, OFFERS, event, actor=actor_of(step.viewer), roles=step.viewer.roles, at=step.at)
        return offer


def keep_application(
    database: Database,
    draft: FinancingDraft,
    step: Step,
    *,
    enterprise_id: int,
    offer_id: int,
    project_id: int | None,
    application_id: int | None = None,
) -> FinancingApplication:
    """A draft of an enterprise's own, new or changed. Papers are those of the named project, each by its own consent."""
    refuse_first(check_application(draft, today=step.today))
    with database.writing() as session:
        enterprise = session.get_one(Enterprise, enterprise_id)
        refuse_unless(enterprise_id in step.viewer.enterprise_ids and may_act_for(step.viewer, enterprise.organisation_id, "edit"))
        offer = session.get_one(FinancingOffer, offer_id)
        if offer.state != OfferState.PUBLISHED:
            raise RefusedError(Refused("offer_withdrawn", _("这个融资产品已经下架。")))
        if application_id is None:
            application = FinancingApplication(created_by=step.viewer.account_id, created=step.at, enterprise_id=enterprise_id)
            before = None
        else:
            application = session.get_one(FinancingApplication, application_id, with_for_update={"of": FinancingApplication})
            refuse_unless(application.enterprise_id == enterprise_id)
            if application.state != FinancingState.DRAFT:
                raise RefusedError(Refused("sent_already", _("已经送出，不能再改。可以撤回后另写一份。")))
            refuse_if_moved(session, NOUN, application.id, seen=step.seen, at=step.at)
            before = _asked(application)
        application.offer_id, application.project_id = offer.id, project_id
        application.fen, application.purpose = draft.fen or 0, draft.purpose.strip()
        application.papers = _papers(session, project_id, enterprise, draft)
        application.papers_until = draft.until if application.papers else None
        session.add(application)
        session.flush()
        verb, after = "create" if before is None else "edit", _asked(application)
        record(session, actor=actor_of(step.viewer), verb=verb, noun=NOUN, noun_id=application.id, before=before, after=after, at=step.at)
        return application


def _papers(session: Session, project_id: int | None, enterprise: Enterprise, draft: FinancingDraft) -> list[str]:
    """Only what the enterprise's own project holds may be handed on."""
    if not draft.papers:
        return []
    project = session.get(Project, project_id) if project_id is not None else None
    if project is None or project.organisation_id != enterprise.organisation_id:
        raise RefusedError(Refused("no_project", _("请先选本企业的一个项目，再选它的材料。")))
    own = {row.public_id for row in find_attachments(session, "project", project.id)}
    if not set(draft.papers) <= own:
        raise RefusedError(Refused("foreign_paper", _("选的材料里有不是这个项目的。")))
    return list(dict.fromkeys(draft.papers))


def move_application(
    database: Database, application_id: int, event: str, step: Step, *, answer: str = "", offered_fen: int | None = None
) -> FinancingApplication:
    """Send, answered by the institution (the centre writes it down), taken, withdrawn."""
    if event in WITH_ANSWER and not answer.strip():
        raise RefusedError(Refused("no_answer", _("请写明机构的答复。")))
    if event == "offer" and (offered_fen is None or offered_fen <= 0):
        raise RefusedError(Refused("no_amount", _("金额没有填，或者不是数。")))
    with database.writing() as session:
        application = session.get_one(FinancingApplication, application_id, with_for_update={"of": FinancingApplication})
        roles = roles_on(step.viewer, enterprise_id=application.enterprise_id)
        if Role.ENTERPRISE in roles and not may_act_for(step.viewer, application.enterprise.organisation_id, "submit"):
            roles -= {Role.ENTERPRISE}
        transition.apply(session, application, TABLE, event, actor=actor_of(step.viewer), roles=roles, at=step.at, why=answer.strip())
        close_tasks(session, NOUN, application.id, at=step.at)
        if event == "send":
            application.sent_at = step.at
            values = {"enterprise": application.enterprise.name, "product": application.offer.product}
            open_task(
                session, ANSWER_TASK, _("{enterprise} 申请融资：{product}，请转交机构并登记答复"),
                noun=NOUN, noun_id=application.id, public_ref=application.public_id, at=step.at, values=values, roles=(Role.CENTRE,),
            )  # fmt: skip
        if event in WITH_ANSWER:
            application.answer, application.answered_at = answer.strip(), step.at
            application.offered_fen = offered_fen if event == "offer" else application.offered_fen
        _tell(session, application, event, step)
        session.flush()
        return application


_TOLD = {
    "offer": _("{institution} 同意了“{product}”的融资申请，请看答复。"),
    "decline": _("{institution} 没有同意“{product}”的融资申请，请看答复。"),
    "take": _("“{product}”已登记签约。"),
}


def _tell(session: Session, application: FinancingApplication, event: str, step: Step) -> None:
    values = {"institution": application.offer.institution, "product": application.offer.product, "enterprise": application.enterprise.name}
    if event in _TOLD:
        accounts = accounts_of_organisation(session, application.enterprise.organisation_id)
        notify(session, accounts, "fund", _TOLD[event], at=step.at, values=values, noun=NOUN, public_ref=application.public_id)
    elif event == "withdraw" and application.sent_at is not None:
        accounts = accounts_of_roles(session, {Role.CENTRE})
        message = _("{enterprise} 撤回了“{product}”的融资申请。")
        notify(session, accounts, "fund", message, at=step.at, values=values, noun=NOUN, public_ref=application.public_id)


def read_papers(session: Session, application: FinancingApplication) -> list[Attachment]:
    """The files that the enterprise named, as they stand now."""
    if application.project_id is None or not application.papers:
        return []
    return [row for row in find_attachments(session, "project", application.project_id) if row.public_id in application.papers]


def _plain(offer: FinancingOffer) -> dict[str, Any]:
    return {name: str(getattr(offer, name)) if name == "kind" else getattr(offer, name) for name in _FIELDS}


def _asked(application: FinancingApplication) -> dict[str, Any]:
    until = application.papers_until.isoformat() if application.papers_until else None
    return {
        "offer": application.offer_id,
        "project": application.project_id,
        "fen": application.fen,
        "papers": application.papers,
        "until": until,
    }
