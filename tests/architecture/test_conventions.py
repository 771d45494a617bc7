"""Conventions of the house are tests: what is said in one place must hold in all."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from marketplace.domain import (
    acceptances,
    adjustments,
    appeals,
    applications,
    brokerings,
    calls,
    complaints,
    decisions,
    diagnoses,
    distillations,
    evaluations,
    events,
    evidence,
    experts,
    financing,
    fund_budgets,
    funding_plans,
    guides,
    inspections,
    introductions,
    listings,
    meetings,
    objections,
    open_answers,
    open_demands,
    payments,
    performance,
    policies,
    problems,
    progress,
    project_changes,
    projects,
    providers,
    rankers,
    reclaims,
    registrations,
    report_imports,
    resources,
    reviews,
    scenario_lists,
    scenarios,
    showcases,
    sign_ups,
    solution_versions,
    solutions,
    supervision,
    talents,
    topics,
    vouchers,
    windows,
    work_items,
)
from marketplace.domain.lifecycle import mermaid
from marketplace.settings import Settings

ROOT = Path(__file__).parents[2]
PACKAGES = ("marketplace", "indexer", "recommender")
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, field in Settings.model_fields.items():
        assert f"`JIGAI_{name.upper()}`" in text, name
        assert field.description, name


def test_states_are_written_in_one_place() -> None:
    writers = []
    for path in SOURCES:
        if path.name == "transition.py" and path.parent.name == "actions":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign | ast.AugAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                writers += [
                    f"{path.relative_to(ROOT)}:{node.lineno}" for t in targets if isinstance(t, ast.Attribute) and t.attr == "state"
                ]
    assert writers == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "service", "constants"])
def test_no_file_is_called_by_an_empty_word(word: str) -> None:
    assert [path for path in SOURCES if path.stem == word] == []


def test_no_path_of_a_machine_and_no_registry_host_is_written_down() -> None:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    # The pattern is put together here, so that this file does not hold what it looks for.
    pattern = re.compile("|".join(("/" + "work/", "/" + "root/", " --index" + "-url", "files." + "pythonhosted", "registry." + "npmjs")))
    found = []
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if path.suffix in {".png", ".npz", ".npy", ".mo", ".gz"} or not path.is_file():
            continue
        if pattern.search(path.read_text(encoding="utf-8", errors="ignore")):
            found.append(name)
    assert found == []


def test_lifecycles_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "lifecycles.md").read_text(encoding="utf-8") == lifecycles()


def lifecycles() -> str:
    """The generated page: every process of the platform as a table of states."""
    parts = [
        "# 状态与流转 / Life cycles",
        "由程序中的流转表生成，请勿手改：`python tests/architecture/test_conventions.py > docs/lifecycles.md`。",
    ]
    for title, module in (
        ("注册 Registration", registrations), ("申报通知 Application window", windows), ("服务商申报 Application", applications),
        ("专家评审 Review by an expert", reviews), ("评审专家 Reviewer", experts), ("公示异议 Objection", objections),
        ("两人决定 Decision by two persons", decisions), ("服务商 Provider", providers), ("动态调整 Adjustment", adjustments),
        ("申诉 Appeal", appeals), ("定期评价 Evaluation", evaluations), ("方案 Solution", solutions), ("方案版本 Solution version", solution_versions),
        ("方案征集 Call for solutions", calls), ("推荐产品 Recommended product", listings), ("排序模型 Ranker", rankers), ("场景 Scenario", scenarios),
        ("场景清单 Scenario list", scenario_lists), ("场景归类 Cluster of problems", distillations), ("报告导入 Import of a report", report_imports),
        ("诊断 Diagnosis", diagnoses), ("问题 Problem", problems),
        ("对接单 Brokering", brokerings), ("对接对象 Introduction", introductions), ("供需对接会 Meeting", meetings),
        ("公开需求 Open demand", open_demands), ("公开需求的应答 Answer to an open demand", open_answers),
        ("申报指南 Guide", guides), ("佐证 Evidence", evidence), ("月报 Monthly report", progress), ("现场检查 Inspection", inspections), ("督办单 Supervision order", supervision),
        ("专项资金预算 Budget", fund_budgets), ("记账单 Voucher", vouchers), ("资金计划 Funding plan", funding_plans), ("拨付 Payment", payments),
        ("追回 Reclaim", reclaims), ("融资申请 Application for financing", financing),
        ("工作台账 Work item", work_items), ("培训与活动 Event", events), ("活动报名 Sign-up", sign_ups), ("公共服务资源 Resource", resources),
        ("人才供需 Talent", talents), ("课题 Topic", topics),
        ("验收 Acceptance", acceptances), ("项目变更 Change of a project", project_changes),
        ("绩效评价 Performance evaluation", performance),
        ("标杆案例 Showcase", showcases), ("政策 Policy", policies), ("投诉建议 Complaint", complaints),
    ):  # fmt: skip
        parts += [f"## {title}", "```mermaid", mermaid(module.TABLE), "```"]
    for title, table in (
        ("中央财政资金支持项目 Project of class 1", projects.CENTRAL), ("市级专项资金支持项目 Project of class 2", projects.MUNICIPAL),
        ("其他支持试点的项目 Project of class 3", projects.OTHER), ("融资产品 Financing offer", financing.OFFERS),
        ("重复佐证 Duplicate evidence", evidence.FINDING_TABLE), ("项目整改 Rectification of a project", inspections.RECTIFICATION_TABLE),
    ):  # fmt: skip
        parts += [f"## {title}", "```mermaid", mermaid(table), "```"]
    return "\n\n".join(parts).replace("```mermaid\n\n", "```mermaid\n").replace("\n\n```\n", "\n```\n").rstrip("\n") + "\n"


def test_light_start() -> None:
    """Creating the application must not load what only training, benches or the scale tier need."""
    code = (
        "import sys, json, marketplace.app, marketplace.cli;"
        "print(json.dumps([m for m in ('sklearn','scipy','openpyxl','opensearchpy','weasyprint','onnxruntime','torch') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout) == []


if __name__ == "__main__":
    sys.stdout.write(lifecycles())
