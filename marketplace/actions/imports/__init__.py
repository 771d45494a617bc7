"""Data in: files of providers, solutions, cases, scenarios, enterprises, problems and past outcomes."""

from marketplace.actions.imports.admission import Admission, check_admission
from marketplace.actions.imports.owned import Owner, owner_of
from marketplace.actions.imports.report import Counts, ImportReport, Progress
from marketplace.actions.imports.run import DEFAULT_SOURCE, CityRules, import_path
from marketplace.sheets.rows import BadCell, Note

__all__ = [
    "DEFAULT_SOURCE",
    "Admission",
    "BadCell",
    "CityRules",
    "Counts",
    "ImportReport",
    "Note",
    "Owner",
    "Progress",
    "check_admission",
    "import_path",
    "owner_of",
]
