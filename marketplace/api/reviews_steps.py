"""What is done with an application in review: accepted or sent back, experts drawn, the joint opinion, decisions by two persons."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from marketplace.actions import reviews as actions
from marketplace.actions.admission import answer_decision, propose_decision
from marketplace.actions.reviews_experts import draw_experts
from marketplace.actions.reviews_scores import write_joint
from marketplace.api.days import here_now
from marketplace.api.operation import SENTENCES, Done, Model, operation, refuse
from marketplace.api.reviews import find_reviewed, version_of
from marketplace.api.writing import read_numbers, read_version
from marketplace.domain.reviews import JointDraft
from marketplace.faults import Problem
from marketplace.guard import current_viewer, not_found, permission
from marketplace.records.applications import ProviderApplication
from marketplace.records.decisions import find_decision
from marketplace.records.reviews import find_review
from marketplace.site import Site, current_site


class CheckIn(Model):
    answer: Literal["yes", "no"]
    remark: str = Field("", max_length=1_000)


class FormCheckIn(Model):
    """Every question of the form check, answered."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": {key: {"answer": "yes"} for key in ("complete", "sealed", "valid", "eligible")}}]}
    )
    answers: dict[str, CheckIn] = Field(max_length=50)


class SendBackIn(Model):
    """Section → what is to be supplemented there."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reasons": {"finance": "请补 2025 年度审计报告"}}]})
    reasons: dict[str, str] = Field(max_length=50)


class DrawIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"wanted": 3}]})
    wanted: int
    """How many experts."""


class JointIn(Model):
    """What the experts agreed on. `discussion` is needed where scores are far apart."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "scores": {"standing": 80, "cases": 76, "products": 78, "team": 75, "local": 70, "discount": 60},
                    "opinion": "材料齐全，案例可核实，同意入库。",
                    "discussion": "本地服务一项分差较大，逐条核对承诺书后取得一致。",
                }
            ]
        }
    )
    scores: dict[str, int] = Field(max_length=50)
    opinion: str
    discussion: str = ""


class ProposalIn(Model):
    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "publish", "why": "联合评分 78 分，符合入库条件"}]})
    event: Literal["publish", "admit", "refuse"]
    why: str = Field(max_length=2_000)


class AnswerIn(Model):
    """A second person's word, or the first one taking it back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"event": "confirm", "why": ""}]})
    event: Literal["confirm", "reject", "take_back"]
    why: str = Field("", max_length=2_000)


Act = Callable[[Site, int, dict[str, Any]], object]


def _acted(id: str, act: Act) -> Done:
    """Let something happen to an application, and say where it stands then."""
    site = current_site()
    with site.database.reading() as session:
        number = find_reviewed(session, id).id
    act(site, number, {"viewer": current_viewer(), "at": here_now()})
    with site.database.reading() as session:
        return _done(session, session.get_one(ProviderApplication, number))


def _done(session: Session, row: ProviderApplication) -> Done:
    return Done(id=row.public_id, state=row.state, version=version_of(session, row, find_review(session, row.id)))


def _seen() -> int | None:
    return read_numbers(read_version())[0]


def _review_seen() -> int | None:
    return read_numbers(read_version())[1]


def _refuse_unknown(place: str, given: set[str], known: set[str]) -> None:
    if unknown := sorted(given - known):
        refuse(Problem(f"body.{place}.{name}", "extra_forbidden", SENTENCES["extra_forbidden"]) for name in unknown)


@permission("organise", "review", scope="write")
@operation(
    "/reviews/<id>/accept",
    method="POST",
    summary="Accept an application for review",
    tag="reviews",
    body=FormCheckIn,
    answer=Done,
    writes=True,
    match="may",
)
def accept_application(id: str, body: FormCheckIn) -> Done:
    rules = current_site().pilot.review
    _refuse_unknown("answers", set(body.answers), {check.key for check in rules.form_checks})
    answers = {key: one.answer for key, one in body.answers.items()}
    remarks = {key: one.remark for key, one in body.answers.items()}
    values: dict[str, Any] = {"answers": {**{check.key: "" for check in rules.form_checks}, **answers}, "remarks": remarks, "rules": rules}
    return _acted(id, lambda site, number, by: actions.accept(site.database, number, **values, seen=_seen(), **by))


@permission("organise", "review", scope="write")
@operation(
    "/reviews/<id>/send-back",
    method="POST",
    summary="Send an application back for supplements",
    tag="reviews",
    body=SendBackIn,
    answer=Done,
    writes=True,
    match="may",
)
def send_application_back(id: str, body: SendBackIn) -> Done:
    days = current_site().pilot.application.supplement_days
    return _acted(
        id, lambda site, number, by: actions.send_back(site.database, number, reasons=body.reasons, days=days, seen=_seen(), **by)
    )


@permission("organise", "review", scope="write")
@operation(
    "/reviews/<id>/draw",
    method="POST",
    summary="Draw experts by lot",
    tag="reviews",
    body=DrawIn,
    answer=Done,
    writes=True,
    match="may",
)
def draw_reviewers(id: str, body: DrawIn) -> Done:
    rules = current_site().pilot.review
    return _acted(
        id, lambda site, number, by: draw_experts(site.database, number, wanted=body.wanted, rules=rules, seen=_review_seen(), **by)
    )


@permission("organise", "review", scope="write")
@operation(
    "/reviews/<id>/joint",
    method="PUT",
    summary="Write down the joint opinion",
    tag="reviews",
    body=JointIn,
    answer=Done,
    writes=True,
    match="may",
)
def write_joint_opinion(id: str, body: JointIn) -> Done:
    rules = current_site().pilot.review
    _refuse_unknown("scores", set(body.scores), {criterion.key for criterion in rules.criteria})
    draft = JointDraft(dict(body.scores), body.opinion, body.discussion)
    return _acted(id, lambda site, number, by: write_joint(site.database, number, draft, rules=rules, seen=_review_seen(), **by))


@permission("organise", "review", scope="write")
@operation("/reviews/<id>/close", method="POST", summary="End the review", tag="reviews", answer=Done, writes=True, match="may")
def close_review(id: str) -> Done:
    rules = current_site().pilot.review
    return _acted(id, lambda site, number, by: actions.close_review(site.database, number, rules=rules, seen=_seen(), **by))


@permission("decide", "review", scope="write")
@operation(
    "/reviews/<id>/decisions",
    method="POST",
    summary="Propose a decision; another person confirms it",
    tag="reviews",
    body=ProposalIn,
    answer=Done,
    status=201,
    writes=True,
    match="may",
)
def propose_review_decision(id: str, body: ProposalIn) -> Done:
    rules = current_site().pilot.review
    return _acted(
        id, lambda site, number, by: propose_decision(site.database, number, body.event, why=body.why, rules=rules, seen=_seen(), **by)
    )


@permission("decide", "review", scope="write")
@operation(
    "/reviews/<id>/decisions/<decision>",
    method="POST",
    summary="Confirm or reject a proposed decision, or take it back",
    tag="reviews",
    body=AnswerIn,
    answer=Done,
    writes=True,
)
def answer_review_decision(id: str, decision: str, body: AnswerIn) -> Done:
    rules = current_site().pilot.review

    def act(site: Site, number: int, by: dict[str, Any]) -> None:
        with site.database.reading() as session:
            found = find_decision(session, decision)
            if found is None or (found.noun, found.noun_id) != ("application", number):
                not_found()
            decision_id = found.id
        answer_decision(site.database, decision_id, body.event, why=body.why, rules=rules, **by)

    return _acted(id, act)
