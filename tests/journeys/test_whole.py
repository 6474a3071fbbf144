"""Whole journeys through the running service: web to reply, mail to reply, in one unit's eyes only."""

from __future__ import annotations

import email
import email.policy
import hashlib
import json
import re
import smtplib
import subprocess
import threading
import time
from http.client import HTTPException

import pytest

from tests.journeys.citizen import Citizen, over_http
from tests.journeys.handler import HandlerAtDesk
from tests.journeys.service import Service, running
from tests.letters_home import letter
from tests.needs import need

CANARY = "kanariefagel"
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def desks(service):
    """The handlers of two regions, signed in with the passwords of the demonstration."""
    lines = (service.var / "demo-handlers.txt").read_text().splitlines()
    passwords = {line.split()[0]: line.split()[1] for line in lines}
    desks = {}
    for region in ("syd", "nord"):
        desks[region] = HandlerAtDesk(over_http(service.handler_port))
        desks[region].sign_in(f"anna.{region}@example.se", passwords[f"anna.{region}@example.se"])
    return desks


def until(found):
    """Ask again until something is there, within bounds, and return it."""
    deadline, pause = time.monotonic() + 60, threading.Event()
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        pause.wait(0.2)
    raise AssertionError("it never came")


def letters_to(service: Service, address: str):
    """Return the letters that were sent to an address."""
    letters = []
    for path in (service.var / "mail" / "new").glob("*"):
        one = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if address in str(one["To"]):
            letters.append(one)
    return letters


def send_form(service: Service, text: str, address: str) -> str:
    person = Citizen(over_http(service.citizen_port))
    person.begin()
    person.tell(text)
    assert person.add_file(f"{CANARY}.txt", b"bytes that must stay as they are").status == 303
    person.finish(address)
    assert person.send().status == 303
    return person.receipt()


def test_a_form_is_found_read_and_answered_in_its_region_only(service, desks):
    reference = send_form(service, f"Min cykel är borta. {CANARY}", f"{CANARY}@example.com")
    assert reference in desks["syd"].look("/").text
    assert reference not in desks["nord"].look("/").text
    assert desks["nord"].look(f"/arende/{reference}").status == 404
    page = desks["syd"].look(f"/arende/{reference}").text
    assert CANARY in page
    file = re.search(rf"/arende/{reference}/fil/[0-9a-f-]+", page)[0]
    assert desks["nord"].look(file).status == 404
    assert desks["syd"].act(reference, "ta").status == 303
    assert desks["syd"].act(reference, "svara", text="Tack, vi har läst det.").status == 303
    answer = until(lambda: [one for one in letters_to(service, CANARY) if "Tack, vi" in one.as_string()])[0]
    assert CANARY not in answer.get_content()
    closed = desks["syd"].act(reference, "avsluta", outcome="answered")
    assert closed.status == 303
    desks["syd"].look("/")  # Once, the inbox says that the matter was closed.
    assert reference not in desks["syd"].look("/").text


def test_a_letter_is_found_answered_and_its_answer_joins_again(service, desks):
    raw = letter(
        f"Hej, min cykel stals i Malmö. {CANARY}", sender="Bo <bo@example.com>", files=(("k.pdf", PDF),)
    )
    with smtplib.SMTP("127.0.0.1", service.mail_port) as client:
        client.sendmail("bo@example.com", ["kontakt@example.se"], raw)
    found = until(lambda: [one for one in service.matters() if one["channel"] == "email"])[0]
    assert found["region"] == "syd"
    assert found["attachments"][0]["sha256"] == hashlib.sha256(PDF).hexdigest()
    receipt = until(lambda: letters_to(service, "bo@example.com"))[0]
    assert found["reference"] in receipt["Subject"]
    with smtplib.SMTP("127.0.0.1", service.mail_port) as client:
        client.sendmail("bo@example.com", [str(receipt["Reply-To"])], letter(f"En sak till. {CANARY}"))
    page = until(
        lambda: (
            (page := desks["syd"].look(f"/arende/{found['reference']}").text).count("En sak till") and page
        )
    )
    assert "En sak till" in page
    assert len([one for one in service.matters() if one["reference"] == found["reference"]]) == 1


def test_a_letter_may_come_by_a_pipe(service):
    done = service.command("receive-mail", stdin=letter("Genom röret."))
    assert done.returncode == 0, done.stderr
    until(lambda: [one for one in service.matters() if "Genom röret." in one["text"]])


def test_a_letter_may_come_by_swaks(service):
    try:
        found = subprocess.run(["swaks", "--version"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        found = False
    need(found, "swaks is not installed")
    done = subprocess.run(
        ["swaks", "--server", f"127.0.0.1:{service.mail_port}", "--from", "kim@example.com",
         "--to", "syd@example.se", "--h-Subject", "Hej", "--body", "Med swaks."],
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    until(lambda: [one for one in service.matters() if "Med swaks." in one["text"]])


def test_both_surfaces_say_that_they_can_accept(service):
    for port in (service.citizen_port, service.handler_port):
        assert over_http(port)("GET", "/healthz", b"", {}).status == 200


def test_a_body_over_every_limit_gets_our_own_page(service):
    too_long = {"Content-Length": str(200 << 20), "Content-Type": "multipart/form-data; boundary=x"}
    try:
        answer = over_http(service.citizen_port)("POST", "/borja", b"x" * 1000, too_long)
    except (OSError, HTTPException):
        pytest.fail("the connection was cut without an answer")
    assert answer.status == 413
    assert "för stor" in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_film_of_70_mb_is_told_the_way_out_and_the_way_back(service):
    person = Citizen(over_http(service.citizen_port))
    person.begin()
    too_long = {"Content-Length": str(70 << 20), "Content-Type": "multipart/form-data; boundary=x"}
    answer = person.ask("POST", f"{person.path}/filer", b"x" * 1000, too_long)
    assert answer.status == 413
    assert f'href="{person.path}/filer"' in answer.text
    assert "@example.se" not in answer.text


def test_the_times_that_are_listed_can_be_asked_for(service):
    last = service.matters()[-1]
    found = service.command("list", "--json", "--since", last["received_at"])
    assert last["reference"].encode() in found.stdout, found.stderr


def test_every_matter_reconciles_and_no_log_holds_a_word_of_a_citizen(service):
    found = until(lambda: (now := service.reconcile()) and not now["counts"]["open_job"] and now)
    assert found["is_whole"], json.dumps(found)
    logs = b"".join(path.read_bytes() for path in (service.var / "log").glob("**/*") if path.is_file())
    assert logs
    assert CANARY.encode() not in logs
    assert b"bo@example.com" not in logs
