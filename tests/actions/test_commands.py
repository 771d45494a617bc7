"""The commands that bring data in: what they print, where, and with which exit status."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from marketplace.actions.demonstration import LOGINS
from marketplace.cli import main
from tests.actions.files import code, jsonl, market, solution
from tests.conftest import DEMO


@pytest.fixture
def jigai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run a command on a site of its own."""
    monkeypatch.setenv("JIGAI_DATA_DIR", str(tmp_path / "site"))
    # What is enqueued stays in the queue: indexing is tried elsewhere.
    monkeypatch.setattr("marketplace.commands.data._drain", lambda _runtime: None)

    def run(*arguments: str | Path, answers: str = "") -> Result:
        return CliRunner().invoke(main, [str(argument) for argument in arguments], input=answers, catch_exceptions=False)

    return run


def test_import_says_what_it_did(jigai: Any, tmp_path: Path) -> None:
    done = jigai("import", market(tmp_path))
    assert done.exit_code == 0
    assert done.stdout == ""
    assert "方案：新增 1，更新 0，无变化 0。" in done.stderr
    assert "已导入 4 条" in done.stderr
    again = jigai("import", tmp_path)
    assert again.exit_code == 0
    assert "没有变化" in again.stderr


def test_import_json_is_json_only(jigai: Any, tmp_path: Path) -> None:
    done = jigai("import", market(tmp_path), "--json")
    report = json.loads(done.stdout)
    assert set(report) == {"written", "dry_run", "counts", "bad", "notes", "bad_files", "took_s"}
    assert report["counts"]["solutions"] == {"new": 1, "changed": 0, "unchanged": 0, "bad": 0}


def test_bad_rows_are_told_and_nothing_is_written(jigai: Any, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "solutions.jsonl", solution(1), solution(2, price_wan=[90, 60]))
    done = jigai("import", tmp_path)
    assert done.exit_code == 1
    assert "solutions.jsonl：" in done.stderr
    assert "第 2 行“price_wan”列：报价最低 90 万元高于最高 60 万元，请对调或修改。" in done.stderr
    assert "没有导入" in done.stderr
    dry = jigai("import", tmp_path, "--dry-run", "--json")
    assert dry.exit_code == 1
    [cell] = json.loads(dry.stdout)["bad"]
    assert cell == {
        "file": "solutions.jsonl",
        "sheet": "",
        "row": 2,
        "column": "price_wan",
        "value": "90、60",
        "code": "range_turned",
        "message": "第 2 行“price_wan”列：报价最低 90 万元高于最高 60 万元，请对调或修改。",
    }
    skipped = jigai("import", tmp_path, "--skip-bad")
    assert skipped.exit_code == 1
    assert "solutions-问题行.jsonl" in skipped.stderr
    assert "已导入 4 条" in skipped.stderr


def test_many_bad_rows_do_not_fill_the_screen(jigai: Any, tmp_path: Path) -> None:
    market(tmp_path)
    jsonl(tmp_path / "solutions.jsonl", *(solution(number, provider_code=code(7)) for number in range(200)))
    done = jigai("import", tmp_path)
    assert done.stderr.count("没有信用代码") == 30
    assert "还有 170 处，--json 列出全部。" in done.stderr


def test_what_the_file_holds_can_be_said(jigai: Any, tmp_path: Path) -> None:
    jigai("import", market(tmp_path))
    path = jsonl(tmp_path / "corpus.jsonl", {"_id": "a1", "title": "成果", "text": ""})
    assert "看不出这里是什么表" in jigai("import", path).stderr
    assert "“服务商信用代码”列：文件里没有这一列，它是必填的。" in jigai("import", path, "--as", "solutions").stderr
    jsonl(path, {"_id": "a1", "title": "成果", "provider_code": code(1)})
    assert jigai("import", path, "--source", "tech").exit_code == 0


@pytest.mark.parametrize(
    "arguments", [("import",), ("import", "x", "--nonsense"), ("template", "cars", "-o", "x.xlsx"), ("template", "solutions")]
)
def test_wrong_usage(jigai: Any, arguments: tuple[str, ...]) -> None:
    assert jigai(*arguments).exit_code == 2


def test_a_missing_file(jigai: Any, tmp_path: Path) -> None:
    done = jigai("import", tmp_path / "没有.csv")
    assert done.exit_code == 1
    assert "没有这个文件或文件夹。" in done.stderr


def test_template_then_import(jigai: Any, tmp_path: Path) -> None:
    path = tmp_path / "方案.xlsx"
    done = jigai("template", "solutions", "-o", path)
    assert done.exit_code == 0
    assert path.is_file()
    empty = jigai("import", path)
    assert (empty.exit_code, "没有变化" in empty.stderr) == (0, True)
    assert jigai("template", "solutions", "-o", tmp_path / "x.doc").exit_code == 2
    assert jigai("template", "solutions", "-o", tmp_path / "no" / "x.xlsx").exit_code == 2


def test_demo_prints_who_may_log_in(jigai: Any) -> None:
    done = jigai("demo")
    assert done.exit_code == 0
    assert "演示账号（密码都是 jigai-demo-2024）" in done.stdout
    assert "enterprise2" in done.stdout
    assert "没有变化" in jigai("demo").stderr
    refused = jigai("init", answers="chef\n王工\n十里长亭霜满天，青丝换白发\n十里长亭霜满天，青丝换白发\n")
    assert refused.exit_code == 1
    told = re.search(r"这个站点已有 (\d+) 个账号，没有改动。", refused.stderr)
    # The eleven of the roles, and those who play in the pool beside them.
    assert told is not None
    assert int(told[1]) > len(LOGINS)


def test_init_asks_for_the_first_administrator(jigai: Any) -> None:
    done = jigai("init", answers="chef\n王工\n十里长亭霜满天，青丝换白发\n十里长亭霜满天，青丝换白发\n")
    assert done.exit_code == 0
    assert "管理员账号 chef" in done.stderr
    assert "十里长亭" not in done.output
    weak = jigai("init", answers="chef\n王工\n12345678\n12345678\n")
    assert weak.exit_code == 1


def test_the_demonstration_set_is_where_the_command_looks() -> None:
    assert len(list(DEMO.glob("*.jsonl"))) == 8
