"""The built-in model exported: a whole sentence-transformers folder whose vectors are those of the built-in embedders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.e5_weights import Unigram, Weights
from indexer.embedder_error import EmbedderError
from indexer.embedding import BuiltinEmbedder, DomainEmbedder, open_embedder
from indexer.onnx_model import DELTA_FILE, OnnxEmbedder
from marketplace.cli import main
from tests.conftest import DEMO
from tests.demo_site import CACHE, share_model


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """200 texts of the demonstration set, most of them short: titles, what workshops say, what solves it."""
    problems, solutions = (
        [json.loads(line) for line in (DEMO / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        for name in ("problems", "solutions")
    )
    return [row["title"] for row in solutions[:140]] + [row["text"] for row in problems[:40]] + [row["summary"] for row in solutions[-20:]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both exports by the command itself, where nothing of the extra can be imported: it must need none of it."""
    folder = tmp_path_factory.mktemp("exported")
    share_model(folder)
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'tokenizers', 'safetensors', 'sentence_transformers')))\n"
        "from marketplace.cli import main\n"
        f"main(['models', 'export-builtin', {str(folder / 'merged')!r}], standalone_mode=False)\n"
        f"main(['models', 'export-builtin', {str(folder / 'base')!r}, '--base'], standalone_mode=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "JIGAI_DATA_DIR": str(folder)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"st:{folder / 'merged'}" in done.stderr
    assert f"st:{folder / 'base'}" in done.stderr
    return folder


def _closeness(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return np.asarray((ours * theirs).sum(axis=1))


def test_the_merged_export_is_the_domain_model(exported: Path, texts: list[str], tmp_path: Path) -> None:
    model = open_embedder(f"st:{exported / 'merged'}", tmp_path)
    exact, served = OnnxEmbedder(CACHE, int8=False), DomainEmbedder(CACHE / "models")
    asked, answers = texts[:100], texts[100:]
    vectors = model.queries(asked), model.passages(answers)
    assert _closeness(vectors[0], exact.queries(asked)).min() > 0.999
    assert _closeness(vectors[1], exact.passages(answers)).min() > 0.999
    close = np.concatenate([_closeness(vectors[0], served.queries(asked)), _closeness(vectors[1], served.passages(answers))])
    # Rounding to 8 bits moves a few of a hundred a little further.
    assert np.quantile(close, 0.05) >= 0.995
    assert close.min() > 0.993
    # One space: they may work on one index.
    assert model.space == served.space
    assert model.dimension == served.dimension == 384


def test_the_base_export_is_the_model_without_delta(exported: Path, texts: list[str], tmp_path: Path) -> None:
    model, engine = open_embedder(f"st:{exported / 'base'}", tmp_path), BuiltinEmbedder()
    assert _closeness(model.queries(texts), engine.queries(texts)).min() > 0.999
    assert model.space == engine.space


def test_the_tokenizer_of_the_folder_is_that_of_the_weights(exported: Path, texts: list[str]) -> None:
    from transformers import AutoTokenizer

    unigram, tokenizer = Unigram(Weights()), AutoTokenizer.from_pretrained(exported / "merged")
    for text in [*texts[:40], "1～3吨 10‰ ①ＡＢＣ\t换行\n两  个 　空格 🙂 ㎡ CO₂ café", "", "长" * 2000]:
        assert tokenizer(f"passage: {text}", truncation=True)["input_ids"] == unigram.ids(f"passage: {text}"), text


def test_the_folder_says_what_it_is(exported: Path) -> None:
    card = (exported / "merged" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: mit\n")
    assert "base_model: intfloat/multilingual-e5-small" in card
    for name in ("merged", "base"):
        found = json.loads((exported / name / "jigai.json").read_text(encoding="utf-8"))
        assert {one["role"] for one in found["probes"]} == {"query", "passage"}
        assert not any(
            str(exported) in path.read_text(encoding="utf-8") for path in (exported / name).rglob("*") if path.suffix in {".json", ".md"}
        )


def test_weights_that_are_not_of_the_space_are_refused(exported: Path, tmp_path: Path) -> None:
    """The base weights under the name of the domain model: cosine about .9, too far to be mixed."""
    folder = tmp_path / "swapped"
    folder.mkdir()
    for path in (exported / "base").iterdir():
        (folder / path.name).symlink_to(path)
    (folder / "jigai.json").unlink()
    (folder / "jigai.json").write_bytes((exported / "merged" / "jigai.json").read_bytes())
    swapped = open_embedder(f"st:{folder}", tmp_path)
    with pytest.raises(EmbedderError, match=r"相似度 0\.\d+，应不低于 0\.995"):
        swapped.queries(["压机停机"])
    (folder / "jigai.json").write_text("{}", encoding="utf-8")
    with pytest.raises(EmbedderError, match="重新导出"):
        open_embedder(f"st:{folder}", tmp_path).space  # noqa: B018


def test_an_export_with_a_delta_of_one_s_own_has_a_space_of_its_own(exported: Path, tmp_path: Path) -> None:
    with np.load(DELTA_FILE) as arrays:
        halved = {name: value / 2 if name.endswith(".b") else value for name, value in arrays.items()}
    np.savez(tmp_path / "own.npz", **halved)
    result = CliRunner().invoke(
        main,
        ["models", "export-builtin", str(tmp_path / "own"), "--delta", str(tmp_path / "own.npz")],
        env={"JIGAI_DATA_DIR": str(tmp_path)},
    )
    assert result.exit_code == 0, result.output
    spaces = {
        json.loads((folder / "jigai.json").read_text(encoding="utf-8"))["space"]
        for folder in (tmp_path / "own", exported / "merged", exported / "base")
    }
    assert len(spaces) == 3
    probe = open_embedder(f"st:{tmp_path / 'own'}", tmp_path)
    assert probe.queries(["压机停机"]).shape == (1, 384)


def test_what_cannot_be_exported_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").write_text("x", encoding="utf-8")
    (tmp_path / "no-delta.npz").write_bytes(b"nothing")
    for arguments, sentence in (
        ([str(tmp_path / "full")], "不是空文件夹"),
        ([str(tmp_path / "new"), "--base", "--delta", str(tmp_path / "no-delta.npz")], "不能同用"),
        ([str(tmp_path / "new"), "--delta", str(tmp_path / "no-delta.npz")], "不是行业增量文件"),
    ):
        result = CliRunner().invoke(main, ["models", "export-builtin", *arguments], env={"JIGAI_DATA_DIR": str(tmp_path)})
        assert result.exit_code == 2, result.output
        assert sentence in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "new").exists()


def test_a_missing_package_is_one_sentence_and_exit_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("indexer.sentence_transformers_model", "marketplace.commands.train_embedder"):
        monkeypatch.setattr(f"{module}.find_spec", lambda name: None)
    for arguments in (["index", "embed"], ["search", "压机"], ["train", "--embedder"]):
        result = CliRunner().invoke(main, arguments, env={"JIGAI_DATA_DIR": str(tmp_path), "JIGAI_EMBEDDER": "st:some/model"})
        assert result.exit_code == 2, result.output
        assert "请安装 jigai[transformers]" in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1
