"""Items → what they refer to: rows of the same import, or of the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from marketplace.actions.imports.checking import UNNUMBERED, Item
from marketplace.actions.imports.nouns import TARGETS
from marketplace.domain.lifecycle import Refused, _
from marketplace.records.columns import Record
from marketplace.records.enterprises import Enterprise
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider
from marketplace.records.scenarios import Scenario
from marketplace.records.solutions import Solution
from marketplace.sheets.columns import folded
from marketplace.sheets.nouns import SHEETS

_CHUNK = 500
Items = dict[str, list[Item]]


def chunks(keys: Iterable[str]) -> Iterator[list[str]]:
    found = sorted(set(keys))
    for start in range(0, len(found), _CHUNK):
        yield found[start : start + _CHUNK]


def refuse_duplicates(items: Items) -> dict[str, dict[str, Item]]:
    """Noun → key → the first item that has it; the others are refused with a pointer to the first."""
    first: dict[str, dict[str, Item]] = {}
    for noun, rows in items.items():
        seen = first.setdefault(noun, {})
        for item in rows:
            other = seen.setdefault(item.key, item) if item.key else item
            if other is item:
                continue
            values = {"key": item.key, "row": other.row.number, "file": other.table.file}
            if item.key.startswith(UNNUMBERED):
                item.refuse(None, Refused("duplicate_row", _("与 {file} 第 {row} 行重复，请删去一行或各写一个编号。"), values))
            else:
                name = "code" if "code" in item.row.cells else "id"
                message = _("“{key}”与 {file} 第 {row} 行重复，请删去一行或修改。")
                item.refuse(item.table.sheet.column(name), Refused("duplicate_id", message, values))
    return first


def refuse_two_names(items: Items) -> None:
    """One credit code is one organisation, whether provider or enterprise: it cannot have two names in one import."""
    names: dict[str, Item] = {}
    for noun in ("enterprises", "providers"):
        for item in items.get(noun, []):
            code, name = item.key, item.values.get("name", "")
            other = names.setdefault(code, item)
            if code and other.noun != noun and folded(other.values.get("name", "")) != folded(name):
                values = {"sheet": SHEETS[other.noun].name, "row": other.row.number, "name": other.values.get("name", "")}
                message = _("同一个信用代码在{sheet}表第 {row} 行叫“{name}”，请统一名称。")
                item.refuse(item.table.sheet.column("name"), Refused("two_names", message, values))


def find_existing(session: Session, noun: str, keys: Iterable[str], source: str) -> dict[str, Record]:
    """The records that these keys already name."""
    found: dict[str, Record] = {}
    record: Any = TARGETS[noun].record
    for part in chunks(keys):
        if record in (Enterprise, Provider):
            rows = session.scalars(select(record).join(Organisation).where(Organisation.credit_code.in_(part)))
            found.update((row.organisation.credit_code, row) for row in rows)
        elif record is Scenario:
            found.update((row.code, row) for row in session.scalars(select(Scenario).where(Scenario.code.in_(part))))
        else:
            rows = session.scalars(select(record).where(record.source == source, record.source_ref.in_(part)))
            found.update((row.source_ref, row) for row in rows)
    return found


def find_ids(session: Session, noun: str, keys: Iterable[str], source: str) -> dict[str, list[int]]:
    """The ids that a reference may mean: those of its own source, else of any, else the one with that public id."""
    found: dict[str, list[int]] = {}
    record: Any = TARGETS[noun].record
    for part in chunks(keys):
        if record in (Enterprise, Provider):
            pairs = session.execute(select(Organisation.credit_code, record.id).join(record).where(Organisation.credit_code.in_(part)))
            found.update((code, [number]) for code, number in pairs)
            continue
        own: dict[str, list[int]] = {}
        foreign: dict[str, list[int]] = {}
        for key, number, row_source in session.execute(
            select(record.source_ref, record.id, record.source).where(record.source_ref.in_(part))
        ):
            (own if row_source == source else foreign).setdefault(key, []).append(number)
        public: InstrumentedAttribute[str] = record.public_id
        for key, number in session.execute(select(public, record.id).where(public.in_(part))):
            foreign.setdefault(key, []).append(number)
        found |= foreign | own
    return found


def resolve(session: Session, items: Items, first: dict[str, dict[str, Item]], source: str) -> None:
    """Find what exists already and what every row refers to; refuse rows that refer to nothing, or to a bad row."""
    for noun, rows in items.items():
        target = TARGETS[noun]
        existing = find_existing(session, noun, (item.key for item in rows if item.key), source)
        for item in rows:
            item.existing = existing.get(item.key)
        for name, (attribute, other) in target.refers.items():
            here = first.get(other, {})
            wanted = {item.values[name] for item in rows if item.values.get(name)}
            ids = find_ids(session, other, wanted - here.keys(), source)
            for item in rows:
                if item.values.get(name):
                    _refer(item, name, other, here.get(item.values[name]), ids)
                if attribute == target.belongs and item.existing is not None and name in item.refers:
                    _refuse_move(item, name, attribute)
        if noun == "history":
            _take_provider_of_solution(session, rows)


def _refer(item: Item, name: str, other: str, here: Item | None, ids: dict[str, list[int]]) -> None:
    column, sheet = item.table.sheet.column(name), SHEETS[other]
    key = item.values[name]
    values: dict[str, Any] = {"key": key, "name": sheet.name}
    if here is not None:
        # A row that hangs on a bad row cannot come in without it.
        if here.bad:
            message = _("它所属的{name}（{file} 第 {row} 行）有问题，这一行也不能导入。")
            item.refuse(column, Refused("depends_on_bad", message, values | {"file": here.table.file, "row": here.row.number}))
        item.refers[name] = here
        return
    found = ids.get(key, [])
    if len(found) == 1:
        item.refers[name] = found[0]
    elif found:
        message = _("有 {count} 条{name}的编号都是“{key}”，分不清是哪一条。请用 --source 写明来源。")
        item.refuse(column, Refused("ambiguous", message, values | {"count": len(found)}))
    elif not any(cell.column == item.table.header_of(column) for cell in item.bad):
        what = _("信用代码") if other in ("providers", "enterprises") else _("编号")
        message = _("没有{what}为“{key}”的{name}，库里和文件里都没有。")
        item.refuse(column, Refused("unknown_reference", message, values | {"what": what}))


def _refuse_move(item: Item, name: str, attribute: str) -> None:
    """A number that is taken by somebody else's row does not take that row away from them."""
    other = item.refers[name]
    new_id = other if isinstance(other, int) else getattr(other.existing, "id", None)
    if new_id != getattr(item.existing, attribute):
        column = item.table.sheet.column("id")
        message = _("编号“{key}”已经属于另一家单位，请换一个编号，或用 --source 另起一个来源名。")
        item.refuse(column, Refused("taken_number", message, {"key": item.key}))


def _take_provider_of_solution(session: Session, rows: list[Item]) -> None:
    """A past match without a provider is the solution's; one with another provider is a mistake."""
    numbers = {other for item in rows if isinstance(other := item.refers.get("solution_id"), int)}
    owners: dict[int, int] = {}
    if numbers:
        pairs = session.execute(select(Solution.id, Solution.provider_id).where(Solution.id.in_(numbers)))
        owners = {row.id: row.provider_id for row in pairs}
    for item in rows:
        solution = item.refers.get("solution_id")
        if solution is None:
            continue
        owner = owners.get(solution) if isinstance(solution, int) else solution.refers.get("provider_code")
        named = item.refers.get("provider_code")
        if named is None and owner is not None and not item.values.get("provider_code"):
            item.refers["provider_code"] = owner
        elif named is not None and owner is not None and _id_of(named) != _id_of(owner):
            column = item.table.sheet.column("provider_code")
            message = _("方案“{solution}”不是这家服务商的，请核对。")
            item.refuse(column, Refused("other_provider", message, {"solution": item.values["solution_id"]}))


def _id_of(other: Item | int) -> Any:
    """Something that is equal for the same row: its id, or the item itself while it has none."""
    if isinstance(other, int):
        return other
    existing: Any = other.existing
    return existing.id if existing is not None else id(other)
