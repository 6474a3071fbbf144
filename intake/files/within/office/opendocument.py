"""OpenDocument: macros, events that start them, links, objects and passwords."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Mapping

from intake.files.looking import Looking
from intake.files.within import zips
from intake.files.within.office import links, macros, ole, parts, xml
from intake.files.within.office.objects import MAX_OBJECT_BYTES, OLE_BEGINS

_SMALL_PART_BYTES = 32 * 1024 * 1024
_EVENT = re.compile(rb"<(?:[\w-]+:)?event-listener\b([^>]*)>")
_CODE = re.compile(
    rb"(?:href\s*=\s*[\"'](?P<script>vnd\.sun\.star\.script:[^\"']+|macro:[^\"']+)"
    rb"|macro-name\s*=\s*[\"'](?P<macro>[^\"']+))",
    re.IGNORECASE,
)
# LibreOffice's own letter templates call its own code, and so do the letters that are written from them.
_OWN_CODE = re.compile(
    rb"(?!.*\.\.|.*%2e)(?:application:|.*[?&;]location=application(?:&|$))", re.I | re.DOTALL
)
_BY_ITSELF = re.compile(
    rb"event-name\s*=\s*[\"']((?:dom:(?:load|unload)|office:(?:new|load|view|start|create|close|layout|focus)"
    rb"|on-?(?:load|open|new|focus|unload|close))[\w-]*)",
    re.IGNORECASE,
)
_LINK = re.compile(rb"<(?:[\w-]+:)?([\w-]+)\b[^>]*?\bxlink:href\s*=\s*[\"']([^\"']*)")
# Only a person's click follows these; "template" is where the writer took the layout from, "creator"
# and the like stand in descriptions.
_FOLLOWED = (b"a", b"event-listener", b"option", b"form", b"button", b"template", b"auto-reload", b"sound",
             b"index-entry-link-start", b"hyperlink", b"image-map", b"area-rectangle", b"area-circle",
             b"area-polygon", b"text", b"forms", b"connection-resource", b"database-data-source")  # fmt: skip
_DDE = re.compile(
    rb"<(?:[\w-]+:)?(?:dde-connection-decl|dde-source|dde-link)\b([^>]*)>|"
    rb"formula\s*=\s*[\"'][^\"']*?\bDDE\(([^)]*)",
)


def look(looking: Looking, archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo]) -> None:
    """Tell what a document holds and would do; find a password, or that it has no content."""
    try:
        if _is_locked(archive, names):
            looking.find("file_encrypted")
            return
        if "content.xml" not in names:
            looking.find("office_unreadable", why="innehållet saknas")
        for info in archive.infolist():
            if not info.is_dir():
                _look_at_entry(looking, archive, info)
    except zips.MemberDamaged as error:
        looking.find("office_unreadable", why=f"delen {error} är skadad")


def _is_locked(archive: zipfile.ZipFile, names: Mapping[str, zipfile.ZipInfo]) -> bool:
    """Say whether the manifest tells how the parts are enciphered."""
    manifest = names.get("meta-inf/manifest.xml")
    if "encrypted-package" in names:
        return True
    return manifest is not None and b"encryption-data" in xml.as_utf_8(
        zips.read(archive, manifest, _SMALL_PART_BYTES)
    )


def _look_at_entry(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    name = zips.shown_name(info)
    lower = name.lower()
    if _is_module(lower):
        macros.find_macros(looking, name, set())
    elif lower.endswith((".xml", ".rdf")):
        _look_at_part(looking, archive, info, name)
    elif "." not in lower.rpartition("/")[2] and not lower.startswith(("mimetype", "objectreplacements/")):
        with zips.reading(archive, info) as stream:
            begins = stream.read(len(OLE_BEGINS))
            if begins == OLE_BEGINS:
                ole.look_at_object(looking, begins + stream.read(MAX_OBJECT_BYTES))


def _is_module(name: str) -> bool:
    """Say whether an entry is a macro. The lists of libraries are there in documents without any, too."""
    last = name.rpartition("/")[2]
    if name.startswith("basic/"):
        return last not in ("script-lb.xml", "script-lc.xml", "dialog-lb.xml", "dialog-lc.xml")
    return name.startswith("scripts/") and last != "parcel-descriptor.xml"


def _look_at_part(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> None:
    check = xml.Check() if name == "content.xml" else None
    with zips.reading(archive, info) as stream:
        for number, window in enumerate(xml.windows(stream, check)):
            if number == 0 and not parts.is_plain(looking, name, window):
                return
            _look_at_window(looking, window)
    if check and not check.is_passed():
        looking.find("office_damaged")


def _look_at_window(looking: Looking, window: bytes) -> None:
    if b"event-listener" in window:
        _look_at_events(looking, window)
    if b"dde-" in window or b"DDE(" in window:
        for link in _DDE.finditer(window):
            looking.find("office_dde", what=_text(link[1] or link[2] or b""))
    if b"xlink:href" in window:
        for place in _LINK.finditer(window):
            judge = links.judge_link if place[1] in _FOLLOWED else links.judge_fetched
            judge(looking, _text(place[2]))


def _look_at_events(looking: Looking, window: bytes) -> None:
    """Find events that run code, and whether they come when the document is only opened or closed."""
    for event in _EVENT.finditer(window):
        code = _CODE.search(event[1])
        if code and not _OWN_CODE.match(code["script"] or code["macro"]):
            starts = _BY_ITSELF.search(event[1])
            macros.find_macros(looking, "händelse", {_text(starts[1])} if starts else set())


def _text(content: bytes) -> str:
    return html.unescape(content.decode("utf-8", "replace"))
