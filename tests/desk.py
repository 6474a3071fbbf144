"""A handler at a desk: signs in by the front door, reads pages, presses buttons; and matters to work on."""

from __future__ import annotations

import html
import io
import re
import uuid
from contextlib import contextmanager
from datetime import timedelta

import pyotp
from sqlalchemy import event, select, update
from werkzeug.routing import AnyConverter, IntegerConverter, UUIDConverter

from intake import access, keys, rows, shown, storage
from intake.access import factors
from intake.extensions import db
from intake.matters import arrive, incoming
from intake.models import Arrival, Attachment, Handler, Matter, new_id

# Everybody's app shows the same codes here.
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
REGIONAL = ("inkorg", "kontaktcenter", "utredning")


class Desk:
    """A browser in which a handler is signed in."""

    def __init__(self, app, email, password):
        self.client = app.test_client()
        self.email, self.password = email, password

    def sign_in(self, password=None):
        page = self.client.get("/logga-in")
        words = {"email": self.email, "password": password or self.password, "csrf_token": token_in(page)}
        answer = self.client.post("/logga-in", data=words)
        return self.give_code() if answer.location == "/logga-in/kod" else answer

    def show_password(self):
        """Do the first step of a sign-in alone: the second factor is owed."""
        words = {"email": self.email, "password": self.password}
        token = {"csrf_token": token_in(self.client.get("/logga-in"))}
        return self.client.post("/logga-in", data=words | token)

    def give_code(self, code=None):
        """Show the second factor; a code does once, so that each is of a later half minute than the last."""
        page = self.client.get("/logga-in/kod")
        words = {"code": code or next_code(self.client.application), "csrf_token": token_in(page)}
        return self.client.post("/logga-in/kod", data=words)

    def secret(self):
        """The secret of the session, as the browser's cookie holds it."""
        with self.client.session_transaction() as kept:
            return kept["_user_id"]

    def prove(self, password=None, code=None):
        """Show once more who it is."""
        page = self.client.get("/bekrafta")
        words = {"password": password or self.password, "code": code or next_code(self.client.application)}
        return self.client.post("/bekrafta", data=words | {"csrf_token": token_in(page)})

    def get(self, path, **kwargs):
        # Read whole, so that a download's file is closed as by a browser that has it all.
        return self.client.get(path, buffered=True, **kwargs)

    def post(self, path, *, page=None, **words):
        """Press a button; the token and the version come from ``page`` or from the inbox.

        The version is that of the button's own form: a page may show forms of other matters too.
        """
        page = page or self.client.get("/")
        found = {"csrf_token": token_in(page)}
        form = re.search(rf'<form[^>]* action="{re.escape(path)}".*?</form>', page.text, re.DOTALL)
        shown = form[0] if form else page.text
        if (version := re.search(r'name="version" value="(\d+)"', shown)) is not None:
            found["version"] = version[1]
        return self.client.post(path, data=found | words, buffered=True)

    def act(self, reference, act, *, page=None, **words):
        """Do an act on a matter as its page shows it now, or as it stood on ``page``."""
        return self.post(f"/arende/{reference}/{act}", page=page or self.page(reference), **words)

    def page(self, reference):
        return self.get(f"/arende/{reference}")


def hand_over(giver, receiver, reference, unit):
    """Let a matter be handed over to a unit, and received there."""
    giver.act(reference, "lamna-over", receiver=unit, why="Hör dit")
    receiver.act(reference, "ta-emot")


@contextmanager
def seated(app, handler_id, *matter_ids):
    """Be in an app's context as a handler who is signed in, and has looked at these matters."""
    with app.app_context():
        shown.show("session", access.begin(handler_id, stage="open", agent=""))
        access.look_beside(matter_ids)
        yield


def addresses(app):
    """Yield each route of the handlers' side with an address of it, where something stands in every place."""
    adapter = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("handler."):
            filled = {name: _something(rule._converters[name]) for name in rule.arguments}
            yield rule, adapter.build(rule.endpoint, filled)


def _something(converter):
    if isinstance(converter, AnyConverter):
        return next(iter(converter.items))
    return {UUIDConverter: uuid.UUID(int=0), IntegerConverter: 1}.get(type(converter), "K7RX-3M9P")


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


def following(page):
    """Return the address of a list's next page, None on the last."""
    found = re.search(r'href="([^"]*efter=[^"]*)" rel="next"', page.text)
    return found[1].replace("&amp;", "&") if found else None


def news_of(page):
    """Return where an inbox's page asks what is new."""
    return re.search(r'data-news="([^"]+)"', page.text)[1].replace("&amp;", "&")


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
            sealed = keys.seal(SECRET, factors.PURPOSE)
            settled = {"must_change_password": False, "password_expires_at": None, "totp_secret": sealed}
            db.session.execute(old.values(settled))
            db.session.commit()
    return password


def next_code(app):
    """Return the code that the app of whoever signs in shows now, half a minute after the last one."""
    clock = app.extensions["clock"]
    if hasattr(clock, "at"):
        clock.at += timedelta(seconds=30)
    return pyotp.TOTP(SECRET).at(clock())


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
