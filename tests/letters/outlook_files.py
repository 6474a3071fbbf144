"""Messages as Outlook writes them, made for the tests: a compound file (MS-CFB), and a TNEF."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import UTC, datetime

SECTOR, SMALL, CUTOFF = 512, 64, 4096
FREE, END, NO_ENTRY = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF
UNICODE, EIGHT_BIT, BINARY, NUMBER, TIME = 0x1F, 0x1E, 0x102, 0x03, 0x40
Tree = Mapping[str, "bytes | Tree"]


def compound(tree: Tree) -> bytes:
    """Return a compound file with these streams and storages."""
    entries: list[list] = [["Root Entry", 5, NO_ENTRY, NO_ENTRY, b""]]
    _add(entries, 0, tree)
    small, small_table, places = bytearray(), [], {}
    for number, (_, kind, _, _, data) in enumerate(entries):
        if kind == 2 and 0 < len(data) < CUTOFF:
            places[number] = len(small) // SMALL
            small += data + bytes(-len(data) % SMALL)
            small_table += [*range(len(small_table) + 1, len(small) // SMALL), END]
        elif kind == 2 and data:
            places[number] = data
    entries[0][4] = bytes(small)
    places[0] = bytes(small)
    sectors, table = bytearray(), []

    def put(data: bytes) -> int:
        if not data:
            return END
        first = len(table)
        sectors.extend(data + bytes(-len(data) % SECTOR))
        table.extend([*range(first + 1, len(sectors) // SECTOR), END])
        return first

    starts = {n: put(place) if isinstance(place, bytes) else place for n, place in places.items()}
    small_first = put(b"".join(struct.pack("<I", link) for link in small_table))
    directory_first = put(b"".join(_entry(entry, starts.get(n, END)) for n, entry in enumerate(entries)))
    count = 1
    while (len(table) + count) * 4 > count * SECTOR:
        count += 1
    first_table = len(table)
    table += [0xFFFFFFFD] * count
    table += [FREE] * (count * SECTOR // 4 - len(table))
    sectors += struct.pack(f"<{len(table)}I", *table)
    places_of_table = [*range(first_table, first_table + count), *[FREE] * (109 - count)]
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6,
        0, count, directory_first, 0, CUTOFF, small_first, -(-len(small_table) * 4 // SECTOR), END, 0, 0,
    )[:76]  # fmt: skip
    return head + struct.pack("<109I", *places_of_table) + bytes(sectors)


def _add(entries: list[list], owner: int, tree: Tree) -> None:
    previous = None
    for name, value in tree.items():
        number = len(entries)
        is_stream = isinstance(value, bytes)
        entries.append([name, 2 if is_stream else 1, NO_ENTRY, NO_ENTRY, value if is_stream else b""])
        # The children of a storage are a tree; ours leans to the right.
        entries[owner if previous is None else previous][3 if previous is None else 2] = number
        if not is_stream:
            _add(entries, number, value)
        previous = number


def _entry(entry: list, start: int) -> bytes:
    name, kind, right, child, data = entry
    encoded = name.encode("utf-16-le") + b"\0\0"
    return struct.pack(
        "<64sHBBIII36xIQ", encoded, len(encoded), kind, 1, NO_ENTRY, right, child, start, len(data)
    )  # fmt: skip


def message(
    properties: Mapping[int, object], files: list[Tree] | None = None, people: list[Tree] | None = None,
    *, head: int = 32,
) -> Tree:  # fmt: skip
    """Return the storage of a message; the properties are strings, bytes, numbers and times by number."""
    tree = dict(_streams(properties, head))
    for kind, storages in (("attach", files or []), ("recip", people or [])):
        for number, storage in enumerate(storages):
            tree[f"__{kind}_version1.0_#{number:08X}"] = storage
    return tree


def attached(properties: Mapping[int, object], inner: Tree | None = None) -> Tree:
    """Return the storage of a file, or of a message within a message."""
    tree = dict(_streams(properties, 8))
    return tree | ({"__substg1.0_3701000D": inner} if inner is not None else {})


def _streams(properties: Mapping[int, object], head: int) -> Tree:
    tree: dict[str, bytes | Tree] = {}
    fixed = bytearray(head)
    for tag, value in properties.items():
        if isinstance(value, str):
            tree[f"__substg1.0_{tag:04X}001F"] = value.encode("utf-16-le")
        elif isinstance(value, bytes):
            tree[f"__substg1.0_{tag:04X}0102"] = value
        elif isinstance(value, datetime):
            ticks = int((value - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10_000_000
            fixed += struct.pack("<HHIQ", TIME, tag, 6, ticks)
        else:
            fixed += struct.pack("<HHIII", NUMBER, tag, 6, value, 0)
    return {"__properties_version1.0": bytes(fixed)} | tree


def tnef(*attributes: tuple[int, int, bytes]) -> bytes:
    """Return a TNEF of attributes: level, number, data."""
    written = b"".join(
        struct.pack("<BHHI", level, number, 6, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)
        for level, number, data in attributes
    )
    return b"\x78\x9f\x3e\x22\x01\x00" + written


def tnef_file(name: str, data: bytes) -> list[tuple[int, int, bytes]]:
    return [(2, 0x9002, bytes(14)), (2, 0x8010, name.encode("cp1252") + b"\0"), (2, 0x800F, data)]


def mapi_block(*properties: tuple[int, int, bytes]) -> bytes:
    """Return MAPI properties as a TNEF holds them: type, number, value."""
    return struct.pack("<I", len(properties)) + b"".join(
        struct.pack("<HHII", kind, tag, 1, len(data)) + data + bytes(-len(data) % 4)
        for kind, tag, data in properties
    )
