"""Data in: files of providers, solutions, cases, scenarios, enterprises, problems and past outcomes."""

from marketplace.actions.imports.report import Counts, ImportReport, Progress
from marketplace.actions.imports.run import DEFAULT_SOURCE, import_path
from marketplace.sheets.rows import BadCell, Note

__all__ = ["DEFAULT_SOURCE", "BadCell", "Counts", "ImportReport", "Note", "Progress", "import_path"]
