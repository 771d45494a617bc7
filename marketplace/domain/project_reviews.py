"""The panel review of a project (评审): rules, conflicts of interest of an expert, and the joint opinion with the amount proposed.

Scores, their spread, an expert's part and its table are those of domain/reviews.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from marketplace.domain.experts import Candidate
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.money import exact_text
from marketplace.domain.review_rules import Check, ReviewRules
from marketplace.domain.reviews import JointDraft, Row, check_joint


@dataclass(frozen=True, kw_only=True)
class ProjectReviewRules(ReviewRules):
    """Table [project_review]. How many experts there are at least is said once, in [project]; the form check is the park's or street's."""

    least_experts: int = 0
    form_checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Ties:
    """By which keys the organisations of a project are known: who applies, its members, its suppliers."""

    applicant: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    suppliers: frozenset[str] = frozenset()

    @property
    def units(self) -> frozenset[str]:
        return self.applicant | self.members | self.suppliers


def why_excluded(candidate: Candidate, refused: Refused, ties: Ties) -> Refused:
    """The reason of the draw, more exactly where it is a member enterprise or a supplier that an expert belongs to or avoids."""
    touched = {"own_organisation": candidate.units, "avoided": candidate.avoids}.get(refused.code)
    if touched is None or touched & ties.applicant:
        return refused
    return _EXACTLY[refused.code, bool(touched & ties.suppliers)]


_EXACTLY = {
    ("own_organisation", True): Refused("own_supplier", _("与项目的服务商是同一单位")),
    ("own_organisation", False): Refused("own_member", _("与项目的成员企业是同一单位")),
    ("avoided", True): Refused("avoided_supplier", _("已登记回避项目的服务商")),
    ("avoided", False): Refused("avoided_member", _("已登记回避项目的成员企业")),
}


@dataclass
class ProjectJointDraft(JointDraft):
    """The joint score and opinion with the amount that the panel proposes; 0: none."""

    amount_fen: int | None = None


def check_project_joint(
    rules: ReviewRules, draft: ProjectJointDraft, rows: Sequence[Row], most_fen: int | None
) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). `most_fen`: the highest amount that the rules of the class and what was asked for allow."""
    yield from check_joint(rules, draft, rows)
    if draft.amount_fen is None:
        yield "amount", Refused("required", _("{label}没有填。"), {"label": _("建议支持金额")})
    elif draft.amount_fen < 0:
        yield "amount", Refused("negative", _("{label}不能是负数。"), {"label": _("建议支持金额")})
    elif most_fen is not None and draft.amount_fen > most_fen:
        yield "amount", Refused("above_ceiling", _("金额最多 {most} 万元（按申请金额和本类项目的上限）。"), {"most": exact_text(most_fen)})
