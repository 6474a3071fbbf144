"""A PDF that begins with something else, as mail programs and scanners leave it."""

from __future__ import annotations

import re

from intake.files.refining import Content

PDF_TYPE = "application/pdf"
# The standard's readers look for the header within this; what begins as a program, a zip or a page
# is that, whatever stands behind it.
_HEADER = re.compile(rb"(?!MZ|\x7fELF|PK|\s*<).{1,1024}?%PDF-\d", re.DOTALL)
_END_BYTES = 65_536
_ORDINARY_LEAD = (
    PDF_TYPE, "application/octet-stream", "text/", "message/", "application/x-", "audio/", "video/",
)  # fmt: skip


def refine(content: Content) -> str | None:
    """Return that it is a PDF; None for what is none, or is one by libmagic's word alone."""
    if content.head.startswith(b"%PDF-"):
        return PDF_TYPE
    if not content.called.startswith(_ORDINARY_LEAD) or not _HEADER.match(content.head):
        return None
    return PDF_TYPE if content.extension == "pdf" or _ends_as_one(content) else None


def _ends_as_one(content: Content) -> bool:
    """Say whether it ends as a PDF does; text that only speaks of one does not."""
    with content.file.open("rb") as file:
        file.seek(max(0, file.seek(0, 2) - _END_BYTES))
        tail = file.read()
    return b"startxref" in tail and b"%%EOF" in tail
