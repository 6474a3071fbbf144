"""The Date of a letter, as programs write it, right and nearly right."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from intake.letters.headers import decode_words

_COMMENT = re.compile(r"\([^()]{0,100}\)")
_LOOSE_COLON = re.compile(r"(?<=\d) {0,9}: {0,9}(?=\d)")
# "GMT+01:00" and "+01:00" mean "+0100".
_ZONE = re.compile(r"(?:\b(?:GMT|UTC?) {0,3})?([+-])(\d\d):?(\d\d)$")
# A year of three digits counts from 1900 (RFC 5322 4.3): programs that overlooked the year 2000.
_SHORT_YEAR = re.compile(r"(?<=[a-z] )1\d\d(?= )", re.IGNORECASE)


# Before and after these no letter was ever sent, and a calendar may have no room for the hours of a zone.
YEARS = range(1900, 2200)


def date_of(value: bytes) -> datetime | None:
    """Return the time in UTC; None when the value is none. Without a zone it is taken for UTC."""
    words = " ".join(_COMMENT.sub(" ", decode_words(value[:200])).split())
    for read, text in ((parsedate_to_datetime, _usual(words)), (datetime.fromisoformat, words)):
        try:
            found = read(text)
            at = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
            return at if at.year in YEARS else None
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _usual(words: str) -> str:
    text = _ZONE.sub(r"\1\2\3", _LOOSE_COLON.sub(":", words))
    return _SHORT_YEAR.sub(lambda found: str(1900 + int(found[0])), text)
