"""Electronic invoices and photos as the tests hand them in, made here."""

from __future__ import annotations

import io
import random

from fpdf import FPDF
from PIL import Image, ImageDraw
from pylopdf_fonts_zh_cn import sans_path

from tests.files.samples import packed

NUMBER = "26112000000123456789"
SELLER = "天津某某软件有限公司"


def invoice_pdf(number: str = NUMBER, amount: str = "113000.00", day: str = "2026年06月01日", seller: str = SELLER) -> bytes:
    """The text of an invoice as it is printed, in a font that the platform carries."""
    paper = FPDF()
    paper.add_page()
    paper.add_font("song", "", sans_path())
    paper.set_font("song", size=10)
    for line in (
        "电子发票（普通发票）", f"发票号码：{number}", f"开票日期：{day}", "购买方 名称：滨海某某化工有限公司", f"销售方 名称：{seller}",
        f"价税合计（大写） 见小写 （小写）¥{amount}",
    ):  # fmt: skip
        paper.cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    return bytes(paper.output())


def invoice_xml(number: str = NUMBER, amount: str = "113000.00", day: str = "2026-06-01", seller: str = SELLER) -> bytes:
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<EInvoice><Header><EIid>{number}</EIid></Header>
<EInvoiceData><SellerInformation><SellerName>{seller}</SellerName></SellerInformation>
<BasicInformation><TotalTax-includedAmount>{amount}</TotalTax-includedAmount></BasicInformation></EInvoiceData>
<TaxSupervisionInfo><IssueTime>{day} 10:11:12</IssueTime></TaxSupervisionInfo></EInvoice>""".encode()


def invoice_ofd(number: str = NUMBER, amount: str = "113000.00", day: str = "2026年06月01日", seller: str = SELLER) -> bytes:
    space = 'xmlns:ofd="http://www.ofdspec.org/2016"'
    main = f"""<?xml version="1.0" encoding="UTF-8"?><ofd:OFD {space}><ofd:DocBody><ofd:DocInfo><ofd:CustomDatas>
<ofd:CustomData Name="发票号码">{number}</ofd:CustomData><ofd:CustomData Name="开票日期">{day}</ofd:CustomData>
</ofd:CustomDatas></ofd:DocInfo></ofd:DocBody></ofd:OFD>"""
    own = f"""<?xml version="1.0" encoding="UTF-8"?><fp:eInvoice xmlns:fp="http://www.edrm.org.cn"><fp:Seller><fp:SellerName>{seller}</fp:SellerName>
</fp:Seller><fp:TaxInclusiveTotalAmount>{amount}</fp:TaxInclusiveTotalAmount></fp:eInvoice>"""
    page = f"""<?xml version="1.0" encoding="UTF-8"?><ofd:Page {space}><ofd:TextCode>电子发票</ofd:TextCode></ofd:Page>"""
    return packed(
        {"OFD.xml": main.encode(), "Doc_0/Attachs/original_invoice.xml": own.encode(), "Doc_0/Pages/Page_0/Content.xml": page.encode()}
    )


def scene(seed: int) -> Image.Image:
    """A picture with something in it, another one for each seed."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (800, 600), (200, 200, 195))
    pen = ImageDraw.Draw(picture)
    for _shape in range(25):
        x, y = chance.randrange(750), chance.randrange(550)
        box = (x, y, x + chance.randrange(30, 300), y + chance.randrange(30, 250))
        colour = tuple(chance.randrange(256) for _ in range(3))
        (pen.ellipse if chance.random() < 0.5 else pen.rectangle)(box, fill=colour)
    return picture


def photo(seed: int = 1, *, size: tuple[int, int] = (800, 600), quality: int = 90, taken: str = "", exact: bool = False) -> bytes:
    """A JPEG of a scene; `taken`: what the camera wrote down, as EXIF writes it."""
    picture = scene(seed).resize(size)
    facts = Image.Exif()
    if taken:
        facts[306] = taken
        facts[0x8825] = {1: "N", 2: (39.0, 1.0, 12.0), 3: "E", 4: (117.0, 42.0, 36.0)}
    out = io.BytesIO()
    picture.save(out, "PNG" if exact else "JPEG", **({} if exact else {"quality": quality, "exif": facts}))
    return out.getvalue()
