"""What the platform is, and how the ranking works, in the ranking's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template

from marketplace.guard import open_to_all
from marketplace.site import current_site
from marketplace.web.language import say
from recommender.ranking import BUSINESS, CONTENT

pages = Blueprint("help", __name__)


@dataclass(frozen=True)
class Ground:
    """One ground of the ranking: what it is, how it is measured, its weight."""

    word: str
    meaning: str
    weight: float


@pages.get("/help")
@open_to_all
def page() -> str:
    return render_template("help/page.html")


@pages.get("/how-ranking-works")
@open_to_all
def ranking() -> str:
    model = current_site().recommender.model
    return render_template("help/ranking.html", content=grounds(CONTENT), business=grounds(BUSINESS), model=model)


def grounds(table: Mapping[str, tuple[float, str]]) -> Sequence[Ground]:
    """The rows of a table of weights, heaviest first."""
    words = ground_words()
    rows = [Ground(*words.get(name, (name, "")), weight) for name, (weight, _family) in table.items()]
    return sorted(rows, key=lambda row: -row.weight)


def ground_words() -> dict[str, tuple[str, str]]:
    """Feature → (its word, how it is measured)."""
    return {
        "text": (say("您的话与方案的话相符"), say("逐句比较意思和用词，取最贴切的几句")),
        "clause": (say("分句相符"), say("把您的话逐句分开比较，取最好的一句；一段话说两件事也不互相冲淡")),
        "known_clause": (say("同类问题的常见做法：分句"), say("把您的话逐句分开，与已知说法比较，取最好的一句")),
        "known_meaning": (say("同类问题的常见做法：意思"), say("与已知的 1,800 种现场说法比较，看它们通常怎样解决")),
        "known_words": (say("同类问题的常见做法：用词"), say("方案里有没有这些做法的用词")),
        "sector": (say("行业一致"), say("方案写明适用您的行业为 1，没写为 0.5，写了别的为 0")),
        "stage": (say("环节一致"), say("方案写明适用这个环节为 1，没写为 0.5，写了别的为 0")),
        "orientation": (say("改造方向一致"), say("方案写明这个方向为 1，没写为 0.5，写了别的为 0")),
        "sector_guessed": (say("行业由文字判断"), say("您没有说行业时，按相近的已知问题判断")),
        "stage_guessed": (say("环节由文字判断"), say("您没有说环节时，按最贴切的几个方案判断")),
        "price": (say("报价与预算"), say("报价在预算内加分，超出减分；面议或预算未填不加不减")),
        "weeks": (say("工期"), say("赶得上您要求的时间加分，赶不上减分；未填不加不减")),
        "local": (say("本地服务"), say("本地有团队或场地高于已签承诺")),
        "record": (say("业绩与评价"), say("评价分与全体均值之差，没有完工项目按均值计")),
        "standing": (say("资源池管理"), say("在警示期的减分，其他不加不减")),
        "past": (say("相似问题的对接结果"), say("相似的问题对接过同一方案，接受加分，谢绝减分")),
    }
