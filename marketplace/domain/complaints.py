"""投诉建议: what anybody writes to the offices without a log-in, followed by a number and a code that only the writer has.

Who it was stands in the complaint alone: lists, history, notices and logs hold its number and nothing of the person.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.catalogue_rules import CatalogueRules
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.text_guard import examine
from marketplace.domain.texts import check_text

SHORTEST_TEXT, LONGEST_TEXT = 10, 2_000


class ComplaintState(StrEnum):
    RECEIVED = "received"
    IN_HAND = "in_hand"
    ANSWERED = "answered"
    CLOSED = "closed"


class ComplaintKind(StrEnum):
    COMPLAINT = "complaint"
    SUGGESTION = "suggestion"
    QUESTION = "question"


KINDS: dict[str, str] = {
    ComplaintKind.COMPLAINT: _("投诉"),
    ComplaintKind.SUGGESTION: _("建议"),
    ComplaintKind.QUESTION: _("咨询"),
}
ABOUT: dict[str, str] = {
    "project": _("项目申报和评审"),
    "provider": _("服务商"),
    "diagnosis": _("评估诊断"),
    "funds": _("资金"),
    "manager": _("综合管理服务商"),
    "site": _("平台使用"),
    "other": _("其他事项"),
}
# What is about one of the offices is not for that office.
_NOT_FOR: dict[str, frozenset[Role]] = {"manager": frozenset({Role.MANAGER})}
HANDLERS = frozenset({Role.MANAGER, Role.BUREAU, Role.ADMIN})

_S = ComplaintState
_STAFF = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
# Whoever wrote it, and the clock, act as ADMIN here: the action itself asked for the code, or counted the days.
_OTHERS = (Role.ADMIN,)

TABLE: Table = (
    Transition((_S.RECEIVED,), "take", _S.IN_HAND, _STAFF, "受理"),
    Transition((_S.IN_HAND,), "answer", _S.ANSWERED, _STAFF, "答复"),
    Transition((_S.ANSWERED,), "ask_again", _S.IN_HAND, _OTHERS, "继续反映"),
    Transition((_S.ANSWERED,), "close", _S.CLOSED, _STAFF, "办结"),
)


def handlers_of(about: str) -> frozenset[Role]:
    """The offices that may read and answer it."""
    return HANDLERS - _NOT_FOR.get(about, frozenset())


def hidden_from(roles: frozenset[Role]) -> list[str]:
    """What of it none of these roles may read."""
    return [about for about in ABOUT if not roles & handlers_of(about)]


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One line of the contact page. `phone`: "" where the office has none to publish."""

    name: str
    en: str
    what: str
    what_en: str
    phone: str


@dataclass(frozen=True, kw_only=True)
class ComplaintRules:
    """Read from the pilot file; terms in working days, counted from the day it came. `close_days`: after the answer, calendar days."""

    take_days: int
    answer_days: int
    close_days: int
    contacts: tuple[Contact, ...]
    source: str


@dataclass(frozen=True)
class ComplaintDraft:
    kind: str = ""
    about: str = ""
    text: str = ""
    name: str = ""
    contact: str = ""


def check(draft: ComplaintDraft, rules: CatalogueRules) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal). Name and contact are the writer's choice; in the text they would be read by more people than need them."""
    if draft.kind not in KINDS:
        yield "kind", Refused("required", _("{label}没有填。"), {"label": _("类型")})
    if draft.about not in ABOUT:
        yield "about", Refused("required", _("{label}没有填。"), {"label": _("反映什么")})
    yield from check_text("name", _("姓名或单位名称"), draft.name, most=100)
    yield from check_text("contact", _("联系方式"), draft.contact, most=100)
    yield from check_complaint_text(draft.text, rules)


def check_complaint_text(text: str, rules: CatalogueRules) -> Iterator[tuple[str, Refused]]:
    if len(text.strip()) < SHORTEST_TEXT:
        yield "text", Refused("too_short", _("内容至少 {least} 个字，请写明时间、经过和希望怎样解决。"), {"least": SHORTEST_TEXT})
    yield from check_text("text", _("内容"), text, most=LONGEST_TEXT)
    found = {one.refused.code: one.refused for one in examine({"text": [text[:LONGEST_TEXT]]}, rules)}
    if "contact_data" in found:
        message = _("“{quote}”像是联系方式。请写在下面的联系方式一栏，只有办理的人看得到。")
        yield "text", Refused("contact_in_text", message, {"quote": found["contact_data"].values["quote"]})
    if "keyword_stuffing" in found:
        yield "text", Refused("repeated", _("内容里同样的话重复太多，请写明事实。"))
