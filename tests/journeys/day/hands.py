"""What comes in by the handlers' own hands: calls, visits, paper, letters saved as files, a first contact."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from datetime import timedelta

from werkzeug.test import TestResponse

from intake.extensions import STOCKHOLM
from tests import desk
from tests.journeys.day.coming import Came, Night, letter, sender_of
from tests.journeys.day.people import Handler

WAYS = ("phone", "visit", "paper")


def send(person: Handler, path: str, *files: tuple[str, bytes], **words: str) -> TestResponse:
    """Send one of the forms by which something new begins."""
    page = person.reads(path)
    said = {"csrf_token": desk.token_in(page), **words}
    if once := re.search(r'name="page" value="([^"]+)"', page.text):
        said["page"] = once[1]
    field = "letter" if path == "/registrera-brev" else "files"
    parts = {field: [(io.BytesIO(data), name) for name, data in files]}
    answer = person.client.post(path, data=said | parts, content_type="multipart/form-data", buffered=True)
    assert answer.status_code == 303, (path, desk.text_of(answer))
    return answer


def reference_in(answer: TestResponse) -> str:
    return answer.location.partition("?")[0].rpartition("/")[2]


def registers(night: Night, person: Handler, unit: str, story: str) -> Came:
    """Let somebody register what was said or came on paper an hour ago."""
    text, way = night.tell(story), WAYS[night.count % 3]
    at = (night.house.clock() - timedelta(hours=1)).astimezone(STOCKHOLM)
    words = {"channel": way, "day": at.date().isoformat(), "clock": f"{at:%H:%M}", "text": text, "unit": unit}
    scan: Sequence[tuple[str, bytes]] = [("brev.txt", text.encode())] if way == "paper" else []
    answer = send(person, "/nytt-arende", *scan, category="", who=f"Person {night.count}", **words)
    came = Came(reference_in(answer), way, "", text)
    person.book.note(came.reference, "begun_by_hand", person.name)
    return night.keep(came)


def brings(night: Night, person: Handler, unit: str, story: str) -> Came:
    """Let somebody bring in a letter that is saved as a file; nothing automatic answers it."""
    text = night.tell(story.replace("{town}", "Malmö"))
    raw = letter(night.count, "Sparat brev", text)
    answer = send(person, "/registrera-brev", ("brev.eml", raw), unit=unit)
    night.house.work()
    shown = person.reads(answer.location)
    reference = re.findall(r'href="/arende/([^"]+)"', shown.text.partition("<main")[2])[0]
    return night.keep(Came(reference, "email", sender_of(night.count), text))


def begins_contact(night: Night, person: Handler, unit: str, to: str) -> Came:
    """Let somebody begin a matter from which the first message is to go; nothing is sent yet."""
    words = {
        "email": to,
        "subject": "Vittne",
        "text": "Vi söker ett vittne.",
        "unit": unit,
        "category": "anmalan",
    }
    answer = send(person, "/ta-kontakt", **words)
    came = Came(reference_in(answer), "outgoing", to, "")
    person.book.note(came.reference, "begun_by_hand", person.name)
    return night.keep(came)
