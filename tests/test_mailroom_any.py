"""Whatever comes in is one matter, and all of it is there: any bytes at all, and any tree of parts."""

from __future__ import annotations

from collections import Counter
from email import policy
from email.message import EmailMessage
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from intake import ledger
from intake.extensions import db
from intake.models import Arrival, Attachment, Letter, Message
from tests.letters_home import deliver

# Each example is received, committed and unpacked for real, into one database that fills up.
MANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True, scope="module")
def database(shared_database):
    from tests import engines

    engines.empty(shared_database.urls["owner"])
    return shared_database


@pytest.fixture(autouse=True)
def app(worker_app):
    with worker_app.app_context():
        yield worker_app


def messages_of(raw):
    """Return the messages that a letter's bytes became, however often they came."""
    came = select(Message).join(Arrival, Arrival.message_id == Message.id)
    came = came.join(Letter, Letter.id == Arrival.letter_id)
    return db.session.scalars(came.where(Letter.sha256 == sha256(raw).hexdigest())).all()


def digests_of(message):
    return Counter(db.session.scalars(select(Attachment.sha256).where(Attachment.message_id == message.id)))


@MANY
@given(st.binary(max_size=3000))
def test_any_bytes_are_one_matter(raw):
    deliver(raw)
    assert len(messages_of(raw)) == 1


SYNTAX = """
From: |To: |Subject: |Content-Type: multipart/mixed; boundary=b|--b|--b--|\r\n|begin 644 x|=?utf-8?B?
|Date: Fri, 31 Dec 9999 23:59:59 +0000|=?utf-7?Q?+2AA-?=|Auto-Submitted: |Content-Type: 
|Content-Transfer-Encoding: base64|Content-Type: message/rfc822|\0
"""
HEADS = st.sampled_from([piece.strip("\n").encode() for piece in SYNTAX.split("|")])


@MANY
@given(st.lists(st.one_of(HEADS, st.binary(max_size=40)), max_size=40))
def test_any_heap_of_mail_syntax_is_one_matter(pieces):
    raw = b"\r\n".join(pieces)
    deliver(raw)
    assert len(messages_of(raw)) == 1


def plain(words):
    part = EmailMessage(policy=policy.SMTP)
    part.set_content(words)
    return part


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=60)
FILES = st.lists(st.tuples(WORDS, st.binary(min_size=1, max_size=500)), max_size=4)


@st.composite
def trees(draw, depth=2):
    """Make a letter with files and letters in it; return it with the digests of all its files."""
    message, files = plain(draw(WORDS)), draw(FILES)
    for name, data in files:
        message.add_attachment(data, maintype="application", subtype="x-thing", filename=name[:40])
    wanted = Counter(sha256(data).hexdigest() for _, data in files)
    if depth and draw(st.booleans()):
        inner, within = draw(trees(depth=depth - 1))
        message.add_attachment(inner)
        wanted += within
    message["Subject"] = draw(WORDS)
    return message, wanted


@MANY
@given(trees())
def test_in_any_tree_of_parts_every_file_is_there(tree):
    message, wanted = tree
    raw = message.as_bytes()
    deliver(raw)
    kept = digests_of(messages_of(raw)[0])
    assert wanted - kept == Counter()


def test_after_all_that_nothing_is_missing():
    # Each test had a store of its own, which is gone with it.
    exceptions = ledger.reconcile().exceptions
    assert [name for name, ids in exceptions.items() if ids and "bytes" not in name] == []
