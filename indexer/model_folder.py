"""A folder with a sentence-transformers model: what its files are, by hash, and what it says of itself in `jigai.json`.

A folder that this project wrote names the space that its vectors belong to, with some probe vectors of that space: who
loads it compares, because vectors of one space are mixed in one index. Any other folder's space is named by its files.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from indexer.embedder_error import EmbedderError
from indexer.query import Embedder, Vector

CARD = "jigai.json"
# Embedders whose vectors agree as closely as this share one space.
LEAST_COSINE = 0.995
# Weights, configuration, prompts, pooling and vocabulary are in these; the same weights in other forms lie in the folders left out.
READ = {".safetensors", ".bin", ".json", ".txt", ".model", ".py"}
OTHER_FORMS = {"onnx", "openvino", "coreml", ".cache", ".git"}
MEGABYTE = 2**20


@dataclass(frozen=True)
class Probe:
    """A text and its vector in the space; `role` is "query" or "passage"."""

    role: str
    text: str
    vector: Vector


@dataclass(frozen=True)
class Card:
    """What a folder of ours says of itself."""

    space: str
    dimension: int
    probes: tuple[Probe, ...]


def read_card(folder: Path) -> Card | None:
    """The card of a folder of ours, None of any other. Raises EmbedderError."""
    file = folder / CARD
    if not file.is_file():
        return None
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        dimension = int(found["dimension"])
        probes = tuple(_probe(row, dimension) for row in found["probes"])
        space = str(found["space"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbedderError(f"{file} 读不懂（{type(error).__name__}：{error}），请重新导出这个模型。") from None
    if not probes:
        raise EmbedderError(f"{file} 里没有核对用的向量，请重新导出这个模型。")
    return Card(space, dimension, probes)


def _probe(row: Mapping[str, Any], dimension: int) -> Probe:
    vector = np.frombuffer(base64.b64decode(row["vector"], validate=True), "<f4")
    if vector.shape != (dimension,) or row["role"] not in ("query", "passage"):
        raise ValueError(f"{row['role']} {vector.shape}")
    return Probe(row["role"], str(row["text"]), vector)


def write_card(folder: Path, card: Card) -> None:
    probes = [
        {"role": one.role, "text": one.text, "vector": base64.b64encode(np.ascontiguousarray(one.vector, "<f4").tobytes()).decode()}
        for one in card.probes
    ]
    text = json.dumps({"space": card.space, "dimension": card.dimension, "probes": probes}, ensure_ascii=False, indent=1)
    (folder / CARD).write_text(text, encoding="utf-8")


def check(card: Card, embedder: Embedder, folder: Path) -> None:
    """The model of a folder gives vectors of the space that its card names. Raises EmbedderError."""
    for role, vectors in (("query", embedder.queries), ("passage", embedder.passages)):
        probes = [one for one in card.probes if one.role == role]
        if not probes:
            continue
        found = vectors([one.text for one in probes])
        expected = np.stack([one.vector for one in probes])
        cosine = float((found * expected).sum(axis=1).min()) if found.shape == expected.shape else 0.0
        # Written so that a figure that is no number is refused too.
        if not cosine >= LEAST_COSINE:
            raise EmbedderError(
                f"模型文件夹 {folder} 的向量不属于它所说的向量空间（相似度 {cosine:.3f}，应不低于 {LEAST_COSINE}）："
                f"权重或提示词被改过。请重新导出；若是另一个模型，请删去其中的 {CARD}。"
            )


def files_of(folder: Path) -> dict[str, Path]:
    """The files that make the vectors, by their path within the folder, in order. Links are followed."""
    found = {}
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(set(folders) - OTHER_FORMS)
        for name in names:
            path = Path(place) / name
            if path.suffix in READ and name != CARD:
                found[path.relative_to(folder).as_posix()] = path
    return dict(sorted(found.items()))


def stamp_of(folder: Path) -> list[list[Any]]:
    """Name, size and time of each file: as long as they stay, so does the hash."""
    return [[name, path.stat().st_size, path.stat().st_mtime_ns] for name, path in files_of(folder).items()]


def digest_of(folder: Path) -> str:
    """16 characters that name the content of all files; gigabytes take seconds."""
    whole = hashlib.sha256()
    for name, path in files_of(folder).items():
        one = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(MEGABYTE):
                one.update(part)
        whole.update(f"{name}\n{one.hexdigest()}\n".encode())
    return whole.hexdigest()[:16]
