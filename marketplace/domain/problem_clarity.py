"""What a problem does not say yet: what happens, where, how much it costs, since when or how often, and what must not be touched.

A hint is no refusal: a problem may be stored without any of it. Each comes with a sentence that would say it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from marketplace.domain.lifecycle import _

_NUMBER = r"(?:\d+(?:[.,]\d+)?|[一二两三四五六七八九十百千万半几]+)"
# Something that goes wrong, as people on the floor word it.
SYMPTOM = re.compile(
    r"不|没|无法|难|慢|漏|堵|坏|停|卡|错|超|低|差|乱|丢|报废|返工|返修|缺|浪费|波动|忽高忽低|飘|偏|断|裂|积压|滞后|延误|投诉|故障|误|靠人|手工|手动|手写|手抄"
    r"|纸|翻|凭经验|重复|扯皮|等|找|堆|多|高|吵|脏|烫|伤|泄|爆|火|罚|脱落|起泡|毛刺|虚焊|立碑|磨|抖|振|老化|退货|亏|费"
)
PLACE = re.compile(
    r"车间|工段|工序|产线|生产线|流水线|线|机|泵|塔|釜|炉|罐|站|仓|库|阀|管|柜|模具|夹具|刀具|设备|装置|系统|仪表|传感器|电机|轴承|机器人|叉车|输送|车床|冲床"
    r"|注塑|压铸|焊|涂|喷|贴片|装配|总装|包装|检测|质检|质量|实验室|研发|设计|采购|供应商|销售|客户|财务|计划|排产|调度|物流|仓储|食堂|配电|锅炉|空压|污水|废气|危化|班组|现场"
    r"|工位|岗位|台账|报表|图纸|合同|订单|ERP|MES|WMS|PLM|SCADA|DCS|PLC|CNC|SMT|AGV|AOI",
    re.IGNORECASE,
)
COST = re.compile(
    rf"{_NUMBER}\s*(?:个百分点|%|％|‰|万|元|块|吨|千瓦|度|kWh|小时|分钟|秒|天|人|件|只|台|套|批|单|米|公斤|kg|ppm|倍)|百分之|一半|成本|损失|罚款",
    re.IGNORECASE,
)
OFTEN = re.compile(
    rf"(?:每|一)\s*(?:年|季|月|周|天|日|班|次|批|小时|分钟)|{_NUMBER}\s*次|去年|今年|前年|上个?月|上半年|下半年|这几年|近年|最近|自从|以来|{_NUMBER}\s*年|经常|常常|老是|总是|隔三差五|天天|偶尔"
    r"|夏天|冬天|雨季|换季|旺季|月底|夜班|\d{4}年",
)
LIMIT = re.compile(
    r"不能停|不停产|不停机|停产|检修窗口|大修|防爆|洁净|空间|场地|预算|资金|没有网|不能上网|外网|内网|保密|网络隔离|老设备|旧设备|改不了|接口|协议|兼容|只有|人手|工期|投产|之前|以内|不超过"
    r"|不允许|不许|必须|要求|资质|认证|客户要|环评|安评"
)


@dataclass(frozen=True)
class Hint:
    """One thing that was not said. `sentence`: a question; `example`: how it could be said."""

    key: str
    sentence: str
    example: str


WHAT = Hint("what", _("还看不出是什么现象：出了什么问题，平时是怎么做的？"), _("例：包装机封口不牢，返工要一包一包拆。"))
WHERE = Hint("where", _("还没说在哪里：哪个车间、哪条线、哪台设备、哪个环节？"), _("例：二车间三号包装线，封口工位。"))
HOW_MUCH = Hint(
    "how_much", _("还没说损失多少：停多久、报废多少、多花多少钱或多少人？"), _("例：每次停二十分钟，一个月少出两百箱，约三万元。")
)
HOW_OFTEN = Hint("how_often", _("还没说从什么时候开始、多久一次？"), _("例：去年换了薄膜以后开始，现在每班两三次。"))
LIMITS = Hint(
    "limits",
    _("还没说有什么限制：能不能停产、网络、场地、预算、工期？"),
    _("例：只能在七月大修的五天里装，设备不能联外网，预算三十万元以内。"),
)
SHORT = Hint(
    "short", _("只有几个字，别人很难看懂。写一两句完整的话就可以。"), _("例：二车间三号线每班停两次，每次二十分钟，封口不牢要返工。")
)
LEAST = 12
HINTS = (WHAT, WHERE, HOW_MUCH, HOW_OFTEN, LIMITS)
_CUES = {WHAT.key: SYMPTOM, WHERE.key: PLACE, HOW_MUCH.key: COST, HOW_OFTEN.key: OFTEN, LIMITS.key: LIMIT}


def hints(text: str, *, root_cause: str = "", effect: str = "", has_budget: bool = False) -> tuple[Hint, ...]:
    """What is not said, in the order in which it matters. What stands in another field of the form counts as said."""
    said = text.strip()
    if not said:
        return ()
    if len(said) < LEAST:
        return (SHORT,)
    whole = "\n".join((said, root_cause, effect))
    missing = [hint for hint in HINTS if not _CUES[hint.key].search(whole)]
    # An effect that somebody wrote down is what it costs, and a budget is a limit.
    told = {HOW_MUCH.key: bool(effect.strip()), LIMITS.key: has_budget}
    return tuple(hint for hint in missing if not told.get(hint.key, False))


def clarity(text: str, *, root_cause: str = "", effect: str = "", has_budget: bool = False) -> tuple[int, int]:
    """How many of the five things are said, out of how many."""
    missing = hints(text, root_cause=root_cause, effect=effect, has_budget=has_budget)
    count = 0 if missing == (SHORT,) or not text.strip() else len(HINTS) - len(missing)
    return count, len(HINTS)
