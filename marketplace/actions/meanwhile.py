"""Two people at one thing: whoever comes second is told who did what and when, and nothing happens."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.records.history import HistoryEntry, find_entries_since

# Verb of the history → what whoever comes second is told.
_SAID: Mapping[str, str] = {
    "submit": _("您打开后，申报单位已在 {at} 重新提交。请看了新材料再办理。"),
    "withdraw": _("您打开后，申报单位已在 {at} 撤回申报。"),
    "accept": _("您打开后，{who}已在 {at} 受理。请看了再办理。"),
    "send_back": _("您打开后，{who}已在 {at} 退回补正。请看他的意见后再决定。"),
    "lapse": _("您打开后，{who}已在 {at} 按逾期未补正处理。"),
    "close_review": _("您打开后，{who}已在 {at} 结束评审。请看了再办理。"),
    "propose": _("您打开后，{who}已在 {at} 提出决定，等另一人复核。请看他的理由。"),
    "publish": _("您打开后，{who}已在 {at} 复核同意公示。"),
    "admit": _("您打开后，{who}已在 {at} 复核同意入库。"),
    "refuse": _("您打开后，{who}已在 {at} 复核同意不予入库。"),
    "confirm": _("您打开后，{who}已在 {at} 复核同意了这项决定。"),
    "reject": _("您打开后，{who}已在 {at} 复核不同意这项决定。请看他的理由。"),
    "take_back": _("您打开后，{who}已在 {at} 撤回了这项决定。"),
    "uphold": _("您打开后，{who}已在 {at} 认定这条异议成立。请看他的理由。"),
    "dismiss": _("您打开后，{who}已在 {at} 认定这条异议不成立。请看他的理由。"),
    "write_joint": _("您打开后，{who}已在 {at} 改写了联合意见。请看了再办理。"),
    "draw": _("您打开后，{who}已在 {at} 抽取了专家。请看了再办理。"),
}
_OTHERWISE = _("您打开后，{who}已在 {at} 改动过。请看了再办理。")


def refuse_if_moved(session: Session, noun: str, noun_id: int, *, seen: int | None, at: datetime, harmless: Collection[str] = ()) -> None:
    """Refuse what rests on an outdated page. `seen`: the last entry of the history when the page was made; None: no page.
    `harmless`: verbs that change nothing of what the page shows."""
    later = [entry for entry in find_entries_since(session, noun, noun_id, seen) if entry.verb not in harmless] if seen is not None else []
    if later:
        raise RefusedError(told(later[-1], at))


def told(entry: HistoryEntry, at: datetime) -> Refused:
    """What another one did, as a refusal. Moments are told in the zone of `at`."""
    moment = entry.at.astimezone(at.tzinfo)
    # The actor is a name with a number, and the number is nobody's business.
    values = {"who": entry.actor.rpartition("（")[0] or entry.actor, "at": f"{moment:%Y-%m-%d %H:%M}", "what": entry.verb}
    return Refused("changed_meanwhile", _SAID.get(entry.verb, _OTHERWISE), values)
