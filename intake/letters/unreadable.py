"""A letter that could not be read: what its headers tell, and the whole of it as one file."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from intake.letters.parse import NOT_READ, best_effort
from intake.letters.values import Letter, Part
from intake.letters.within import outlook

# The path of the "part" that is the whole raw letter.
WHOLE = "raw"


def unreadable(raw: Path, why: str) -> Letter:
    """Return a letter that holds itself as a file; ``why`` is a sentence for handlers."""
    with raw.open("rb") as stream:
        is_saved = stream.read(len(outlook.SIGNATURE)) == outlook.SIGNATURE
        stream.seek(0)
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    name, kind = ("brev.msg", "application/vnd.ms-outlook") if is_saved else ("brev.eml", "message/rfc822")
    whole = Part(WHOLE, name, kind, raw.stat().st_size, digest, is_inline=False, file=raw)
    return replace(best_effort(raw), parts=(whole,), problems=(NOT_READ, why))
