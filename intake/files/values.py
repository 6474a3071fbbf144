"""What is known of a file once it was looked through, with what lies within it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from intake.files.findings import Finding, Word, weigh, worst
from intake.files.names import clean_name


@dataclass(frozen=True)
class Verdict:
    """What is done with a file, what its content is, and why."""

    verdict: Word
    detected_type: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Examination:
    """A file that was looked through, and those that lie within it.

    ``path`` numbers a file within another ("2", "2.1"; "" is the file itself). ``facts`` are what the
    file tells of itself, such as ``position`` ("59.32930, 18.06860") or ``taken_at``. ``file`` is where
    its bytes can be read for now; ``to_scan`` are files in the scratch folder that only the scanner sees.
    """

    name: str
    size_bytes: int
    sha256: str
    detected_type: str
    findings: tuple[Finding, ...]
    facts: Mapping[str, str]
    inner: tuple[Examination, ...] = ()
    to_scan: tuple[Path, ...] = ()
    path: str = ""
    file: Path | None = None

    def verdict(self, *, is_received: bool) -> Word:
        """Return the worst verdict of the file and of what lies within it."""
        own = weigh(self.findings, is_received=is_received)
        return worst([own, *(each.verdict(is_received=True) for each in self.inner)], is_received=is_received)

    def all_findings(self) -> tuple[Finding, ...]:
        """Return what was found in the file, and what is worth a word in those within it, each told where."""
        return (
            *self.findings,
            *(
                replace(found, handler=f"I {clean_name(each.name).shown}: {found.handler}", path=each.path)
                for each in islice(self.walk(), 1, None)
                for found in each.findings
                if weigh([found], is_received=True) != "accept"
            ),
        )

    def with_finding(self, path: str, found: Finding) -> Examination:
        """Return the same with one more thing found at a path within."""
        if path == self.path:
            return replace(self, findings=(*self.findings, found))
        return replace(self, inner=tuple(each.with_finding(path, found) for each in self.inner))

    def walk(self) -> Iterator[Examination]:
        """Yield the file and everything within it, in order."""
        yield self
        for each in self.inner:
            yield from each.walk()
