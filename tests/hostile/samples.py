"""Files made to deceive, to burst or to run, each as small as it can be; what is done with them now."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib

from tests.file_samples import (
    JPEG,
    ORDINARY,
    PAGE,
    PDF,
    PNG,
    PROGRAM,
    SHORTCUT,
    boxed,
    office,
    ole,
    zipped,
)

# Written so that no scanner takes this file for what it is about.
EICAR = base64.b64decode(
    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
GIF = ORDINARY["a.gif"]
DOCTYPE = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'
ENTITIES = f"{DOCTYPE}<x>&b;&c;</x>"


def archive(entries, **options):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries:
            made.writestr(name, data, **options)
    return stream.getvalue()


def nested(depth):
    data = b"innerst"
    for level in range(depth):
        data = archive([(f"{level}.zip", data)])
    return data


def symlink():
    entry = zipfile.ZipInfo("losen")
    entry.external_attr = 0o120777 << 16
    return archive([(entry, "/etc/passwd")])


def overlapping():
    """Make an archive of two names for the same bytes."""
    whole = archive([("a.txt", b"x" * 1000), ("b.txt", b"y")])
    second = whole.index(b"PK\1\2", whole.index(b"PK\1\2") + 4)
    return whole[: second + 42] + struct.pack("<I", 0) + whole[second + 46 :]


def lying():
    """Make an archive that says that its one file is a byte long."""
    whole = archive([("a.txt", b"x" * 100_000)])
    at = whole.index(b"PK\1\2")
    return whole[: at + 24] + struct.pack("<I", 1) + whole[at + 28 :]


def locked(whole):
    """Say that every file of an archive needs a password."""
    for mark, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = 0
        while (at := whole.find(mark, start)) >= 0:
            whole = whole[: at + offset] + b"\1\0" + whole[at + offset + 2 :]
            start = at + 4
    return whole


def pdf(*objects):
    body = b"".join(b"%d 0 obj%bendobj\n" % (number, each) for number, each in enumerate(objects, 1))
    return b"%PDF-1.7\n" + body + b"trailer<</Root 1 0 R>>\n%%EOF\n"


def streamed(data):
    packed = zlib.compress(data, 9)
    head = b"<</Filter/FlateDecode/Length %d>>stream\n" % len(packed)
    return pdf(b"<</Type/Catalog>>", head + packed + b"\nendstream")


def with_place():
    """Make a photo whose EXIF tells where it was taken: 55 degrees north."""
    place = struct.pack("<HHHI4sI", 1, 1, 2, 2, b"N\0\0\0", 0)
    directory = struct.pack("<HHHIII", 1, 0x8825, 4, 1, 26, 0)
    told = b"Exif\0\0II*\0" + struct.pack("<I", 8) + directory + place
    return b"\xff\xd8\xff\xe1" + struct.pack(">H", len(told) + 2) + told + JPEG[2:]


LIBREOFFICE = ("_rels/.rels", "docProps/core.xml", "docProps/app.xml", "word/_rels/document.xml.rels",
               "word/document.xml", "word/styles.xml", "word/fontTable.xml", "word/settings.xml",
               "[Content_Types].xml")  # fmt: skip
GOOGLE = ("word/numbering.xml", "word/settings.xml", "word/fontTable.xml", "word/styles.xml",
          "word/document.xml", "_rels/.rels", "word/_rels/document.xml.rels", "word/theme/theme1.xml",
          "[Content_Types].xml")  # fmt: skip

# What is kept bit-exact and passed on as an attachment; the cases are those of docs/abuse-cases.md.
PASSED_ON = {
    "19-med-zip.jpg": JPEG + zipped("a.txt"),
    "20-med-zip.pdf": PDF + zipped("a.txt"),
    "20-med-jar.gif": GIF + zipped("META-INF/MANIFEST.MF", "A.class"),
    "22-stor.png": PNG[:16] + struct.pack(">II", 50_000, 50_000) + PNG[24:],
    "23-stor.jpg": JPEG[:20] + b"\xff\xc0\0\x11\x08\xfd\xe8\xfd\xe8\3\1\x22\0\2\x11\1\3\x11\1" + JPEG[20:],
    "24-bomb.zip": archive([("nollor", bytes(16 << 20))]),
    "25-overlapp.zip": overlapping(),
    "26-ljuger.zip": lying(),
    "27-uppat.zip": archive([("../../x.txt", b"x")]),
    "28-lank.zip": symlink(),
    "29-tio.zip": nested(10),
    "30-omordnad.docx": ORDINARY["omordnad.docx"],
    "31-libreoffice.docx": zipped(*LIBREOFFICE),
    "31-google.docx": zipped(*GOOGLE),
    "32-makron.docx": office("word", "word/vbaProject.bin"),
    "33-entiteter.docx": archive([("[Content_Types].xml", DOCTYPE), ("word/document.xml", ENTITIES)]),
    "34-losen.pdf": pdf(b"<</Type/Catalog>>", b"<</Filter/Standard/V 2/R 3/O()/U()/P -4>>"),
    "34-losen.zip": locked(archive([("a.txt", b"hemligt")])),
    "35-kor.pdf": pdf(
        b"<</Type/Catalog/OpenAction 2 0 R/Names<</EmbeddedFiles 3 0 R>>>>",
        b"<</S/JavaScript/JS(app.alert(1))/Next<</S/Launch/F(cmd.exe)>>>>",
        b"<</Names[(a.exe)<</EF<</F 4 0 R>>>>]>>",
        b"<</Length 2>>stream\nMZ\nendstream",
    ),
    "36-strom.pdf": streamed(bytes(16 << 20)),
    "37-avkortad.jpg": JPEG[:-60],
    "38.heic": boxed("heic"),
    "38.avif": boxed("avif"),
    "38.mov": boxed("qt  "),
    "38.3gp": boxed("3gp4"),
    "39-plats.jpg": with_place(),
}  # fmt: skip
QUARANTINED = {
    "16-sida.jpg": PAGE,
    "17-program.pdf": PROGRAM,
    "18-genvag.pdf": SHORTCUT,
    "21-svg.jpg": SVG,
}
WARNED = {"34-losen.docx": ole("EncryptedPackage")}
REFUSED = {"15-foto.jpg.exe": PROGRAM, "21-bild.svg": SVG, "32-makron.docm": PASSED_ON["32-makron.docx"]}
INFECTED = {
    "40-ensam.txt": EICAR,
    "40-packad.zip": archive([("a.txt", EICAR)]),
    "40-bilaga.pdf": streamed(EICAR),
}
