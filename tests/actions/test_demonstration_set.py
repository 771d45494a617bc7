"""The demonstration: its states, its accounts, and nothing the second time."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select

from marketplace.actions.accounts import log_in
from marketplace.actions.demonstration import LOGINS, PASSWORD, find_demonstration_accounts
from marketplace.actions.demonstration_set import RETIRED, WARNED, load_demonstration
from marketplace.actions.first_administrator import open_first_administrator
from marketplace.domain.access import Role
from marketplace.domain.lifecycle import RefusedError
from marketplace.domain.providers import ProviderState, check_local_service
from marketplace.pilot import Pilot
from marketplace.records.accounts import Account, find_viewer
from marketplace.records.database import Database
from marketplace.records.history import HistoryEntry, find_broken_link
from marketplace.records.index_queue import QueuedThing
from marketplace.records.organisations import Organisation
from marketplace.records.providers import Provider, find_hidden_provider_ids, find_unmatchable_provider_ids
from tests.conftest import DEMO, NOW


def states(database: Database) -> dict[str, list[str]]:
    with database.reading() as session:
        rows = session.execute(select(Organisation.credit_code, Provider.state).join(Provider).order_by(Organisation.credit_code))
        found: dict[str, list[str]] = {}
        for code, state in rows:
            found.setdefault(str(state), []).append(str(code))
        return found


def test_warned_and_retired_as_the_readme_says(demonstration: Database) -> None:
    found = states(demonstration)
    assert found["warned"] == sorted(WARNED)
    assert found["retired"] == sorted(RETIRED)
    assert len(found["admitted"]) == 43
    with demonstration.reading() as session:
        reasons = {row.why for row in session.scalars(select(HistoryEntry).where(HistoryEntry.verb == "retire"))}
        assert reasons == {"4 个完工项目中 3 个验收未通过。", "5 个完工项目中 3 个验收未通过。"}
        assert len(find_hidden_provider_ids(session)) == 2
        # The retired two, and the two that have neither office nor commitment.
        assert len(find_unmatchable_provider_ids(session, NOW.date())) == 4
        without = [
            row
            for row in session.scalars(select(Provider))
            if check_local_service(local_office=row.local_office, local_commitment=row.local_commitment)
        ]
        assert [row.name[:4] for row in without] == ["广州淘蒲", "成都翼鹄"]
        assert find_broken_link(session) is None


def test_loading_again_changes_nothing(demonstration: Database, pilot: Pilot, role_names: dict[Role, str]) -> None:
    def counted() -> tuple[int | None, int | None, int | None]:
        with demonstration.reading() as session:
            return (
                session.scalar(select(func.count()).select_from(HistoryEntry)),
                session.scalar(select(func.sum(QueuedThing.wanted))),
                session.scalar(select(func.count()).select_from(Account)),
            )

    before = counted()
    loaded = load_demonstration(demonstration, pilot, DEMO, names=role_names, at=NOW)
    assert (loaded.report.changes, loaded.moved) == (0, 0)
    assert counted() == before


def test_what_people_did_with_a_provider_stays(demonstration: Database, pilot: Pilot, role_names: dict[Role, str]) -> None:
    with demonstration.writing() as session:
        provider = session.scalars(select(Provider).join(Organisation).where(Organisation.credit_code == WARNED[0])).one()
        provider.state = ProviderState.SUSPENDED
    load_demonstration(demonstration, pilot, DEMO, names=role_names, at=NOW)
    assert states(demonstration)["suspended"] == [WARNED[0]]


def test_one_account_for_every_role_and_two_for_each_side(demonstration: Database) -> None:
    with demonstration.reading() as session:
        accounts = find_demonstration_accounts(session)
        assert {account.login for account in accounts} == set(LOGINS)
        assert {account.role for account in accounts} == set(Role)
        by_login = {account.login: account for account in accounts}
        assert by_login["enterprise"].organisation.startswith("天津瀛泽石化")
        assert by_login["provider"].organisation.startswith("天津津澜工控")
    answer = log_in(demonstration, "enterprise2", PASSWORD, address="::1", now=NOW)
    with demonstration.reading() as session:
        viewer = find_viewer(session, answer.account_id)  # type: ignore[union-attr]
        assert viewer is not None
        assert len(viewer.enterprise_ids) == 1


def test_a_real_site_begins_with_one_administrator(database: Database) -> None:
    login = open_first_administrator(
        database, " Admin1 ", "十里长亭霜满天，青丝换白发", name="王工", organisation="能力中心", at=NOW, actor="jigai init"
    )
    assert login == "admin1"
    with database.reading() as session:
        [account] = session.scalars(select(Account))
        assert [row.role for row in account.memberships] == [Role.ADMIN]
        assert session.scalar(select(func.count()).select_from(Provider)) == 0
    with pytest.raises(RefusedError, match="这个站点已有 1 个账号，没有改动"):
        open_first_administrator(
            database, "again", "十里长亭霜满天，青丝换白发", name="王工", organisation="能力中心", at=NOW, actor="jigai init"
        )


@pytest.mark.parametrize(
    ("login", "password", "name", "sentence"),
    [
        ("a", "short", "王工", "密码至少 8 个字符，现在是 5 个。"),
        ("a", "password", "王工", "这个密码太常见，别人一试就中。请换一个。"),
        ("a", "Jigai-2024", "王工", "这个密码太常见，别人一试就中。请换一个。"),
        ("a", "滨海新区2024", "王工", "这个密码太常见，别人一试就中。请换一个。"),
        ("wanggong-88", "WangGong-88", "王工", "密码不能和账号相同。"),
        ("", "十里长亭霜满天，青丝换白发", "王工", "账号没有填，或超过 64 个字符。"),
        ("a", "十里长亭霜满天，青丝换白发", " ", "姓名没有填，或超过 64 个字符。"),
    ],
)
def test_what_no_administrator_may_be(sqlite_database: Database, login: str, password: str, name: str, sentence: str) -> None:
    with pytest.raises(RefusedError) as error:
        open_first_administrator(sqlite_database, login, password, name=name, organisation="中心", at=NOW, actor="jigai init")
    assert error.value.refused.sentence() == sentence
    with sqlite_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Organisation)) == 0


def test_the_demonstration_folder_is_package_data() -> None:
    assert (Path(DEMO) / "README.md").is_file()
