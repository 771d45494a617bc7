"""What is typed into the form of a problem, as a draft; and a stored problem as the form shows it."""

from __future__ import annotations

from collections.abc import Mapping

from flask import request

from marketplace.domain.problems import ProblemDraft
from marketplace.records.problems import Problem
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults
from marketplace.web.diagnosis_lists import typed_priority, typed_wan, wan
from marketplace.web.language import say

TEXTS = ("text", "root_cause", "effect_if_unsolved", "budget_low_wan", "budget_high_wan")
KEYS = ("stage", "orientation", "scenario_code", "priority", "severity")


def draft_of(typed: Mapping[str, str]) -> tuple[ProblemDraft, Faults]:
    """The draft that was typed, and what of it is no figure. Words that are no key of the pilot are left out."""
    faults: Faults = []
    pilot = current_site().pilot
    keys = {name: found.key if (found := pilot.find(name, typed[name])) else "" for name in ("stage", "orientation")}
    scenario = pilot.scenario(typed["scenario_code"]) if typed["scenario_code"] else None
    low, high = (typed_wan(typed[f"budget_{end}_wan"], "budget_wan", faults) for end in ("low", "high"))
    draft = ProblemDraft(
        text=typed["text"].strip(),
        budget_low_fen=low,
        budget_high_fen=high,
        severity=typed_priority(typed["severity"]) or typed["severity"][:16],
        root_cause=typed["root_cause"].strip(),
        effect_if_unsolved=typed["effect_if_unsolved"].strip(),
        stage=keys["stage"],
        orientation=keys["orientation"],
        scenario_code=scenario.code if scenario else typed["scenario_code"][:32],
        priority=typed_priority(typed["priority"]),
    )
    return draft, faults


def typed_of(problem: Problem) -> dict[str, str]:
    """A stored problem as the form shows it."""
    typed: dict[str, str] = {name: getattr(problem, name) for name in (*KEYS, "text", "root_cause", "effect_if_unsolved")}
    return typed | {"budget_low_wan": wan(problem.budget_low_fen), "budget_high_wan": wan(problem.budget_high_fen)}


def typed_now() -> dict[str, str]:
    typed = {name: request.form.get(name, "") for name in TEXTS}
    return typed | {name: request.form.get(name, "").strip()[:50] for name in KEYS}


def empty() -> dict[str, str]:
    return dict.fromkeys((*TEXTS, *KEYS), "") | {"text": request.args.get("text", "")[:10_000]}


def labels() -> dict[str, str]:
    return {
        "text": say("问题"),
        "root_cause": say("原因分析"),
        "effect_if_unsolved": say("不解决的影响"),
        "stage": say("环节"),
        "orientation": say("方向"),
        "scenario_code": say("场景"),
        "priority": say("优先级"),
        "severity": say("严重程度"),
        "budget_low_wan": say("预算下限（万元）"),
        "budget_high_wan": say("预算上限（万元）"),
    }
