"""统一社会信用代码: the unified social credit code of organisations (GB 32100-2015)."""

from __future__ import annotations

from marketplace.domain.lifecycle import Refused, _

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS = (1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28)


def check_character(first17: str) -> str:
    """The 18th character that belongs to the first 17 (GB 32100-2015, mod 31)."""
    total = sum(ALPHABET.index(char) * weight for char, weight in zip(first17, _WEIGHTS, strict=True))
    return ALPHABET[(31 - total % 31) % 31]


def check_credit_code(code: str) -> Refused | None:
    """What is wrong with a code, or None. Lower case and spaces are the caller's to fold."""
    if len(code) != 18:
        return Refused("credit_code_length", _("统一社会信用代码应为 18 位，现在是 {length} 位。"), {"length": len(code)})
    for position, char in enumerate(code, start=1):
        if char not in ALPHABET:
            return Refused(
                "credit_code_character",
                _("统一社会信用代码第 {position} 位“{char}”不是允许的字符（数字或大写字母，不含 I、O、S、V、Z）。"),
                {"position": position, "char": char},
            )
    expected = check_character(code[:17])
    if code[17] != expected:
        return Refused(
            "credit_code_check",
            _("统一社会信用代码第 18 位应为 {expected}，现在是 {found}。请对照营业执照。"),
            {"expected": expected, "found": code[17]},
        )
    return None
