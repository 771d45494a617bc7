"""What rules and steps write into the record by themselves, in Chinese: forms with names for what differs.

A page in another language reads a sentence back by its form. A form that holds another one comes before it.
"""

from __future__ import annotations

from marketplace.domain.lifecycle import _

CONDUCT = _("有严重失范行为：{act}")
FAILED_TWICE = _("评价连续两次不合格（{before}、{last}）。")
FAILED_ONCE = _("{round}评价不合格。")
BELOW_RETIRING = _("{told}，低于淘汰线 {line}。")
STILL_BELOW = _("{since} 起警示，已满 {months} 个月；{told}，仍低于警示线 {line}。")
RECOVERED = _("{since} 起警示，已满 {months} 个月；{told}，已不低于警示线 {line}。")
BELOW_WARNING = _("{told}，低于警示线 {line}。")
SCORE = _("评价分 {value}（区间 {low}–{high}，{projects} 个项目，{on}）")
WARNED = _("{since} 起警示")
OVERDUE = _("整改期限 {until} 已过，没有通过验收。")
SUSPENDED_LONG = _("{since} 起暂停，已满 {months} 个月，没有恢复。")
SUSPENDED = _("{since} 起暂停")
IDLE = _("最近一次服务记录在 {last}，已满 {months} 个月没有服务。")
LAST_SERVICE = _("最近一次服务记录 {last}")
EXPIRED = _("{name}已于 {day} 到期，没有更新。")
NOT_RECTIFIED = _("{number} 整改未通过：{reason}")
NOT_HANDED_IN = _("{number} 逾期未改：{reason}")
FAILED_RECTIFICATION = _("整改未通过：{number}")
DECIDED = _("{number} 已作出决定，这一项不再需要。")
REVOKED = _("{number} 已撤销，这一项不再需要。")
STAYED = _("{number} 申诉期间暂停执行：{reason}")
UPHELD = _("{number} 申诉成立：{reason}")
HOLDS_AFTER_DISMISSAL = _("{number} 申诉不成立，恢复执行")
HOLDS_AFTER_WITHDRAWAL = _("{number} 申诉已撤回，恢复执行")
FOLLOWS = _("{number}：{reason}")

SENTENCES = (
    CONDUCT,
    FAILED_TWICE,
    FAILED_ONCE,
    STILL_BELOW,
    RECOVERED,
    BELOW_RETIRING,
    BELOW_WARNING,
    SCORE,
    WARNED,
    OVERDUE,
    SUSPENDED_LONG,
    SUSPENDED,
    IDLE,
    LAST_SERVICE,
    EXPIRED,
    NOT_RECTIFIED,
    NOT_HANDED_IN,
    FAILED_RECTIFICATION,
    DECIDED,
    REVOKED,
    STAYED,
    UPHELD,
    HOLDS_AFTER_DISMISSAL,
    HOLDS_AFTER_WITHDRAWAL,
    FOLLOWS,
)
