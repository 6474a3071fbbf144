"""A second opinion on what text is, where magika is installed: its vote is only a warning."""

from __future__ import annotations

import importlib
import importlib.util
import re
from functools import cache
from typing import Any

# What magika calls text that something runs. Of other labels, such as "yaml" or "ignorefile", ordinary
# words get many.
_RUNS = frozenset({
    "autohotkey", "autoit", "batch", "coldfusion", "hta", "html", "javascript", "jsp", "perl", "php",
    "powershell", "python", "ruby", "shell", "typescript", "vba", "vbs",
})  # fmt: skip
_CERTAIN = 0.9
# Loading it takes half a second, so it is asked only of text in which many lines end as a program's do.
_CODE_END = re.compile(rb"(?:[{};]|\):?|\b(?:then|do|done|fi|else|try):?)\Z")
_LINES_IN_ALL = 0.3
_LOOKED_AT_BYTES = 65_536


def differs(content: bytes) -> str | None:
    """Return what text is taken for when that is something that runs; None without magika or doubt."""
    if not content or not _looks_like_code(content[:_LOOKED_AT_BYTES]) or not is_installed():
        return None
    vote = _magika().identify_bytes(content)
    return str(vote.output.label) if vote.output.label in _RUNS and vote.score >= _CERTAIN else None


@cache
def is_installed() -> bool:
    """Say whether the optional extra is there."""
    return importlib.util.find_spec("magika") is not None


def _looks_like_code(head: bytes) -> bool:
    lines = [line for line in head.splitlines() if line.strip()]
    ends = sum(1 for line in lines if _CODE_END.search(line.rstrip()))
    return ends >= 2 and ends >= _LINES_IN_ALL * len(lines)


@cache
def _magika() -> Any:
    return importlib.import_module("magika").Magika()
