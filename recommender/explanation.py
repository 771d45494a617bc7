"""Reasons, computed from the same numbers as the score: 符合 (fits), 推断 (assumed), 缺少 (missing), 待问 (to ask).

Each part is a list of small rules; a rule looks at the evidence and yields a sentence with its values, or nothing.
So a changed price, case or locality changes the sentence.
"""

from __future__ import annotations

from collections.abc import Iterator

from indexer.analysis import analyser, highlight
from marketplace.domain.lifecycle import _
from marketplace.domain.matches import Part, Quote, Reason
from marketplace.domain.money import range_text, wan_text
from marketplace.domain.providers import ProviderState
from recommender.ask import Labels
from recommender.evidence import CLEAR_ANSWER, Evidence
from recommender.facts import CaseFacts, SolutionFacts
from recommender.features.track_record import track_record
from recommender.open_questions import open_questions
from recommender.record_said import said_of_record
from recommender.showcases import said_of_showcases

MOST_ANSWERS = 2
LEAST_LEARNED = 0.01
# Feature family → what is said where past matches moved the score by it.
LEARNED_WORDS = {
    "text": _("按以往对接结果，话说得对口这一项另计 {points} 分（满分 100）。"),
    "known_problems": _("按以往对接结果，同类问题的常见做法这一项另计 {points} 分（满分 100）。"),
    "fit": _("按以往对接结果，行业、环节、方向这一项另计 {points} 分（满分 100）。"),
    "price": _("按以往对接结果，报价与工期这一项另计 {points} 分（满分 100）。"),
    "local": _("按以往对接结果，本地服务这一项另计 {points} 分（满分 100）。"),
    "record": _("按以往对接结果，业绩与评价这一项另计 {points} 分（满分 100）。"),
    "past": _("按以往对接结果，相似问题的对接这一项另计 {points} 分（满分 100）。"),
}


def explain(evidence: Evidence, labels: Labels) -> tuple[Reason, ...]:
    """All reasons in the order of the four parts. Questions already answered by the problem are not asked."""
    return (*_fits(evidence, labels), *_assumed(evidence, labels), *_missing(evidence, labels), *open_questions(evidence.ask))


def _fits(evidence: Evidence, labels: Labels) -> Iterator[Reason]:
    ask, facts = evidence.ask, evidence.facts
    yield from _answers(evidence)
    yield from _showcases(evidence, labels, Part.FITS)
    # What rests on a guess of ours is an assumption, and stands there.
    if ask.sector:
        yield from _same_sector(evidence, labels, Part.FITS)
    if ask.budget_high_fen is not None and facts.price_high_fen is not None and facts.price_high_fen <= ask.budget_high_fen:
        price, budget = range_text(facts.price_low_fen, facts.price_high_fen), wan_text(ask.budget_high_fen)
        yield _fit("price_within", _("报价 {price}，在预算上限 {budget} 万元以内。"), price=price, budget=budget)
    if ask.weeks is not None and facts.weeks_high is not None and facts.weeks_high <= ask.weeks:
        yield _fit("weeks_within", _("工期最长 {weeks} 周，赶得上您要求的 {wanted} 周。"), weeks=facts.weeks_high, wanted=ask.weeks)
    if facts.local_office:
        yield _fit("local_office", _("服务商在本地有团队或办公场地。"))
    if track_record(facts)["record"] > 0:
        yield from said_of_record(facts, Part.FITS)
    if evidence.similar_accepted:
        yield _fit(
            "similar_accepted",
            _("相似的问题对接过这个方案 {proposed} 次，企业接受 {accepted} 次。"),
            proposed=evidence.similar_proposed,
            accepted=evidence.similar_accepted,
        )


def _same_sector(evidence: Evidence, labels: Labels, part: Part) -> Iterator[Reason]:
    """That the solution is made for this sector (and stage), and the best case in it."""
    ask, facts, sector = evidence.ask, evidence.facts, _sector_of(evidence)
    if not sector:
        return
    if sector in facts.sectors:
        stage = ask.stage if part is Part.FITS else ask.stage or evidence.guessed.get("stage")
        if stage and stage in facts.stages:
            values: dict[str, object] = {"sector": labels("sector", sector), "stage": labels("stage", stage)}
            yield Reason(part, "same_sector_and_stage", _("适用于{sector}行业的{stage}环节。"), values)
        else:
            yield Reason(part, "same_sector", _("适用于{sector}行业。"), {"sector": labels("sector", sector)})
    case = _best_case(facts, sector)
    if case is not None and case.client_sector == sector:
        yield _case_reason(case, facts, labels, part)


def _showcases(evidence: Evidence, labels: Labels, part: Part) -> Iterator[Reason]:
    """A published showcase of this solution, or of its provider in the same sector and scenario."""
    facts = evidence.facts
    yield from said_of_showcases(facts.showcases, facts.solution_id, facts.scenario_codes, _sector_of(evidence), labels, part)


def _answers(evidence: Evidence) -> Iterator[Reason]:
    """Which pain point is answered by which sentence; the clearest first."""
    clear = sorted((answer for answer in evidence.answers if answer.nearness >= CLEAR_ANSWER), key=lambda answer: -answer.nearness)
    told: set[str] = set()
    for answer in clear:
        if answer.unit in told or len(told) == MOST_ANSWERS:
            continue
        told.add(answer.unit)
        ours, theirs = _marked(answer.clause, answer.unit)
        yield Reason(
            Part.FITS,
            "answers",
            _("您说的“{ours}”，方案对应的是“{theirs}”。"),
            {"ours": answer.clause, "theirs": answer.unit},
            ours=ours,
            theirs=theirs,
            weight=evidence.contributions.get("text", 0.0),
        )


def _marked(ours: str, theirs: str) -> tuple[Quote, Quote]:
    """Both quotes with the words that they share marked."""
    # A single character says nothing by itself.
    one, other = ([word for word in analyser().question(text).words if len(word) > 1] for text in (ours, theirs))
    return Quote(ours, _("问题"), highlight(ours, other)), Quote(theirs, _("方案"), highlight(theirs, one))


def _assumed(evidence: Evidence, labels: Labels) -> Iterator[Reason]:
    ask, facts = evidence.ask, evidence.facts
    if evidence.explored:
        yield Reason(Part.ASSUMED, "explored", _("新入库，给予展示机会：排在这里高于按得分的位置。"))
    yield from _learned(evidence)
    for kind, message in (("sector", _("您没有说行业，按文字推断为{word}。")), ("stage", _("您没有说环节，按文字推断为{word}。"))):
        if not getattr(ask, kind) and kind in evidence.guessed:
            yield Reason(Part.ASSUMED, f"guessed_{kind}", message, {"word": labels(kind, evidence.guessed[kind])})
    if not ask.sector:
        yield from _same_sector(evidence, labels, Part.ASSUMED)
    sector = _sector_of(evidence)
    if sector and facts.sectors and sector not in facts.sectors:
        words = "、".join(labels("sector", key) for key in facts.sectors)
        yield Reason(
            Part.ASSUMED,
            "other_sector",
            _("跨行业：方案写的是{sectors}，用到{sector}要先确认工况。"),
            {"sectors": words, "sector": labels("sector", sector)},
        )
    yield from _showcases(evidence, labels, Part.ASSUMED)
    case = _best_case(facts, sector)
    if case is not None and case.client_sector != sector and case.solution_id == facts.solution_id:
        yield _case_reason(case, facts, labels, Part.ASSUMED)
    if facts.local_commitment and not facts.local_office:
        yield Reason(Part.ASSUMED, "local_commitment", _("服务商在本地没有团队或场地，按已签的《本地化服务承诺》视为能到场。"))


def _learned(evidence: Evidence) -> Iterator[Reason]:
    """What past matches taught, where it moves the score by a point and more: the family that moves it most."""
    family = max(evidence.learned, key=lambda name: abs(evidence.learned[name]), default="")
    share = evidence.learned.get(family, 0.0)
    if abs(share) >= LEAST_LEARNED and family in LEARNED_WORDS:
        yield Reason(Part.ASSUMED, f"learned_{family}", LEARNED_WORDS[family], {"points": f"{share * 100:+.0f}"}, weight=share)


def _missing(evidence: Evidence, labels: Labels) -> Iterator[Reason]:
    ask, facts = evidence.ask, evidence.facts
    if facts.price_low_fen is None and facts.price_high_fen is None:
        yield _lack("price_open", _("价格面议：没有公开报价，不影响排序。"))
    elif ask.budget_high_fen is not None:
        yield from _price_against_budget(facts, ask.budget_high_fen)
    if ask.weeks is not None and facts.weeks_low is not None and facts.weeks_low > ask.weeks:
        yield _lack("weeks_over", _("工期最短 {weeks} 周，长于您要求的 {wanted} 周。"), weeks=facts.weeks_low, wanted=ask.weeks)
    elif ask.weeks is not None and facts.weeks_high is not None and facts.weeks_high > ask.weeks:
        low, high = facts.weeks_low or facts.weeks_high, facts.weeks_high
        message = _("工期 {low}–{high} 周，按长的一端会超过您要求的 {wanted} 周。")
        yield _lack("partly_weeks_over", message, low=low, high=high, wanted=ask.weeks)
    sector = ask.sector
    if sector and not any(case.client_sector == sector for case in facts.cases):
        yield _lack("no_case", _("没有{sector}行业的案例。"), sector=labels("sector", sector))
    # A record below the average is said where it counts against.
    if track_record(facts)["record"] <= 0:
        yield from said_of_record(facts, Part.MISSING)
    if facts.provider_state == ProviderState.WARNED:
        yield _lack("warned", _("服务商在警示期，是否选用请先与能力中心确认。"))
    if not facts.local_office and not facts.local_commitment:
        yield _lack("no_local", _("在本地没有团队，也没有签署《本地化服务承诺》。"))
    far = [answer.clause for answer in evidence.answers if answer.nearness < CLEAR_ANSWER / 2]
    # A short problem whose only clause is unanswered is a weak match, which its strength says already.
    if far and len(far) < len(evidence.answers):
        yield _lack("unanswered", _("您说的“{clause}”，方案里没有写到。"), clause=far[0])


def _price_against_budget(facts: SolutionFacts, budget_high_fen: int) -> Iterator[Reason]:
    low, high = facts.price_low_fen, facts.price_high_fen
    budget = wan_text(budget_high_fen)
    if low is not None and low > budget_high_fen:
        over = wan_text(low - budget_high_fen)
        yield _lack(
            "over_budget",
            _("报价最低 {low} 万元，比预算上限 {budget} 万元高 {over} 万元。"),
            low=wan_text(low),
            budget=budget,
            over=over,
        )
    elif high is not None and high > budget_high_fen:
        yield _lack(
            "partly_over_budget", _("报价 {price}，按高的一端会超过预算上限 {budget} 万元。"), price=range_text(low, high), budget=budget
        )


def _case_reason(case: CaseFacts, facts: SolutionFacts, labels: Labels, part: Part = Part.FITS) -> Reason:
    """A case with its measured effect, this very solution's or another one of the same provider."""
    effect = case.effects[0]
    values = {
        "sector": labels("sector", case.client_sector) if case.client_sector else _("其他"),
        "indicator": effect.indicator,
        "before": effect.before,
        "after": effect.after,
        "unit": effect.unit,
        "completed": case.completed,
    }
    if case.solution_id == facts.solution_id:
        message = _("{sector}行业案例（{completed} 完成）：{indicator} {before} → {after} {unit}。")
        return Reason(part, "case", message, values)
    return Reason(
        part,
        "provider_case",
        _("服务商另有{sector}行业案例（{completed} 完成）：{indicator} {before} → {after} {unit}。"),
        values,
    )


def _best_case(facts: SolutionFacts, sector: str | None) -> CaseFacts | None:
    """Evidence in the same sector weighs most, then that it is this very solution, then that it is recent."""
    shown = [case for case in facts.cases if case.effects]
    if not shown:
        return None
    return max(shown, key=lambda case: (case.client_sector == sector, case.solution_id == facts.solution_id, case.completed))


def _sector_of(evidence: Evidence) -> str | None:
    return evidence.ask.sector or evidence.guessed.get("sector")


def _fit(code: str, message: str, **values: object) -> Reason:
    return Reason(Part.FITS, code, message, values)


def _lack(code: str, message: str, **values: object) -> Reason:
    return Reason(Part.MISSING, code, message, values)
