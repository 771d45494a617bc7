"""个人信息: what of a person is theirs to take along, what goes when they are erased, and what is kept and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from marketplace.domain.lifecycle import Refused, _

NEUTRAL = "（已删除）"
# What an erased account is called. The number remains: the history speaks of it.
NEUTRAL_NAME = "已删除的个人"
LOGIN = "erased-"
# No hash of any password.
NO_PASSWORD = "!"

# Tables whose rows are about the person alone: in the copy that a person takes along they stand whole.
OWN = (
    "accounts", "memberships", "account_sessions", "access_tokens", "second_factors", "registrations", "review_experts", "notices",
    "notice_preferences", "tasks", "saved_searches", "shortlist_items", "sign_ups", "talent_contacts", "downloads",
)  # fmt: skip
# What opens something, or tells how it is opened, goes into no copy.
SECRET = frozenset({"password_hash", "secret_hash", "code_hash", "seed", "last_step"})
# Rows of the person that go as a whole when the person is erased.
GONE = (
    "account_sessions", "access_tokens", "second_factors", "recovery_codes", "one_time_links", "notices", "notice_preferences",
    "saved_searches", "shortlist_items", "memberships",
)  # fmt: skip
# Columns that are emptied in the person's rows.
EMPTIED: Mapping[str, Mapping[str, str]] = {
    "downloads": {"address": ""},
    "registrations": {"person": NEUTRAL_NAME, "login": "", "email": "", "password_hash": ""},
    "review_experts": {"name": NEUTRAL_NAME, "title": "", "note": ""},
}
# What is only on its way to somebody: a name in it may go, whoever it is of.
ON_THE_WAY = frozenset({"notices", "tasks", "jobs", "invitations"})
# What is never written anew, and why.
HELD: tuple[tuple[tuple[str, ...], str], ...] = (
    (("history",), _("历史记录：每条都进了哈希链，改一个字链就断；审计要求保留。只有管理员和监督部门能看。")),
    (("pilot_versions",), _("试点数据的版本：带摘要；里面是规则，没有个人信息。")),
    (("ledger_entries", "ledger_lines"), _("资金账：只增不改。")),
    (("blobs",), _("上传的佐证和已出具的文书：属于办理的事项，按档案保留；其中的签名和姓名不改。")),
)
# Short words stand in too many places by chance.
SHORTEST_EXTRA, LONGEST_EXTRA, MOST_EXTRA = 5, 100, 10
# A name of one character is no mark of a person; a short log-in name may be a part of a word.
SHORTEST_NAME, SHORTEST_LOGIN = 2, 4
# What stands in these columns the program reads, not people: a word of a person that is also a key must not change it.
CODED = frozenset({
    "area", "areas", "code", "codes", "canonical", "field", "fields", "form", "health", "key", "kind", "level", "levels", "noun", "number", "orientation",
    "orientations", "part", "priority", "project_class", "public_id", "public_ref", "region", "rights", "role", "scenario_code", "scenario_codes", "scopes",
    "sector", "sectors", "series", "side", "source", "source_ref", "stage", "stages", "state", "subject", "topic", "verb", "version", "waits_role", "way",
})  # fmt: skip
_KEYWORD = re.compile(r"[A-Za-z_]+")


@dataclass(frozen=True)
class Marks:
    """How a person is known in texts. `anywhere`: words that are nobody else's; `tied`: words that count where the row is about the person;
    `proofs`: what shows that it is."""

    anywhere: tuple[str, ...]
    tied: tuple[str, ...]
    proofs: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """All of them, the longest first: one may hold another."""
        return tuple(sorted({*self.anywhere, *self.tied}, key=lambda word: (-len(word), word)))


def marks_of(account_id: int, login: str, name: str, email: str | None, *, public_ids: Iterable[str], extra: Iterable[str]) -> Marks:
    anywhere = [*([email] if email else []), *extra, f"{name}（{account_id}）"]
    # “provider” as a log-in name is a key of the program too, and letters alone may be any word.
    tied = [
        word
        for word, shortest in ((name, SHORTEST_NAME), (login, SHORTEST_LOGIN))
        if len(word) >= shortest and not _KEYWORD.fullmatch(word)
    ]
    return Marks(tuple(anywhere), tuple(tied), (*public_ids, f"（{account_id}）"))


def check_extra(text: str) -> Sequence[str] | Refused:
    """Further words to be erased, a line each: telephone and ID numbers, another spelling of the name."""
    words = list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if len(words) > MOST_EXTRA:
        return Refused("too_many_words", _("一次最多写 {most} 行，请分几次办理。"), {"most": MOST_EXTRA})
    for word in words:
        if not SHORTEST_EXTRA <= len(word) <= LONGEST_EXTRA:
            return Refused(
                "word_length",
                _("“{word}”应为 {least} 至 {most} 个字符：太短的字会误删别人的内容。"),
                {"word": word[:20], "least": SHORTEST_EXTRA, "most": LONGEST_EXTRA},
            )
        if _KEYWORD.fullmatch(word):
            return Refused("word_of_letters", _("“{word}”只有字母，可能是常用词，会误删别人的内容。请写得更完整。"), {"word": word[:20]})
    return words


def replaced(value: Any, words: Iterable[str]) -> Any:
    """A text, or the texts anywhere in a JSON value, with a neutral word for each of these."""
    if isinstance(value, str):
        for word in words:
            value = value.replace(word, NEUTRAL)
        return value
    if isinstance(value, list):
        return [replaced(one, words) for one in value]
    if isinstance(value, dict):
        return {key: replaced(one, words) for key, one in value.items()}
    return value


def holds(value: Any, words: Iterable[str]) -> bool:
    """Whether a text or a JSON value holds one of the words."""
    if isinstance(value, str):
        return any(word in value for word in words)
    if isinstance(value, dict):
        return any(holds(one, words) for one in value.values())
    return isinstance(value, list) and any(holds(one, words) for one in value)
