"""Making Office documents as an attacker would: macros, links, fields, objects, passwords, document types."""

from __future__ import annotations

import io
import struct
import zipfile

from tests.files.making import OFFICE, RELATIONS, WORD, XML, office, ole, packed

CHUNK_BYTES = 4096
EQUATION_CLASS = bytes.fromhex("02ce020000000000c000000000000046")
URL_MONIKER = bytes.fromhex("e0c9ea79f9bace118c8200aa004ba90b")


def parts_of(data):
    """Return the parts of a package, to make another of."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(data, **parts):
    """Return a package with parts added or replaced; "__" stands for "/" and "_dot_" for "." in a name."""
    renamed = {name.replace("__", "/").replace("_dot_", "."): each for name, each in parts.items()}
    return packed(parts_of(data) | renamed)


def with_part(data, name, content):
    return packed(parts_of(data) | {name: content})


def related(kind, target, *, is_external=True):
    """Write a relationship, outward unless told otherwise."""
    mode = ' TargetMode="External"' if is_external else ""
    return (
        f'{XML}<Relationships xmlns="{RELATIONS}"><Relationship Id="rId9" Type="{OFFICE}/{kind}" '
        f'Target="{target}"{mode}/></Relationships>'
    )


def document(body, declares=""):
    """Make a Word document with this in its body, and this before its first element."""
    text = f'{XML}{declares}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'
    return with_part(office("word"), "word/document.xml", text)


def field(*runs):
    """Write a field of Word's whose words are split into runs."""
    inside = "".join(f"<w:r><w:instrText>{each}</w:instrText></w:r>" for each in runs)
    marks = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    return f"<w:p>{marks.format('begin')}{inside}{marks.format('separate')}{marks.format('end')}</w:p>"


def stored(content):
    """Pack as VBA does it ([MS-OVBA] 2.4.1), in chunks that are kept as they are."""
    pieces = [content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES)]
    return b"\1" + b"".join(struct.pack("<H", 0x3FFF) + each.ljust(CHUNK_BYTES) for each in pieces)


def project(code, folder="VBA"):
    """Return the streams of a VBA project ([MS-OVBA] 2.3.4.2) with one module."""

    def record(number, content):
        return struct.pack("<HI", number, len(content)) + content

    def twice(number, wide):
        return record(number, b"") + record(wide, b"")

    directory = record(1, struct.pack("<I", 1)) + record(2, struct.pack("<I", 0x409))
    directory += record(0x14, struct.pack("<I", 0x409)) + record(3, struct.pack("<H", 1252))
    directory += record(4, b"P") + twice(5, 0x40) + twice(6, 0x3D) + record(7, b"\0\0\0\0")
    directory += record(8, b"\0\0\0\0") + struct.pack("<HIIH", 9, 4, 1, 1) + twice(0x0C, 0x3C)
    directory += record(0x0F, struct.pack("<H", 1)) + record(0x13, b"\xff\xff")
    directory += record(0x19, b"M") + record(0x47, "M".encode("utf-16-le"))
    directory += record(0x1A, b"M") + record(0x32, "M".encode("utf-16-le")) + twice(0x1C, 0x48)
    directory += record(0x31, b"\0\0\0\0") + record(0x1E, b"\0\0\0\0") + record(0x2C, b"\xff\xff")
    directory += record(0x21, b"") + record(0x2B, b"") + record(0x10, b"")
    module = b'Attribute VB_Name = "M"\r\n' + code.encode("cp1252")
    root = folder.rpartition("VBA")[0]
    return {
        f"{folder}/_VBA_PROJECT": b"\xcc\x61\xff\xff\0\0\0",
        f"{folder}/dir": stored(directory),
        f"{folder}/M": stored(module),
        f"{root}PROJECT": b'Module=M\r\nName="P"\r\n',
    }


RUNS = 'Sub AutoOpen()\r\nShell "calc.exe"\r\nEnd Sub\r\n'
WAITS = "Sub Summera()\r\nActiveCell.Value = 1\r\nEnd Sub\r\n"


def with_macros(main, code):
    """Make a newer document with a VBA project, under the name of one without."""
    return changed(
        office(main, f"{main}/vbaProject.bin"), **{f"{main}__vbaProject_dot_bin": ole(**project(code))}
    )


def native(name, content, path=None):
    """Write what a "Package" object holds ([MS-OLEDS] 2.3.6)."""
    label = name.encode("cp1252")
    source = (path or rf"C:\Temp\{name}").encode("cp1252")
    inner = struct.pack("<H", 2) + label + b"\0" + source + b"\0" + struct.pack("<HHI", 0, 3, len(source) + 1)
    inner += source + b"\0" + struct.pack("<I", len(content)) + content
    return struct.pack("<I", len(inner)) + inner


def package(name, content, path=None):
    """Make the container in which a document keeps a packaged file."""
    return ole(**{"\1Ole10Native": native(name, content, path)})


def equation(font):
    """Make an object of the equation editor whose first record names a font."""
    head = struct.pack("<HIHI", 28, 0x20000, 0xC1, 40).ljust(28, b"\0") + b"\3\1\1\3\x0a"
    return ole(**{"Equation Native": head + b"\x08\0\0" + font + b"\0"})


def linked(address):
    """Make an object that is fetched from an address (CVE-2017-0199)."""
    return ole(**{"\1Ole": b"\1\0\0\2" + URL_MONIKER + address.encode("utf-16-le")})


def rtf(body):
    return b"{\\rtf1\\ansi " + body + b"}"


def rtf_object(class_name, data, *, controls=b"\\objemb", hide=lambda digits: digits):
    """Write an object into rich text, its digits hidden in some way."""
    word = class_name.encode() + b"\0"
    raw = struct.pack("<II", 0x501, 2) + struct.pack("<I", len(word)) + word + b"\0" * 8
    raw += struct.pack("<I", len(data)) + data
    return b"{\\object" + controls + b"{\\*\\objdata " + hide(raw.hex().encode()) + b"}}"


def biff(*records):
    """Make an older workbook of these records after its first."""
    body = b"".join(struct.pack("<HH", kind, len(data)) + data for kind, data in records)
    return ole(
        Workbook=struct.pack("<HHHHHHII", 0x809, 16, 0x600, 5, 0x2A5A, 2009, 0, 0x606) + body + b"\x0a\0\0\0"
    )


MACRO_SHEET = (0x85, struct.pack("<IBBBB", 0, 1, 1, 1, 0) + b"M")
OPENS_BY_ITSELF = (0x18, struct.pack("<HBBHHHBBBB", 0x20, 0, 1, 0, 0, 1, 0, 0, 0, 0) + b"\0\1")
TALKS_TO_CMD = (0x1AE, struct.pack("<HHB", 1, 14, 0) + b"cmd\3/c calc.exe")


def slides_with(content):
    """Make an older presentation that holds a container."""
    return ole(
        "Current User", **{"PowerPoint Document": struct.pack("<HHI", 0, 0x1011, len(content)) + content}
    )
