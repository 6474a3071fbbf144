"""The words in which a search says where it found something, and what to try when it found nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

# By what the database calls it, in the order in which it is told.
PLACES = {
    "reference": "kvittensnumret",
    "subject": "ärendemeningen",
    "contact": "namn, e-postadress eller telefonnummer",
    "file": "ett filnamn",
    "text": "texten",
}
# The letters that a word begins with when its ending is left open; shorter ones would find too much.
SHORTEST_BEGINNING, LONGEST_BEGINNING = 3, 5
_WORD = re.compile(r"[^\W\d_]{4,}")


def say_places(places: Collection[str]) -> str:
    """Say in which parts of a matter the words stand; nothing where that is not known."""
    said = [words for code, words in PLACES.items() if code in places]
    if not said:
        return ""
    return f"Finns i {' och i '.join(said)}"


def hints(sought: str, *, only_mine: bool) -> Sequence[str]:
    """Return what may help after a search that found nothing, the likeliest first."""
    return tuple(_hints(sought, only_mine=only_mine))


def _hints(sought: str, *, only_mine: bool) -> Iterator[str]:
    words = sought.split()
    if '"' in sought:
        yield "Ta bort citattecknen, så behöver orden inte stå i följd."
    if any(len(word) > 1 and word.startswith("-") for word in words):
        yield "Ta bort det som börjar med minustecken: det utesluter ärenden."
    if len(words) > 1:
        yield "Pröva färre ord. Alla ord måste stå på samma ställe."
    named = _WORD.search(sought)
    if named and "*" not in sought:
        beginning = named[0][: max(SHORTEST_BEGINNING, min(LONGEST_BEGINNING, len(named[0]) - 2))]
        yield f"Pröva en annan böjning, eller början av ordet och en stjärna: {beginning}*"
    if only_mine:
        yield "Kryssa ur att bara dina egna ärenden ska sökas igenom."
    if not words or not named:
        yield "Pröva ett annat ord för samma sak."
