"""Excel's binary workbook of today (xlsb): links to other programs ([MS-XLSB] 2.4.23)."""

from __future__ import annotations

import re
import struct

from intake.files.looking import Looking

HEAD_BYTES = 4096
# The record that begins a link: its number, its length in up to four bytes, and that it is one of DDE.
_DDE = re.compile(rb"\xe8\x02[\x80-\xff]{0,3}[\x00-\x7f]\x01\x00")


def judge_link(looking: Looking, head: bytes) -> None:
    """Find a part that talks with another program, by its first bytes."""
    if begins := _DDE.match(head):
        program, at = _words(head, begins.end())
        topic, _ = _words(head, at)
        looking.find("office_dde", what=f"{program} {topic}".strip())


def _words(head: bytes, at: int) -> tuple[str, int]:
    """Return a string that tells its length first, and where it ends."""
    if at + 4 > len(head):
        return "", len(head)
    (length,) = struct.unpack_from("<I", head, at)
    end = min(at + 4 + 2 * length, len(head))
    return head[at + 4 : end].decode("utf-16-le", "replace"), end
