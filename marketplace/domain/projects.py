"""A project: three classes, each with a table of its own; the central one goes through ten steps (试点工作方案 三（五）)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _


class ProjectClass(StrEnum):
    """① central money, ② the city's fund for high-quality manufacturing, ③ other projects that support the pilot."""

    CENTRAL = "central"
    MUNICIPAL = "municipal"
    OTHER = "other"


class ProjectState(StrEnum):
    """In the order of the steps; the last four end a project."""

    RESERVE = "reserve"
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    RECOMMENDED = "recommended"
    REVIEWING = "reviewing"
    RANKED = "ranked"
    CITY_DECIDING = "city_deciding"
    SHOWN = "shown"
    APPROVED = "approved"
    AGREED = "agreed"
    IMPLEMENTING = "implementing"
    RECTIFYING = "rectifying"
    FORMAL_REVIEW = "formal_review"
    ACCEPTING = "accepting"
    DECIDING = "deciding"
    REWORKING = "reworking"
    PASSED = "passed"
    FINISHED = "finished"
    NOT_SELECTED = "not_selected"
    WITHDRAWN = "withdrawn"
    TERMINATED = "terminated"


_S = ProjectState
ENDED = frozenset({_S.FINISHED, _S.NOT_SELECTED, _S.WITHDRAWN, _S.TERMINATED})
# Being filled in: only the enterprise and the centre see what is typed.
EDITABLE = frozenset({_S.RESERVE, _S.DRAFT, _S.RETURNED})
# Work goes on, and with it reports, evidence, inspections and changes.
UNDER_WAY = frozenset({_S.IMPLEMENTING, _S.RECTIFYING, _S.FORMAL_REVIEW, _S.ACCEPTING, _S.DECIDING, _S.REWORKING})
# Money is, or will be, paid for it.
FUNDED = UNDER_WAY | {_S.PASSED, _S.FINISHED}


@dataclass(frozen=True)
class Standing:
    """What the guards look at. Each flag is computed from the records of its step; a row is absent as long as it is false.

    `faults`: what a submission still lacks. `window_open`: the guide takes submissions at this moment.
    """

    project_class: ProjectClass = ProjectClass.CENTRAL
    faults: int = 0
    window_open: bool = True
    closes: date | None = None
    first_review: str = ""
    experts: int = 0
    scores_missing: int = 0
    joint_written: bool = False
    amount_fen: int | None = None
    notice_until: date | None = None
    objections_open: int = 0
    today: date | None = None
    agreement_scans: int = 0
    applicant_signed: bool = False
    funding_plan: bool = False
    minutes: str = ""
    city_decision: str = ""
    acceptance_missing: int = 0
    formal_review: str = ""
    acceptance_report: str = ""
    effect_measured: bool = False
    rectified: bool = False
    rectification_reported: bool = False
    paid_fen: int = 0
    due_fen: int = 0
    recover_fen: int = 0
    extra: Mapping[str, object] = field(default_factory=dict)


def may_be_submitted(subject: Standing) -> Refused | None:
    if not subject.window_open:
        closed = subject.closes.isoformat() if subject.closes else ""
        return Refused("guide_closed", _("申报已于 {closes} 24:00 截止。草稿仍保存着，可以在下一次申报时使用。"), {"closes": closed})
    if subject.faults:
        return Refused("incomplete", _("申报材料还有 {count} 处要补，补齐后再提交。"), {"count": subject.faults})
    return None


def may_be_resubmitted(subject: Standing) -> Refused | None:
    """What was sent back may be handed in after the window closed: the term of the correction holds instead."""
    return Refused("incomplete", _("申报材料还有 {count} 处要补，补齐后再提交。"), {"count": subject.faults}) if subject.faults else None


def recommended(subject: Standing) -> Refused | None:
    return None if subject.first_review == "recommend" else Refused("no_first_review", _("初审意见还没有写。"))


def not_recommended(subject: Standing) -> Refused | None:
    return None if subject.first_review == "refuse" else Refused("no_first_review", _("初审意见还没有写。"))


def experts_drawn(subject: Standing) -> Refused | None:
    return None if subject.experts else Refused("no_experts", _("还没有抽取评审专家。"))


def scored(subject: Standing) -> Refused | None:
    if subject.scores_missing:
        return Refused("scores_missing", _("还有 {count} 名专家没有评分。"), {"count": subject.scores_missing})
    return None if subject.joint_written else Refused("no_joint_opinion", _("联合意见还没有写，写好后再确认。"))


def amount_set(subject: Standing) -> Refused | None:
    return None if subject.amount_fen is not None and subject.amount_fen > 0 else Refused("no_amount", _("支持金额还没有定。"))


def notice_over(subject: Standing) -> Refused | None:
    if subject.notice_until is None or (subject.today is not None and subject.today <= subject.notice_until):
        until = subject.notice_until.isoformat() if subject.notice_until else ""
        return Refused("notice_runs", _("公示到 {until} 为止，期满后再认定。"), {"until": until})
    if subject.objections_open:
        return Refused("objections_open", _("还有 {count} 条异议没有答复。"), {"count": subject.objections_open})
    return None


def agreement_signed(subject: Standing) -> Refused | None:
    return None if subject.agreement_scans >= 2 else Refused("not_signed", _("任务书要双方盖章的扫描件都上传后才能确认。"))


def funding_planned(subject: Standing) -> Refused | None:
    if not subject.minutes.strip():
        return Refused("no_minutes", _("请写明党组会的会议纪要文号。"))
    return None if subject.funding_plan else Refused("no_funding_plan", _("资金计划还没有编。"))


def city_said_yes(subject: Standing) -> Refused | None:
    return None if subject.city_decision == "approved" else Refused("no_city_decision", _("还没有登记市级的决定。"))


def city_said_no(subject: Standing) -> Refused | None:
    return None if subject.city_decision == "refused" else Refused("no_city_decision", _("还没有登记市级的决定。"))


def acceptance_complete(subject: Standing) -> Refused | None:
    if subject.acceptance_missing:
        return Refused("acceptance_incomplete", _("验收材料还缺 {count} 项，补齐后再申请。"), {"count": subject.acceptance_missing})
    return None


def form_passed(subject: Standing) -> Refused | None:
    return None if subject.formal_review == "pass" else Refused("no_formal_review", _("形式审查的三项结论还没有写全。"))


def form_failed(subject: Standing) -> Refused | None:
    return None if subject.formal_review == "return" else Refused("no_formal_review", _("请写明哪一项不完整、不真实或者无效。"))


def acceptance_reported(subject: Standing) -> Refused | None:
    if not subject.effect_measured:
        return Refused("effect_not_measured", _("成效还没有逐项测评。"))
    return None if subject.acceptance_report else Refused("no_acceptance_report", _("验收报告还没有写。"))


def report_says_pass(subject: Standing) -> Refused | None:
    return None if subject.acceptance_report == "pass" else Refused("report_says_no", _("验收报告的结论不是通过，不能审定为通过。"))


def all_paid(subject: Standing) -> Refused | None:
    if subject.recover_fen:
        return Refused("to_be_recovered", _("还有要追回的资金没有收回。"))
    if subject.paid_fen < subject.due_fen:
        return Refused("not_all_paid", _("还有资金没有拨付，不能办结。"))
    return None


def nothing_to_recover(subject: Standing) -> Refused | None:
    """A project that ends early has what was paid for it named as to be recovered first."""
    if subject.paid_fen and not subject.recover_fen:
        return Refused("recover_first", _("已经拨付的资金还没有登记追回。"))
    return None


_ENTERPRISE = (Role.ENTERPRISE,)
_AREA = (Role.AREA, Role.ADMIN)
_MANAGER = (Role.MANAGER, Role.ADMIN)
_BUREAU = (Role.BUREAU, Role.ADMIN)
_BEFORE = (_S.RESERVE, _S.DRAFT, _S.SUBMITTED, _S.RETURNED, _S.RECOMMENDED)
_WORKING = (_S.IMPLEMENTING, _S.RECTIFYING, _S.REWORKING)

# The rows that every class shares: from the reserve to the recommendation of the park or street.
_APPLY: Table = (
    Transition((_S.RESERVE,), "apply", _S.DRAFT, _ENTERPRISE, "按指南申报"),
    Transition((_S.DRAFT,), "submit", _S.SUBMITTED, _ENTERPRISE, "提交申报", may_be_submitted),
    Transition((_S.RETURNED,), "resubmit", _S.SUBMITTED, _ENTERPRISE, "补正后提交", may_be_resubmitted),
    Transition((_S.SUBMITTED,), "send_back", _S.RETURNED, _AREA, "退回补正"),
    Transition((_S.SUBMITTED,), "recommend", _S.RECOMMENDED, _AREA, "推荐", recommended),
    Transition((_S.SUBMITTED,), "refuse", _S.NOT_SELECTED, _AREA, "不予推荐", not_recommended),
    Transition(_BEFORE, "withdraw", _S.WITHDRAWN, _ENTERPRISE, "撤回"),
)

# Work and acceptance, the same for classes ① and ②.
_WORK: Table = (
    Transition((_S.IMPLEMENTING,), "order_rectification", _S.RECTIFYING, _BUREAU, "责令限期整改"),
    Transition((_S.RECTIFYING,), "rectified", _S.IMPLEMENTING, _BUREAU, "整改通过"),
    Transition((_S.IMPLEMENTING,), "request_acceptance", _S.FORMAL_REVIEW, _ENTERPRISE, "申请验收", acceptance_complete),
    Transition((_S.REWORKING,), "request_again", _S.FORMAL_REVIEW, _ENTERPRISE, "整改后再申请验收", acceptance_complete),
    Transition((_S.FORMAL_REVIEW,), "return_form", _S.IMPLEMENTING, _AREA, "退回验收材料", form_failed),
    Transition((_S.FORMAL_REVIEW,), "pass_form", _S.ACCEPTING, _AREA, "形式审查通过", form_passed),
    Transition((_S.ACCEPTING,), "report_acceptance", _S.DECIDING, _MANAGER, "提交验收报告", acceptance_reported),
    Transition((_S.DECIDING,), "fail", _S.REWORKING, _BUREAU, "审定不通过，限期整改"),
    Transition((*_WORKING, _S.DECIDING), "terminate", _S.TERMINATED, _BUREAU, "终止项目", nothing_to_recover),
)

CENTRAL: Table = (
    *_APPLY,
    Transition((_S.RECOMMENDED,), "review", _S.REVIEWING, _MANAGER, "组织评审", experts_drawn),
    Transition((_S.REVIEWING,), "rank", _S.RANKED, _MANAGER, "评审结束", scored),
    Transition((_S.RANKED,), "show", _S.SHOWN, _BUREAU, "择优并公示", amount_set),
    Transition((_S.RECOMMENDED, _S.RANKED, _S.SHOWN), "leave_out", _S.NOT_SELECTED, _BUREAU, "不予支持"),
    Transition((_S.SHOWN,), "approve", _S.APPROVED, _BUREAU, "认定", notice_over),
    Transition((_S.APPROVED,), "agree", _S.AGREED, _BUREAU, "确认任务书", agreement_signed),
    Transition((_S.APPROVED,), "lapse", _S.NOT_SELECTED, _BUREAU, "逾期未签任务书"),
    Transition((_S.AGREED,), "fund", _S.IMPLEMENTING, _BUREAU, "下达资金计划", funding_planned),
    *_WORK,
    Transition((_S.DECIDING,), "pass", _S.PASSED, _BUREAU, "审定通过", report_says_pass),
    Transition((_S.PASSED,), "finish", _S.FINISHED, _BUREAU, "办结", all_paid),
)

# The city decides and pays: the platform records the recommendation, the decision, progress and acceptance.
MUNICIPAL: Table = (
    *_APPLY,
    Transition((_S.RECOMMENDED,), "send_to_city", _S.CITY_DECIDING, _BUREAU, "推荐到市"),
    Transition((_S.RECOMMENDED,), "leave_out", _S.NOT_SELECTED, _BUREAU, "不予推荐"),
    Transition((_S.CITY_DECIDING,), "city_approves", _S.IMPLEMENTING, _BUREAU, "登记市级立项", city_said_yes),
    Transition((_S.CITY_DECIDING,), "city_refuses", _S.NOT_SELECTED, _BUREAU, "登记市级未立项", city_said_no),
    *_WORK,
    Transition((_S.DECIDING,), "pass", _S.FINISHED, _BUREAU, "登记验收通过", report_says_pass),
)

# Subsidy or award on evidence, for what is done already: no agreement, no acceptance of work.
OTHER: Table = (
    *_APPLY,
    Transition((_S.RECOMMENDED,), "show", _S.SHOWN, _BUREAU, "核定并公示", amount_set),
    Transition((_S.RECOMMENDED, _S.SHOWN), "leave_out", _S.NOT_SELECTED, _BUREAU, "不予支持"),
    Transition((_S.SHOWN,), "approve", _S.APPROVED, _BUREAU, "认定", notice_over),
    Transition((_S.APPROVED,), "fund", _S.PASSED, _BUREAU, "下达资金计划", funding_planned),
    Transition((_S.PASSED,), "finish", _S.FINISHED, _BUREAU, "办结", all_paid),
)

TABLES: dict[ProjectClass, Table] = {ProjectClass.CENTRAL: CENTRAL, ProjectClass.MUNICIPAL: MUNICIPAL, ProjectClass.OTHER: OTHER}


@dataclass(frozen=True)
class Stage:
    """One of the ten steps as a page shows it: its states, who has the ball in each, and what is to be done."""

    key: str
    word: str
    states: tuple[ProjectState, ...]


# The ten steps of the plan, 三（五）1–10.
TEN: tuple[Stage, ...] = (
    Stage("guide", _("申报指南"), (_S.RESERVE,)),
    Stage("submission", _("项目填报"), (_S.DRAFT, _S.RETURNED)),
    Stage("first_review", _("初审推荐"), (_S.SUBMITTED,)),
    Stage("selection", _("评审择优"), (_S.RECOMMENDED, _S.REVIEWING, _S.RANKED, _S.SHOWN)),
    Stage("agreement", _("签任务书"), (_S.APPROVED,)),
    Stage("funding_plan", _("下达资金计划"), (_S.AGREED,)),
    Stage("progress", _("实施与进度"), (_S.IMPLEMENTING,)),
    Stage("inspection", _("监督与整改"), (_S.RECTIFYING,)),
    Stage("acceptance", _("验收"), (_S.FORMAL_REVIEW, _S.ACCEPTING, _S.DECIDING, _S.REWORKING)),
    Stage("final_payment", _("拨付余款"), (_S.PASSED, _S.FINISHED)),
)
CITY_STAGES: tuple[Stage, ...] = (
    *TEN[:3],
    Stage("selection", _("推荐到市"), (_S.RECOMMENDED,)),
    Stage("city", _("市级决定"), (_S.CITY_DECIDING,)),
    *TEN[6:8],
    Stage("acceptance", _("验收"), (*TEN[8].states, _S.FINISHED)),
)
AWARD_STAGES: tuple[Stage, ...] = (
    *TEN[:3],
    Stage("selection", _("核定公示"), (_S.RECOMMENDED, _S.SHOWN)),
    Stage("funding_plan", _("下达资金计划"), (_S.APPROVED,)),
    Stage("final_payment", _("拨付"), (_S.PASSED, _S.FINISHED)),
)
STAGES: dict[ProjectClass, tuple[Stage, ...]] = {
    ProjectClass.CENTRAL: TEN,
    ProjectClass.MUNICIPAL: CITY_STAGES,
    ProjectClass.OTHER: AWARD_STAGES,
}


def stage_of(project_class: ProjectClass, state: ProjectState) -> int | None:
    """Which of its steps (from 0) a project is in; None once it ended before the last one."""
    stages = STAGES[project_class]
    return next((number for number, stage in enumerate(stages) if state in stage.states), None)


@dataclass(frozen=True)
class Ball:
    """Who has it and what is to be done; `then`: what follows."""

    role: Role | None
    step: str
    then: str


_ENDS = Ball(None, "", "")
# One state, one ball. Class ② and ③ differ where their states do.
BALLS: dict[ProjectState, Ball] = {
    _S.RESERVE: Ball(Role.ENTERPRISE, _("等申报指南发布后申报"), _("填报项目")),
    _S.DRAFT: Ball(Role.ENTERPRISE, _("填报并提交"), _("开发区、街镇初审")),
    _S.RETURNED: Ball(Role.ENTERPRISE, _("按意见补正后提交"), _("开发区、街镇初审")),
    _S.SUBMITTED: Ball(Role.AREA, _("初审，写推荐意见"), _("评审")),
    _S.RECOMMENDED: Ball(Role.MANAGER, _("抽取专家，组织评审"), _("专家评分")),
    _S.REVIEWING: Ball(Role.MANAGER, _("收齐评分，写联合意见"), _("区工信局择优")),
    _S.RANKED: Ball(Role.BUREAU, _("择优，定支持金额"), _("公示")),
    _S.CITY_DECIDING: Ball(Role.BUREAU, _("登记市级决定"), _("实施")),
    _S.SHOWN: Ball(Role.BUREAU, _("公示期满后认定"), _("签任务书")),
    _S.APPROVED: Ball(Role.ENTERPRISE, _("双方盖章，上传任务书"), _("下达资金计划")),
    _S.AGREED: Ball(Role.BUREAU, _("党组会审议，下达资金计划"), _("首笔资金，实施")),
    _S.IMPLEMENTING: Ball(Role.ENTERPRISE, _("按计划实施，每月报进度"), _("申请验收")),
    _S.RECTIFYING: Ball(Role.ENTERPRISE, _("按要求整改并报告"), _("区工信局核查")),
    _S.FORMAL_REVIEW: Ball(Role.AREA, _("形式审查"), _("综合管理服务商验收")),
    _S.ACCEPTING: Ball(Role.MANAGER, _("组织验收，测评成效"), _("区工信局审定")),
    _S.DECIDING: Ball(Role.BUREAU, _("审定验收结论"), _("拨付余款")),
    _S.REWORKING: Ball(Role.ENTERPRISE, _("按期整改，再申请验收"), _("形式审查")),
    _S.PASSED: Ball(Role.FINANCE, _("拨付余款"), _("办结")),
    _S.FINISHED: _ENDS,
    _S.NOT_SELECTED: _ENDS,
    _S.WITHDRAWN: _ENDS,
    _S.TERMINATED: _ENDS,
}
_OTHER_BALLS: dict[tuple[ProjectClass, ProjectState], Ball] = {
    (ProjectClass.MUNICIPAL, _S.RECOMMENDED): Ball(Role.BUREAU, _("推荐到市"), _("市级决定")),
    (ProjectClass.OTHER, _S.RECOMMENDED): Ball(Role.BUREAU, _("核定金额"), _("公示")),
    (ProjectClass.OTHER, _S.APPROVED): Ball(Role.BUREAU, _("党组会审议，下达资金计划"), _("拨付")),
    (ProjectClass.OTHER, _S.PASSED): Ball(Role.FINANCE, _("拨付"), _("办结")),
    (ProjectClass.MUNICIPAL, _S.DECIDING): Ball(Role.BUREAU, _("登记验收结论"), _("办结")),
}


# Where one side has done its part and the state stays: the bureau is next. Everything is paid; the applicant has signed; what was to be
# put right has been reported.
_PASSED_ON: dict[ProjectState, Ball] = {
    _S.PASSED: Ball(Role.BUREAU, _("资金已付清，办结"), ""),
    _S.APPROVED: Ball(Role.BUREAU, _("上传盖章的任务书，核对后确认"), _("下达资金计划")),
    _S.RECTIFYING: Ball(Role.BUREAU, _("核查整改情况"), _("继续实施")),
}


def ball_of(project_class: ProjectClass, state: ProjectState, *, passed_on: bool = False) -> Ball:
    """Who has the ball in a state; `passed_on`: whoever had it first has done its part."""
    first = _OTHER_BALLS.get((project_class, state), BALLS[state])
    return _PASSED_ON.get(state, first) if passed_on and first.role != Role.BUREAU else first


def is_passed_on(subject: Standing, state: ProjectState) -> bool:
    """Whether the first to have the ball in this state has done its part."""
    if state == _S.PASSED:
        return all_paid(subject) is None
    return (state == _S.APPROVED and subject.applicant_signed) or (state == _S.RECTIFYING and subject.rectification_reported)


class SupplierRole(StrEnum):
    """总包, 分包, 联合体; rated each for its own part."""

    GENERAL = "general"
    SUB = "sub"
    CONSORTIUM = "consortium"
