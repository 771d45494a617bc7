"""What a provider imports: its own solutions only, as drafts that wait for its own word and then for the reviewer's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.catalogue import begin_solution, must_act, next_content, write_content
from marketplace.actions.imports.checking import Item
from marketplace.actions.imports.references import Items, chunks
from marketplace.actions.imports.writing import own_values
from marketplace.domain.access import Viewer, may
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.solution_versions import COLUMNS, EDITABLE, Content, empty_content
from marketplace.domain.solutions import SolutionState
from marketplace.records.providers import Provider
from marketplace.records.solution_versions import find_open_version
from marketplace.records.solutions import Solution
from marketplace.sheets.rows import BadCell, Reading, Table

SHEET = "solutions"


@dataclass(frozen=True)
class Owner:
    """On whose behalf a provider's import is, and who runs it."""

    provider_id: int
    viewer: Viewer


def owner_of(viewer: Viewer) -> Owner | None:
    """The provider on whose behalf somebody imports; None for staff, who import for everybody. Refused for whoever is neither."""
    if may(viewer, "run", "import"):
        return None
    if not viewer.provider_ids:
        raise RefusedError(Refused("not_in_pool", _("贵单位还没有入库，入库后才能导入方案。")))
    return Owner(min(viewer.provider_ids), viewer)


def keep_to_own(session: Session, reading: Reading, owner: Owner) -> list[BadCell]:
    """Before rows are looked at: other sheets are told and left out, and a row that names nobody is the provider's own."""
    provider = session.get_one(Provider, owner.provider_id)
    must_act(owner.viewer, provider, "edit")
    if not provider.organisation.credit_code:
        raise RefusedError(Refused("no_credit_code", _("贵单位没有登记统一社会信用代码，不能用表导入。请联系管理员补上。")))
    message = Refused("not_own_sheet", _("服务商只能导入自己的方案。这张表没有导入。"))
    foreign = [table for table in reading.tables if table.sheet.noun != SHEET]
    reading.tables[:] = [table for table in reading.tables if table.sheet.noun == SHEET]
    for table in reading.tables:
        _name_own(table, provider.organisation.credit_code)
    return [BadCell(table.file, table.tab, 0, "", "", message) for table in foreign]


def _name_own(table: Table, code: str) -> None:
    column = table.sheet.column("provider_code")
    table.headers.setdefault(column.key, column.header)
    for row in table.rows:
        if not str(row.cells.get(column.key) or "").strip():
            row.cells[column.key] = code


def resolve_own(session: Session, items: Items, owner: Owner) -> None:
    """Rows of other providers are refused; rows that are there already are known by the provider's own numbers, whatever their source."""
    code = session.get_one(Provider, owner.provider_id).organisation.credit_code
    rows = items.get(SHEET, [])
    known: dict[str, Solution] = {}
    for part in chunks(item.key for item in rows if item.key):
        query = select(Solution).where(Solution.provider_id == owner.provider_id, Solution.source_ref.in_(part))
        known.update((row.source_ref, row) for row in session.scalars(query.order_by(Solution.id)))
    for item in rows:
        if item.values.get("provider_code") and item.values["provider_code"] != code:
            message = Refused("not_own_provider", _("这一行写的是另一家服务商，服务商只能导入自己的方案。"))
            item.refuse(item.table.sheet.column("provider_code"), message)
        item.refers["provider_code"] = owner.provider_id
        item.existing = known.get(item.key)
        if item.existing is not None:
            _look_at_version(session, item, known[item.key])


def _look_at_version(session: Session, item: Item, solution: Solution) -> None:
    """What the row would change, and whether it may: a version that was handed in waits for its answer."""
    version = find_open_version(session, solution.id)
    item.content = next_content(session, solution, version)
    if version is not None and version.state not in EDITABLE and own_changes(item):
        message = Refused("not_editable", _("这个方案的新版本正在审核，先撤回或等结果，再导入修改。"))
        item.refuse(None, message)
    elif solution.state == SolutionState.BLOCKED:
        item.refuse(None, Refused("blocked", _("这个方案已被拦截，须由区工信局先恢复。")))


def own_changes(item: Item) -> dict[str, tuple[Any, Any]]:
    """Field → (old, new) against what the next version begins with. An absent column changes nothing."""
    stands: Content = item.content or {}
    said = {name: value for name, value in own_values(item).items() if name in COLUMNS}
    return {name: (stands.get(name), new) for name, new in said.items() if stands.get(name) != new}


@dataclass
class DraftWriter:
    """Writes rows as versions that nobody but the provider sees."""

    session: Session
    owner: Owner
    at: datetime
    step: Callable[[], None]

    def write(self, noun: str, items: list[Item]) -> None:
        note = _("由表格导入")
        provider = self.session.get_one(Provider, self.owner.provider_id)
        for item in items:
            said = {name: value for name, value in own_values(item).items() if name in COLUMNS}
            content = (item.content or empty_content()) | said
            if isinstance(item.existing, Solution):
                solution = item.existing
                version = find_open_version(self.session, solution.id)
                write_content(self.session, solution, version, content, note=note, viewer=self.owner.viewer, at=self.at)
            else:
                begin_solution(self.session, provider, content, note=note, viewer=self.owner.viewer, at=self.at, source_ref=item.key)
            self.step()

    def enqueue(self) -> None:
        """Nothing of a draft is to be found, so nothing is to be indexed."""
