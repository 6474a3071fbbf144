"""A letter that came as a file, or what Outlook packs one into: what is attached to it."""

from __future__ import annotations

from collections.abc import Iterable

from intake.errors import LetterUnreadable
from intake.files.looking import Looking
from intake.letters import parse, part_name
from intake.letters.shelf import Shelf
from intake.letters.values import Part
from intake.letters.within.containers import Opener


def look(looking: Looking) -> None:
    """Take out what is attached to a letter, each to be judged by itself.

    What lies within an attached letter or a winmail.dat is taken out when that is looked through.
    """
    folder = looking.scratch / "letter"
    try:
        letter = parse(looking.file, folder, opens=False)
    except LetterUnreadable as unreadable:
        looking.find("not_analysable", why=str(unreadable))
        return
    _take(looking, (part for part in letter.parts if "~" not in part.path and not part.is_body))


def look_at_tnef(looking: Looking) -> None:
    """Take out the files of a winmail.dat (MS-OXTNEF), each to be judged by itself."""
    folder = looking.scratch / "letter"
    folder.mkdir()
    shelf = Shelf(folder, looking.size_bytes)
    whole = Part(
        "1", looking.name, "application/ms-tnef", looking.size_bytes, looking.sha256, False, looking.file
    )
    Opener(shelf).open(whole)
    _take(looking, (part for part in shelf.parts if part.path.count("~") == 1))


def _take(looking: Looking, parts: Iterable[Part]) -> None:
    """Take parts out; what Outlook's letter says as a page is the letter itself, as in any other letter."""
    for part in parts:
        with part.file.open("rb") as stream:
            looking.take_out(part_name(part), stream, is_child=not part.path.endswith("0-html"))
