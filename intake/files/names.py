"""What a file is called: a name that can be shown and saved under, whatever the sender called it."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

NAMELESS = "namnlös fil"
NAME_BYTES = 255
EXTENSION_BYTES = 32

# Control and format characters (right-to-left marks among them), lone surrogates, line separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})

# These turn the direction of what follows; the marks of Arabic and Hebrew names, U+200E and U+200F, do not.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Mail programs fold long names, so line breaks and tabs are not meant to deceive.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_BLANK = r"[^\S\r\n]|[\u2800\u3164\u115f\u1160]"
_BLANKS = re.compile(rf"(?:{_BLANK}){{5}}\.|(?:{_BLANK}){{20}}")
_RUNS = frozenset({
    "exe", "scr", "com", "bat", "cmd", "pif", "vbs", "vbe", "js", "jse", "wsf", "wsh", "hta", "lnk",
    "ps1", "msi", "msp", "jar", "cpl", "reg", "url", "chm", "iso", "img", "vhd", "one", "html", "htm",
    "xhtml", "mht", "mhtml", "svg", "php", "phtml", "asp", "aspx", "jsp", "sh", "app", "apk", "dmg",
})  # fmt: skip
# Before another extension others are ordinary: "polisen.com.pdf" is a page that was printed.
_RUNS_BEFORE = frozenset({
    "exe", "scr", "bat", "cmd", "pif", "vbs", "vbe", "jse", "wsf", "wsh", "hta", "lnk", "ps1", "msi",
    "msp", "jar", "cpl", "reg", "chm", "iso", "vhd", "xhtml", "mht", "mhtml", "php", "phtml", "asp",
    "aspx", "jsp", "apk", "dmg",
})  # fmt: skip
_DOCUMENTS = frozenset({
    "jpg", "jpeg", "png", "gif", "webp", "heic", "tif", "tiff", "bmp", "mp4", "mov", "avi", "mp3",
    "wav", "pdf", "txt", "csv", "rtf", "odt", "ods", "odp", "doc", "docx", "docm", "xls", "xlsx",
    "xlsm", "ppt", "pptx", "eml", "msg", "zip", "p7m", "pgp", "gpg",
})  # fmt: skip


@dataclass(frozen=True)
class CleanName:
    """A name that can be shown and saved under, and whether anything was taken from it."""

    shown: str
    was_changed: bool


def clean_name(raw: str) -> CleanName:
    """Return a name as it may be shown: one line, no path, nothing invisible, at most 255 UTF-8 bytes."""
    visible = "".join(char for char in raw if unicodedata.category(char) not in _INVISIBLE)
    last = visible.replace("\\", "/").rpartition("/")[2].strip()
    if len(last) > 4 * NAME_BYTES:
        # Normalizing takes quadratic time over long runs of combining marks, so it is bounded.
        last = last[: 3 * NAME_BYTES] + last[-NAME_BYTES:]
    shown = _capped(unicodedata.normalize("NFC", last))
    if not shown.strip(". "):
        shown = NAMELESS
    return CleanName(shown, was_changed=shown != raw)


def extension(name: str) -> str:
    """Return what stands after the last dot of the cleaned name, in lower case; "" without one."""
    return clean_name(name).shown.rpartition(".")[2].lower() if "." in clean_name(name).shown else ""


def deception(raw: str) -> str | None:
    """Return, in Swedish, how a name leads its reader to take the file for another; None when it does not."""
    shown = clean_name(raw).shown
    stem, _, last = shown.lower().rpartition(".")
    before = stem.rstrip().rpartition(".")[2]
    if _TURNING.search(raw):
        return "tecken i det vänder skrivriktningen"
    if _CONTROL.search(raw) or _has_broken_extension(raw):
        return "det innehåller osynliga tecken"
    if _BLANKS.search(raw):
        return "många blanksteg skjuter filändelsen åt sidan"
    if (last in _RUNS and before in _DOCUMENTS) or (
        last in _DOCUMENTS - {"zip", "txt"} and before in _RUNS_BEFORE
    ):
        return f"det har två filändelser (.{before}.{last})"
    return None


def was_cleaned(raw: str) -> bool:
    """Say whether invisible characters, a path or its end were taken from a name to show it."""
    return clean_name(raw).shown != unicodedata.normalize("NFC", raw.strip())


def _has_broken_extension(raw: str) -> bool:
    """Say whether something invisible stands within what is written after the last dot."""
    written = raw.replace("\\", "/").rpartition("/")[2].rpartition(".")[2]
    visible = [unicodedata.category(char) not in _INVISIBLE for char in written]
    return (
        True in visible and False in visible[visible.index(True) : len(visible) - visible[::-1].index(True)]
    )


def disposition(name: str, way: Literal["attachment", "inline"] = "attachment") -> str:
    """Return a Content-Disposition value that saves a file under its cleaned name (RFC 6266, RFC 8187).

    Only what we made ourselves is ever ``inline``.
    """
    shown = clean_name(name).shown
    plain = unicodedata.normalize("NFKD", shown).encode("ascii", "ignore").decode("ascii")
    plain = "".join("_" if char in '"\\%/' else char for char in plain).strip()
    if plain == shown:
        return f'{way}; filename="{plain}"'
    if not plain.rpartition(".")[0].strip():
        plain = f"fil{plain}"
    return f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='!#$&+-.^_`|~')}"


def _capped(name: str) -> str:
    if len(name.encode()) <= NAME_BYTES:
        return name
    stem, dot, end = name.rpartition(".")
    if not dot or len(end.encode()) > EXTENSION_BYTES:
        stem, dot, end = name, "", ""
    room = NAME_BYTES - len((dot + end).encode())
    return stem.encode()[:room].decode("utf-8", "ignore").strip() + dot + end
