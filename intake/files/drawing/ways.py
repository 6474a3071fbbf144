"""By which way a file of a type is made into something that can be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from intake.files.detect import PICTURE_TYPES

Way = Literal["pdf", "photo", "text", "letter", "office", "sound", "archive", "locked"]

# What handlers are told of files that are not drawn, each by its way.
INSTEAD: Mapping[str, str] = {
    "sound": "Ljud och film visas inte här. Hämta originalet och spela upp det.",
    "archive": "Ett arkiv har ingen egen bild. Det som ligger i det visas var för sig.",
    "locked": "Filen är skyddad med lösenord och kan inte visas.",
}
NOT_SHOWN = "Filen kan inte visas här."


@dataclass(frozen=True)
class OfficeKind:
    """A kind of office file: its extension, how LibreOffice calls its reader, and what writes its pages.

    Without ``reader`` LibreOffice finds out which of the many readers of old Office files fits.
    """

    extension: str
    writer: str
    reader: str | None = None

    @property
    def is_package(self) -> bool:
        return self.reader is not None and self.extension != "rtf"


_WRITER, _CALC, _IMPRESS = "writer_pdf_Export", "calc_pdf_Export", "impress_pdf_Export"
DOCX = OfficeKind("docx", _WRITER, "MS Word 2007 XML")
XLSX = OfficeKind("xlsx", _CALC, "Calc MS Excel 2007 XML")
PPTX = OfficeKind("pptx", _IMPRESS, "Impress MS PowerPoint 2007 XML")
ODT = OfficeKind("odt", _WRITER, "writer8")
ODS = OfficeKind("ods", _CALC, "calc8")
ODP = OfficeKind("odp", _IMPRESS, "impress8")
RTF = OfficeKind("rtf", _WRITER, "Rich Text Format")
DOC = OfficeKind("doc", _WRITER)
XLS = OfficeKind("xls", _CALC)
PPT = OfficeKind("ppt", _IMPRESS)

# By the ends of MIME types; the longer names of templates and of files with macros begin alike.
_OFFICE: Mapping[str, OfficeKind] = {
    "application/msword": DOC,
    "application/vnd.ms-excel": XLS,
    "application/vnd.ms-powerpoint": PPT,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.": DOCX,
    "application/vnd.openxmlformats-officedocument.spreadsheetml.": XLSX,
    "application/vnd.openxmlformats-officedocument.presentationml.": PPTX,
    "application/vnd.ms-word.document.macroEnabled": DOCX,
    "application/vnd.ms-word.template.macroEnabled": DOCX,
    "application/vnd.ms-excel.sheet.macroEnabled": XLSX,
    "application/vnd.ms-excel.template.macroEnabled": XLSX,
    "application/vnd.ms-powerpoint.presentation.macroEnabled": PPTX,
    "application/vnd.ms-powerpoint.slideshow.macroEnabled": PPTX,
    "application/vnd.ms-powerpoint.template.macroEnabled": PPTX,
    "application/vnd.oasis.opendocument.text": ODT,
    "application/vnd.oasis.opendocument.spreadsheet": ODS,
    "application/vnd.oasis.opendocument.presentation": ODP,
    "text/rtf": RTF,
    "application/rtf": RTF,
}
_WAYS: Mapping[str, Way] = {
    "application/pdf": "pdf",
    **dict.fromkeys(PICTURE_TYPES, "photo"),
    "application/encrypted": "locked",
    "application/zip": "archive",
    "application/vnd.ms-outlook": "letter",
    "message/rfc822": "letter",
}


def way_of(detected_type: str) -> Way:
    """Return the way for a type; what no other way fits is text if it looks like text."""
    if detected_type in _WAYS:
        return _WAYS[detected_type]
    if office_kind(detected_type):
        return "office"
    if detected_type.startswith(("video/", "audio/")):
        return "sound"
    return "archive" if detected_type.startswith("application/vnd.apple.") else "text"


def office_kind(detected_type: str) -> OfficeKind | None:
    """Return the kind of office file that a MIME type means; None for any other."""
    if (name := detected_type.removesuffix("-template")) in _OFFICE:
        return _OFFICE[name]
    begins = [kind for name, kind in _OFFICE.items() if name[-1] in ".d" and detected_type.startswith(name)]
    return begins[0] if begins else None
