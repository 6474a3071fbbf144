"""Making small files that a parser of their type opens: pictures, documents, containers, sound and film."""

from __future__ import annotations

import functools
import io
import itertools
import struct
import zipfile

import pikepdf
import pillow_heif
from PIL import Image

RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
FORMAT = "application/vnd.openxmlformats-officedocument"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHOW = "http://schemas.openxmlformats.org/presentationml/2006/main"
MAIN = {"word": "word/document.xml", "xl": "xl/workbook.xml", "ppt": "ppt/presentation.xml"}
MAIN_TYPES = {
    "word/document.xml": f"{FORMAT}.wordprocessingml.document.main+xml",
    "xl/workbook.xml": f"{FORMAT}.spreadsheetml.sheet.main+xml",
    "xl/worksheets/sheet1.xml": f"{FORMAT}.spreadsheetml.worksheet+xml",
    "ppt/presentation.xml": f"{FORMAT}.presentationml.presentation.main+xml",
}
MACRO_TYPES = {
    "word/document.xml": "application/vnd.ms-word.document.macroEnabled.main+xml",
    "xl/workbook.xml": "application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    "ppt/presentation.xml": "application/vnd.ms-powerpoint.presentation.macroEnabled.main+xml",
}
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
PARTS = {
    "word/document.xml": f'{XML}<w:document xmlns:w="{WORD}"><w:body><w:p><w:r><w:t>Jag såg bilen på Väg 55.'
    "</w:t></w:r></w:p></w:body></w:document>",
    "word/_rels/document.xml.rels": f'{XML}<Relationships xmlns="{RELATIONS}"/>',
    "word/styles.xml": f'{XML}<w:styles xmlns:w="{WORD}"/>',
    "word/settings.xml": f'{XML}<w:settings xmlns:w="{WORD}"/>',
    "word/fontTable.xml": f'{XML}<w:fonts xmlns:w="{WORD}"/>',
    "word/numbering.xml": f'{XML}<w:numbering xmlns:w="{WORD}"/>',
    "word/theme/theme1.xml": f'{XML}<a:theme xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"/>',
    "xl/workbook.xml": f'{XML}<workbook xmlns="{SHEET}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Blad1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{XML}<Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" '
    f'Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    "xl/worksheets/sheet1.xml": f'{XML}<worksheet xmlns="{SHEET}"><sheetData><row r="1">'
    '<c r="A1"><v>112</v></c></row></sheetData></worksheet>',
    "ppt/presentation.xml": f'{XML}<p:presentation xmlns:p="{SHOW}"><p:sldSz cx="9144000" cy="6858000"/>'
    '<p:notesSz cx="6858000" cy="9144000"/></p:presentation>',
    "docProps/app.xml": f'{XML}<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/'
    'extended-properties"/>',
    "docProps/core.xml": f'{XML}<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/'
    'metadata/core-properties"/>',
}
MORE = {"word": (), "ppt": (), "xl": ("xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml")}


def packed(parts, comment=b""):
    """Make a zip of names and what lies under each."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            stored = zipfile.ZIP_STORED if name == "mimetype" else None
            archive.writestr(name, data, compress_type=stored)
        archive.comment = comment
    return stream.getvalue()


def zipped(*names, comment=b""):
    """Make a zip of these names in this order; what is no part of Office holds its name."""
    made = {name: PARTS.get(name, name) for name in names}
    if "[Content_Types].xml" in made:
        made["[Content_Types].xml"] = _content_types(names)
    if "_rels/.rels" in made:
        made["_rels/.rels"] = _package_relations(names)
    return packed(made, comment)


def office(main, *more, main_type=None):
    """Make a document of Word ("word"), Excel ("xl") or PowerPoint ("ppt"), with more parts at its end."""
    names = ("[Content_Types].xml", "_rels/.rels", MAIN[main], *MORE[main], *more)
    if main_type is None:
        return zipped(*names)
    types = _content_types(names).replace(MAIN_TYPES[MAIN[main]], main_type)
    return packed(
        {name: PARTS.get(name, name) for name in names}
        | {"[Content_Types].xml": types, "_rels/.rels": _package_relations(names)}
    )


def der(tag, *parts):
    """Make a value of ASN.1 in DER."""
    content = b"".join(parts)
    length = len(content).to_bytes(4, "big")
    return bytes([tag, 0x84]) + length + content


def signed(content, kind=2):
    """Make an S/MIME envelope of CMS around content; 2 is a signed one, 3 a locked one."""
    oid = bytes.fromhex("06092a864886f70d0107")
    inner = [der(0xA0, der(0x04, content))] if content is not None else []
    body = (der(0x02, b"\1"), der(0x31), der(0x30, oid + b"\1", *inner), der(0x31))
    return der(0x30, oid + bytes([kind]), der(0xA0, der(0x30, *body)))


def _content_types(names):
    plain = (
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    )
    plain += '<Default Extension="xml" ContentType="application/xml"/>'
    has_macros = any(name.endswith("vbaProject.bin") for name in names)
    if has_macros:
        plain += '<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>'
    for name in names:
        if name in MAIN_TYPES:
            kind = MACRO_TYPES[name] if has_macros and name in MACRO_TYPES else MAIN_TYPES[name]
            plain += f'<Override PartName="/{name}" ContentType="{kind}"/>'
    return f'{XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{plain}</Types>'


def _package_relations(names):
    main = next((name for name in names if name in MAIN.values()), "")
    return (
        f'{XML}<Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" Type="{OFFICE}/officeDocument" '
        f'Target="{main}"/></Relationships>'
    )


def opendocument(kind, order=("mimetype", "content.xml", "META-INF/manifest.xml")):
    """Make a LibreOffice document: text, spreadsheet or presentation."""
    body = {
        "text": "<text:p>Jag såg bilen på Väg 55.</text:p>",
        "spreadsheet": '<table:table table:name="Blad1"><table:table-row><table:table-cell/>'
        "</table:table-row></table:table>",
        "presentation": '<draw:page draw:name="Sida 1"/>',
    }[kind]
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
        for name, space in (("office", "office"), ("text", "text"), ("table", "table"), ("draw", "drawing"))
    )
    mime = f"application/vnd.oasis.opendocument.{kind}"
    listed = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="{each}"/>'
        for path, each in (("/", mime), ("content.xml", "text/xml"))
    )
    parts = {
        "mimetype": mime,
        "content.xml": f'{XML}<office:document-content {spaces} office:version="1.3"><office:body>'
        f"<office:{kind}>{body}</office:{kind}></office:body></office:document-content>",
        "META-INF/manifest.xml": f'{XML}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:'
        f'xmlns:manifest:1.0" manifest:version="1.3">{listed}</manifest:manifest>',
    }
    return packed({name: parts[name] for name in order})


FREE, END, TABLE_OF_SECTORS = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STREAMS = {
    # A FIB of Word 97-2003, without password; what Excel and PowerPoint write first.
    "WordDocument": struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0x41D, 0, 0x1200).ljust(1472, b"\0"),
    "1Table": b"",
    "Workbook": struct.pack("<HHHHHHIIHH", 0x809, 16, 0x600, 5, 0x2A5A, 2009, 0, 0x606, 0x0A, 0),
    "PowerPoint Document": struct.pack("<HHI", 0x0F, 0x3E8, 0)
    + struct.pack("<HHIIHBBIIIIHH", 0, 0xFF5, 28, 0, 0, 0, 3, 0, 44, 1, 1, 0, 0)
    + struct.pack("<HHIII", 0, 0x1772, 8, 0x100001, 0),
    "Current User": struct.pack("<HHIIIIHHBBH", 0, 0xFF6, 20, 20, 0xE391C05F, 8, 0, 0x3F4, 3, 0, 0),
}


def ole(*entries, **more):
    """Make an OLE container of streams; one that is only named holds what Office writes first in such a one.

    A name with "/" lies in a folder; ``more`` gives streams with what they hold.
    """
    streams = {name: STREAMS.get(name, b"") for name in entries} | more
    tree = {}
    for path, data in streams.items():
        *folders, name = path.split("/")
        place = tree
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = data.ljust(4096, b"\0")
    rows, sectors = [["Root Entry", 5, FREE, FREE, END, 0]], []
    rows[0][3] = _folder(tree, rows, sectors)
    return _container(rows, sectors)


def _folder(place, rows, sectors):
    """List a folder's entries, each the right-hand neighbour of the one before, and return the first."""
    ordered = sorted(place.items(), key=lambda each: (len(each[0]), each[0].upper()))
    numbers = []
    for name, data in ordered:
        numbers.append(len(rows))
        rows.append([name, 1 if isinstance(data, dict) else 2, FREE, FREE, END, 0])
        if isinstance(data, dict):
            rows[numbers[-1]][3] = _folder(data, rows, sectors)
        else:
            rows[numbers[-1]][4:] = [len(sectors), len(data)]
            pieces = [data[at : at + 512].ljust(512, b"\0") for at in range(0, len(data), 512)]
            sectors.extend((piece, at + 1 < len(pieces)) for at, piece in enumerate(pieces))
    for here, after in itertools.pairwise(numbers):
        rows[here][2] = after
    return numbers[0] if numbers else FREE


def _container(rows, sectors):
    """Lay out: tables of sectors, then the folder, then the streams."""
    folder_sectors = -(-len(rows) // 4)
    tables = 1
    while tables * 128 < tables + folder_sectors + len(sectors):
        tables += 1
    first = tables + folder_sectors
    chain = [TABLE_OF_SECTORS] * tables
    chain += [*range(tables + 1, first), END]
    chain += [first + at + 1 if goes_on else END for at, (_, goes_on) in enumerate(sectors)]
    listed = b"".join(struct.pack("<I", each) for each in chain).ljust(tables * 512, b"\xff")
    head = struct.pack("<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
                       0, tables, tables, 0, 4096, END, 0, END, 0)  # fmt: skip
    head += b"".join(struct.pack("<I", each) for each in range(tables)).ljust(436, b"\xff")
    folder = b"".join(_entry(first, *row) for row in rows).ljust(folder_sectors * 512, b"\0")
    return head + listed + folder + b"".join(data for data, _ in sectors)


def _entry(first, name, kind, right, child, start, size):
    coded = name.encode("utf-16-le")
    head = coded.ljust(64, b"\0") + struct.pack("<HBBIII", len(coded) + 2, kind, 1, FREE, right, child)
    return head + b"\0" * 36 + struct.pack("<IQ", first + start if kind == 2 else start, size)


def picture(kind, **options):
    """Make a photo of 16 x 12 pixels in one of Pillow's formats."""
    stream = io.BytesIO()
    Image.linear_gradient("L").resize((16, 12)).convert("RGB").save(stream, kind, **options)
    return stream.getvalue()


@functools.cache
def heif(brand):
    """Make a HEIC or AVIF photo whose first brand is this."""
    if brand.startswith("avi"):
        more = {"save_all": True, "append_images": [Image.new("RGB", (16, 12))]} if brand == "avis" else {}
        data = picture("AVIF", **more)
    else:
        stream = io.BytesIO()
        pillow_heif.from_pillow(Image.linear_gradient("L").resize((64, 64)).convert("RGB")).save(stream)
        data = stream.getvalue()
    return data[:8] + brand.encode() + data[12:]


PICTURE_BRANDS = ("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "avif", "avis")


def box(kind, *contents):
    data = b"".join(contents)
    return struct.pack(">I4s", len(data) + 8, kind.encode()) + data


def boxed(brand):
    """Make an ISO media file of this brand: a photo for those of photos, else a film without pictures."""
    if brand in PICTURE_BRANDS:
        return heif(brand)
    began = box("ftyp", brand.encode(), struct.pack(">I", 0x200), b"isom", brand.encode())
    return began + film()


def film():
    """Make the boxes of a film of one second that holds no frames."""
    matrix = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    times = struct.pack(">IIIIII", 0, 3_800_000_000, 3_800_000_000, 1000, 1000, 0x10000)
    head = times + struct.pack(">H10x", 0x100) + matrix + b"\0" * 24 + struct.pack(">I", 2)
    return box("moov", box("mvhd", head)) + box("mdat", b"\0" * 64)


def matroska(kind):
    """Make a Matroska or WebM file with its head and an empty segment."""

    def element(number, data):
        return bytes.fromhex(number) + bytes([0x80 | len(data)]) + data

    head = element("4286", b"\1") + element("42f7", b"\1") + element("42f2", b"\4") + element("42f3", b"\x08")
    head += element("4282", kind.encode()) + element("4287", b"\4") + element("4285", b"\2")
    info = element(
        "1549a966", element("2ad7b1", b"\x0f\x42\x40") + element("4d80", b"i") + element("5741", b"i")
    )
    return element("1a45dfa3", head) + element("18538067", info)


def riff(kind, *chunks):
    data = kind + b"".join(name + struct.pack("<I", len(each)) + each for name, each in chunks)
    return b"RIFF" + struct.pack("<I", len(data)) + data


def avi():
    """Make an AVI of one stream without frames."""
    head = struct.pack("<14I", 40_000, 0, 0, 0x10, 0, 0, 1, 0, 16, 12, 0, 0, 0, 0)
    stream = struct.pack(
        "<4s4sIHHIIIIIIII4H", b"vids", b"MJPG", 0, 0, 0, 0, 1, 25, 0, 0, 0, 0, 0, 0, 0, 16, 12
    )
    form = struct.pack("<IiiHH4sIiiII", 40, 16, 12, 1, 24, b"MJPG", 576, 0, 0, 0, 0)
    one = b"strl" + b"strh" + struct.pack("<I", len(stream)) + stream + b"strf" + struct.pack("<I", 40) + form
    heads = b"hdrl" + b"avih" + struct.pack("<I", 56) + head + b"LIST" + struct.pack("<I", len(one)) + one
    return riff(b"AVI ", (b"LIST", heads), (b"LIST", b"movi"))


def wav():
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
    return riff(b"WAVE", (b"fmt ", form), (b"data", b"\0" * 1600))


def ogg(first):
    """Make an Ogg file of one page that begins a stream, and one that ends it."""

    def page(kind, number, data):
        head = struct.pack("<4sBBqIIIBB", b"OggS", 0, kind, 0, 1, number, 0, 1, len(data)) + data
        mended = bytearray(head)
        mended[22:26] = struct.pack("<I", _ogg_sum(head))
        return bytes(mended)

    return page(2, 0, first) + page(4, 1, b"\0" * 20)


def _ogg_sum(data):
    total = 0
    for byte in data:
        total ^= byte << 24
        for _ in range(8):
            total = ((total << 1) ^ 0x04C11DB7 if total & 0x80000000 else total << 1) & 0xFFFFFFFF
    return total


def pdf_of_one_page():
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(595, 842))
    font = {"/Type": pikepdf.Name.Font, "/Subtype": pikepdf.Name.Type1, "/BaseFont": pikepdf.Name.Helvetica}
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=pikepdf.Dictionary(font)))
    page.Contents = document.make_stream(b"BT /F1 24 Tf 72 700 Td (Anmalan) Tj ET")
    stream = io.BytesIO()
    document.save(stream, deterministic_id=True)
    return stream.getvalue()
