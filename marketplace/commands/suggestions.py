"""`jigai suggestions`: how good are the scenario, stage and orientation that are suggested for a problem?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import click

from marketplace.commands.evaluate import store_of
from marketplace.commands.runtime import Runtime, emit

if TYPE_CHECKING:
    from marketplace.pilot import Pilot
    from recommender.evaluation.suggestions import Judged

KINDS = {"scenario": "场景", "stage": "环节", "orientation": "方向"}


@click.command("suggestions")
@click.option("--json", "as_json", is_flag=True, help="只在标准输出写 JSON / JSON only on stdout")
@click.pass_obj
def suggestions(runtime: Runtime, as_json: bool) -> None:
    """填写问题时的建议准不准：在示例问题上给出前一、前三的准确率、平均把握和校准误差。

    Stage and orientation are judged on the demonstration problems, scenarios on the typical problems of the demonstration's scenario
    lists; none of these texts is in the knowledge base that suggests.
    """
    from marketplace.app import suggester_of
    from recommender.evaluation.suggestions import measure

    pilot = runtime.pilot
    rows = list(_problems(pilot))
    figures, slow = measure(suggester_of(store_of(runtime), pilot, runtime.settings.data_dir / "models"), rows)
    if as_json:
        emit({"p95_ms": round(slow, 2), **{kind: vars(one) for kind, one in figures.items()}})
        return
    for kind, one in figures.items():
        line = f"{KINDS[kind]}  {one.count} 条  前一 {one.top1:.3f}  前三 {one.top3:.3f}  平均把握 {one.sure:.3f}  校准误差 {one.ece:.3f}"
        click.echo(line)
    click.echo(f"每条用时 p95 {slow:.0f} ms")


def _problems(pilot: Pilot) -> Iterator[Judged]:
    from recommender.evaluation.suggestions import Judged

    sectors = {row["code"]: _key(pilot, "sector", row["sector"]) for row in _rows("enterprises")}
    for row in _rows("problems"):
        stage, orientation = _key(pilot, "stage", row["stage"]), _key(pilot, "orientation", row["orientation"])
        yield Judged(row["text"], sectors[row["enterprise_code"]], (), (stage,), (orientation,))
    for row in _rows("scenarios"):
        for text in row["typical_problems"]:
            yield Judged(text, _key(pilot, "sector", row["sector"]), pilot.scenario_codes(row["code"]))


def _key(pilot: Pilot, kind: str, word: str) -> str:
    found = pilot.find(kind, word)
    return found.key if found else ""


def _rows(name: str) -> list[dict[str, Any]]:
    text = (files("marketplace") / "data" / "demo" / f"{name}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]
