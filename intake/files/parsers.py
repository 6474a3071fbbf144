"""Which reader a file of each type is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from intake.files.detect import PICTURE_TYPES
from intake.files.looking import Looking
from intake.files.within import archives, images, letters, media, pdf, signatures, texts
from intake.files.within.office import ole, packages, rtf

Parser = Callable[[Looking], None]

_OLE = ("msword", "vnd.ms-excel", "vnd.ms-powerpoint", "x-ole-storage", "CDFV2",
        "vnd.ms-office", "encrypted")  # fmt: skip
PARSERS: Mapping[str, Parser] = {
    "application/pdf": pdf.look,
    **dict.fromkeys(PICTURE_TYPES, images.look),
    **{f"application/{name}": ole.look for name in _OLE},
    "text/rtf": rtf.look,
    "application/rtf": rtf.look,
    "application/zip": archives.look,
    "message/rfc822": letters.look,
    "application/vnd.ms-outlook": letters.look,
    "application/vnd.ms-tnef": letters.look_at_tnef,
    "application/ms-tnef": letters.look_at_tnef,
    "application/vnd.apple.mpegurl": media.look,
    "application/pkcs7-signature": signatures.look,
    "application/pkcs7-mime": signatures.look_at_locked,
    "application/pgp-encrypted": signatures.look_at_locked,
}


def parser_of(detected_type: str) -> Parser:
    """Return what reads files of a type; of one that nothing reads, what looks at it as bytes."""
    if detected_type in PARSERS:
        return PARSERS[detected_type]
    if detected_type.startswith(("application/vnd.openxmlformats-", "application/vnd.oasis.")) or (
        "macroEnabled" in detected_type or detected_type.startswith("application/vnd.apple.")
    ):
        return packages.look
    if detected_type.startswith(("video/", "audio/")):
        return media.look
    return texts.look
