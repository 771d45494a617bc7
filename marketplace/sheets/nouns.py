"""Every sheet, in the order in which rows may refer to each other."""

from __future__ import annotations

from marketplace.sheets import cases, enterprises, history, problems, providers, rating_events, scenarios, solutions
from marketplace.sheets.columns import Sheet, folded

SHEETS: dict[str, Sheet] = {
    module.SHEET.noun: module.SHEET for module in (enterprises, providers, scenarios, solutions, cases, problems, history, rating_events)
}


def find_sheet(name: str) -> Sheet | None:
    """The sheet that a file's or a tab's name means: providers, 服务商, 服务商清单; a year or a number at the end is dropped."""
    wanted = folded(name)
    shortened = wanted.rstrip("0123456789-()年版v.")
    for sheet in SHEETS.values():
        if wanted in sheet.words or shortened in sheet.words:
            return sheet
    return None
