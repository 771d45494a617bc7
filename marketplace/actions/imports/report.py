"""What an import found and did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marketplace.sheets.rows import BadCell, Note

Progress = Callable[[str, int, int], None]


@dataclass
class Counts:
    """Rows of one noun, by what became (or would become) of them."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    bad: int = 0

    @property
    def total(self) -> int:
        return self.new + self.changed + self.unchanged + self.bad


@dataclass
class ImportReport:
    """`written`: whether the database holds it now. `bad_files`: the files of bad rows that `skip_bad` wrote."""

    counts: dict[str, Counts] = field(default_factory=dict)
    bad: list[BadCell] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    bad_files: list[Path] = field(default_factory=list)
    dry_run: bool = False
    written: bool = False
    took: float = 0.0

    @property
    def is_good(self) -> bool:
        """Nothing bad was found."""
        return not self.bad

    @property
    def changes(self) -> int:
        """How many rows are new or changed."""
        return sum(counts.new + counts.changed for counts in self.counts.values())

    @property
    def rows(self) -> int:
        return sum(counts.total for counts in self.counts.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "written": self.written,
            "dry_run": self.dry_run,
            "counts": {
                noun: {"new": row.new, "changed": row.changed, "unchanged": row.unchanged, "bad": row.bad}
                for noun, row in self.counts.items()
            },
            "bad": [cell.as_json() for cell in self.bad],
            "notes": [{"file": note.file, "code": note.message.code, "message": note.sentence()} for note in self.notes],
            "bad_files": [str(path) for path in self.bad_files],
            "took_s": round(self.took, 3),
        }
