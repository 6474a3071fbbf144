"""Macros in Office documents: that there are any, and whether they start by themselves."""

from __future__ import annotations

import importlib
import re
import warnings
from pathlib import Path
from types import ModuleType

from intake.files.looking import Looking

# What olevba calls automatic is also what a person sets off by pressing a button of a form. Of those
# events only these come without anyone's doing.
_BY_THEMSELVES = re.compile(
    r"_(Painted|Painting|Layout|BeforeNavigate2|NavigateComplete2|DocumentComplete|DownloadBegin)$",
    re.IGNORECASE,
)
_PROJECT = "_VBA_PROJECT".encode("utf-16-le")
_BY_EVENTS = "ActiveX objects trigger events"
# The names as they stand in the compiled project, where the source was wiped out.
_IN_COMPILED = re.compile(
    rb"(?i)\b(auto_?(open|exec|close|exit|new)|document_?(open|close|new)|workbook_(open|activate|close))\b"
)
_PROCEDURE = re.compile(r"^\s*((public|private|friend|static)\s+)*(sub|function|property)\b", re.I | re.M)
# Each document has modules of its own, which hold nothing but such lines until someone writes in them.
_ATTRIBUTE = re.compile(r"^\s*(Attribute\s.*|Option\s.*|'.*|Rem\s.*)?$", re.IGNORECASE)


def judge_project(looking: Looking, source: Path | bytes, where: str) -> bool:
    """Find the macros of an OLE container, with olevba; say whether there were any."""
    code = _code(source)
    if code is None:
        return False
    starting = {
        keyword
        for keyword, why in olevba().detect_autoexec(code)
        if _BY_EVENTS not in why or _BY_THEMSELVES.search(keyword)
    }
    if not _PROCEDURE.search(code):
        starting |= _named_in_compiled(source)
        if not starting and _is_without_statements(code):
            return False
    find_macros(looking, where, starting)
    return True


def olevba() -> ModuleType:
    """Return olevba, loaded when it is first needed: 60 ms, which most documents need not wait for."""
    with warnings.catch_warnings():
        # It calls a name of pyparsing's that is on its way out.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("oletools.olevba")


def _code(source: Path | bytes) -> str | None:
    """Return the source of all modules; None where there is no project, "" where it cannot be read."""
    is_file = isinstance(source, Path)
    try:
        reader = olevba().VBA_Parser(
            str(source) if is_file else "", data=None if is_file else source, disable_pcode=True
        )
        try:
            if not reader.detect_vba_macros():
                return None
            return "\n".join(str(each[3]) for each in reader.extract_macros())
        finally:
            reader.close()
    except Exception:
        # It raises whatever its many readers raise, on damaged files that hold no macros too.
        return "" if _PROJECT in _content(source) else None


def _content(source: Path | bytes) -> bytes:
    return source if isinstance(source, bytes) else source.read_bytes()


def _is_without_statements(code: str) -> bool:
    """Say whether modules are there but nothing was ever written in them."""
    return bool(code.strip()) and all(_ATTRIBUTE.match(line) for line in code.splitlines())


def find_macros(looking: Looking, where: str, starting: set[str]) -> None:
    """Find macros, and by what names they start by themselves."""
    if starting:
        looking.find("office_macros_run", what=", ".join(sorted(starting)[:5]))
    else:
        looking.find("office_macros", what=where)


def _named_in_compiled(source: Path | bytes) -> set[str]:
    return {match[0].decode("ascii") for match in _IN_COMPILED.finditer(_content(source))}
