"""人才供需: an organisation says whom it looks for or can send; others ask the centre to be put in contact."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from marketplace.actions.centre_steps import Step, changed, locked, move, note, refuse_first
from marketplace.actions.notices import accounts_of_roles, notify
from marketplace.actions.roles import refuse_unless
from marketplace.domain.access import Role, Viewer, may, may_act_for
from marketplace.domain.lifecycle import Refused, RefusedError, _
from marketplace.domain.talents import TABLE, TalentDraft, TalentSide, check, is_current
from marketplace.domain.texts import check_text
from marketplace.records.database import Database
from marketplace.records.talents import Talent, TalentContact

NOUN = "talent"
FIELDS = ("side", "title", "text", "people", "until", "contact")


def may_write(viewer: Viewer, organisation_id: int) -> bool:
    """Members who fill in for their organisation, and the centre for everybody."""
    own = may(viewer, "write_own", NOUN) and may_act_for(viewer, organisation_id, "edit")
    return own or may(viewer, "manage", NOUN)


def create(database: Database, organisation_id: int, draft: TalentDraft, step: Step) -> Talent:
    """What only its organisation and the centre see yet."""
    refuse_unless(may_write(step.viewer, organisation_id) and organisation_id in step.viewer.organisation_ids)
    refuse_first(check(draft))
    with database.writing() as session:
        talent = Talent(organisation_id=organisation_id, created_by=step.viewer.account_id, created=step.at, **_values(draft))
        session.add(talent)
        session.flush()
        note(session, NOUN, talent.id, "create", step, None, _values(draft))
        return talent


def change(database: Database, talent_id: int, draft: TalentDraft, step: Step) -> Talent:
    refuse_first(check(draft))
    with database.writing() as session:
        talent = locked(session, Talent, talent_id, NOUN, step, harmless=("ask",))
        refuse_unless(may_write(step.viewer, talent.organisation_id))
        before = {name: getattr(talent, name) for name in FIELDS}
        after = changed(before, _values(draft))
        for name, value in after.items():
            setattr(talent, name, value)
        if after:
            session.flush()
            note(session, NOUN, talent.id, "change", step, {name: before[name] for name in after}, after)
        return talent


def advance(database: Database, talent_id: int, event: str, step: Step) -> Talent:
    """Publish it or take it down. What is out of date is not published."""
    with database.writing() as session:
        talent = locked(session, Talent, talent_id, NOUN, step, harmless=("ask",))
        refuse_unless(may_write(step.viewer, talent.organisation_id))
        if event == "publish" and talent.until < step.today:
            raise RefusedError(Refused("out_of_date", _("有效期已过，请先改日期再发布。")))
        move(session, talent, TABLE, event, step)
        return talent


def ask(database: Database, talent_id: int, organisation_id: int, text: str, step: Step) -> TalentContact:
    """Another organisation asks the centre for the contact, once; the centre is told."""
    viewer = step.viewer
    refuse_unless(viewer.account_id is not None and organisation_id in viewer.organisation_ids)
    assert viewer.account_id is not None
    refuse_first(check_text("text", _("留言"), text, most=2_000, required=True))
    with database.writing() as session:
        talent = locked(session, Talent, talent_id, NOUN, Step(viewer, step.at, step.today))
        if not is_current(talent.state, talent.until, step.today):
            raise RefusedError(Refused("not_current", _("这条信息已撤下或过期。")))
        if talent.organisation_id in viewer.organisation_ids:
            raise RefusedError(Refused("own_talent", _("这是本单位发布的信息。")))
        known = select(TalentContact.id).where(TalentContact.talent_id == talent.id, TalentContact.organisation_id == organisation_id)
        message = Refused("asked_already", _("本单位已经申请过，能力中心会与您联系。"))
        if session.scalar(known) is not None:
            raise RefusedError(message)
        contact = TalentContact(
            talent_id=talent.id, organisation_id=organisation_id, account_id=viewer.account_id, text=text.strip(), at=step.at
        )
        try:
            with session.begin_nested():
                session.add(contact)
        except IntegrityError:
            raise RefusedError(message) from None
        note(session, NOUN, talent.id, "ask", step, None, {"contact": contact.id, "text": contact.text})
        told = _("有单位想联系“{title}”，请牵线。")
        centre = accounts_of_roles(session, {Role.CENTRE})
        notify(session, centre, NOUN, told, at=step.at, values={"title": talent.title}, noun=NOUN, public_ref=talent.public_id)
        return contact


def _values(draft: TalentDraft) -> dict[str, Any]:
    found = {name: value.strip() if isinstance(value := getattr(draft, name), str) else value for name in FIELDS}
    return {**found, "side": TalentSide(draft.side)}
