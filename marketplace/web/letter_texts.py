"""文书模板: the wording of each letter, edited with a preview, every change a version, and the way back to what was shipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from marketplace.actions import letter_texts as actions
from marketplace.actions.letter_texts import Step
from marketplace.domain.letter_texts import NAMES, LetterText, PartRule, allowed_in, check, told, understood
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.guard import current_viewer, not_found, permission
from marketplace.letters.letter import Form, Grid, Letter, LetterError, fill, form_of, names
from marketplace.records.letter_texts import LetterTextVersion, find_letter_text_versions, find_newest_letter_texts
from marketplace.site import current_site
from marketplace.web.catalogue_form import Faults, sentences
from marketplace.web.language import say
from marketplace.web.refusals import sentence_of
from marketplace.web.terms import here_now, today
from marketplace.web.typed import seen

pages = Blueprint("letter_texts", __name__)
# Form → when it is sent.
USED: Mapping[str, str] = {
    "acceptance": _("入库申报材料齐全，受理时"),
    "correction": _("入库申报要补正时"),
    "admission": _("决定入库时"),
    "refusal": _("决定不予入库时"),
    "warning": _("警示服务商时"),
    "warning_lifted": _("解除警示时"),
    "rectification": _("要求限期整改时"),
    "rectification_result": _("整改验收后"),
    "suspension": _("暂停服务商资格时"),
    "reinstatement": _("恢复服务商资格时"),
    "retirement": _("服务商退出资源池时"),
    "appeal": _("申诉有了决定时"),
    "evaluation": _("定期评估有了结果时"),
    "agreement": _("签订项目任务书时；双方、指标、资金、里程碑由项目内容生成，这里改固定的条款"),
}
# What the preview fills in.
_SAMPLES: Mapping[str, Any] = {
    "organisation": "某某科技有限公司", "number": "FW-2026-0001", "thing": "SQ-2026-0001", "until": "2026-12-31", "reason": "材料与实际相符",
    "reasons": ["第一项理由", "第二项理由"], "publicity": "2026-12-01 至 2026-12-07", "no_publicity": "", "reapply_from": "2027-12-31",
    "decision": "DT-2026-0001", "outcome": "申诉不成立，维持原决定。", "judgement": "现场核对属实", "passed": "1", "failed": "",
    "round": "2026 年下半年", "result": "良好", "score": "83", "comment": "按期完工较好", "days": "60", "code": "8KQ4-T2",
    "rows": [{"name": "按期完工", "weight": "20", "score": "17", "basis": "6 个项目中 5 个按期"}],
}  # fmt: skip


@dataclass(frozen=True)
class Listed:
    """A letter in the list: `kept` its newest version, None where it was never changed; `outdated`: written for another form."""

    name: str
    title: str
    sign_off: str
    used: str
    kept: LetterTextVersion | None
    outdated: bool


@dataclass(frozen=True)
class EditedPart:
    """A paragraph in the form: what it is for people, and the places that it must keep and may use."""

    field: str
    rule: PartRule
    text: str
    shipped: str


@pages.get("/letter-texts")
@permission("manage", "letter_text")
def index() -> str:
    with current_site().database.reading() as session:
        kept = find_newest_letter_texts(session)
        listed = [_listed(name, kept.get(name)) for name in sorted(names(), key=list(USED).index)]
        return render_template("letter_texts/index.html", letters=listed)


def _listed(name: str, kept: LetterTextVersion | None) -> Listed:
    form = form_of(name)
    outdated = kept is not None and bool(kept.texts) and kept.shape != form.shape
    text = kept.text if kept is not None and kept.text is not None and not outdated else form.text
    filled = _preview(name, text)
    return Listed(name, told(text.title), filled.sign_off if filled else told(text.sign_off), say(USED[name]), kept, outdated)


@pages.get("/letter-texts/<name>")
@permission("manage", "letter_text")
def edit(name: str) -> Response:
    form, wanted = _form_of(name), request.args.get("version", "")
    with current_site().database.reading() as session:
        versions = find_letter_text_versions(session, name)
        text = _in_force(form, versions)
        if wanted:
            # An earlier version to start from; saving makes it the newest.
            text = next((_of(form, row) for row in versions if str(row.version) == wanted), None) or not_found()
    return _page(name, text)


@pages.post("/letter-texts/<name>")
@permission("manage", "letter_text")
def save(name: str) -> AnyResponse:
    """Save, or only look at it filled in."""
    form = _form_of(name)
    draft = _typed(form)
    faults: Faults = list(check(draft, form.text, form.rules))
    if faults or request.form.get("act") == "preview":
        return _page(name, draft, faults=faults)
    return _changed(name, draft)


@pages.post("/letter-texts/<name>/restore")
@permission("manage", "letter_text")
def restore(name: str) -> AnyResponse:
    _form_of(name)
    return _changed(name, None)


def _changed(name: str, draft: LetterText | None) -> AnyResponse:
    step = Step(current_viewer(), here_now(), seen())
    try:
        row = actions.change(current_site().database, name, draft, step, note=request.form.get("note", "")[:500])
    except RefusedError as error:
        return _page(name, draft or form_of(name).text, refused=error.refused)
    flash(say("已保存，以后的文书照新的写。") if row else say("没有改动。"), "good")
    return redirect(url_for("letter_texts.edit", name=name), 303)


def _form_of(name: str) -> Form:
    return form_of(name) if name in names() else not_found()


def _in_force(form: Form, versions: Sequence[LetterTextVersion]) -> LetterText:
    return _of(form, versions[0]) if versions and versions[0].shape == form.shape else form.text


def _of(form: Form, row: LetterTextVersion) -> LetterText:
    """A version's words; those for another shape of the form are of no use now."""
    return row.text if row.text is not None and row.shape == form.shape else form.text


def _typed(form: Form) -> LetterText:
    typed = {key: understood(value.replace("\0", "")) for key, value in request.form.items()}
    parts = tuple("" if rule.table else typed.get(f"part_{number}", "") for number, rule in enumerate(form.rules, 1))
    return LetterText(typed.get("title", ""), parts, typed.get("sign_off", ""))


def _page(name: str, text: LetterText, *, faults: Faults | None = None, refused: Refused | None = None) -> Response:
    form = _form_of(name)
    with current_site().database.reading() as session:
        versions = find_letter_text_versions(session, name)
        parts = [
            EditedPart(f"part_{number}", rule, told(own), told(shipped))
            for number, (rule, own, shipped) in enumerate(zip(form.rules, text.parts, form.text.parts, strict=True), 1)
        ]
        body = render_template(
            "letter_texts/form.html", name=name, used=say(USED[name]), title=told(text.title), sign_off=told(text.sign_off), parts=parts,
            faults=sentences(faults or []), sentence=sentence_of(refused), versions=versions, place_name=NAMES.__getitem__,
            # Whoever lost a race has seen what the other saved once the page is shown again.
            seen=_seen(versions, refused), outdated=bool(versions and versions[0].texts and versions[0].shape != form.shape),
            note=request.form.get("note", ""), places=[NAMES[key] for key in allowed_in(None, form.text)], preview=None if faults else _preview(name, text),
            is_table=lambda part: isinstance(part, Grid), changed=text != form.text,
        )  # fmt: skip
    return make_response(body, 409 if refused else 422 if faults else 200)


def _seen(versions: Sequence[LetterTextVersion], refused: Refused | None) -> int:
    last, before = (versions[0].version if versions else 0), seen()
    return last if refused or before is None else before


def _preview(name: str, text: LetterText) -> Letter | None:
    """The letter as it would be written, about nobody."""
    roles, day = current_site().pilot.roles, today()
    words = {role: term.name if (term := roles.find(role)) else role for role in ("bureau", "manager", "centre")}
    usual = {**words, "city": current_site().pilot.city.name, "date": f"{day.year}年{day.month}月{day.day}日"}
    try:
        return fill(name, {**_SAMPLES, **usual}, text)
    except LetterError:
        return None
