"""Where each part of a letter begins and ends: one pass over the stored bytes, nothing kept but offsets.

The rules for boundaries and header blocks are those of the standard library's ``email.feedparser``;
unlike it, this neither recurses nor holds the letter in memory, and an attached letter can be cut out
of the raw bytes exactly as it came.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from intake.errors import LetterUnreadable
from intake.letters.headers import Headers

MAX_HEADER_BLOCK_BYTES = 256 * 1024
MAX_HEADER_BYTES = 32 * 1024
MAX_ALL_HEADERS_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 50
MAX_PARTS = 1000
_PIECE = 65536
# White space before the colon is obsolete but read (RFC 5322 4.5).
_HEADER_LINE = re.compile(r"From |>From |[\041-\071\073-\176]*[ \t]*:|[\t ]")
_KNOWN_HEADER = re.compile(
    rb"(return-path|received|delivered-to|from|to|cc|subject|date|message-id|mime-version|content-[a-z-]+"
    rb"|x-[\w-]+)[ \t]{0,9}:",
    re.IGNORECASE,
)
_LOOSE_BOUNDARY = re.compile(rb"boundary\s{0,9}=\s{0,9}\"?([^\";\s]+)", re.IGNORECASE)


@dataclass
class Node:
    """A part by offsets in the raw bytes: headers from ``start``, body from ``body`` to ``end``."""

    path: str
    default_type: str
    start: int
    body: int = 0
    end: int = 0
    headers: Headers = field(default_factory=Headers)
    content_type: str = "text/plain"
    boundary: str | None = None
    children: list[Node] = field(default_factory=list)
    preamble_end: int = 0
    epilogue: int | None = None
    stray: list[str] = field(default_factory=list)

    @property
    def is_leaf(self) -> bool:
        return not self.children


def outline(raw: Path, prefix: str = "") -> Node:
    """Return the tree of parts of a stored letter; raise LetterUnreadable beyond the caps.

    ``prefix`` goes before each path of a letter that lies within another, as "2~".
    """
    with raw.open("rb") as stream:
        first = leading_junk(stream.read(_PIECE))
    # Latin-1 is one character a byte, so lengths are offsets; newline="" keeps line ends as they are.
    with raw.open("r", encoding="latin-1", newline="") as lines:
        lines.seek(first)
        root = _Scan(lines, first).run()
    if prefix:
        for node, _ in every(root):
            node.path = prefix + (node.path or ("1" if node.is_leaf else "0"))
    return root


def every(root: Node) -> Iterator[tuple[Node, Node | None]]:
    """Yield each part with the one it stands in, in the order of the letter."""
    waiting: list[tuple[Node, Node | None]] = [(root, None)]
    while waiting:
        node, parent = waiting.pop()
        waiting += [(child, node) for child in reversed(node.children)]
        yield node, parent


def charset_of(root: Node) -> str:
    """Return the first charset that a part declares: what raw headers without one are likely to be in."""
    found = (node.headers.parameters("content-type").get("charset") for node, _ in every(root))
    return next((charset.data.decode("latin-1") for charset in found if charset), "")


def leading_junk(head: bytes) -> int:
    """Return how many bytes of byte order mark and blank lines stand before the first known header.

    A line "From ..." as a mailbox file has it is no header, and may stand before them.
    """
    bare = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    is_begun = _KNOWN_HEADER.match(bare) or bare.startswith(b"From ")
    return len(head) - len(bare) if is_begun else 0


class _Scan:
    """The state of one pass: the open multiparts, and the header block or body being read."""

    def __init__(self, lines: TextIO, first: int) -> None:
        self.lines = lines
        self.first = first
        self.root = Node("", "text/plain", first)
        self.node = self.root
        self.open: list[Node] = []
        self.delimiters: dict[str, tuple[int, bool]] = {}
        self.block: list[str] | None = []
        self.block_bytes = self.field_bytes = self.all_header_bytes = 0
        self.count = 0
        self.last_eol = 0
        self.doubt: tuple[int, str] | None = None

    def run(self) -> Node:
        at, is_start = self.first, True
        while piece := self.lines.readline(_PIECE):
            known = None
            if self.doubt is not None:
                self._settle(*self.doubt, piece)
            if is_start and self.delimiters and piece.startswith("--"):
                known = self.delimiters.get(piece.rstrip("\r\n").rstrip(" \t"))
            if known is not None:
                self._boundary(at, at + len(piece), *known)
            elif self.block is not None:
                self._header_line(at, piece, is_start)
            at += len(piece)
            is_start = piece[-1] in "\r\n"
            self.last_eol = (2 if piece.endswith("\r\n") else 1) if is_start else 0
        if self.block is not None:
            self._end_headers(self.doubt[0] if self.doubt else at)
        self._close(0, at)
        self.node.end = self.root.end = at
        return self.root

    def _header_line(self, at: int, piece: str, is_start: bool) -> None:
        assert self.block is not None  # noqa: S101 - the caller asked.
        if is_start and not _HEADER_LINE.match(piece):
            is_blank = not piece.strip("\r\n")
            if not is_blank and self.node is self.root and self.block:
                self.doubt = at, piece
                return
            self._end_headers(at + len(piece) if is_blank else at)
            return
        is_new_field = is_start and piece[0] not in " \t"
        self.field_bytes = len(piece) + (0 if is_new_field else self.field_bytes)
        self.block_bytes += len(piece)
        self.all_header_bytes += len(piece)
        if self.field_bytes > MAX_HEADER_BYTES:
            raise LetterUnreadable("Ett av brevets huvuden är längre än 32 kB.")
        if self.block_bytes > MAX_HEADER_BLOCK_BYTES or self.all_header_bytes > MAX_ALL_HEADERS_BYTES:
            raise LetterUnreadable("Brevets huvuden är större än 256 kB.")
        self.block.append(piece)

    def _settle(self, at: int, line: str, following: str) -> None:
        """Decide about a line that is no header: a stray one when known headers go on after it."""
        self.doubt = None
        if _KNOWN_HEADER.match(following.encode("latin-1")):
            self.node.stray.append(line.strip())
        else:
            self._end_headers(at)

    def _end_headers(self, body: int) -> None:
        node = self.node
        node.headers = Headers.from_block("".join(self.block or ()).encode("latin-1"))
        node.content_type = node.headers.content_type(node.default_type)
        node.body = node.end = body
        self.block, self.block_bytes, self.field_bytes = None, 0, 0
        boundary = _boundary_of(node) if node.content_type.startswith("multipart/") else None
        if boundary is None:
            return
        node.boundary = boundary
        self.open.append(node)
        self._index()
        if len(self.open) > MAX_DEPTH:
            raise LetterUnreadable(f"Brevet har fler än {MAX_DEPTH} nivåer av delar i varandra.")

    def _boundary(self, at: int, after: int, level: int, is_end: bool) -> None:
        if self.block is not None:
            self._end_headers(at)
        end = max(at - self.last_eol, 0)
        self._close(level + 1, end)
        parent = self.open[level]
        if parent.children:
            self.node.end = max(end, self.node.body)
        else:
            parent.preamble_end = max(end, parent.body)
        if is_end:
            parent.epilogue = after
            self.node = parent
            self._index()
            return
        self.count += 1
        if self.count > MAX_PARTS:
            raise LetterUnreadable(f"Brevet har fler än {MAX_PARTS} delar.")
        default = "message/rfc822" if parent.content_type == "multipart/digest" else "text/plain"
        path = f"{parent.path}.{len(parent.children) + 1}".lstrip(".")
        self.node = Node(path, default, after)
        parent.children.append(self.node)
        self.block = []

    def _close(self, level: int, end: int) -> None:
        """End every multipart from a level inwards; its last part ends where it does."""
        if len(self.open) <= level:
            return
        self.node.end = max(end, self.node.body)
        for node in self.open[level:]:
            node.end = max(end, node.body)
        self.node = self.open[level]
        del self.open[level:]
        self._index()

    def _index(self) -> None:
        self.delimiters = {}
        for level, node in enumerate(self.open):
            if node.epilogue is None:
                self.delimiters[f"--{node.boundary}"] = (level, False)
                self.delimiters[f"--{node.boundary}--"] = (level, True)


def _boundary_of(node: Node) -> str | None:
    found = node.headers.parameters("content-type").get("boundary")
    data = found.data if found else b""
    if not data:
        loose = _LOOSE_BOUNDARY.search(node.headers.first("content-type"))
        data = loose[1] if loose else b""
    return data.decode("latin-1").rstrip() or None
