"""The second factor: what may be typed as one. Codes of six digits from a telephone, or recovery codes from paper."""

from __future__ import annotations

STEP_SECONDS = 30
# A clock may be one step off; the code of a step counts once, whoever uses it.
TOLERANCE = 1
RECOVERY_CODES = 10
_RECOVERY_LENGTH = 16


def folded_code(text: str) -> str:
    """A code without the spaces and dashes in which it was shown; full-width digits are digits."""
    typed = "".join(char for char in text if char.isalnum())[:40]
    return "".join(str(int(char)) if char.isdecimal() else char for char in typed).upper()


def is_recovery_code(code: str) -> bool:
    return len(code) == _RECOVERY_LENGTH


def shown_recovery_code(code: str) -> str:
    """In fours, as people copy it."""
    return "-".join(code[place : place + 4] for place in range(0, len(code), 4))
