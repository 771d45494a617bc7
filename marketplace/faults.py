"""What can go wrong with a request, as values: pages and API say the same sentences with the same codes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, default_exceptions

from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.rankers import RankerMissingError
from marketplace.guard import request_id
from marketplace.sentences import filled

log = logging.getLogger("jigai.faults")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field of a request: its path, a stable code and a sentence."""

    field: str
    code: str
    message: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Fault:
    """An answer that is not the one asked for: status, stable code, a short title and a sentence with a way on."""

    status: int
    code: str
    title: str
    message: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    errors: tuple[Problem, ...] = ()
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def detail(self) -> str:
        """The sentence in the language of the request."""
        return said(self.message, self.values)


class FaultError(Exception):
    """Carries a fault out of a view."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.code)
        self.fault = fault


def said(message: str, values: Mapping[str, Any]) -> str:
    """A Chinese source sentence in the language of the request, its values filled in."""
    translated: str = gettext(message)
    return filled(translated, values)


# status → code, title, sentence.
KNOWN: dict[int, tuple[str, str, str]] = {
    400: ("bad_request", _("请求不完整"), _("没有读懂这个请求。请检查地址和填写的内容。")),
    401: ("log_in_first", _("请先登录"), _("登录后才能查看或办理。登录可能已过期。")),
    403: ("not_allowed", _("没有权限"), _("您没有查看或办理这一项的权限。可以回到首页，或联系能力中心。")),
    404: ("not_found", _("没有这个页面"), _("没有这个页面，或您不能查看。可以回到首页，或联系能力中心。")),
    405: ("wrong_method", _("不能这样办理"), _("这个地址不接受这种请求方式。")),
    409: ("conflict", _("现在不能办理"), _("现在的状态不能这样办理。请刷新后再看。")),
    412: ("changed_meanwhile", _("内容已被修改"), _("您打开后，内容已被修改。请重新读取后再提交。")),
    413: ("too_large", _("文件太大"), _("上传的内容超过了大小上限，没有上传。请分成几个文件。")),
    414: ("address_too_long", _("地址太长"), _("地址太长，没有读完。请缩短查询的内容。")),
    415: ("wrong_type", _("格式不对"), _("这里不接受这种内容格式。")),
    422: ("invalid", _("填写有误"), _("有 {count} 处填写有误，请修改后再提交。")),
    429: ("too_many_attempts", _("请稍后再试"), _("短时间内试得太多，请稍后再试。")),
    500: ("internal", _("页面出错了"), _("系统出了问题，这一步没有完成，已填写的内容没有写入。请稍后再试；联系管理员时请报编号。")),
    503: ("unavailable", _("暂时不能办理"), _("数据库暂时不能访问，这一步没有完成。请稍后再试。")),
    507: ("disk_full", _("暂时不能写入"), _("磁盘已满，没有写入任何内容。查看和搜索不受影响，请联系管理员。")),
}
_DISK = ("disk is full", "no space left", "readonly database", "disk i/o error")


def fault_of_status(status: int, **values: Any) -> Fault:
    status = status if status in KNOWN else (500 if status >= 500 else 400)
    code, title, message = KNOWN[status]
    return Fault(status, code, title, message, values)


def fault_of_refusal(refused: Refused, status: int = 409, errors: tuple[Problem, ...] = ()) -> Fault:
    headers = {"Retry-After": str(refused.values["seconds"])} if "seconds" in refused.values else {}
    return Fault(status, refused.code, KNOWN[status][1], refused.message, refused.values, errors, headers)


def fault_of_problems(problems: tuple[Problem, ...]) -> Fault:
    code, title, message = KNOWN[422]
    return Fault(422, code, title, message, {"count": len(problems)}, errors=problems)


def fault_of(error: Exception) -> Fault:
    """The fault of whatever a view raised. What nobody foresaw is logged in full and told in one sentence without detail."""
    if isinstance(error, FaultError):
        return error.fault
    if isinstance(error, RefusedError):
        return fault_of_refusal(error.refused)
    if isinstance(error, CSRFError):
        return Fault(400, "csrf", _("请重新提交"), _("页面放得太久，或不是从本站提交的，没有办理。请返回上一页，刷新后再提交。"))
    if isinstance(error, RankerMissingError):
        log.error("request %s: %s", request_id(), error)
        return Fault(503, "ranker_missing", KNOWN[503][1], RankerMissingError.TOLD, {"version": error.version})
    if isinstance(error, HTTPException) and error.code in default_exceptions:
        fault = fault_of_status(error.code)
        kept = {name: value for name, value in error.get_headers() if name in {"Allow", "Retry-After", "WWW-Authenticate"}}
        return Fault(fault.status, fault.code, fault.title, fault.message, headers=kept)
    log.exception("request %s failed", request_id(), exc_info=error)
    if isinstance(error, DBAPIError):
        said_by_driver = str(error.orig).lower()
        return fault_of_status(507 if any(word in said_by_driver for word in _DISK) else 503)
    return fault_of_status(500)
