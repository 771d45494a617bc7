"""The command line as scripts see it: JSON keys as documented, exit statuses, one sentence for what is wrong."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import delete, select, update

from marketplace.cli import COMMANDS, main
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry
from marketplace.records.index_queue import QueuedThing
from tests.cli.conftest import Run, parsed

ROOT = Path(__file__).parents[2]
DOCUMENTED = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")


def assert_documented(value: Any) -> None:
    """Every key of an answer stands in docs/commands.md, but for keys that are data."""
    if isinstance(value, list):
        for item in value[:3]:
            assert_documented(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            assert f"`{key}`" in DOCUMENTED or f'"{key}"' in DOCUMENTED, key
            if key not in {"facets", "near", "guesses", "counts", "held", "differences"}:
                assert_documented(item)


def test_every_command_is_documented_and_loads() -> None:
    for name, (module, text) in COMMANDS.items():
        assert f"`jigai {name}" in DOCUMENTED, name
        command = main.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None, (name, module)
        assert text
    result = CliRunner().invoke(main, [])
    assert result.exit_code == 0
    assert "evaluate" in result.output


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    code = "import sys, marketplace.cli; bad = {'flask','sqlalchemy','numpy','pydantic','rjieba'} & set(sys.modules); print(sorted(bad))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
    took = []
    for _attempt in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "marketplace.cli", "--help"], capture_output=True, check=True, cwd=ROOT)
        took.append(time.perf_counter() - started)
    assert min(took) < 1.0


def test_search_answers_in_the_documented_form(run: Run) -> None:
    found = parsed(run("search", "压机停机 提前预警", "--limit", "5", "--json"))
    assert [hit["rank"] for hit in found["hits"]] == [1, 2, 3, 4, 5]
    assert all(hit["id"].startswith("SOL-") and hit["title"] and hit["provider"] for hit in found["hits"])
    assert_documented(found)
    sector = parsed(run("search", "等保测评", "--sector", "化工", "--json"))
    assert sector["hits"]
    for kind, beginning in (("scenario", ""), ("problem", "PRB-"), ("provider", "")):
        hits = parsed(run("search", "压机停机", "--kind", kind, "--json"))["hits"]
        assert hits, kind
        assert all(hit["kind"] == kind and hit["id"].startswith(beginning) for hit in hits)
    plain = run("search", "压机停机")
    assert plain.exit_code == 0
    assert "SOL-" in plain.stdout
    assert "用时" in plain.stderr


@pytest.mark.parametrize("text", ["", " ", "🏭🔥", "' OR 1=1; --", 'title:* AND ("', "a" * 10_000, "\\", "+-&|!(){}[]^~*?:/", "零" * 3_000])
def test_any_text_can_be_searched_for(run: Run, text: str) -> None:
    assert isinstance(parsed(run("search", "--json", "--", text))["hits"], list)


def test_recommend_answers_in_the_documented_form(run: Run) -> None:
    found = parsed(run("recommend", "--problem", "压床说停就停，坏了才修，一停半条线等着", "--sector", "auto", "--limit", "4", "--json"))
    assert [match["rank"] for match in found["matches"]] == [1, 2, 3, 4]
    assert found["providers"]
    assert any(match["reasons"] for match in found["matches"])
    assert_documented(found)
    stored = parsed(run("recommend", "--problem-id", "PRB-0003", "--json"))
    assert stored["problem"].startswith("循环气压缩机")
    by_provider = run("recommend", "--problem-id", "PRB-0003", "--by", "provider")
    assert "个方案适合" in by_provider.stdout


def test_a_plan_for_an_enterprise(run: Run) -> None:
    found = parsed(run("recommend", "--enterprise", "91990000MAYGPX077U", "--limit", "3", "--json"))
    assert set(found) == {"enterprise", "enterprise_code", "problems", "plan"}
    assert len(found["problems"]) == 7
    taken = {row["problem"] for provider in found["plan"]["providers"] for row in provider["takes"]}
    assert taken | set(found["plan"]["uncovered"]) == {row["id"] for row in found["problems"]}
    assert_documented(found)
    assert run("recommend", "--enterprise", "91990000MAYGPX077U").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("search", "x", "--sector", "农业"), "没有“农业”，可填："),
        (("search", "x" * 10_001), "最多 10,000 个"),
        (("recommend",), "要写一个，也只能写一个"),
        (("recommend", "--problem", "x", "--problem-id", "y"), "要写一个，也只能写一个"),
        (("recommend", "--problem", " "), "现在是 0 个"),
        (("recommend", "--problem-id", "PRB-9999"), "没有编号为“PRB-9999”的问题"),
        (("recommend", "--enterprise", "91990000MAYGPX077U", "--sector", "auto"), "--sector 只和 --problem 一起用"),
        (("recommend", "--enterprise", "none"), "没有统一社会信用代码为“none”的企业"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JIGAI_PORT", "x"), ("JIGAI_PORT", "70000"), ("JIGAI_LANGUAGE", "fr"), ("JIGAI_SEARCH_URL", "ftp:"), ("JIGAI_DEMO", "perhaps"),
        ("JIGAI_PILOT", "/none/pilot.toml"), ("JIGAI_DATABASE_URL", "sqlite:////proc/none/x.db"), ("JIGAI_DATA_DIR", "/proc/none"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    for command in (("search", "x"), ("serve",)):
        result = run(*command)
        assert result.exit_code == 2, result.output
        assert "Traceback" not in result.output
        assert len(result.stderr.strip().splitlines()) == 1, result.stderr


def test_the_index_can_be_looked_at_and_mended(run: Run, own_folder: Path) -> None:
    status = parsed(run("index", "status", "--json"))
    assert status["usable"] is True
    assert status["pending"] == 0
    assert status["held"]["scenario"] == 60
    assert_documented(status)
    database = Database(f"sqlite:///{own_folder / 'jigai.db'}")
    with database.writing() as session:
        session.execute(update(QueuedThing).where(QueuedThing.kind == "scenario").values(wanted=QueuedThing.wanted + 1))
    with database.reading() as session:
        first = session.scalars(select(QueuedThing.thing_id).where(QueuedThing.kind == "scenario")).first()
    assert first is not None
    assert parsed(run("index", "sync", "--json")) == {"indexed": 60, "pending": 0}
    reconciled = parsed(run("index", "reconcile", "--json"))
    assert all(not any(row.values()) for row in reconciled["differences"].values())
    assert_documented(reconciled)
    rebuilt = parsed(run("index", "rebuild", "--json"))
    assert rebuilt["indexed"] == sum(status["held"].values())
    assert parsed(run("index", "status", "--json"))["held"] == status["held"]
    database.close()


def test_a_missing_index_is_built_by_whoever_needs_it(run: Run, own_folder: Path) -> None:
    shutil.rmtree(own_folder / "index")
    assert parsed(run("search", "压机停机", "--json"))["hits"]


def test_the_doctor_finds_what_is_wrong(run: Run, own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = parsed(run("doctor", "--json"))
    assert good["good"] is True, good
    assert_documented(good)
    assert {check["name"] for check in good["checks"]} >= {
        "sqlite",
        "folder",
        "index",
        "embedder",
        "queue",
        "settings",
        "database",
        "accounts",
        "jobs",
        "scanner",
        "mail",
    }
    monkeypatch.delenv("JIGAI_DEMO")
    monkeypatch.setenv("JIGAI_CLAMD", "127.0.0.1:1")
    monkeypatch.setenv("JIGAI_SMTP_URL", "smtp://127.0.0.1:1")
    (own_folder / "index" / "current.json").unlink(missing_ok=True)
    for pointer in (own_folder / "index").glob("*.json"):
        pointer.write_text("{", encoding="utf-8")
    bad = run("doctor")
    assert bad.exit_code == 2
    assert "演示账号" in bad.stdout
    assert "索引不能用" in bad.stdout
    assert "病毒扫描 127.0.0.1:1 没有给出结果" in bad.stdout
    assert "邮件服务器没有回答" in bad.stdout


def test_the_history_is_verified(run: Run, own_folder: Path) -> None:
    whole = parsed(run("audit", "verify", "--json"))
    assert whole["whole"] is True
    assert whole["entries"] > 500
    assert_documented(whole)
    database = Database(f"sqlite:///{own_folder / 'jigai.db'}")
    with database.writing() as session:
        session.execute(update(HistoryEntry).where(HistoryEntry.id == 100).values(actor="somebody else"))
    database.close()
    broken = run("audit", "verify", "--json")
    assert broken.exit_code == 1
    assert json.loads(broken.stdout)["broken_at"] == 100


def test_an_end_that_was_cut_off_is_found_by_its_anchor(run: Run, own_folder: Path) -> None:
    made = parsed(run("audit", "anchor", "--json"))
    assert made["anchored"] is True
    assert_documented(made)
    assert parsed(run("audit", "anchor", "--json"))["anchored"] is False
    assert parsed(run("audit", "verify", "--json"))["anchors"] == 1
    database = Database(f"sqlite:///{own_folder / 'jigai.db'}")
    with database.writing() as session:
        session.execute(delete(HistoryEntry).where(HistoryEntry.id > made["entry"] - 5))
    database.close()
    broken = run("audit", "verify")
    assert broken.exit_code == 1
    assert f"从第 {made['entry'] - 4} 条起断开" in broken.stderr
    (own_folder / "audit-anchors.log").write_text("x\n")
    assert run("audit", "verify").exit_code == 2


def beir(folder: Path) -> list[str]:
    """A judged set of four documents and two questions."""
    documents = [
        ("d1", "压力机预测性维护", "冲压车间压机停机前给出预警，监测离合制动和轴承。"),
        ("d2", "危废称重与台账", "危险废物自动称重、打印标签，台账自动生成。"),
        ("d3", "等级保护测评", "工控系统等级保护差距分析和整改。"),
        ("d4", "洁净间节能", "按尘埃粒子数调节风机，洁净间用电下降。"),
    ]
    (folder / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": i, "title": t, "text": x}, ensure_ascii=False) + "\n" for i, t, x in documents), encoding="utf-8"
    )
    queries = [("q1", "压机老是突然停机"), ("q2", "洁净间电费太高")]
    (folder / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": i, "text": t}, ensure_ascii=False) + "\n" for i, t in queries), encoding="utf-8"
    )
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t3\nq2\td4\t3\n", encoding="utf-8")
    return [part for name in ("corpus", "queries") for part in (f"--{name}", str(folder / f"{name}.jsonl"))] + [
        "--qrels",
        str(folder / "qrels.tsv"),
    ]


@pytest.mark.parametrize("mode", ["lexical", "dense", "hybrid", "recommend"])
def test_evaluate_measures_a_judged_set(run: Run, tmp_path: Path, mode: str) -> None:
    found = parsed(run("evaluate", *beir(tmp_path), "--mode", mode, "--run", str(tmp_path / "run.txt"), "--json"))
    assert set(found) == {"mode", "ndcg@10", "recall@100", "mrr@10", "coverage", "p50", "p95"}
    assert found["coverage"] == 1.0
    assert found["ndcg@10"] > 0.6
    assert_documented(found)
    lines = [line.split() for line in (tmp_path / "run.txt").read_text(encoding="utf-8").splitlines()]
    assert {line[0] for line in lines} == {"q1", "q2"}
    assert all(len(line) == 6 and line[1] == "Q0" for line in lines)


def test_evaluate_says_what_is_wrong_with_a_set(run: Run, tmp_path: Path) -> None:
    arguments = beir(tmp_path)
    (tmp_path / "corpus.jsonl").write_text("not json\n", encoding="utf-8")
    result = run("evaluate", *arguments)
    assert result.exit_code == 2
    assert "第 1 行" in result.stderr
