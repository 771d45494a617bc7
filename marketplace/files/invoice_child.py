"""Reads what an invoice or a photo says of itself, in a process of its own that may use little memory and little time.

Run as `python -I invoice_child.py FILE ENDING MEMORY SECONDS LETTERS`. XML and OFD become lines of UTF-8, "name<TAB>value" for each
element that holds a text; a picture becomes three lines: hash, day, place. A file that lies kills this process, not the site.
"""

import contextlib
import re
import sys
import zipfile
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

_PARTS = re.compile(r".*\.xml", re.I)
_MOST_PARTS = 200
_MOST_PART = 8 * 2**20
_WIDE, _HIGH = 9, 8
_EXIF_FACTS, _EXIF_PLACE = 0x8769, 0x8825
_TAKEN = 36867


class Refused(Exception):
    """The document asks for something that no invoice needs."""


def of_xml(data: Iterator[bytes]) -> Iterator[str]:
    lines: list[str] = []
    names: list[str] = []
    texts: list[list[str]] = []
    parser = expat.ParserCreate(namespace_separator=" ")

    def refuse(*_values: object) -> int:
        raise Refused

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        # An OFD names its values: <ofd:CustomData Name="发票号码">.
        names.append(attributes.get("Name", local) if local == "CustomData" else local)
        texts.append([])
        if len(names) > 100:
            raise Refused

    def end(_name: str) -> None:
        text = "".join(texts.pop()).strip()
        name = names.pop()
        if text:
            line = " ".join(text.split())
            lines.append(line if name == "TextCode" else f"{name}\t{line}")

    def text(data: str) -> None:
        if texts:
            texts[-1].append(data)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    for piece in data:
        parser.Parse(piece, False)
        yield from (f"{line}\n" for line in lines)
        lines.clear()
    parser.Parse(b"", True)
    yield from (f"{line}\n" for line in lines)


def pieces(file: Any, most: int) -> Iterator[bytes]:
    left = most
    while left > 0 and (data := file.read(64 * 1024)):
        left -= len(data)
        yield data
    if left <= 0:
        raise Refused


def of_ofd(path: str) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        parts = [part for part in archive.infolist() if _PARTS.fullmatch(part.filename)]
        # The invoice's own data first, then what is written on the pages.
        parts.sort(key=lambda part: ("Attach" not in part.filename, part.filename.count("/"), part.filename))
        for part in parts[:_MOST_PARTS]:
            with archive.open(part) as file:
                yield from of_xml(pieces(file, _MOST_PART))


def of_picture(path: str) -> Iterator[str]:
    from PIL import Image

    with Image.open(path) as picture:
        taken, place = exif_of(picture)
        picture.draft("L", (256, 256))
        small = turned(picture).convert("L").resize((_WIDE, _HIGH), Image.Resampling.BOX)
        rows = list(small.tobytes())
    # Each bit: is a point brighter than its neighbour to the right?
    bits = 0
    for row in range(_HIGH):
        for column in range(_WIDE - 1):
            at = row * _WIDE + column
            bits = bits << 1 | (rows[at] > rows[at + 1])
    yield f"{bits:016x}\n{taken}\n{place}\n"


def turned(picture: Any) -> Any:
    """A picture as it is seen, not as the camera was held."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)


def exif_of(picture: Any) -> tuple[str, str]:
    """The day and the place that the camera wrote down, as "2026-11-20T10:00:00" and "39.02,117.71"; "" where it did not."""
    taken = place = ""
    with contextlib.suppress(Exception):
        facts = picture.getexif()
        stamp = str(facts.get_ifd(_EXIF_FACTS).get(_TAKEN) or facts.get(306) or "")
        if found := re.match(r"(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)", stamp):
            taken = f"{found[1]}-{found[2]}-{found[3]}T{found[4]}"
        where = facts.get_ifd(_EXIF_PLACE)
        if 2 in where and 4 in where:
            place = f"{degrees(where[2], where.get(1)):.5f},{degrees(where[4], where.get(3)):.5f}"
    return taken, place


def degrees(parts: Any, side: Any) -> float:
    whole: float = sum(float(part) / 60**place for place, part in enumerate(parts))
    return -whole if str(side) in ("S", "W") else whole


def main() -> int:
    path, ending = sys.argv[1], sys.argv[2]
    memory, seconds, left = (int(value) for value in sys.argv[3:6])
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        if ending == "xml":
            with open(path, "rb") as file:
                parts = list(of_xml(pieces(file, _MOST_PART)))
        else:
            parts = list(of_ofd(path) if ending == "ofd" else of_picture(path))
        for part in parts:
            sys.stdout.buffer.write(part[:left].encode("utf-8", "replace"))
            left -= len(part)
            if left <= 0:
                break
    except MemoryError:
        return 3
    except Exception as error:
        sys.stderr.write(f"{type(error).__name__}: {error}"[:500])
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main())
