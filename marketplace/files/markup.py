"""An XML file: read from its first letter to its last, with no document type and no entity, and nothing that a browser would run."""

from __future__ import annotations

from pathlib import Path
from xml.parsers import expat

from marketplace.domain.lifecycle import Refused, _
from marketplace.files.flaws import broken

_CHUNK = 64 * 1024
_DEEPEST = 100
_PAGES = frozenset({"html", "svg", "script", "stylesheet"})


class _Declares(Exception):
    pass


class _Runs(Exception):
    pass


def check(path: Path) -> Refused | None:
    parser = expat.ParserCreate(namespace_separator=" ")
    depth = [0]

    def declares(*_values: object) -> int:
        raise _Declares

    def start(name: str, _attributes: object) -> None:
        depth[0] += 1
        if name.rpartition(" ")[2].lower() in _PAGES or depth[0] > _DEEPEST:
            raise _Runs

    def end(_name: str) -> None:
        depth[0] -= 1

    def runs(_target: str, _data: str) -> None:
        # A style sheet turns any XML into a page.
        raise _Runs

    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = parser.ExternalEntityRefHandler = declares
    parser.StartElementHandler, parser.EndElementHandler, parser.ProcessingInstructionHandler = start, end, runs
    try:
        with path.open("rb") as file:
            while data := file.read(_CHUNK):
                parser.Parse(data, False)
            parser.Parse(b"", True)
    except _Declares:
        return Refused("entities", _("这个 {word} 文件里有指向别处的声明，没有上传。请重新另存后再传。"), {"word": "XML"})
    except (_Runs, expat.ExpatError, LookupError, ValueError):
        return broken("XML")
    return None
