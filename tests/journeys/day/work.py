"""The day itself: who is at work, which matters nobody has touched yet, and what all chapters do alike."""

from __future__ import annotations

import io
from collections.abc import Mapping

from sqlalchemy import select

from intake.models import Handler as HandlerRow
from intake.models import Matter
from tests import desk
from tests.journeys.day.coming import Came, Night
from tests.journeys.day.house import House
from tests.journeys.day.people import Handler, Staff

# What a matter's page says of the way that an answer goes, and which letter that makes.
WAYS: Mapping[str, str | None] = {
    "Svaret skickas i sin helhet till": "reply",
    "går bara ett mejl om att det finns ett svar": "notice",
    "Svaret visas bara på statussidan": None,
}


class Day:
    """A house with its staff, and what came in the night."""

    def __init__(self, house: House, night: Night, staff: Staff) -> None:
        self.house, self.night, self.staff, self.book = house, night, staff, staff.book
        self._picked: set[str] = set()

    def place(self) -> None:
        """Write down where the matters stand that are not in the book yet."""
        with self.house.owner() as seen:
            for reference, unit in seen.execute(select(Matter.reference, Matter.unit_id)):
                self.book.stands.setdefault(reference, unit)

    def pick(self, unit: str, way: str = "email") -> Came:
        """Return a matter that came one way, stands in a unit, and nobody has done anything with."""
        for each in self.night.came.values():
            is_free = each.reference not in self._picked and self.book.is_untouched(each.reference)
            if is_free and each.way == way and self.book.stands[each.reference].startswith(unit):
                self._picked.add(each.reference)
                return each
        raise LookupError(f"nothing more that came by {way} to {unit}")

    def id_of(self, person: Handler) -> str:
        with self.house.owner() as seen:
            return str(seen.scalars(select(HandlerRow.id).where(HandlerRow.email == person.email)).one())

    def answer(self, person: Handler, came: Came, text: str, *files: tuple[str, bytes]) -> str | None:
        """Let somebody answer; the letter that the page promises is owed. Return which one, None for none."""
        page = person.page(came.reference)
        said = desk.text_of(page)
        kind = next(kind for words, kind in WAYS.items() if words in said)
        parts = [(io.BytesIO(data), name) for name, data in files]
        person.does(came.reference, "svara", page=page, text=text, is_told="ja", files=parts)
        if kind:
            self.house.owes(kind, came.sender)
        return kind
