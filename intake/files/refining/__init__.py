"""What libmagic is known to miss of a file's content, family by family."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# What libmagic says of what it does not know, and of much that is no text.
UNKNOWN = ("application/octet-stream", "text/plain")


@dataclass(frozen=True)
class Content:
    """A file's content and what libmagic calls it; ``extension`` decides between what looks alike."""

    file: Path
    extension: str
    head: bytes
    called: str
