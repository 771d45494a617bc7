"""Loading the demonstration set: its files, the states that its README presets, one account per role."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions import transition
from marketplace.actions.calendar import load_calendar
from marketplace.actions.demonstration import open_demonstration_accounts
from marketplace.actions.imports import CityRules, ImportReport, Progress, import_path
from marketplace.domain.access import Role
from marketplace.domain.providers import TABLE, ProviderState
from marketplace.domain.ratings import TrackRecord
from marketplace.records.database import Database
from marketplace.records.matches import find_track_records
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider

ACTOR = "jigai demo"
SOURCE = "demo"
# The diagnoses came before the first proposal of the set's history (2024-11-29).
DIAGNOSED = date(2024, 9, 30)

# Credit code → what its past projects led to, as the set's README says.
WARNED = ("91990000MATBH25W14", "91990000MAFH4XW80Q", "91990000279721832H")
RETIRED = ("91990000MA1XBPUC6W", "91990000MA88MB2H0D")


@dataclass(frozen=True)
class Loaded:
    """What loading did: the import's report, and how many providers changed their state."""

    report: ImportReport
    moved: int


def load_demonstration(
    database: Database, words: CityRules, folder: Path, *, names: Mapping[Role, str], at: datetime, progress: Progress | None = None
) -> Loaded:
    """Load the set; a second time changes nothing. `names`: the word of each role."""
    load_calendar(database, words, at=at, actor=ACTOR)
    report = import_path(database, words, folder, actor=ACTOR, source=SOURCE, at=at, diagnosed=DIAGNOSED, progress=progress)
    moved = 0
    if report.is_good:
        with database.writing() as session:
            moved = _preset_states(session, at)
        open_demonstration_accounts(database, names=names, now=at)
    return Loaded(report, moved)


def _preset_states(session: Session, at: datetime) -> int:
    """Warn three providers and retire two, through the same table as anybody would, and once only."""
    records = find_track_records(session)
    moved = 0
    for event, codes in (("warn", WARNED), ("retire", RETIRED)):
        providers = session.scalars(select(Provider).join(Organisation).where(Organisation.credit_code.in_(codes)).order_by(Provider.id))
        for provider in providers:
            # Whatever people did with it since stays as they left it.
            if provider.state != ProviderState.ADMITTED:
                continue
            why = _reason(event, records.get(provider.id, TrackRecord()))
            transition.apply(session, provider, TABLE, event, actor=ACTOR, roles={Role.BUREAU}, at=at, why=why)
            moved += 1
    return moved


def _reason(event: str, record: TrackRecord) -> str:
    """Why, in the figures of the provider's own record."""
    if event == "retire":
        return f"{record.finished} 个完工项目中 {record.failed} 个验收未通过。"
    late = record.finished - record.on_time
    return f"{record.finished} 个完工项目中 {late} 个延期，平均得分 {record.mean_score or 0:.0f}。"
