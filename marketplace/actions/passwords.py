"""Passwords: what may be one, and how it is kept. argon2id at 19 MiB and two passes (the library's default stalls a small server)."""

from __future__ import annotations

from functools import cache

import argon2
from argon2.exceptions import InvalidHashError, VerificationError

from marketplace.domain.lifecycle import Refused, _

_HASHER = argon2.PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# A hash of nobody's password: an unknown account is checked against it, so that it takes as long as a known one.
_NOBODY = _HASHER.hash("nobody holds this password")
# What people here try first, beside the thirty thousand of the list of leaked ones.
_ALSO_COMMON = frozenset(("00000000", "66666666", "88888888", "admin1234", "administrator", "woaini1314"))

# Words of the place and of the trade: with a year or a number behind them they are tried right after the common ones.
_OF_THE_PLACE = frozenset(
    (
        *("jigai", "admin", "administrator", "password", "welcome", "tianjin", "binhai", "binhaixinqu", "teda", "gongxinju"),
        *("天津", "滨海", "滨海新区", "泰达", "经开区", "园区", "技改", "技术改造", "能力中心", "服务商", "企业", "管理员", "工信局"),
    )
)


def check_password(password: str, login: str) -> Refused | None:
    """8–128 characters of any kind, not the log-in name, not one that everybody tries first."""
    if len(password) < 8:
        return Refused("password_short", _("密码至少 8 个字符，现在是 {length} 个。"), {"length": len(password)})
    if len(password) > 128:
        return Refused("password_long", _("密码最多 128 个字符，现在是 {length} 个。"), {"length": len(password)})
    letters = "".join(char for char in password.casefold() if char.isalpha())
    if _is_common(password.casefold()) or letters in _OF_THE_PLACE or len(set(password)) < 3:
        return Refused("password_common", _("这个密码太常见，别人一试就中。请换一个。"))
    if password.casefold() == login.casefold():
        return Refused("password_is_login", _("密码不能和账号相同。"))
    return None


def _is_common(folded: str) -> bool:
    return folded in _ALSO_COMMON or folded in _leaked()


@cache
def _leaked() -> frozenset[str]:
    """The passwords that were leaked most often, in small letters. Read when first asked for: the lists take a tenth of a second."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return frozenset(FREQUENCY_LISTS["passwords"])


def hash_password(password: str) -> str:
    return _HASHER.hash(password)


def fits(password_hash: str | None, password: str) -> bool:
    """Whether this is the password. None (no such account) is checked all the same and never fits."""
    try:
        return _HASHER.verify(password_hash or _NOBODY, password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(password_hash: str) -> bool:
    """Whether a hash was made with older parameters and should be made again at log-in."""
    return _HASHER.check_needs_rehash(password_hash)
