"""What lies before and after a PDF in its file: another file there makes two of one."""

from __future__ import annotations

import mmap
import re

from intake.files.looking import Looking

HEADER_WITHIN_BYTES = 1024
# Printers, scanners and web servers leave a few lines; a file of its own needs more.
MAX_TAIL_BYTES = 4096
_ZIP_END_BYTES = 22
_ZIP_COMMENT_BYTES = 65_535

_OTHER_FILE = re.compile(
    rb"MZ|\x7fELF|PK\x03\x04|Rar!|7z\xbc\xaf|\xca\xfe\xba\xbe|#!|\xff\xd8\xff|\x89PNG|GIF8|RIFF|ITSF|MSCF|"
    rb"(?:\xef\xbb\xbf)?\s*<(?i:!doctype|html|script|svg|\?php|\?xml|body|iframe|hta)\b"
)
_ACTIVE = re.compile(
    rb"<(?i:script|html|iframe|\?php)\b|PK\x03\x04.{26}|This program cannot be run", re.DOTALL
)


def look(looking: Looking) -> None:
    """Find what lies before %PDF- and after the last %%EOF."""
    with (
        looking.file.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        begins_at = max(0, content.find(b"%PDF-", 0, HEADER_WITHIN_BYTES + 5))
        before = content[:begins_at].strip(b"\0 \r\n\t\f")
        ended_at = content.rfind(b"%%EOF")
        after = content[ended_at + 5 :].strip(b"\0 \r\n\t\f\x1a") if ended_at >= 0 else b""
        is_zip = _ends_as_zip(content)
    if is_zip or _OTHER_FILE.match(before) or _OTHER_FILE.match(after) or _ACTIVE.search(after):
        looking.find("hidden_content", what="ännu en fil, före eller efter PDF:en")
    elif len(after) > MAX_TAIL_BYTES and b"endobj" not in after:
        looking.find("trailing_data", size=len(after))
    elif before:
        looking.find("pdf_begins_late")


def _ends_as_zip(content: mmap.mmap) -> bool:
    """Say whether the file is a zip as well: its directory ends with the file, a comment counted in."""
    start = max(0, len(content) - _ZIP_END_BYTES - _ZIP_COMMENT_BYTES)
    found = content.rfind(b"PK\x05\x06", start)
    if found < 0 or found + _ZIP_END_BYTES > len(content):
        return False
    comment = int.from_bytes(content[found + 20 : found + 22], "little")
    size = int.from_bytes(content[found + 12 : found + 16], "little")
    left = len(content) - found - _ZIP_END_BYTES
    return comment == left and content[found - size : found - size + 4] == b"PK\x01\x02"
