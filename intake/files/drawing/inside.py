"""Drawing in the child: which way a file of a type is made into pictures and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.files import files_in
from intake.files.drawing import letters, office, packages, pages, photos, texts
from intake.files.drawing.canvas import Canvas
from intake.files.drawing.ways import INSTEAD, NOT_SHOWN, RTF, office_kind, way_of
from intake.letters.within.rtf import MAX_READ_BYTES, rtf_to_text


def draw_alone(argument: dict[str, Any]) -> dict[str, Any]:
    """Draw one file by itself. Runs in the child."""
    limits = files_in(argument["limits"])
    file, canvas = Path(argument["file"]), Canvas(Path(argument["scratch"]), limits.views)
    way = way_of(argument["type"])
    if way == "pdf":
        pages.draw(file, canvas)
    elif way == "photo":
        photos.draw(file, argument["type"], limits.inside.max_pixels, canvas)
    elif way == "letter":
        letters.draw(file, canvas)
    else:
        texts.draw(file, canvas)
    return canvas.to_json()


def convert_alone(argument: dict[str, Any]) -> str | None:
    """Make a PDF of an office file, and return its name in the scratch folder. Runs in the child."""
    file, folder = Path(argument["file"]), Path(argument["scratch"])
    kind = office_kind(argument["type"])
    limits = files_in(argument["limits"])
    made = office.convert(file, kind, folder, limits.views.max_pages) if kind else None
    return str(made.relative_to(folder)) if made else None


def read_words_alone(argument: dict[str, Any]) -> dict[str, Any]:
    """Read the words of an office file without LibreOffice. Runs in the child."""
    file = Path(argument["file"])
    canvas = Canvas(Path(argument["scratch"]), files_in(argument["limits"]).views)
    kind = office_kind(argument["type"])
    if kind and office.is_locked(file, kind):
        canvas.lack(INSTEAD["locked"])
    elif kind is RTF:
        with file.open("rb") as stream:
            canvas.write(rtf_to_text(stream.read(MAX_READ_BYTES)))
    elif kind and kind.is_package:
        packages.draw_words(file, kind, canvas)
    else:
        canvas.lack(NOT_SHOWN)
    return canvas.to_json()
