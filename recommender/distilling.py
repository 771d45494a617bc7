"""Clusters of problems that state one need, with words for a name: what typical scenarios are made from, by a person.

Vectors are centred (all problems of factories look alike to an embedding model) and grouped by average linkage. Many problems are
first gathered into small cells, so that the time grows with their number and not with its square.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.analysis import analyser
from indexer.query import Vector

Told = Callable[[int, int], None]
Labels = NDArray[np.int64]
# The mean cosine distance at which two groups are no longer one need; measured on the known problems.
APART = 0.85
LEAST = 3
# Up to so many problems every pair is looked at; beyond, cells of about CELL problems each.
PAIRWISE = 3_000
CELL, MOST_CELLS = 8, 3_000
SEED = 20_240_930
NAME_WORDS, WORDS = 3, 8
LETTERS_LOOKED_AT = 400


@dataclass(frozen=True)
class Cluster:
    """`members`: places of its problems, the most typical first; `words`: what tells it from the others, the best first."""

    members: tuple[int, ...]
    words: tuple[str, ...]

    @property
    def name(self) -> str:
        return "、".join(self.words[:NAME_WORDS])


def distil(texts: Sequence[str], vectors: Vector, *, least: int = LEAST, apart: float = APART, told: Told | None = None) -> list[Cluster]:
    """Clusters of at least `least` problems, the largest first. `vectors` (n, d): unit length."""
    if len(texts) < least:
        return []
    spread = _centred(vectors)
    labels = _grouped(spread, apart, told)
    order = np.argsort(labels, kind="stable")
    groups = [places for places in np.split(order, np.flatnonzero(np.diff(labels[order])) + 1) if len(places) >= least]
    if told:
        told(80, 100)
    members = [_typical(spread, places) for places in groups]
    words = _words_of(texts, members)
    found = [Cluster(tuple(int(place) for place in places), row) for places, row in zip(members, words, strict=True)]
    return sorted(found, key=lambda one: (-len(one.members), one.members[0]))


def _grouped(spread: Vector, apart: float, told: Told | None) -> Labels:
    if len(spread) <= PAIRWISE:
        return _linked(spread, apart)
    from sklearn.cluster import MiniBatchKMeans

    count = min(MOST_CELLS, len(spread) // CELL)
    cells = MiniBatchKMeans(count, random_state=SEED, batch_size=4096, n_init=1, init="random", max_iter=20, reassignment_ratio=0.0)
    cell_of = np.asarray(cells.fit_predict(spread), np.int64)
    if told:
        told(50, 100)
    used, place = np.unique(cell_of, return_inverse=True)
    centres = _unit(np.asarray(cells.cluster_centers_[used], np.float32))
    if told:
        told(60, 100)
    # Means of several problems lie closer together than the problems do.
    sizes = np.bincount(place)
    tightness = float(np.mean(np.einsum("ij,ij->i", spread, centres[place]))) if len(sizes) else 1.0
    return _linked(centres, 1 - (1 - apart) / max(tightness**2, 1e-6))[place]


def _linked(points: Vector, apart: float) -> Labels:
    from sklearn.cluster import AgglomerativeClustering

    if len(points) < 2:
        return np.zeros(len(points), np.int64)
    apart = max(apart, 0.05)
    found = AgglomerativeClustering(n_clusters=None, metric="cosine", linkage="average", distance_threshold=apart).fit_predict(points)
    return np.asarray(found, np.int64)


def _typical(spread: Vector, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places, those next to the middle first."""
    middle = spread[places].mean(axis=0)
    return places[np.argsort(-(spread[places] @ middle), kind="stable")]


def _words_of(texts: Sequence[str], members: Sequence[NDArray[np.int64]]) -> list[tuple[str, ...]]:
    """For each cluster the words that many of its problems have and few of the others."""
    cut = {int(place): set(_nouns(texts[place])) for places in members for place in places}
    everywhere: Counter[str] = Counter(word for words in cut.values() for word in words)
    found = []
    for places in members:
        inside = Counter(word for place in places for word in cut[int(place)])
        scored = [
            (count / len(places) * math.log((len(cut) + 1) / everywhere[word]), word)
            for word, count in inside.items()
            if count >= 2 or len(places) < 3
        ]
        ranked = [word for _score, word in sorted(scored, key=lambda one: (-one[0], one[1]))]
        found.append(tuple(_apart(ranked))[:WORDS])
    return found


def _nouns(text: str) -> list[str]:
    """Words that can name something: of two Hanzi or more, or Latin; no numbers or counts of anything, no fillers."""
    words = analyser().cut(text[:LETTERS_LOOKED_AT])
    return [word for word in words if len(word) > 1 and not word.isdigit() and word[0] not in _NUMERALS and word not in _FILLERS]


def _apart(words: Sequence[str]) -> list[str]:
    """Without words that are part of one before."""
    kept: list[str] = []
    for word in words:
        if not any(word in other or other in word for other in kept):
            kept.append(word)
    return kept


def _centred(vectors: Vector) -> Vector:
    return _unit(np.asarray(vectors - vectors.mean(axis=0), np.float32))


def _unit(vectors: Vector) -> Vector:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)


_NUMERALS = frozenset("一二两三四五六七八九十百千万几半每多")
# Words that stand in many problems and name none.
_SAID_ANYWHERE = """
没有 不能 无法 只能 只好 还是 就是 不是 都是 经常 常常 老是 总是 每次 每天 每月 每年 一次 一个 几个 有时 时候 时间 问题 现在 目前 以后 之后 以前 之前
我们 他们 大家 自己 这个 那个 什么 怎么 因为 所以 但是 而且 如果 可以 需要 出来 起来 下来 上去 不到 不了 不上 不出 得到 全靠 一直 已经 还要 才能 最后
结果 容易 比较 非常 特别 导致 造成 存在 情况 企业 公司 工厂 厂里 车间 一天 一年 一月 去年 今年 一遍 一半 两次 三次 半天 小时 分钟 万元 左右 不少 很多
太多 太高 太慢 太大 不好 不准 不清 难以 靠人 人工 一条 一套 一张 一批 多次 两天 几天 三天 一点 其中 另外 同时 以及 或者 对不上 不知道 说不清 两个 三个
一周 上月 每班 每周 有的 别人 里面 上面 东西 地方
"""
_FILLERS = frozenset(_SAID_ANYWHERE.split())
