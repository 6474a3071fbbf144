"""What handlers read of a file: what sort it is, what it tells of itself, and who has looked at it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from config.files import FileLimits
from intake.access import LOCKED, Look
from intake.files import extension
from intake.handler.words import VERDICTS

# What a file tells of itself (``Looking.tell``), with its heading and how it is said.
FACTS = {
    "position": ("Plats", "Tagen vid {} enligt filen själv"),
    "taken_at": ("Tid", "Tagen {} enligt filen själv"),
    "camera": ("Kamera", "{}"),
    "duration": ("Längd", "{}"),
}
LOOKS = {
    "view": "läste filens sida",
    "file": "hämtade originalet",
    "letter": "hämtade brevet som filen kom med",
    "export": "exporterade hela ärendet",
}
UNKNOWN = "okänd filtyp"
# Sorts that stand on no list of what is taken, or there only under another sort's name.
SORTS = {
    "application/vnd.ms-tnef": "Outlook-paket (winmail.dat)",
    "application/ms-tnef": "Outlook-paket (winmail.dat)",
    "message/rfc822": "brev",
    "application/encrypted": "dokument med lösenord",
    "application/vnd.microsoft.portable-executable": "program för Windows",
    "application/x-dosexec": "program för Windows",
    "application/x-msi": "installation för Windows",
    "application/x-ms-shortcut": "genväg",
    "application/x-mswinurl": "genväg",
    "application/vnd.ms-htmlhelp": "hjälpfil för Windows",
    "text/x-msdos-batch": "skript för Windows",
    "application/x-executable": "program för Linux (ELF)",
    "application/x-pie-executable": "program för Linux (ELF)",
    "application/x-sharedlib": "program för Linux (ELF)",
    "application/x-mach-binary": "program för Mac (Mach-O)",
    "application/java-archive": "Java-program",
    "application/x-java-applet": "Java-program",
    "application/vnd.android.package-archive": "program för Android",
    "text/x-shellscript": "shellskript",
    "text/x-php": "PHP-skript",
    "text/html": "webbsida",
    "application/xhtml+xml": "webbsida",
    "image/svg+xml": "bild i SVG",
    "text/xml": "XML",
    "application/xml": "XML",
    "application/postscript": "PostScript",
    "application/onenote": "anteckningar från OneNote",
    "application/vnd.apple.mpegurl": "spellista",
    "audio/x-mpegurl": "spellista",
    "application/x-7z-compressed": "7z-arkiv",
    "application/x-rar": "rar-arkiv",
    "application/vnd.rar": "rar-arkiv",
    "application/octet-stream": "okänt innehåll",
}
# What stands as the reason where none was asked for: what the file or letter was when it was opened.
CODES = (*VERDICTS, "raw")


@dataclass(frozen=True)
class LookLine:
    """One line of who has looked: when, who, what in words, and the reason that was given."""

    at: datetime
    actor: str
    words: str
    reason: str | None


def say_type(name: str, detected: str | None, limits: FileLimits) -> str:
    """Say what sort of file it is by its content: ``Bild``."""
    if not detected:
        return "Filtypen är inte fastställd än"
    own = limits.types.get(extension(name))
    alike = [each for each in limits.types.values() if detected in each.mime_types]
    listed = alike[0].name if alike else UNKNOWN
    said = own.name if own in alike and own else SORTS.get(detected, listed)
    return f"{said[:1].upper()}{said[1:]}"


def is_photo(detected: str | None) -> bool:
    """Say whether a file is a picture itself, and not pages that are shown as pictures."""
    return (detected or "").startswith("image/")


def say_facts(facts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what a file tells of itself, each with its heading."""
    for name, (heading, words) in FACTS.items():
        if name in facts:
            told = say_time(facts[name]) if name == "taken_at" else facts[name]
            yield heading, words.format(told)


def say_time(told: str) -> str:
    """Write a time as a file gives it, without adding a zone that it does not tell.

    EXIF writes the day with colons ("2026:07:14 18:03:22"), films write ISO 8601.
    """
    found = re.match(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d)(?::\d\d)?(.*)", told)
    if found is None:
        return told
    year, month, day, hour, minute, rest = found.groups()
    zone = re.search(r"Z|[+-]\d\d:?\d\d", rest)
    said = f"{year}-{month}-{day} kl. {hour}.{minute}"
    return f"{said} ({'UTC' if zone[0] == 'Z' else f'UTC{zone[0]}'})" if zone else said


def say_looks(looks: Iterable[Look]) -> list[LookLine]:
    """Say who has looked, the last first; the pictures that one person saw in a row are one line."""
    lines: list[LookLine] = []
    seen: set[str] = set()
    for look in looks:
        kind, _, which = look.what.partition(":")
        if kind != "picture":
            lines.append(LookLine(look.at, look.actor, LOOKS.get(kind, look.what), _given(look.reason)))
            seen = set()
            continue
        is_same = bool(seen) and lines[-1].actor == look.actor
        seen = seen | {which} if is_same else {which}
        words = "såg en bild av filen" if len(seen) == 1 else f"såg {len(seen)} bilder av filen"
        if is_same:
            lines.pop()
        lines.append(LookLine(look.at, look.actor, words, None))
    return lines


def _given(reason: str | None) -> str | None:
    """Return a reason in somebody's own words; a code of ours is none."""
    code, _, words = (reason or "").partition(": ")
    return None if reason in CODES else words if code in LOCKED else reason
