"""Rules propose, people decide: from what is known of a provider to the cases that the bureau should look at.

Sources (domain notes 2.6): graded steps 警告 → 限期整改 → 取消资格; 不合格 once: rectify, twice in a row or not rectified: out; no service
record for 12 months: out; the 一票否决 list: out at once. The bounds of the score are chosen by simulation (bench/rating.py).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from marketplace.domain import rule_sentences as said
from marketplace.domain.adjustment_rules import AdjustmentRules
from marketplace.domain.adjustments import SEVERITY, AdjustmentKind, becomes
from marketplace.domain.providers import ProviderState


@dataclass(frozen=True)
class Evidence:
    """What a proposal rests on. `ref` names it for good ("score:12"): the same evidence proposes once; `noun`, `public_ref`: its page."""

    ref: str
    text: str
    noun: str = ""
    public_ref: str = ""


@dataclass(frozen=True)
class Proposal:
    """What a rule proposes, and why, in a sentence for the record."""

    kind: AdjustmentKind
    rule: str
    why: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True)
class Score:
    """The rating as it was last computed: of how many projects, by which record."""

    value: float
    low: float
    high: float
    projects: int
    on: date
    ref: str


@dataclass(frozen=True)
class Result:
    """The issued result of an evaluation round."""

    round: str
    failed: bool
    evidence: Evidence


@dataclass(frozen=True)
class Expiry:
    """A licence or certificate with its last day."""

    name: str
    last_day: date
    evidence: Evidence


@dataclass(frozen=True)
class Standing:
    """Everything that the rules look at of one provider.

    `since`: since when it is in its present state; `results`: the latest first; `conduct`: serious conduct found true;
    `used`: refs of evidence that a case rests on already; `open_severity`: of the gravest case that waits for a decision.
    """

    provider_id: int
    state: ProviderState
    since: date | None = None
    score: Score | None = None
    results: tuple[Result, ...] = ()
    expiries: tuple[Expiry, ...] = ()
    conduct: tuple[Evidence, ...] = ()
    last_service: date | None = None
    running: int = 0
    rectification: Evidence | None = None
    rectify_until: date | None = None
    used: frozenset[str] = frozenset()
    open_severity: int = -1


def proposals(standing: Standing, rules: AdjustmentRules, today: date) -> list[Proposal]:
    """What the rules propose today, the gravest first: possible now, resting on something new, graver than what waits already."""
    found = [
        one
        for one in _of_every_rule(standing, rules, today)
        if becomes(one.kind, standing.state) is not None
        and SEVERITY[one.kind] > standing.open_severity
        and any(row.ref not in standing.used for row in one.evidence)
    ]
    return sorted(found, key=lambda one: (-SEVERITY[one.kind], one.rule))


def _of_every_rule(standing: Standing, rules: AdjustmentRules, today: date) -> Iterator[Proposal]:
    for act in standing.conduct:
        yield Proposal(AdjustmentKind.RETIRE, "conduct", said.CONDUCT.format(act=act.text), (act,))
    yield from _by_results(standing)
    yield from _by_score(standing, rules, today)
    yield from _by_terms(standing, rules, today)
    for one in standing.expiries:
        if one.last_day < today:
            why = said.EXPIRED.format(name=one.name, day=one.last_day.isoformat())
            yield Proposal(AdjustmentKind.RECTIFY, "certificate_expired", why, (one.evidence,))


def _by_results(standing: Standing) -> Iterator[Proposal]:
    latest = standing.results[:2]
    if len(latest) == 2 and all(one.failed for one in latest):
        why = said.FAILED_TWICE.format(before=latest[1].round, last=latest[0].round)
        yield Proposal(AdjustmentKind.RETIRE, "failed_twice", why, tuple(one.evidence for one in latest))
    elif latest and latest[0].failed:
        yield Proposal(AdjustmentKind.RECTIFY, "failed_once", said.FAILED_ONCE.format(round=latest[0].round), (latest[0].evidence,))


def _by_score(standing: Standing, rules: AdjustmentRules, today: date) -> Iterator[Proposal]:
    score = standing.score
    # A newcomer has no score that says anything.
    if score is None or score.projects == 0:
        return
    low, high = f"{score.low:.0f}", f"{score.high:.0f}"
    told = said.SCORE.format(value=f"{score.value:.1f}", low=low, high=high, projects=score.projects, on=score.on.isoformat())
    evidence: tuple[Evidence, ...] = (Evidence(score.ref, told),)
    if score.value < rules.retire_below:
        yield Proposal(
            AdjustmentKind.RETIRE, "score_retire", said.BELOW_RETIRING.format(told=told, line=f"{rules.retire_below:g}"), evidence
        )
    if score.value < rules.warn_below:
        yield Proposal(AdjustmentKind.WARN, "score_warn", said.BELOW_WARNING.format(told=told, line=f"{rules.warn_below:g}"), evidence)
    if standing.state != ProviderState.WARNED or standing.since is None:
        return
    warned, until = standing.since.isoformat(), months_after(standing.since, rules.warning_months)
    if until > today:
        return
    # The warning is part of what the proposal rests on: a new one starts anew.
    evidence = (Evidence(f"warned:{warned}", said.WARNED.format(since=warned)), *evidence)
    if score.value < rules.warn_below:
        why = said.STILL_BELOW.format(since=warned, months=rules.warning_months, told=told, line=f"{rules.warn_below:g}")
        yield Proposal(AdjustmentKind.RECTIFY, "score_persists", why, evidence[:1])
    else:
        why = said.RECOVERED.format(since=warned, months=rules.warning_months, told=told, line=f"{rules.warn_below:g}")
        yield Proposal(AdjustmentKind.CLEAR, "recovered", why, evidence)


def _by_terms(standing: Standing, rules: AdjustmentRules, today: date) -> Iterator[Proposal]:
    if standing.rectification is not None and standing.rectify_until is not None and standing.rectify_until < today:
        until = standing.rectify_until.isoformat()
        evidence = Evidence(
            f"{standing.rectification.ref}:{until}", standing.rectification.text, "adjustment", standing.rectification.public_ref
        )
        yield Proposal(AdjustmentKind.SUSPEND, "rectification_overdue", said.OVERDUE.format(until=until), (evidence,))
    if standing.state == ProviderState.SUSPENDED and standing.since and months_after(standing.since, rules.suspension_months) <= today:
        since = standing.since.isoformat()
        why = said.SUSPENDED_LONG.format(since=since, months=rules.suspension_months)
        yield Proposal(AdjustmentKind.RETIRE, "suspended_long", why, (Evidence(f"suspended:{since}", said.SUSPENDED.format(since=since)),))
    active = standing.state in (ProviderState.ADMITTED, ProviderState.WARNED)
    # Whoever works on a project has a service record, however old its last event.
    if active and not standing.running and standing.last_service and months_after(standing.last_service, rules.idle_months) <= today:
        last = standing.last_service.isoformat()
        why = said.IDLE.format(last=last, months=rules.idle_months)
        yield Proposal(AdjustmentKind.RETIRE, "idle", why, (Evidence(f"idle:{last}", said.LAST_SERVICE.format(last=last)),))


def months_after(day: date, months: int) -> date:
    """The same day so many months later, or the last day of that month."""
    number = day.year * 12 + day.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def reapply_from(today: date, kind: str, rules: AdjustmentRules) -> date:
    """From which day whoever left may apply again. `kind`: "left", "failing" or "conduct"."""
    months = {"left": rules.reapply_months_left, "failing": rules.reapply_months_failing, "conduct": rules.reapply_months_conduct}
    return months_after(today, months[kind])
