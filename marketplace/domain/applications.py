"""A provider's application (申报): its states, who moves it, and who has the ball meanwhile.

Handing in and taking back are the applicant's; everything from acceptance on belongs to the review.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _


class ApplicationState(StrEnum):
    """From the first line typed to the decision. SENT_BACK: some sections are to be supplemented; the remarks say why."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    SENT_BACK = "sent_back"
    UNDER_REVIEW = "under_review"
    REVIEWED = "reviewed"
    PUBLICITY = "publicity"
    ADMITTED = "admitted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


# What the applicant may still write in.
WRITABLE = frozenset({ApplicationState.DRAFT, ApplicationState.SENT_BACK})
# Nothing moves it any more.
ENDED = frozenset({ApplicationState.ADMITTED, ApplicationState.REFUSED, ApplicationState.WITHDRAWN})


class Reviewed(Protocol):
    """What the guards of the review look at; a record of an application is such a thing."""

    @property
    def open_remarks(self) -> int: ...
    @property
    def publicity_days(self) -> int: ...


@dataclass(frozen=True)
class Submission:
    """What the guard of handing in looks at.

    `opens`, `closes`: the window's dates (a supplement is not bound to them); `failures`: sentences of the machine checks
    that fail; `unanswered`: names of sections whose remarks were neither followed nor answered.
    """

    today: date
    opens: date
    closes: date
    is_supplement: bool = False
    is_withdrawn_window: bool = False
    failures: Sequence[Refused] = ()
    unanswered: Sequence[str] = ()


@dataclass(frozen=True)
class Lapse:
    """What the guard of an overdue supplement looks at."""

    today: date
    supplement_until: date | None


def is_complete(subject: Submission) -> Refused | None:
    """Handing in: the window is open (or the review asked for a supplement), and no machine check fails."""
    if not subject.is_supplement:
        if subject.is_withdrawn_window:
            return Refused("window_withdrawn", _("这个申报窗口的通知已经撤回，不能提交。您填写的内容已保存为草稿。"))
        if subject.today < subject.opens:
            return Refused("window_coming", _("申报窗口于 {opens} 开放，现在还不能提交。"), {"opens": subject.opens.isoformat()})
        if subject.today > subject.closes:
            return window_closed(subject.closes)
    if subject.unanswered:
        sections = {"sections": "、".join(subject.unanswered)}
        return Refused("remarks_unanswered", _("还有退回意见没有回应：{sections}。请修改这些部分，或写明说明。"), sections)
    if subject.failures:
        return Refused("checks_fail", _("还有 {count} 项检查不通过，没有提交。请按清单逐项补齐。"), {"count": len(subject.failures)})
    return None


def window_closed(closes: date) -> Refused:
    """What somebody is told whose window closed while they typed."""
    message = _("申报窗口已于 {closes} 24:00 关闭。您填写的内容已保存为草稿，下一批开放时可继续。")
    return Refused("window_closed", message, {"closes": closes.isoformat()})


def has_remarks(subject: Reviewed) -> Refused | None:
    """Sending back without saying which section and why helps nobody."""
    if subject.open_remarks:
        return None
    return Refused("remarks_missing", _("还没有写退回意见。请至少在一个部分写明要补正什么。"))


def has_publicity(subject: Reviewed) -> Refused | None:
    if subject.publicity_days:
        return None
    return Refused("no_publicity", _("这个申报窗口没有规定公示，可以直接决定是否入库。"))


def needs_no_publicity(subject: Reviewed) -> Refused | None:
    """Where the window says so, nobody enters the pool unseen."""
    if not subject.publicity_days:
        return None
    return Refused("publicity_first", _("这个申报窗口规定先公示 {days} 个工作日，再决定入库。"), {"days": subject.publicity_days})


def is_overdue(subject: Lapse) -> Refused | None:
    if subject.supplement_until is not None and subject.today > subject.supplement_until:
        return None
    return Refused("supplement_running", _("补正期限还没有到，不能按逾期处理。"))


_APPLICANT = (Role.PROVIDER,)
_MANAGER = (Role.MANAGER, Role.ADMIN)
_DECIDERS = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
_S = ApplicationState

TABLE: Table = (
    Transition((_S.DRAFT, _S.SENT_BACK), "submit", _S.SUBMITTED, _APPLICANT, "提交申报", is_complete),
    Transition((_S.SUBMITTED,), "accept", _S.UNDER_REVIEW, _MANAGER, "受理"),
    Transition((_S.SUBMITTED, _S.UNDER_REVIEW), "send_back", _S.SENT_BACK, _MANAGER, "退回补正", has_remarks),
    # An applicant who never answers must not keep the window from being finished.
    Transition((_S.SENT_BACK,), "lapse", _S.WITHDRAWN, _MANAGER, "逾期未补正，按撤回处理", is_overdue),
    Transition((_S.UNDER_REVIEW,), "close_review", _S.REVIEWED, _MANAGER, "评审结束"),
    Transition((_S.REVIEWED,), "publish", _S.PUBLICITY, _DECIDERS, "公示", has_publicity),
    Transition((_S.REVIEWED,), "admit", _S.ADMITTED, _DECIDERS, "同意入库", needs_no_publicity),
    Transition((_S.PUBLICITY,), "admit", _S.ADMITTED, _DECIDERS, "同意入库"),
    Transition((_S.REVIEWED, _S.PUBLICITY), "refuse", _S.REFUSED, _DECIDERS, "不予入库"),
    Transition((_S.DRAFT, _S.SUBMITTED, _S.SENT_BACK, _S.UNDER_REVIEW), "withdraw", _S.WITHDRAWN, _APPLICANT, "撤回申报"),
)


@dataclass(frozen=True)
class Ball:
    """Who has the ball: `who` (applicant, manager, experts, deciders, public, or nobody), what they do, until when, what follows."""

    who: str
    what: str
    due: date | None
    next: str


_BALLS: Mapping[ApplicationState, tuple[str, str, str]] = {
    _S.DRAFT: ("applicant", _("填写并提交申报"), _("综合管理服务商受理")),
    _S.SUBMITTED: ("manager", _("受理或退回补正"), _("专家评审")),
    _S.SENT_BACK: ("applicant", _("按意见补正后重新提交"), _("综合管理服务商受理")),
    _S.UNDER_REVIEW: ("experts", _("专家评审"), _("汇总评审结果")),
    _S.REVIEWED: ("deciders", _("决定公示、入库或不予入库"), _("告知结果")),
    _S.PUBLICITY: ("public", _("公示期内可提异议"), _("决定是否入库")),
}


def ball(state: ApplicationState, *, today: date, closes: date, supplement_until: date | None, publicity_until: date | None) -> Ball | None:
    """Who is next; None once the application has ended."""
    if state not in _BALLS:
        return None
    # The public is late for nothing: once the notice is over, those who decide have the ball.
    if state == _S.PUBLICITY and publicity_until is not None and today > publicity_until:
        return Ball("deciders", _("公示期满，决定是否入库"), None, _("告知结果"))
    who, what, following = _BALLS[state]
    due = {_S.DRAFT: closes, _S.SENT_BACK: supplement_until, _S.PUBLICITY: publicity_until}.get(state)
    return Ball(who, what, due, following)
