"""The review of an application: who scores it, how scores become one, and what stands in the way of a decision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.applications import Ball
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.review_rules import Check, Criterion, ReviewRules
from marketplace.domain.texts import check_text

BEST_SCORE = 100
EXPLAINED_BELOW = 60
YES, NO = "yes", "no"
LONGEST_REMARK = 1000
LONGEST_OPINION = 4000


class AssignmentState(StrEnum):
    """One expert's part in one review. Nothing of the application shows before DECLARED_CLEAR."""

    ASSIGNED = "assigned"
    DECLARED_CLEAR = "declared_clear"
    RECUSED = "recused"
    SCORED = "scored"
    CONFIRMED = "confirmed"
    RELEASED = "released"


# Those who count: the others have left the review.
ACTIVE = (AssignmentState.ASSIGNED, AssignmentState.DECLARED_CLEAR, AssignmentState.SCORED, AssignmentState.CONFIRMED)
# Those who still owe their own scores.
OWES_SCORES = (AssignmentState.ASSIGNED, AssignmentState.DECLARED_CLEAR)
HAS_SCORED = (AssignmentState.SCORED, AssignmentState.CONFIRMED)
# Those who have said that nothing ties them to the applicant, and so may read the application.
MAY_READ = (AssignmentState.DECLARED_CLEAR, *HAS_SCORED)


class Standing(Protocol):
    """What the guards look at."""

    runs: bool
    own_organisation: bool
    complete: bool
    joint_written: bool


def _unbiased(subject: Standing) -> Refused | None:
    # Once the application has moved on, nobody's part in its review changes.
    if not subject.runs:
        return Refused("review_not_running", _("这份申报现在不在评审中，不能再办理。"))
    # Nobody judges the organisation that he or she belongs to, whatever was declared.
    if subject.own_organisation:
        return Refused("own_organisation", _("您与申报单位是同一单位，不能评审。请选择“有利害关系，回避”。"))
    return None


def _complete(subject: Standing) -> Refused | None:
    if refused := _unbiased(subject):
        return refused
    return None if subject.complete else Refused("scores_incomplete", _("评分还不完整，补齐后再提交。"))


def _joint(subject: Standing) -> Refused | None:
    if refused := _unbiased(subject):
        return refused
    return None if subject.joint_written else Refused("no_joint_opinion", _("联合意见还没有写，写好后再确认。"))


def _runs(subject: Standing) -> Refused | None:
    return None if subject.runs else Refused("review_not_running", _("这份申报现在不在评审中，不能再办理。"))


_ORGANISES = (Role.MANAGER, Role.ADMIN)
_A = AssignmentState

TABLE: Table = (
    Transition((_A.ASSIGNED,), "declare_clear", _A.DECLARED_CLEAR, (Role.EXPERT,), "声明无利害关系", _unbiased),
    Transition((_A.ASSIGNED, _A.DECLARED_CLEAR), "recuse", _A.RECUSED, (Role.EXPERT,), "有利害关系，回避", _runs),
    Transition((_A.DECLARED_CLEAR,), "score", _A.SCORED, (Role.EXPERT,), "提交评分", _complete),
    Transition((_A.SCORED,), "confirm", _A.CONFIRMED, (Role.EXPERT,), "确认联合意见", _joint),
    # The joint opinion was written anew: what was confirmed is no longer what stands there.
    Transition((_A.CONFIRMED,), "ask_again", _A.SCORED, _ORGANISES, "重新请专家确认", _runs),
    # The applicant has mended the application: scores of the old one do not hold for the new one.
    Transition((_A.SCORED, _A.CONFIRMED), "score_again", _A.DECLARED_CLEAR, _ORGANISES, "补正后重新评分", _runs),
    Transition((_A.ASSIGNED, _A.DECLARED_CLEAR), "release", _A.RELEASED, _ORGANISES, "更换专家", _runs),
)


# ---------------------------------------------------------------- scores


def weighted_total(criteria: Sequence[Criterion], scores: Mapping[str, float]) -> float:
    """Σ weight × score ÷ Σ weight, of 100, to two decimals. Every criterion must have its score."""
    weights = sum(criterion.weight for criterion in criteria)
    return round(sum(criterion.weight * scores[criterion.key] for criterion in criteria) / weights, 2)


@dataclass
class ScoreSheet:
    """What an expert fills in: scores and remarks by criterion, yes or no and remarks by question, and an opinion."""

    scores: dict[str, int | None] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    answer_remarks: dict[str, str] = field(default_factory=dict)
    opinion: str = ""


def check_sheet(rules: ReviewRules, sheet: ScoreSheet) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a sheet that is handed in."""
    yield from check_scores(rules.criteria, sheet.scores, sheet.remarks)
    yield from check_answers(rules.checklist, sheet.answers, sheet.answer_remarks)
    yield from check_text("opinion", _("总体意见"), sheet.opinion, most=LONGEST_OPINION, required=True)


def check_draft(rules: ReviewRules, sheet: ScoreSheet) -> Iterator[tuple[str, Refused]]:
    """What even a draft may not hold: everything that is wrong, nothing that is merely missing."""
    for name, refused in check_sheet(rules, sheet):
        if refused.code in ("score_range", "too_long"):
            yield name, refused


@dataclass
class JointDraft:
    """The joint score and opinion as they are typed."""

    scores: dict[str, int | None] = field(default_factory=dict)
    opinion: str = ""
    discussion: str = ""


def check_joint(rules: ReviewRules, draft: JointDraft, rows: Sequence[Row]) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a joint opinion. Where scores are too far apart, it says how that was discussed."""
    for criterion in rules.criteria:
        yield from _check_score(criterion, draft.scores.get(criterion.key))
    yield from check_text("opinion", _("联合意见"), draft.opinion, most=LONGEST_OPINION, required=True)
    yield from check_text("discussion", _("讨论情况"), draft.discussion, most=LONGEST_OPINION)
    far = too_far_apart(rows, rules.largest_spread)
    if far and not draft.discussion.strip():
        sentence = _("有 {count} 项分差超过 {most} 分，请写明怎样讨论、怎样取得一致。")
        yield "discussion", Refused("discussion_missing", sentence, {"count": len(far), "most": rules.largest_spread})


def _check_score(criterion: Criterion, score: int | None) -> Iterator[tuple[str, Refused]]:
    values = {"name": criterion.name, "score": score}
    if score is None:
        yield f"score_{criterion.key}", Refused("score_missing", _("“{name}”没有打分，请填 0 至 100 的整数。"), values)
    elif not 0 <= score <= BEST_SCORE:
        yield f"score_{criterion.key}", Refused("score_range", _("“{name}”是 {score} 分，应为 0 至 100 的整数。"), values)


def check_scores(
    criteria: Sequence[Criterion], scores: Mapping[str, int | None], remarks: Mapping[str, str]
) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a score sheet; nothing when it may be handed in."""
    for criterion in criteria:
        score, remark = scores.get(criterion.key), remarks.get(criterion.key, "")
        yield from _check_score(criterion, score)
        # A score that condemns, or praises to the full, is a judgment that others must be able to follow.
        if score is not None and (0 <= score < EXPLAINED_BELOW or score == BEST_SCORE) and not remark.strip():
            values = {"name": criterion.name, "least": EXPLAINED_BELOW}
            yield f"remark_{criterion.key}", Refused("remark_missing", _("“{name}”低于 {least} 分或打了满分，请写明理由。"), values)
        yield from check_text(f"remark_{criterion.key}", criterion.name, remark, most=LONGEST_REMARK)


def check_answers(checks: Sequence[Check], answers: Mapping[str, str], remarks: Mapping[str, str]) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a checklist: each question is answered by yes or no, a no with its reason."""
    for check in checks:
        answer, remark = answers.get(check.key, ""), remarks.get(check.key, "")
        if answer not in (YES, NO):
            yield f"check_{check.key}", Refused("answer_missing", _("“{name}”没有选是或否。"), {"name": check.name})
        elif answer == NO and not remark.strip():
            yield f"check_remark_{check.key}", Refused("remark_missing", _("“{name}”选了否，请写明理由。"), {"name": check.name})
        yield from check_text(f"check_remark_{check.key}", check.name, remark, most=LONGEST_REMARK)


# ---------------------------------------------------------------- the joint stage


@dataclass(frozen=True)
class Row:
    """One criterion, or the total (then `criterion` is None): everybody's scores side by side."""

    criterion: Criterion | None
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        return round(sum(self.scores) / len(self.scores), 2)

    @property
    def lowest(self) -> float:
        return min(self.scores)

    @property
    def highest(self) -> float:
        return max(self.scores)

    @property
    def spread(self) -> float:
        return round(self.highest - self.lowest, 2)


def side_by_side(criteria: Sequence[Criterion], sheets: Sequence[Mapping[str, int]]) -> tuple[Row, ...]:
    """A row for each criterion and one for the total. Empty without sheets."""
    if not sheets:
        return ()
    rows = [Row(criterion, tuple(sheet[criterion.key] for sheet in sheets)) for criterion in criteria]
    return (*rows, Row(None, tuple(weighted_total(criteria, sheet) for sheet in sheets)))


def too_far_apart(rows: Iterable[Row], largest_spread: int) -> tuple[Row, ...]:
    """The rows that must be discussed before there is a joint score."""
    return tuple(row for row in rows if row.spread > largest_spread)


def joint_is_open(states: Iterable[str], least: int) -> bool:
    """Scores are shown to each other once enough experts are in the review and none of them owes scores any more."""
    active = [state for state in states if state in ACTIVE]
    return len(active) >= least and not any(state in OWES_SCORES for state in active)


def why_not_joint(states: Iterable[str], rules: ReviewRules) -> Refused | None:
    """What the joint stage waits for."""
    active = [state for state in states if state in ACTIVE]
    if len(active) < rules.least_experts:
        return Refused(
            "too_few_experts",
            _("评审专家至少 {least} 名，现在 {count} 名。请再抽取。"),
            {"least": rules.least_experts, "count": len(active)},
        )
    owing = sum(state in OWES_SCORES for state in active)
    if owing:
        return Refused("scores_missing", _("还有 {count} 名专家没有提交评分。"), {"count": owing})
    return None


def why_not_close(states: Iterable[str], rules: ReviewRules, *, joint_written: bool) -> Refused | None:
    """A review ends when everybody in it has confirmed the joint score and opinion."""
    states = list(states)
    if refused := why_not_joint(states, rules):
        return refused
    if not joint_written:
        return Refused("no_joint_opinion", _("联合意见还没有写，写好后再确认。"))
    waiting = sum(state == AssignmentState.SCORED for state in states)
    if waiting:
        return Refused("not_confirmed", _("还有 {count} 名专家没有确认联合意见。"), {"count": waiting})
    return None


# What a review under way waits for, by what stands in the way of its end: who, what, and what follows.
_STAGES = {
    "too_few_experts": ("manager", _("抽取专家"), _("专家评审")),
    "scores_missing": ("experts", _("专家评审"), _("填写联合意见")),
    "no_joint_opinion": ("manager", _("填写联合意见"), _("确认联合意见")),
    "not_confirmed": ("experts", _("确认联合意见"), _("结束评审")),
    "": ("manager", _("结束评审"), _("决定公示、入库或不予入库")),
}


def ball_of_review(obstacle: Refused | None) -> Ball:
    """Who has the ball in a review under way. `obstacle`: why it cannot end yet (`why_not_close`); None when it can."""
    who, what, following = _STAGES[obstacle.code if obstacle is not None else ""]
    return Ball(who, what, None, following)


# ---------------------------------------------------------------- the decision


@dataclass(frozen=True, kw_only=True)
class Findings:
    """What a decision rests on. `publicity_until` is None before the public notice, or where there is none."""

    total: float | None
    publicity_until: date | None
    open_objections: int
    upheld_objections: int


def why_not_decide(event: str, found: Findings, rules: ReviewRules, today: date) -> Refused | None:
    """What stands in the way of publishing or admitting; to refuse, reasons are enough."""
    if event not in ("publish", "admit"):
        return None
    if found.total is None:
        return Refused("not_reviewed", _("专家评审还没有结果，不能决定。"))
    if found.total < rules.entry_mark:
        values = {"total": f"{found.total:g}", "mark": rules.entry_mark}
        return Refused("below_mark", _("联合评分 {total} 分，低于入库分数线 {mark} 分，只能决定不予入库。"), values)
    if event == "publish" or found.publicity_until is None:
        return None
    # The last day counts until 24:00.
    if today <= found.publicity_until:
        return Refused("publicity_runs", _("公示期到 {until} 24:00，期满后才能入库。"), {"until": found.publicity_until.isoformat()})
    if found.open_objections:
        return Refused("objection_open", _("还有 {count} 条异议没有处理，处理后才能入库。"), {"count": found.open_objections})
    if found.upheld_objections:
        return Refused("objection_upheld", _("有 {count} 条异议成立，不能入库。"), {"count": found.upheld_objections})
    return None
