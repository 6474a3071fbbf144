"""What is gathered while one file is drawn: pictures, written small, its text, and what is not shown."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from config.files import ViewLimits
from intake.letters.charsets import clean_text

# With no more colours than this a picture is text or a drawing: a palette keeps it crisp and small
# (a page of text: 50 kB and 10 ms as such a PNG, 190 kB as a JPEG, 100 kB and 60 ms as a WebP).
FEW_COLOURS = 8192
PALETTE = 64
JPEG_QUALITY = 85
# No further page is begun after this; what was drawn until then is shown.
SECONDS = 60
_CONTROLS: Mapping[int, str | None] = {
    **dict.fromkeys((*range(9), *range(14, 32), *range(127, 160))), 11: "\n", 12: "\n", 0x85: "\n",
}  # fmt: skip


@dataclass
class Canvas:
    """What can be shown of one file; its pictures are written to ``folder`` under ``name_of`` a number."""

    folder: Path
    limits: ViewLimits
    pictures: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_whole: bool = True
    _words: list[str] = field(default_factory=list)
    _characters: int = 0
    _ends_at: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    @property
    def has_time(self) -> bool:
        return time.monotonic() < self._ends_at

    @property
    def has_room_for_text(self) -> bool:
        return self._characters < self.limits.max_characters

    def draw(self, image: Image.Image) -> None:
        """Write a picture of pixels alone: nothing that the file told besides them goes with it."""
        media_type = write_small(image, self.folder / name_of(len(self.pictures) + 1))
        self.pictures.append({"media_type": media_type, "width": image.width, "height": image.height})

    def write(self, text: str) -> None:
        """Add text, as far as there is room, without what is no text."""
        room = self.limits.max_characters - self._characters
        text = only_text(text[: room + 1])
        if len(text) > room:
            text = text[:room]
            self.lack("Bara början av texten visas.")
        self._words.append(text)
        self._characters += len(text)

    def lack(self, problem: str) -> None:
        """Say what is not shown, once."""
        self.is_whole = False
        if problem not in self.problems:
            self.problems.append(problem)

    def to_json(self) -> dict[str, Any]:
        """Return what was drawn as plain values."""
        return {
            "pictures": self.pictures,
            "text": "".join(self._words).strip("\n"),
            "problem": " ".join(self.problems) or None,
            "is_whole": self.is_whole,
        }


def name_of(number: int) -> str:
    """Return the file name of a picture by its number, from 1."""
    return f"picture-{number}"


def write_small(image: Image.Image, file: Path) -> str:
    """Write an RGB or RGBA picture as the smallest that shows it well; return its media type."""
    # A picture of its own, without what Pillow carries along of the original and would write again.
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    if bare.mode == "RGBA":
        bare.save(file, format="PNG")
        return "image/png"
    if bare.getcolors(FEW_COLOURS) is not None:
        few = bare.quantize(PALETTE, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        few.save(file, format="PNG")
        return "image/png"
    bare.save(file, format="JPEG", quality=JPEG_QUALITY)
    return "image/jpeg"


def only_text(text: str) -> str:
    """Return text that PostgreSQL takes and a page can show: no controls but tabs and line feeds."""
    return clean_text(text).translate(_CONTROLS)
