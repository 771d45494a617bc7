"""What people type on their journey through the pool, in the language in which they walk it."""

from __future__ import annotations

from typing import Any

from tests.journeys.pool import credit_code

# Each language has a unit of its own, in a sector of its own, so that only its own experts can be drawn.
SECTOR = {"zh": "auto", "en": "chem"}
CODE = {"zh": credit_code(61), "en": credit_code(62)}
UNIT = {"zh": "滨海澈原自动化工程有限公司（示例）", "en": "Clearfield Automation Engineering Ltd (example)"}
EXPERTS = {
    "zh": {"expert1": "祁远（示例）", "expert2": "鲁平（示例）", "expert3": "谈宁（示例）", "expert4": "阮青（示例）"},
    "en": {"expert1": "Ada North", "expert2": "Ben East", "expert3": "Cleo South", "expert4": "Dan West"},
}
_WORDS: dict[str, dict[str, str]] = {
    "zh": {
        "person": "韩澈", "staff": "综合管理服务商经办人（示例）", "bureau": "区工信局经办人（示例）", "second": "区工信局复核人（示例）",
        "head": "区工信局负责人（示例）", "office": "评选办公室（示例）", "board": "区工信局（评选，示例）", "college": "北方工程学院（示例）",
        "window": "冬季专业化服务商申报", "again": "次年专业化服务商申报", "notice": "面向三个行业征集服务商。\n材料齐全的方可受理。",
        "region": "天津市滨海新区", "summary": "做焊装和物流自动化，已在三家汽车零部件企业实施。", "scope": "工业自动化系统集成、软件开发",
        "legal": "段明", "case": "焊装车间物料配送改造", "course": "调研两周，实施三个月，试运行一个月。", "vague": "明显好转。",
        "effect": "配送人员 26 → 8 人", "specialist": "丁宏", "title": "高级工程师", "expertise": "物流自动化", "cv": "做过十个车间的配送改造。",
        "address": "滨海新区示例路 61 号", "product": "车间物料自动配送", "description": "按工位节拍配送，缺料提前预警。",
        "to_case": "效果没有写改造前后的数字，请补。", "to_local": "租赁合同缺盖章页，请重新上传。",
        "reply_case": "已补改造前后的人数。", "reply_local": "已上传带盖章页的合同。",
        "conflict": "曾在该单位任顾问。", "opinion": "案例真实，团队稳定，同意推荐。", "remark": "没有给试点企业的优惠。",
        "discussion": "对案例一项已讨论，按多数意见。", "joint": "达到入库条件。", "admit": "评审达到入库分数线，材料真实。", "agree": "同意。",
        "objector": "路人甲", "objection": "案例的完成时间与公开报道不一致。", "checked": "已核对验收单，完成时间属实。",
        "solution": "焊装线物料无人配送", "solves": "缺料停线每周三次\n配送工二十多人", "query": "焊装线物料无人配送",
        "text": "按工位节拍由无人车配送料架，缺料前半小时预警，配送路线随排产调整；先做一条线试运行，验收后推广到全车间。",
        "project": "津门车身二期配送", "project2": "海河座椅配送", "late": "设备到货晚，又返工一次。", "complaint": "现场多次无人，查实。",
        "warn": "两项结果属实，予以警示。", "rectify": "半年没有回升，限期整改。", "overdue": "到期没有提交任何材料。",
        "retire": "整改逾期，其间又有投诉属实。", "appeal": "投诉的两次都已当天到场，附签到表。", "dismiss": "签到表与门禁记录不符，维持原决定。",
    },
    "en": {
        "person": "Hannah Clear", "staff": "Pool officer", "bureau": "Bureau officer", "second": "Bureau second person",
        "head": "Head of section", "office": "Selection office (example)", "board": "Bureau, selection (example)",
        "college": "Northern College of Engineering (example)",
        "window": "Winter call for providers", "again": "Next year's call for providers",
        "notice": "Providers for three sectors are called for.\nOnly whole applications are accepted.",
        "region": "Binhai, Tianjin", "summary": "Dosing and batch control, done at three chemical plants.", "scope": "System integration, software",
        "legal": "Miles Dune", "case": "Dosing line renewed", "course": "Two weeks of study, three months of work, one month of trial.",
        "vague": "Much better.", "effect": "operators 26 → 8 people", "specialist": "Harold Dean", "title": "Senior engineer",
        "expertise": "Batch control", "cv": "Has renewed ten dosing lines.", "address": "61 Example Road, Binhai", "product": "Dosing control",
        "description": "Doses by recipe and warns before material runs out.",
        "to_case": "The effect names no figures before and after.", "to_local": "The lease lacks its sealed page. Please upload it again.",
        "reply_case": "Figures before and after are added.", "reply_local": "The lease with its sealed page is uploaded.",
        "conflict": "Was an adviser of this organisation.", "opinion": "The case is true and the team stable.", "remark": "No discount is offered.",
        "discussion": "The cases were discussed; the majority's view stands.", "joint": "Fit for the pool.",
        "admit": "The mark is reached and the documents are true.", "agree": "Agreed.", "objector": "A passer-by",
        "objection": "The case was finished later than stated.", "checked": "The acceptance papers confirm the date.",
        "solution": "Recipe dosing without weighing errors", "solves": "Three wrong batches a month\nTwenty people weigh by hand",
        "query": "Recipe dosing without weighing errors",
        "text": "Doses by recipe from closed bins, warns half an hour before material runs out, and keeps a record of every batch.",
        "project": "Plant two dosing", "project2": "Resin plant dosing", "late": "Equipment came late and was mended once.",
        "complaint": "Nobody on site several times; found true.", "warn": "Both results are true: a warning.",
        "rectify": "No recovery in half a year: rectify.", "overdue": "Nothing was handed in by the last day.",
        "retire": "Not rectified, and a further complaint was true.", "appeal": "We were there on both days; lists are attached.",
        "dismiss": "The lists differ from the records of the gate. The decision stands.",
    },
}  # fmt: skip


def words(lang: str) -> dict[str, str]:
    return _WORDS[lang]


def answers(lang: str, year: int) -> dict[str, dict[str, Any]]:
    """The fields of every section, by their names. Rows are numbered; the first ones stand there after a press on “增加一项”."""
    said = _WORDS[lang]
    return {
        "organisation": {
            "kind": "software", "region": said["region"], "established": "2015-03-01", "staff": "120", "legal_person": said["legal"],
            "contact": said["person"], "phone": f"022-6600{1234 if lang == 'zh' else 4321}", "email": f"hello@clear-{lang}.example",
            "summary": said["summary"],
        },
        "licence": {"scope": said["scope"], "capital": "1000", "valid_from": "2015-03-01"},
        "finance": statements(year),
        "qualifications": {},
        "cases": {
            "1.title": said["case"], "1.sector": SECTOR[lang], "1.started": "2025-01-10", "1.finished": "2025-06-30", "1.cost": "90",
            "1.course": said["course"], "1.effect": said["vague"],
        },
        "experts": {
            "1.name": said["specialist"], "1.id_tail": "123X", "1.title": said["title"], "1.years": "15", "1.expertise": said["expertise"],
            "1.cv": said["cv"],
        },
        "local": {"mode": "office", "address": said["address"], "local_staff": "12"},
        "products": {"1.name": said["product"], "1.form": "product", "1.sectors": [SECTOR[lang]], "1.description": said["description"]},
        "others": {"promise": "yes"},
    }  # fmt: skip


def statements(year: int) -> dict[str, str]:
    """The figures of the two years before this one."""
    row = {"revenue": "3200", "profit": "210", "assets": "4000", "debts": "1600"}
    return {f"{place}.{key}": value for place in (1, 2) for key, value in {"year": str(year - place), **row}.items()}


ROWS = {"finance": 2, "cases": 1, "experts": 1, "products": 1}
FILES = {
    "licence": ("licence",),
    "finance": ("statement.1", "statement.2"),
    "cases": ("case_proof.1",),
    "experts": ("expert_proof.1",),
    "local": ("local_proof",),
    "others": ("application_form",),
}
