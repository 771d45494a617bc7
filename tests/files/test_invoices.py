"""Invoices and photos, read from files that are made here: PDF, OFD, XML, JPEG; none of them is trusted."""

from __future__ import annotations

import io
import time
from datetime import date
from pathlib import Path

import pytest

from marketplace.domain.evidence import distance, says_something
from marketplace.domain.invoice_reading import Suggestion
from marketplace.domain.lifecycle import Refused
from marketplace.files.invoices import Reading, read_evidence, read_file
from marketplace.files.kinds import KINDS
from marketplace.files.store import BlobStore
from tests.files.invoices import NUMBER, SELLER, invoice_ofd, invoice_pdf, invoice_xml, photo
from tests.files.samples import flood, packed

SAID = Suggestion(NUMBER, date(2026, 6, 1), 11_300_000, SELLER)


def read(tmp_path: Path, ending: str, data: bytes, *, as_invoice: bool = True) -> Reading:
    """Taken in like any upload, then read."""
    store = BlobStore(tmp_path / "store")
    blob = store.receive(io.BytesIO(data), f"发票.{ending}", allowed=tuple(KINDS), most_bytes=20 * 2**20)
    assert not isinstance(blob, Refused), blob
    return read_file(store, blob, as_invoice=as_invoice).reading


@pytest.mark.parametrize(("ending", "data"), [("pdf", invoice_pdf()), ("ofd", invoice_ofd()), ("xml", invoice_xml())])
def test_what_an_invoice_says(tmp_path: Path, ending: str, data: bytes) -> None:
    assert read(tmp_path, ending, data).invoice == SAID
    assert not read(tmp_path, ending, data, as_invoice=False).invoice


def raw(tmp_path: Path, ending: str, data: bytes) -> Reading:
    """As if no check had looked at it before."""
    path = tmp_path / "raw"
    path.write_bytes(data)
    return read_evidence(path, KINDS[ending].media)


FIRST = b'<?xml version="1.0"?>'
EXPANDING = FIRST + b'<!DOCTYPE a [<!ENTITY b "' + b"x" * 1000 + b'"><!ENTITY c "' + b"&b;" * 1000 + b'">]><EIid>&c;</EIid>'
OUTSIDE = FIRST + b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><EInvoice><EIid>&e;</EIid></EInvoice>'


@pytest.mark.parametrize(
    ("ending", "data"),
    [
        ("xml", EXPANDING),
        ("xml", OUTSIDE),
        ("xml", b"<a>" * 100_000),
        ("xml", b"not xml at all"),
        ("xml", FIRST + b"<a>" + b"x" * (9 * 2**20) + b"</a>"),
        ("ofd", packed({"OFD.xml": OUTSIDE})),
        ("ofd", packed({"OFD.xml": b"<a>" + b" " * (60 * 2**20) + b"</a>"})),
        ("ofd", b"PK\x03\x04 broken"),
        ("pdf", b"%PDF-1.7 broken"),
        ("jpg", b"\xff\xd8\xff broken"),
        ("png", flood(9_000, 9_000)),
    ],
)
def test_a_bad_file_says_nothing_and_harms_nobody(tmp_path: Path, ending: str, data: bytes) -> None:
    started = time.monotonic()
    assert raw(tmp_path, ending, data) == Reading()
    assert time.monotonic() - started < 15


def test_the_same_photo_resized_and_saved_anew_is_near(tmp_path: Path) -> None:
    first = read(tmp_path, "jpg", photo(1)).photo_hash
    assert says_something(first)
    for changed in (photo(1, quality=35), photo(1, size=(400, 300)), photo(1, size=(1600, 1200), quality=60)):
        assert distance(first, read(tmp_path, "jpg", changed).photo_hash) <= 4
    assert distance(first, read(tmp_path, "png", photo(1, exact=True)).photo_hash) <= 4


def test_other_photos_are_far(tmp_path: Path) -> None:
    hashes = [read(tmp_path, "jpg", photo(seed)).photo_hash for seed in range(2, 10)]
    assert min(distance(one, other) for place, one in enumerate(hashes) for other in hashes[:place]) > 8


def test_what_the_camera_wrote_down(tmp_path: Path) -> None:
    found = read(tmp_path, "jpg", photo(3, taken="2026:10:08 09:30:00"))
    assert found.taken == date(2026, 10, 8)
    assert found.place == "39.02000,117.71000"
    bare = read(tmp_path, "jpg", photo(3))
    assert (bare.taken, bare.place) == (None, "")
