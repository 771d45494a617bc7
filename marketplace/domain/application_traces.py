"""Traces of who is behind an application: what two applicants should not share."""

from __future__ import annotations

import re
from collections.abc import Iterator

from marketplace.domain.application_answers import Answers, read_section
from marketplace.domain.application_sections import section_of

# The sections from which traces are taken.
TRACED = frozenset({"organisation", "experts"})


def traces(answers: Answers) -> Iterator[tuple[str, str]]:
    """(kind, value) of what two applicants should not share; an expert is known by name and the end of the identity number."""
    contact = read_section(section_of("organisation"), answers)
    if phone := contact.value("phone"):
        yield "phone", re.sub(r"\D", "", str(phone))
    if email := contact.value("email"):
        yield "email", str(email)
    for row in read_section(section_of("experts"), answers).rows:
        if row.get("name") and row.get("id_tail"):
            yield "expert", f"{row['name']}|{str(row['id_tail']).upper()}"
