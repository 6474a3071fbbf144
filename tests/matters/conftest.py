"""A service that mails: a post office that keeps letters, a handler, and matters that come in."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from intake.extensions import db
from intake.models import Handler, Matter
from tests import desk
from tests.letters_home import Post
from workers import process


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def app(make_app, post, monkeypatch):
    app = make_app("citizen", "worker", post=post)
    monkeypatch.setattr(process, "app", lambda: app)
    with app.app_context():
        yield app


@pytest.fixture
def citizen_app(make_app):
    return make_app("citizen")


@pytest.fixture
def anna(make_app):
    owner = make_app("handler", "owner")
    desk.hire(owner, "anna@example.se", *desk.seats("syd"))
    with owner.app_context():
        return db.session.scalars(select(Handler.id)).one()


@pytest.fixture
def bring(app, clock):
    """Let a matter come in with these columns; no receipt is owed."""

    def come(**values):
        reference = desk.bring(app, clock, category="fraga", wants_receipt=False)
        found = update(Matter).where(Matter.reference == reference)
        values = {"category": "fraga", "flags": []} | values
        with app.app_context():
            db.session.execute(found.values(**values))
            db.session.commit()
        return db.session.scalars(select(Matter).where(Matter.reference == reference)).one()

    return come
