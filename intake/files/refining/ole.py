"""Which of Office's older types an OLE container is: the streams in its root tell."""

from __future__ import annotations

import olefile

from intake.files.refining import Content

OLE_TYPE = "application/x-ole-storage"
BEGINS = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_INSTALLER = "000C1084-0000-0000-C000-000000000046"
# In this order: an encrypted package and a letter may hold what the others are known by.
_BY_STREAM = {
    "encryptedpackage": "application/encrypted",
    "__properties_version1.0": "application/vnd.ms-outlook",
    "__nameid_version1.0": "application/vnd.ms-outlook",
    "worddocument": "application/msword",
    "workbook": "application/vnd.ms-excel",
    "book": "application/vnd.ms-excel",
    "powerpoint document": "application/vnd.ms-powerpoint",
    "pp40": "application/vnd.ms-powerpoint",
    "visiodocument": "application/vnd.visio",
    "quill": "application/vnd.ms-publisher",
}
_OFFICE = frozenset(_BY_STREAM.values()) | {"application/CDFV2", "application/vnd.ms-office"}


def refine(content: Content) -> str | None:
    """Return an OLE container's own type; None for what is none."""
    if not content.head.startswith(BEGINS):
        return None
    try:
        with olefile.OleFileIO(content.file) as container:
            names = {entry.name.lower() for entry in container.root.kids}
            if container.root.clsid.upper() == _INSTALLER:
                return "application/x-msi"
    except (OSError, ValueError, IndexError, AttributeError, RecursionError):
        # A damaged container is still one; what libmagic read out of it is kept.
        return OLE_TYPE if content.called.startswith(("application/octet", "text/")) else content.called
    for stream, kind in _BY_STREAM.items():
        if stream in names:
            return kind
    return OLE_TYPE if content.called in _OFFICE else content.called
