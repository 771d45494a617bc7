"""What is read of open demands, by whom: whose it is, the questions with or without who asked, and the answers only after the last day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from marketplace.actions.open_demand_steps import DEMAND, QUESTION, VERSION, OpenStep, writes_for
from marketplace.attachments import READERS
from marketplace.domain.access import Viewer, may, may_act_for
from marketplace.domain.open_demands import EDITABLE, UNDER_WAY, OpenDemandState, is_over, may_ask, state_on
from marketplace.domain.problems import redacted
from marketplace.domain.providers import TAKES_NEW
from marketplace.guard import current_viewer
from marketplace.records.brokerings import Brokering
from marketplace.records.files import Attachment, find_attachments
from marketplace.records.history import find_last_entries, find_last_entry
from marketplace.records.introductions import Introduction
from marketplace.records.open_demands import (
    OpenAnswer,
    OpenAnswerVersion,
    OpenDemand,
    OpenDemandCriterion,
    OpenQuestion,
    count_open_answers,
    find_demand_criteria,
    find_demand_problems,
    find_open_answer,
    find_questions,
)
from marketplace.records.problems import Problem
from marketplace.records.providers import Provider
from marketplace.site import current_site
from marketplace.web.demands import places
from marketplace.web.language import language, say
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen
from marketplace.web.wording import band, budget, term

_S = OpenDemandState


def step_of() -> OpenStep:
    """Who acts in this request, when, by the pilot's rules, and what the page knew."""
    pilot = current_site().pilot
    return OpenStep(
        current_viewer(), here_now(), today(), pilot.brokering, pilot.rating, seen(), open=pilot.open_demand, catalogue=pilot.catalogue,
        areas={area.key: pilot.words_of_area(area.key) for area in pilot.areas},
    )  # fmt: skip


@dataclass(frozen=True)
class ShownDemand:
    """A demand as this viewer may read it. `open`: whether it may be read whose it is; `state`: as it is today."""

    demand: OpenDemand
    open: bool
    state: OpenDemandState
    budget: str

    def told(self, text: str) -> str:
        enterprise = self.demand.enterprise
        return text if self.open else redacted(text, enterprise.name, places(enterprise))

    @property
    def title(self) -> str:
        return self.told(self.demand.title)

    @property
    def text(self) -> str:
        return self.told(self.demand.text)

    @property
    def owner(self) -> str:
        """Whose it is, or of which kind."""
        if self.open:
            return self.demand.enterprise.name
        city = current_site().pilot.city
        values = {
            "sector": term("sector", self.demand.enterprise.sector, short=True),
            "city": city.name_en if language() == "en" else city.name,
        }
        return say("某{sector}企业 · {city}", **values)


def shown(demand: OpenDemand, viewer: Viewer) -> ShownDemand:
    own = demand.enterprise_id in viewer.enterprise_ids
    exact = own or may(viewer, "read", "plan")
    spend = budget(demand.budget_low_fen, demand.budget_high_fen) if exact else band(demand.budget_high_fen or demand.budget_low_fen)
    is_open = own or demand.shows_name or may(viewer, "read", "enterprise")
    return ShownDemand(demand, is_open, state_on(demand.state, demand.answers_until, today()), spend)


@dataclass(frozen=True)
class ShownQuestion:
    """`asker`: "" for whoever may not know it; `mine`: asked by the viewer's own provider."""

    question: OpenQuestion
    text: str
    reply: str
    asker: str
    mine: bool
    seen: int


@dataclass(frozen=True)
class DemandPage:
    """One demand. `side`: own, centre, provider or "" for a reader; `count`: how many answers stand, None for whoever may not know."""

    shown: ShownDemand
    side: str
    problems: Sequence[Problem]
    criteria: Sequence[OpenDemandCriterion]
    questions: Sequence[ShownQuestion]
    reads_questions: bool
    count: int | None
    answer: OpenAnswer | None
    answer_files: Sequence[Attachment]
    introduction: str
    brokering: str
    proofs: Sequence[Attachment]
    may_submit: bool
    may_edit: bool
    may_check: bool
    may_extend: bool
    may_withdraw: bool
    may_choose: bool
    may_reply: bool
    may_ask: bool
    may_answer: bool
    seen: int

    @property
    def demand(self) -> OpenDemand:
        return self.shown.demand

    @property
    def open_questions(self) -> int:
        return sum(not row.reply for row in self.questions)

    @property
    def step(self) -> tuple[str, str]:
        """Who has the ball (own, centre, ""), and for what."""
        if self.shown.state in (_S.DRAFT, _S.RETURNED):
            return "own", say("提交审核") if self.shown.state == _S.DRAFT else say("修改后重新提交")
        if self.shown.state == _S.SUBMITTED:
            return "centre", say("审核")
        if self.shown.state == _S.CLOSED:
            return "own", say("查看应答，选定或说明没有合适的")
        if self.shown.state == _S.PUBLISHED and self.open_questions:
            return "own", say("回答 {n} 个提问", n=self.open_questions)
        return "", ""


def provider_of(session: Session, viewer: Viewer) -> Provider | None:
    """The provider for which this person acts."""
    number = min(viewer.provider_ids, default=None)
    return session.get(Provider, number) if number is not None else None


def reads_questions(demand: OpenDemand, viewer: Viewer) -> bool:
    if demand.enterprise_id in viewer.enterprise_ids or may(viewer, "read_questions", DEMAND):
        return True
    return current_site().pilot.open_demand.questions_for_all and viewer.is_known


def read_page(session: Session, demand: OpenDemand, viewer: Viewer) -> DemandPage:
    row = shown(demand, viewer)
    own, centre = demand.enterprise_id in viewer.enterprise_ids, may(viewer, "check", DEMAND)
    unit = demand.enterprise.organisation_id
    submits = centre or writes_for(viewer, demand.enterprise)
    edits = centre or writes_for(viewer, demand.enterprise, "edit")
    provider = None if own else provider_of(session, viewer)
    count = count_open_answers(session, [demand.id]).get(demand.id, 0)
    reads = reads_questions(demand, viewer)
    answer = find_open_answer(session, demand.id, [provider.id]) if provider is not None else None
    takes = provider is not None and provider.state in TAKES_NEW and provider.organisation_id != unit
    introduction = session.get(Introduction, answer.introduction_id) if answer is not None and answer.introduction_id else None
    brokering = session.get(Brokering, demand.brokering_id) if demand.brokering_id and (own or may(viewer, "read", "brokering")) else None
    extends = row.state == _S.PUBLISHED or (row.state == _S.CLOSED and not count)
    return DemandPage(
        shown=row,
        side="own" if own else "centre" if centre else "provider" if provider is not None else "",
        problems=find_demand_problems(session, demand.id) if own or may(viewer, "read", "plan") else [],
        criteria=find_demand_criteria(session, demand.id),
        questions=_questions(session, row, viewer) if reads else [],
        reads_questions=reads,
        count=count if own or centre else None,
        answer=answer,
        answer_files=find_attachments(session, VERSION, answer.latest.id) if answer is not None else [],
        introduction=introduction.public_id if introduction is not None else "",
        brokering=brokering.public_id if brokering is not None else "",
        proofs=find_attachments(session, DEMAND, demand.id) if own or centre else [],
        may_submit=submits and demand.state in EDITABLE,
        may_edit=edits and demand.state in EDITABLE,
        may_check=centre and demand.state == _S.SUBMITTED,
        may_extend=submits and extends,
        may_withdraw=submits and row.state in UNDER_WAY,
        may_choose=submits and row.state == _S.CLOSED,
        may_reply=edits and row.state in UNDER_WAY,
        may_ask=takes and _acts(viewer, provider, "edit") and may_ask(demand.state, demand.questions_until, today()) is None,
        may_answer=takes and _acts(viewer, provider, "submit") and row.state == _S.PUBLISHED,
        seen=find_last_entry(session, DEMAND, demand.id),
    )


def _acts(viewer: Viewer, provider: Provider | None, right: str) -> bool:
    return provider is not None and may_act_for(viewer, provider.organisation_id, right)


def _questions(session: Session, row: ShownDemand, viewer: Viewer) -> list[ShownQuestion]:
    knows = row.demand.enterprise_id in viewer.enterprise_ids or may(viewer, "check", DEMAND)
    asked = find_questions(session, row.demand.id)
    last = find_last_entries(session, QUESTION, [one.id for one in asked]) if knows else {}
    return [
        ShownQuestion(
            one,
            row.told(one.text),
            row.told(one.reply),
            one.provider.name if knows else "",
            one.provider_id in viewer.provider_ids,
            last.get(one.id, 0),
        )
        for one in asked
    ]


def _version_readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    """What came with an answer is for the provider itself, and after the last day for the enterprise and the centre."""
    if file.organisation_id in viewer.organisation_ids:
        return True
    version = session.get(OpenAnswerVersion, file.noun_id)
    answer = session.get(OpenAnswer, version.answer_id) if version is not None else None
    if answer is None or not is_over(answer.demand.answers_until, today()):
        return False
    return may(viewer, "choose", DEMAND) or answer.demand.enterprise_id in viewer.enterprise_ids


def _proof_readable(session: Session, viewer: Viewer, file: Attachment) -> bool:
    return may(viewer, "choose", DEMAND) or file.organisation_id in viewer.organisation_ids


READERS.update({VERSION: _version_readable, DEMAND: _proof_readable})
