"""Text as text: decoded by its mark or by what its bytes look like, without anything that is no text."""

from __future__ import annotations

from pathlib import Path

from intake.files.drawing.canvas import Canvas
from intake.files.drawing.ways import NOT_SHOWN
from intake.files.encoding import decoded, is_text

# No letter takes more bytes than this.
MAX_LETTER_BYTES = 4
LOOKED_AT_BYTES = 64 * 1024


def draw(file: Path, canvas: Canvas) -> None:
    """Write a text; of a file that is none say so."""
    with file.open("rb") as stream:
        data = stream.read(canvas.limits.max_characters * MAX_LETTER_BYTES + MAX_LETTER_BYTES)
    if is_text(data[:LOOKED_AT_BYTES]):
        canvas.write(decoded(data))
    else:
        canvas.lack(NOT_SHOWN)
