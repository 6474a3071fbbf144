"""The documents are true to the code: commands, links, make targets, settings and pictures."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from intake.cli import main
from intake.ledger import PROOFS
from migrations import SUFFIX

ROOT = Path(__file__).parents[2]
RUNNING = ROOT / "docs/running.md"
README = ROOT / "README.md"
DOCUMENTS = (README, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(ROOT.glob("docs/*.md")))
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def prose(document: Path) -> str:
    """Return a document without its blocks of code, where brackets are not links."""
    return FENCE.sub("", document.read_text())


def anchors(document: Path) -> set[str]:
    """Return the addresses of a document's headings, as they are made on the web."""
    headings = re.findall(r"^#+ (.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> list[str]:
    return [link for link in LINK.findall(prose(document)) if not link.startswith(("http://", "https://"))]


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_command_is_in_the_table_of_commands(command):
    assert re.search(rf"^\| `intake {command}[ `]", RUNNING.read_text(), re.MULTILINE)


def test_no_document_names_a_command_that_is_not_there():
    for document in DOCUMENTS:
        named = set(re.findall(r"(?:`|^|bin/)intake ([a-z][a-z-]+)", document.read_text(), re.MULTILINE))
        assert named <= set(main.commands), document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_relative_link_leads_somewhere(document):
    for link in links(document):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_make_target_that_is_named_exists(document):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^)make ([a-z]+)", document.read_text(), re.MULTILINE)) <= targets


def test_every_room_in_the_readme_is_there():
    rooms = README.read_text().partition("## How the house is laid out")[2].partition("\n## ")[0]
    named = [
        name
        for row in re.findall(r"^\| (`.+?) \|", rooms, re.MULTILINE)
        for name in re.findall(r"`(.+?)`", row)
    ]
    assert named
    for name in named:
        assert (ROOT / name).exists(), name


def test_every_database_role_and_every_proof_is_documented():
    words = RUNNING.read_text()
    for name in (*PROOFS, *(f"intake_{suffix}" for suffix in SUFFIX.values())):
        assert f"`{name}`" in words, name


def test_the_readme_stays_short():
    assert len(README.read_text().splitlines()) <= 150


def test_the_code_in_the_readme_is_python():
    for block in re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL):
        ast.parse(block)
