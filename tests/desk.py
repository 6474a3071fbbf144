"""A handler at a desk: signs in by the front door, reads pages, presses buttons; and matters to work on."""

from __future__ import annotations

import html
import io
import re

from sqlalchemy import event, select, update

from intake import access, rows, storage
from intake.extensions import db
from intake.matters import arrive, incoming
from intake.models import Arrival, Attachment, Handler, Matter, new_id

REGIONAL = ("inkorg", "kontaktcenter", "utredning")


class Desk:
    """A browser in which a handler is signed in."""

    def __init__(self, app, email, password):
        self.client = app.test_client()
        self.email, self.password = email, password

    def sign_in(self, password=None):
        page = self.client.get("/logga-in")
        words = {"email": self.email, "password": password or self.password, "csrf_token": token_in(page)}
        return self.client.post("/logga-in", data=words)

    def get(self, path, **kwargs):
        # Read whole, so that a download's file is closed as by a browser that has it all.
        return self.client.get(path, buffered=True, **kwargs)

    def post(self, path, *, page=None, **words):
        """Press a button; the token and the version come from ``page`` or from the inbox."""
        page = page or self.client.get("/")
        found = {"csrf_token": token_in(page)}
        if (version := re.search(r'name="version" value="(\d+)"', page.text)) is not None:
            found["version"] = version[1]
        return self.client.post(path, data=found | words, buffered=True)

    def act(self, reference, act, *, page=None, **words):
        """Do an act on a matter as its page shows it now, or as it stood on ``page``."""
        return self.post(f"/arende/{reference}/{act}", page=page or self.page(reference), **words)

    def page(self, reference):
        return self.get(f"/arende/{reference}")


def count_statements(app, act):
    """Return how many statements reach the database while something is done."""
    statements = []

    def note(*given):
        statements.append(given[2])

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", note)
    act()
    event.remove(engine, "before_cursor_execute", note)
    return len(statements)


def token_in(page):
    found = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    return found[1] if found else ""


def text_of(page):
    """Return what a page says, without its markup."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", page.text)).split())


def seats(region, *, role="handler", kinds=REGIONAL):
    return tuple((f"{region}-{kind}", role) for kind in kinds)


def hire(owner_app, email, *memberships, name="Anna Lindgren", is_new=False):
    """Make a handler who has already chosen a password, and return that password."""
    with owner_app.app_context():
        password = access.add_handler(email, name, memberships)
        if not is_new:
            old = update(Handler).where(Handler.email == email)
            db.session.execute(old.values(must_change_password=False, password_expires_at=None))
            db.session.commit()
    return password


def bring(worker_app, clock, *, files=(), **changes):
    """Let a matter come in by form, from Malmö unless said otherwise; return its reference."""
    said = {
        "channel": "form",
        "subject": "Cykel borta",
        "text": "Min cykel stals utanför stationen.",
        "received_at": clock(),
        "sender_name": "Kim Berg",
        "sender_email": "kim@example.com",
        "category": "anmalan",
        "place": "municipality",
        "municipality": "1280",
    } | changes
    with worker_app.app_context():
        stored = tuple(_store(name, data) for name, data in files)
        submission = incoming.Submission(**said, files=stored)
        written = arrive.begin_matter(submission, None)
        rows.insert(Arrival, channel="form", destination=f"test:{new_id()}", digest="d", at=clock(),
                    message_id=written.message_id, marks=[])  # fmt: skip
        arrive.commit_numbered((written.matter_id,), said["received_at"])
    return written.reference


def _store(name, data):
    kept = storage.current().put(storage.new_key("draft"), io.BytesIO(data))
    return incoming.IncomingFile(name, kept.key, kept.size_bytes, kept.sha256, "text/html")


def check_as(worker_app, reference, verdict):
    """Let the check of a matter's files have found this; return the first file's id."""
    with worker_app.app_context():
        ids = db.session.scalars(
            select(Attachment.id).join(Matter, Matter.id == Attachment.matter_id)
            .where(Matter.reference == reference).order_by(Attachment.position)
        ).all()  # fmt: skip
        db.session.execute(update(Attachment).where(Attachment.id.in_(ids)).values(verdict=verdict))
        db.session.commit()
    return ids[0]
