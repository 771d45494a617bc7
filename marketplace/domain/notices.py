"""What people are told of, and the ways in which they can be told beside the page of notices."""

from __future__ import annotations

from enum import StrEnum

from marketplace.domain.lifecycle import _


class Way(StrEnum):
    """How a notice reaches a person: a mail at once, one mail a day, a text message by the gateway, or on the page only."""

    MAIL = "mail"
    DIGEST = "digest"
    GATEWAY = "gateway"
    NONE = "none"


USUAL = Way.MAIL
# kind → what people call it. A kind that is not here is told under the last one.
KINDS: dict[str, str] = {
    "application": _("入库申报"),
    "review": _("评审"),
    "window": _("申报窗口"),
    "catalogue": _("产品目录"),
    "call": _("方案征集"),
    "saved_search": _("保存的搜索"),
    "demand": _("适合我的需求"),
    "scenario_list": _("场景清单"),
    "listing": _("推荐产品目录"),
    "brokering": _("供需对接"),
    "open_demand": _("公开需求"),
    "meeting": _("供需对接会"),
    "certificate": _("资质证照"),
    "rating": _("评价"),
    "evaluation": _("定期评估"),
    "adjustment": _("动态调整"),
    "appeal": _("申诉"),
    "project": _("项目"),
    "guide": _("申报指南"),
    "event": _("培训与活动"),
    "talent": _("人才供需"),
    "fund": _("专项资金"),
    "performance": _("绩效评价"),
    "work_item": _("工作台账"),
    "showcase": _("标杆案例"),
    "policy": _("政策库"),
    "plan": _("一企一策"),
    "diagnosis": _("评估诊断"),
    "account": _("用户账号"),
    "member": _("单位成员"),
    "site": _("平台运行"),
}
OTHER = "other"
OTHER_WORD = _("其他")


def word_of(kind: str) -> str:
    return KINDS.get(kind, OTHER_WORD)
