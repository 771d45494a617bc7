"""What may be a password: any eight characters but those that everybody tries first."""

from __future__ import annotations

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from marketplace.actions.passwords import check_password, fits, hash_password, is_outdated
from tests.compiled import hash_in_earnest


def code_of(password: str, login: str = "wanggong") -> str:
    refused = check_password(password, login)
    return refused.code if refused else ""


def test_the_ten_thousand_most_common_ones_are_refused() -> None:
    common = [word for word in FREQUENCY_LISTS["passwords"][:10_000] if len(word) >= 8]
    assert len(common) > 1_000
    assert {code_of(word) for word in common} | {code_of(word.title()) for word in common} == {"password_common"}


@pytest.mark.parametrize("password", ["滨海新区2026", "园区12345678", "Binhai-2026", "88888888", "aaaaaaab", "woaini1314", "Jigai#1234"])
def test_words_of_the_place_and_repeated_ones_are_refused(password: str) -> None:
    assert code_of(password) == "password_common"


@pytest.mark.parametrize(
    "password",
    ["三台压机停了四天", "correct horse battery staple", "\u00e9\u00e8 ~^\t🚀 tres bien", "x7#Kq9!v", "密" * 3 + "钥" * 3 + "在门垫下"],
)
def test_any_other_characters_are_fine(password: str) -> None:
    assert code_of(password) == ""
    assert fits(hash_password(password), password)
    assert not fits(hash_password(password), password + " ")


def test_length_and_the_own_name() -> None:
    assert code_of("x7#Kq9!") == "password_short"
    assert code_of("长而又长的密码" * 19) == "password_long"
    assert code_of("WangGong", "wanggong") == "password_is_login"


def test_passwords_are_hashed_at_the_price_that_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = hash_password("三台压机停了四天")
    hash_in_earnest(monkeypatch)
    dear = hash_password("三台压机停了四天")
    assert dear.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not is_outdated(dear)
    assert is_outdated(cheap)
