"""Where a page of a list ends, so that the next one begins there whatever has come meanwhile."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_CURSOR = re.compile(r"(?:([1-5])\.)?(\d{1,17})\.([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """The last row of a page; its ``priority`` too in a list that goes by priority first."""

    received_at: datetime
    id: uuid.UUID
    priority: int | None = None

    def __str__(self) -> str:
        place = f"{(self.received_at - _EPOCH) // timedelta(microseconds=1)}.{self.id.hex}"
        return f"{self.priority}.{place}" if self.priority else place

    @classmethod
    def read(cls, words: str, *, by_priority: bool = False) -> Cursor | None:
        """Read a cursor out of an address; None when it is none of this list's."""
        match = _CURSOR.fullmatch(words)
        if match is None or (match[1] is not None) != by_priority:
            return None
        try:
            at = _EPOCH + timedelta(microseconds=int(match[2]))
        except OverflowError:
            return None
        return cls(at, uuid.UUID(match[3]), int(match[1]) if by_priority else None)
