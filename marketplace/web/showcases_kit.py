"""推广包 of a showcase: its text as Word, its tables as a workbook, and the blank papers that others start from, in one ZIP."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from flask import Response
from sqlalchemy.orm import Session

from marketplace.actions.showcases import NOUN
from marketplace.domain.access import ANYONE
from marketplace.files.names import harmless_name
from marketplace.letters.showcase_letter import ShowcaseText, requirements_letter, showcase_letter
from marketplace.records.history import find_last_entry
from marketplace.records.showcases import Showcase, find_showcase_consents
from marketplace.sheets.showcase_forms import baseline_form, handover_form, milestones_form, problems_form, questionnaire_form
from marketplace.sheets.showcase_kit import kit_workbook
from marketplace.site import current_site
from marketplace.web.kept_files import given_out
from marketplace.web.language import say
from marketplace.web.remembered import data_version
from marketplace.web.showcases_shown import Parties, Shown, change_word, find_parties, shown
from marketplace.web.wording import figure, sep, term

_ENDINGS = {"requirements": "docx"}


def kit_file(session: Session, row: Showcase) -> Response:
    """The kit as everybody may have it; written once until the showcase, or what it names, changes."""
    version = (find_last_entry(session, NOUN, row.id), data_version(session))
    return given_out(
        f"kit-{row.public_id}", version, lambda out: _write(out, session, row), kind="application/zip",
        as_name=say("推广包 {number}", number=row.number) + ".zip",
    )  # fmt: skip


def _write(out: IO[bytes], session: Session, row: Showcase) -> None:
    found, parties = shown(row, ANYONE), find_parties(session, row, find_showcase_consents(session, row.id))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(say("案例") + f"-{row.number}.docx", _word(showcase_letter(_text(found, parties))))
        archive.writestr(say("案例和指标") + f"-{row.number}.xlsx", kit_workbook(_sheets(found, parties)))
        for name, form in _papers(row):
            archive.writestr(say("空白表") + f"/{name}", _blank(form, found))


def _papers(row: Showcase) -> Iterator[tuple[str, str]]:
    """(name of the file, which form) of those templates for which there is a blank paper."""
    rules = current_site().pilot.showcase
    for place, one in enumerate(row.templates, 1):
        if form := rules.form_of(str(one["name"])):
            yield harmless_name(f"{place} {one['name']}.{_ENDINGS.get(form, 'xlsx')}", longest=80), form


def _blank(form: str, found: Shown) -> bytes:
    pilot, effects = current_site().pilot, found.effects
    if form == "requirements":
        return _word(requirements_letter(found.title, _figures(found)))
    if form == "baseline":
        return baseline_form([(one.name, one.unit, one.before, one.after) for one in effects])
    if form == "questionnaire":
        return questionnaire_form(pilot.questionnaire, found.row.sector)
    if form == "problems":
        return problems_form(pilot)
    return milestones_form() if form == "milestones" else handover_form()


def _word(letter: Any) -> bytes:
    # Word takes half a second to load, which only whoever asks for a kit should wait for.
    from marketplace.letters.docx import written

    return written(letter)


def _figures(found: Shown) -> list[tuple[str, str, str, str, str]]:
    return [(one.name, one.unit, figure(one.before), figure(one.after), change_word(one)) for one in found.effects]


def _text(found: Shown, parties: Parties) -> ShowcaseText:
    row = found.row
    return ShowcaseText(
        number=row.number, title=found.title, summary=found.summary, problem=found.problem, approach=found.approach,
        experience=found.experience, effect_note=found.effect_note, about=_about(found, parties), effects=_figures(found),
        source=say("技改供需对接平台"), date=row.published_on.isoformat() if row.published_on else "",
    )  # fmt: skip


def _about(found: Shown, parties: Parties) -> list[tuple[str, str]]:
    row = found.row
    providers = sep("、").join([*(one.name for one in parties.providers), *parties.other_names])
    days = "–".join(day.isoformat() for day in (row.starts, row.finished) if day)
    return [
        (say("企业"), found.whose), (say("行业"), term("sector", row.sector)), (say("层面"), term("level", row.level)),
        (say("时间"), days), (say("投资额"), found.cost or say("未公开")), (say("服务商"), providers),
        (say("方案"), parties.solution.title if parties.solution else parties.solution_title), (say("场景"), sep("、").join(row.scenario_codes)),
    ]  # fmt: skip


def _sheets(found: Shown, parties: Parties) -> list[tuple[str, list[tuple[str, int]], Sequence[tuple[Any, ...]]]]:
    """What was done, the indicators with room for one's own, the solution, and which papers lie in the kit."""
    row, text = found.row, [(say("项"), 16), (say("内容"), 90)]
    about = [
        (say("编号"), row.number), (say("标题"), found.title), *_about(found, parties), (say("要解决的问题"), found.problem),
        (say("怎样做的"), found.approach), (say("可以推广的经验"), found.experience), (say("成效说明"), found.effect_note),
    ]  # fmt: skip
    effects = [(one.name, one.unit, one.before, one.after, change_word(one), "", "") for one in found.effects]
    heads = [(say("指标"), 24), (say("单位"), 12), (say("改造前"), 12), (say("改造后"), 12), (say("变化"), 12)]
    own = [(say("本企业现状"), 16), (say("本企业目标"), 16)]
    files = {form: name for name, form in _papers(row)}
    rules = current_site().pilot.showcase
    papers = [
        (str(one["name"]), str(one.get("use", "")), files.get(rules.form_of(str(one["name"])), say("没有空白表，请自拟")))
        for one in row.templates
    ]
    return [
        (say("案例"), text, about),
        (say("指标"), [*heads, *own], effects),
        (say("方案"), text, _solution(parties)),
        (say("模板清单"), [(say("模板"), 30), (say("什么时候用"), 50), (say("包里的文件"), 40)], papers),
    ]


def _solution(parties: Parties) -> list[tuple[Any, ...]]:
    one = parties.solution
    if one is None:
        return [(say("方案"), parties.solution_title or say("没有单一的产品方案，见“怎样做的”"))]
    return [
        (say("方案"), one.title), (say("简介"), one.summary), (say("解决的痛点"), "\n".join(one.solves)),
        (say("用到的技术"), sep("、").join(one.technologies)), (say("接口"), sep("、").join(one.interfaces)),
    ]  # fmt: skip
