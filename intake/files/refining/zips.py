"""Which of the many types that are zips a zip is: its directory and two of its members tell."""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path

from intake.files.refining import Content

ZIP_TYPE = "application/zip"
_BEGINS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")
_END = struct.Struct("<4s4H2IH")
_COMMENT_BYTES = 65_535
# Reading a directory takes 10 µs for each entry; one beyond this is an archive, whatever lies in it.
_MAX_ENTRIES, _MAX_DIRECTORY_BYTES = 10_000, 4 << 20
_MEMBER_BYTES = 1 << 20

_OFFICE = "application/vnd.openxmlformats-officedocument."
# The content type of an Office file's main part, as [Content_Types].xml declares it, and the file's own.
_MAIN_PARTS = {
    **{
        f"{_OFFICE}{kind}.main+xml": f"{_OFFICE}{kind}"
        for kind in (
            "wordprocessingml.document", "wordprocessingml.template", "spreadsheetml.sheet",
            "spreadsheetml.template", "presentationml.presentation", "presentationml.template",
            "presentationml.slideshow",
        )
    },
    "application/vnd.ms-word.document.macroenabled.main+xml": (
        "application/vnd.ms-word.document.macroEnabled.12"
    ),
    "application/vnd.ms-word.template.macroenabledtemplate.main+xml": (
        "application/vnd.ms-word.template.macroEnabled.12"
    ),
    "application/vnd.ms-excel.sheet.macroenabled.main+xml": "application/vnd.ms-excel.sheet.macroEnabled.12",
    "application/vnd.ms-excel.template.macroenabled.main+xml": (
        "application/vnd.ms-excel.template.macroEnabled.12"
    ),
    "application/vnd.ms-excel.addin.macroenabled.main+xml": "application/vnd.ms-excel.addin.macroEnabled.12",
    "application/vnd.ms-excel.sheet.binary.macroenabled.main": (
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12"
    ),
    **{
        f"application/vnd.ms-powerpoint.{kind}.macroenabled.main+xml": (
            f"application/vnd.ms-powerpoint.{kind}.macroEnabled.12"
        )
        for kind in ("presentation", "template", "slideshow", "addin")
    },
}  # fmt: skip
_WITH_MACROS = {
    f"{_OFFICE}wordprocessingml.document": "application/vnd.ms-word.document.macroEnabled.12",
    f"{_OFFICE}wordprocessingml.template": "application/vnd.ms-word.template.macroEnabled.12",
    f"{_OFFICE}spreadsheetml.sheet": "application/vnd.ms-excel.sheet.macroEnabled.12",
    f"{_OFFICE}spreadsheetml.template": "application/vnd.ms-excel.template.macroEnabled.12",
    f"{_OFFICE}presentationml.presentation": "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    f"{_OFFICE}presentationml.template": "application/vnd.ms-powerpoint.template.macroEnabled.12",
    f"{_OFFICE}presentationml.slideshow": "application/vnd.ms-powerpoint.slideshow.macroEnabled.12",
}
_DECLARED = re.compile(r"""ContentType\s*=\s*["']([^"']{1,200})["']""", re.IGNORECASE)
_MANIFEST_ROOT = re.compile(
    r"""media-type\s*=\s*["'](application/vnd\.oasis\.opendocument\.[a-z-]{1,60})["']""", re.IGNORECASE
)
_OPEN_TYPES = re.compile(
    r"application/(vnd\.oasis\.opendocument\.[a-z-]{1,60}|vnd\.sun\.xml\.[a-z.]{1,60}|epub\+zip)"
)
_APPLE = {"pages": "pages", "numbers": "numbers", "key": "keynote"}


def refine(content: Content) -> str | None:
    """Return a zip's own type; None for what is no zip."""
    if not content.head.startswith(_BEGINS):
        return None
    if not _is_small(content.file):
        return ZIP_TYPE
    try:
        with zipfile.ZipFile(content.file) as archive:
            return _type_of(archive, content.extension)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error):
        # A damaged zip is still of the type that its first bytes speak of.
        return ZIP_TYPE if content.called.startswith(("application/octet", "text/")) else content.called


def _is_small(file: Path) -> bool:
    """Say whether the directory can be read in short time; it is, where its end is not found."""
    with file.open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(max(0, size - _END.size - _COMMENT_BYTES))
        tail = stream.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return True
    fields = _END.unpack_from(tail, at)
    entries, directory_bytes = int(fields[4]), int(fields[5])
    return entries <= _MAX_ENTRIES and directory_bytes <= _MAX_DIRECTORY_BYTES


def _type_of(archive: zipfile.ZipFile, extension: str) -> str:
    members = {info.filename.replace("\\", "/").lstrip("/"): info for info in archive.infolist()}
    if (types := members.get("[Content_Types].xml")) and (found := _office(archive, types, members)):
        return found
    if found := _opendocument(archive, members):
        return found
    if "AndroidManifest.xml" in members and ("classes.dex" in members or "resources.arsc" in members):
        return "application/vnd.android.package-archive"
    if "META-INF/MANIFEST.MF" in members:
        return "application/java-archive"
    return _apple(members, extension) or ZIP_TYPE


def _office(
    archive: zipfile.ZipFile, types: zipfile.ZipInfo, members: dict[str, zipfile.ZipInfo]
) -> str | None:
    declared = {each.strip().lower() for each in _DECLARED.findall(_text(archive, types))}
    found = [kind for main, kind in _MAIN_PARTS.items() if main in declared]
    if not found:
        return None
    has_macros = any(name.lower().endswith("vbaproject.bin") for name in members)
    return next((kind for kind in found if "macroEnabled" in kind), None) or (
        _WITH_MACROS.get(found[0], found[0]) if has_macros else found[0]
    )


def _opendocument(archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> str | None:
    """Return what the member ``mimetype`` says, or else the manifest: some tools leave the one out."""
    if told := members.get("mimetype"):
        said = _text(archive, told).strip()
        if _OPEN_TYPES.fullmatch(said):
            return said
    manifest = members.get("META-INF/manifest.xml") if "content.xml" in members else None
    root = _MANIFEST_ROOT.search(_text(archive, manifest)) if manifest else None
    return root[1] if root else None


def _apple(members: dict[str, zipfile.ZipInfo], extension: str) -> str | None:
    """Return which of Apple's three it is; they look alike within, and so the name decides."""
    folders = {name.rpartition("/")[2] for name in members}
    if not folders & {
        "Document.iwa",
        "Index.zip",
        "index.apxl",
        "index.apxl.gz",
        "buildVersionHistory.plist",
    }:
        return None
    return f"application/vnd.apple.{_APPLE.get(extension, 'pages')}"


def _text(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """Return the first of a member as text; "" when it cannot be unpacked or is locked."""
    try:
        with archive.open(member) as stream:
            data = stream.read(_MEMBER_BYTES)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error):
        return ""
    code = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    return data.decode(code, "replace")
