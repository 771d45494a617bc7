"""任务书 (agreements): what is signed between the bureau and whoever carries a project out, and the code by which anybody can check it."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from marketplace.domain.lifecycle import Refused, _

# Without what is read wrongly on paper: 0 O 1 I L U. 30 ^ 12 codes: nobody finds one by trying.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LETTERS = 12
OURS, THEIRS = "agreement_ours", "agreement_theirs"
SIDES = (OURS, THEIRS)
# What is signed is a scan: a PDF, or a photo of each page.
SCANS = ("pdf", "jpg", "jpeg", "png")


def new_code(below: Callable[[int], int]) -> str:
    """A check code in groups of four. `below`: a random number below another one, as secrets.randbelow."""
    letters = [ALPHABET[below(len(ALPHABET))] for _number in range(CODE_LETTERS)]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, CODE_LETTERS, 4))


def normal_code(text: str) -> str:
    """A code as somebody typed it: small letters, spaces and other dashes are meant well."""
    letters = [letter for letter in text.upper() if letter in ALPHABET]
    return "-".join("".join(letters[start : start + 4]) for start in range(0, len(letters), 4))


def same_code(typed: str, code: str) -> bool:
    """Compared in constant time."""
    return hmac.compare_digest(normal_code(typed).encode(), code.encode())


def signed_sides(kinds: Iterable[str]) -> int:
    """How many of both sides have their sealed scan here."""
    return len(set(kinds) & set(SIDES))


def may_sign(side: str, *, state: str, confirmed: bool) -> Refused | None:
    """Scans are taken while the agreement waits to be signed."""
    if side not in SIDES:
        return Refused("unknown_side", _("没有这一项材料，请刷新页面后重新选。"))
    if confirmed or state != "approved":
        return Refused("not_to_be_signed", _("任务书现在不在签署阶段，不能再换扫描件。"))
    return None


def instalments(amount_fen: int, first_share: float) -> tuple[int, int]:
    """The first part and the rest; they add up to the fen."""
    first = round(amount_fen * first_share)
    return first, amount_fen - first


def differs(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether a version drawn up anew says anything else."""
    return before is None or dict(before) != dict(after)
