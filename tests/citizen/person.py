"""A person at the form: opens pages, fills in what a page asks for, and sends it with its token."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import urlsplit

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

STORY = "Min cykel stals utanför stationen i går kväll. Den är röd."


class Person:
    """A browser on the citizen's side."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.draft = ""

    def begin(self) -> Person:
        """Press Börja."""
        self.draft = urlsplit(self.client.post("/borja").location).path.removesuffix("/amne")
        return self

    def get(self, page: str) -> TestResponse:
        return self.client.get(self.at(page))

    def at(self, page: str) -> str:
        return page if page.startswith("/") else f"{self.draft}/{page}"

    def token(self, page: str) -> str:
        return hidden(self.get(page).text, "csrf_token")

    def fill(self, page: str, target: str = "", **fields: Any) -> TestResponse:
        """Fill in a page and send it; ``target`` is where its form goes when not to itself."""
        data = {"csrf_token": self.token(page), **fields}
        return self.client.post(self.at(target or page), data=data)

    def tell(self, text: str = STORY) -> Person:
        """Answer everything up to the check page, without files."""
        self.fill("amne", group="utsatt")
        self.fill("amne/utsatt", choice="brott")
        self.fill("vem", concerns="self")
        self.fill("plats", place="municipality", municipality="Malmö", happened_words="22/11")
        self.fill("handelse", text=text)
        self.fill("kontakt", email="kim@example.com", wants_receipt="ja")
        return self

    def add(self, *files: tuple[bytes, str], **fields: Any) -> TestResponse:
        """Add files, each its bytes and its name."""
        parts = [(io.BytesIO(content), name) for content, name in files]
        return self.fill("filer", files=parts, **fields)

    def send(self) -> TestResponse:
        return self.fill("granska", "skicka")


def hidden(page: str, name: str) -> str:
    """Return the value of the first hidden field with a name."""
    fields = html5lib.parse(page, namespaceHTMLElements=False).iter("input")
    return next(field.get("value", "") for field in fields if field.get("name") == name)


def value(page: str, name: str) -> str:
    """Return what stands in a field of a page."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    for field in tree.iter():
        if field.tag in ("input", "textarea") and field.get("name") == name:
            return (field.get("value") if field.tag == "input" else field.text) or ""
    raise AssertionError(f"no field {name}")


def words(page: str) -> str:
    """Return what a page says, without its markup."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return " ".join("".join(tree.itertext()).split())
