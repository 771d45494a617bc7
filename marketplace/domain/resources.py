"""公共服务资源 (resources): labs, test lines, computing, standards and teams that enterprises may use, with conditions and contact."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class ResourceState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


_CENTRE = (Role.CENTRE, Role.ADMIN)
_S = ResourceState
TABLE: Table = (
    Transition((_S.DRAFT, _S.WITHDRAWN), "publish", _S.PUBLISHED, _CENTRE, "发布资源"),
    Transition((_S.PUBLISHED,), "withdraw", _S.WITHDRAWN, _CENTRE, "下架资源"),
)
MOST_CODES = 60


@dataclass(frozen=True)
class ResourceDraft:
    """A resource as it is typed. `price`: in words; `scenario_codes`, `stages`: what it serves."""

    name: str = ""
    kind: str = ""
    host: str = ""
    does: str = ""
    conditions: str = ""
    price: str = ""
    contact: str = ""
    scenario_codes: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()


def check(draft: ResourceDraft, *, kinds: Collection[str], stages: Collection[str]) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be kept. Whether a scenario exists, the site knows."""
    yield from check_text("name", _("名称"), draft.name, most=200, required=True)
    if draft.kind not in kinds:
        yield "kind", Refused("required", _("{label}没有填。"), {"label": _("类别")})
    yield from check_text("host", _("所属单位"), draft.host, most=200, required=True)
    yield from check_text("does", _("能做什么"), draft.does, most=10_000, required=True)
    yield from check_text("conditions", _("使用条件"), draft.conditions, most=10_000, required=True)
    yield from check_text("price", _("收费"), draft.price, most=500, required=True)
    yield from check_text("contact", _("联系方式"), draft.contact, most=500, required=True)
    if set(draft.stages) - set(stages):
        yield "stages", Refused("unknown_choice", _("没有这个选项，请刷新页面后重新选。"))
    if len(draft.scenario_codes) > MOST_CODES:
        yield "scenario_codes", Refused("too_many_rows", _("这一部分最多 {most} 行。"), {"most": MOST_CODES})


def is_searchable(state: ResourceState) -> bool:
    """Whether a search may find it: what is published, and nothing else."""
    return state == ResourceState.PUBLISHED


class Described(Protocol):
    """A draft or a row."""

    @property
    def name(self) -> str: ...
    @property
    def host(self) -> str: ...
    @property
    def does(self) -> str: ...
    @property
    def conditions(self) -> str: ...
    @property
    def stages(self) -> Sequence[str]: ...
    @property
    def scenario_codes(self) -> Sequence[str]: ...


def resource_text(
    row: Described, *, kind: str = "", stages: Mapping[str, str] | None = None, scenarios: Mapping[str, str] | None = None
) -> str:
    """All that a search should find it by, a line each. `kind`, `stages`, `scenarios`: what the pilot calls their keys."""
    named = [(stages or {}).get(key, key) for key in row.stages]
    named += [f"{code} {(scenarios or {}).get(code, '')}".strip() for code in row.scenario_codes]
    lines = (row.name, kind, row.host, row.does, row.conditions, "、".join(named))
    return "\n".join(line.strip() for line in lines if line.strip())
