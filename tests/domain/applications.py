"""A whole application as it might be typed, for tests to spoil."""

from __future__ import annotations

import copy
from datetime import date
from typing import Any

from marketplace.domain.application_answers import FileFact
from marketplace.domain.application_checks import Facts

TODAY = date(2026, 11, 25)
REQUIRED = ("application_form", "licence", "statement", "case_proof", "expert_proof", "local_proof", "local_commitment")

_ANSWERS: dict[str, Any] = {
    "organisation": {
        "fields": {
            "kind": "software",
            "region": "天津市滨海新区",
            "established": "2015-03-01",
            "staff": "120",
            "legal_person": "张三",
            "contact": "李四",
            "phone": "022-66001234",
            "email": "li.si@example.com",
            "summary": "做设备联网。",
        }
    },
    "licence": {"fields": {"scope": "软件开发", "capital": "1000", "valid_from": "2015-03-01"}},
    "finance": {
        "fields": {},
        "rows": [
            {"key": "1", "year": "2025", "revenue": "3,200", "profit": "210", "assets": "4000", "debts": "1600"},
            {"key": "2", "year": "2024", "revenue": "2800", "profit": "-20", "assets": "3600", "debts": "1500"},
        ],
    },
    "cases": {
        "rows": [
            {
                "key": "1",
                "title": "焊装车间物料配送改造",
                "sector": "auto",
                "started": "2025-01-10",
                "finished": "2025-06-30",
                "cost": "90",
                "course": "调研、实施、试运行。",
                "effect": "配送人员 26 → 8 人",
            }
        ]
    },
    "experts": {
        "rows": [
            {
                "key": "1",
                "name": "王五",
                "id_tail": "123X",
                "title": "高级工程师",
                "years": "15",
                "expertise": "设备联网",
                "cv": "做过十个项目。",
            }
        ]
    },
    "local": {"fields": {"mode": "office", "address": "滨海新区第一大街 1 号", "local_staff": "12"}},
    "products": {
        "rows": [{"key": "1", "name": "设备联网平台", "form": "product", "sectors": ["auto", "elec"], "description": "采集和看板。"}]
    },
    "others": {"fields": {"promise": "yes"}},
}
_FILES = ("application_form", "licence", "statement.1", "statement.2", "case_proof.1", "expert_proof.1", "local_proof")


def whole_answers() -> dict[str, Any]:
    return copy.deepcopy(_ANSWERS)


def whole_files() -> list[FileFact]:
    return [FileFact(kind, f"{number:064x}", f"{kind}.pdf") for number, kind in enumerate(_FILES, 1)]


def whole_facts(**changed: Any) -> Facts:
    values: dict[str, Any] = {
        "today": TODAY,
        "answers": whole_answers(),
        "files": whole_files(),
        "required": REQUIRED,
        "sectors": ("chem", "auto", "elec"),
    }
    return Facts(**{**values, **changed})
