"""The three lists of a diagnosis (问题清单、场景清单、投入清单): who may change them when. What a line may hold, each noun says itself."""

from __future__ import annotations

from marketplace.domain.diagnoses import DiagnosisState
from marketplace.domain.lifecycle import Refused, _

# A list is written while somebody is at the enterprise and until the enterprise has agreed.
WRITABLE = frozenset({DiagnosisState.ON_SITE, DiagnosisState.DRAFTED})
# What the enterprise has agreed to is only corrected, and the correction says why.
CORRECTABLE = frozenset({DiagnosisState.CONFIRMED, DiagnosisState.ISSUED})
LONGEST_REASON = 500


def is_correction(state: DiagnosisState) -> bool:
    return state in CORRECTABLE


def check_writing(state: DiagnosisState, *, why: str) -> Refused | None:
    """Whether a line may be added, changed or taken out now."""
    if state in WRITABLE:
        return None
    if state == DiagnosisState.PLANNED:
        return Refused("not_on_site", _("还没有入企，清单要到入企后再写。请先在诊断页办理入企。"))
    if state == DiagnosisState.CANCELLED:
        return Refused("diagnosis_cancelled", _("这次诊断已取消，清单不能再改。"))
    if not why.strip():
        return Refused("correction_without_reason", _("企业已经确认这份清单，改动要写明更正原因。"))
    if len(why) > LONGEST_REASON:
        values = {"length": len(why), "most": LONGEST_REASON}
        return Refused("too_long", _("更正原因有 {length} 个字，最多 {most} 个。"), values)
    return None
