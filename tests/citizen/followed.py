"""A matter between two front doors: a handler at a desk who answers, and a citizen with its status code."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update

from intake.extensions import db
from intake.matters.arrive import mint_status_code
from intake.models import Matter
from tests import desk
from tests.citizen.person import Person

FILE = re.compile(r'href="(/arende/fil/[^"]+)"')


@dataclass
class Followed:
    """A matter that is followed: what opens it, and the two who open it."""

    matter_id: UUID
    reference: str
    code: str
    person: Person
    anna: desk.Desk

    def open(self, code: str = ""):
        """Type the reference and a code, and return where that leads."""
        typed = {"reference": self.reference, "code": code or self.code}
        return self.person.client.post("/folj", data=typed)

    def reply(self, *files: tuple[str, bytes], **words: str):
        parts = [(io.BytesIO(data), name) for name, data in files]
        given = {"text": "Ja, till klockan 15.", "is_told": "ja", "files": parts} | words
        return self.anna.act(self.reference, "svara", **given)

    def file(self) -> str:
        """Return where the page leads to the first file, "" when it leads to none."""
        found = FILE.findall(self.person.get("/arende").text)
        return found[0] if found else ""


def bring(worker_app, clock, *, files=(), **values) -> tuple[UUID, str, str]:
    """Let a matter come in with these columns; return its id, its reference and its status code."""
    reference = desk.bring(worker_app, clock, files=files)
    values = {"category": "fraga", "flags": []} | values
    with worker_app.app_context():
        db.session.execute(update(Matter).where(Matter.reference == reference).values(**values))
        matter_id = db.session.scalars(select(Matter.id).where(Matter.reference == reference)).one()
        code = mint_status_code(matter_id)
        db.session.commit()
    return matter_id, reference, code


def begin(make_app, clock, worker_app, person: Person, **values) -> Followed:
    """Let a matter come in, and a handler who sees it sit down."""
    brought = bring(worker_app, clock, **values)
    password = desk.hire(make_app("handler", "owner"), "anna@example.se", *desk.seats("syd"))
    anna = desk.Desk(make_app("handler"), "anna@example.se", password)
    anna.sign_in()
    return Followed(*brought, person, anna)
