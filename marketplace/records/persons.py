"""Where a person stands in the tables: rows that are the person's own, rows that refer to the account, and texts that name the person."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Column, ColumnElement, Enum, RowMapping, String, Table, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from marketplace.domain.persons import CODED, HELD, ON_THE_WAY, OWN, SECRET, Marks, holds
from marketplace.records.accounts import Account
from marketplace.records.experts import ReviewExpert
from marketplace.records.files import Attachment, Blob
from marketplace.records.history import HistoryEntry
from marketplace.records.tables import metadata

# Rows are read again by their keys, so many at a time.
BATCH = 200
_HELD = frozenset(name for names, _why in HELD for name in names)


@dataclass
class Traces:
    """Rows by their keys: `mine` are about the person, `others` only hold the same words. `files`: contents that do."""

    mine: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    files: int = 0

    @property
    def rows(self) -> int:
        return sum(len(keys) for keys in self.mine.values())


def text_columns(table: Table) -> list[Column[Any]]:
    """Columns in which somebody's words may stand."""
    return [column for column in table.columns if isinstance(column.type, String | JSON) and _is_prose(column)]


def _is_prose(column: Column[Any]) -> bool:
    """Neither a key nor a word that the program reads."""
    return not (isinstance(column.type, Enum) or column.foreign_keys or column.primary_key or column.name in CODED)


def account_columns(table: Table) -> list[Column[Any]]:
    """Columns that name an account."""
    return [column for column in table.columns if any(key.column.table.name == "accounts" for key in column.foreign_keys)]


def find_expert_of(session: Session, account_id: int) -> ReviewExpert | None:
    return session.scalar(select(ReviewExpert).where(ReviewExpert.account_id == account_id))


def searched_tables() -> list[Table]:
    """All tables with texts that may be written anew. Accounts are not among them: the person's own is emptied, others are others'."""
    return [table for table in metadata.sorted_tables if table.name not in (*_HELD, "accounts") and text_columns(table)]


def find_traces(session: Session, account: Account, marks: Marks) -> Traces:
    """Every row whose texts hold one of the words. One statement a table, each reads its table once."""
    found, expert = Traces(), find_expert_of(session, account.id)
    for table in searched_tables():
        columns = text_columns(table)
        ties = [*account_columns(table), *(column for column in table.columns if _is_of_expert(column))]
        query = select(*table.primary_key, *columns, *ties).where(or_(*(_holds_any(column, marks.words) for column in columns)))
        keys = [key.name for key in table.primary_key]
        for row in session.execute(query).mappings():
            if _is_mine(table, row, account.id, expert.id if expert else None, columns, marks):
                found.mine.setdefault(table.name, []).append(tuple(row[key] for key in keys))
            else:
                found.others[table.name] = found.others.get(table.name, 0) + 1
    found.files = session.scalar(select(func.count()).select_from(Blob).where(_holds_any(Blob.text, marks.words))) or 0
    return found


def _is_of_expert(column: Column[Any]) -> bool:
    return any(key.column.table.name == "review_experts" for key in column.foreign_keys)


def _holds_any(column: Any, words: Collection[str]) -> ColumnElement[bool]:
    """JSON may have been written with its characters as they are or as escapes."""
    forms = dict.fromkeys(form for word in words for form in (word, json.dumps(word)[1:-1]))
    text = cast(column, Text) if isinstance(column.type, JSON) else column
    return or_(*(text.contains(form, autoescape=True) for form in forms))


def _is_mine(table: Table, row: RowMapping, account_id: int, expert_id: int | None, columns: list[Column[Any]], marks: Marks) -> bool:
    values = [row[column.name] for column in columns]
    if table.name in ON_THE_WAY or holds(values, marks.anywhere):
        return True
    if any(row[column.name] == account_id for column in account_columns(table)):
        return True
    if expert_id is not None and any(row[column.name] == expert_id for column in table.columns if _is_of_expert(column)):
        return True
    return holds(values, marks.proofs)


def find_rows(session: Session, table: Table, keys: list[tuple[Any, ...]]) -> Iterator[RowMapping]:
    """Those of a table's rows that are still there, with their texts."""
    for start in range(0, len(keys), BATCH):
        some = or_(*(by_key(table, key) for key in keys[start : start + BATCH]))
        yield from session.execute(select(*table.primary_key, *text_columns(table)).where(some)).mappings().all()


def by_key(table: Table, key: tuple[Any, ...]) -> ColumnElement[bool]:
    return and_(*(column == value for column, value in zip(table.primary_key, key, strict=True)))


def find_own_rows(session: Session, account_id: int) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Table by table what is about this person alone, without what opens anything."""
    for name in OWN:
        table = metadata.tables[name]
        owner = table.c.id if name == "accounts" else table.c.account_id
        columns = [column for column in table.columns if column.name not in SECRET]
        rows = session.execute(select(*columns).where(owner == account_id).order_by(*table.primary_key)).mappings()
        yield name, [{key: _plain(value) for key, value in row.items()} for row in rows]


def find_deeds(session: Session, account_id: int) -> Iterator[dict[str, Any]]:
    """Everything else that names this account: which thing, and as what. Its content is its organisation's."""
    for table in metadata.sorted_tables:
        if table.name in OWN:
            continue
        for column in account_columns(table):
            keys = [table.c.public_id] if "public_id" in table.columns else list(table.primary_key)
            for row in session.execute(select(*keys).where(column == account_id).order_by(*table.primary_key)):
                yield {"table": table.name, "as": column.name, "thing": [_plain(value) for value in row]}


def find_own_history(session: Session, account: Account) -> Iterator[dict[str, Any]]:
    """What the history says of this person: what it did, and what was done to the account. Other things' contents are left out."""
    mine = (HistoryEntry.noun == "account") & (HistoryEntry.noun_id == account.id)
    query = select(HistoryEntry).where(mine | _did(account)).order_by(HistoryEntry.id).execution_options(yield_per=1000)
    for entry in session.scalars(query):
        told: dict[str, Any] = {"id": entry.id, "at": _plain(entry.at), "verb": entry.verb, "noun": entry.noun, "noun_id": entry.noun_id}
        if entry.noun == "account" and entry.noun_id == account.id:
            told |= {"before": entry.before, "after": entry.after, "why": entry.why}
        yield told


def _did(account: Account) -> ColumnElement[bool]:
    """What this account did. Somebody may have had its log-in name before; the number was nobody's."""
    by_name = (HistoryEntry.actor == account.login) & (HistoryEntry.at >= account.created)
    return by_name | HistoryEntry.actor.endswith(f"（{account.id}）", autoescape=True)


def count_kept(session: Session, account: Account) -> Mapping[str, int]:
    """What stays of a person who is erased: entries of the history and files that the person brought."""
    return {
        "history": session.scalar(select(func.count()).select_from(HistoryEntry).where(_did(account))) or 0,
        "files": session.scalar(select(func.count()).select_from(Attachment).where(Attachment.uploaded_by == account.id)) or 0,
    }


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date | datetime) else value
