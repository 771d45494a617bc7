"""Windows and applications of the demonstration set: every state of both, through the same actions as on the pages.

Nothing here is real: names end in （示例）, codes begin with a region that does not exist, files say that they are examples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import select
from sqlalchemy.orm import Session

from marketplace.actions.accounts import open_account
from marketplace.actions.application_files import attach_document
from marketplace.actions.application_submission import submit
from marketplace.actions.applications import save_section, start_application, withdraw
from marketplace.actions.demonstration import PASSWORD
from marketplace.actions.demonstration_applicants import UNITS, answers_of, code_of, paper
from marketplace.actions.windows import create_window, publish_window, withdraw_window
from marketplace.domain.access import Role, Viewer
from marketplace.domain.application_answers import completeness, file_kind
from marketplace.domain.application_rules import ApplicationRules
from marketplace.domain.application_sections import SECTIONS
from marketplace.domain.windows import WindowDraft
from marketplace.files.store import BlobStore
from marketplace.records.accounts import Account, find_account, find_viewer
from marketplace.records.application_facts import find_files
from marketplace.records.applications import ProviderApplication
from marketplace.records.database import Database
from marketplace.records.organisations import Organisation
from marketplace.records.windows import ApplicationWindow

ACTOR = "jigai demo"
TITLE = "专业化服务商申报通知（示例）"
# Log-in → the place of its organisation in UNITS. The last one fills in for all the others.
APPLICANTS = {"applicant": 0, "applicant2": 1, "applicants": -1}


# The places in UNITS: whose applications the review takes on, who waits for acceptance, who shares a telephone, who withdrew.
_REVIEWED, _WAITING, _WITHDRAWN = range(1, 13), (13, 14), 15


def seed_applications(database: Database, store: BlobStore, rules: ApplicationRules, *, sectors: Sequence[str], at: datetime) -> list[int]:
    """Windows and applications; the ids of those that the review can take on, in the order of its stories. A second time changes nothing.

    `at` is in the pilot's zone.
    """
    with database.reading() as session:
        if session.scalar(select(ApplicationWindow.id).limit(1)) is not None:
            return []
        manager = _viewer(session, "manager")
    people = _open_applicants(database, at)
    scene = _Scene(database, store, rules, manager, people, at)
    first = scene.window("首批", sectors, opens=-75, closes=-34, publish=-76)
    handed_in = [scene.hand_in(first, place, days=60 - place) for place in _REVIEWED]
    now = scene.window("第二批", sectors, opens=-12, closes=9, publish=-13)
    for place in _WAITING:
        scene.hand_in(now, place, days=3)
    scene.draft(now, 0, days=2)
    scene.take_back(now, _WITHDRAWN, days=4)
    scene.window("第三批", sectors[:1], opens=40, closes=61, publish=-1)
    scene.window("第四批", sectors, opens=120, closes=150, publish=None)
    scene.withdrawn_window(sectors)
    return handed_in


@dataclass(frozen=True)
class _Scene:
    database: Database
    store: BlobStore
    rules: ApplicationRules
    manager: Viewer
    people: Mapping[str, Viewer]
    at: datetime

    def before(self, days: int) -> datetime:
        return self.at - timedelta(days=days)

    def window(self, batch: str, sectors: Sequence[str], *, opens: int, closes: int, publish: int | None) -> int:
        """A window whose days are told from today; without `publish` it stays a draft."""
        made = self.before(-(publish if publish is not None else 0))
        draft = WindowDraft(
            title=f"{batch}{TITLE}",
            text="面向全国征集能为试点行业提供产品、解决方案或专业化服务的服务商。\n申报单位应在境内注册、具有独立法人资格，经营状况和信用良好；"
            "在本地有团队或办公场地，没有的须签署《本地化服务承诺》。\n评审通过并公示无异议的，进入专业化服务商资源池。",
            sectors=list(sectors),
            required=list(self.rules.usual),
            opens=self.before(-opens).date(),
            closes=self.before(-closes).date(),
            publicity_days=5,
        )
        window = create_window(self.database, draft, viewer=self.manager, at=made, today=made.date())
        if publish is not None:
            publish_window(self.database, window.id, viewer=self.manager, at=made, today=made.date())
        _name(self.database, ApplicationWindow, window.id, f"window/{window.number}")
        return window.id

    def withdrawn_window(self, sectors: Sequence[str]) -> None:
        """A notice that was taken back."""
        number = self.window("误发的", sectors, opens=-5, closes=20, publish=-6)
        withdraw_window(self.database, number, viewer=self.manager, at=self.before(6), why="行业范围有误，另行发布")

    def begin(self, window: int, place: int, moment: datetime) -> tuple[int, Viewer]:
        viewer = self.people["applicants"] if place not in APPLICANTS.values() else self.people[_login(place)]
        organisation = sorted(viewer.organisation_ids)[0]
        if place not in APPLICANTS.values():
            with self.database.reading() as session:
                found = session.scalar(select(Organisation.id).where(Organisation.name == UNITS[place].name))
                assert found is not None
                organisation = found
        begun = start_application(self.database, window, organisation, viewer=viewer, at=moment, today=moment.date(), rules=self.rules)
        _name(self.database, ProviderApplication, begun.id, f"application/{begun.number}")
        return begun.id, viewer

    def fill(self, number: int, viewer: Viewer, answers: Mapping[str, Any], moment: datetime, *, without: Sequence[str] = ()) -> None:
        """Type the answers, and bring every document that is then missing but those `without`."""
        version = 0
        for section, said in answers.items():
            values: dict[str, Any] = {"version": version, "rules": self.rules, "viewer": viewer, "at": moment}
            version = save_section(self.database, number, section, said, **values).version
        with self.database.reading() as session:
            application = session.get_one(ProviderApplication, number)
            files, required = find_files(session, number), list(application.window.required)
            wanted = [
                (missing.document, missing.row, section)
                for section in SECTIONS
                for missing in completeness(section, application.answers, files, self.rules, required).missing
                if missing.document and missing.document not in without
            ]
            rows = {
                section.key: [row["key"] for row in (application.answers.get(section.key) or {}).get("rows", [])] for section in SECTIONS
            }
        for document, place, asked in wanted:
            row = rows[asked.key][place - 1] if place else ""
            kind = self.rules.document(document)
            assert kind is not None
            stored = self.store.keep(paper(f"{number} {file_kind(document, row)}"), f"{kind.name}{row}.pdf", "application/pdf")
            attach_document(self.database, number, stored, document=document, row=row, rules=self.rules, viewer=viewer, at=moment)

    def hand_in(self, window: int, place: int, *, days: int) -> int:
        moment = self.before(days)
        number, viewer = self.begin(window, place, moment)
        self.fill(number, viewer, answers_of(place, moment), moment)
        submit(self.database, number, rules=self.rules, viewer=viewer, at=moment + timedelta(hours=2), today=moment.date())
        return number

    def draft(self, window: int, place: int, *, days: int) -> int:
        """Half-filled, with a slip of the pen, and without the licence."""
        moment = self.before(days)
        number, viewer = self.begin(window, place, moment)
        answers = answers_of(place, moment)
        answers["organisation"]["fields"] |= {"phone": "66"}
        kept = {key: answers[key] for key in ("organisation", "licence", "finance", "cases")}
        self.fill(number, viewer, kept, moment, without=("licence", "case_proof"))
        return number

    def take_back(self, window: int, place: int, *, days: int) -> None:
        number = self.hand_in(window, place, days=days)
        withdraw(self.database, number, viewer=self.people["applicants"], at=self.before(days - 1), why="股权变更，完成后再申报")


def _login(place: int) -> str:
    return next(login for login, own in APPLICANTS.items() if own == place)


def _open_applicants(database: Database, at: datetime) -> dict[str, Viewer]:
    """The organisations, two of them with a log-in of their own, the others with one for all."""
    with database.writing() as session:
        units = [Organisation(name=unit.name, credit_code=code_of(place)) for place, unit in enumerate(UNITS)]
        session.add_all(units)
        session.flush()
        own = {place for place in APPLICANTS.values() if place >= 0}
        for login, place in APPLICANTS.items():
            members = [units[place]] if place >= 0 else [unit for number, unit in enumerate(units) if number not in own]
            name = "申报人（示例）" if place >= 0 else "代填人（示例）"
            memberships = [(unit.id, Role.PROVIDER) for unit in members]
            opened = open_account(session, login, PASSWORD, name=name, memberships=memberships, now=at, actor=ACTOR)
            assert isinstance(opened, Account), opened
    with database.reading() as session:
        return {login: _viewer(session, login) for login in APPLICANTS}


def _viewer(session: Session, login: str) -> Viewer:
    account = find_account(session, login)
    assert account is not None, login
    viewer = find_viewer(session, account.id)
    assert viewer is not None
    return viewer


Named = TypeVar("Named", ApplicationWindow, ProviderApplication)


def _name(database: Database, kind: type[Named], number: int, name: str) -> None:
    """The same address on every demonstration site."""
    with database.writing() as session:
        session.get_one(kind, number).public_id = str(uuid5(NAMESPACE_URL, f"jigai-demo/{name}"))
