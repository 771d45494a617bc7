"""The history in words: what nouns and verbs are called, and the difference of one entry field by field."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import marketplace.domain
from marketplace.domain.lifecycle import Transition, _
from marketplace.records.history import HistoryEntry
from marketplace.sentences import told_value
from marketplace.web import wording
from marketplace.web.language import say

NOUNS = {
    "acceptance": _("验收"),
    "account": _("用户账号"),
    "adjustment": _("动态调整"),
    "agreement": _("任务书"),
    "appeal": _("申诉"),
    "application": _("入库申报"),
    "brokering": _("对接单"),
    "calendar": _("工作日历"),
    "call": _("方案征集"),
    "case": _("案例"),
    "certificate": _("证照"),
    "decision": _("决定"),
    "diagnosis": _("诊断"),
    "distillation": _("提炼典型场景"),
    "enterprise": _("企业"),
    "evaluation": _("考核"),
    "evaluation_result": _("定期评价结果"),
    "evaluation_round": _("定期评价"),
    "event": _("培训与活动"),
    "evidence": _("佐证"),
    "evidence_finding": _("重复佐证"),
    "file": _("文件"),
    "first_review": _("初审意见"),
    "fund_budget": _("预算"),
    "fund_target": _("绩效目标"),
    "funding_plan": _("资金计划"),
    "ledger_entry": _("记账"),
    "payment": _("拨付"),
    "performance_round": _("绩效评价"),
    "performance_item": _("评价指标"),
    "reclaim": _("追回"),
    "voucher": _("记账单"),
    "financing_offer": _("融资产品"),
    "financing_application": _("融资申请"),
    "group": _("群组"),
    "guide": _("申报指南"),
    "history": _("历史记录"),
    "import": _("导入"),
    "inspection": _("现场检查"),
    "inspection_draw": _("检查抽签"),
    "introduction": _("对接对象"),
    "investment": _("投入清单"),
    "invitation": _("邀请"),
    "job": _("后台任务"),
    "milestone": _("里程碑"),
    "monthly_report": _("月报"),
    "project_change": _("项目变更"),
    "project_indicator": _("绩效指标"),
    "project_supplier": _("项目服务商"),
    "project_warning": _("项目警示"),
    "rectification": _("限期整改"),
    "supervision_order": _("督办单"),
    "meeting": _("供需对接会"),
    "meeting_party": _("对接会参会单位"),
    "meeting_talk": _("对接会洽谈"),
    "objection": _("异议"),
    "open_answer": _("公开需求的应答"),
    "open_answer_version": _("公开需求的应答"),
    "open_demand": _("公开需求"),
    "open_question": _("公开需求的提问"),
    "organisation": _("单位"),
    "orientation_wish": _("拟改造方向"),
    "outcome": _("项目结果"),
    "outside_grade": _("其他评估的等级"),
    "own_solution": _("方案草稿"),
    "letter_text": _("文书的文字"),
    "pilot": _("试点数据"),
    "plan": _("一企一策方案"),
    "plan_emphasis": _("方案侧重"),
    "demand_alert": _("需求提醒"),
    "problem": _("问题"),
    "project": _("项目"),
    "project_assignment": _("项目评审"),
    "project_objection": _("项目公示异议"),
    "project_review": _("项目评审"),
    "product_listing": _("推荐产品"),
    "provider": _("服务商"),
    "provider_certificates": _("证照"),
    "ranker": _("排序模型"),
    "rating": _("评价"),
    "rating_event": _("评价事件"),
    "registration": _("注册"),
    "report_import": _("报告导入"),
    "resource": _("公共服务资源"),
    "review": _("评审"),
    "review_assignment": _("评审"),
    "review_expert": _("评审专家"),
    "saved_search": _("保存的搜索"),
    "scenario": _("场景"),
    "shortlist": _("收藏"),
    "sign_up": _("活动报名"),
    "scenario_cluster": _("场景归类"),
    "scenario_list": _("场景清单"),
    "scenario_need": _("场景清单条目"),
    "solution": _("方案"),
    "solution_call": _("方案征集"),
    "solution_version": _("方案版本"),
    "talent": _("人才供需"),
    "topic": _("课题"),
    "window": _("申报窗口"),
    "work_item": _("工作台账"),
    "complaint": _("投诉建议"),
    "policy_version": _("政策库"),
    "showcase": _("标杆案例"),
}
VERBS = {
    "add": _("登记"),
    "add_member": _("加入成员"),
    "agree": _("同意公开"),
    "assign_officer": _("指定诊断人员"),
    "answer": _("答复"),
    "ask": _("提问"),
    "ask_email": _("申请更换邮箱"),
    "ask_reset": _("申请重设密码"),
    "assign": _("换经办人"),
    "attach": _("上传文件"),
    "change": _("修改"),
    "change_plan": _("修改安排"),
    "change_email": _("更换邮箱"),
    "change_password": _("修改密码"),
    "change_rights": _("修改权限"),
    "choose": _("人工调整方案"),
    "begin": _("开始"),
    "clear": _("解除"),
    "code_failed": _("验证码不对"),
    "compare": _("核对证照"),
    "confirm": _("确认"),
    "correct": _("更正"),
    "create_token": _("新建接口令牌"),
    "detach": _("替换文件"),
    "disable": _("停用"),
    "disable_second_factor": _("停用两步验证"),
    "drop": _("移出"),
    "enable": _("恢复"),
    "enable_second_factor": _("启用两步验证"),
    "enter": _("登记"),
    "erase": _("删除个人信息"),
    "export": _("导出"),
    "feedback": _("写落选反馈"),
    "file": _("提交申诉"),
    "follow": _("改跟进日期"),
    "find": _("归类"),
    "forget": _("清除未确认的注册"),
    "grant": _("给予身份"),
    "import": _("导入"),
    "invite": _("邀请"),
    "issue": _("出具"),
    "log_in": _("登录"),
    "log_in_failed": _("登录失败"),
    "log_out": _("退出"),
    "mute": _("少推这类"),
    "open": _("开通"),
    "pause_orders": _("暂不接新单"),
    "plan": _("安排"),
    "post": _("入账"),
    "prepare": _("经办"),
    "evaluate": _("评价"),
    "propose": _("提出"),
    "publish": _("发布"),
    "quarantine": _("隔离文件"),
    "remind": _("催办"),
    "make_link": _("生成一次性链接"),
    "say": _("留言"),
    "score": _("打分"),
    "rate": _("重新计算评价"),
    "refuse": _("不同意"),
    "register": _("注册"),
    "reject": _("不同意"),
    "remove": _("去掉"),
    "remove_member": _("移出成员"),
    "renew_recovery_codes": _("换恢复码"),
    "replace": _("更正"),
    "reply": _("回答"),
    "reset_password": _("重设密码"),
    "reset_second_factor": _("取消两步验证"),
    "revoke_session": _("退出一处登录"),
    "revoke_token": _("停用接口令牌"),
    "save_answers": _("填写问卷"),
    "set_criteria": _("定比较标准"),
    "save": _("保存"),
    "set_score": _("改动得分"),
    "record": _("记结果"),
    "sign_in": _("签到"),
    "sign_out": _("撤销签到"),
    "submit": _("提交"),
    "tell": _("告知服务商"),
    "take_back": _("撤回"),
    "take_in": _("并入另一类"),
    "take_back_choice": _("恢复自动排序"),
    "take_orders": _("恢复接新单"),
    "train": _("训练"),
    "ungrant": _("收回身份"),
    "uninvite": _("撤回邀请"),
    "unmute": _("恢复提醒"),
    "update": _("更新"),
    "weigh": _("改侧重"),
    "withdraw": _("撤回"),
}
FIELDS = {
    "code": _("序号"),
    "phase": _("阶段"),
    "title": _("标题"),
    "text": _("内容"),
    "owner": _("责任单位"),
    "co_owners": _("配合单位"),
    "starts": _("开始时间"),
    "ends": _("结束时间"),
    "due": _("截止日期"),
    "evidence": _("进展与佐证"),
    "remark": _("说明"),
    "place": _("地点"),
    "host": _("主办单位"),
    "speakers": _("主讲人"),
    "sign_up_until": _("报名截止时间"),
    "seats": _("名额"),
    "summary": _("小结"),
    "score": _("评分"),
    "comment": _("意见"),
    "does": _("能做什么"),
    "conditions": _("使用条件"),
    "price": _("收费"),
    "contact": _("联系方式"),
    "stages": _("服务的环节"),
    "scenario_codes": _("服务的场景"),
    "lead": _("牵头单位"),
    "members": _("参加单位"),
    "result": _("研究结果"),
    "people": _("人数"),
    "until": _("有效期至"),
    "side": _("类别"),
    "address": _("网络地址"),
    "areas": _("园区、街道"),
    "changed": _("改写的内容"),
    "credit_code": _("统一社会信用代码"),
    "disabled": _("已停用"),
    "email": _("邮箱"),
    "file": _("文件"),
    "gone": _("删除的内容"),
    "kind": _("类型"),
    "login": _("账号"),
    "name": _("名称"),
    "no_orders_until": _("暂不接新单至"),
    "organisation": _("单位"),
    "rights": _("权限"),
    "role": _("身份"),
    "roles": _("身份"),
    "sha256": _("摘要"),
    "size": _("大小"),
    "state": _("状态"),
    "version": _("版本"),
    "value": _("数值"),
    "explanation": _("原因和措施"),
    "by_hand": _("手工填写"),
    "as_of": _("数据截至"),
    "target": _("目标值"),
    "problem": _("要解决的问题"),
    "approach": _("怎样做的"),
    "experience": _("可以推广的经验"),
    "effects": _("前后对比"),
    "effect_note": _("成效说明"),
    "cost_fen": _("投资额"),
    "templates": _("模板清单"),
    "show_name": _("公开企业名称"),
    "show_cost": _("公开投资额"),
    "topic": _("主题"),
    "issuer": _("发文机关"),
    "letter": _("文书"),
    "sign_off": _("落款"),
    "issued": _("发文日期"),
    "valid_from": _("施行日期"),
    "valid_until": _("失效日期"),
    "note": _("修订说明"),
    "about": _("反映什么"),
    "solution_id": _("主要方案"),
    "finished": _("完工日期"),
    "number": _("编号"),
    "level": _("层面"),
    "sector": _("行业"),
    "orientations": _("转型方向"),
    "answer": _("答复"),
    "project": _("项目"),
    "before": _("改造前"),
    "after": _("改造后"),
    "use": _("什么时候用"),
    "unit": _("单位"),
}


@dataclass(frozen=True)
class Change:
    """One field of an entry: what it was and what it is. None: it was not there."""

    field: str
    before: str | None
    after: str | None

    @property
    def same(self) -> bool:
        return self.before == self.after


# What has no step in the process of its noun, and another word elsewhere.
OWN_WORDS = {
    ("brokering", "draft"): _("起草"),
    ("brokering", "add"): _("加服务商"),
    ("meeting", "draft"): _("筹备"),
    ("meeting", "add"): _("加洽谈"),
    ("meeting", "remove"): _("移出洽谈"),
    ("meeting", "plan"): _("排时间表"),
    ("first_review", "write"): _("写初审意见"),
    ("account", "export"): _("下载自己的个人信息"),
    ("pilot", "adopt"): _("启用"),
    ("letter_text", "restore"): _("恢复原文"),
    ("guide", "create"): _("起草指南"),
    ("work_item", "create"): _("新建任务"),
    ("event", "create"): _("新建活动"),
    ("event", "sum_up"): _("写活动小结"),
    ("sign_up", "create"): _("报名"),
    ("sign_up", "evaluate"): _("评价活动"),
    ("resource", "create"): _("登记资源"),
    ("talent", "create"): _("写人才信息"),
    ("talent", "ask"): _("请求牵线"),
    ("topic", "create"): _("新立课题"),
    ("performance_round", "create"): _("开展评价"),
    ("performance_round", "start"): _("开始填报"),
    ("performance_round", "fill"): _("从平台取数"),
    ("performance_round", "summarise"): _("写自评说明"),
    ("performance_round", "hand_in"): _("提交审核"),
    ("performance_round", "take_back"): _("撤回"),
    ("performance_round", "send_back"): _("退回修改"),
    ("performance_round", "issue"): _("审核通过并印发"),
    ("performance_round", "cancel"): _("取消"),
    ("performance_item", "fill"): _("从平台取数"),
    ("performance_item", "enter"): _("填写"),
    ("performance_item", "set_target"): _("改目标值"),
    ("project", "create"): _("开始申报"),
    ("project_review", "draw"): _("抽取专家"),
    ("project_review", "write_joint"): _("填写联合意见"),
    ("project_assignment", "save_draft"): _("保存评分草稿"),
    ("project_assignment", "dissent"): _("不同意联合意见"),
    ("project_objection", "raise"): _("提出异议"),
    ("agreement", "draw_up"): _("生成任务书"),
    ("project", "reserve"): _("列入储备"),
    ("project", "take_members"): _("列入群组成员"),
    ("project", "choose_guide"): _("改用另一份指南"),
    ("project", "save_basic"): _("填写基本情况"),
    ("project", "save_content"): _("填写实施方案"),
    ("project", "save_problems"): _("选择问题"),
    ("project", "save_members"): _("填写成员企业"),
    ("project", "save_suppliers"): _("填写服务商"),
    ("project", "save_indicators"): _("填写绩效指标"),
    ("project", "save_costs"): _("填写经费使用计划"),
    ("project", "save_milestones"): _("填写里程碑"),
    ("project", "measure_health"): _("评定健康状况"),
    ("evidence_finding", "find"): _("发现重复"),
    ("evidence_finding", "explain"): _("说明合理"),
    ("evidence_finding", "uphold"): _("认定重复使用"),
    ("monthly_report", "want"): _("要求报进度"),
    ("monthly_report", "mark_late"): _("记为逾期"),
    ("monthly_report", "hand_in"): _("提交月报"),
    ("monthly_report", "send_back"): _("退回补充"),
    ("milestone", "reach"): _("登记完成日期"),
    ("inspection", "plan"): _("安排检查"),
    ("inspection", "assign"): _("更换检查人员"),
    ("inspection", "save"): _("保存检查记录"),
    ("inspection_draw", "draw"): _("抽取项目"),
    ("project_warning", "warn"): _("提出警示"),
    ("rectification", "order"): _("责令整改"),
    ("rectification", "hand_in"): _("提交整改报告"),
    ("rectification", "reject"): _("整改不到位，再改"),
    ("rectification", "pass"): _("整改通过"),
    ("acceptance", "open"): _("开始填写验收材料"),
    ("acceptance", "save"): _("填写验收材料"),
    ("acceptance", "name_experts"): _("确定验收专家"),
    ("project_change", "request"): _("申请变更"),
    ("project", "change"): _("变更"),
    ("project_supplier", "end"): _("服务商退出"),
    ("project_supplier", "add"): _("服务商加入"),
    ("project_indicator", "change"): _("变更指标"),
    ("supervision_order", "issue"): _("发督办单"),
    ("supervision_order", "answer"): _("答复"),
    ("supervision_order", "close"): _("办结"),
    ("supervision_order", "send_back"): _("答复不够，退回"),
    ("supervision_order", "withdraw"): _("撤销"),
    ("supervision_order", "escalate"): _("逾期升级"),
    ("showcase", "create"): _("推荐为案例"),
    ("showcase", "change"): _("改写案例"),
    ("showcase", "consent"): _("答复是否公开"),
    ("policy_version", "create"): _("录入政策"),
    ("policy_version", "change"): _("修改政策草稿"),
    ("policy_version", "publish"): _("发布政策"),
    ("policy_version", "drop"): _("删去草稿"),
    ("policy_version", "supersede"): _("由新版代替"),
    ("policy_version", "repeal"): _("废止"),
    ("complaint", "create"): _("收到投诉建议"),
}


@cache
def _events() -> Mapping[tuple[str, str], str]:
    """Every process of the platform names its own steps: (noun, event) → word; ("", event): the first word for a step anywhere."""
    found: dict[tuple[str, str], str] = {}
    for module in pkgutil.iter_modules(marketplace.domain.__path__):
        noun = module.name.removesuffix("s")
        for value in vars(importlib.import_module(f"marketplace.domain.{module.name}")).values():
            for row in value if isinstance(value, tuple) else ():
                if isinstance(row, Transition):
                    found.setdefault((noun, row.event), row.label)
                    found.setdefault(("", row.event), row.label)
    return found


def step_labels() -> set[str]:
    """The words of all steps of all processes: data of the domain, and sentences to be translated."""
    return set(_events().values())


def noun_word(noun: str) -> str:
    return say(NOUNS[noun]) if noun in NOUNS else noun


def verb_word(verb: str, noun: str = "") -> str:
    """What was done, as the process of the noun calls it; without a noun, as it is called in general."""
    own = (OWN_WORDS.get((noun, verb)) or _events().get((noun, verb))) if noun else None
    word = own or VERBS.get(verb) or _events().get(("", verb))
    return say(word) if word else verb


def known_nouns(hidden: Collection[str]) -> list[str]:
    """What can be chosen, by its word: asking a long history which nouns occur in it would take longer than all the rest."""
    return sorted((noun for noun in NOUNS if noun not in hidden), key=noun_word)


def known_verbs() -> list[str]:
    return sorted({*VERBS, *(event for _noun, event in _events())}, key=verb_word)


def field_word(field: str) -> str:
    return say(FIELDS[field]) if field in FIELDS else field


def changes(entry: HistoryEntry) -> list[Change]:
    """The difference of an entry; fields that are the same are left out where both sides are known."""
    before, after = (dict(_flat(_in_words(entry.noun, values))) for values in (entry.before, entry.after))
    rows = [Change(field, before.get(field), after.get(field)) for field in dict.fromkeys([*before, *after])]
    return [row for row in rows if not row.same]


def _in_words(noun: str, values: Mapping[str, Any] | None) -> dict[str, Any]:
    """States and roles as the pages call them."""
    told = dict(values or {})
    if isinstance(told.get("state"), str):
        told["state"] = wording.state(noun, told["state"])[0]
    if isinstance(told.get("role"), str):
        told["role"] = wording.term("role", told["role"])
    if isinstance(told.get("roles"), list):
        told["roles"] = [wording.term("role", str(role)) for role in told["roles"]]
    return told


def _flat(values: Mapping[str, Any] | None, path: str = "") -> Iterator[tuple[str, str]]:
    """Nested values under their path, so that one changed figure is one row."""
    for name, value in (values or {}).items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", _text(value)


def _text(value: Any) -> str:
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return say("是") if value else say("否")
    if isinstance(value, list):
        return wording.sep("；").join(_text(one) for one in value)
    if isinstance(value, dict):
        return wording.sep("，").join(f"{name} {_text(one)}" for name, one in value.items()) or "–"
    return str(told_value(value))
