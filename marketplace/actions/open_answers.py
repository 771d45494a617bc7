"""What providers answer to an open demand: given, changed and taken back until the last day. No provider reads another one's."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.brokering_steps import refuse_first, unseen
from marketplace.actions.catalogue import must_act
from marketplace.actions.files import attach
from marketplace.actions.history import record
from marketplace.actions.meanwhile import refuse_if_moved
from marketplace.actions.open_demand_steps import ANSWER, VERSION, OpenStep, locked
from marketplace.actions.open_demands_told import tell_enterprise
from marketplace.actions.roles import actor_of, roles_on
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.open_answers import TABLE, OpenAnswerDraft, Standing, check, may_answer
from marketplace.domain.solutions import SolutionState
from marketplace.files.store import StoredBlob
from marketplace.records.database import Database
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.open_demands import OpenAnswer, OpenAnswerVersion, OpenDemand, find_demand_criteria, find_open_answer
from marketplace.records.providers import Provider, find_unmatchable_provider_ids
from marketplace.records.solutions import Solution

FILE = "file"


def put(
    database: Database,
    demand_id: int,
    provider_id: int,
    draft: OpenAnswerDraft,
    step: OpenStep,
    *,
    files: Sequence[StoredBlob] = (),
    keeps_files: bool = True,
) -> OpenAnswer:
    """The first answer of a provider, or a new version of it. `step.seen`: of its own answer. `keeps_files`: those of the version
    before hang on the new one as well."""
    with database.writing() as session:
        provider, demand = _both(session, demand_id, provider_id, step)
        must_act(step.viewer, provider, "submit")
        if provider.organisation_id == demand.enterprise.organisation_id:
            raise RefusedError(Refused("own_demand", _("这是本单位自己的需求，不能应答。")))
        criteria = {row.id: row.text for row in find_demand_criteria(session, demand.id)}
        refuse_first(check(draft, criteria, demand.answers_until))
        standing = _standing(demand, provider, step)
        solution = session.get_one(Solution, draft.solution_id)
        own = solution.provider_id == provider.id
        if refused := may_answer(standing, solution.state if own else SolutionState.DRAFT):
            raise RefusedError(refused)
        if provider.id in find_unmatchable_provider_ids(session, step.today):
            raise RefusedError(Refused("takes_no_new", _("贵单位目前不接新单（整改、暂停或已退出），不能应答。")))
        answer, before = find_open_answer(session, demand.id, [provider.id]), None
        if answer is None:
            answer = OpenAnswer(
                demand_id=demand.id, provider_id=provider.id, given_at=step.at, demand=demand, provider=provider, versions=[]
            )
            session.add(answer)
            session.flush()
            after = {"demand": demand.number}
            record(
                session, actor=actor_of(step.viewer), verb="answer", noun=ANSWER, noun_id=answer.id, before=None, after=after, at=step.at
            )
        else:
            refuse_if_moved(session, ANSWER, answer.id, seen=step.seen, at=step.at, harmless=("attach",))
            before = answer.latest
            _move(session, answer, "change", step)
        version = _put_version(session, answer, draft, step)
        _put_files(session, version, before if keeps_files else None, files, provider, step)
        if before is None:
            # How many there are is known before the last day; what is in them is not, nor whose they are.
            tell_enterprise(session, demand, _("公开需求 {number} 有新的应答，截止后可以查看。"), step.at)
        return answer


def take_back(database: Database, demand_id: int, provider_id: int, step: OpenStep) -> OpenAnswer:
    """The provider answers no longer; until the last day it may answer again."""
    with database.writing() as session:
        provider, demand = _both(session, demand_id, provider_id, step)
        must_act(step.viewer, provider, "submit")
        answer = find_open_answer(session, demand.id, [provider.id])
        if answer is None:
            raise RefusedError(Refused("no_answer", _("贵单位还没有应答，没有可以撤回的。")))
        refuse_if_moved(session, ANSWER, answer.id, seen=step.seen, at=step.at, harmless=("attach",))
        _move(session, answer, "take_back", step)
        return answer


def _both(session: Session, demand_id: int, provider_id: int, step: OpenStep) -> tuple[Provider, OpenDemand]:
    """The provider's row comes first: whoever puts it out of the pool locks that one."""
    session.execute(select(Provider.id).where(Provider.id == provider_id).with_for_update())
    provider = session.get_one(Provider, provider_id, populate_existing=True)
    return provider, locked(session, demand_id, unseen(step))


def _standing(demand: OpenDemand, provider: Provider, step: OpenStep) -> Standing:
    return Standing(demand.state, demand.answers_until, step.today, provider.state)


def _move(session: Session, answer: OpenAnswer, event: str, step: OpenStep) -> None:
    roles = roles_on(step.viewer, provider_id=answer.provider_id, enterprise_id=answer.demand.enterprise_id)
    subject = _standing(answer.demand, answer.provider, step)
    transition.apply(session, answer, TABLE, event, actor=actor_of(step.viewer), roles=roles, at=step.at, subject=subject)


def _put_version(session: Session, answer: OpenAnswer, draft: OpenAnswerDraft, step: OpenStep) -> OpenAnswerVersion:
    number = answer.latest.version + 1 if answer.versions else 1
    version = OpenAnswerVersion(answer_id=answer.id, version=number, solution_id=draft.solution_id, text=draft.text.strip())
    version.price_low_fen, version.price_high_fen, version.weeks = draft.price_low_fen or 0, draft.price_high_fen or 0, draft.weeks or 0
    version.valid_until = draft.valid_until or answer.demand.answers_until
    version.criteria = [{"criterion": one, "meets": meets, "text": text.strip()} for one, (meets, text) in sorted(draft.criteria.items())]
    version.account_id, version.at = step.viewer.account_id, step.at
    session.add(version)
    session.flush()
    session.refresh(answer, attribute_names=["versions"])
    # What it says is nobody's business before the last day, the office's included.
    after = {"version": number}
    record(session, actor=actor_of(step.viewer), verb="enter", noun=VERSION, noun_id=version.id, before=None, after=after, at=step.at)
    return version


def _put_files(
    session: Session,
    version: OpenAnswerVersion,
    before: OpenAnswerVersion | None,
    files: Sequence[StoredBlob],
    provider: Provider,
    step: OpenStep,
) -> None:
    kept = [stored_of(file) for file in find_attachments(session, VERSION, before.id)] if before is not None else []
    for stored, counted in [*((one, False) for one in kept), *((one, True) for one in files)]:
        attach(
            session, stored, noun=VERSION, noun_id=version.id, kind=FILE, organisation_id=provider.organisation_id, viewer=step.viewer,
            at=step.at, counted=counted,
        )  # fmt: skip


def stored_of(file: Attachment) -> StoredBlob:
    """An attached file as one that can be attached elsewhere."""
    return StoredBlob(file.sha256, file.blob.size, file.blob.kind, file.filename, file.blob.scan)
