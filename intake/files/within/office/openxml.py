"""Word, Excel and PowerPoint since 2007: macros, links, fields and objects in the parts of the package."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from intake.files.looking import Looking
from intake.files.within import zips
from intake.files.within.office import biff12, links, macros, ole, parts, xml
from intake.files.within.office.objects import MAX_OBJECT_BYTES, OLE_BEGINS

_SMALL_PART_BYTES = 32 * 1024 * 1024
# Parts whose target is only followed when a person asks for it.
_FOLLOWED = ("hyperlink", "video", "audio", "media", "slide")
# What Office embeds under an extension of its own; the family decides who reads it.
_FAMILY = {
    "docx": "docx", "docm": "docx", "dotx": "docx", "dotm": "docx", "xlsx": "xlsx", "xlsm": "xlsx",
    "xltx": "xlsx", "pptx": "pptx", "pptm": "pptx", "sldx": "pptx", "sldm": "pptx", "potx": "pptx",
    "ppsx": "pptx", "doc": "doc", "xls": "xls", "ppt": "ppt", "rtf": "rtf", "pdf": "pdf",
    "odt": "odt", "ods": "ods", "odp": "odp",
}  # fmt: skip
_PROGRAMS = ("exe", "dll", "scr", "com", "pif", "bat", "cmd", "ps1", "js", "jse", "vbs", "vbe", "wsf", "hta",
             "lnk", "msi", "jar", "cpl", "sct")  # fmt: skip
# Pictures and pages that are markup of another kind, with a document type of their own.
_PAGES = ("svg", "htm", "html", "xhtml", "mht", "mhtml", "txt", "xsl", "xsd", "dtd")

Names = Mapping[str, zipfile.ZipInfo]


@dataclass
class _Package:
    """What the package says of itself before its parts are read."""

    has_macro_type: bool = False
    projects: set[str] = field(default_factory=set)
    main: str | None = None


def look(looking: Looking, archive: zipfile.ZipFile, names: Names) -> None:
    """Tell what a package holds and would do; find that it has no main part."""
    package = _Package()
    try:
        _read_types(looking, package, archive, names["[content_types].xml"])
        for info in archive.infolist():
            if info.filename.lower().endswith(".rels"):
                _read_relationships(looking, package, archive, info)
        for info in archive.infolist():
            _look_at_part(looking, package, archive, info)
        if package.main is None or package.main not in names:
            looking.find("office_unreadable", why="huvuddelen saknas")
    except zips.MemberDamaged as error:
        looking.find("office_unreadable", why=f"delen {error} är skadad")
    except xml.XmlDamaged:
        looking.find("office_unreadable", why="innehållsförteckningen går inte att läsa")
    if package.has_macro_type and not _has_macros(looking):
        looking.find("office_macros", what="filtypen är en makrofils")


def _has_macros(looking: Looking) -> bool:
    return any(found.code.startswith("office_macros") for found in looking.findings)


def _read_types(looking: Looking, package: _Package, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """Read which parts are macros, whatever they are called."""
    for each in _elements(looking, archive, info):
        kind = each.get("ContentType", "").lower()
        package.has_macro_type |= "macroenabled" in kind and kind.endswith("main+xml")
        if "vbaproject" in kind and each.get("PartName"):
            package.projects.add(_path("", each.get("PartName", "")))


def _read_relationships(
    looking: Looking, package: _Package, archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> None:
    """Find what the parts point to, and note where the main part is."""
    folder = posixpath.dirname(posixpath.dirname(zips.shown_name(info)))
    for each in _elements(looking, archive, info):
        kind = each.get("Type", "").rpartition("/")[2].lower()
        target = each.get("Target", "")
        if each.get("TargetMode", "").strip().lower() == "external":
            judge = links.judge_link if kind in _FOLLOWED else links.judge_fetched
            judge(looking, target)
        elif kind == "officedocument" and not folder:
            package.main = _path("", target)
        elif kind == "vbaproject":
            package.projects.add(_path(folder, target))


def _elements(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterable[Element]:
    """Return what stands in a small part; nothing of one that has a document type, which is found."""
    content = zips.read(archive, info, _SMALL_PART_BYTES)
    if not parts.is_plain(looking, zips.shown_name(info), xml.as_utf_8(content)):
        return ()
    return xml.tree(content)


def _path(folder: str, target: str) -> str:
    """Return a target as the name of a part, in lower case."""
    return (
        posixpath.normpath(posixpath.join("/", folder, unquote(target).replace("\\", "/"))).strip("/").lower()
    )


def _look_at_part(
    looking: Looking, package: _Package, archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> None:
    """Tell what one part holds, by its name and place."""
    name = zips.shown_name(info)
    lower = name.lower()
    suffix = lower.rpartition(".")[2]
    if info.is_dir():
        return
    if "macrosheets/" in lower:
        macros.find_macros(looking, "Excel 4.0", set())
    if lower in package.projects or ("vbaproject" in lower.rpartition("/")[2] and suffix == "bin"):
        _look_at_project(looking, zips.read(archive, info, MAX_OBJECT_BYTES), name)
    elif suffix in ("xml", "rels", "vml") or (lower == package.main and suffix != "bin"):
        parts.look(looking, archive, info, is_main=lower == package.main)
    else:
        _look_at_other(looking, archive, info, suffix)


def _look_at_project(looking: Looking, content: bytes, name: str) -> None:
    if not content.startswith(OLE_BEGINS) or not macros.judge_project(looking, content, name):
        macros.find_macros(looking, name, set())


def _look_at_other(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo, suffix: str) -> None:
    """Look at a part that is no XML by its name; what it is called binds nobody who made it."""
    name = PurePosixPath(zips.shown_name(info)).name
    with zips.reading(archive, info) as stream:
        begins = stream.read(8)
        stream.seek(0)
        if suffix == "bin":
            biff12.judge_link(looking, stream.read(biff12.HEAD_BYTES))
            stream.seek(0)
        if suffix in _PROGRAMS or begins.startswith(b"MZ"):
            looking.find("office_object", name=name)
            looking.take_out(name, stream, is_child=True)
        elif suffix in _FAMILY:
            looking.take_out(f"{name[: -len(suffix) - 1]}.{_FAMILY[suffix]}", stream, is_child=True)
        elif begins == OLE_BEGINS:
            ole.look_at_object(looking, stream.read(MAX_OBJECT_BYTES))
        elif begins.strip(b"\xef\xbb\xbf\xfe\xff\0 \r\n\t").startswith(b"<") and suffix not in _PAGES:
            parts.look(looking, archive, info, is_main=False)
        elif "embeddings/" in info.filename.lower():
            looking.take_out(name, stream, is_child=False)
