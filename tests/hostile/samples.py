"""Files made to deceive, to burst or to run, each as small as it can be; what is done with them."""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib

from PIL import ExifTags, Image

from tests.file_samples import JPEG, ORDINARY, PAGE, PDF, PROGRAM, SHORTCUT, boxed, ole, zipped
from tests.files import office_samples, pdf_samples

# Written so that no scanner takes this file for what it is about.
EICAR = base64.b64decode(
    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="
)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
GIF = ORDINARY["a.gif"]
DOCTYPE = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


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


def photo(**options):
    """Make a photo large enough to be cut in two."""
    stream = io.BytesIO()
    Image.effect_noise((320, 240), 80).convert("RGB").save(stream, "JPEG", **options)
    return stream.getvalue()


def with_place():
    """Make a photo whose EXIF tells where it was taken."""
    told = Image.Exif()
    told.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (59.0, 19.0, 45.48), 3: "E", 4: (18.0, 4.0, 6.96)})
    return photo(exif=told)


def wide_png():
    """Make a PNG whose head, with its right checksum, says 50,000 x 50,000."""

    def chunk(kind, content):
        return (
            struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def wide_jpeg():
    """Make a JPEG whose frame says 65,000 x 65,000."""
    at = JPEG.index(b"\xff\xc0") + 5
    return JPEG[:at] + struct.pack(">HH", 65_000, 65_000) + JPEG[at + 4 :]


LIBREOFFICE = ("_rels/.rels", "docProps/core.xml", "docProps/app.xml", "word/_rels/document.xml.rels",
               "word/document.xml", "word/styles.xml", "word/fontTable.xml", "word/settings.xml",
               "[Content_Types].xml")  # fmt: skip
GOOGLE = ("word/numbering.xml", "word/settings.xml", "word/fontTable.xml", "word/styles.xml",
          "word/document.xml", "_rels/.rels", "word/_rels/document.xml.rels", "word/theme/theme1.xml",
          "[Content_Types].xml")  # fmt: skip

# What is done with each once it was looked through; the cases are those of docs/abuse-cases.md.
ACCEPTED = {
    "30-omordnad.docx": ORDINARY["omordnad.docx"],
    "31-libreoffice.docx": zipped(*LIBREOFFICE),
    "31-google.docx": zipped(*GOOGLE),
    "38.heic": boxed("heic"),
    "38.avif": boxed("avif"),
    "38.mov": boxed("qt  "),
    "38.3gp": boxed("3gp4"),
    "39-plats.jpg": with_place(),
}
WARNED = {
    "32-makron.docx": office_samples.with_macros("word", office_samples.WAITS),
    "34-losen.docx": ole("EncryptedPackage"),
    "34-losen.pdf": pdf_samples.encrypted(pdf_samples.pdf(), user="hemligt"),
    "34-losen.zip": locked(archive([("a.txt", b"hemligt")])),
    "35-skript.pdf": pdf_samples.opening(pdf_samples.script("app.launchURL('https://a.example')")),
    "35-startar.pdf": pdf_samples.TECHNIQUES["launch_program"],
    "37-avkortad.jpg": (whole := photo())[: len(whole) // 2],
}
QUARANTINED = {
    "16-sida.jpg": PAGE,
    "17-program.pdf": PROGRAM,
    "18-genvag.pdf": SHORTCUT,
    "19-med-zip.jpg": JPEG + zipped("a.txt"),
    "20-med-zip.pdf": PDF + zipped("a.txt"),
    "20-med-jar.gif": GIF + zipped("META-INF/MANIFEST.MF", "A.class"),
    "21-svg.jpg": SVG,
    "22-stor.png": wide_png(),
    "23-stor.jpg": wide_jpeg(),
    "24-bomb.zip": archive([("nollor.txt", bytes(64 << 20))]),
    "25-overlapp.zip": overlapping(),
    "26-ljuger.zip": lying(),
    "27-uppat.zip": archive([("../../x.txt", b"x")]),
    "28-lank.zip": symlink(),
    "29-tio.zip": nested(10),
    "32-kor.docx": office_samples.with_macros("word", office_samples.RUNS),
    "33-entiteter.docx": office_samples.document("<w:p>&b;&c;</w:p>", declares=DOCTYPE),
    "35-med-program.pdf": pdf_samples.attached("a.exe", PROGRAM),
    "36-strom.pdf": pdf_samples.SHAPES["bomb"],
}
REFUSED = {"15-foto.jpg.exe": PROGRAM, "21-bild.svg": SVG, "32-makron.docm": WARNED["32-makron.docx"]}
# What only a scanner knows; in the PDF it is packed as no scanner unpacks it.
INFECTED = {
    "40-ensam.txt": EICAR,
    "40-packad.zip": archive([("a.txt", EICAR)]),
    "40-bilaga.pdf": pdf_samples.attached("a.txt", EICAR),
}
