"""A service that mails: a post office that keeps letters, a handler, and matters to work on."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from intake.extensions import db
from intake.matters import merging
from intake.models import Handler, Matter
from tests import desk
from tests.letters_home import Post
from tests.matters.mailing import act
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
    desk.hire(owner, "anna@example.se", *desk.seats("syd"), ("nationell-inkorg", "handler"))
    with owner.app_context():
        return db.session.scalars(select(Handler.id)).one()


@pytest.fixture
def bring(app, clock):
    """Let a matter come in by form, with these columns changed then; no receipt is owed."""

    def come(*, files=(), **values):
        reference = desk.bring(app, clock, category="fraga", wants_receipt=False, files=files)
        values = {"category": "fraga", "flags": []} | values
        db.session.execute(update(Matter).where(Matter.reference == reference).values(**values))
        db.session.commit()
        return db.session.scalars(select(Matter).where(Matter.reference == reference)).one()

    return come


@pytest.fixture
def do(handler_app, anna):
    """Do an act as a handler: ``do(merging.part_again, matter)``."""

    def do(service, matter, *given, **options):
        act(handler_app, matter, anna, service, *given, **options)

    return do


@pytest.fixture
def merge(do):
    def merge(matter, into, *, codes_lead_on=True, **options):
        do(merging.merge, matter, into.id, codes_lead_on=codes_lead_on, **options)

    return merge


@pytest.fixture
def kept(bring):
    return bring()


@pytest.fixture
def gone(bring):
    return bring(subject="Mer om cykeln")
