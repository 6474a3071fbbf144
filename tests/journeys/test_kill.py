"""Whatever is killed while matters come in, every receipt has its matter, and none is there twice."""

from __future__ import annotations

import hashlib
import json
import random
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from http.client import HTTPException

import pytest

from tests.journeys.citizen import Answer, Citizen, over_http
from tests.journeys.service import Service, running
from tests.letters_home import letter

# People who send forms, and as many who send letters.
PEOPLE = 4
AT_LEAST, AT_MOST = 60, 110
# How often each is killed, while matters come in, before people are left in peace.
ROUNDS = 5
# Each file that came is looked through and drawn, in processes of its own: as in life, not all have one.
ONE_IN = 3
PATIENCE_SECONDS = 120
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


def send_form(service: Service, number: int) -> tuple[str, str, dict[str, int]]:
    """Send a matter by the web, now and then with a file; return its words, reference and file's digest."""
    words = f"Formulär nummer {number:04d}."
    person = Citizen(over_http(service.citizen_port), patience=patiently)
    person.begin()
    person.tell(words)
    files = [f"bilaga {number}".encode() * 50] if number % ONE_IN == 0 else []
    tries: list[str] = []
    for data in files:
        upload = person.patience
        person.patience = once_or_seen(person, f"bilaga-{number}.txt", tries)
        person.add_file(f"bilaga-{number}.txt", data)
        person.patience = upload
    person.finish()
    person.send()
    # What arrived late, after the page did not show it, is there as often as it was sent.
    return words, person.receipt(), {hashlib.sha256(data).hexdigest(): len(tries) for data in files}


def once_or_seen(person: Citizen, name: str, tries: list[str]):
    """Upload again only when the page does not show the file, as a person would; ``tries`` counts."""

    def act(ask):
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            tries.append(name)
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


def send_letter(service: Service, number: int) -> tuple[str, list[str]]:
    """Send a letter until it is taken with 250; return its words and its file's digest, if it has one."""
    words = f"Brev nummer {number:04d}."
    files = [b"%PDF-1.4 " + words.encode()] if number % ONE_IN == 0 else []
    raw = letter(words, files=tuple((f"bilaga-{number}.pdf", data) for data in files))
    deadline = time.monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while time.monotonic() < deadline:
        try:
            with smtplib.SMTP("127.0.0.1", service.mail_port, timeout=20) as client:
                client.sendmail(f"kim{number}@example.com", ["syd@example.se"], raw)
            return words, [hashlib.sha256(data).hexdigest() for data in files]
        except (OSError, smtplib.SMTPException):
            pause.wait(0.1)
    raise Impatient


def kill_in_rounds(
    service: Service, rounds: int, kills: Counter[str], seed: int, gone: threading.Event
) -> None:
    """Kill everything that often, something every now and then, unless the people are gone before.

    The queue also loses what it kept on disk.
    """
    dice = random.Random(seed)
    for _ in range(rounds):
        for victim in [*dice.sample(VICTIMS[1:], len(VICTIMS) - 1), VICTIMS[0]]:
            if gone.wait(dice.uniform(0.2, 1.0)):
                return
            if victim == "valkey":
                service.wipe_queue()
            service.kill(victim, dice)
            kills[victim] += 1
            if service.runner.poll() is not None or victim == "supervisor":
                service.runner.wait(60)
                service.start()


def numbers_of(person: int, people: int, at_least: int, at_most: int, killer: Future[None]) -> Iterator[int]:
    """Count what one of some people sends, as long as there is too little or something is killed."""
    number = person
    while number < at_least or (number < at_most and not killer.done()):
        yield number
        number += people


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
    seed, kills, gone = random.randrange(1 << 30), Counter(), threading.Event()
    print(f"seed {seed}")
    with running(tmp_path) as service:
        killer = ThreadPoolExecutor(1).submit(kill_in_rounds, service, ROUNDS, kills, seed, gone)

        def sent_by(act, person):
            numbers = numbers_of(person, PEOPLE, AT_LEAST, AT_MOST, killer)
            return [act(service, number) for number in numbers]

        try:
            with ThreadPoolExecutor(2 * PEOPLE) as people:
                forms = [people.submit(sent_by, send_form, person) for person in range(PEOPLE)]
                letters = [people.submit(sent_by, send_letter, person) for person in range(PEOPLE)]
                receipts = [each for form in forms for each in form.result()]
                taken = [each for letter in letters for each in letter.result()]
        finally:
            gone.set()
            killer.result(180)
        found = wait_until_drained(service)
        matters = service.matters()
    print(f"killed {dict(kills)}, {len(receipts)} forms, {len(taken)} letters")
    by_words = {matter["text"].strip(): matter for matter in matters}
    assert len(matters) == len(by_words) == len(receipts) + len(taken)
    for words, reference, times in receipts:
        assert by_words[words]["reference"] == reference
        kept = Counter(file["sha256"] for file in by_words[words]["attachments"])
        assert kept.keys() == times.keys()
        assert kept <= Counter(times)
    for words, digests in taken:
        assert [file["sha256"] for file in by_words[words]["attachments"]] == digests
    assert found["is_whole"], found
    assert set(kills) == set(VICTIMS)
