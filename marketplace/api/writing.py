"""Writing by program: what is sent again with the same key is done once, and nobody writes over what they have not read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, NoReturn

from flask import Response, request

from marketplace.domain.lifecycle import Refused, _
from marketplace.faults import FaultError, Problem, fault_of_problems, fault_of_refusal
from marketplace.guard import current_viewer
from marketplace.idempotency import once
from marketplace.site import current_site

KEY = "Idempotency-Key"
MATCH = "If-Match"
# Refusals that better filled fields mend, with the field that they speak of; all others say that things stand otherwise.
_FIELDS: dict[str, str] = {
    "reason_missing": "body.why",
    "required": "body",
    "too_long": "body",
    "too_short": "body",
    "remarks_missing": "body.reasons",
    "unknown_section": "body.reasons",
    "form_check_failed": "body.answers",
    "answer_missing": "body.answers",
    "remark_missing": "body",
    "score_missing": "body.scores",
    "score_range": "body.scores",
    "discussion_missing": "body.discussion",
    "wanted_range": "body.wanted",
    "evidence_missing": "body.evidence",
    "unknown_conduct": "body.conduct",
    "days_out_of_range": "body.days",
    "proof_missing": "body.proof",
    "unknown_document": "body.document",
    "too_many_rows": "body.rows",
    "foreign_thing": "body",
    "unknown_scenario": "body.scenarios",
    "no_officer": "body.officer",
    "nobody_chosen": "body.introduction",
    "no_problem": "body.problem",
    "too_many_introductions": "body.introductions",
    "introduced_already": "body.introductions",
    "no_reason_chosen": "body.reason",
    "date_missing": "body",
    "future": "body",
    "ends_before_start": "body.finished",
    "figures_missing": "body.measured",
    "target_is_baseline": "body.target",
    "not_an_officer": "body.officer",
    "correction_without_reason": "body.why",
    "batch_taken": "body.batch",
    "too_many_searches": "body",
    "too_many_shortlisted": "body",
}
_LATE = ("changed_meanwhile", "joint_changed")
_THROTTLED = ("too_many_attempts",)
_PIECE = 256 * 1024


def read_version() -> str | None:
    """What If-Match names: the `version` of the answer that the caller had read. None: none is named."""
    named = request.headers.get(MATCH)
    return None if named is None else named.strip().removeprefix("W/").strip('"')


def read_number(version: str | None) -> int | None:
    """A version that is one number; what is none was never one of ours, and is older than everything."""
    if version is None:
        return None
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else -1


def read_numbers(version: str | None) -> tuple[int | None, int | None]:
    """A version of two numbers: 12.3."""
    if version is None:
        return None, None
    first, _dot, second = version.partition(".")
    return read_number(first), read_number(second)


def must_name_version() -> None:
    """Refuse a request that would write without saying on top of what."""
    if MATCH not in request.headers:
        _refuse(f"header.{MATCH}", Refused("missing", _("没有写明您读到的是哪一版。请先读取，把回答里的 version 写在 If-Match 里。")))


def late(differences: list[Problem] | None = None) -> FaultError:
    """412: somebody else has written meanwhile; `differences`: field by field, what stands now and what was sent."""
    message = _("您读取后，内容已被别人改过，没有保存。请重新读取，核对后再写。")
    return FaultError(fault_of_refusal(Refused("changed_meanwhile", message), 412, tuple(differences or ())))


def fault_of_step(refused: Refused) -> FaultError:
    """What an action refused, with the status that a program can go by."""
    code = refused.code
    if code in _FIELDS:
        return FaultError(fault_of_problems((Problem(_FIELDS[code], code, refused.message, refused.values),)))
    if code in _LATE:
        return FaultError(fault_of_refusal(refused, 412 if MATCH in request.headers else 409))
    return FaultError(fault_of_refusal(refused, 403 if code == "not_allowed" else 429 if code in _THROTTLED else 409))


def done_once(work: Callable[[], Response]) -> Response:
    """The answer of `work`; with an Idempotency-Key the first answer, whoever asks how often."""
    key, viewer = request.headers.get(KEY), current_viewer()
    if key is None or viewer.account_id is None:
        return work()

    def kept() -> dict[str, Any]:
        answer = work()
        return {"status": answer.status_code, "body": answer.get_data(as_text=True), "etag": answer.headers.get("ETag")}

    folder = current_site().settings.data_dir / "idempotency"
    found = once(folder, key, owner=viewer.account_id, body=_request_digest(), work=kept)
    if isinstance(found, Refused):
        if found.code == "still_running":
            raise FaultError(fault_of_refusal(found, 409))
        _refuse(f"header.{KEY}", found)
    answer = Response(found["body"], found["status"], mimetype="application/json")
    if found["etag"]:
        answer.headers["ETag"] = found["etag"]
    return answer


def _request_digest() -> str:
    """What makes two requests the same: where to, and what with. The boundary of a form is not part of it."""
    told = hashlib.sha256(f"{request.method} {request.path} {request.headers.get(MATCH)}\n".encode())
    if request.mimetype != "multipart/form-data":
        told.update(request.get_data())
        return told.hexdigest()
    for name, value in sorted(request.form.items(multi=True), key=str):
        told.update(f"{name}={len(value)}:{value}\n".encode("utf-8", "surrogatepass"))
    for name, file in sorted(request.files.items(multi=True), key=lambda pair: str(pair[0])):
        told.update(f"{name}={file.filename}\n".encode("utf-8", "surrogatepass"))
        while piece := file.stream.read(_PIECE):
            told.update(piece)
        file.stream.seek(0)
    return told.hexdigest()


def _refuse(field: str, refused: Refused) -> NoReturn:
    raise FaultError(fault_of_problems((Problem(field, refused.code, refused.message, refused.values),)))
