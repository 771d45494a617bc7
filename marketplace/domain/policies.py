"""政策库: official papers with their versions. What was once public stays readable, and says what took its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class PolicyVersionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    SUPERSEDED = "superseded"
    REPEALED = "repealed"
    DROPPED = "dropped"


_S = PolicyVersionState
_KEEPERS = (Role.MANAGER, Role.BUREAU, Role.ADMIN)
PUBLIC = frozenset({_S.PUBLISHED, _S.SUPERSEDED, _S.REPEALED})


@dataclass(frozen=True)
class Subject:
    """What the guards look at: a version has its text or its file."""

    has_content: bool = True


def has_content(subject: Subject) -> Refused | None:
    return None if subject.has_content else Refused("no_content", _("请写正文，或上传文件，再发布。"))


TABLE: Table = (
    Transition((_S.DRAFT,), "publish", _S.PUBLISHED, _KEEPERS, "发布政策", has_content),
    Transition((_S.DRAFT,), "drop", _S.DROPPED, _KEEPERS, "删去草稿"),
    Transition((_S.PUBLISHED,), "supersede", _S.SUPERSEDED, _KEEPERS, "由新版代替"),
    Transition((_S.PUBLISHED,), "repeal", _S.REPEALED, _KEEPERS, "废止"),
)
TOPICS: dict[str, str] = {
    "pilot": _("试点工作"),
    "funds": _("资金支持"),
    "pool": _("服务商管理"),
    "project": _("项目管理"),
    "scenario": _("场景与诊断"),
    "finance": _("金融服务"),
    "talent": _("人才与培训"),
    "other": _("其他政策"),
}


@dataclass(frozen=True)
class PolicyDraft:
    """One version as it is typed. `number`: 文号; `note`: what changed against the version before."""

    topic: str = ""
    title: str = ""
    number: str = ""
    issuer: str = ""
    issued: date | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    summary: str = ""
    text: str = ""
    note: str = ""


def check(draft: PolicyDraft) -> Iterator[tuple[str, Refused]]:
    if draft.topic not in TOPICS:
        yield "topic", Refused("required", _("{label}没有填。"), {"label": _("主题")})
    yield from check_text("title", _("标题"), draft.title, most=200, required=True)
    yield from check_text("number", _("文号"), draft.number, most=64)
    yield from check_text("issuer", _("发文机关"), draft.issuer, most=100, required=True)
    yield from check_text("summary", _("要点"), draft.summary, most=2_000)
    yield from check_text("text", _("正文"), draft.text, most=100_000)
    yield from check_text("note", _("修订说明"), draft.note, most=2_000)
    if draft.issued is None:
        yield "issued", Refused("no_day", _("{label}没有填，请写成 2026-11-20。"), {"label": _("发文日期")})
    if draft.valid_from and draft.valid_until and draft.valid_until < draft.valid_from:
        yield "valid_until", Refused("ends_before_start", _("失效日期早于施行日期。"))


class Standing(StrEnum):
    """Whether a policy holds today."""

    COMING = "coming"
    VALID = "valid"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REPEALED = "repealed"
    DRAFT = "draft"


def standing_of(state: PolicyVersionState, valid_from: date | None, valid_until: date | None, today: date) -> Standing:
    """A published one holds between its days; on the last of them too."""
    if state != _S.PUBLISHED:
        return {_S.SUPERSEDED: Standing.SUPERSEDED, _S.REPEALED: Standing.REPEALED}.get(state, Standing.DRAFT)
    if valid_from and today < valid_from:
        return Standing.COMING
    return Standing.EXPIRED if valid_until and today > valid_until else Standing.VALID
