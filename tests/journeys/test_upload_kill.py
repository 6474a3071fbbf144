"""Whatever is killed while files come in parts, each is in its matter, whole and once."""

from __future__ import annotations

import hashlib
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from http.client import HTTPException
from urllib.parse import urlencode

import pytest

from tests.journeys.citizen import REFERENCE, TOKEN, Answer, over_http
from tests.journeys.service import Service, running
from tests.journeys.test_kill import (
    PATIENCE_SECONDS,
    VICTIMS,
    Impatient,
    kill_in_rounds,
    numbers_of,
    patiently,
    wait_until_drained,
)
from tests.parts import PART, TUS, b64

PEOPLE, FORMS_AT_LEAST, FORMS_AT_MOST, PARTS = 4, 8, 200, 4
# How often each is killed, while files come in, before people are left in peace.
ROUNDS = 2


class Browser:
    """A browser that sends one file in parts, and goes on from what the server says it has."""

    def __init__(self, service: Service) -> None:
        self.ask = over_http(service.citizen_port)
        begun = patiently(lambda: self.ask("POST", "/borja", b"", {"Content-Type": "text/plain"}))
        self.draft = "/".join(begun.headers["location"].split("/")[:3])
        page = patiently(lambda: self.ask("GET", f"{self.draft}/filer", b"", {}))
        self.token = unescape(TOKEN.search(page.text)[1])

    def upload(self, name: str, data: bytes, *, half_way: Callable[[], object]) -> None:
        """Send a file; ``half_way`` is done once, after its second part."""
        place, offset, is_half_way = self._begin(name, len(data)), 0, False
        size = len(data) // PARTS
        while offset < len(data):
            answer = self._try("PATCH", place, data[offset : offset + size], **{"Upload-Offset": str(offset)})
            if answer is None or answer.status != 204:
                answer = patiently(lambda: self._ask("HEAD", place))
            offset = int(answer.headers["upload-offset"])
            if offset >= 2 * size and not is_half_way:
                is_half_way = True
                half_way()

    def send(self) -> None:
        body = urlencode({"csrf_token": self.token}).encode()
        kind = "application/x-www-form-urlencoded"
        answer = patiently(lambda: self.ask("POST", f"{self.draft}/skicka", body, {"Content-Type": kind}))
        assert answer.status == 303

    def receipt(self) -> str:
        page = patiently(lambda: self.ask("GET", "/kvitto", b"", {})).text
        return REFERENCE.search(unescape(re.sub(r"<[^>]+>", " ", page)))[0]

    def _begin(self, name: str, size: int) -> str:
        """Announce a file, or find it announced when only the answer was lost."""
        said = {"Upload-Length": str(size), "Upload-Metadata": f"filename {b64(name)}"}
        path, deadline = f"{self.draft}/uppladdningar", time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            answer = self._try("POST", path, **said)
            if answer is not None and answer.status == 201:
                return answer.headers["location"]
            page = patiently(lambda: self.ask("GET", f"{self.draft}/filer", b"", {})).text
            if announced := re.search('data-at="([^"]+)"', page):
                return announced[1]
        raise Impatient

    def _try(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer | None:
        try:
            return self._ask(method, path, data, **headers)
        except (OSError, HTTPException):
            return None

    def _ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> Answer:
        kind = {"Content-Type": PART} if method == "PATCH" else {}
        return self.ask(method, path, data, {**TUS, "X-CSRFToken": self.token, **kind, **headers})


def bring(service: Service, number: int) -> tuple[str, str]:
    """Send a file, and its form after it or half way; return the receipt and the digest."""
    data = f"Film nummer {number}. ".encode() * 20_000
    browser = Browser(service)
    is_half_way = number % 2 == 0
    browser.upload(f"film-{number}.txt", data, half_way=browser.send if is_half_way else lambda: None)
    # It is sent once: again it gives the same receipt.
    browser.send()
    return browser.receipt(), hashlib.sha256(data).hexdigest()


@pytest.mark.timeout(900)
def test_every_file_in_parts_is_in_its_matter_whatever_is_killed(tmp_path):
    seed, kills, gone = random.randrange(1 << 30), Counter(), threading.Event()
    print(f"seed {seed}")
    with running(tmp_path) as service:
        killer = ThreadPoolExecutor(1).submit(kill_in_rounds, service, ROUNDS, kills, seed, gone)

        def sent_by(person: int) -> list[tuple[str, str]]:
            numbers = numbers_of(person, PEOPLE, FORMS_AT_LEAST, FORMS_AT_MOST, killer)
            return [bring(service, number) for number in numbers]

        try:
            with ThreadPoolExecutor(PEOPLE) as people:
                sent = [each for found in people.map(sent_by, range(PEOPLE)) for each in found]
        finally:
            gone.set()
            killer.result(180)
        found = wait_until_drained(service)
        matters = {matter["reference"]: matter for matter in service.matters()}
    print(f"killed {dict(kills)}, {len(sent)} forms")
    assert len(matters) == len(sent)
    for reference, digest in sent:
        assert [file["sha256"] for file in matters[reference]["attachments"]] == [digest]
    assert found["is_whole"], found
    assert set(kills) == set(VICTIMS)
