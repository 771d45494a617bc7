"""The English catalogue: take up new source sentences, drop those that are gone, compile. Prints what still lacks English."""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from marketplace.sheets.nouns import SHEETS
from marketplace.web.history_words import step_labels

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "marketplace" / "translations"
CATALOGUE = FOLDER / "en" / "LC_MESSAGES" / "messages.po"
SOURCES = ("marketplace", "indexer", "recommender", "templates")
KEYWORDS = {"_": None, "say": None, "gettext": None}


def source_sentences() -> Catalog:
    """Every sentence that a page, an answer or a refusal may show. A repeated one counts once."""
    with (FOLDER / "babel.cfg").open(encoding="utf-8") as file:
        mapping, options = parse_mapping_cfg(file)
    found = Catalog(charset="utf-8")
    for folder in SOURCES:
        for _name, _line, message, _comments, context in extract_from_dir(ROOT / folder, mapping, options, KEYWORDS):
            if message:
                found.add(message, context=context)
    # The names of the sheets to fill in and of the steps of processes are data, and shown as words.
    for sheet in SHEETS.values():
        found.add(sheet.name)
    for label in sorted(step_labels()):
        found.add(label)
    return found


def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en")


def missing(english: Catalog, wanted: Catalog) -> list[str]:
    """Source sentences without English, in the order in which they are found."""
    have = {message.id: message.string for message in english if message.id}
    return [str(message.id) for message in wanted if message.id and not have.get(message.id)]


def compiled(english: Catalog) -> bytes:
    buffer = BytesIO()
    write_mo(buffer, english)
    return buffer.getvalue()


def main() -> int:
    wanted, old = source_sentences(), catalogue()
    comment = "# English of Jigai's Chinese source sentences."
    english = Catalog(locale="en", project="jigai", charset="utf-8", header_comment=comment, fuzzy=False, creation_date=old.creation_date)
    have = {message.id: message for message in old if message.id}
    for message in wanted:
        if message.id:
            kept = have.get(message.id)
            english.add(message.id, string=kept.string if kept else "", flags=message.flags)
    with CATALOGUE.open("wb") as file:
        write_po(file, english, width=140, sort_output=True, omit_header=False)
    CATALOGUE.with_suffix(".mo").write_bytes(compiled(catalogue()))
    lacking = missing(english, wanted)
    sys.stdout.write("".join(f"{text!r}\n" for text in lacking))
    return 1 if lacking else 0


if __name__ == "__main__":
    sys.exit(main())
