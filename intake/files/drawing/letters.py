"""A letter that came as a file: who wrote to whom, when and about what, and its words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from intake.errors import LetterUnreadable
from intake.files.drawing import texts
from intake.files.drawing.canvas import Canvas
from intake.letters import Letter, parse

MAX_NAMES = 200


def draw(file: Path, canvas: Canvas) -> None:
    """Write a letter's headers that people read, its text and the names of what is attached."""
    try:
        letter = parse(file, canvas.folder / "parts", opens=False)
    except LetterUnreadable:
        texts.draw(file, canvas)
        canvas.lack("Brevet kunde inte tolkas. Det visas som det står i filen.")
        return
    canvas.write("\n".join(_head(letter)) + "\n\n" + letter.text)


def _head(letter: Letter) -> Iterator[str]:
    sender = " ".join(filter(None, (letter.sender_name, letter.sender_email and f"<{letter.sender_email}>")))
    attached = [part.name or "utan namn" for part in letter.parts if not part.is_body]
    date = letter.date and f"{letter.date:%Y-%m-%d %H:%M} UTC"
    for label, value in (
        ("Från", sender),
        ("Till", ", ".join(letter.to)),
        ("Kopia", ", ".join(letter.cc)),
        ("Datum", date),
        ("Ämne", letter.subject),
        ("Bilagor", ", ".join(attached[:MAX_NAMES])),
    ):
        if value:
            yield f"{label}: {value}"
