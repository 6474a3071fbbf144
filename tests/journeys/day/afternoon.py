"""The afternoon: three handlers take what is next until nothing is free, and end each matter in some way."""

from __future__ import annotations

import random

from tests.journeys.day.coming import SEED
from tests.journeys.day.people import Handler
from tests.journeys.day.work import Day

ENDINGS = ("answer", "note", "assign", "pause", "sort", "close")


def take_all(day: Day) -> None:
    """Let those at work take turns until nothing is free anywhere."""
    rng = random.Random(SEED)
    waiting = [*day.staff.handlers, day.staff.sara, day.staff.nora]
    while waiting:
        for person in list(waiting):
            reference = person.takes_next()
            if reference is None:
                waiting.remove(person)
            else:
                ends(day, person, reference, rng.choice(ENDINGS))
    day.house.let_go()


def ends(day: Day, person: Handler, reference: str, how: str) -> None:
    """Do with a matter what a handler does on an ordinary afternoon."""
    came = day.night.came.get(reference)
    if how == "answer" and came and came.sender:
        day.answer(person, came, f"Tack, vi har läst {reference}.")
        person.does(reference, "avsluta", outcome="answered", closing="")
    elif how == "note":
        person.does(reference, "anteckna", note="Väntar på förhör.")
    elif how == "assign" and person in (day.staff.anna, day.staff.bo):
        # Bo does not work where permits are asked for.
        person.does(reference, "fordela", to=day.id_of(day.staff.anna))
    elif how == "pause":
        person.does(reference, "pausa", until="2026-12-15")
    elif how == "sort":
        person.does(reference, "sortera", category="oklart", priority="5", why="Går inte att avgöra.")
    else:
        person.does(reference, "avsluta", outcome="no_action", closing="Ingen åtgärd.")
