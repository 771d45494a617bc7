"""What the projects of the demonstration set are about: needs of the sectors, each told of one project only."""

from __future__ import annotations

from typing import NamedTuple


class Need(NamedTuple):
    """Title, what is done, the indicator (name, unit, direction, before, target), and the pilot's orientations that it serves."""

    title: str
    content: str
    indicator: tuple[str, str, str, float, float]
    orientations: tuple[str, ...] = ("intelligent",)


_GREEN, _GREEN_TOGETHER = ("green",), ("green", "integrated")
_HIGH, _TOGETHER, _SAFE = ("advanced", "intelligent"), ("intelligent", "integrated"), ("safe", "intelligent")
# In 万元, by the place of a project in its batch.
TOTALS = (520, 360, 280, 410, 160, 240, 120, 330)
# The earlier batch, by place: those at 4, 5, 7 and 8 are accepted, and are told as good examples by their titles.
EARLY: tuple[Need, ...] = (
    Need("焊装夹具快换", "夹具标准化，加定位销快换机构，切换动作由机器人完成。", ("换型时间", "分钟", "down", 38, 12)),
    Need("间歇釜批次控制", "投料、升温、保温按配方自动执行，批记录自动生成。", ("批间差", "%", "down", 6.5, 2.5)),
    Need("离心机自动卸料", "换刮刀自动卸料离心机，氮气保护和下料联锁。", ("单批卸料时间", "分钟", "down", 45, 15)),
    Need(
        "空压站联控改造",
        "六台空压机联控，按需供气，泄漏在线监测，峰谷排程。",
        ("综合能耗", "吨标煤/万元", "down", 0.42, 0.35),
        _GREEN_TOGETHER,
    ),
    Need("循环水自动加药", "在线监测水质，自动加药和排污，结垢提前提醒。", ("结垢停机", "次/年", "down", 2, 0), _GREEN),
    Need("排产和齐套管理", "把计划、物料和设备状态接在一起，插单自动重排。", ("准交率", "%", "up", 84, 95), _TOGETHER),
    Need("危化品库自动监测", "防爆温湿度和气体监测，联动排风，记录自动留存。", ("人工抄表", "次/天", "down", 12, 1), _SAFE),
    Need("机加产线数采", "六十台机床联网，刀具寿命和停机原因自动记。", ("设备综合效率", "%", "up", 61, 74)),
    Need("涂装三号炉改造", "换高效燃烧器，加余热换热器，炉温和排烟联锁。", ("单车天然气", "立方米/台", "down", 28.4, 22.0), _GREEN),
)
_CHEM = (
    Need("聚合釜温度先进控制", "加先进控制器，夹套温度和加料速度一起调。", ("批间温差", "℃", "down", 4.5, 1.5), _HIGH),
    Need("罐区物料平衡", "换雷达液位计，收付料自动计量，每班出一张平衡表。", ("物料损耗", "%", "down", 1.8, 0.9)),
    Need("换热网络优化", "按夹点分析改管线，加两台板式换热器。", ("蒸汽单耗", "吨/吨", "down", 1.62, 1.38), _GREEN),
    Need("包装码垛自动线", "自动套袋、称重、复检和码垛，重量数据进追溯。", ("包装用工", "人/班", "down", 14, 5)),
    Need("在线近红外质检", "三个取样点装近红外探头，模型每月校一次。", ("化验滞后", "小时", "down", 6, 0.5)),
    Need("机泵振动监测", "四十台关键机泵装无线振动和温度，提前两周预警。", ("非计划停机", "次/年", "down", 9, 3)),
    Need("特殊作业电子票", "气体检测、视频和人员定位绑定作业票，超时自动提醒。", ("办票时间", "分钟/张", "down", 55, 20), _SAFE),
    Need("泄漏云图监测", "罐区和装车台装红外云台，泄漏自动定位并联动喷淋。", ("发现泄漏用时", "分钟", "down", 30, 3), _SAFE),
    Need("废水站自动加药", "在线测 COD 和氨氮，按负荷自动加药。", ("药剂单耗", "公斤/吨", "down", 1.9, 1.4), _GREEN),
    Need("蒸汽系统联控", "分级计量，减温减压联控，疏水器在线监测。", ("综合能耗", "吨标煤/万元", "down", 0.47, 0.4), _GREEN_TOGETHER),
    Need("实验室信息管理", "取样、化验、报告全程条码，仪器数据自动采集。", ("报告出具时间", "小时", "down", 24, 4), _TOGETHER),
    Need("原料自动投配", "小料自动称量和投料，扫码防错。", ("投料误差", "‰", "down", 8, 2)),
    Need("装置报警治理", "报警分级和抑制，操作画面重做。", ("每小时报警", "条", "down", 42, 9)),
    Need("精馏塔节能", "换高效塔盘，塔顶热量回收，回流比自动优化。", ("回流比", "倍", "down", 3.2, 2.6), _GREEN),
)
_AUTO = (
    Need("冲压线快速换模", "模具标准化，加快速夹紧和移模台车，换模动作排成标准作业。", ("换模时间", "分钟", "down", 40, 14), _HIGH),
    Need("外观缺陷视觉检测", "三个工位上视觉检测，划伤和缺料自动判，结果进质量追溯。", ("漏检率", "‰", "down", 3.1, 0.8), _HIGH),
    Need("焊点质量在线评价", "采集每个焊点的电流电压曲线，模型判虚焊。", ("破检比例", "%", "down", 12, 4)),
    Need("总装拧紧防错", "拧紧枪联网，扫码调程序，不合格不放行。", ("返修率", "‰", "down", 6.2, 2)),
    Need("涂胶视觉检测", "涂胶后三维扫描，断胶和偏位当场补。", ("漏胶", "件/月", "down", 18, 3)),
    Need("线边物料无人配送", "按节拍配送料架，缺料前半小时预警。", ("缺料停线", "分钟/班", "down", 26, 6), _TOGETHER),
    Need("白车身在线测量", "焊装线末加机器人测量，尺寸波动当班看得到。", ("尺寸合格率", "%", "up", 91.5, 97), _HIGH),
    Need("烘房热风循环改造", "分区控温，热风循环利用，排烟预热新风。", ("单车天然气", "立方米/台", "down", 26.8, 21.5), _GREEN),
)
_ELEC = (
    Need("贴片线首件自动检测", "首件扫描比对，程序和料站自动核对，换线不再人工逐点量。", ("首件用时", "分钟", "down", 48, 12)),
    Need("锡膏印刷闭环控制", "印后三维检测，数据回给印刷机自动补偿。", ("直通率", "%", "up", 93.5, 98), _HIGH),
    Need("光学检测误报复判", "用模型复判误报，人工只看存疑的。", ("误报率", "%", "down", 21, 6)),
    Need("老化房节能改造", "老化电源能量回馈，分区控温。", ("老化用电", "千瓦时/千件", "down", 310, 190), _GREEN),
    Need("物料智能仓", "电子料智能货架，按工单备料，先进先出自动把关。", ("备料用时", "分钟/单", "down", 90, 25), _TOGETHER),
    Need("静电和温湿度联网", "工位静电、温湿度在线监测，超限停线提醒。", ("静电损坏", "件/月", "down", 14, 3), _SAFE),
    Need("测试数据追溯", "测试机联网，数据按序列号存，客户要时当天给。", ("追溯用时", "小时", "down", 20, 0.5), _TOGETHER),
    Need("注塑机群监控", "机台联网，温度压力曲线异常提前报警。", ("不良", "‰", "down", 11, 4)),
)
_OF: dict[str, tuple[Need, ...]] = {"chem": _CHEM, "auto": _AUTO, "elec": _ELEC}


def next_need(sector: str, told: list[str]) -> Need:
    """The next need of a sector that no project was told of yet; `told` remembers it. Once all are told, they have a second phase."""
    needs = _OF.get(sector, _CHEM)
    found = next((need for need in needs if need.title not in told), None)
    if found is None:
        number = sum(title.endswith("（二期）") for title in told)
        first = needs[number % len(needs)]
        found = first._replace(title=f"{first.title}（二期）")
    told.append(found.title)
    return found
