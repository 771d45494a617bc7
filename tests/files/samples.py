"""Files of every kind that the platform takes, made by the libraries that people's programs use."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

import xlsxwriter
from docx import Document
from fpdf import FPDF
from PIL import Image
from pylopdf_fonts_zh_cn import sans_path

TYPES = "[Content_Types].xml"
_OFFICE = "application/vnd.openxmlformats-officedocument."


def pdf(text: str = "annealing furnace report") -> bytes:
    page = FPDF()
    page.add_font("han", "", sans_path())
    page.add_page()
    page.set_font("han", size=12)
    page.multi_cell(0, 8, text)
    return bytes(page.output())


def docx(text: str = "退火炉余热回收") -> bytes:
    document = Document()
    document.add_paragraph(text)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def xlsx(text: str = "退火炉余热回收") -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.add_worksheet("表").write(0, 0, text)
    book.close()
    return out.getvalue()


def pptx(text: str = "退火炉余热回收") -> bytes:
    main = _OFFICE + "presentationml.presentation.main+xml"
    space = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    return packed(
        {
            TYPES: f'<?xml version="1.0"?><Types><Override PartName="/ppt/presentation.xml" ContentType="{main}"/></Types>'.encode(),
            "ppt/presentation.xml": f'<?xml version="1.0" encoding="UTF-8"?><p:presentation {space}/>'.encode(),
            "ppt/slides/slide1.xml": f"<p:sld {space}><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:sld>".encode(),
        }
    )


def picture(form: str, size: tuple[int, int] = (40, 30)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (10, 120, 200)).save(out, form)
    return out.getvalue()


def packed(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(data: bytes, files: dict[str, bytes]) -> bytes:
    """An archive with some files replaced or added."""
    return packed(unpacked(data) | files)


def flood(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it has so many points."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + name + data + struct.pack(">L", zlib.crc32(name + data))

    head = part(b"IHDR", struct.pack(">LLBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + part(b"IDAT", zlib.compress(b"\0")) + part(b"IEND", b"")


GOOD: dict[str, bytes] = {
    "pdf": pdf(),
    "docx": docx(),
    "xlsx": xlsx(),
    "pptx": pptx(),
    "png": picture("PNG"),
    "jpg": picture("JPEG"),
    "zip": packed({"说明.txt": "说明".encode(), "a/b.pdf": pdf()}),
    "csv": "名称,金额\n压机,12\n".encode("utf-8-sig"),
    "ofd": packed({"OFD.xml": b'<?xml version="1.0" encoding="UTF-8"?><ofd:OFD xmlns:ofd="http://www.ofdspec.org/2016"/>'}),
    "xml": b'<?xml version="1.0" encoding="UTF-8"?><EInvoice><EIid>26112000000123456789</EIid></EInvoice>',
    "txt": "BMS 系统改造说明\r\n第一条\t压机停机".encode("gb18030"),
}
