"""Bytes to text by the charset that was declared, else the likeliest, without ever raising."""

from __future__ import annotations

import codecs
import re

# Mail calls charsets by names that promise less than is meant: iso-8859-1 is Windows' 1252 in practice.
_ALIASES = {
    "iso-8859-1": "cp1252", "iso8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252",
    "iso_8859-1": "cp1252", "l1": "cp1252", "windows-1252": "cp1252", "ansi": "cp1252",
    "us-ascii": "utf-8", "ascii": "utf-8", "ansi_x3.4-1968": "utf-8", "utf8mb4": "utf-8",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "euc-kr": "cp949", "gb2312": "gb18030", "gbk": "gb18030",
    "shift_jis": "cp932", "shift-jis": "cp932", "x-sjis": "cp932", "iso-2022-jp": "iso2022_jp_ext",
    "iso-8859-8-i": "iso-8859-8", "iso-8859-9": "cp1254", "unicode-1-1-utf-7": "utf-7", "cp-850": "cp850",
    "macintosh": "mac_roman", "x-mac-roman": "mac_roman", "utf8": "utf-8-sig", "utf-8": "utf-8-sig",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:+-]{0,39}")
# These are text codecs to Python but not charsets of mail; punycode and idna take quadratic time.
_NOT_CHARSETS = {"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"}
_CONTROLS = dict.fromkeys((*range(9), *range(10, 32), *range(127, 160), 0x2028, 0x2029), " ")


def decode(data: bytes, declared: str | None) -> tuple[str, str | None]:
    """Return the text, and the charset used when the declared one would not do (else None)."""
    codec = _codec(declared) if declared else "utf-8"
    for candidate in (codec, "utf-8"):
        try:
            text = data.decode(candidate) if candidate else None
        except (UnicodeError, ValueError):
            continue
        if text is not None:
            return text, None if candidate == codec or data.isascii() else "utf-8"
    return data.decode("cp1252", "replace"), None if codec == "cp1252" else "windows-1252"


def _codec(declared: str) -> str | None:
    name = declared.strip().strip("'\"").lower()
    name = _ALIASES.get(name, name)
    if not _NAME.fullmatch(name):
        return None
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


def clean_label(text: str, limit: int = 1000) -> str:
    """Return one line without control characters but tabs, at most ``limit`` characters long."""
    text = clean_text(text).translate(_CONTROLS).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"
