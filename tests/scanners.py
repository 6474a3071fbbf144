"""A virus scanner for tests, at the port."""

from __future__ import annotations

from pathlib import Path

from intake.scanner import Scan


class Scanner:
    """A scanner whose answer is set: a scan, nothing as without a scanner, or what goes wrong."""

    name = "test"

    def __init__(self, answer: Scan | Exception | None = None) -> None:
        self.answer = answer

    def scan(self, path: Path) -> Scan | None:  # noqa: ARG002 - the port's shape
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer
