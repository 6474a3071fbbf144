"""Files as small as libmagic lets them be: ordinary ones of every type, and ones that mislead."""

from __future__ import annotations

import io
import struct
import zipfile
from email.message import EmailMessage


def zipped(*names, comment=b""):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, name)
        archive.comment = comment
    return stream.getvalue()


def office(main, *more):
    return zipped("[Content_Types].xml", "_rels/.rels", f"{main}/document.xml", *more)


def opendocument(kind):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        archive.writestr("content.xml", "<x/>")
    return stream.getvalue()


def ole(entry):
    """Make the smallest OLE container: header, one table of sectors, one folder with one stream."""
    name = entry.encode("utf-16-le")
    free, end = 0xFFFFFFFF, 0xFFFFFFFE
    header = struct.pack("<8s16xHHHHH6xIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
                         0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<I", 0) + b"\xff" * 432  # fmt: skip
    table = struct.pack("<3I", 0xFFFFFFFD, end, end) + b"\xff" * 500

    def folder(name, kind, child, start, size):
        pointers = struct.pack("<III", free, free, child)
        head = name.ljust(64, b"\0") + struct.pack("<HBB", len(name) + 2, kind, 1) + pointers
        return head + b"\0" * 36 + struct.pack("<IQ", start, size)

    entries = folder("Root Entry".encode("utf-16-le"), 5, 1, end, 0) + folder(name, 2, free, 2, 4096)
    return header + table + entries.ljust(512, b"\0") + b"\0" * 4096


def boxed(brand):
    """Begin an ISO media file of this brand."""
    return struct.pack(">I4s4sI4sI4s", 24, b"ftyp", brand.encode(), 0, b"isom", 400, b"moov") + b"\0" * 400


LETTER = EmailMessage()
LETTER["From"], LETTER["Subject"] = "asa@example.org", "Hej"
LETTER.set_content("<html>inte</html>\n")
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0) + b"\0" * 40
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xdb" + b"\0" * 80
PAGE = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
PROGRAM = (
    b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + b"\0" * 46 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0" + b"\0" * 300
)
SHORTCUT = bytes.fromhex("4c0000000114020000000000c000000000000046") + b"\0" * 80
SWEDISH = "Väg 55 vid Spånga, där såg jag bilen.\r\nÄr det någon som vet mer?\r\n"
TABLE = "Datum;Belopp;Namn\r\n2026-01-02;1 200,50;Åsa Öst\r\n2026-01-03;-44,00;Bo Ek\r\n"

ORDINARY = {
    "a.jpg": JPEG,
    "a.jpeg": JPEG,
    "a.png": PNG,
    "a.gif": b"GIF89a\1\0\1\0\0\0\0;",
    "a.webp": b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0" + b"\0" * 24,
    "a.tif": b"II*\0\x08\0\0\0" + b"\0" * 40,
    "a.tiff": b"MM\0*\0\0\0\x08" + b"\0" * 40,
    "a.bmp": b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\2\0\0\0\2\0\0\0\1\0\x18\0" + b"\0" * 40,
    **{f"{brand}.heic": boxed(brand) for brand in ("heic", "heix", "mif1", "msf1", "hevc", "heim", "mif2")},
    "a.heif": boxed("mif1"),
    "avif.avif": boxed("avif"),
    "avis.avif": boxed("avis"),
    "mif1.avif": boxed("mif1"),
    **{f"{brand}.mp4": boxed(brand) for brand in ("isom", "mp42", "avc1", "MSNV", "XAVC", "CAEP", "pana")},
    "a.mov": boxed("qt  "),
    "old.mov": struct.pack(">I4sI4s", 8, b"wide", 300, b"mdat") + b"\0" * 300,
    "a.m4v": boxed("M4V "),
    "a.3gp": boxed("3gp4"),
    "b.3gp": boxed("mp42"),
    "a.m4a": boxed("M4A "),
    "b.m4a": boxed("3gp4"),
    "a.webm": b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm" + b"\0" * 40,
    "a.mkv": b"\x1aE\xdf\xa3\xa3B\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x88matroska" + b"\0" * 40,
    "a.avi": b"RIFF\0\1\0\0AVI LIST\xc0\0\0\0hdrlavih" + b"\0" * 80,
    "a.ts": (b"G\x40\0\x10" + b"\xff" * 184) * 8,
    "a.mts": (b"\0\0\0\0G\x40\0\x10" + b"\xff" * 184) * 8,
    "a.m2ts": (b"\0\1\2\3G\x40\0\x10" + b"\xff" * 184) * 8,
    "a.mp3": b"ID3\3\0\0\0\0\0\x0a" + b"\0" * 10 + b"\xff\xfb\x90\0" + b"\0" * 413,
    "b.mp3": (b"\xff\xfb\x90\0" + b"\0" * 413) * 3,
    "a.aac": b"\xff\xf1\x50\x80\x03\x1f\xfc" + b"\0" * 60,
    "a.wav": b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x44\xac\0\0\x88\x58\1\0\2\0\x10\0data\0\0\0\0",
    "a.ogg": b"OggS\0\2" + b"\0" * 20 + b"\1\x1e\1vorbis" + b"\0" * 23,
    "a.opus": b"OggS\0\2" + b"\0" * 20 + b"\1\x13OpusHead\1\1" + b"\0" * 9,
    "a.amr": b"#!AMR\n" + b"\x3c" * 60,
    "a.flac": b"fLaC\0\0\0\x22\x10\0\x10\0" + b"\0" * 30,
    "a.pdf": PDF,
    "led.pdf": b"\r\n\r\n" + PDF,
    "skrap.pdf": bytes(range(128, 256)) + PDF,
    **{f"{code}.txt": SWEDISH.encode(code) for code in ("utf-8", "utf-8-sig", "cp1252", "cp850", "utf-16")},
    **{f"{code}.csv": TABLE.encode(code) for code in ("utf-8", "cp1252", "utf-16")},
    "komma.csv": TABLE.replace(",", ".").replace(";", ",").encode(),
    "ett.txt": b"x",
    "rad.txt": b"\n",
    "dos.txt": b"hej\r\n\x1a",
    "plats.txt": "SPÅNGA centrum, i går kväll.\n".encode(),
    "parkering.txt": b"P4 stod tom.\n",
    "brev.txt": b"From: asa@example.org\nSubject: hej\n\nhej\n",
    "kod.txt": b"#include <stdio.h>\nint main(void){}\n",
    "hjarta.txt": "<3 hej på er\n".encode(),
    "a.log": b"\x1b[31mfel\x1b[0m Jan  1 12:00:00 host sshd[1]: Failed password\n" * 5,
    "json.log": b'{"a": 1}\n{"a": 2}\n',
    "a.rtf": b"{\\rtf1\\ansi Hej \\'e5}",
    "a.odt": opendocument("text"),
    "a.ods": opendocument("spreadsheet"),
    "a.odp": opendocument("presentation"),
    "omzippad.odt": zipped("content.xml", "META-INF/manifest.xml", "mimetype"),
    "a.docx": office("word"),
    "omordnad.docx": zipped("docProps/app.xml", "word/document.xml", "[Content_Types].xml"),
    "a.xlsx": office("xl"),
    "a.pptx": office("ppt"),
    "a.doc": ole("WordDocument"),
    "rtf.doc": b"{\\rtf1\\ansi Hej}",
    "a.xls": ole("Workbook"),
    "a.ppt": ole("PowerPoint Document"),
    "a.msg": ole("__properties_version1.0"),
    "a.pages": zipped("Index/Document.iwa", "Metadata/Properties.plist"),
    "a.numbers": zipped("Index/Document.iwa", "Index/CalculationEngine.iwa"),
    "a.key": zipped("Data/bild.jpg", "Index/Document.iwa"),
    "a.eml": LETTER.as_bytes(),
    "retur.eml": b"Return-Path: <asa@example.org>\r\nX-Note: 1\r\n\r\n" + PAGE,
    "8bit.eml": b"X-Note: \xe5\r\nContent-Type: application/octet-stream\r\n\r\n\0\1\2",
    "a.ics": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "bom.ics": b"\xef\xbb\xbfBEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "a.vcf": "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Åsa\r\nEND:VCARD\r\n".encode(),
    "liten.vcf": b"begin:vcard\nversion:2.1\nend:vcard\n",
    "a.zip": zipped("foto.jpg", "åäö.txt"),
    "tom.zip": zipped(),
    "dokument.zip": office("word"),
}

MISLEADING = {
    **{
        f"{kind}.{ending}": data
        for ending in (
            "jpg",
            "pdf",
            "txt",
            "docx",
            "doc",
            "zip",
            "mp4",
            "heic",
            "ics",
            "vcf",
            "csv",
            "mp3",
            "rtf",
        )
        for kind, data in {"sida": PAGE, "program": PROGRAM, "genvag": SHORTCUT}.items()
    },
    "padded.txt": b" " * 9000 + b"<script>alert(1)</script>",
    "bom.txt": b"\xef\xbb\xbf\r\n<HTML><script>alert(1)</script>",
    "svg.txt": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "xml.txt": b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>',
    "sh.txt": b"#!/bin/sh\nrm -rf /\n",
    "padded-sh.log": b"\n\n#!/bin/sh\nrm -rf /\n",
    "php.txt": b"<?php system($_GET[1]); ?>",
    "python.txt": b"#!/usr/bin/python3\nimport os\n",
    "bat.txt": b"@echo off\r\ndel *.*\r\n",
    "binary.txt": b"hej\0\1\2\3hej",
    "bild.txt": PNG,
    "sida.eml": PAGE,
    "hta.eml": b"<html><head><hta:application></head></html>",
    "png.jpg": PNG,
    "zip.jpg": zipped("a"),
    "zip.pdf": zipped("a", comment=PDF),
    "program.pdf": PROGRAM[:64] + PDF,
    "sida-med-huvud.pdf": PAGE + PDF,
    "bild.docx": PNG,
    "ole.pdf": ole("WordDocument"),
    "zip.doc": zipped("a"),
    "text.ts": b"export const a = 1;\n",
    "text.key": b"-----BEGIN PRIVATE KEY-----\n",
    "text.mp3": b"hej\n",
    "slump.mp4": bytes(range(1, 256)),
    "slump.docx": bytes(range(1, 256)),
}
