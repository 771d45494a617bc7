"""The diagnosis questionnaire of a pilot, read and checked at start: whatever is wrong with the file is one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from marketplace.domain.questionnaires import Questionnaire, faults
from marketplace.pilot_file import Reader
from marketplace.pilot_terms import Term, Terms

PACKAGED = Path(__file__).parent / "data" / "questionnaire.toml"


def load_questionnaire(path: Path | None = None) -> Questionnaire:
    """The questionnaire of a file, by default the packaged one; raises PilotError."""
    reader = Reader(path or PACKAGED)
    found: Questionnaire = reader.build(Questionnaire, reader.document(), "questionnaire")
    for key, sentence in faults(found):
        raise reader.fail(key, sentence)
    return found


def questionnaire_of(reader: Reader, named: str, terms: Mapping[str, Terms[Term]]) -> Questionnaire:
    """The one that a city names beside its pilot file, or the packaged one. What a city names itself speaks of its own words only;
    a block of the packaged one for a sector that the city does not have is never asked."""
    if not named:
        return load_questionnaire()
    found = load_questionnaire(reader.file.parent / named)
    known = {kind: {term.key for term in terms[kind]} | {""} for kind in ("sectors", "orientations")}
    strange = {section.sector for section in found.sections} - known["sectors"]
    strange |= {question.orientation for question in found.questions} - known["orientations"]
    if strange:
        raise reader.fail("files.questionnaire", f"{named} uses unknown keys: {', '.join(sorted(strange))}")
    return found
