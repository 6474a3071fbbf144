"""What runs or hides, and libmagic calls by some harmless name: programs, notebooks, pictures of text."""

from __future__ import annotations

import re

from intake.files.encoding import is_text
from intake.files.refining import UNKNOWN, Content
from intake.files.refining.zips import ZIP_TYPE

_ONENOTE = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
_HELP = b"ITSF\x03\x00\x00\x00"
# A picture's size in readable characters would be wider than any screen: what follows is text.
_WRITTEN_GIF = re.compile(rb"GIF8[79]a[\t-\r -~]{5}")


def refine(content: Content) -> str | None:
    """Return the type of what is known by its first bytes; None for all else."""
    if content.head.startswith(_ONENOTE):
        return "application/onenote"
    if content.head.startswith(_HELP):
        return "application/vnd.ms-htmlhelp"
    is_unknown = content.called in (*UNKNOWN, ZIP_TYPE)
    if content.head.startswith(b"MZ") and is_unknown and not is_text(content.head):
        return "application/x-dosexec"
    if content.head.startswith(b"\x7fELF") and is_unknown:
        return "application/x-executable"
    if content.called == ZIP_TYPE and not content.head.startswith(b"PK"):
        # libmagic looks for an archive at the end of anything; what it stands behind is another file.
        return "application/octet-stream"
    if _WRITTEN_GIF.match(content.head):
        return "text/x-php" if b"<?" in content.head[:4096] else "text/plain"
    return None
