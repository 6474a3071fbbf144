"""A handler for journeys: signs in over HTTP with a first password and an app of codes, reads, acts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape
from urllib.parse import urlencode

import pyotp

from tests.journeys.citizen import TOKEN, Answer, Ask

VERSION = re.compile(r'name="version"[^>]*value="(\d+)"')
KEY = re.compile(r"secret=([A-Z2-7]+)")
NEW_PASSWORD = "sju gröna cyklar i rad"


@dataclass
class HandlerAtDesk:
    """One handler with one browser."""

    ask: Ask

    def sign_in(self, email: str, password: str) -> None:
        """Sign in for the first time, choose a password and give an app its key, as one must."""
        self.post("/logga-in", "/logga-in", email=email, password=password)
        words = {"old_password": password, "new_password": NEW_PASSWORD, "same_password": NEW_PASSWORD}
        answer = self.post("/konto", "/konto/losenord", **words)
        assert answer.status in (302, 303), answer.text
        key = KEY.search(self.look("/konto/app").text)[1]
        answer = self.post("/konto/app", "/konto/app", code=pyotp.TOTP(key).now())
        assert answer.status == 200, answer.text

    def look(self, path: str) -> Answer:
        return self.ask("GET", path, b"", {})

    def post(self, page: str, path: str, **words: str) -> Answer:
        """Press a button on a page."""
        shown = self.look(page).text
        token, version = TOKEN.search(shown), VERSION.search(shown)
        found = {"csrf_token": unescape(token[1]) if token else ""}
        if version:
            found["version"] = version[1]
        body = urlencode(found | words).encode()
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

    def act(self, reference: str, act: str, **words: str) -> Answer:
        """Do an act on a matter from its own page."""
        return self.post(f"/arende/{reference}", f"/arende/{reference}/{act}", **words)
