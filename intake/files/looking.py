"""What is gathered while one file is looked through: findings, facts, and files that lie within it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import BinaryIO

from config.files import FileLimits
from intake.files.findings import Finding, finding

HEAD_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Inner:
    """A file that lay within another, copied to ``file``; ``is_child`` when it is judged by itself too."""

    name: str
    file: Path
    is_child: bool


@dataclass
class Looking:
    """One file that is looked through. Analysers read ``file`` and tell what they see.

    ``detected_type`` is the content's MIME type, ``scratch`` a folder that is emptied afterwards, and
    ``depth`` how many containers lie around the file.
    """

    name: str
    file: Path
    size_bytes: int
    sha256: str
    detected_type: str
    limits: FileLimits
    scratch: Path
    depth: int = 0
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    inner: list[Inner] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=count)

    def head(self) -> bytes:
        """Return the file's first bytes, at most 1 MiB."""
        with self.file.open("rb") as file:
            return file.read(HEAD_BYTES)

    def find(self, code: str, **values: object) -> None:
        """Note a finding, once for each code and words."""
        found = finding(code, **values)
        if found not in self.findings:
            self.findings.append(found)

    def tell(self, fact: str, value: str) -> None:
        """Note what the file tells of itself."""
        self.facts.setdefault(fact, value)

    def take_out(self, name: str, stream: BinaryIO, *, is_child: bool) -> Path:
        """Copy what lies within to a file in the scratch folder.

        With ``is_child`` it is judged as a file of its own; without it only the scanner sees it.
        """
        target = self.scratch / f"taken-{next(self._numbers)}"
        with target.open("xb") as file:
            shutil.copyfileobj(stream, file)
        self.inner.append(Inner(name, target, is_child))
        return target
