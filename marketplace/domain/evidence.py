"""Evidence (佐证): what an enterprise hands in while its project runs, and what looks wrong about it.

Nothing is deleted: what was wrong is superseded by what is right. The same file, the same invoice or nearly the same photo in
two places becomes a finding, which an office explains or upholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from marketplace.domain.access import Role
from marketplace.domain.lifecycle import Refused, Table, Transition, _
from marketplace.domain.texts import check_text


class EvidenceState(StrEnum):
    """Uploaded; checked by the person and counted; replaced or taken back."""

    UPLOADED = "uploaded"
    COUNTED = "counted"
    SUPERSEDED = "superseded"


class FindingState(StrEnum):
    """A duplicate waits for an office, which finds it explained or upholds it."""

    OPEN = "open"
    EXPLAINED = "explained"
    UPHELD = "upheld"


class Likeness(StrEnum):
    """In what two pieces of evidence are the same."""

    FILE = "file"
    INVOICE = "invoice"
    PHOTO = "photo"


_S, _F = EvidenceState, FindingState
_OWN = (Role.ENTERPRISE, Role.ADMIN)
_OFFICE = (Role.MANAGER, Role.BUREAU, Role.ADMIN)

TABLE: Table = (
    Transition((_S.UPLOADED,), "count", _S.COUNTED, _OWN, "核对无误，计入"),
    Transition((_S.UPLOADED, _S.COUNTED), "supersede", _S.SUPERSEDED, _OWN, "替换或撤回"),
)
FINDING_TABLE: Table = (
    Transition((_F.OPEN,), "explain", _F.EXPLAINED, _OFFICE, "说明合理"),
    Transition((_F.OPEN, _F.EXPLAINED), "uphold", _F.UPHELD, _OFFICE, "认定重复使用"),
)

PHOTO, INVOICE, PAID, PURCHASE = "photo", "invoice", "paid", "purchase"
# What is spent is counted by invoices alone: a slip says that the same invoice was paid, a contract that it will be.
SPENDING = frozenset({INVOICE})
WITH_AMOUNT = frozenset({INVOICE, PAID, PURCHASE})
BITS = 64
# Of one colour and without a line, every picture has the same hash; it says nothing.
LEAST_ONES = 5


@dataclass
class EvidenceDraft:
    """What a person says of a file. Amounts in fen; `cost`: a kind of cost; `milestone_id`: a milestone of the same project."""

    kind: str = ""
    amount_fen: int | None = None
    invoice_number: str = ""
    invoice_date: date | None = None
    seller: str = ""
    cost: str = ""
    milestone_id: int | None = None
    taken_on: date | None = None
    place: str = ""
    note: str = ""


@dataclass(frozen=True)
class Frame:
    """What evidence is held against: the project's term, its contracts and what was counted before. Absent facts say nothing."""

    today: date
    kinds: frozenset[str]
    costs: frozenset[str] = frozenset()
    milestones: frozenset[int] = frozenset()
    starts: date | None = None
    ends: date | None = None
    # By supplier, its name folded: the sum of its contract, and what it has invoiced.
    contracts: Mapping[str, int | None] = field(default_factory=dict)
    invoiced: Mapping[str, int] = field(default_factory=dict)
    total_fen: int | None = None
    only_suppliers: bool = False


def check(draft: EvidenceDraft, frame: Frame) -> Iterator[tuple[str, Refused]]:
    """Every (field, refusal) of a draft; nothing when it may be counted."""
    if draft.kind not in frame.kinds:
        yield "kind", Refused("unknown_kind", _("没有“{kind}”这种佐证材料。"), {"kind": draft.kind})
        return
    yield from check_text("seller", _("销售方"), draft.seller, most=200)
    yield from check_text("place", _("拍摄地点"), draft.place, most=200, required=draft.kind == PHOTO)
    yield from check_text("note", _("说明"), draft.note, most=2_000)
    yield from check_text("invoice_number", _("发票号码"), draft.invoice_number, most=40, required=draft.kind == INVOICE)
    if draft.kind == INVOICE and draft.invoice_number.strip() and not normal_number(draft.invoice_number).isalnum():
        yield "invoice_number", Refused("not_a_number", _("发票号码只有数字和字母，现在是“{number}”。"), {"number": draft.invoice_number})
    if draft.kind in WITH_AMOUNT:
        yield from _check_amount(draft.amount_fen)
    for name, label, wanted, on in (
        ("invoice_date", _("开票日期"), INVOICE, draft.invoice_date),
        ("taken_on", _("拍摄日期"), PHOTO, draft.taken_on),
    ):
        if draft.kind == wanted and on is None:
            yield name, Refused("date_missing", _("{label}没有填，请写成 2026-11-20。"), {"label": label})
        elif on is not None and on > frame.today:
            yield name, Refused("future", _("发生日期 {on} 还没有到。"), {"on": on.isoformat()})
    if draft.cost and draft.cost not in frame.costs:
        yield "cost", Refused("unknown_cost", _("没有“{cost}”这种费用。"), {"cost": draft.cost})
    if draft.milestone_id is not None and draft.milestone_id not in frame.milestones:
        yield "milestone", Refused("unknown_milestone", _("这个里程碑不是本项目的。"))


def _check_amount(fen: int | None) -> Iterator[tuple[str, Refused]]:
    if fen is None:
        yield "amount", Refused("amount_missing", _("金额没有填，单位是万元。"))
    elif fen <= 0:
        # A credit note takes its invoice back: the invoice is superseded, and no sum is negative.
        yield "amount", Refused("amount_not_positive", _("金额应大于 0。红字发票请撤回原来那张发票。"))
    elif fen > 10**15:
        yield "amount", Refused("amount_too_large", _("金额太大，请核对单位（万元）。"))


def doubts(draft: EvidenceDraft, frame: Frame) -> list[Refused]:
    """What may be right and must be looked at: sentences, no refusals."""
    found: list[Refused] = []
    day = draft.invoice_date if draft.kind == INVOICE else draft.taken_on
    if day is not None and frame.starts is not None and day < frame.starts:
        values = {"on": day.isoformat(), "starts": frame.starts.isoformat()}
        found.append(Refused("before_term", _("日期 {on} 早于项目开始的 {starts}，不在项目期内。"), values))
    if day is not None and frame.ends is not None and day > frame.ends:
        values = {"on": day.isoformat(), "ends": frame.ends.isoformat()}
        found.append(Refused("after_term", _("日期 {on} 晚于项目结束的 {ends}，不在项目期内。"), values))
    if draft.kind == INVOICE:
        found += _money_doubts(draft, frame)
    return found


def _money_doubts(draft: EvidenceDraft, frame: Frame) -> Iterator[Refused]:
    amount, seller = draft.amount_fen or 0, folded(draft.seller)
    contract = frame.contracts.get(seller)
    of_seller = frame.invoiced.get(seller, 0) + amount
    if contract is not None and of_seller > contract:
        values = {"seller": draft.seller.strip(), "whole": _wan(of_seller), "contract": _wan(contract)}
        yield Refused("above_contract", _("“{seller}”的发票合计 {whole} 万元，超过合同的 {contract} 万元。"), values)
    whole = sum(frame.invoiced.values()) + amount
    if frame.total_fen is not None and whole > frame.total_fen:
        values = {"whole": _wan(whole), "total": _wan(frame.total_fen)}
        yield Refused("above_total", _("全部发票合计 {whole} 万元，超过项目总投资 {total} 万元。"), values)
    if seller and frame.only_suppliers and frame.contracts and seller not in frame.contracts:
        yield Refused("other_seller", _("销售方“{seller}”不是本项目登记的服务商。"), {"seller": draft.seller.strip()})


def _wan(fen: int) -> str:
    return f"{fen / 1_000_000:g}"


def folded(name: str) -> str:
    return "".join(name.split()).replace("（", "(").replace("）", ")").upper()


def normal_number(text: str) -> str:
    """An invoice number as it is compared: no blanks, no dashes."""
    return "".join(letter for letter in text.upper() if letter not in " \t-—　").strip()


def distance(one: str, other: str) -> int:
    """In how many bits two photo hashes (16 hexadecimal digits) differ."""
    return (int(one, 16) ^ int(other, 16)).bit_count()


def says_something(photo_hash: str) -> bool:
    """Whether a picture has enough in it for its hash to tell it from another."""
    return bool(photo_hash) and LEAST_ONES <= int(photo_hash, 16).bit_count() <= BITS - LEAST_ONES


def bands(photo_hash: str) -> list[int]:
    """Eight bytes with their place: two hashes that differ in fewer than eight bits share one of them."""
    return [256 * place + int(photo_hash[2 * place : 2 * place + 2], 16) for place in range(8)]
