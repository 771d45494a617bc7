"""What a rating is made of: dated events of fixed kinds, and what each of them is worth.

The kinds and their payloads are one table. Whoever emits an event (an import, a member of staff with proof, later the project
itself) fills its fields; `check` says what is wrong with them, and `observe` turns them into a value of 0–100 with a weight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.rating_rules import RatingRules
from marketplace.domain.texts import check_text


class EventKind(StrEnum):
    """Kinds of events, in the order in which they are shown."""

    ON_TIME = "on_time"
    ACCEPTANCE = "acceptance"
    EFFECT = "effect"
    ENTERPRISE_RATING = "enterprise_rating"
    INSPECTION = "inspection"
    RESPONSE = "response"
    COMPLAINT = "complaint"
    CONDUCT = "conduct"


# Of a project, and so part of what one project says; the others stand for themselves.
OF_PROJECT = frozenset({EventKind.ON_TIME, EventKind.ACCEPTANCE, EventKind.EFFECT, EventKind.ENTERPRISE_RATING, EventKind.INSPECTION})
SEVERITIES = ("clean", "minor", "general", "serious")
RESULTS = ("passed", "rectified", "failed")
ASPECTS = ("quality", "schedule", "service", "attitude")


@dataclass(frozen=True)
class Field:
    """One field of a payload. `shape`: flag, count, number, choice or text; numbers lie from `least` to `most`."""

    key: str
    label: str
    shape: str
    required: bool = False
    answers: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None


Whole = Callable[[Mapping[str, Any]], Iterator[tuple[str, Refused]]]


def _nothing_more(payload: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    return iter(())


def _late_is_said_once(payload: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    if payload.get("on_time") is True and (payload.get("days_late") or 0) > 0:
        yield (
            "days_late",
            Refused("late_and_on_time", _("写了按期，又写了逾期 {days} 个工作日，请改一处。"), {"days": payload["days_late"]}),
        )


def _target_is_a_way(payload: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    """From where to where: a target that is where one began says nothing."""
    target, baseline = payload.get("target"), payload.get("baseline") or 0
    if isinstance(target, int | float) and target == baseline:
        yield "target", Refused("target_is_baseline", _("目标值与改造前的值相同（{value:g}），算不出达成多少。"), {"value": target})


def _some_aspect(payload: Mapping[str, Any]) -> Iterator[tuple[str, Refused]]:
    if all(payload.get(key) is None for key in (*ASPECTS, "overall")):
        yield "quality", Refused("no_aspect", _("四个方面至少评一个。"))


@dataclass(frozen=True)
class Kind:
    """A kind of event: its fields, and what only all of them together can tell."""

    kind: EventKind
    label: str
    fields: tuple[Field, ...]
    whole: Whole = _nothing_more


_STARS: dict[str, Any] = {"shape": "number", "least": 1, "most": 5}
_SEVERITY = _("严重程度")
_REMARK = Field("remark", _("说明"), "text")

KINDS: dict[EventKind, Kind] = {
    row.kind: row
    for row in (
        Kind(
            EventKind.ON_TIME,
            _("项目按期"),
            (
                Field("on_time", _("是否按期"), "flag", required=True),
                Field("days_late", _("逾期工作日"), "count", least=0, most=2_000),
                _REMARK,
            ),
            _late_is_said_once,
        ),
        Kind(
            EventKind.ACCEPTANCE,
            _("验收结果"),
            (
                Field("result", _("验收结果"), "choice", required=True, answers=RESULTS),
                Field("score", _("验收得分"), "number", least=0, most=100),
                _REMARK,
            ),
        ),
        Kind(
            EventKind.EFFECT,
            _("实测成效"),
            (
                Field("indicator", _("指标"), "text", required=True),
                Field("unit", _("计量单位"), "text"),
                Field("baseline", _("改造前"), "number"),
                Field("target", _("目标值"), "number", required=True),
                Field("measured", _("实测值"), "number", required=True),
                _REMARK,
            ),
            _target_is_a_way,
        ),
        Kind(
            EventKind.ENTERPRISE_RATING,
            _("企业评价"),
            (
                Field("quality", _("质量"), **_STARS),
                Field("schedule", _("进度"), **_STARS),
                Field("service", _("服务"), **_STARS),
                Field("attitude", _("态度"), **_STARS),
                Field("overall", _("总评"), **_STARS),
                _REMARK,
            ),
            _some_aspect,
        ),
        Kind(EventKind.INSPECTION, _("检查发现"), (Field("severity", _SEVERITY, "choice", required=True, answers=SEVERITIES), _REMARK)),
        Kind(
            EventKind.RESPONSE,
            _("答复咨询"),
            (
                Field("answered", _("是否答复"), "flag", required=True),
                Field("days", _("用了几个工作日"), "count", least=0, most=2_000),
                _REMARK,
            ),
        ),
        Kind(EventKind.COMPLAINT, _("投诉属实"), (Field("severity", _SEVERITY, "choice", required=True, answers=SEVERITIES[1:]), _REMARK)),
        Kind(EventKind.CONDUCT, _("行为失范"), (Field("severity", _SEVERITY, "choice", required=True, answers=SEVERITIES[1:]), _REMARK)),
    )
}


@dataclass
class EventDraft:
    """An event as it is typed. `project`: what its project is called, the same for all events of one project."""

    kind: str = ""
    on: date | None = None
    payload: dict[str, Any] = field(default_factory=dict)
    project: str = ""


def check(draft: EventDraft, today: date | None = None) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of an event; nothing when it may be stored. Fields of the payload go by their own names."""
    if draft.kind not in KINDS:
        yield "kind", Refused("unknown_kind", _("没有“{kind}”这种评价事件。"), {"kind": draft.kind})
        return
    kind = KINDS[EventKind(draft.kind)]
    if draft.on is None:
        yield "on", Refused("required", _("{label}没有填。"), {"label": _("发生日期")})
    elif today is not None and draft.on > today:
        yield "on", Refused("future", _("发生日期 {on} 还没有到。"), {"on": draft.on.isoformat()})
    # What belongs to a project counts as part of what this project says.
    if kind.kind in OF_PROJECT and not draft.project.strip():
        yield "project", Refused("no_project", _("“{kind}”要写明是哪个项目。"), {"kind": kind.label})
    yield from check_text("project", _("项目"), draft.project, most=128)
    known = {row.key for row in kind.fields}
    for key in draft.payload.keys() - known:
        yield key, Refused("unknown_field", _("“{kind}”没有“{field}”这一项。"), {"kind": kind.label, "field": key})
    wrong = False
    for row in kind.fields:
        for refused in _check_field(row, draft.payload.get(row.key)):
            wrong = True
            yield row.key, refused
    if not wrong:
        yield from kind.whole(draft.payload)


def _check_field(row: Field, value: Any) -> Iterator[Refused]:
    if value is None or value == "":
        if row.required:
            # A gap may stay in what is known of a company; an event without this says nothing.
            yield Refused("field_missing", _("{label}没有填。"), {"label": row.label})
        return
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if row.shape == "flag" and not isinstance(value, bool):
        yield Refused("not_a_flag", _("“{value}”应填 是 或 否。"), {"value": value})
    elif row.shape == "choice" and value not in row.answers:
        yield Refused(
            "unknown_answer", _("“{value}”不在可填的内容里，可填：{choices}。"), {"value": value, "choices": "、".join(row.answers)}
        )
    elif row.shape == "text":
        if not isinstance(value, str):
            yield Refused("not_a_text", _("这里应是文字，现在是一组数据。"))
        else:
            yield from (refused for _key, refused in check_text(row.key, row.label, value, most=500))
    elif row.shape in ("count", "number"):
        if not is_number or value != value or value in (float("inf"), float("-inf")) or (row.shape == "count" and value != int(value)):
            yield Refused("not_a_number", _("{label}应是数字，现在是“{value}”。"), {"label": row.label, "value": value})
        elif (row.least is not None and value < row.least) or (row.most is not None and value > row.most):
            limits = {"label": row.label, "least": row.least, "most": row.most, "value": value}
            yield Refused("out_of_range", _("{label}应在 {least:g} 到 {most:g} 之间，现在是 {value:g}。"), limits)


@dataclass(frozen=True)
class Observation:
    """What an event says: a value of 0–100, and how much evidence that is (1.0: as much as a whole project)."""

    value: float
    weight: float


def observe(kind: EventKind, payload: Mapping[str, Any], rules: RatingRules) -> Observation:
    """The worth of an event whose payload passed `check`.

    on_time: in time `on_time`; late `late` − `late_per_day` · days, at least `late_least`; `late_unsaid` where the days are not said.
    acceptance: the score, or what its result is worth. effect: `effect_at_target` · (measured − before) ÷ (target − before).
    enterprise_rating: `per_star` · mean of the aspects that were rated. inspection, complaint, conduct: by severity.
    response: the step of its working days. All within 0–100.
    """
    weight = next((row.weight for row in rules.weights if row.kind == kind), 0.0)
    if kind == EventKind.ON_TIME:
        value = _on_time(payload, rules)
    elif kind == EventKind.ACCEPTANCE:
        by_result = next(row.value for row in rules.acceptances if row.result == payload["result"])
        value = by_result if payload.get("score") is None else float(payload["score"])
    elif kind == EventKind.EFFECT:
        before = payload.get("baseline") or 0.0
        value = rules.effect_at_target * (payload["measured"] - before) / (payload["target"] - before)
    elif kind == EventKind.ENTERPRISE_RATING:
        value = rules.per_star * stars(payload)
    elif kind == EventKind.RESPONSE:
        value = _response(payload, rules)
    else:
        found = next(row for row in rules.severities if row.kind == kind and row.severity == payload["severity"])
        value, weight = found.value, found.weight
    return Observation(min(100.0, max(0.0, value)), weight)


def stars(payload: Mapping[str, Any]) -> float:
    """Mean of the aspects that the enterprise rated; its single mark where it gave no more than that."""
    given = [float(payload[key]) for key in ASPECTS if payload.get(key) is not None]
    return sum(given) / len(given) if given else float(payload["overall"])


def _on_time(payload: Mapping[str, Any], rules: RatingRules) -> float:
    if payload["on_time"]:
        return rules.on_time
    days = payload.get("days_late")
    return rules.late_unsaid if days is None else max(rules.late_least, rules.late - rules.late_per_day * days)


def _response(payload: Mapping[str, Any], rules: RatingRules) -> float:
    if not payload["answered"]:
        return rules.unanswered
    days = payload.get("days") or 0
    return next((step.value for step in rules.responses if days <= step.days), rules.unanswered)


def kinds_without_rule(rules: RatingRules) -> list[str]:
    """Kinds, severities and results that the rules forgot; a rating by such rules would leave events out in silence."""
    weighed = {row.kind for row in rules.weights}
    judged = {(row.kind, row.severity) for row in rules.severities}
    missing = [kind.value for kind in KINDS if kind.value not in weighed | {row.kind for row in rules.severities}]
    for kind, row in KINDS.items():
        for severity in next((one.answers for one in row.fields if one.key == "severity"), ()):
            if (kind.value, severity) not in judged:
                missing.append(f"{kind.value}.{severity}")
    return missing + [result for result in RESULTS if result not in {row.result for row in rules.acceptances}]
