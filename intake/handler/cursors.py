"""Where a page of a list ends, so that the next one begins there whatever has come meanwhile."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_CURSOR = re.compile(r"(\d{1,17})\.([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cursor:
    """The last row of a page."""

    received_at: datetime
    id: uuid.UUID

    def __str__(self) -> str:
        return f"{(self.received_at - _EPOCH) // timedelta(microseconds=1)}.{self.id.hex}"

    @classmethod
    def read(cls, words: str) -> Cursor | None:
        """Read a cursor out of an address; None when it is none of this list's."""
        match = _CURSOR.fullmatch(words)
        if match is None:
            return None
        try:
            at = _EPOCH + timedelta(microseconds=int(match[1]))
        except OverflowError:
            return None
        return cls(at, uuid.UUID(match[2]))
