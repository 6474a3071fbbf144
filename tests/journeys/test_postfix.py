"""A real Postfix in front: whatever is away meanwhile, each letter comes in once, or its writer is told."""

from __future__ import annotations

import shutil
import smtplib
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from flask import Flask
from sqlalchemy import create_engine, make_url, select, text

from config.settings import Settings
from intake import mailroom, storage
from intake.extensions import db
from intake.models import Letter, Message
from tests import engines
from tests.certificates import write_certificate
from tests.journeys.service import free_ports
from tests.letters_home import arrivals, letter, unpack_all
from tests.listening import Running, listening, raw
from tests.needs import need
from tests.postfix import Postfix, postfix
from workers.conversation import Limits
from workers.mailbox import Listener

SENDER, OURS = "kim@example.org", "syd@example.se"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Give the listener a port of its own, which it has again when it is started again."""
    return replace(settings, mail_port=free_ports(1)[0])


@pytest.fixture
def listener(worker_app: Flask) -> Iterator[Running]:
    with listening(Listener(worker_app)) as running:
        yield running


@pytest.fixture
def front(listener: Running) -> Iterator[Postfix]:
    with postfix(f"lmtp:inet:127.0.0.1:{listener.port}") as server:
        yield server


def send(front: Postfix, raw: bytes, *recipients: str, options: tuple[str, ...] = ()) -> None:
    with front.smtp() as client:
        client.sendmail(SENDER, recipients or [OURS], raw, options)


def raws(app: Flask) -> list[bytes]:
    """Return the bytes of all letters that were received."""
    with app.app_context():
        keys = db.session.scalars(select(Letter.storage_key).order_by(Letter.id)).all()
        found = []
        for key in keys:
            with storage.current().open(key) as file:
                found.append(file.read())
        return found


def texts(app: Flask) -> list[str]:
    """Unpack what came in, and return what each matter says."""
    with app.app_context():
        unpack_all()
        said = select(Message.matter_id, Message.text).where(Message.direction == "incoming")
        found = db.session.execute(said).all()
        assert len(found) == len({matter_id for matter_id, _ in found})
        return sorted(words.strip() for _, words in found)


def test_a_letter_to_two_of_our_addresses_is_delivered_once(front: Postfix, worker_app: Flask) -> None:
    send(front, letter("En gång."), OURS, "syd+extra@example.se")
    front.wait_until(front.is_empty)
    front.flush()
    assert front.words().count("status=sent (250 2.0.0 Stored)") == 2
    assert len(raws(worker_app)) == 1
    assert texts(worker_app) == ["En gång."]


def test_fifty_letters_over_a_few_connections_come_once_each(front: Postfix, worker_app: Flask) -> None:
    for number in range(50):
        send(front, letter(f"Brev {number:02d}"), OURS, "kontakt@example.se")
    front.wait_until(front.is_empty)
    assert texts(worker_app) == sorted(f"Brev {number:02d}" for number in range(50) for _ in "ab")


@contextmanager
def without_storage(app: Flask) -> Iterator[None]:
    files = app.extensions["settings"].var / "files"
    files.rename(files.with_name("away"))
    yield
    files.with_name("away").rename(files)


@contextmanager
def without_database(app: Flask) -> Iterator[None]:
    url = make_url(app.extensions["settings"].database_urls["worker"])
    admin = create_engine(app.extensions["admin_url"], isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"ALTER ROLE {url.username} NOLOGIN")
        ended = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :name")
        connection.execute(ended, {"name": url.username})
        yield
        connection.exec_driver_sql(f"ALTER ROLE {url.username} LOGIN")
    admin.dispose()


@pytest.mark.parametrize("away", [without_storage, without_database])
def test_a_letter_waits_in_the_queue_while_we_cannot_store_it(
    away: Callable[[Flask], AbstractContextManager[None]],
    front: Postfix,
    worker_app: Flask,
    database: engines.Database,
) -> None:
    worker_app.extensions["admin_url"] = database.url
    with away(worker_app):
        send(front, letter("Väntar."))
        assert "said: 451 4.3.0" in front.wait_until(front.deferred)[0]
    front.flush()
    front.wait_until(front.is_empty)
    assert texts(worker_app) == ["Väntar."]


def test_a_letter_waits_in_the_queue_while_the_listener_is_down(
    front: Postfix, listener: Running, worker_app: Flask
) -> None:
    listener.stop()
    send(front, letter("Väntar."))
    assert "refused" in front.wait_until(front.deferred)[0]
    with listening(Listener(worker_app)):
        front.flush()
        front.wait_until(front.is_empty)
    assert texts(worker_app) == ["Väntar."]


def test_a_letter_whose_answer_was_lost_comes_twice_and_is_taken_once(
    settings: Settings, worker_app: Flask
) -> None:
    """The listener hangs up after the commit, as it would when it is killed there."""
    answers = iter(["lost"])

    def receive(raw: BinaryIO, envelope: mailroom.Envelope) -> None:
        mailroom.receive(raw, envelope)
        if next(answers, None):
            raise ConnectionResetError

    listener = Listener(worker_app, receive=receive)
    with listening(listener) as running, postfix(f"lmtp:inet:127.0.0.1:{running.port}") as front:
        send(front, letter("Två gånger."), OURS, "kontakt@example.se")
        front.wait_until(front.deferred)
        front.flush()
        front.wait_until(front.is_empty)
    assert texts(worker_app) == ["Två gånger."] * 2
    with worker_app.app_context():
        assert len(arrivals()) == 2


def test_a_letter_too_large_is_refused_at_the_front_with_advice(front: Postfix) -> None:
    with front.smtp() as client, pytest.raises(smtplib.SMTPSenderRefused) as refused:
        client.sendmail(SENDER, OURS, b"x" * 53_000_000)
    assert refused.value.smtp_code == 552
    assert b"Brevet ryms inte, dela upp det i flera" in refused.value.smtp_error


def test_a_letter_too_large_for_us_alone_comes_back_with_our_words(worker_app: Flask) -> None:
    listener = Listener(worker_app, limits=Limits(letter_bytes=300_000))
    # Otherwise the front sees our SIZE and says it in its own words.
    words = "lmtp_discard_lhlo_keywords = size"
    with listening(listener) as running, postfix(f"lmtp:inet:127.0.0.1:{running.port}", words) as front:
        send(front, letter("Stort. " * 60_000))
        bounced = front.wait_until(front.came_back)
        assert front.is_empty()
    assert b"552 5.3.4 Brevet ryms inte; dela upp det i flera." in bounced[0].replace(b"\n    ", b" ")
    assert raws(worker_app) == []


def test_addresses_in_other_letters_come_through(front: Postfix, worker_app: Flask) -> None:
    send(front, letter("Från Åsa."), "åsa@example.se", options=("SMTPUTF8",))
    front.wait_until(front.is_empty)
    with worker_app.app_context():
        received = db.session.scalars(select(Letter)).one()
        assert (received.envelope_to, received.trace["smtputf8"]) == (["åsa@example.se"], True)


def test_lines_of_any_length_come_through_as_they_are(front: Postfix, worker_app: Flask) -> None:
    body = b"\r\n" + b"x" * 100_000 + b"\r\n.\r\n..\r\n" + "Räksmörgås".encode() * 5000 + b"\r\n"
    send(front, b"From: kim@example.org\r\nSubject: x\r\n" + body)
    front.wait_until(front.is_empty)
    assert raws(worker_app)[0].endswith(body)


def test_a_smuggled_second_letter_is_part_of_the_first(front: Postfix, worker_app: Flask) -> None:
    second = (
        b"MAIL FROM:<b@example.org>\r\nRCPT TO:<kontakt@example.se>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
    )
    commands = ("EHLO x", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{OURS}>", "DATA")
    for end in (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r"):
        with raw(front.port, *commands) as client:
            client.send(b"Subject: y\r\n\r\nFirst" + end + second)
            client.ask("QUIT")
    front.wait_until(front.is_empty)
    with worker_app.app_context():
        assert {received.envelope_from for received in db.session.scalars(select(Letter))} <= {SENDER}
    assert all(b"MAIL FROM" in letter for letter in raws(worker_app))


def test_the_front_may_speak_tls_with_us(worker_app: Flask, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    settings = worker_app.extensions["settings"]
    worker_app.extensions["settings"] = replace(settings, mail_tls_certificate=certificate, mail_tls_key=key)
    port, encrypted = settings.mail_port, "lmtp_tls_security_level = encrypt"
    with listening(Listener(worker_app)), postfix(f"lmtp:inet:127.0.0.1:{port}", encrypted) as front:
        send(front, letter("Hemligt."))
        front.wait_until(front.is_empty)
    assert texts(worker_app) == ["Hemligt."]
    with worker_app.app_context():
        assert db.session.scalars(select(Letter)).one().trace["tls"] == "TLSv1.3"


def test_swaks_is_heard_through_the_front(front: Postfix, worker_app: Flask, tmp_path: Path) -> None:
    need(shutil.which("swaks") is not None, "swaks is not installed")
    (tmp_path / "bild.jpg").write_bytes(bytes(range(256)) * 1000)
    command = ["swaks", "--server", "127.0.0.1", "--port", str(front.port), "--from", SENDER, "--to", OURS]
    attached = ["--body", "Hej från swaks.", "--attach", f"@{tmp_path}/bild.jpg"]
    subprocess.run([*command, *attached], check=True, capture_output=True, timeout=60)
    front.wait_until(front.is_empty)
    assert texts(worker_app) == ["Hej från swaks."]
