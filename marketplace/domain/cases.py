"""A case (实施案例): what a provider did for a client, and what it measured afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.texts import check_text, check_words


@dataclass
class CaseDraft:
    """A case as it is typed. Months as YYYY-MM, cost in fen; effects are rows of indicator, before, after, unit."""

    signed: str = ""
    completed: str = ""
    cost_fen: int | None = None
    process: str = ""
    effects: list[dict[str, Any]] = field(default_factory=list)
    proofs: list[str] = field(default_factory=list)
    title: str = ""


def check(draft: CaseDraft) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be stored."""
    # Months compare as text.
    if draft.signed and draft.completed and draft.completed < draft.signed:
        yield (
            "completed",
            Refused(
                "dates_turned",
                _("完成 {completed} 早于签约 {signed}，请对调或修改。"),
                {"completed": draft.completed, "signed": draft.signed},
            ),
        )
    if draft.cost_fen is not None and draft.cost_fen < 0:
        yield "cost_wan", Refused("negative", _("合同金额不能是负数。"))
    yield from check_text("title", _("案例标题"), draft.title, most=200)
    yield from check_text("process", _("实施过程"), draft.process, most=20_000)
    yield from check_words("proofs", _("证明材料"), draft.proofs)
    if len(draft.effects) > 50:
        yield "effects", Refused("too_many", _("实施效果有 {count} 项，最多 {most} 项。"), {"count": len(draft.effects), "most": 50})
    for effect in draft.effects:
        if not str(effect.get("indicator", "")).strip():
            yield "effects", Refused("effect_without_name", _("实施效果里有一项没有写指标名称。"))
            return
