"""Excel's older workbook: macro sheets, names that start them, and links to other programs."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from intake.files.looking import Looking
from intake.files.within.office.macros import find_macros

_NAME, _SHEET, _PASSWORD, _SUPPLIER = 0x18, 0x85, 0x2F, 0x1AE
_MACRO_SHEET = 1
_BUILT_IN = 0x20
# Excel knows these by one character, and by any name that begins so.
_STARTS = {1: "Auto_Open", 2: "Auto_Close", 10: "Auto_Activate", 11: "Auto_Deactivate"}
_STARTING = re.compile(r"auto_(open|close|activate|deactivate)", re.IGNORECASE)


def records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the workbook's records, each a kind and its bytes, as far as they can be followed."""
    at = 0
    while at + 4 <= len(content):
        kind, length = struct.unpack_from("<HH", content, at)
        yield kind, content[at + 4 : at + 4 + length]
        at += 4 + length


def is_locked(content: bytes) -> bool:
    """Say whether a workbook is enciphered; its first records tell."""
    return any(kind == _PASSWORD for (kind, _), _ in zip(records(content), range(20), strict=False))


def look(looking: Looking, content: bytes) -> None:
    """Find macro sheets (Excel 4.0) and DDE in a workbook."""
    has_macro_sheet, starting = False, set()
    for kind, record in records(content):
        if kind == _SHEET and len(record) > 5 and record[5] == _MACRO_SHEET:
            has_macro_sheet = True
        elif kind == _NAME:
            starting |= _starting_name(record)
        elif kind == _SUPPLIER:
            _judge_supplier(looking, record)
    if has_macro_sheet:
        find_macros(looking, "Excel 4.0", starting)


def _starting_name(record: bytes) -> set[str]:
    if len(record) < 16:
        return set()
    flags, length = struct.unpack_from("<HxB", record)
    if flags & _BUILT_IN:
        return {_STARTS[record[15]]} if record[15] in _STARTS else set()
    is_wide = record[14] & 1
    name = record[15 : 15 + length * (1 + is_wide)].decode("utf-16-le" if is_wide else "latin-1", "replace")
    return {name} if _STARTING.match(name) else set()


def _judge_supplier(looking: Looking, record: bytes) -> None:
    r"""Find a link to another program: its name and topic with \3 between them.

    An ordinary link to another workbook begins with \1, one to an embedded object names its class.
    """
    if len(record) < 6:
        return
    length, is_wide = struct.unpack_from("<HB", record, 2)
    path = record[5 : 5 + length * (1 + (is_wide & 1))].decode(
        "utf-16-le" if is_wide & 1 else "latin-1", "replace"
    )
    program, separator, topic = path.partition("\3")
    if separator and program and program[0] > "\3" and "." not in program.strip("."):
        looking.find("office_dde", what=f"{program} {topic}")
