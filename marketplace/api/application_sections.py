"""One section of an application at a time: read, and written whole on top of the version that was read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from marketplace.actions.applications import save_section
from marketplace.api.applications import done, number_of
from marketplace.api.operation import SENTENCES, Done, Model, Versioned, operation, refuse
from marketplace.api.writing import late, read_number, read_version
from marketplace.domain.application_answers import raw_of, read_section
from marketplace.domain.application_changes import differences
from marketplace.domain.application_sections import Field as Question
from marketplace.domain.application_sections import Kind, Section, find_section
from marketplace.domain.lifecycle import RefusedError, _
from marketplace.faults import Problem, said
from marketplace.guard import current_viewer, not_found, now, permission
from marketplace.records.applications import ProviderApplication, SectionRemark, find_application
from marketplace.site import current_site

Answer = str | list[str]
_KEY = re.compile(r"[1-9]\d{0,3}", re.ASCII)
# Characters that no text holds: controls other than line ends and tabs.
_IMPOSSIBLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class RemarkOut(Model):
    """What the office wants supplemented. `number`: its place in the section, by which it is answered."""

    number: int
    reason: str
    reply: str
    settled: bool


class WrongAnswer(Model):
    """An answer that is kept and cannot be read. `path`: field, or row key and field."""

    path: str
    code: str
    message: str


class SectionOut(Versioned):
    """A section as it was typed. Texts stay texts; questions with several words of the pilot hold a list of keys."""

    key: str
    title: str
    fields: dict[str, Answer]
    rows: list[dict[str, Answer]]
    wrong: list[WrongAnswer]
    remarks: list[RemarkOut]


class SectionIn(Model):
    """The whole section: what is not named is not answered. Every row has a `key`, a number of its own within the section."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "fields": {},
                    "rows": [{"key": "1", "title": "树脂车间批控", "sector": "chem", "cost": "126", "effect": "投料差错 9→1 起/年"}],
                    "replies": {"1": "已补验收报告"},
                }
            ]
        }
    )
    fields: dict[str, Answer] = Field(default_factory=dict, max_length=50)
    rows: list[dict[str, Answer]] = Field(default_factory=list, max_length=200)
    replies: dict[str, str] = Field(default_factory=dict, max_length=50)
    """Number of a remark → what is said to it."""


@permission("read", "application")
@operation("/applications/<id>/sections/<key>", summary="One section as it was typed", tag="applications", answer=SectionOut)
def read_application_section(id: str, key: str) -> SectionOut:
    with current_site().database.reading() as session:
        row, section = _found(session, id, key)
        fields, rows = raw_of(row.answers, section.key)
        wrong = read_section(section, row.answers).errors
        return SectionOut(
            version=_version(row, section),
            key=section.key,
            title=said(section.title, {}),
            fields=fields,
            rows=rows,
            wrong=[WrongAnswer(path=path, code=one.code, message=_sentence(one.message, one.values)) for path, one in wrong.items()],
            remarks=[
                RemarkOut(number=number, reason=one.reason, reply=one.reply, settled=one.settled_at is not None)
                for number, one in enumerate(_remarks(row, section), 1)
            ],
        )


def _sentence(message: str, values: Mapping[str, Any]) -> str:
    return said(message, {**values, **({"label": said(values["label"], {})} if "label" in values else {})})


def _found(session: Session, id: str, key: str) -> tuple[ProviderApplication, Section]:
    row = find_application(session, id, current_viewer()) or not_found()
    return row, find_section(key) or not_found()


def _version(row: ProviderApplication, section: Section) -> str:
    return str(int(row.section_versions.get(section.key, 0)))


def _remarks(row: ProviderApplication, section: Section) -> Sequence[SectionRemark]:
    return [one for one in row.remarks if one.section == section.key]


@permission("write", "application", scope="write")
@operation(
    "/applications/<id>/sections/<key>",
    method="PUT",
    summary="Keep a section, half-filled or mistyped as it may be",
    tag="applications",
    body=SectionIn,
    answer=Done,
    writes=True,
    match="must",
)
def save_application_section(id: str, key: str, body: SectionIn) -> Done:
    site, number = current_site(), number_of(id)
    with site.database.reading() as session:
        row, section = _found(session, id, key)
        ids = {str(place): remark.id for place, remark in enumerate(_remarks(row, section), 1)}
        stands = int(_version(row, section))
    if problems := list(_problems(section, body, ids)):
        refuse(problems)
    answers: dict[str, Any] = {"fields": _kept(section.fields, body.fields)}
    if section.row_fields:
        answers["rows"] = [{"key": one["key"], **_kept(section.row_fields, one)} for one in body.rows]
    version = read_number(read_version())
    # A version that no answer gave is not one that was read.
    if version is None or version > stands:
        raise late()
    values: dict[str, Any] = {"rules": site.pilot.application, "viewer": current_viewer(), "at": now()}
    values["replies"] = {ids[place]: text for place, text in body.replies.items()}
    try:
        return done(save_section(site.database, number, section.key, answers, version=version, **values))
    except RefusedError as error:
        if error.refused.code != "changed_meanwhile":
            raise
        with site.database.reading() as session:
            now_said = session.get_one(ProviderApplication, number).answers
            raise late(list(_differences(section, now_said, {section.key: answers}))) from error


def _kept(asked: Sequence[Question], given: Mapping[str, Answer]) -> dict[str, Answer]:
    """An empty answer is no answer, so that it is no difference to a question that was never asked. Words become keys."""
    found: dict[str, Answer] = {}
    for one in asked:
        answer = given.get(one.key, "")
        if isinstance(answer, list):
            found[one.key] = list(dict.fromkeys(_key(one, word) for word in answer))
        else:
            found[one.key] = _key(one, answer) if one.kind == Kind.TERM and answer else _clean(answer)
    return {name: answer for name, answer in found.items() if answer}


def _key(asked: Question, word: str) -> str:
    found = current_site().pilot.find(asked.of, word)
    return found.key if found else ""


def _clean(text: str) -> str:
    return _IMPOSSIBLE.sub("", text).replace("\r\n", "\n").strip()


def _problems(section: Section, body: SectionIn, remarks: Mapping[str, int]) -> Iterator[Problem]:
    """Questions that this section does not ask, words that the pilot does not know, rows that cannot be told apart."""
    yield from _of_questions(section.fields, body.fields, "body.fields")
    keys: set[str] = set()
    for place, row in enumerate(body.rows):
        path, key = f"body.rows.{place}", row.get("key")
        if not section.row_fields:
            yield Problem(path, "extra_forbidden", SENTENCES["extra_forbidden"])
            continue
        if not isinstance(key, str) or not _KEY.fullmatch(key) or key in keys:
            yield Problem(f"{path}.key", "bad_key", _("每一行要有自己的 key：1 至 9999，不能重复。"))
        keys.add(str(key))
        yield from _of_questions(section.row_fields, {name: one for name, one in row.items() if name != "key"}, path)
    for number in body.replies:
        if number not in remarks:
            yield Problem(f"body.replies.{number}", "extra_forbidden", SENTENCES["extra_forbidden"])


def _of_questions(asked: Sequence[Question], given: Mapping[str, Answer], path: str) -> Iterator[Problem]:
    known = {one.key: one for one in asked}
    for name, answer in given.items():
        one = known.get(name)
        if one is None:
            yield Problem(f"{path}.{name}", "extra_forbidden", SENTENCES["extra_forbidden"])
        elif (one.kind == Kind.TERMS) != isinstance(answer, list):
            code = "list_type" if one.kind == Kind.TERMS else "string_type"
            yield Problem(f"{path}.{name}", code, SENTENCES[code])
        elif one.kind in (Kind.TERM, Kind.TERMS):
            words = answer if isinstance(answer, list) else [answer] if answer else []
            unknown = [word for word in words if current_site().pilot.find(one.of, word) is None]
            if unknown:
                yield Problem(f"{path}.{name}", "unknown_word", _("没有“{value}”这个词，请用试点配置里的键。"), {"value": unknown[0][:40]})


def _differences(section: Section, stands: Mapping[str, Any], sent: Mapping[str, Any]) -> Iterator[Problem]:
    """Where what was sent differs from what somebody else has saved meanwhile."""
    message = _("现在是“{now}”，您写的是“{sent}”。")
    for one in differences(section, stands, sent):
        if one.field is not None:
            path = f"body.rows.{one.row - 1}.{one.field.key}" if one.row else f"body.fields.{one.field.key}"
            yield Problem(path, "differs", message, {"now": str(one.before)[:200], "sent": str(one.after)[:200]})
