"""Registrations, members and invitations of the demonstration set: every state, through the same actions as on the pages.

Nothing here is real: names end in （示例）, codes begin with a region that does not exist, addresses end in .example.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.demonstration import PASSWORD
from marketplace.actions.demonstration_applicants import code_of, paper
from marketplace.actions.invitations import accept_anew
from marketplace.actions.members import invite_member
from marketplace.actions.registrations import decide, register, submit, take_back, verify
from marketplace.domain.access import Role, Viewer
from marketplace.domain.registrations import RegistrationDraft
from marketplace.files.store import BlobStore
from marketplace.records.accounts import find_account, find_viewer
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.registrations import Registration

# Log-in → person, unit, kind, and how far its registration has come. The last unit is one of the set: it is claimed.
_STORIES = {
    "claimant1": ("何佳", "滨海启衡数字科技有限公司（示例）", Role.PROVIDER, "started"),
    "claimant2": ("吕明", "天津沐川自动化工程有限公司（示例）", Role.PROVIDER, "verify"),
    "claimant3": ("施文", "滨海澄远智能装备有限公司（示例）", Role.PROVIDER, "submit"),
    "claimant4": ("曹宁", "天津岚庭精密机械有限公司（示例）", Role.ENTERPRISE, "refuse"),
    "claimant5": ("严立", "滨海合曜软件有限公司（示例）", Role.PROVIDER, "confirm"),
    "claimant6": ("华清", "天津渡云咨询有限公司（示例）", Role.PROVIDER, "take_back"),
    "claimant7": ("金晓", "", Role.ENTERPRISE, "submit"),
}
# Far from the places that the applications take.
_FIRST_PLACE = 70


def seed_accounts(database: Database, store: BlobStore, *, at: datetime) -> None:
    """One registration in every state, two of which wait for staff; a second member and an open invitation. Once only."""
    with database.reading() as session:
        if session.scalar(select(Registration.id).limit(1)) is not None:
            return
        manager, provider = _viewer(session, "manager"), _viewer(session, "provider")
        taken = select(Organisation).where(Organisation.credit_code.is_not(None)).order_by(Organisation.id.desc()).limit(1)
        imported = session.scalars(taken).one()
        claimed = (imported.credit_code or "", imported.name)
    for place, (login, (person, name, kind, way)) in enumerate(_STORIES.items()):
        code, unit = (code_of(_FIRST_PLACE + place), name) if name else claimed
        draft = RegistrationDraft(code, unit, kind, person, login, f"{login}@jigai.example")
        _tell(database, store, draft, way, manager, at - timedelta(days=len(_STORIES) - place))
    (unit_id,) = provider.organisation_ids
    begun = at - timedelta(days=3)
    for login, email, rights in (("provider-b", "provider-b@jigai.example", ["edit"]), ("", "colleague@jigai.example", ["edit", "submit"])):
        secret = invite_member(database, unit_id, email, Role.PROVIDER, rights, viewer=provider, link=_link, at=begun)
        if login:
            accept_anew(database, secret, login=login, name="服务商同事（示例）", password=PASSWORD, at=begun)


def _tell(database: Database, store: BlobStore, draft: RegistrationDraft, way: str, manager: Viewer, at: datetime) -> None:
    """One registration, as far as its story goes."""
    secret = register(database, draft, PASSWORD, address=f"demo {draft.login}", link=_link, at=at)
    if way == "started":
        return
    verify(database, secret, login="", at=at)
    with database.reading() as session:
        applicant = _viewer(session, draft.login)
        public_id = session.scalars(select(Registration.public_id).where(Registration.login == draft.login)).one()
    if way == "verify":
        return
    if way == "take_back":
        take_back(database, public_id, viewer=applicant, at=at)
        return
    proof = store.keep(paper(f"authorisation {draft.login}"), "授权书（示例）.pdf", "application/pdf")
    submit(database, public_id, proof, viewer=applicant, at=at)
    if way == "confirm":
        decide(database, public_id, "confirm", viewer=manager, at=at + timedelta(hours=5))
    elif way == "refuse":
        decide(database, public_id, "refuse", viewer=manager, at=at + timedelta(hours=5), why="公章不清楚，请重新扫描后上传。")


def _viewer(session: Session, login: str) -> Viewer:
    account = find_account(session, login)
    viewer = find_viewer(session, account.id) if account else None
    assert viewer is not None, login
    return viewer


def _link(secret: str) -> str:
    """The letters of the demonstration lie in the outbox; their links are dead before anybody reads them."""
    return f"/{secret}"
