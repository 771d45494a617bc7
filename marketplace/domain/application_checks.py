"""What a machine can check of an application: pass, fail, or look at it yourself, each with the sentence why.

Every check is a function of the same facts; CHECKS is the list that page, action and tests walk through.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from marketplace.domain.application_answers import Answers, FileFact, ReadSection, completeness, file_kind, read_section
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.application_sections import SECTIONS, section_of
from marketplace.domain.lifecycle import Refused, _
from marketplace.domain.providers import check_local_service


class Verdict(StrEnum):
    """A failing check stops the handing in; LOOK_AT leaves the question to a person."""

    PASS = "pass"
    FAIL = "fail"
    LOOK_AT = "look_at"


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `section`: where to mend it. `for_staff`: it speaks of others, so the applicant is not told."""

    code: str
    verdict: Verdict
    message: str
    values: Mapping[str, Any] = field(default_factory=dict)
    section: str = ""
    for_staff: bool = False

    def as_json(self) -> dict[str, Any]:
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in self.values.items()}
        return {
            "code": self.code,
            "verdict": str(self.verdict),
            "message": self.message,
            "values": values,
            "section": self.section,
            "for_staff": self.for_staff,
        }


@dataclass(frozen=True)
class Shared:
    """Something that another applicant has too: what it is, and the names of the others."""

    what: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """All that the checks look at. `required`: documents of the window; the last ones come from what the platform knows already."""

    today: date
    answers: Answers
    files: Sequence[FileFact]
    required: Sequence[str]
    sectors: Sequence[str] = ()
    is_in_pool: bool = False
    reapply_from: date | None = None
    shared_files: Sequence[Shared] = ()
    shared_contacts: Sequence[Shared] = ()
    shared_experts: Sequence[Shared] = ()

    def section(self, key: str) -> ReadSection:
        return read_section(section_of(key), self.answers)

    def has_file(self, document: str, row: str = "") -> bool:
        kind = file_kind(document, row)
        return any(file.kind == kind for file in self.files)


Check = Callable[[Facts, ApplicationRules], Iterator[CheckResult]]


def _passed(code: str, message: str, section: str, **values: Any) -> CheckResult:
    return CheckResult(code, Verdict.PASS, message, values, section)


def _failed(code: str, message: str, section: str, **values: Any) -> CheckResult:
    return CheckResult(code, Verdict.FAIL, message, values, section)


def _look(code: str, message: str, section: str, *, for_staff: bool = False, **values: Any) -> CheckResult:
    return CheckResult(code, Verdict.LOOK_AT, message, values, section, for_staff)


def sections_complete(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """Every section holds what it must; documents have a check of their own."""
    lacking = []
    for section in SECTIONS:
        found = completeness(section, facts.answers, facts.files, rules, facts.required)
        if any(not missing.document for missing in found.missing):
            lacking.append(section)
            count = sum(not missing.document for missing in found.missing)
            yield _failed("incomplete", _("“{title}”还有 {count} 项没有填或填错。"), section.key, title=section.title, count=count)
    if not lacking:
        yield _passed("incomplete", _("各部分必填内容已填齐。"), "")


def documents_there(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """Proof for every document that the window requires."""
    is_whole = True
    for section in SECTIONS:
        found = completeness(section, facts.answers, facts.files, rules, facts.required)
        for missing in found.missing:
            if not missing.document:
                continue
            is_whole = False
            if missing.row:
                message = _("{row} {number} 缺少证明材料：{document}。")
                values = {"row": section.row, "number": missing.row, "document": missing.name}
            else:
                message, values = _("缺少材料：{document}。"), {"document": missing.name}
            yield CheckResult("document_missing", Verdict.FAIL, message, values, section.key)
    if is_whole:
        yield _passed("document_missing", _("要求的材料都已上传。"), "")


def months_between(earlier: date, later: date) -> int:
    """Whole months from one day to another."""
    return (later.year - earlier.year) * 12 + later.month - earlier.month - (later.day < earlier.day)


def firm_age(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """A firm must exist; a young one is for a person to look at."""
    established = facts.section("organisation").value("established")
    if established is None:
        return
    if established > facts.today:
        yield _failed("age", _("成立日期 {day} 晚于今天，请核对。"), "organisation", day=established.isoformat())
        return
    months = months_between(established, facts.today)
    if months < rules.young_months:
        yield _look(
            "age", _("成立 {months} 个月，不满 {least} 个月，请人工看经营能力。"), "organisation", months=months, least=rules.young_months
        )
    else:
        yield _passed("age", _("成立 {years} 年。"), "organisation", years=months // 12)


def wanted_years(facts: Facts, rules: ApplicationRules) -> tuple[int, ...]:
    """The years whose statements are asked for: the last ones that are over, as far as the firm existed in them."""
    last = facts.today.year - 1
    established = facts.section("organisation").value("established")
    first = established.year if established else 0
    return tuple(year for year in range(last - rules.statement_years + 1, last + 1) if year >= first)


def statements_there(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """Statements of the last two years. In the first months of a year the one before last counts too, as accounts are not yet closed."""
    found = facts.section("finance")
    given = {row["year"] for row in found.rows if row.get("year") is not None}
    wanted = wanted_years(facts, rules)
    explained = found.value("explanation") is not None
    full = len(given & set(wanted)) == len(wanted) or (
        facts.today.month <= 4 and set(range(facts.today.year - 1 - rules.statement_years, facts.today.year - 1)) <= given
    )
    young = len(wanted) < rules.statement_years
    years = tuple(str(year) for year in sorted(given, reverse=True))
    if full and (not young or explained):
        if young:
            yield _look(
                "statements", _("成立不满 {count} 年，报表不足 {count} 年，已附说明，请人工看。"), "finance", count=rules.statement_years
            )
        else:
            yield _passed("statements", _("已填 {years} 年度财务数据。"), "finance", years=years)
    elif young and full:
        message = _("成立不满 {count} 年可以少交报表，但要在“说明”里写明情况。")
        yield _failed("statements", message, "finance", count=rules.statement_years)
    elif not full and explained and given:
        missing = tuple(str(year) for year in wanted if year not in given)
        yield _look("statements", _("缺少 {years} 年度财务数据，已附说明，请人工看。"), "finance", years=missing)
    else:
        missing = tuple(str(year) for year in wanted if year not in given)
        yield _failed("statements", _("缺少 {years} 年度财务数据。确实没有的，请在“说明”里写明。"), "finance", years=missing)


def debt_ratio(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """Debts by assets of the latest year."""
    rows = [row for row in facts.section("finance").rows if row.get("year") and row.get("assets") and row.get("debts") is not None]
    if not rows:
        return
    latest = max(rows, key=lambda row: row["year"])
    ratio = latest["debts"] / latest["assets"]
    values = {"year": latest["year"], "percent": round(100 * ratio)}
    if ratio > rules.debt_ratio_fail:
        yield CheckResult(
            "debt", Verdict.FAIL, _("{year} 年负债超过资产（资产负债率 {percent} %），不符合经营状况良好的条件。"), values, "finance"
        )
    elif ratio > rules.debt_ratio_look:
        limit = round(100 * rules.debt_ratio_look)
        message = _("{year} 年资产负债率 {percent} %，高于 {limit} %，请人工看。")
        yield CheckResult("debt", Verdict.LOOK_AT, message, {**values, "limit": limit}, "finance")
    else:
        yield CheckResult("debt", Verdict.PASS, _("{year} 年资产负债率 {percent} %。"), values, "finance")


def losses(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """A loss in every year given is for a person to look at."""
    profits = [row["profit"] for row in facts.section("finance").rows if row.get("profit") is not None]
    if profits and max(profits) < 0:
        yield _look("losses", _("所填各年度都是亏损，请人工看经营状况。"), "finance")


def licence_dates(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """The licence has begun and has not run out; one that soon does is for a person to look at."""
    found = facts.section("licence")
    begins, ends = found.value("valid_from"), found.value("valid_until")
    if begins is None:
        return
    if begins > facts.today:
        yield _failed("licence", _("营业期限自 {day} 起，还没有开始，请核对。"), "licence", day=begins.isoformat())
    elif ends is not None and ends < begins:
        yield _failed("licence", _("营业期限止日早于起日，请对调或修改。"), "licence")
    elif ends is not None and ends < facts.today:
        yield _failed("licence", _("营业执照已于 {day} 到期。"), "licence", day=ends.isoformat())
    elif ends is not None and ends <= facts.today + timedelta(days=rules.licence_soon_days):
        yield _look("licence", _("营业执照将于 {day} 到期，请人工看是否续期。"), "licence", day=ends.isoformat())
    else:
        yield _passed("licence", _("营业执照在有效期内。"), "licence")


def local_service(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """A local team or office, or a signed commitment; neither fails."""
    found = facts.section("local")
    mode = found.value("mode")
    if mode is None:
        return
    has_office, commits = mode == "office", mode == "commitment"
    refused = check_local_service(local_office=has_office, local_commitment=commits)
    if refused is not None:
        yield CheckResult("local", Verdict.FAIL, refused.message, refused.values, "local")
    elif commits and not facts.has_file("local_commitment"):
        yield _failed("local", _("选了签署《本地化服务承诺》，还没有上传签署的承诺书。"), "local")
    elif commits and (found.value("onsite_hours") or 0) > rules.onsite_hours_look:
        message = _("承诺的到场响应为 {hours} 小时，长于 {limit} 小时，请人工看。")
        yield _look("local", message, "local", hours=_plain(found.value("onsite_hours")), limit=_plain(rules.onsite_hours_look))
    elif commits:
        yield _passed("local", _("已签署《本地化服务承诺》。"), "local")
    else:
        yield _passed("local", _("在本地有团队或办公场地。"), "local")


def _plain(hours: float) -> str:
    return f"{hours:g}"


def cases_proved(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """A case without proof is for a person to look at, where the window does not require the proof anyway."""
    rows = facts.section("cases").rows
    for number, row in enumerate(rows, 1):
        started, finished = row.get("started"), row.get("finished")
        if started and finished and finished < started:
            yield _failed("case_dates", _("案例 {number} 的完成日期早于开始日期，请对调或修改。"), "cases", number=number)
        elif finished and finished > facts.today:
            yield _look("case_dates", _("案例 {number} 还没有完成（{day}），请人工看。"), "cases", number=number, day=finished.isoformat())
        if "case_proof" not in facts.required and not facts.has_file("case_proof", row["key"]):
            yield _look("case_proof", _("案例 {number} 没有证明材料。"), "cases", number=number)


def sectors_covered(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """The products are for at least one of the sectors that the window calls for."""
    offered = {sector for row in facts.section("products").rows for sector in row.get("sectors") or ()}
    if not offered or not facts.sectors:
        return
    if offered & set(facts.sectors):
        yield _passed("sectors", _("产品或服务覆盖了本批面向的行业。"), "products")
    else:
        yield _failed("sectors", _("所填产品或服务都不适用于本批面向的行业。"), "products")


def may_apply(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """Whoever is in the pool needs no application; whoever was retired waits for the day that the decision named."""
    if facts.is_in_pool:
        yield _failed("in_pool", _("贵单位已在资源池内，不需要再次申报。新增产品或方案请在产品目录里提交。"), "")
    elif facts.reapply_from is not None and facts.today < facts.reapply_from:
        yield _failed("reapply", _("贵单位退出资源池后，{day} 起才能再次申报。"), "", day=facts.reapply_from.isoformat())


def nothing_shared(facts: Facts, rules: ApplicationRules) -> Iterator[CheckResult]:
    """The same file, telephone, mail or expert with two applicants: a person looks whether they are one."""
    for shared in facts.shared_files:
        message = _("文件“{what}”与其他申报单位的相同：{others}。")
        yield _look("shared_file", message, "", for_staff=True, what=shared.what, others=shared.others)
    for shared in facts.shared_contacts:
        message = _("联系方式 {what} 与其他申报单位的相同：{others}。")
        yield _look("shared_contact", message, "organisation", for_staff=True, what=shared.what, others=shared.others)
    for shared in facts.shared_experts:
        message = _("专家“{what}”同时列在其他申报单位：{others}。")
        yield _look("shared_expert", message, "experts", for_staff=True, what=shared.what, others=shared.others)


CHECKS: tuple[Check, ...] = (
    may_apply,
    sections_complete,
    documents_there,
    firm_age,
    statements_there,
    debt_ratio,
    losses,
    licence_dates,
    local_service,
    cases_proved,
    sectors_covered,
    nothing_shared,
)
_ORDER = (Verdict.FAIL, Verdict.LOOK_AT, Verdict.PASS)


def check_application(facts: Facts, rules: ApplicationRules) -> tuple[CheckResult, ...]:
    """All results, what fails first."""
    results = [result for check in CHECKS for result in check(facts, rules)]
    return tuple(sorted(results, key=lambda result: _ORDER.index(result.verdict)))


def failures(results: Sequence[CheckResult]) -> tuple[Refused, ...]:
    """What stops the handing in."""
    return tuple(Refused(result.code, result.message, result.values) for result in results if result.verdict == Verdict.FAIL)
