"""A browser that sends a file in parts, as our own page does."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid

from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

TUS = {"Tus-Resumable": "1.0.0"}
PART = "application/offset+octet-stream"
FILM = bytes(range(256)) * 40
FILM_SHA256 = hashlib.sha256(FILM).hexdigest()


def b64(value: bytes | str) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


class Uploader:
    """A browser with a form that it has begun; ``client`` may be changed for that of another host."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.draft = "/".join(client.post("/borja").location.split("/")[:3])
        self.token = sign(client)

    def press(self, page: str) -> TestResponse:
        """Press a button of the form, such as the one that sends it."""
        return self.client.post(f"{self.draft}/{page}", data={"csrf_token": self.token})

    def send(self) -> None:
        assert self.press("skicka").status_code == 303

    def add(self, data: bytes, name: str) -> TestResponse:
        """Add a whole file by the plain form."""
        fields = {"csrf_token": self.token, "files": (io.BytesIO(data), name)}
        return self.client.post(f"{self.draft}/filer", data=fields)

    @property
    def all(self) -> str:
        return f"{self.draft}/uppladdningar"

    def create(
        self, size: int = len(FILM), name: str = "film.mp4", prefix: str = "", **headers: str | None
    ) -> TestResponse:
        """Announce a file; a header is changed or, as None, left out."""
        said = f"filename {b64(name)}, filetype {b64('video/mp4')}, fingerprint {b64(f'{name}|{size}')}"
        return self._ask(
            "POST", prefix + self.all, {"Upload-Length": str(size), "Upload-Metadata": said}, headers
        )

    def begin(self, size: int = len(FILM), name: str = "film.mp4") -> str:
        """Announce a file and return where its parts go."""
        answer = self.create(size, name)
        assert answer.status_code == 201, answer.text
        return answer.location

    def patch(self, place: str, offset: int, data: bytes, **headers: str | None) -> TestResponse:
        own = {"Upload-Offset": str(offset), "Content-Type": PART}
        return self._ask("PATCH", place, own, headers, data)

    def head(self, place: str, **headers: str | None) -> TestResponse:
        return self._ask("HEAD", place, {}, headers)

    def cancel(self, place: str, **headers: str | None) -> TestResponse:
        return self._ask("DELETE", place, {}, headers)

    def upload(self, data: bytes = FILM, name: str = "film.mp4", parts: int = 3) -> uuid.UUID:
        """Send a whole file; return the upload's id."""
        place, size = self.begin(len(data), name), -(-len(data) // parts)
        for start in range(0, len(data), size):
            assert self.patch(place, start, data[start : start + size]).status_code == 204
        return id_of(place)

    def _ask(self, method: str, path: str, own: dict, given: dict, data: bytes = b"") -> TestResponse:
        changed = {name.replace("_", "-"): value for name, value in given.items()}
        sent = {**TUS, "X-CSRFToken": self.token, **own, **changed}
        kept = {name: value for name, value in sent.items() if value is not None}
        return self.client.open(path, method=method, data=data, headers=kept)


def id_of(place: str) -> uuid.UUID:
    return uuid.UUID(place.rpartition("/")[2])


def sign(client: FlaskClient) -> str:
    """Give a browser a secret for its forms, and return the token made of it."""
    secret = uuid.uuid4().hex
    with client.session_transaction() as session:
        session["csrf_token"] = secret
    return URLSafeTimedSerializer(client.application.secret_key, salt="wtf-csrf-token").dumps(secret)
