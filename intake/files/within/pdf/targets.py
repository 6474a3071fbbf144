"""Where a link in a PDF leads: an ordinary address, a file beside it, or something that no document needs."""

from __future__ import annotations

import ipaddress
import re
from typing import Any
from urllib.parse import urlsplit

import pikepdf

from intake.files.within.pdf.reading import child, is_dictionary, words

SHOWN_CHARS = 120

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]+):", re.IGNORECASE)
# What runs something, or hands it to a program that does not ask. A scheme that nothing knows does nothing,
# and programs mark their files with many; with a host after it, it is meant to reach something.
_RUNNING_SCHEMES = re.compile(
    r"javascript|jscript|vbscript|livescript|mocha|data|blob|shell|search|search-ms|ms-.*|vnd\..*|res|mk|its|"
    r"hcp|mhtml|jar|chrome|resource|view-source|wscript|intent|smb|cifs|nfs|afp|vnc|rdp|steam|zoommtg|msteams|"
    r"ldap|ldaps|onenote|calculator|powershell|cmd|script|feed|macappstores|itms.*|x-.*|filesystem|dict|gopher",
    re.IGNORECASE,
)
_ORDINARY_SCHEMES = words(
    "ftps sftp news nntp irc ircs webcal xmpp telnet ssh git svn rsync about run file doi ctan sip sips geo "
    "skype magnet tel mailto urn info page spotify whatsapp tg sgnl swish bankid obsidian zotero textedit"
)
PROGRAMS = words(
    "exe scr hta lnk msi bat cmd com pif cpl ps1 vbs vbe js jse wsf wsh iso img vhd jar apk appx msix reg "
    "scf url chm dll html htm xhtml svg mht mhtml docm xlsm pptm dotm xlam py sh"
)
_DOWNLOADS = words("exe scr hta lnk msi bat cmd pif cpl ps1 vbs vbe jse wsf iso vhd jar apk appx msix")
_DOCUMENTS = words(
    "pdf doc docx xls xlsx ppt pptx odt ods odp rtf txt csv png jpg jpeg gif tif tiff bmp svg eps ps dvi "
    "djvu mp3 mp4 m4a m4v mov avi mpg mpeg wmv wav ogg ogv flv webm htm html xml zip tex bib"
)


def shown(target: str) -> str:
    """Return a target as it may stand in a sentence."""
    visible = "".join(char if char.isprintable() else " " for char in target).strip()
    return visible if len(visible) <= SHOWN_CHARS else visible[: SHOWN_CHARS - 1] + "…"


def target_of(value: Any) -> str:
    """Return what a file specification, or a string in its place, points to; "" for nothing."""
    if isinstance(value, pikepdf.String):
        return str(value)
    for name in ("/F", "/UF", "/Unix", "/DOS", "/Mac"):
        inner = child(value, name)
        if isinstance(inner, pikepdf.String) and str(inner):
            return str(inner)
    windows = child(value, "/Win")
    if is_dictionary(windows):
        return " ".join(filter(None, (target_of(windows), target_of(child(windows, "/P")))))
    return ""


def is_remote(target: str) -> bool:
    """Say whether a target lies on another machine: a web address, or a Windows share."""
    plain = _plain(target)
    scheme = _SCHEME.match(plain)
    return _is_share(plain) or (scheme is not None and scheme[1].lower() not in ("file", "run"))


def is_document_beside(target: str) -> bool:
    """Say whether a target is an ordinary document beside the PDF, by a path that leads nowhere else."""
    plain = _plain(target).removeprefix("run:").removeprefix("file:")
    if is_remote(plain) or re.match(r"[a-z]:|/|~", plain, re.IGNORECASE):
        return False
    name = plain.partition("#")[0]
    return name.rpartition(".")[2].lower() in _DOCUMENTS and " " not in name.rpartition(".")[2]


def is_odd(link: str) -> bool:
    """Say whether a link leads to what an ordinary document has no use for."""
    plain = _plain(link)
    scheme = _SCHEME.match(plain)
    if _is_share(plain):
        return True
    if scheme is None:
        return False
    if scheme[1].lower() in ("http", "https", "ftp"):
        return _is_odd_web(plain)
    if _RUNNING_SCHEMES.fullmatch(scheme[1]):
        return True
    return plain[scheme.end() :].startswith("//") and scheme[1].lower() not in _ORDINARY_SCHEMES


def _is_odd_web(link: str) -> bool:
    """Say whether a web address downloads a program, names a bare number, or hides its host."""
    try:
        parts = urlsplit(link)
        host = parts.hostname or ""
    except ValueError:
        return False
    if "\\" in parts.netloc or ("@" in parts.netloc and "." in parts.netloc.partition("@")[0]):
        return True
    runs = parts.path.rpartition("/")[2].rpartition(".")[2].lower() in _DOWNLOADS
    return runs or _is_bare_number(host)


def _is_bare_number(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return re.fullmatch(r"\d+|0x[0-9a-f]+", host) is not None


def _is_share(plain: str) -> bool:
    """Say whether a target is on a Windows share; opening one sends the reader's name and password there."""
    if plain.startswith(("\\\\", "//")):
        return True
    if not plain.lower().startswith("file:"):
        return False
    rest = plain[5:]
    if not rest.startswith("//"):
        return rest.startswith("\\\\")
    host = re.match(r"[^/\\]*(?=[/\\])", rest[2:])
    if host is None or not host[0]:
        return re.match(r"//|/?\\\\", rest[2:]) is not None
    return re.fullmatch(r"localhost|127\.0\.0\.1|[a-z][:|]|\.{1,2}|~", host[0], re.IGNORECASE) is None


def _plain(target: str) -> str:
    """Return a target as readers take it: blanks and control characters in it are passed over."""
    return re.sub(r"[\x00-\x20\x7f]+", "", target[:64]) + target[64:]
