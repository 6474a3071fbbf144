"""Small files that their parsers open: ordinary ones of every type we take, and ones that mislead."""

from __future__ import annotations

import struct
from email.message import EmailMessage

from tests.files.making import (
    avi,
    boxed,
    film,
    matroska,
    office,
    ogg,
    ole,
    opendocument,
    pdf_of_one_page,
    picture,
    signed,
    wav,
    zipped,
)

LETTER = EmailMessage()
LETTER["From"], LETTER["Subject"] = "asa@example.org", "Hej"
LETTER.set_content("<html>inte</html>\n")
PDF = pdf_of_one_page()
PNG = picture("PNG")
JPEG = picture("JPEG")
PAGE = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"
PROGRAM = (
    b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff" + b"\0" * 46 + b"\x80\0\0\0" + b"\0" * 64 + b"PE\0\0" + b"\0" * 300
)
SHORTCUT = bytes.fromhex("4c0000000114020000000000c000000000000046") + b"\0" * 80
SWEDISH = "Väg 55 vid Spånga, där såg jag bilen.\r\nÄr det någon som vet mer?\r\n"
ARMOR = "-----BEGIN PGP {0}-----\n\nwsBzBAABCgAdFiEE\n=Abcd\n-----END PGP {0}-----\n"
PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
TABLE = "Datum;Belopp;Namn\r\n2026-01-02;1 200,50;Åsa Öst\r\n2026-01-03;-44,00;Bo Ek\r\n"

ORDINARY = {
    "a.jpg": JPEG,
    "a.jpeg": JPEG,
    "a.jfif": JPEG,
    "a.png": PNG,
    "a.gif": picture("GIF"),
    "a.webp": picture("WEBP"),
    "a.tif": picture("TIFF"),
    "a.tiff": picture("TIFF", compression="tiff_lzw"),
    "a.bmp": picture("BMP"),
    **{f"{brand}.heic": boxed(brand) for brand in ("heic", "heix", "mif1", "msf1", "hevc", "heim")},
    "a.heif": boxed("mif1"),
    "avif.avif": boxed("avif"),
    "avis.avif": boxed("avis"),
    "mif1.avif": boxed("mif1"),
    **{f"{brand}.mp4": boxed(brand) for brand in ("isom", "mp42", "avc1", "MSNV", "XAVC", "CAEP", "pana")},
    "a.mov": boxed("qt  "),
    "old.mov": struct.pack(">I4s", 8, b"wide") + film(),
    "a.m4v": boxed("M4V "),
    "a.3gp": boxed("3gp4"),
    "b.3gp": boxed("mp42"),
    "a.m4a": boxed("M4A "),
    "a.3ga": boxed("3gp4"),
    "a.3g2": boxed("3g2a"),
    "b.m4a": boxed("3gp4"),
    "a.webm": matroska("webm"),
    "a.mkv": matroska("matroska"),
    "a.avi": avi(),
    "a.ts": (b"G\x40\0\x10" + b"\xff" * 184) * 8,
    "a.mts": (b"\0\0\0\0G\x40\0\x10" + b"\xff" * 184) * 8,
    "a.m2ts": (b"\0\1\2\3G\x40\0\x10" + b"\xff" * 184) * 8,
    "a.mp3": b"ID3\3\0\0\0\0\0\x0a" + b"\0" * 10 + (b"\xff\xfb\x90\0" + b"\0" * 413) * 3,
    "b.mp3": (b"\xff\xfb\x90\0" + b"\0" * 413) * 3,
    "a.aac": (b"\xff\xf1\x50\x80\x03\x1f\xfc" + b"\0" * 17) * 8,
    "a-med-tagg.aac": b"ID3\3\0\0\0\0\0\x0a"
    + b"\0" * 10
    + (b"\xff\xf1\x50\x80\x03\x1f\xfc" + b"\0" * 17) * 8,
    "a.wav": wav(),
    "a.ogg": ogg(b"\1vorbis" + struct.pack("<IBIIIIBB", 0, 1, 44100, 0, 96000, 0, 0xB8, 1)),
    "a.opus": ogg(b"OpusHead" + struct.pack("<BBHIhB", 1, 1, 312, 48000, 0, 0)),
    "a.amr": b"#!AMR\n" + (b"\x3c" + b"\0" * 31) * 50,
    "a.flac": b"fLaC\x80\0\0\x22\x10\0\x10\0"
    + b"\0" * 6
    + b"\x0a\xc4\x40\xf0"
    + b"\0" * 20
    + b"\xff\xf8\xc9\x18\0\xc2",
    "a.pdf": PDF,
    "led.pdf": b"\r\n\r\n" + PDF,
    "skrap.pdf": bytes(range(128, 256)) + PDF,
    **{f"{code}.txt": SWEDISH.encode(code) for code in ("utf-8", "utf-8-sig", "cp1252", "cp850", "utf-16")},
    **{f"{code}.csv": TABLE.encode(code) for code in ("utf-8", "cp1252", "utf-16")},
    "komma.csv": TABLE.replace(",", ".").replace(";", ",").encode(),
    "prosa.csv": SWEDISH.encode(),
    "data.txt": b'<?xml version="1.0"?>\n<sms><text>Hej</text></sms>\n',
    "lankar.csv": b"<a href='https://example.org/'>a</a>,<a href='https://example.org/'>b</a>\n" * 3,
    "rad.csv": "Åsa;Öst;12\n".encode(),
    "meningar.txt": b"Jag gick hem, sedan ringde jag.\n" * 20,
    "spetsar.txt": b"Jag skrev till <asa@example.org>, a < b > c, <b>fetstil</b>.\n",
    "omarkt.txt": SWEDISH.encode("utf-16-le"),
    "ett.txt": b"x",
    "rad.txt": b"\n",
    "dos.txt": b"hej\r\n\x1a",
    "avbruten.log": b"2026-01-02 10:11 startar\n" * 9 + b"\0" * 3000,
    "plats.txt": "SPÅNGA centrum, i går kväll.\n".encode(),
    "parkering.txt": b"P4 stod tom.\n",
    "brev.txt": b"From: asa@example.org\nSubject: hej\n\nhej\n",
    "kod.txt": b"#include <stdio.h>\nint main(void){}\n",
    "hjarta.txt": "<3 hej på er\n".encode(),
    "a.log": b"\x1b[31mfel\x1b[0m Jan  1 12:00:00 host sshd[1]: Failed password\n" * 5,
    "chatt.log": b"[10:11] \x02Anna\x02: \x0304hej\x03 \x1f!\x1f\n" * 5,
    "json.log": b'{"a": 1}\n{"a": 2}\n',
    "a.rtf": b"{\\rtf1\\ansi Hej \\'e5}",
    "outlook.rtf": b"{\\rtf1\\ansi Hej}\r\n\0",
    "bild.rtf": b"{\\rtf1\\ansi{\\pict\\bin4 \0\1\2\3}Hej}",
    "a.odt": opendocument("text"),
    "a.ods": opendocument("spreadsheet"),
    "a.odp": opendocument("presentation"),
    "omzippad.odt": opendocument("text", ("content.xml", "META-INF/manifest.xml", "mimetype")),
    "a.docx": office("word"),
    "omordnad.docx": zipped("docProps/app.xml", "word/document.xml", "_rels/.rels", "[Content_Types].xml"),
    "a.xlsx": office("xl"),
    "a.pptx": office("ppt"),
    "a.ppsx": office(
        "ppt", main_type="application/vnd.openxmlformats-officedocument.presentationml.slideshow.main+xml"
    ),
    "a.potx": office(
        "ppt", main_type="application/vnd.openxmlformats-officedocument.presentationml.template.main+xml"
    ),
    "a.dotx": office(
        "word", main_type="application/vnd.openxmlformats-officedocument.wordprocessingml.template.main+xml"
    ),
    "a.xltx": office(
        "xl", main_type="application/vnd.openxmlformats-officedocument.spreadsheetml.template.main+xml"
    ),
    "a.xlsb": office("xl", main_type="application/vnd.ms-excel.sheet.binary.macroEnabled.main"),
    "a.doc": ole("WordDocument", "1Table"),
    "rtf.doc": b"{\\rtf1\\ansi Hej}",
    "a.xls": ole("Workbook"),
    "a.ppt": ole("PowerPoint Document", "Current User"),
    "a.pps": ole("PowerPoint Document", "Current User"),
    "a.msg": ole("__properties_version1.0"),
    "a.pages": zipped("Index/Document.iwa", "Metadata/Properties.plist"),
    "a.numbers": zipped("Index/Document.iwa", "Index/CalculationEngine.iwa"),
    "a.key": zipped("Data/bild.jpg", "Index/Document.iwa"),
    "a.eml": LETTER.as_bytes(),
    "smime.p7s": signed(None),
    "smime.p7m": signed(LETTER.as_bytes()),
    "signatur.asc": ARMOR.format("SIGNATURE").encode(),
    "nyckel.asc": ARMOR.format("PUBLIC KEY BLOCK").encode(),
    "version.asc": b"Version: 1\r\n",
    "a.sig": b"\x89\x01\x33\x04\x00\x01\x0a\x00" + b"\7" * 306,
    "nyckel.gpg": b"\x99\x01\x0d\x04\x6b\x03\xdc\xfe\x01" + b"\7" * 264,
    "nyckel.pgp": ARMOR.format("PUBLIC KEY BLOCK").encode(),
    "retur.eml": b"Return-Path: <asa@example.org>\r\nX-Note: 1\r\n\r\n" + PAGE,
    "8bit.eml": b"X-Note: \xe5\r\nContent-Type: application/octet-stream\r\n\r\n\0\1\2",
    "a.ics": b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "bom.ics": b"\xef\xbb\xbfBEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n",
    "a.vcf": "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Åsa\r\nEND:VCARD\r\n".encode(),
    "handelse.ics": b"BEGIN:VEVENT\r\nSUMMARY:Hej\r\nEND:VEVENT\r\n",
    "liten.vcf": b"begin:vcard\nversion:2.1\nend:vcard\n",
    "a.zip": zipped("foto.jpg", "åäö.txt"),
    "tom.zip": zipped(),
    "dokument.zip": office("word"),
    "med-rubriker.eml": b"X-A: 1\r\nFrom: a@example.org\r\nSubject: Hej\r\n\r\n" + PAGE,
    "smutsig.mp3": b"\0" * 700 + (b"\xff\xfb\x90\0" + b"\0" * 413) * 5,
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
    "stil.txt": b'<?xml version="1.0"?><?xml-stylesheet href="a.xsl"?><a/>',
    "enhet.txt": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///x">]><a>&b;</a>',
    "sh.txt": b"#!/bin/sh\nrm -rf /\n",
    "padded-sh.log": b"\n\n#!/bin/sh\nrm -rf /\n",
    "php.txt": b"<?php system($_GET[1]); ?>",
    "python.txt": b"#!/usr/bin/python3\nimport os\n",
    "bat.txt": b"@echo off\r\ndel *.*\r\n",
    "binary.txt": b"hej\0\1\2\3hej",
    "bild.txt": PNG,
    "sida.eml": PAGE,
    "hta.eml": b"<html><head><hta:application></head></html>",
    "sjalvuppackande.zip": PROGRAM + zipped("a.txt"),
    "skript.zip": b"<?php system(1); ?>" + zipped("a.txt"),
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
    "prosa.txt": SWEDISH.encode() * 20 + PAGE,
    "prosa.csv": SWEDISH.encode() * 20 + b"<img src=x onerror=alert(1)>",
    "vid.txt": SWEDISH.encode("utf-16") + "<script>alert(1)</script>".encode("utf-16-le"),
    "hta.txt": b"<hta:application id=a />",
    "kommentar.pdf": b"%PDF-1.7\n%<html><script>alert(1)</script>\n" + PDF,
    "php.gif": b"GIF89a;<?php system($_GET[1]); ?>",
    "stump.jpg": PROGRAM[:60],
    "stump.mov": PROGRAM[:60],
    "anteckningar.doc": bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3") + b"\0" * 1000,
    "hjalp.pdf": b"ITSF\3\0\0\0" + b"\0" * 90,
    "lista.mp4": PLAYLIST,
    "lista.txt": PLAYLIST,
    "lista.avi": avi() + b"JUNK\x40\0\0\0GAB2\0\2\0" + PLAYLIST,
    "ensam.docx": zipped("word/document.xml"),
    "foton.docx": zipped("a.jpg", "b.jpg"),
    "program.zip": zipped("META-INF/MANIFEST.MF", "A.class"),
    "installation.doc": zipped("AndroidManifest.xml", "classes.dex"),
    "bok.odt": zipped("mimetype", "META-INF/container.xml"),
    "avi.wav": avi(),
    "excel.doc": ole("Workbook"),
}
