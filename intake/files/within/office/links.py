"""Where an Office document points: what it fetches by itself, and links that are no web pages."""

from __future__ import annotations

import html
import re
from typing import Literal
from urllib.parse import unquote

from intake.files.looking import Looking

# What runs when it is opened, where a link leads to a file and not to a page.
_RUNS = re.compile(
    r"\.(exe|com|scr|pif|bat|cmd|ps1|vbs|vbe|js|jse|wsf|wsh|hta|lnk|msi|jar|reg|cpl|chm|scf|url|"
    r"library-ms|search-ms|settingcontent-ms|application|appref-ms|iqy|slk)\b",
    re.IGNORECASE,
)
_WEB = re.compile(r"(https?|ftp)\s*:[\\/]*[^\\/\s]", re.IGNORECASE)
_ODD_SCHEME = re.compile(
    r"(ms-[\w.-]+|search(-ms)?|shell|mhtml|mk|its|res|hcp|javascript|vbscript|jar|ldap|smb|dav|script|cmd|"
    r"powershell)\s*:",
    re.IGNORECASE,
)
_NO_PLACE = re.compile(r"(mailto|tel|sms|callto|skype|news|geo)\s*:|#", re.IGNORECASE)
_PATH = re.compile(r"(?P<slashes>[\\/]*)(?P<host>[^\\/]*)")

Place = Literal["web", "share", "odd"]

_FIELD_WORD = re.compile(r"\s*([A-Za-z]+)\s*(.*)", re.DOTALL)
_FIELD_FETCHES = ("INCLUDETEXT", "INCLUDE", "LINK", "IMPORT", "RD", "AUTOTEXT")


def remote_place(target: str) -> Place | None:
    """Say whether a target is on the web, on another computer's share, or odd: a scheme that runs something.

    None is a place in the document itself or on the writer's own disk.
    """
    text = _plain(target)
    if _WEB.match(text):
        return "web"
    if _ODD_SCHEME.match(text):
        return "odd"
    return "share" if _host(text) else None


def _plain(target: str) -> str:
    return re.sub(r"[\t\r\n\0]", "", unquote(html.unescape(target))).strip().strip('"')


def _host(text: str) -> str | None:
    r"""Return the computer of a path such as \\host\folder, file://host/ and file:///\\host\folder."""
    path = _PATH.match(re.sub(r"^file\s*:", "", text, flags=re.IGNORECASE))
    assert path is not None  # noqa: S101 # It matches anything.
    slashes, host = len(path["slashes"]), path["host"]
    if re.match(r"[A-Za-z][:|]", host) or host.lower() in ("", "localhost", "?", "."):
        return None
    return host if slashes == 2 or slashes > 3 else None


def is_own_network(target: str) -> bool:
    """Say whether it is a share on a computer with a plain name, as within the writer's own office."""
    host = _host(_plain(target))
    return host is not None and "." not in host and "@" not in host


def judge_fetched(looking: Looking, target: str) -> None:
    """Find what a document fetches when it is opened; a file on the writer's own disk is none."""
    if remote_place(target):
        looking.find("office_remote", what=target)


def judge_link(looking: Looking, target: str) -> None:
    """Find a link that a person may follow, and that leads to something other than a page or a letter.

    What lies within the writer's own office is out of reach.
    """
    place, text = remote_place(target), _plain(target)
    starts = place is None and _RUNS.search(text) and not _NO_PLACE.match(text)
    if starts or place == "odd" or (place == "share" and not is_own_network(target)):
        looking.find("office_link", what=target)


def judge_field(looking: Looking, instruction: str) -> None:
    """Find what a field of Word's does when it is updated: DDE, and what is fetched."""
    words = _FIELD_WORD.match(_spelled_out(instruction))
    if not words:
        return
    name, rest = words[1].upper(), words[2].strip()
    if name in ("DDE", "DDEAUTO"):
        looking.find("office_dde", what=rest or name)
    elif name == "INCLUDEPICTURE":
        _judge_picture(looking, rest)
    elif name in _FIELD_FETCHES:
        for target in _targets(rest):
            judge_fetched(looking, target)
    elif name == "HYPERLINK":
        for target in _targets(rest)[:1]:
            judge_link(looking, target)


def _judge_picture(looking: Looking, rest: str) -> None:
    """Find a picture that is fetched. Word keeps a copy of what was pasted from a page, unless told \\d."""
    for target in _targets(rest)[:1]:
        place = remote_place(target)
        if place in ("share", "odd") or (place == "web" and re.search(r"\\d\b", rest)):
            looking.find("office_remote", what=target)


def _targets(rest: str) -> list[str]:
    """Return the places in a field's words; backslashes are doubled in them."""
    quoted = re.findall(r'["“]([^"”]*)["”]', rest) or rest.split()[:2]
    return [re.sub(r"(?<!^)\\\\|^\\\\(?=\\\\)", r"\\", each) for each in quoted]


def _spelled_out(instruction: str) -> str:
    """Return a field with QUOTE and its character codes written as the text they give."""

    def text(match: re.Match[str]) -> str:
        codes = [int(each) for each in re.findall(r"\d+", match[1])]
        return "".join(chr(code) for code in codes if 0 < code < 0x110000)

    return re.sub(r"(?i)\bQUOTE((?:\s+\d{1,7}){2,})", text, instruction)
