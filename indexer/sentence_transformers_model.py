"""Any sentence-transformers model as an embedder: a local folder, or the name of one on the hub, fetched once.

The package (extra `transformers`) is loaded with the first text, in the process that uses it; only what is not known yet of a model
— its dimension and prompts — is read from the loaded model earlier, once, and kept in a small file. A graphics card is used if there
is one. Threads share the model: tokenizers change themselves while they work, so tokenising alone takes turns; nothing is locked
while vectors are computed.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from indexer.embedder_error import EmbedderError
from indexer.model_folder import check, digest_of, read_card, stamp_of
from indexer.query import Vector

BATCH = 32
# Prompts by the names that models give them, the first that a model has.
QUERY_NAMES = ("query",)
PASSAGE_NAMES = ("document", "passage", "corpus")


@dataclass(frozen=True)
class Known:
    """What must be known of a model before it is used."""

    space: str
    dimension: int
    query_prompt: str
    passage_prompt: str


class SentenceTransformersEmbedder:
    """Opening it finds the model and loads nothing. Raises EmbedderError where the package is missing or there is no such folder."""

    def __init__(self, name: str, cache: Path) -> None:
        if find_spec("sentence_transformers") is None:
            raise EmbedderError("st: 模型要用 sentence-transformers，还没有安装：请安装 jigai[transformers]。")
        if not name or (_is_path(name) and not Path(name).expanduser().is_dir()):
            raise EmbedderError(f"没有模型文件夹 {name or '（空）'}。JIGAI_EMBEDDER 应像 st:/模型/文件夹 或 st:模型名。")
        self.name = name
        self._cache = cache
        self._opening = threading.Lock()
        self._model: _Loaded | None = None

    @property
    def space(self) -> str:
        """Names weights, prompts and pooling: by the card of a folder of ours, else by the hash of the model's files."""
        return self._known.space

    @property
    def dimension(self) -> int:
        return self._known.dimension

    @property
    def prompts(self) -> tuple[str, str]:
        """What is put before a query and before a passage; empty where the model has none."""
        return self._known.query_prompt, self._known.passage_prompt

    def queries(self, texts: Sequence[str]) -> Vector:
        """(n, dimension) unit vectors of texts asked as questions."""
        return self._opened().queries(texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        """(n, dimension) unit vectors of texts that answer."""
        return self._opened().passages(texts)

    @cached_property
    def _folder(self) -> Path:
        given = Path(self.name).expanduser()
        return given.resolve() if given.is_dir() else self._fetched()

    def _fetched(self) -> Path:
        """The folder of a model of the hub; what was fetched before is used without a network."""
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

        full = self.name if "/" in self.name else f"sentence-transformers/{self.name}"
        try:
            return Path(snapshot_download(full, local_files_only=True))
        except HFValidationError as error:
            raise EmbedderError(f"模型名 {self.name!r} 不对：{_first_line(error)}") from None
        except LocalEntryNotFoundError:
            # The package knows best which of the model's files it needs.
            self._load(full)
            return Path(snapshot_download(full, local_files_only=True))

    @cached_property
    def _known(self) -> Known:
        return self._said() or _kept(self._notes, stamp_of(self._folder)) or self._opened().known

    @property
    def _notes(self) -> Path:
        """Where that is kept which only the loaded model could say."""
        return self._cache / f"st-{hashlib.sha256(str(self._folder).encode()).hexdigest()[:16]}.json"

    def _said(self) -> Known | None:
        """What a folder of ours says of itself."""
        card = read_card(self._folder)
        if card is None:
            return None
        try:
            prompts = json.loads((self._folder / "config_sentence_transformers.json").read_text(encoding="utf-8"))["prompts"]
        except (OSError, ValueError, KeyError) as error:
            raise EmbedderError(f"模型文件夹 {self._folder} 的提示词读不到（{error}），请重新导出。") from None
        return Known(card.space, card.dimension, _first(prompts, QUERY_NAMES), _first(prompts, PASSAGE_NAMES))

    def _opened(self) -> _Loaded:
        # Two threads that ask at once must not load the model twice.
        with self._opening:
            if self._model is None:
                self._model = self._ready()
            return self._model

    def _ready(self) -> _Loaded:
        model = self._load(str(self._folder), local_files_only=True)
        card = read_card(self._folder)
        if card is not None and (said := self._said()) is not None:
            loaded = _Loaded(model, said)
            check(card, loaded, self._folder)
            return loaded
        stamp = stamp_of(self._folder)
        return _Loaded(model, _kept(self._notes, stamp) or self._found(model, stamp))

    def _found(self, model: Any, stamp: list[list[Any]]) -> Known:
        """What the loaded model says, kept as long as its files stay as they are."""
        dimension = model.get_embedding_dimension()
        if dimension is None:
            raise EmbedderError(f"模型 {self.name} 没有说明向量的维数，不能使用，请换一个。")
        space = f"sentence-transformers:{digest_of(self._folder)};{dimension}"
        known = Known(space, int(dimension), _first(model.prompts, QUERY_NAMES), _first(model.prompts, PASSAGE_NAMES))
        self._cache.mkdir(parents=True, exist_ok=True)
        fresh = self._notes.with_suffix(f".{os.getpid()}")
        fresh.write_text(json.dumps({"files": stamp, **asdict(known)}, ensure_ascii=False), encoding="utf-8")
        fresh.replace(self._notes)
        return known

    def _load(self, place: str, *, local_files_only: bool = False) -> Any:
        # Read when torch is loaded: threads that wait by spinning cost a single query four times the processor where others work too.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging

        # A bar that counts tensors is of no use to whoever runs the site.
        logging.disable_progress_bar()
        try:
            return SentenceTransformer(place, local_files_only=local_files_only)
        except Exception as error:  # whatever strangers' files or a network can do to the package
            raise EmbedderError(
                f"模型 {self.name} 打不开（{type(error).__name__}：{_first_line(error)}）。"
                "请检查名称和网络；不能上网时，请先在别处下载，再用 st:文件夹。"
            ) from None


class _Loaded:
    """The model in memory, in the form of an embedder."""

    def __init__(self, model: Any, known: Known) -> None:
        self.known, self.space, self.dimension = known, known.space, known.dimension
        self._model = model
        self._tokenising = threading.Lock()
        self._tokenise = model.preprocess
        model.preprocess = self._in_turn

    def queries(self, texts: Sequence[str]) -> Vector:
        return self._vectors(self._model.encode_query, self.known.query_prompt, texts)

    def passages(self, texts: Sequence[str]) -> Vector:
        return self._vectors(self._model.encode_document, self.known.passage_prompt, texts)

    def _vectors(self, encode: Callable[..., Any], prompt: str, texts: Sequence[str]) -> Vector:
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        # The prompt is told even where it is empty: left out, the package may take another than the one that the space names.
        options = {"batch_size": BATCH, "show_progress_bar": False, "convert_to_numpy": True, "normalize_embeddings": True}
        return np.asarray(encode(list(texts), prompt=prompt, **options), np.float32)

    def _in_turn(self, *arguments: Any, **options: Any) -> Any:
        with self._tokenising:
            return self._tokenise(*arguments, **options)


def _is_path(name: str) -> bool:
    """Names of the hub are `model` or `owner/model`."""
    return name.startswith((".", "~", "/", "\\")) or name.count("/") > 1 or "\\" in name or Path(name).is_absolute()


def _first(prompts: dict[str, str], names: Sequence[str]) -> str:
    return next((prompts[name] for name in names if prompts.get(name)), "")


def _kept(file: Path, stamp: list[list[Any]]) -> Known | None:
    """What is known of a model whose files are still the same."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        of_files, known = found.pop("files"), Known(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return known if of_files == stamp else None


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["?"])[0][:200]
