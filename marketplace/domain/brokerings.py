"""A brokering (对接单): one enterprise's need, one officer of the centre, and the providers that are introduced to it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.introductions import OPEN, TALKS, IntroductionState
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class BrokeringState(StrEnum):
    DRAFT = "draft"
    OPEN = "open"
    COMPARING = "comparing"
    AWARDED = "awarded"
    CONTRACTED = "contracted"
    RESERVE = "reserve"
    IMPLEMENTING = "implementing"
    FINISHED = "finished"
    NONE_SUITABLE = "none_suitable"
    WITHDRAWN = "withdrawn"


_S = BrokeringState
# Before a contract nobody is bound: the enterprise may withdraw, a provider that leaves the pool is replaced.
UNBOUND = frozenset({_S.DRAFT, _S.OPEN, _S.COMPARING, _S.AWARDED})
CLOSED = frozenset({_S.FINISHED, _S.NONE_SUITABLE, _S.WITHDRAWN})
TOTAL_WEIGHT = 100
ESSENTIAL, NICE = "essential", "nice"
# How a finished implementation was judged by its enterprise; the words are those of an acceptance.
RESULTS = ("passed", "rectified", "failed")


@dataclass(frozen=True)
class Situation:
    """What the guards look at: its introductions, the weights of its criteria, and how far contract and implementation are."""

    introductions: tuple[IntroductionState, ...] = ()
    weights: tuple[int, ...] = ()
    problems: int = 0
    contract: bool = False
    finish_reported: bool = False


def may_be_sent(subject: Situation) -> Refused | None:
    if not subject.problems:
        return Refused("no_problem", _("还没有选要解决的问题。"))
    if IntroductionState.PROPOSED not in subject.introductions:
        return Refused("no_introduction", _("还没有选服务商和方案，不能发出。"))
    total = sum(subject.weights)
    if subject.weights and total != TOTAL_WEIGHT:
        return Refused("weights", _("比较标准的权重合计应为 {wanted}，现在是 {total}。"), {"wanted": TOTAL_WEIGHT, "total": total})
    return None


def may_be_compared(subject: Situation) -> Refused | None:
    if IntroductionState.QUOTED in subject.introductions:
        return None
    return Refused("no_proposal_yet", _("还没有服务商报价，没有可以比较的。"))


def one_awarded(subject: Situation) -> Refused | None:
    """The introduction is awarded first, in the same transaction."""
    return None if subject.introductions.count(IntroductionState.AWARDED) == 1 else Refused("one_award", _("一张对接单只能选定一家。"))


def none_awarded(subject: Situation) -> Refused | None:
    if IntroductionState.AWARDED in subject.introductions:
        return Refused("still_awarded", _("还有一家是选定的，请先改它。"))
    return None


def _contract_stands(subject: Situation) -> Refused | None:
    return None if subject.contract else Refused("no_contract", _("合同还没有登记。"))


def _finish_reported(subject: Situation) -> Refused | None:
    return None if subject.finish_reported else Refused("not_finished", _("还没有登记完工，不能确认。"))


_CENTRE = (Role.CENTRE, Role.ADMIN)
_ENTERPRISE = (Role.ENTERPRISE, *_CENTRE)
_ALL = (Role.ENTERPRISE, Role.PROVIDER, *_CENTRE)

TABLE: Table = (
    Transition((_S.DRAFT,), "send", _S.OPEN, _CENTRE, "发出对接单", may_be_sent),
    Transition((_S.DRAFT,), "inquire", _S.OPEN, (Role.ENTERPRISE,), "发出询问", may_be_sent),
    Transition((_S.OPEN,), "compare", _S.COMPARING, _CENTRE, "送企业比较", may_be_compared),
    # By the centre; by whoever put the chosen provider out of the pool; by that provider, which leaves.
    Transition(
        (_S.COMPARING, _S.AWARDED), "reopen", _S.OPEN, (*_CENTRE, Role.BUREAU, Role.PROVIDER, Role.ENTERPRISE), "继续洽谈", none_awarded
    ),
    Transition((_S.COMPARING,), "award", _S.AWARDED, _ENTERPRISE, "选定服务商", one_awarded),
    Transition((_S.OPEN, _S.COMPARING), "none_suitable", _S.NONE_SUITABLE, _ENTERPRISE, "没有合适的"),
    Transition((_S.AWARDED,), "contract", _S.CONTRACTED, _ENTERPRISE, "登记合同", _contract_stands),
    Transition((_S.CONTRACTED,), "reserve", _S.RESERVE, _CENTRE, "转为储备项目"),
    Transition((_S.CONTRACTED,), "start", _S.IMPLEMENTING, _ALL, "登记开工"),
    Transition((_S.IMPLEMENTING,), "report_finish", _S.IMPLEMENTING, (Role.PROVIDER, *_CENTRE), "登记完工"),
    Transition((_S.IMPLEMENTING,), "confirm", _S.FINISHED, _ENTERPRISE, "确认完工并评价", _finish_reported),
    Transition((_S.DRAFT, _S.OPEN, _S.COMPARING, _S.AWARDED), "withdraw", _S.WITHDRAWN, _ENTERPRISE, "企业撤回"),
)


@dataclass
class CriterionDraft:
    text: str = ""
    kind: str = NICE
    weight: int | None = None


def check_criteria(rows: Sequence[CriterionDraft], *, most: int) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of the criteria; fields are numbered from 0."""
    if len(rows) > most:
        yield (
            "",
            Refused("too_many", _("{label}有 {count} 项，最多 {most} 项。"), {"label": _("比较标准"), "count": len(rows), "most": most}),
        )
    for number, row in enumerate(rows):
        yield from check_text(f"text_{number}", _("比较标准"), row.text, most=200, required=True)
        if row.kind not in (ESSENTIAL, NICE):
            yield f"kind_{number}", Refused("unknown_kind_of_criterion", _("请选必备还是加分。"))
        if row.weight is None or not 0 < row.weight <= TOTAL_WEIGHT:
            yield f"weight_{number}", Refused("weight_range", _("权重应是 1 到 {most} 的整数。"), {"most": TOTAL_WEIGHT})
    total = sum(row.weight or 0 for row in rows)
    if rows and total != TOTAL_WEIGHT:
        yield (
            "weights",
            Refused("weights", _("比较标准的权重合计应为 {wanted}，现在是 {total}。"), {"wanted": TOTAL_WEIGHT, "total": total}),
        )


@dataclass
class ContractDraft:
    amount_fen: int | None = None
    signed: date | None = None
    starts: date | None = None
    ends: date | None = None


def check_contract(draft: ContractDraft, today: date, *, has_scan: bool) -> Iterator[tuple[str, Refused]]:
    if draft.amount_fen is None or not 0 < draft.amount_fen < 10**14:
        yield "amount_wan", Refused("amount_range", _("合同金额应大于 0，以万元填写。"))
    for name, label in (("signed", _("签订日期")), ("starts", _("计划开工")), ("ends", _("计划完工"))):
        if getattr(draft, name) is None:
            yield name, Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": label})
    if draft.signed is not None and draft.signed > today:
        yield "signed", Refused("signed_later", _("签订日期 {on} 还没有到。"), {"on": draft.signed.isoformat()})
    if draft.starts is not None and draft.ends is not None and draft.ends < draft.starts:
        yield (
            "ends",
            Refused(
                "ends_before",
                _("计划完工 {ends} 早于计划开工 {starts}，请对调或修改。"),
                {"ends": draft.ends.isoformat(), "starts": draft.starts.isoformat()},
            ),
        )
    if not has_scan:
        yield "scan", Refused("no_scan", _("请附上合同扫描件；金额以外的条款可以遮住。"))


class Lane(StrEnum):
    """The four lanes of the board; "" where nothing is to be done any more."""

    DRAFT = "draft"
    ANSWERS = "answers"
    TALKS = "talks"
    DECIDED = "decided"
    NONE = ""


@dataclass(frozen=True)
class Ball:
    """Who has it (centre, enterprise, provider, both), and which step is theirs."""

    lane: Lane
    who: str
    step: str


# Step → what whoever has the ball does, and what follows.
STEPS: dict[str, tuple[str, str]] = {
    "send": (_("发出对接单"), _("双方在期限内答复")),
    "answer": (_("答复"), _("双方都接受后开始洽谈")),
    "quote": (_("洽谈并报价"), _("能力中心送企业比较")),
    "compare": (_("送企业比较"), _("企业选定，或说明没有合适的")),
    "award": (_("选定一家，或说明没有合适的"), _("登记合同，告知其他服务商")),
    "replace": (_("选替代服务商"), _("发出后等双方答复")),
    "contract": (_("登记合同"), _("转储备项目，或登记开工")),
    "decide": (_("转储备项目，或登记开工"), _("实施")),
    "finish": (_("实施，完工后登记"), _("企业确认并评价")),
    "confirm": (_("确认完工并评价"), _("办结，计入服务商评价")),
    "feedback": (_("写落选反馈"), _("告知落选的服务商")),
}


@dataclass(frozen=True)
class Part:
    """One introduction as the ball sees it: which sides are silent, and whether feedback is owed."""

    state: IntroductionState
    pending: frozenset[str] = frozenset()
    feedback_owed: bool = False


def ball(state: BrokeringState, parts: Sequence[Part], *, finish_reported: bool = False) -> Ball:
    """Who has the ball. Where several wait, the one that everybody else waits for."""
    if state == _S.DRAFT:
        return Ball(Lane.DRAFT, "centre", "send")
    if state == _S.OPEN:
        return _ball_of_open(parts)
    if state == _S.COMPARING:
        return Ball(Lane.TALKS, "enterprise", "award")
    if state == _S.AWARDED:
        return Ball(Lane.DECIDED, "enterprise", "contract")
    if state == _S.CONTRACTED:
        return Ball(Lane.DECIDED, "centre", "decide")
    if state == _S.IMPLEMENTING:
        return Ball(Lane.DECIDED, "enterprise", "confirm") if finish_reported else Ball(Lane.DECIDED, "provider", "finish")
    if any(part.feedback_owed for part in parts):
        return Ball(Lane.DECIDED, "centre", "feedback")
    return Ball(Lane.NONE, "", "")


def _ball_of_open(parts: Sequence[Part]) -> Ball:
    live = [part for part in parts if part.state in OPEN]
    talks = [part for part in live if part.state in TALKS]
    silent = {side for part in live if part.state == IntroductionState.SENT for side in part.pending}
    if not live:
        return Ball(Lane.DRAFT, "centre", "replace")
    if not talks and not silent:
        # Chosen anew and not sent yet.
        return Ball(Lane.DRAFT, "centre", "send")
    if not talks:
        return Ball(Lane.ANSWERS, "both" if len(silent) == 2 else next(iter(silent)), "answer")
    if any(part.state == IntroductionState.TALKING for part in talks):
        return Ball(Lane.TALKS, "provider", "quote")
    return Ball(Lane.TALKS, "centre", "compare")


@dataclass(frozen=True)
class Offer:
    """A proposal as it is compared: criterion id → (meets, score 0–10 or None)."""

    key: int
    price_fen: int
    weeks: int
    answers: dict[int, tuple[str, int | None]]


@dataclass(frozen=True)
class Weighed:
    """`total`: 0–100, None until every criterion has a score; `missing`: essential criteria that are not met."""

    key: int
    total: float | None
    scored: int
    missing: tuple[int, ...]
    cheapest: bool
    fastest: bool


MOST_SCORE = 10


def compare(offers: Sequence[Offer], criteria: Iterable[tuple[int, str, int]]) -> list[Weighed]:
    """Offers in their own order, weighed by criteria of (id, kind, weight). An unmet essential is said, never averaged away."""
    rows = list(criteria)
    least, soonest = min((o.price_fen for o in offers), default=0), min((o.weeks for o in offers), default=0)
    found = []
    for offer in offers:
        scores = {number: offer.answers.get(number, ("", None))[1] for number, _kind, _weight in rows}
        known = {number: score for number, score in scores.items() if score is not None}
        whole = bool(rows) and len(known) == len(rows)
        total = sum(weight * known[number] / MOST_SCORE for number, _kind, weight in rows) if whole else None
        missing = tuple(number for number, kind, _weight in rows if kind == ESSENTIAL and offer.answers.get(number, ("", None))[0] != "yes")
        several = len(offers) > 1
        found.append(
            Weighed(offer.key, total, len(known), missing, several and offer.price_fen == least, several and offer.weeks == soonest)
        )
    return found
