"""试点数据: the sectors, words and rules in force, as the pilot's file says them, and what changed from start to start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any

from flask import Blueprint, render_template

from marketplace.domain.lifecycle import _
from marketplace.domain.pilot_versions import changed_values
from marketplace.guard import not_found, permission
from marketplace.pilot_values import Scalar, Values, digest_of, remarks_of, sources_of, values_of
from marketplace.records.pilot_versions import find_versions
from marketplace.site import current_site
from marketplace.web.language import say

pages = Blueprint("pilot_data", __name__)
MOST_VERSIONS, MOST_CHANGES = 20, 100
# section → what it is called; one that is not here is called by its key.
SECTIONS = {
    "city": _("城市与期限"),
    "sectors": _("行业"),
    "areas": _("园区、街道"),
    "orientations": _("转型方向"),
    "stages": _("环节"),
    "forms": _("方案形式"),
    "levels": _("点、线、面"),
    "provider_kinds": _("服务商类型"),
    "enterprise_sizes": _("企业规模"),
    "priorities": _("优先级"),
    "scenario_kinds": _("场景类别"),
    "deployments": _("部署方式"),
    "roles": _("身份与职责"),
    "scenarios": _("场景目录"),
    "mapping": _("场景编号对照"),
    "labels": _("状态的用词"),
    "thresholds": _("检索与匹配的界限"),
    "fund_rules": _("资金比例"),
    "application": _("入库申报"),
    "review": _("入库评审"),
    "catalogue": _("产品目录"),
    "rating": _("服务商评价"),
    "adjustment": _("动态调整"),
    "learning": _("排序模型"),
    "diagnosis": _("评估诊断"),
    "questionnaire": _("诊断问卷"),
    "brokering": _("对接"),
    "open_demand": _("公开需求"),
    "project": _("项目"),
    "fund": _("专项资金"),
    "project_review": _("项目评审"),
    "inspection": _("现场检查"),
    "supervision": _("督办"),
    "figure": _("统计指标"),
    "showcase": _("标杆案例"),
    "complaint": _("投诉建议"),
    "centre": _("能力中心"),
    "performance": _("绩效评价"),
}


@dataclass(frozen=True)
class Entry:
    """A value by itself, or the values of one entry of a list (name → value), with what the file remarks about it."""

    place: str
    values: list[tuple[str, Scalar]]
    remark: str


@dataclass(frozen=True)
class Change:
    """What a start found different from the start before; `first`: there was none before."""

    number: int
    at: datetime
    program: str
    digest: str
    first: bool
    rows: list[tuple[str, Any, Any]]
    more: int


@lru_cache(maxsize=2)
def _remarks(path: Path | None) -> dict[str, str]:
    return remarks_of(path)


def _remark_of(remarks: dict[str, str], place: str) -> str:
    """The remark of the value, or of the list that it stands in; the file calls the city's table `pilot`."""
    place = f"pilot.{place.removeprefix('city.')}" if place.startswith("city.") else place
    parts = place.split(".")
    return next((found for length in range(len(parts), 1, -1) if (found := remarks.get(".".join(parts[:length])))), "")


@pages.get("/pilot")
@permission("read", "pilot")
def page() -> str:
    """What there is, which files it comes from, and when it changed."""
    site = current_site()
    values = values_of(site.pilot)
    counts = Counter(place.partition(".")[0] for place in values)
    with site.database.reading() as session:
        changes = list(_changes(find_versions(session, most=MOST_VERSIONS + 1)))
    sections = [(name, section_word(name), counts[name]) for name in dict.fromkeys(place.partition(".")[0] for place in values)]
    return render_template(
        "pilot_data/page.html", sections=sections, sources=sources_of(site.settings.pilot), digest=digest_of(values), changes=changes
    )


def _changes(versions: Any) -> Iterator[Change]:
    for number, one in enumerate(versions[:MOST_VERSIONS]):
        before = versions[number + 1] if number + 1 < len(versions) else None
        rows = changed_values(before.values, one.values) if before is not None else []
        more = max(0, len(rows) - MOST_CHANGES)
        yield Change(one.id, one.at, one.program, one.digest, before is None, rows[:MOST_CHANGES], more)


def section_word(name: str) -> str:
    return say(SECTIONS[name]) if name in SECTIONS else name


@pages.get("/pilot/<section>")
@permission("read", "pilot")
def section(section: str) -> str:
    """The values of one section with what the file remarks about them."""
    site = current_site()
    remarks = _remarks(site.settings.pilot)
    entries = list(_entries(section, values_of(site.pilot), remarks))
    if not entries:
        not_found()
    return render_template("pilot_data/section.html", name=section_word(section), entries=entries, about=remarks.get(section, ""))


def _entries(section: str, values: Values, remarks: dict[str, str]) -> Iterator[Entry]:
    """Values that stand side by side under one name are one entry; what stands in the section itself is one each."""
    of_section = {place.partition(".")[2]: value for place, value in values.items() if place.partition(".")[0] == section}
    for head, places in groupby(of_section, lambda place: place.rpartition(".")[0]):
        if head:
            rows = [(place.rpartition(".")[2], of_section[place]) for place in places]
            yield Entry(head, rows, _remark_of(remarks, f"{section}.{head}"))
        else:
            yield from (Entry(place, [("", of_section[place])], _remark_of(remarks, f"{section}.{place}")) for place in places)
