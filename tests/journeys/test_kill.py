"""Whatever is killed while matters come in, every receipt has its matter, and none is there twice."""

from __future__ import annotations

import hashlib
import json
import random
import smtplib
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.journeys.citizen import Answer, Citizen, over_http
from tests.journeys.service import Service, running
from tests.letters_home import letter

FORMS, LETTERS = 110, 110
PATIENCE_SECONDS = 120
# Each file that came is looked through and drawn, each in processes of its own.
DRAIN_SECONDS = 480
# The supervisor comes last of each round, since with it everything must be started again.
VICTIMS = (
    "supervisor", "web-citizen-1", "web-citizen-2", "web-handler", "mail-listener", "dispatch",
    "worker-light", "worker-heavy", "valkey", "postgres",
)  # fmt: skip


class Impatient(AssertionError):
    """Somebody waited longer than the journey may last."""


def patiently(act):
    """Try again, as a person does, until the service answers; a 5xx is not an answer."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline:
        try:
            answer = act()
            if answer.status < 500:
                return answer
        except (OSError, HTTPException):
            pass
        pause.wait(0.1)
    raise Impatient


def send_form(service: Service, number: int) -> tuple[str, str, str]:
    """Send a matter with a file by the web; return its words, its reference and its file's digest."""
    words, data = f"Formulär nummer {number:04d}.", f"bilaga {number}".encode() * 50
    person = Citizen(over_http(service.citizen_port), patience=patiently)
    person.begin()
    person.tell(words)
    name = f"bilaga-{number}.txt"
    upload = person.patience
    person.patience = once_or_seen(person, name)
    person.add_file(name, data)
    person.patience = upload
    person.finish()
    person.send()
    return words, person.receipt(), hashlib.sha256(data).hexdigest()


def once_or_seen(person: Citizen, name: str):
    """Upload again only when the page does not show the file, as a person would."""

    def act(ask):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                answer = ask()
                if answer.status < 500:
                    return answer
            except (OSError, HTTPException):
                pass
            page: Answer = patiently(lambda: person.ask("GET", f"{person.path}/filer", b"", {}))
            if name in page.text:
                return page
        raise Impatient

    return act


def send_letter(service: Service, number: int) -> str:
    """Send a letter until it is taken with 250; return its words."""
    words = f"Brev nummer {number:04d}."
    raw = letter(words, files=((f"bilaga-{number}.pdf", b"%PDF-1.4 " + words.encode()),))
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline:
        try:
            with smtplib.SMTP("127.0.0.1", service.mail_port, timeout=20) as client:
                client.sendmail(f"kim{number}@example.com", ["syd@example.se"], raw)
            return words
        except (OSError, smtplib.SMTPException):
            pause.wait(0.1)
    raise Impatient


def kill_until(done: threading.Event, service: Service, kills: Counter[str], seed: int) -> None:
    """Kill something every now and then; the queue also loses what it kept on disk."""
    dice = random.Random(seed)
    order = list(VICTIMS)
    while not done.wait(dice.uniform(0.2, 1.0)):
        if not order:
            order = [VICTIMS[0], *dice.sample(VICTIMS[1:], len(VICTIMS) - 1)]
        victim = order.pop()
        if victim == "valkey":
            service.wipe_queue()
        service.kill(victim, dice)
        kills[victim] += 1
        if service.runner.poll() is not None or victim == "supervisor":
            service.runner.wait(60)
            service.start()


def wait_until_drained(service: Service) -> dict:
    """Wait, within bounds, until nothing is owed any more."""
    deadline = time.monotonic() + DRAIN_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline:
        found = service.reconcile()
        if found and not found["counts"]["open_job"]:
            return found
        # Each proof takes a process of its own, and so a core from what is waited for.
        pause.wait(5)
    raise AssertionError(f"work is still owed: {json.dumps(found)}")


@pytest.mark.timeout(1200)
def test_every_receipt_has_its_matter_whatever_is_killed(tmp_path):
    seed, kills, done = random.randrange(1 << 30), Counter(), threading.Event()
    print(f"seed {seed}")
    with running(tmp_path) as service:
        killer = ThreadPoolExecutor(1).submit(kill_until, done, service, kills, seed)
        try:
            with ThreadPoolExecutor(8) as people:
                forms = [people.submit(send_form, service, number) for number in range(FORMS)]
                letters = [people.submit(send_letter, service, number) for number in range(LETTERS)]
                receipts = [form.result() for form in forms]
                taken = [letter.result() for letter in letters]
        finally:
            done.set()
            killer.result(180)
        found = wait_until_drained(service)
        matters = service.matters()
    print(f"killed {dict(kills)}")
    by_words = {matter["text"].strip(): matter for matter in matters}
    assert len(matters) == len(by_words) == FORMS + LETTERS
    for words, reference, digest in receipts:
        assert by_words[words]["reference"] == reference
        assert [file["sha256"] for file in by_words[words]["attachments"]] == [digest]
    for words in taken:
        expected = hashlib.sha256(b"%PDF-1.4 " + words.encode()).hexdigest()
        assert [file["sha256"] for file in by_words[words]["attachments"]] == [expected]
    assert found["is_whole"], found
    assert set(kills) == set(VICTIMS)
