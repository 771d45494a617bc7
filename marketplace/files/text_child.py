"""Reads the words of a document in a process of its own that may use little memory and little time.

Run as `python -I text_child.py FILE ENDING MEMORY SECONDS LETTERS`; writes UTF-8 to standard output. A file that lies about
its size, or that sends a parser round in circles, kills this process, not the site.
"""

import contextlib
import re
import sys
import zipfile
from collections.abc import Iterator
from xml.parsers import expat

_PARTS = {
    "docx": re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes|comments)\.xml$"),
    "pptx": re.compile(r"ppt/(slides/slide\d+|notesSlides/notesSlide\d+)\.xml$"),
}
_WORDS = ("t",)
_BREAKS = ("p", "br", "tab", "tr")


class Refused(Exception):
    """The document asks for something that no document needs."""


def of_pdf(path: str) -> Iterator[str]:
    import pypdfium2

    document = pypdfium2.PdfDocument(path)
    for number in range(len(document)):
        page = document[number]
        text = page.get_textpage()
        yield text.get_text_bounded()
        yield "\n"
        text.close()
        page.close()


def of_package(path: str, ending: str) -> Iterator[str]:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if _PARTS[ending].fullmatch(name)]
        for name in sorted(names, key=lambda name: (len(name), name)):
            found: list[str] = []
            parser = _parser(found)
            with archive.open(name) as part:
                while data := part.read(64 * 1024):
                    parser.Parse(data, False)
                    yield "".join(found)
                    found.clear()
            parser.Parse(b"", True)
            yield "".join([*found, "\n"])


def _parser(found: list[str]) -> expat.XMLParserType:
    parser = expat.ParserCreate(namespace_separator=" ")
    inside = [False]

    def refuse(*_values: object) -> int:
        raise Refused

    def start(name: str, _attributes: object) -> None:
        inside[0] = name.rpartition(" ")[2] in _WORDS

    def end(name: str) -> None:
        inside[0] = False
        if name.rpartition(" ")[2] in _BREAKS:
            found.append("\n")

    def text(data: str) -> None:
        if inside[0]:
            found.append(data)

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    return parser


def of_workbook(path: str) -> Iterator[str]:
    from python_calamine import CalamineWorkbook

    workbook = CalamineWorkbook.from_path(path)
    for name in workbook.sheet_names:
        yield name + "\n"
        for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=True):
            words = [str(cell) for cell in row if cell != ""]
            if words:
                yield " ".join(words) + "\n"


def main() -> int:
    path, ending = sys.argv[1], sys.argv[2]
    memory, seconds, left = (int(value) for value in sys.argv[3:6])
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        parts = of_pdf(path) if ending == "pdf" else of_workbook(path) if ending == "xlsx" else of_package(path, ending)
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
