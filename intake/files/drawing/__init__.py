"""Safe views: pictures and text made of a file, by which it is looked at without being opened.

``ways`` tells by which way a type is drawn, ``inside`` does it in a child, ``canvas`` gathers what comes
of it. An office file is made into a PDF by LibreOffice in one child and drawn by another, since that PDF
is no safer than the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from config.files import FileLimits
from intake import sandbox
from intake.errors import AnalysisFailed
from intake.files.answers import written_in
from intake.files.drawing.canvas import name_of, only_text
from intake.files.drawing.office import find_office
from intake.files.drawing.ways import INSTEAD, way_of

__all__ = ["Drawing", "Picture", "draw", "find_office"]

SECONDS = 90
MEMORY_BYTES = 1 << 30
# The largest file that a child may write: a picture, a PDF mended or made, a file of LibreOffice's profile.
FILE_BYTES = 256 * 1024 * 1024
ONLY_WORDS = "Sidorna kan inte visas här, bara texten."
# How each kind of picture begins: a child that was taken over could leave anything.
_BEGINS = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}


@dataclass(frozen=True)
class Picture:
    """One picture in a file of the scratch folder; its size in pixels."""

    file: Path
    media_type: str
    width: int
    height: int


@dataclass(frozen=True)
class Drawing:
    """What can be shown of a file; ``problem`` says in Swedish what is not shown, and why."""

    pictures: tuple[Picture, ...]
    text: str
    problem: str | None = None


def draw(file: Path, detected_type: str, limits: FileLimits, scratch: Path) -> Drawing:
    """Draw a file of a type in a child; pictures lie in ``scratch``. Raise AnalysisFailed."""
    way = way_of(detected_type)
    if way in INSTEAD:
        return Drawing((), "", INSTEAD[way])
    argument = {"file": str(file), "type": detected_type, "scratch": str(scratch), "limits": limits.table}
    return _draw_office(argument) if way == "office" else _drawn("draw_alone", argument)[0]


def _draw_office(argument: dict[str, Any]) -> Drawing:
    """Draw the pages that LibreOffice makes; read the words by ourselves where these are none or not all."""
    drawing, is_whole = Drawing((), ""), False
    try:
        if find_office() and (made := _in_child("convert_alone", argument)):
            pages = {"file": str(written_in(Path(argument["scratch"]), made)), "type": "application/pdf"}
            drawing, is_whole = _drawn("draw_alone", argument | pages)
    except AnalysisFailed:
        # What LibreOffice or its PDF breaks on may still have words.
        drawing, is_whole = Drawing((), ""), False
    if is_whole:
        return drawing
    try:
        words, _ = _drawn("read_words_alone", argument)
    except AnalysisFailed:
        if drawing.pictures:
            return drawing
        raise
    if drawing.pictures:
        return replace(drawing, text=words.text or drawing.text)
    return words if not words.text else replace(words, problem=_joined(ONLY_WORDS, words.problem))


def _joined(*words: str | None) -> str:
    return " ".join(filter(None, words))


def _drawn(act: str, argument: dict[str, Any]) -> tuple[Drawing, bool]:
    """Return what a child drew, and whether that is everything."""
    answer = _in_child(act, argument)
    pictures = tuple(
        _picture(written_in(Path(argument["scratch"]), name_of(number)), each)
        for number, each in enumerate(answer["pictures"], 1)
    )
    # Cleaned once more: a child that was taken over could send what the database does not take.
    text, problem = only_text(answer["text"]), only_text(answer["problem"] or "")
    return Drawing(pictures, text, problem or None), answer["is_whole"]


def _in_child(act: str, argument: dict[str, Any]) -> Any:
    return sandbox.run(
        f"intake.files.drawing.inside:{act}",
        argument,
        seconds=SECONDS,
        memory_bytes=MEMORY_BYTES,
        file_bytes=FILE_BYTES,
    )


def _picture(file: Path, each: dict[str, Any]) -> Picture:
    with file.open("rb") as stream:
        begins = stream.read(8)
    media_type = each["media_type"]
    if media_type not in _BEGINS or not begins.startswith(_BEGINS[media_type]):
        raise AnalysisFailed("läsaren svarade med något annat än en bild")
    return Picture(file, media_type, int(each["width"]), int(each["height"]))
