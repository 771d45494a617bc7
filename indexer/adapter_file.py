"""The file of an adapter: two small matrices, the space whose vectors they correct, and how they were made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from indexer.embedder_error import EmbedderError
from indexer.embedding import Adapter
from indexer.query import Vector


def version_of(down: Vector, up: Vector) -> str:
    """The same numbers have the same version; it becomes a part of the space's name."""
    return f"adapter-{hashlib.sha256(down.astype('<f4').tobytes() + up.astype('<f4').tobytes()).hexdigest()[:10]}"


def write_adapter(file: Path, adapter: Adapter, space: str, notes: Mapping[str, Any]) -> None:
    """`space`: of the vectors that come in, before the correction."""
    with file.open("wb") as out:  # by name, NumPy would put its own ending on
        text = json.dumps({**notes, "space": space}, sort_keys=True, ensure_ascii=False)
        np.savez(out, down=adapter.down.astype("<f4"), up=adapter.up.astype("<f4"), notes=np.array(text))


def read_adapter(file: Path, space: str) -> Adapter:
    """Raises EmbedderError where it cannot be read, or corrects the vectors of another model: nothing is used in its stead."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            down, up = arrays["down"].astype(np.float32), arrays["up"].astype(np.float32)
            made_for = str(json.loads(str(arrays["notes"]))["space"])
    except (OSError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise EmbedderError(
            f"{file} 不是向量修正文件（{type(error).__name__}），请用 jigai train --adapter 训练一个，或清空 JIGAI_ADAPTER。"
        ) from None
    if made_for != space:
        raise EmbedderError(f"{file} 修正的是 {made_for} 的向量，现用的是 {space}：请重新训练，或清空 JIGAI_ADAPTER。")
    if down.ndim != 2 or up.shape != down.shape[::-1]:
        raise EmbedderError(f"{file} 里两个矩阵的大小对不上，请用 jigai train --adapter 重新训练。")
    return Adapter(version_of(down, up), down, up)
