"""The registration of an organisation by its first member: claimed by a sealed 授权书, confirmed by staff.

Until it is confirmed it gives the applicant nothing: no role, no right, no look at what the platform holds of the organisation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from marketplace.domain.access import Role
from marketplace.domain.accounts import check_email, check_login, check_person
from marketplace.domain.credit_code import check_credit_code
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text

# Who acts on a registration of their own. It is no role of the pilot: the applicant has none yet.
APPLICANT = "applicant"
KINDS = (Role.PROVIDER, Role.ENTERPRISE)
# A registration whose e-mail address was never confirmed is forgotten after so many days.
FORGOTTEN_AFTER_DAYS = 7


class RegistrationState(StrEnum):
    """Address not confirmed; without 授权书; waiting for staff; and the three ends, of which a refusal can be mended."""

    STARTED = "started"
    NEEDS_PROOF = "needs_proof"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


OPEN = (RegistrationState.NEEDS_PROOF, RegistrationState.SUBMITTED, RegistrationState.REFUSED)


class Claimed(Protocol):
    """What the guards look at."""

    @property
    def account_id(self) -> int | None: ...
    @property
    def decided_by(self) -> int | None: ...
    @property
    def has_proof(self) -> bool: ...


def has_proof(subject: Claimed) -> Refused | None:
    if not subject.has_proof:
        return Refused("proof_missing", _("还没有上传盖章的授权书。"))
    return None


def another_person(subject: Claimed) -> Refused | None:
    """Staff who register an organisation of their own do not confirm it themselves."""
    if subject.account_id == subject.decided_by:
        return Refused("same_person", _("这项注册是您自己提出的，须由另一人核对。"))
    return None


def _proved_to_another(subject: Claimed) -> Refused | None:
    return has_proof(subject) or another_person(subject)


_STAFF = (Role.MANAGER, Role.ADMIN)
TABLE: Table = (
    Transition((RegistrationState.STARTED,), "verify", RegistrationState.NEEDS_PROOF, (APPLICANT,), "确认邮箱"),
    Transition(
        (RegistrationState.NEEDS_PROOF, RegistrationState.REFUSED),
        "submit",
        RegistrationState.SUBMITTED,
        (APPLICANT,),
        "提交授权书",
        has_proof,
    ),
    Transition((RegistrationState.SUBMITTED,), "confirm", RegistrationState.CONFIRMED, _STAFF, "同意开通", _proved_to_another),
    Transition((RegistrationState.SUBMITTED,), "refuse", RegistrationState.REFUSED, _STAFF, "退回", another_person),
    Transition(OPEN, "withdraw", RegistrationState.WITHDRAWN, (APPLICANT,), "撤回注册"),
)


@dataclass(frozen=True)
class RegistrationDraft:
    """A registration as it is typed, folded by the caller. `login` and `email` are empty for a person who has an account."""

    credit_code: str = ""
    name: str = ""
    kind: str = ""
    person: str = ""
    login: str = ""
    email: str = ""


def folded_code(text: str) -> str:
    """A code as it is printed on the licence, however it was typed."""
    return "".join(text.split()).upper()


def check(draft: RegistrationDraft, *, with_account: bool) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft. `with_account`: the applicant has none yet and asks for one."""
    if refused := check_credit_code(draft.credit_code):
        yield "credit_code", refused
    yield from check_text("name", _("单位名称"), draft.name, most=200, required=True)
    if draft.kind not in KINDS:
        yield "kind", Refused("kind_missing", _("单位类型没有选：服务商或企业。"))
    if not with_account:
        return
    for field, found in (
        ("person", check_person(draft.person)),
        ("login", check_login(draft.login)),
        ("email", check_email(draft.email)),
    ):
        if found:
            yield field, found
