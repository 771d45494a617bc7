"""说说您的难题: a problem in one's own words, answered with ranked solutions, their reasons and their providers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation

from flask import Blueprint, render_template, request
from sqlalchemy import Row, select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from marketplace.domain.matches import Match
from marketplace.domain.money import fen_from_wan
from marketplace.domain.problems import ProblemDraft, check
from marketplace.guard import current_viewer, open_to_all
from marketplace.records.problems import Problem
from marketplace.shown import note_shown
from marketplace.site import current_site
from marketplace.web.cards import ProviderCard, SolutionCard, find_provider_cards, find_solution_cards
from marketplace.web.language import say
from marketplace.web.ranking_choice import by_outcomes
from recommender.recommend import Ask, ProviderMatch, Recommendation

pages = Blueprint("ask", __name__)
LIMIT = 10
LONGEST = 10_000
# What a text may be understood to speak of; each can be chosen by hand, or said to be none of them.
GUESSED = ("sector", "stage", "orientation")
NONE = "-"
# From this strength on, a solution is said to solve the problem.
FAIR = 2


@dataclass(frozen=True)
class Form:
    """The form as it was filled in. A wrong figure is kept, so that it can be mended."""

    text: str = ""
    sector: str = ""
    stage: str = ""
    orientation: str = ""
    budget: str = ""
    weeks: str = ""

    def chosen(self, name: str) -> str:
        value: str = getattr(self, name)
        return value


@dataclass(frozen=True)
class Answer:
    """A recommendation with the cards of what it names. What is shown as solving the problem is at least a fair match."""

    recommendation: Recommendation
    solutions: Mapping[int, SolutionCard]
    providers: Mapping[int, ProviderCard]

    @property
    def fitting(self) -> list[tuple[Match, SolutionCard]]:
        return [pair for pair in self.shown if pair[0].strength >= FAIR]

    @property
    def weak(self) -> list[tuple[Match, SolutionCard]]:
        return [pair for pair in self.shown if pair[0].strength < FAIR]

    @property
    def takers(self) -> list[tuple[ProviderMatch, ProviderCard, SolutionCard]]:
        return [
            (found, self.providers[found.provider_id], self.solutions[found.best.solution_id])
            for found in self.recommendation.providers
            if found.strength >= FAIR and found.provider_id in self.providers and found.best.solution_id in self.solutions
        ]

    @property
    def shown(self) -> list[tuple[Match, SolutionCard]]:
        found = self.recommendation.matches
        return [(match, self.solutions[match.solution_id]) for match in found if match.solution_id in self.solutions]


@pages.route("/ask", methods=["GET", "POST"])
@open_to_all
def page() -> tuple[str, int]:
    site = current_site()
    # Whoever only turned to the other language has not asked yet.
    turned = "keep" in request.form and not request.form.get("asked")
    asked = (request.method == "POST" and not turned) or "text" in request.args
    form = read_form(request.form if request.method == "POST" else request.args)
    ask, wrong = read_ask(form) if asked else (None, {})
    recommendation = site.recommender.recommend(ask, limit=LIMIT) if ask else None
    with site.database.reading() as session:
        answer = read_answer(session, recommendation) if recommendation else None
        own = _own_problem(session, form.text) if answer else None
        if answer and own:
            # Ranked as a typed text, shown for a problem that is stored: what is typed otherwise is noted nowhere.
            note_shown((replace(match, problem_key=str(own.id)) for match, _card in answer.shown), place="ask")
        about = own.public_id if own else ""
        page = render_template("ask/page.html", form=form, wrong=wrong, answer=answer, guessed=GUESSED, none=NONE, about=about)
        return page, 422 if wrong else 200


def _own_problem(session: Session, text: str) -> Row[int, str] | None:
    """The problem of this person's own enterprise that has just these words."""
    own = current_viewer().enterprise_ids
    if not own:
        return None
    query = select(Problem.id, Problem.public_id).where(Problem.enterprise_id.in_(own), Problem.text == text)
    return session.execute(query.order_by(Problem.id)).first()


def read_form(values: MultiDict[str, str]) -> Form:
    """What was typed; a guess that was struck out comes as a button of its own."""
    found = {name: values.get(name, "").strip()[:50] for name in ("sector", "stage", "orientation", "budget", "weeks")}
    struck = values.get("strike", "")
    if struck in GUESSED:
        found[struck] = NONE
    return Form(text=values.get("text", "").replace("\0", "").strip(), **found)


def read_ask(form: Form) -> tuple[Ask | None, dict[str, str]]:
    """The question, or what is wrong with which field, each in a sentence."""
    wrong: dict[str, str] = {}
    budget = _figure(form.budget, "budget", say("预算请填数字，单位万元，如 120。"), wrong)
    weeks = _figure(form.weeks, "weeks", say("工期请填整数，单位周，如 12。"), wrong)
    high = fen_from_wan(budget) if budget is not None else None
    for name, refused in check(ProblemDraft(text=form.text, budget_high_fen=high)):
        wrong.setdefault("text" if name == "text" else "budget", say(refused.message, **refused.values))
    if form.text and not any(letter.isalnum() for letter in form.text):
        wrong["text"] = say("没有读到文字。请写一句现场的情况，例如哪台设备、多久一次、损失多少。")
    if wrong:
        return None, wrong
    return Ask(
        key="ask",
        text=form.text,
        sector=_key("sector", form.sector),
        stage=_key("stage", form.stage),
        orientation=_key("orientation", form.orientation),
        budget_high_fen=high,
        weeks=int(weeks) if weeks is not None else None,
        by_outcomes=by_outcomes(),
    ), {}


def _key(kind: str, value: str) -> str | None:
    """A pilot key that was chosen; "" means that the person said it is none; None leaves it to be understood."""
    if value == NONE:
        return ""
    found = current_site().pilot.find(kind, value) if value else None
    return found.key if found else None


def _figure(text: str, name: str, sentence: str, wrong: dict[str, str]) -> Decimal | None:
    if not text:
        return None
    try:
        value = Decimal(text.replace(",", "").replace("，", "").removesuffix("万元").removesuffix("周"))
    except InvalidOperation:
        value = Decimal(-1)
    if not value.is_finite() or not 0 <= value < 100_000_000 or (name == "weeks" and value > 1000):
        wrong[name] = sentence
        return None
    return value


def read_answer(session: Session, recommendation: Recommendation) -> Answer:
    solutions = {match.solution_id for match in recommendation.matches} | {found.best.solution_id for found in recommendation.providers}
    providers = {found.provider_id for found in recommendation.providers}
    return Answer(recommendation, find_solution_cards(session, solutions), find_provider_cards(session, providers))
