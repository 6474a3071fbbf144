"""The text of groups in RTF, with what is written in codes spelled out."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MAX_GROUP_BYTES = 64 * 1024
# Braces, and what may hold one that is none.
_MARK = re.compile(rb"\\bin(?P<skipped>\d{1,9}) ?|\\.|[{}]", re.DOTALL)
_TOKEN = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?\d{1,10})? ?"
    rb"|\\'(?P<hex>[0-9A-Fa-f]{2})|\\(?P<symbol>[^A-Za-z])|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)|[\r\n]",
    re.DOTALL,
)


def end_of_group(content: bytes, at: int) -> int:
    """Return where the group around a place ends; the content's end where it is never closed."""
    depth = 0
    while mark := _MARK.search(content, at):
        at = mark.end() + int(mark["skipped"] or 0)
        depth += {b"{": 1, b"}": -1}.get(mark[0], 0)
        if depth < 0:
            return mark.start()
    return len(content)


def groups(content: bytes, word: bytes) -> Iterator[str]:
    """Yield the text of each group that a control word begins, such as ``fldinst``."""
    for begins in re.finditer(rb"\\" + word + rb"(?![A-Za-z])", content):
        yield text_of(content[begins.end() : begins.end() + _MAX_GROUP_BYTES])


def text_of(content: bytes) -> str:
    r"""Return the text up to where the group ends; \u names a character, and \uc1 one stand-in after it."""
    depth, stand_ins, pieces = 0, 0, []
    for token in _TOKEN.finditer(content):
        if token["brace"]:
            depth += 1 if token["brace"] == b"{" else -1
            if depth < 0:
                break
        elif token["word"] == b"u" and token["number"]:
            pieces.append(chr(int(token["number"]) % 0x10000))
            stand_ins = 1
        elif token["hex"] or token["symbol"]:
            pieces.append("" if stand_ins else _character(token))
            stand_ins = 0
        elif token["text"]:
            text = token["text"].decode("latin-1")
            pieces.append(text[stand_ins:] if text[:1] == "?" else text)
            stand_ins = 0
    return "".join(pieces)


def _character(token: re.Match[bytes]) -> str:
    if token["hex"]:
        return chr(int(token["hex"], 16))
    return token["symbol"].decode("latin-1") if token["symbol"] in b"\\{}" else ""
