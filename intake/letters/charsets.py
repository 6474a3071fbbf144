"""Bytes to text by the charset that was declared, else the likeliest, without ever raising."""

from __future__ import annotations

import codecs
import re
from contextlib import suppress

# Mail calls charsets by names that promise less than is meant: iso-8859-1 is Windows' 1252 in practice.
_ALIASES = {
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "l1": "cp1252", "ansi": "cp1252",
    "iso-8859-9": "cp1254", "iso-8859-11": "cp874", "tis-620": "cp874", "utf8mb4": "utf-8-sig",
    "us-ascii": "utf-8-sig", "ascii": "utf-8-sig", "ansi_x3.4-1968": "utf-8-sig", "utf-8": "utf-8-sig",
    "ks_c_5601-1987": "cp949", "ks_c_5601-1989": "cp949", "ks_c_5601": "cp949", "ksc5601": "cp949",
    "euc-kr": "cp949", "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "big5": "big5hkscs",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "iso-2022-jp": "iso2022_jp_ext",
    "macintosh": "mac_roman", "mac-ce": "mac_latin2", "mac-centraleurroman": "mac_latin2",
}  # fmt: skip
# The many ways of writing the names of whole families.
_FAMILIES = (
    (re.compile(r"(?:cp|win|windows|ibm|dos)[-_ ]?(\d{3,5})"), "cp"),
    (re.compile(r"iso[-_ ]?8859[-_ ]?(\d{1,2})(?:-[ei])?"), "iso-8859-"),
    (re.compile(r"(?:unicode-\d-\d-)?utf[-_ ]?(7|8|16|32)"), "utf-"),
    (re.compile(r"mac[-_ ](cyrillic|croatian|greek|iceland|roman|romanian|turkish)"), "mac_"),
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}")
# These are text codecs to Python but not charsets of mail; punycode and idna take quadratic time.
_NOT_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_CONTROLS = dict.fromkeys((*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029), " ")
_UTF_8 = "utf-8-sig"
# How two-byte letters begin in ISO-2022-JP, which is sent without any word about it.
_JAPANESE = b"\x1b$B"
LABEL_CHARACTERS = 1000
# Latin letters and typographic marks in UTF-8: in Windows-1252 they would be "Ã¥" and "â€œ".
_WESTERN_UTF_8 = re.compile(rb"(?:[\x00-\x7f]|[\xc2\xc3][\x80-\xbf]|\xe2[\x80-\x84][\x80-\xbf])*+")
_CERTAIN_LETTERS = 4
_HALF = re.compile(r"[\ud800-\udfff]")
_ONE_BYTE = re.compile(r"cp(?:12|8)\d|iso-?8859|koi8|mac_")
_IN_PART = ", men tecken i den är skadade"


def decode(data: bytes, declared: str | None) -> tuple[str, str | None]:
    """Return the text, and the charset used when the declared one would not do (else None)."""
    codec = _codec(declared) if declared else _UTF_8
    if codec == _UTF_8 and _JAPANESE in data:
        codec = "iso2022_jp_ext"
    if codec and _ONE_BYTE.match(codec) and _is_utf_8(data, codec):
        return data.decode(_UTF_8), "utf-8"
    if codec and (text := _strict(data, codec)) is not None:
        return text, None
    if data.isascii():
        # Only a damaged charset of seven bits, or none that is known, comes here.
        text = _damaged(data, codec) if codec else None
        return (data.decode("ascii"), None) if text is None else (text, f"{codec}{_IN_PART}")
    if (text := _strict(data, _UTF_8)) is not None:
        return text, "utf-8"
    for candidate in filter(None, (codec, _UTF_8)):
        if (text := _damaged(data, candidate)) is not None:
            return text, f"{candidate.removesuffix('-sig')}{_IN_PART}"
    return data.decode("cp1252", "replace"), None if codec == "cp1252" else "windows-1252"


def _strict(data: bytes, codec: str) -> str | None:
    try:
        return _whole(data.decode(codec))
    except (UnicodeError, ValueError):
        return None


def _whole(text: str) -> str:
    """Return text without half letters: what is written as two halves is put together, the rest replaced."""
    if text.isascii() or not _HALF.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _is_utf_8(data: bytes, codec: str) -> bool:
    """Say whether a text that says it has one byte a letter is UTF-8: such a text hardly ever looks like it.

    A few letters must be those of Western words, since "Å…" in Windows-1252 is also a letter in UTF-8.
    """
    text = None if data.isascii() else _strict(data, "utf-8")
    if text is None:
        return False
    is_western = codec in ("cp1252", "iso-8859-15")
    return _letters(text) >= _CERTAIN_LETTERS or (is_western and _WESTERN_UTF_8.fullmatch(data) is not None)


def _damaged(data: bytes, codec: str) -> str | None:
    """Return a text that is mostly in its charset; None when too much of it cannot be.

    What does not belong in UTF-8 is read as Windows-1252: some hand adds footers in its own charset.
    """
    if codec == _UTF_8 and b"\xed" in data:
        with suppress(UnicodeDecodeError):
            # Some programs write what lies beyond the first plane as two halves.
            return _whole(data.decode("utf-8", "surrogatepass"))
    text = _whole(data.decode(codec, "replace"))
    bad = text.count("\N{REPLACEMENT CHARACTER}")
    good = (len(text) if codec.startswith(("utf-16", "utf-32")) else _letters(text)) - bad
    if codec == _UTF_8:
        return data.decode(codec, "windows-1252") if good > bad else None
    return text if good > 2 * bad else None


def _letters(text: str) -> int:
    return len(text) - len(text.encode("ascii", "ignore"))


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    if error.reason == "unexpected end of data":
        return "\N{REPLACEMENT CHARACTER}", error.end
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error("windows-1252", _as_windows_1252)


def _codec(declared: str) -> str | None:
    # Comments and forgotten semicolons stand after the name.
    name = next(iter(declared.lower().split()), "").strip("'\",;")
    if _NAME.fullmatch(name):
        for candidate in dict.fromkeys((name, name.removeprefix("x-"))):
            if (codec := _known(_family(candidate))) is not None:
                return codec
    return None


def _family(name: str) -> str:
    for pattern, prefix in _FAMILIES:
        if found := pattern.fullmatch(name):
            name = prefix + found[1]
    return _ALIASES.get(name, name)


def _known(name: str) -> str | None:
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    # The private flag is the only way to ask whether a codec makes text; rot13 and zlib do not.
    is_text = getattr(found, "_is_text_encoding", True) and found.name not in _NOT_CHARSETS
    return name if is_text else None


def clean_text(text: str) -> str:
    """Return text that PostgreSQL takes: no NUL, no lone surrogate, line feeds alone."""
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    if not text.isascii():
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def clean_label(text: str, limit: int = LABEL_CHARACTERS) -> str:
    """Return one line without control characters but tabs, at most ``limit`` characters long."""
    text = clean_text(text).translate(_CONTROLS).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
