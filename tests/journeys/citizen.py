"""A citizen for journeys: goes through the form page by page, over HTTP or a test client."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from html import unescape
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
REFERENCE = re.compile(r"\b[2-9A-Z]{4}-[2-9A-Z]{4}\b")


@dataclass(frozen=True)
class Answer:
    """What came back: status, headers (lower case) and text."""

    status: int
    headers: dict[str, str]
    text: str


Ask = Callable[[str, str, bytes, dict[str, str]], Answer]


def through(client: Any) -> Ask:
    """Ask by a Flask test client."""

    def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        kind = headers.pop("Content-Type", None)
        answer = client.open(path, method=method, data=body, headers=headers, content_type=kind)
        got = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, got, answer.get_data(as_text=True))

    return ask


def over_http(port: int) -> Ask:
    """Ask over HTTP, with a cookie jar as small as ours needs; raises OSError when it breaks."""
    cookies: dict[str, str] = {}

    def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        connection = HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            sent = headers | {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        got = {name.lower(): value for name, value in answer.getheaders()}
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                cookies[key] = rest.partition(";")[0]
        return Answer(answer.status, got, text)

    return ask


@dataclass
class Citizen:
    """One person with one browser."""

    ask: Ask
    path: str = ""
    token: str = ""
    patience: Callable[[Callable[[], Answer]], Answer] = field(default=lambda act: act())

    def begin(self, group: str = "utsatt", choice: str = "brott", municipality: str = "Malmö") -> None:
        """Open the start page, begin a draft, say what it is about and where."""
        self._look("/")
        answer = self._post("/borja", {})
        self.path = urlsplit(answer.headers["location"]).path.rsplit("/", 1)[0]
        self._look(f"{self.path}/amne")
        self._post(f"{self.path}/amne", {"group": group})
        self._look(f"{self.path}/amne/{group}")
        self._post(f"{self.path}/amne/{group}", {"choice": choice})
        self._look(f"{self.path}/plats")
        self._post(f"{self.path}/plats", {"place": "municipality", "municipality": municipality})

    def tell(self, text: str) -> None:
        """Write what happened."""
        self._look(f"{self.path}/handelse")
        self._post(f"{self.path}/handelse", {"text": text})

    def add_file(self, name: str, data: bytes) -> Answer:
        """Open the page with files and upload one by a plain form."""
        self._look(f"{self.path}/filer")
        return self.upload(name, data)

    def upload(self, name: str, data: bytes) -> Answer:
        """Upload one file."""
        boundary = uuid4().hex
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{self.token}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.patience(lambda: self.ask("POST", f"{self.path}/filer", body, dict(kind)))

    def finish(self, email: str = "", *, wants_receipt: bool = True) -> None:
        """Say how to be reached and open the page to check the answers."""
        self._look(f"{self.path}/kontakt")
        wanted = {"wants_receipt": "y"} if email and wants_receipt else {}
        self._post(f"{self.path}/kontakt", {"email": email, **wanted})
        self._look(f"{self.path}/granska")

    def send(self) -> Answer:
        """Send it."""
        return self._post(f"{self.path}/skicka", {})

    def receipt(self) -> str:
        """Return the reference on the receipt."""
        page = self._look("/kvitto").text
        found = REFERENCE.search(unescape(re.sub(r"<[^>]+>", " ", page)))
        assert found, page
        return found[0]

    def _look(self, path: str) -> Answer:
        answer = self.patience(lambda: self.ask("GET", path, b"", {}))
        found = TOKEN.search(answer.text)
        self.token = unescape(found[1]) if found else self.token
        return answer

    def _post(self, path: str, values: dict[str, str]) -> Answer:
        body = urlencode({"csrf_token": self.token, **values}).encode()
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.patience(lambda: self.ask("POST", path, body, dict(kind)))
