"""Rewording the letters of the platform: each change is a version; what was issued before stays as it was written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from marketplace.actions.history import record
from marketplace.actions.meanwhile import told
from marketplace.actions.roles import actor_of, must_hold
from marketplace.domain.access import Viewer
from marketplace.domain.letter_texts import LetterText, check
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.letters.letter import form_of
from marketplace.records.database import Database
from marketplace.records.history import find_entries_since
from marketplace.records.letter_texts import LetterTextVersion, find_letter_text

NOUN = "letter_text"


@dataclass(frozen=True)
class Step:
    """Who acts and when. `seen`: the version that the page showed, 0 where there was none."""

    viewer: Viewer
    at: datetime
    seen: int | None = None


def change(database: Database, name: str, draft: LetterText | None, step: Step, *, note: str = "") -> LetterTextVersion | None:
    """The words of a letter from now on; None for those that are shipped. Nothing where they are as they were."""
    must_hold(step.viewer, "manage", NOUN)
    form = form_of(name)
    if draft is not None:
        for _field, refused in check(draft, form.text, form.rules):
            raise RefusedError(refused)
    texts = {} if draft is None or draft == form.text else asdict(draft) | {"parts": list(draft.parts)}
    try:
        with database.writing() as session:
            last = find_letter_text(session, name)
            version = last.version if last else 0
            if step.seen is not None and step.seen != version:
                assert last is not None
                raise RefusedError(told(find_entries_since(session, NOUN, last.id, 0)[-1], step.at))
            held = last.texts if last is not None else {}
            if texts == held and (not last or last.shape == form.shape):
                return None
            row = LetterTextVersion(
                name=name, version=version + 1, texts=texts, shape=form.shape, note=note.strip(), account_id=step.viewer.account_id,
                at=step.at,
            )  # fmt: skip
            session.add(row)
            session.flush()
            before, after = _changed(held or _plain(form.text), texts or _plain(form.text))
            verb = "change" if texts else "restore"
            about = {"letter": name, "version": row.version}
            actor = actor_of(step.viewer)
            record(session, actor=actor, verb=verb, noun=NOUN, noun_id=row.id, before=before or None, after=about | after, why=note.strip(), at=step.at)  # fmt: skip
            return row
    except IntegrityError as error:
        raise RefusedError(Refused("changed_meanwhile", _("另一人刚刚保存了这封文书，请刷新后再改。"))) from error


def _plain(text: LetterText) -> dict[str, Any]:
    return {"title": text.title, "parts": list(text.parts), "sign_off": text.sign_off}


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the words that differ."""
    old, new = _lines(before), _lines(after)
    names = [name for name in new if old.get(name) != new[name]]
    return {name: old.get(name, "") for name in names}, {name: new[name] for name in names}


def _lines(texts: Mapping[str, Any]) -> dict[str, str]:
    return {"title": texts["title"], "text": "\n".join(text for text in texts["parts"] if text), "sign_off": texts["sign_off"]}
