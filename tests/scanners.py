"""A virus scanner for tests, at the port."""

from __future__ import annotations

from pathlib import Path

from intake.scanner import Scan, Signatures

CLEAN = Scan(is_infected=False, signature=None)


class Scanner:
    """A scanner whose answer is set: a scan, nothing as without a scanner, or what goes wrong.

    ``answers`` may say otherwise for files whose bytes hold something; ``version`` is what it knows.
    """

    name = "test"

    def __init__(self, answer: Scan | Exception | None = None, version: str = "1") -> None:
        self.answer = answer
        self.answers: dict[bytes, Scan] = {}
        self.version = version
        self.scanned: list[bytes] = []

    def scan(self, path: Path) -> Scan | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        data = path.read_bytes()
        self.scanned.append(data)
        return next((scan for held, scan in self.answers.items() if held in data), self.answer)

    def signatures(self) -> Signatures | None:
        if isinstance(self.answer, Exception):
            raise self.answer
        return Signatures(self.version, None) if self.answer else None
