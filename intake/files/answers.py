"""What a child tells of a file, and how far it is believed: one that was taken over may say anything."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from intake.errors import AnalysisFailed
from intake.files.findings import KINDS, WORSE, Finding, weigh
from intake.files.looking import Inner, Looking
from intake.files.values import Examination

STRANGE = "läsaren svarade med något annat än det som den skulle"
MOST_FACTS = 100
_WORDS_CHARACTERS, _FACT_CHARACTERS, _SHORT_CHARACTERS = 2000, 1000, 100
# As long as a name in a zip may be; it is kept as it is, since how it deceives is seen in it.
_NAME_CHARACTERS = 1 << 16
_SHA256 = re.compile("[0-9a-f]{64}")


def told(looking: Looking) -> dict[str, Any]:
    """Return what was seen in a file as plain values, for the pipe; files by their names in its folder."""
    return {
        "sha256": looking.sha256,
        "detected_type": looking.detected_type,
        "facts": looking.facts,
        "findings": [[each.code, each.handler] for each in looking.findings],
        "inner": [[each.name, each.file.name, each.is_child] for each in looking.inner],
    }


def believed(answer: Any, folder: Path, *, most_findings: int) -> tuple[Examination, tuple[Inner, ...]]:
    """Return what a child told of a file, and what it took out into ``folder`` to be judged by itself.

    Name, size, path and place are the caller's to say; of many findings the worst are kept. Raise
    AnalysisFailed when this is no answer.
    """
    try:
        inner = tuple(_inner(folder, *each) for each in answer["inner"])
        if not _SHA256.fullmatch(answer["sha256"]):
            raise AnalysisFailed(STRANGE)
        seen = Examination(
            name="", size_bytes=0, sha256=answer["sha256"],
            detected_type=_plain(answer["detected_type"], _SHORT_CHARACTERS),
            findings=_worst([_finding(*each) for each in answer["findings"]], most_findings),
            facts=_facts(answer["facts"]),
            to_scan=tuple(each.file for each in inner if not each.is_child),
        )  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        raise AnalysisFailed(STRANGE) from None
    return seen, tuple(each for each in inner if each.is_child)


def written_in(folder: Path, name: str) -> Path:
    """Return a file that a child says it wrote in a folder; raise AnalysisFailed for one that lies elsewhere.

    Neither is a link nor anything else taken that is no ordinary file.
    """
    home = folder.resolve()
    try:
        file = (folder / name).resolve()
        is_there = file == home / name and file.is_relative_to(home) and file.is_file()
    except (TypeError, ValueError, OSError, RuntimeError):
        is_there = False
    if not is_there:
        raise AnalysisFailed(STRANGE)
    return folder / name


def _inner(folder: Path, name: str, written: str, is_child: bool) -> Inner:
    if not isinstance(name, str) or len(name) > _NAME_CHARACTERS:
        raise AnalysisFailed(STRANGE)
    return Inner(name, written_in(folder, written), bool(is_child))


def _finding(code: str, handler: str) -> Finding:
    return Finding(code, KINDS[code].citizen, _plain(handler, _WORDS_CHARACTERS))


def _worst(found: list[Finding], most: int) -> tuple[Finding, ...]:
    """Return the worst of many findings, at least one, so that the verdict stays what it is."""
    if len(found) <= most:
        return tuple(found)
    return tuple(sorted(found, key=_badness, reverse=True)[: max(1, most)])


def _badness(found: Finding) -> int:
    return WORSE.index(weigh([found], is_received=False))


def _facts(facts: dict[str, str]) -> dict[str, str]:
    if len(facts) > MOST_FACTS:
        raise AnalysisFailed(STRANGE)
    return {_plain(fact, _SHORT_CHARACTERS): _plain(value, _FACT_CHARACTERS) for fact, value in facts.items()}


def _plain(words: str, at_most: int) -> str:
    """Return one line that the database takes and a page shows."""
    if not isinstance(words, str):
        raise AnalysisFailed(STRANGE)
    return "".join(char if char.isprintable() else " " for char in words[:at_most])
