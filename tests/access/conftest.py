"""Matters on each side of the second wall, and prompts of who works on one."""

from __future__ import annotations

import pytest

from intake import access
from intake.models import Handler, Matter
from tests import desk
from tests.access.walled import HIDDEN, OWN, SING, Prompt, put_newest, told_of
from tests.letters_home import deliver, letter


@pytest.fixture
def owner_app(make_app):
    return make_app("handler", "owner")


@pytest.fixture
def owner_url(database):
    return database.urls["owner"]


@pytest.fixture
def sides(worker_app, seen):
    """A letter with a file in the south, in the north and behind a wall, each with a code that is out."""
    for side in (OWN, *HIDDEN):
        with worker_app.app_context():
            raw = letter("Hej.", Message_ID=f"<{side}@example.com>", files=(("a.pdf", b"%PDF"),))
            deliver(raw, sender=f"{side}@example.com")
        put_newest(seen, side)
    seen.connection().exec_driver_sql(SING.replace("%", "%%"))
    seen.commit()
    return {matter.unit_id: told_of(seen, matter) for matter in seen.query(Matter)}


@pytest.fixture
def prompt(database):
    """Open a prompt under a role: ``prompt("citizen", browser="the key")``."""
    opened = []

    def open_prompt(role, **secrets):
        opened.append(Prompt(database.prompt(role), **secrets))
        return opened[-1]

    yield open_prompt
    for each in opened:
        each.connection.close()


@pytest.fixture
def seated(prompt, owner_app, handler_app, seen):
    """Hire somebody and open a prompt that shows the session: ``seated("anna", *seats)``."""

    def sit(name, *seats):
        desk.hire(owner_app, f"{name}@example.se", *seats)
        whom = seen.query(Handler.id).filter_by(email=f"{name}@example.se").scalar()
        seen.rollback()
        with handler_app.app_context():
            return prompt("handler", session=access.begin(whom, stage="open", agent=""))

    return sit
