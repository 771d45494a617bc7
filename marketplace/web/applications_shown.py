"""Applications as pages show them: sections with what they lack, answers in words, what a machine found, what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.domain.application_answers import (
    Completeness,
    FileFact,
    Missing,
    completeness,
    file_kind,
    is_asked,
    raw_of,
    read_section,
    wanted_documents,
)
from marketplace.domain.application_changes import Change
from marketplace.domain.application_checks import CheckResult, Verdict
from marketplace.domain.application_rules import ApplicationRules, DocumentKind
from marketplace.domain.application_sections import SECTIONS, Field, Kind, Section, section_of
from marketplace.domain.applications import WRITABLE, Ball, ball
from marketplace.domain.lifecycle import _
from marketplace.faults import said
from marketplace.records.applications import ProviderApplication, SectionRemark
from marketplace.records.files import Attachment
from marketplace.sentences import told_value
from marketplace.site import current_site
from marketplace.web.language import language, say
from marketplace.web.terms import today
from marketplace.web.wording import sep, term, terms


@dataclass(frozen=True)
class Step:
    """One section in the list at the left."""

    section: Section
    number: int
    found: Completeness
    fails: bool
    remarked: bool
    untouched: bool

    @property
    def is_done(self) -> bool:
        return self.found.is_complete and not self.fails


@dataclass(frozen=True)
class Cell:
    """One question with what was answered: the text as typed, the same in words, and what is wrong with it."""

    field: Field
    name: str
    raw: Any
    words: str
    error: str


@dataclass(frozen=True)
class Paper:
    """One document with its files. `wanted`: the window requires it; `either`: it or another one, as an answer yet to be given says."""

    document: DocumentKind
    name: str
    row: str
    wanted: bool
    either: bool
    files: Sequence[Attachment]

    @property
    def field(self) -> str:
        return f"file.{file_kind(self.document.key, self.row)}"


@dataclass(frozen=True)
class ShownRow:
    key: str
    number: int
    cells: Sequence[Cell]
    papers: Sequence[Paper]


@dataclass(frozen=True)
class ShownSection:
    """A section with its answers, for the form and for reading alike."""

    section: Section
    cells: Sequence[Cell]
    rows: Sequence[ShownRow]
    papers: Sequence[Paper]
    found: Completeness
    remarks: Sequence[SectionRemark]

    @property
    def wrong(self) -> list[Cell]:
        """The answers that cannot be read, for the summary at the top."""
        return [cell for cell in (*self.cells, *(cell for row in self.rows for cell in row.cells)) if cell.error]


@dataclass(frozen=True)
class ShownCheck:
    verdict: Verdict
    sentence: str
    section: str


@dataclass(frozen=True)
class ShownChange:
    """Where something differs, and both sides in words."""

    section: str
    title: str
    where: str
    before: str
    after: str


def rules() -> ApplicationRules:
    return current_site().pilot.application


def document_word(key: str) -> str:
    """A document's name in the language of the page."""
    found = rules().document(key)
    return key if found is None else found.en if language() == "en" else found.name


def document_help(key: str) -> str:
    found = rules().document(key)
    return "" if found is None else (found.help_en or found.help) if language() == "en" else found.help


def facts_of(attachments: Iterable[Attachment]) -> list[FileFact]:
    return [FileFact(one.kind, one.sha256, one.filename) for one in attachments]


def steps(application: ProviderApplication, files: Sequence[FileFact], results: Iterable[CheckResult]) -> list[Step]:
    failing = {result.section for result in results if result.verdict == Verdict.FAIL}
    remarked = {remark.section for remark in application.remarks if remark.settled_at is None}
    return [
        Step(
            section,
            number,
            completeness(section, application.answers, files, rules(), application.window.required),
            section.key in failing,
            section.key in remarked,
            not any(raw_of(application.answers, section.key)),
        )
        for number, section in enumerate(SECTIONS, 1)
    ]


def shown_section(
    application: ProviderApplication, section: Section, attachments: Sequence[Attachment], answers: Mapping[str, Any] | None = None
) -> ShownSection:
    """A section as it is stored, or with the `answers` that somebody has typed and could not save."""
    held = application.answers if answers is None else {section.key: answers}
    required = application.window.required
    fields, rows = raw_of(held, section.key)
    found = read_section(section, held)
    wanted = {document.key for document in wanted_documents(section, held, rules(), required)}
    # Until it is said how local service is given, either proof may be uploaded at once with the answer.
    undecided = section.key == "local" and fields.get("mode") is None
    errors = {path: said(refused.message, {**refused.values, **_label(refused.values)}) for path, refused in found.errors.items()}

    def papers(row: str, *, each: bool) -> list[Paper]:
        return [
            Paper(
                document,
                document_word(document.key),
                row,
                document.key in wanted,
                undecided and document.key in required,
                [one for one in attachments if one.kind == file_kind(document.key, row)],
            )
            for document in rules().documents_of(section.key, each=each)
            if document.key in wanted or document.key not in required or undecided
        ]

    return ShownSection(
        section=section,
        cells=_cells(section.fields, fields, errors, ""),
        rows=[
            ShownRow(
                str(row.get("key", "")),
                number,
                _cells(section.row_fields, row, errors, f"{row.get('key', '')}."),
                papers(str(row.get("key", "")), each=True),
            )
            for number, row in enumerate(rows, 1)
        ],
        papers=papers("", each=False),
        found=completeness(section, held, facts_of(attachments), rules(), required),
        remarks=[remark for remark in application.remarks if remark.section == section.key],
    )


def _label(values: Mapping[str, Any]) -> dict[str, str]:
    return {"label": say(values["label"])} if "label" in values else {}


def _cells(fields: Sequence[Field], raw: Mapping[str, Any], errors: Mapping[str, str], prefix: str) -> list[Cell]:
    return [
        Cell(
            field,
            f"{prefix}{field.key}",
            raw.get(field.key),
            answer_words(field, raw.get(field.key)),
            errors.get(f"{prefix}{field.key}", ""),
        )
        for field in fields
        if field.when is None or is_asked(field, raw) or raw.get(field.when[0]) is None
    ]


def answer_words(field: Field, raw: Any) -> str:
    """An answer as it is read."""
    if not raw:
        return ""
    if field.kind == Kind.TERMS:
        return terms(field.of, [str(one) for one in raw])
    if field.kind == Kind.TERM:
        return term(field.of, str(raw))
    if field.kind == Kind.CHOICE:
        return say(dict(field.choices).get(str(raw), str(raw)))
    return say("是") if field.kind == Kind.FLAG else str(told_value(raw) if field.kind == Kind.DAY else raw)


def missing_words(missing: Missing, section: Section) -> str:
    """案例 2：费用（万元）."""
    name = document_word(missing.document) if missing.document else say(missing.name)
    if not missing.row or missing.name == section.row:
        return f"{name} {missing.row}" if missing.row else name
    return f"{say(section.row)} {missing.row}{sep('：')}{name}"


def check_words(result: CheckResult | Mapping[str, Any]) -> ShownCheck:
    """What one check found, in the language of the page; a stored result speaks as one of today."""
    row = result.as_json() if isinstance(result, CheckResult) else result
    values = {key: _value_words(key, value) for key, value in row["values"].items()}
    return ShownCheck(Verdict(row["verdict"]), said(row["message"], values), row["section"])


def _value_words(key: str, value: Any) -> Any:
    if isinstance(value, list):
        return sep("、").join(str(one) for one in value)
    if key in ("title", "row"):
        return say(value)
    if key == "document":
        return next((document_word(one.key) for one in rules().documents if one.name == value), value)
    return value


def change_words(changes: Iterable[Change]) -> list[ShownChange]:
    found = []
    for change in changes:
        section = section_of(change.section)
        name = document_word(change.document) if change.field is None else say(change.field.label)
        where = f"{say(section.row)} {change.row}{sep('：')}{name}" if change.row else name
        before, after = (side if change.field is None else answer_words(change.field, side) for side in (change.before, change.after))
        found.append(ShownChange(section.key, say(section.title), where, str(before), str(after)))
    return found


def ball_of(application: ProviderApplication) -> Ball | None:
    """Who has the ball."""
    return ball(
        application.state,
        today=today(),
        closes=application.window.closes,
        supplement_until=application.supplement_until,
        publicity_until=application.publicity_until,
    )


_WHO = {
    "applicant": _("申报单位"),
    "manager": _("综合管理服务商"),
    "experts": _("评审专家"),
    "deciders": _("综合管理服务商和区工信局"),
    "public": _("社会公众"),
}


def who_words(who: str) -> str:
    """Who is next, in words."""
    return say(_WHO[who])


def is_writable(application: ProviderApplication) -> bool:
    return application.state in WRITABLE


_VERBS = {
    "start": _("开始填写"),
    "reuse": _("带入上次填的内容"),
    "save": _("保存"),
    "reply": _("回应退回意见"),
    "attach": _("上传文件"),
    "detach": _("去掉文件"),
    "submit": _("提交申报"),
    "accept": _("受理"),
    "send_back": _("退回补正"),
    "close_review": _("评审结束"),
    "publish": _("公示"),
    "admit": _("同意入库"),
    "refuse": _("不予入库"),
    "withdraw": _("撤回申报"),
    "lapse": _("逾期未补正，按撤回处理"),
    "propose": _("提出决定"),
    "create": _("起草"),
    "edit": _("修改草稿"),
    "extend": _("延长截止日期"),
    "close_early": _("提前截止"),
    "publish_window": _("发布通知"),
    "withdraw_window": _("撤回通知"),
}


def application_verb(verb: str) -> str:
    """What the history calls a step, as people call it."""
    return say(_VERBS.get(verb, verb))


def window_verb(verb: str) -> str:
    """The same for a window, where two words mean something else."""
    return say(_VERBS.get(f"{verb}_window", _VERBS.get(verb, verb)))


def section_title(key: str) -> str:
    return say(section_of(key).title)


# What the templates of windows and applications may use.
WORDS = (document_word, document_help, missing_words, ball_of, who_words, application_verb, window_verb, section_title)
