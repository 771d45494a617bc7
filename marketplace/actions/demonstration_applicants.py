"""What the example organisations of the demonstration set say of themselves.

Nothing here is real: names end in （示例）, codes begin with a region that does not exist, files say that they are examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from marketplace.domain.credit_code import check_character


@dataclass(frozen=True)
class Unit:
    """What an example organisation says of itself; money in 万元."""

    name: str
    region: str
    founded: int
    staff: int
    sector: str
    product: str
    case: str
    effect: str
    revenue: int
    office: bool = True


UNITS: tuple[Unit, ...] = (
    Unit(
        "天津渤帆数控科技有限公司（示例）",
        "天津市",
        2016,
        86,
        "auto",
        "机床联网与刀具寿命管理",
        "缸体线刀具管理改造",
        "换刀停机每班 46 → 21 分钟",
        4200,
    ),
    Unit(
        "天津海岳过程控制有限公司（示例）",
        "天津市",
        2012,
        140,
        "chem",
        "反应釜先进控制",
        "聚合装置先进控制改造",
        "蒸汽单耗 1.32 → 1.18 吨/吨",
        7600,
    ),
    Unit(
        "北京云砧工业软件有限公司（示例）",
        "北京市",
        2014,
        320,
        "elec",
        "贴片车间制造执行",
        "贴片线制造执行系统",
        "换线时间 55 → 32 分钟",
        15800,
        False,
    ),
    Unit(
        "沈阳筑轮机器人有限公司（示例）",
        "辽宁省沈阳市",
        2010,
        260,
        "auto",
        "焊装机器人工作站",
        "侧围焊装工作站",
        "节拍 72 → 58 秒",
        11200,
        False,
    ),
    Unit(
        "天津澄观视觉技术有限公司（示例）", "天津市", 2018, 64, "elec", "外观缺陷视觉检测", "电容外观检测改造", "漏检率 0.9 % → 0.1 %", 2900
    ),
    Unit(
        "济南润阀智能仪表有限公司（示例）",
        "山东省济南市",
        2009,
        175,
        "chem",
        "阀门在线诊断",
        "罐区阀门诊断",
        "非计划停车每年 7 → 2 次",
        6100,
        False,
    ),
    Unit("天津启程供应链科技有限公司（示例）", "天津市", 2017, 52, "auto", "厂内物流调度", "总装物料配送改造", "配送人员 26 → 8 人", 2300),
    Unit(
        "苏州晶序自动化有限公司（示例）",
        "江苏省苏州市",
        2013,
        210,
        "elec",
        "晶圆搬运自动化",
        "封装线搬运自动化",
        "搬运等待 18 → 6 分钟",
        9800,
        False,
    ),
    Unit(
        "天津安域工控安全有限公司（示例）",
        "天津市",
        2019,
        47,
        "chem",
        "工控网络安全监测",
        "化工园区工控安全",
        "告警定位 120 → 15 分钟",
        1900,
    ),
    Unit(
        "上海衡能能源科技有限公司（示例）", "上海市", 2011, 190, "chem", "能源优化调度", "公用工程能源优化", "综合能耗下降 6 %", 8800, False
    ),
    Unit("天津元象仿真技术有限公司（示例）", "天津市", 2020, 38, "auto", "产线仿真与虚拟调试", "涂装线虚拟调试", "现场调试 9 → 4 周", 1600),
    Unit(
        "武汉质谱检测装备有限公司（示例）",
        "湖北省武汉市",
        2008,
        230,
        "chem",
        "在线质量分析",
        "染料在线分析",
        "检测周期 240 → 12 分钟",
        9400,
        False,
    ),
    Unit(
        "天津和铭数据服务有限公司（示例）",
        "天津市",
        2015,
        75,
        "elec",
        "设备数据采集",
        "元件厂设备采集",
        "数据人工录入每日 6 → 0.5 小时",
        3100,
    ),
    Unit(
        "青岛泊能装备有限公司（示例）",
        "山东省青岛市",
        2016,
        98,
        "auto",
        "冲压线状态监测",
        "冲压线监测改造",
        "停机每月 31 → 12 小时",
        4600,
        False,
    ),
    Unit(
        "天津泊能技术服务有限公司（示例）", "天津市", 2025, 9, "auto", "冲压线状态监测服务", "冲压线监测服务", "停机每月 31 → 12 小时", 260
    ),
    Unit("天津拾遗信息技术有限公司（示例）", "天津市", 2018, 33, "elec", "仓储条码管理", "仓储条码改造", "盘点 3 天 → 4 小时", 1200),
)


def code_of(place: int) -> str:
    """A credit code that checks, of a region that does not exist."""
    first = f"919900{place + 1:02}MADEM0{place + 1:02}X"[:17].ljust(17, "0").replace("O", "0")
    return first + check_character(first)


def answers_of(place: int, moment: datetime) -> dict[str, Any]:
    """A whole application of an example organisation; the last two but one share telephone and expert."""
    unit, year = UNITS[place], moment.year
    shared = 13 if place == 14 else place
    local = (
        {"mode": "office", "address": f"滨海新区示例路 {place + 1} 号", "local_staff": str(max(3, unit.staff // 8))}
        if unit.office
        else {
            "mode": "commitment",
            "heads": "5",
            "remote_hours": "2",
            "onsite_hours": "24",
            "stay": "yes",
            "named_contact": "程某 022-66110000",
        }
    )
    finance = [
        {
            "key": str(number),
            "year": str(year - number),
            "revenue": str(round(unit.revenue * (1.1 - 0.1 * number))),
            "profit": str(round(unit.revenue * 0.08)),
            "assets": str(round(unit.revenue * 0.9)),
            "debts": str(round(unit.revenue * (0.68 if place == 5 else 0.36))),
        }
        for number in (1, 2)
        if year - number >= unit.founded
    ]
    young = len(finance) < 2
    return {
        "organisation": {
            "fields": {
                "kind": "software" if place % 2 else "service_manufacturing",
                "region": unit.region,
                "established": f"{unit.founded}-03-18",
                "staff": str(unit.staff),
                "legal_person": "程某",
                "contact": "许某",
                "phone": f"022-6611{shared:04}",
                "email": f"contact{place:02}@example.com",
                "summary": f"主营{unit.product}，有稳定的技术团队，面向化工、汽车、电子三个行业提供服务。",
            }
        },
        "licence": {
            "fields": {"scope": f"{unit.product}的技术开发、技术服务；设备销售。", "capital": "1000", "valid_from": f"{unit.founded}-03-18"}
        },
        "finance": {"fields": {"explanation": f"{unit.founded} 年成立，只有一个完整年度。"} if young else {}, "rows": finance},
        "qualifications": {
            "fields": {},
            "rows": [
                {
                    "key": "1",
                    "kind": "qualification",
                    "name": "质量管理体系认证",
                    "issuer": "示例认证中心",
                    "valid_until": f"{year + 1}-12-31",
                }
            ],
        },
        "cases": {
            "fields": {},
            "rows": [
                {
                    "key": "1",
                    "title": unit.case,
                    "sector": unit.sector,
                    "started": f"{year - 1}-02-10",
                    "finished": f"{year - 1}-09-30",
                    "cost": str(60 + 15 * place),
                    "course": "现场调研两周，方案评审后分两期实施，试运行一个月后验收。",
                    "effect": unit.effect,
                }
            ],
        },
        "experts": {
            "fields": {},
            "rows": [
                {
                    "key": "1",
                    "name": f"示例专家{shared + 1}",
                    "id_tail": f"{1000 + shared}",
                    "title": "高级工程师",
                    "years": "14",
                    "expertise": unit.product,
                    "cv": "长期从事现场改造，主持过十余个项目。",
                }
            ],
        },
        "local": {"fields": local},
        "products": {
            "fields": {},
            "rows": [
                {
                    "key": "1",
                    "name": unit.product,
                    "form": "solution",
                    "sectors": [unit.sector],
                    "description": f"针对{unit.case}一类的需求，从调研、实施到运维。",
                }
            ],
        },
        "others": {"fields": {"promise": "yes"}},
    }


def paper(text: str) -> bytes:
    """A page that says it is an example; `text` makes each one a file of its own."""
    stream = b"BT /F1 14 Tf 60 780 Td (Example document of the demonstration set) Tj 0 -24 Td (" + text.encode("ascii") + b") Tj ET"
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 5 0 R>>>>/Contents 4 0 R>>",
        b"<</Length %d>>stream\n" % len(stream) + stream + b"\nendstream",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj" % number + body + b"endobj\n"
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + table + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(out)
