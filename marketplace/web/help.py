"""What the platform is, and how the ranking works, in the ranking's own numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template

from marketplace.guard import open_to_all
from marketplace.site import current_site
from marketplace.web.language import say
from marketplace.web.ranking_choice import by_outcomes, ordered_by
from marketplace.web.reasons import family_word
from recommender.learned import FAMILIES, LearnedWeights
from recommender.weights import BUSINESS, CONTENT, Weights

pages = Blueprint("help", __name__)
LEAST_SHOWN = 0.005


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
    weights = current_site().recommender.in_use()
    return render_template(
        "help/ranking.html",
        content=grounds(CONTENT),
        business=grounds(BUSINESS),
        learned=learned_grounds(weights),
        model=weights.version,
        ordered_by=ordered_by(weights.version),
        by_outcomes=by_outcomes(),
    )


def learned_grounds(weights: Weights) -> Sequence[Ground]:
    """What the ranker in use has learned beyond the hand weights, what moves most first; what moves nothing is left out."""
    if not isinstance(weights, LearnedWeights):
        return []
    words = ground_words()
    named = {
        name: (family_word(name), say("内容分里的这一类，整体加重或减轻")) if name in FAMILIES else words[name] for name in weights.moved
    }
    rows = [Ground(*named[name], weight) for name, weight in weights.moved.items() if abs(weight) >= LEAST_SHOWN]
    return sorted(rows, key=lambda row: -abs(row.weight))


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
        "quick": (say("交付快慢"), say("最长工期越短越高，半年及以上为 0，没写按中间")),
        "proven": (say("同行业实测案例"), say("这个方案有为 1，服务商的别的方案有为 0.5")),
        "references": (say("自报实施数"), say("按对数折算，50 例及以上为 1")),
        "preference": (say("企业的侧重"), say("能力中心按这家企业填的 0 到 5；方案之间比价格、工期、本地服务、业绩，照常为 1")),
    }
