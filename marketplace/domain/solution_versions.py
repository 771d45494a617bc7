"""Versions of a solution: what a provider wants to say next, and what it said before. The newest approved one is what is shown.

A solution that was never published is a draft with its versions; an edit of a published one is a new version that waits while
the old one stays visible. Nothing of a version is ever thrown away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Protocol

from marketplace.domain import cases, solutions
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.providers import SEARCHABLE, TAKES_NEW, ProviderState
from marketplace.domain.solutions import SolutionDraft, SolutionState


class VersionState(StrEnum):
    """Being written, handed in, sent back with a reason, approved (shown from then on), or taken back by its provider."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    APPROVED = "approved"
    WITHDRAWN = "withdrawn"


# A solution has at most one version in these states; and in these its provider may still write.
OPEN = frozenset({VersionState.DRAFT, VersionState.SUBMITTED, VersionState.RETURNED})
EDITABLE = frozenset({VersionState.DRAFT, VersionState.RETURNED})


class Versioned(Protocol):
    """What the guards look at."""

    @property
    def provider_state(self) -> ProviderState: ...
    @property
    def solution_state(self) -> SolutionState: ...


def may_be_handed_in(subject: Versioned) -> Refused | None:
    """Something new takes a provider that takes new orders; what stands already may be mended while it is in the pool."""
    is_new = subject.solution_state != SolutionState.PUBLISHED
    if subject.provider_state not in SEARCHABLE:
        return Refused(
            "not_in_pool", _("贵单位现在不在资源池内（已暂停、淘汰或退出），不能提交方案。恢复或重新入库后可以接着提交，草稿会保留。")
        )
    if is_new and subject.provider_state not in TAKES_NEW:
        return Refused("takes_no_new", _("贵单位正在限期整改，不能发布新的方案；已发布的方案可以修改。整改通过后可以提交。"))
    return not_blocked(subject)


def may_be_shown(subject: Versioned) -> Refused | None:
    """What is approved is shown at once, so its provider must be in the pool and the solution not blocked."""
    if subject.provider_state not in SEARCHABLE:
        return Refused("not_in_pool", _("该服务商现在不在资源池内，不能通过它的方案。可以退回，或等它恢复。"))
    return not_blocked(subject)


def not_blocked(subject: Versioned) -> Refused | None:
    if subject.solution_state == SolutionState.BLOCKED:
        return Refused("blocked", _("这个方案已被拦截，须由区工信局先恢复。"))
    return None


_REVIEW = (Role.MANAGER, Role.ADMIN)

TABLE: Table = (
    Transition(
        (VersionState.DRAFT, VersionState.RETURNED), "submit", VersionState.SUBMITTED, (Role.PROVIDER,), "提交审核", may_be_handed_in
    ),
    Transition((VersionState.SUBMITTED,), "approve", VersionState.APPROVED, _REVIEW, "通过并发布", may_be_shown),
    Transition((VersionState.SUBMITTED,), "return", VersionState.RETURNED, _REVIEW, "退回修改"),
    Transition(tuple(sorted(OPEN)), "withdraw", VersionState.WITHDRAWN, (Role.PROVIDER,), "撤回"),
)


@dataclass(frozen=True)
class Field:
    """One editable field of a solution. `holds`: its keys in a version's content; `shape`: how it is typed and shown; `kind`: of term."""

    key: str
    label: str
    shape: str
    kind: str = ""
    holds: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.holds or (self.key,)


FIELDS: tuple[Field, ...] = (
    Field("title", _("标题"), "line"),
    Field("form", _("方案形式"), "term", "form"),
    Field("summary", _("简介"), "text"),
    Field("solves", _("解决的痛点"), "lines"),
    Field("sectors", _("适用行业"), "terms", "sector"),
    Field("stages", _("适用环节"), "terms", "stage"),
    Field("orientations", _("转型方向"), "terms", "orientation"),
    Field("scenario_codes", _("对应场景"), "scenarios"),
    Field("price_wan", _("报价"), "money", holds=("price_low_fen", "price_high_fen")),
    Field("delivery_weeks", _("工期"), "weeks", holds=("weeks_low", "weeks_high")),
    Field("references", _("已实施数量"), "count"),
    Field("technologies", _("关键技术"), "words"),
    Field("levels", _("改造层面"), "terms", "level"),
    Field("enterprise_sizes", _("适用企业规模"), "terms", "enterprise_size"),
    Field("deployments", _("部署方式"), "terms", "deployment"),
    Field("origin", _("国产或进口"), "origin"),
    Field("explosion_proof", _("防爆"), "flag"),
    Field("interfaces", _("接口"), "words"),
    Field("certificates", _("证书"), "words"),
    Field("cases", _("实施案例"), "cases"),
    Field("files", _("附件"), "files"),
)
Content = dict[str, Any]
# The keys that are columns of a solution; cases and files are rows of their own.
COLUMNS = tuple(key for field in FIELDS for key in field.keys if key not in ("cases", "files"))


def empty_content() -> Content:
    """Nothing said yet."""
    drafted = SolutionDraft()
    return {key: getattr(drafted, key) for key in COLUMNS} | {"cases": [], "files": []}


def check(content: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a content, the same as for an imported row."""
    yield from solutions.check(SolutionDraft(**{key: content[key] for key in COLUMNS}))
    for row in content["cases"]:
        for _field, refused in cases.check(case_draft(row)):
            yield "cases", refused


def check_draft(content: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    """What even a draft must obey: a title to know it by, and nothing that is wrong; what is missing may come later."""
    yield from ((field, refused) for field, refused in check(content) if refused.code != "required" or field == "title")


def check_complete(content: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    """What must be there before others look at it, beside what a draft must obey."""
    yield from check(content)
    if not content["form"]:
        yield "form", Refused("required", _("方案形式没有选：产品、解决方案或专业化服务。"))
    if not content["solves"]:
        yield "solves", Refused("required", _("解决的痛点没有填。企业按它找到您，至少写一条。"))
    if not content["scenario_codes"]:
        yield "scenario_codes", Refused("required", _("对应场景没有选，至少选一个行业典型场景或企业公开的场景。"))


def case_draft(row: Mapping[str, Any]) -> cases.CaseDraft:
    return cases.CaseDraft(**{item.name: row[item.name] for item in fields(cases.CaseDraft) if item.name in row})


def texts_of(content: Mapping[str, Any]) -> dict[str, list[str]]:
    """The words that the text guard reads."""
    written = {key: [str(content[key])] for key in ("title", "summary")}
    lists = {key: list(content[key]) for key in ("solves", "technologies", "interfaces", "certificates")}
    told = {
        "case_titles": [row.get("title", "") for row in content["cases"]],
        "cases": [row.get("process", "") for row in content["cases"]],
    }
    return written | lists | told
