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
    "account": _("用户账号"),
    "adjustment": _("动态调整"),
    "appeal": _("申诉"),
    "application": _("入库申报"),
    "calendar": _("工作日历"),
    "call": _("方案征集"),
    "case": _("案例"),
    "certificate": _("证照"),
    "decision": _("决定"),
    "diagnosis": _("诊断"),
    "enterprise": _("企业"),
    "evaluation": _("考核"),
    "evaluation_result": _("定期评价结果"),
    "evaluation_round": _("定期评价"),
    "file": _("文件"),
    "history": _("历史记录"),
    "import": _("导入"),
    "invitation": _("邀请"),
    "job": _("后台任务"),
    "objection": _("异议"),
    "organisation": _("单位"),
    "outcome": _("项目结果"),
    "own_solution": _("方案草稿"),
    "problem": _("问题"),
    "product_listing": _("推荐产品"),
    "provider": _("服务商"),
    "provider_certificates": _("证照"),
    "rating": _("评价"),
    "rating_event": _("评价事件"),
    "registration": _("注册"),
    "review": _("评审"),
    "review_assignment": _("评审"),
    "review_expert": _("评审专家"),
    "scenario": _("场景"),
    "solution": _("方案"),
    "solution_call": _("方案征集"),
    "solution_version": _("方案版本"),
    "window": _("申报窗口"),
}
VERBS = {
    "add": _("登记"),
    "ask_email": _("申请更换邮箱"),
    "ask_reset": _("申请重设密码"),
    "attach": _("上传文件"),
    "change": _("修改"),
    "change_email": _("更换邮箱"),
    "change_password": _("修改密码"),
    "change_rights": _("修改权限"),
    "clear": _("解除"),
    "code_failed": _("验证码不对"),
    "compare": _("核对证照"),
    "confirm": _("确认"),
    "create_token": _("新建接口令牌"),
    "detach": _("替换文件"),
    "disable": _("停用"),
    "disable_second_factor": _("停用两步验证"),
    "enable": _("恢复"),
    "enable_second_factor": _("启用两步验证"),
    "enter": _("登记"),
    "export": _("导出"),
    "file": _("提交申诉"),
    "forget": _("清除未确认的注册"),
    "grant": _("给予身份"),
    "import": _("导入"),
    "invite": _("邀请"),
    "log_in": _("登录"),
    "log_in_failed": _("登录失败"),
    "log_out": _("退出"),
    "open": _("开通"),
    "pause_orders": _("暂不接新单"),
    "propose": _("提出"),
    "publish": _("发布"),
    "quarantine": _("隔离文件"),
    "rate": _("重新计算评价"),
    "refuse": _("不同意"),
    "register": _("注册"),
    "reject": _("不同意"),
    "renew_recovery_codes": _("换恢复码"),
    "replace": _("更正"),
    "reset_password": _("重设密码"),
    "reset_second_factor": _("取消两步验证"),
    "revoke_session": _("退出一处登录"),
    "revoke_token": _("停用接口令牌"),
    "set_score": _("改动得分"),
    "submit": _("提交"),
    "take_back": _("撤回"),
    "take_orders": _("恢复接新单"),
    "ungrant": _("收回身份"),
    "uninvite": _("撤回邀请"),
    "update": _("更新"),
    "withdraw": _("撤回"),
}
FIELDS = {
    "address": _("网络地址"),
    "areas": _("园区、街道"),
    "credit_code": _("统一社会信用代码"),
    "disabled": _("已停用"),
    "email": _("邮箱"),
    "file": _("文件"),
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
    own = _events().get((noun, verb)) if noun else None
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
