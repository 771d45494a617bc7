"""Training of the domain delta of the built-in encoder; needs torch and tokenizers (extra `transformers`).

A low-rank change of the linear maps of multilingual-e5-small, learned from statements of a problem and the blurbs that solve them
(`*-problems.jsonl`, `*-solutions.jsonl`), so that a problem in the words of a workshop lies near what solves it. In-batch negatives
(InfoNCE, both directions; blurbs that solve the same problem are no negatives), the embeddings and the base weights frozen. To keep
what the base knows, each batch also holds blurbs' titles with their texts. What a site recorded joins as pairs of the same kind, with
hard negatives: solutions that were passed over or declined as not fitting.

Minutes on two cores; the same seed and number of threads give the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from indexer.e5_weights import LINEAR, PASSAGE_PROMPT, QUERY_PROMPT, Weights

# Step, number of steps, loss.
Progress = Callable[[int, int, float], None]
WEIGHT_OF_KIND = {"vague": 0.4}


class BadSymptoms(ValueError):
    """What cannot be learned from; one sentence says why."""


@dataclass(frozen=True)
class Options:
    """Settings of a run. `general`: how much titles with their texts count beside the problems."""

    seed: int = 0
    threads: int = 1
    rank: int = 8
    epochs: int = 1
    batch: int = 24
    rate: float = 1e-3
    temperature: float = 0.04
    general: float = 0.3


class Pair(NamedTuple):
    """A text asked, the texts that answer it, how much it counts, and texts that look like answers and are none."""

    asked: str
    answers: tuple[str, ...]
    weight: float
    negatives: tuple[str, ...] = ()


class Delta(nn.Module):  # type: ignore[misc]
    """x → (x A) B, nothing at first."""

    def __init__(self, matrix: Tensor, rank: int) -> None:
        super().__init__()
        outputs, inputs = matrix.shape
        self.a = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.linear(x, self.a), self.b)


class Encoder(nn.Module):  # type: ignore[misc]
    """The encoder with a delta on every linear map of every layer; its own weights are frozen."""

    def __init__(self, weights: Weights, rank: int) -> None:
        super().__init__()
        self.shape = weights.shape
        self.tokenizer = weights.tokenizer()
        self.pad = weights.pad
        self.word = torch.from_numpy(weights.matrix("emb.word"))
        self.fixed: dict[str, Tensor] = {}
        for name in weights.names():
            if name.endswith(".w") and name.split(".")[-2] in LINEAR:
                self.fixed[name] = torch.from_numpy(weights.matrix(name))
            elif name != "emb.word":
                self.fixed[name] = torch.from_numpy(weights.vector(name).copy())
        self.places = self.fixed["emb.pos"].view(-1, self.shape.hidden) + self.fixed["emb.type"][: self.shape.hidden]
        self.deltas = nn.ModuleDict(
            {f"l{layer}_{name}": Delta(self.fixed[f"l{layer}.{name}.w"], rank) for layer in range(self.shape.layers) for name in LINEAR}
        )

    def tokens(self, texts: list[str], longest: int = 128) -> Tensor:
        """Ids, padded."""
        ids = [encoding.ids[:longest] for encoding in self.tokenizer.encode_batch(texts)]
        out = torch.full((len(ids), max(map(len, ids))), self.pad)
        for row, line in zip(out, ids, strict=True):
            row[: len(line)] = torch.tensor(line)
        return out

    def forward(self, ids: Tensor) -> Tensor:
        """Unit vectors of rows of ids."""
        real = ids != self.pad
        x = self._norm((self.word[ids] + self.places[: ids.shape[1]])[real], "emb.ln")  # one row a token, none for padding
        for layer in range(self.shape.layers):
            sides = [ids.new_zeros((*ids.shape, self.shape.hidden), dtype=x.dtype) for _ in "qkv"]
            for side, name in zip(sides, "qkv", strict=True):
                side[real] = self._map(x, layer, name)
            q, k, v = (side.unflatten(2, (self.shape.heads, -1)).transpose(1, 2) for side in sides)
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None, :])
            x = self._norm(x + self._map(mixed.transpose(1, 2).flatten(2)[real], layer, "ao"), f"l{layer}.aln")
            inner = functional.gelu(self._map(x, layer, "fi"))
            x = self._norm(x + self._map(inner, layer, "fo"), f"l{layer}.oln")
        sums = x.new_zeros((len(ids), self.shape.hidden)).index_add(0, real.nonzero()[:, 0], x)
        return functional.normalize(sums, dim=1)

    def _map(self, x: Tensor, layer: int, name: str) -> Tensor:
        fixed = functional.linear(x, self.fixed[f"l{layer}.{name}.w"], self.fixed[f"l{layer}.{name}.b"])
        changed: Tensor = fixed + self.deltas[f"l{layer}_{name}"](x)
        return changed

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (self.shape.hidden,), self.fixed[name + ".w"], self.fixed[name + ".b"], self.shape.epsilon)


def read_pairs(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """Problems with their blurbs; titles of blurbs with their texts. Raises BadSymptoms."""
    try:
        problems, solutions = (
            [json.loads(line) for file in sorted(folder.glob(f"*-{what}.jsonl")) for line in file.read_text("utf-8").splitlines()]
            for what in ("problems", "solutions")
        )
        text = {blurb["id"]: f"{blurb['title']}。{blurb['text']}" for blurb in solutions}
        asked = [
            Pair(row["text"], tuple(text[name] for name in row["solved_by"]), WEIGHT_OF_KIND.get(row["kind"], 1.0))
            for row in problems
            if row["solved_by"]
        ]
        general = [Pair(blurb["title"], (blurb["text"],), 1.0) for blurb in solutions]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadSymptoms(f"{folder} 里的难题读不懂（{type(error).__name__}：{error}），格式见随包的 symptoms/README.md。") from None
    if len(asked) < 2:
        raise BadSymptoms(f"{folder} 里没有可学的难题：需要 *-problems.jsonl 和 *-solutions.jsonl，至少两条写明 solved_by。")
    return asked, general


def batches(pairs: list[Pair], general: list[Pair], size: int, rng: np.random.Generator) -> Iterator[tuple[list[Pair], list[Pair]]]:
    """One epoch: problems in random order, each batch beside its part of the general pairs, used up at the same pace."""
    order, other = rng.permutation(len(pairs)), rng.permutation(len(general))
    count = max(len(pairs) // size, 1)
    for mine, theirs in zip(np.array_split(order, count), np.array_split(other, count), strict=True):
        yield [pairs[i] for i in mine], [general[i] for i in theirs]


def contrast(asked: Tensor, answers: Tensor, same: Tensor, weights: Tensor, temperature: float, hard: Tensor | None = None) -> Tensor:
    """Both directions; `same` says which answers of the batch also answer another's question. `hard` (n, h): scores of each question
    with the hard negatives of the batch, -inf where one is no negative of it."""
    scores = (asked @ answers.T / temperature).masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
    target = torch.arange(len(scores))
    rows = scores if hard is None else torch.cat([scores, hard / temperature], dim=1)
    both = functional.cross_entropy(rows, target, reduction="none") + functional.cross_entropy(scores.T, target, reduction="none")
    return (both / 2 * weights).sum() / weights.sum()


def step(model: Encoder, part: list[Pair], rng: np.random.Generator, temperature: float) -> Tensor:
    """The loss of some pairs."""
    chosen = [pair.answers[rng.integers(len(pair.answers))] for pair in part]
    asked = model(model.tokens([QUERY_PROMPT + pair.asked for pair in part]))
    answers = model(model.tokens([PASSAGE_PROMPT + text for text in chosen]))
    same = torch.tensor([[text in pair.answers for text in chosen] for pair in part])
    # A hard negative stands against its own question alone: nobody said that it does not answer another's.
    owners = [row for row, pair in enumerate(part) if pair.negatives]
    hard = None
    if owners:
        against = [part[row].negatives[rng.integers(len(part[row].negatives))] for row in owners]
        scores = asked @ model(model.tokens([PASSAGE_PROMPT + text for text in against])).T
        own = torch.tensor([[row == owner for owner in owners] for row in range(len(part))])
        hard = scores.masked_fill(~own, float("-inf"))
    return contrast(asked, answers, same, torch.tensor([pair.weight for pair in part]), temperature, hard)


def train(model: Encoder, pairs: list[Pair], general: list[Pair], options: Options, progress: Progress | None = None) -> None:
    """Change `model.deltas`. `progress` hears the step, the number of steps and the loss."""
    rng = np.random.default_rng(options.seed)
    optimizer = torch.optim.AdamW(model.deltas.parameters(), lr=options.rate, weight_decay=0.01)
    total, done = options.epochs * max(len(pairs) // options.batch, 1), 0
    for _ in range(options.epochs):
        for mine, theirs in batches(pairs, general, options.batch, rng):
            for group in optimizer.param_groups:
                group["lr"] = options.rate * min((done + 1) / (0.1 * total), 1 - done / total)
            loss = step(model, mine, rng, options.temperature)
            if len(theirs) > 1:
                loss = loss + options.general * step(model, theirs, rng, options.temperature)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.deltas.parameters(), 1.0)
            optimizer.step()
            done += 1
            if progress is not None:
                progress(done, total, float(loss.item()))


def save(model: Encoder, file: Path, notes: dict[str, Any]) -> None:
    """Float16 pairs of matrices, `l0.q.a` (rank, inputs) and `l0.q.b` (outputs, rank), and how they were made."""
    arrays: dict[str, Any] = {"notes": np.array(json.dumps(notes, sort_keys=True, ensure_ascii=False))}
    for name, delta in model.deltas.items():
        for side, value in (("a", delta.a), ("b", delta.b)):
            arrays[f"{name.replace('_', '.')}.{side}"] = value.detach().numpy().astype(np.float16)
    with file.open("wb") as out:  # by name, NumPy would put its own ending on
        np.savez_compressed(out, **arrays)


def train_delta(
    symptoms: Path, file: Path, options: Options, progress: Progress | None = None, accepted: Sequence[Pair] = ()
) -> dict[str, Any]:
    """Read, train, write; the notes that stand in the file. `accepted`: what a site recorded, beside the knowledge base. Raises
    BadSymptoms, OSError."""
    stated, general = read_pairs(symptoms)
    pairs = [*stated, *accepted]
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    weights = Weights()
    model = Encoder(weights, options.rank)
    train(model, pairs, general, options, progress)
    notes: dict[str, Any] = {"base": weights.digest, "pairs": len(stated), "general_pairs": len(general), **asdict(options)}
    if accepted:
        notes |= {"accepted_pairs": len(accepted), "with_hard_negatives": sum(bool(pair.negatives) for pair in accepted)}
    save(model, file, notes)
    return notes
