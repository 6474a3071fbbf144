"""What the XML parts of an Office package would do: fields, links to programs, controls."""

from __future__ import annotations

import html
import re
import zipfile

from intake.files.looking import Looking
from intake.files.within import zips
from intake.files.within.office import links, macros, xml

# Word keeps a field's words in runs between marks, or whole in an attribute.
_FIELD_PIECE = re.compile(
    rb"<(?:[\w.-]+:)?(?:fldChar\b[^>]*?fldCharType\s*=\s*[\"'](?P<mark>begin|separate|end)"
    rb"|instrText\b[^>]*>(?P<text>.*?)</(?:[\w.-]+:)?instrText"
    rb"|fldSimple\b[^>]*?\binstr\s*=\s*(?P<quote>[\"'])(?P<whole>.*?)(?P=quote))",
    re.DOTALL,
)
_COMMENT = re.compile(rb"<!--.*?-->|<!\[CDATA\[|\]\]>", re.DOTALL)
_DDE_LINK = re.compile(rb"<(?:[\w.-]+:)?ddeLink\b([^>]*)")
_DDE_FORMULA = re.compile(rb"<(?:[\w.-]+:)?f\b[^>/]*>([^<\"]*[\w\"'&;]\|[^<]*![^<]*)<")
_WEB_QUERY = re.compile(rb"<(?:[\w.-]+:)?webPr\b[^>]*?\burl\s*=\s*[\"']([^\"']*)")
_WEB_FORMULA = re.compile(
    rb"<(?:[\w.-]+:)?f\b[^>/]*>[^<]*\bWEBSERVICE\(\s*(?:\"|&quot;)?([^<\")&]*)", re.IGNORECASE
)
_STARTING_NAME = re.compile(
    rb"<(?:[\w.-]+:)?definedName\b[^>]*?\bname\s*=\s*[\"'](?:_xlnm\.)?"
    rb"(Auto_(?:Open|Close|Activate|Deactivate)\w*)",
    re.IGNORECASE,
)
_PROGRAM_ACTION = re.compile(rb"ppaction://(program|macro)[^\"']*")
_ON_LOAD = re.compile(rb"<(?:[\w.-]+:)?customUI\b[^>]*?\b(?:onLoad|loadImage)\s*=", re.IGNORECASE)
_CONTROL = re.compile(rb"\bclassid\s*=\s*[\"']\{?([0-9A-F-]{36})", re.IGNORECASE)
# The buttons, fields and lists of Microsoft Forms 2.0, as ordinary forms have, by how their classes begin.
_FORM_CONTROLS = ("8bd21d", "d7053240", "978c9e23", "4c599241", "dfd181e0", "79176fb0", "eae50eb0",
                  "6e182020", "46e31370", "5512d1")  # fmt: skip


def is_plain(looking: Looking, name: str, window: bytes) -> bool:
    """Say whether a part is XML as Office writes it; find that it has a document type."""
    prolog = xml.prolog_of(window)
    if prolog == "doctype":
        looking.find("xml_doctype", part=name)
    elif prolog == "hidden":
        looking.find("office_unreadable", why=f"{name} är ingen läsbar XML")
    return prolog == "element"


def look(looking: Looking, archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, is_main: bool) -> None:
    """Tell what a part would do."""
    name = zips.shown_name(info)
    field: list[bytes] = []
    check = xml.Check() if is_main else None
    with zips.reading(archive, info) as stream:
        for number, window in enumerate(xml.windows(stream, check)):
            if number == 0 and not is_plain(looking, name, window):
                if is_main and xml.prolog_of(window) == "text":
                    looking.find("office_unreadable", why="huvuddelen är ingen XML")
                return
            _look_at_window(looking, window, name.lower())
            _look_at_fields(looking, window, field)
    _judge(looking, field)
    if check and not check.is_passed():
        looking.find("office_damaged")


def _look_at_window(looking: Looking, window: bytes, name: str) -> None:
    """Find what stands in one piece of a part; a plain search comes before each pattern for its speed."""
    if b"ddeLink" in window:
        for link in _DDE_LINK.finditer(window):
            looking.find("office_dde", what=_attributes(link[1]))
    if b"|" in window and "worksheets/" in name:
        for formula in _DDE_FORMULA.finditer(window):
            looking.find("office_dde", what=_text(formula[1]))
    if b"WEBSERVICE(" in window:
        for formula in _WEB_FORMULA.finditer(window):
            looking.find("office_remote", what=_text(formula[1]))
    if b"webPr" in window:
        for query in _WEB_QUERY.finditer(window):
            links.judge_fetched(looking, _text(query[1]))
    if b"uto_" in window and (names := {_text(each[1]) for each in _STARTING_NAME.finditer(window)}):
        macros.find_macros(looking, "Excel 4.0", names)
    if action := b"ppaction://" in window and _PROGRAM_ACTION.search(window):
        looking.find("office_link", what=_text(action[0]))
    if b"customUI" in window and _ON_LOAD.search(window):
        looking.find("office_active", what="menyfliksområdet ändras")
    if "activex/" in name:
        for control in _CONTROL.finditer(window):
            if not control[1].decode().lower().startswith(_FORM_CONTROLS):
                looking.find("office_active", what=f"ActiveX {control[1].decode()}")


def _look_at_fields(looking: Looking, window: bytes, field: list[bytes]) -> None:
    """Gather the words of fields over the runs that they are split into, and judge each field."""
    if b"instrText" not in window and b"fldSimple" not in window and b"fldChar" not in window:
        return
    for piece in _FIELD_PIECE.finditer(window):
        if piece["mark"]:
            _judge(looking, field)
        elif piece["whole"] is not None:
            links.judge_field(looking, _text(piece["whole"]))
        else:
            field.append(_COMMENT.sub(b"", piece["text"]))


def _judge(looking: Looking, field: list[bytes]) -> None:
    if field:
        links.judge_field(looking, _text(b"".join(field)))
        field.clear()


def _attributes(content: bytes) -> str:
    return " ".join(_text(value) for value in re.findall(rb"[\"']([^\"']*)[\"']", content))


def _text(content: bytes) -> str:
    return html.unescape(content.decode("utf-8", "replace"))
