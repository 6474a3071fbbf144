"""The words of a rich text (RTF) as Outlook sends it, packed by MS-OXRTFCP; nothing in it is followed."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from html import escape

import compressed_rtf

from intake.letters.charsets import clean_text, decode
from intake.letters.decoding import Span
from intake.letters.html import html_to_text

# Unpacking is slow (about 1 MB/s), and a text that people wrote is never near this.
MAX_PACKED_BYTES = 1024 * 1024
MAX_READ_BYTES = 4 * 1024 * 1024
MAX_GROUPS = 1000
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,9})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
)
_NEVER_READ = {
    b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer", b"fldinst",
    b"listtable", b"listoverridetable", b"revtbl", b"rsidtbl", b"generator", b"themedata", b"xmlnstbl",
}  # fmt: skip
_SIGNS = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"cell": "  ", b"tab": "\t",
    b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“",
    b"rdblquote": "”", b"emspace": " ", b"enspace": " ", b"~": "\xa0", b"_": "-", b"\\": "\\", b"{": "{",
    b"}": "}", b"\n": "\n", b"\r": "\n",
}  # fmt: skip
# Windows' numbers of the scripts that a font may be made for.
_SCRIPTS = {
    128: "cp932", 129: "cp949", 134: "gb18030", 136: "cp950", 161: "cp1253", 162: "cp1254", 163: "cp1258",
    177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip


def decompress(packed: Span) -> bytes:
    """Return the RTF within a packed one; raise ValueError when it is too large or damaged."""
    if packed.size_bytes > MAX_PACKED_BYTES:
        raise ValueError("too large")
    try:
        return bytes(compressed_rtf.decompress(packed.head(MAX_PACKED_BYTES)))
    except Exception as error:
        # The library raises bare exceptions, whatever is wrong.
        raise ValueError("damaged") from error


def rtf_to_text(source: bytes) -> str:
    """Return the words of an RTF, in linear time; pictures, fonts and hidden groups are passed over.

    What is beyond 4 MiB, or after a thousand groups within each other, is not read.
    """
    page = _Page()
    for found in _TOKEN.finditer(source, 0, MAX_READ_BYTES):
        if len(page.outer) > MAX_GROUPS:
            break
        word, number, hexadecimal, sign, brace, text = found.groups()
        if brace:
            page.group(brace == b"{")
        elif word:
            page.control(word, int(number) if number else None)
        elif sign == b"*":
            page.hide()
        elif sign in _SIGNS:
            page.say(_SIGNS[sign])
        elif text or hexadecimal:
            page.bytes(text or bytes.fromhex(hexadecimal.decode()))
    page.flush()
    text = clean_text("".join(page.said))
    text = (html_to_text(text) if page.is_html else text).strip("\n")
    return text + "\n" if text else ""


@dataclass
class _State:
    """What holds within one group: whether it is read, its font, how many letters follow ``\\u``."""

    is_hidden: bool = False
    is_tag: bool = False
    is_html_only: bool = False
    in_fonts: bool = False
    font: int = 0
    fallback: int = 1


class _Page:
    """The words read so far, the open groups and the fonts' scripts."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.raw = bytearray()
        self.state = _State()
        self.outer: list[_State] = []
        self.fonts: dict[int, str] = {}
        self.charset = "cp1252"
        self.skip = 0
        self.is_html = False

    def group(self, is_opening: bool) -> None:
        self.flush()
        self.skip = 0
        if is_opening:
            self.outer.append(self.state)
            self.state = replace(self.state)
        elif self.outer:
            self.state = self.outer.pop()

    def hide(self) -> None:
        self.flush()
        self.state.is_hidden = True

    def control(self, word: bytes, number: int | None) -> None:
        state = self.state
        if word == b"fonttbl":
            state.in_fonts = True
            self.hide()
        elif word in _NEVER_READ:
            self.hide()
        elif word == b"fromhtml":
            # HTML in rich text's clothes (MS-OXRTFEX): its tags stand in groups of their own.
            self.is_html = True
        elif word == b"htmltag" and self.is_html:
            state.is_hidden, state.is_tag = False, True
        elif word == b"htmlrtf":
            # What stands between these is for a reader without HTML.
            self.flush()
            state.is_html_only = number != 0
        elif word == b"f":
            self.flush()
            state.font = number or 0
        elif word == b"fcharset" and state.in_fonts and number in _SCRIPTS:
            self.fonts[state.font] = _SCRIPTS[number]
        elif word == b"ansicpg" and number:
            self.charset = f"cp{number}" if number != 65001 else "utf-8"
        elif word == b"uc":
            state.fallback = max(0, number or 0)
        elif word == b"u" and number is not None:
            self._unicode(number)
        elif word in _SIGNS:
            self.say(_SIGNS[word])

    def _unicode(self, number: int) -> None:
        self.flush()
        # Surrogates come as two signs, and clean_text joins them.
        self._add(chr(number & 0xFFFF))
        self.skip = self.state.fallback

    def say(self, words: str) -> None:
        self.flush()
        self._add(words)

    def bytes(self, raw: bytes) -> None:
        passed = min(self.skip, len(raw))
        self.skip -= passed
        if self._is_read:
            self.raw += raw[passed:]

    def flush(self) -> None:
        if self.raw:
            charset = self.fonts.get(self.state.font, self.charset)
            self._add(decode(bytes(self.raw), charset)[0])
            self.raw.clear()

    def _add(self, words: str) -> None:
        if self._is_read:
            self.said.append(escape(words) if self.is_html and not self.state.is_tag else words)

    @property
    def _is_read(self) -> bool:
        return not (self.state.is_hidden or self.state.is_html_only)
