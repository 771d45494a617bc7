"""What may stand in an account: a log-in name, a person's name, an e-mail address; and whose log-ins end early."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from marketplace.domain.access import RIGHTS, Role
from marketplace.domain.lifecycle import Refused, _

LONGEST_LOGIN = 64
LONGEST_NAME = 64
LONGEST_EMAIL = 254
# Chinese log-in names are usual; what could be taken for another character or break a line is not allowed.
_LOGIN = re.compile(r"[\w.@-]+")
_EMAIL = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+"
)

# The roles of the staff and those who work beside them: what they see and decide needs more than a password.
WITH_SECOND_FACTOR = frozenset({Role.BUREAU, Role.MANAGER, Role.CENTRE, Role.FINANCE, Role.CITY, Role.AREA, Role.EXPERT, Role.ADMIN})
# Only an administrator opens accounts of these roles, by invitation.
STAFF_ROLES = tuple(role for role in Role if role in WITH_SECOND_FACTOR)

ABSOLUTE = timedelta(hours=12)
IDLE = timedelta(minutes=30)
_IDLE_OF_MONEY = timedelta(minutes=15)


def idle_limit(roles: Iterable[Role]) -> timedelta:
    """After how long without a request a log-in ends: sooner for those who decide about money and the pool."""
    return _IDLE_OF_MONEY if {Role.BUREAU, Role.FINANCE} & set(roles) else IDLE


def needs_second_factor(roles: Iterable[Role]) -> bool:
    return bool(WITH_SECOND_FACTOR & set(roles))


def folded_login(text: str) -> str:
    return text.strip().lower()


def folded_email(text: str) -> str:
    """Addresses differ in nothing but case for those who type them."""
    return text.strip().lower()


def check_login(login: str) -> Refused | None:
    if not login or len(login) > LONGEST_LOGIN:
        return Refused("login_missing", _("账号没有填，或超过 64 个字符。"))
    if not _LOGIN.fullmatch(login):
        return Refused("login_characters", _("账号只能用文字、数字和 . _ - @，不能有空格。"))
    return None


def check_person(name: str) -> Refused | None:
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        return Refused("name_missing", _("姓名没有填，或超过 64 个字符。"))
    return None


def check_email(email: str) -> Refused | None:
    if not email:
        return Refused("email_missing", _("邮箱没有填。"))
    if len(email) > LONGEST_EMAIL or not _EMAIL.fullmatch(email):
        return Refused("not_an_email", _("“{email}”不像邮箱地址，应如 name@example.cn。"), {"email": email[:60]})
    return None


def known_rights(rights: Iterable[str]) -> list[str]:
    """The rights that exist, each once, in their order; whatever else was sent is dropped."""
    chosen = set(rights)
    return [right for right in RIGHTS if right in chosen]
