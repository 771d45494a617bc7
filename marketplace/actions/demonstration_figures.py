"""What the demonstration's figures need beside the other stories: investment of the statistics bureau, enterprises that are new on the roster,
and a landmark project; seeded."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select

from marketplace.actions import guides, project_submission, projects
from marketplace.actions.demonstration_needs import Need
from marketplace.actions.demonstration_projects import WAN, Stage
from marketplace.actions.demonstration_selection import open_play
from marketplace.actions.demonstration_set import ACTOR, SOURCE
from marketplace.actions.imports.run import CityRules, import_path
from marketplace.actions.reported_investments import enter_investments
from marketplace.domain.access import Role, Viewer
from marketplace.domain.figure_facts import LEADING
from marketplace.domain.figure_formulas import LANDMARK_FEN
from marketplace.domain.guides import GuideDraft
from marketplace.domain.project_reviews import ProjectReviewRules
from marketplace.records.database import Database
from marketplace.records.enterprises import Enterprise
from marketplace.records.projects import Project
from marketplace.sheets.reported_investments import InvestmentRow

# 万元 a month, about.
USUAL = {"chem": 16_800, "auto": 11_200, "elec": 9_400}
_LANDMARK = Need(
    "新型显示模组智能工厂", "新建两条模组线，物料、工艺和检测全程联网，上下游十余家配套企业同步改造，共用质量追溯和能源管理。",
    ("产线综合效率", "%", "up", 58.0, 78.0), ("advanced", "intelligent"),
)  # fmt: skip
# 万元: all that is invested, and what the guide has to give.
_TOTAL, _BUDGET = 52_000, 9_000


def play_investments(database: Database, *, first: date, at: datetime, today: date) -> None:
    """Rising slowly, with a dip at the beginning of each year; the month under way has no figure yet."""
    chance = random.Random(20241101)
    rows: list[InvestmentRow] = []
    year, month = first.year, first.month
    while (year, month) < (today.year, today.month):
        grown = 1 + 0.012 * ((year - first.year) * 12 + month - first.month)
        for sector, usual in USUAL.items():
            wan = round(usual * grown * (0.72 if month <= 2 else 1.0) * chance.uniform(0.9, 1.1))
            rows.append(InvestmentRow(f"{year}-{month:02}", sector, "", wan * WAN, "统计月报（示例）"))
        year, month = year + month // 12, month % 12 + 1
    viewer = Viewer(name="区工信局（示例）", roles=frozenset({Role.BUREAU}))
    enter_investments(database, rows, viewer=viewer, at=at)


def play_roster(database: Database, words: CityRules, folder: Path, *, at: datetime) -> None:
    """Enterprises that came onto the roster last and that nobody has visited yet. A second time changes nothing."""
    import_path(database, words, folder, actor=ACTOR, source=SOURCE, at=at)


def play_landmark(stage: Stage, panel: ProjectReviewRules) -> int | None:
    """A project of more than 5 亿元 by a leading enterprise of the sector that has none, selected and agreed: the next funding plan takes it.
    None where it is there already, or too few people are."""
    play = open_play(stage, panel)
    with stage.database.reading() as session:
        known = session.scalar(select(Project.id).where(Project.total_fen > LANDMARK_FEN).limit(1))
        leads = session.scalars(
            select(Enterprise).where(Enterprise.chain_role.in_(LEADING), Enterprise.area != "").order_by(Enterprise.id)
        ).all()
        own = next((row for row in leads if row.sector == "elec"), None)
        session.expunge_all()
    if play is None or known is not None or own is None:
        return None
    guide = guides.create(stage.database, _guide(stage), stage.who("bureau", 75))
    guides.publish(stage.database, guide.id, stage.who("bureau", 74))
    stage.guides["landmark"] = guide.id
    # What counts as a member's part is the same for all: others of the stage take part.
    others = replace(stage, enterprises=[own, *(row for row in stage.enterprises if row.id != own.id)])
    step = others.applicant(own, 66)
    number = projects.create(stage.database, guide.id, own.organisation_id, _LANDMARK.title, step).id
    others.fill(number, own, _LANDMARK, _TOTAL, step, place=9, level="cluster")
    project_submission.submit(stage.database, number, others.step_of(number, 63))
    others.review(number, "recommend", "龙头企业牵头，备案和资金证明齐全，同意推荐。", 58)
    if not play.ranked(number, 52, (90, 87, 91), part_of_bound=0.56):
        return None
    play.agreed(number, play.approved(number, 46) - 2)
    return number


def _guide(stage: Stage) -> GuideDraft:
    return GuideDraft(
        "central", "重大标志性技改项目专项申报指南", "支持链主、龙头企业牵头的重大项目，带动上下游同步改造。", levels=("chain", "cluster"),
        conditions=({"rule": "least_total", "value": 30_000}, {"rule": "no_double_support", "value": None}), documents=("plan", "promise"),
        budget_fen=_BUDGET * WAN, opens=stage.who("bureau", 74).today, closes=stage.working_day(20),
    )  # fmt: skip
