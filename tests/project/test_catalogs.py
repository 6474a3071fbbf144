"""The catalogs hold every text that citizens read, whole, and with the same places to fill in."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from config.tables import read_tables
from intake.languages import FOLDER

ROOT = Path(__file__).parents[2]
CODES = [language.code for language in read_tables().languages[1:]]
PLACES = re.compile(r"%\((\w+)\)[sd]")


def texts(path: Path):
    with path.open("rb") as file:
        return {message.id: message for message in read_po(file) if message.id}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Every text that a citizen reads, as `make words` finds it."""
    target = tmp_path_factory.mktemp("words") / "words.pot"
    command = [Path(sys.executable).parent / "pybabel", "--quiet", "extract", "-F", "pyproject.toml"]
    options = ["-k", "_", "-k", "later", "-k", "to_translate", "-o", target, "."]
    subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)
    return texts(target)


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_translated_and_none_is_left_over(code, found):
    catalog = texts(FOLDER / f"{code}.po")
    empty = [text for text, message in catalog.items() if not all(_parts(message.string))]
    assert sorted(map(str, found.keys() - catalog.keys())) == []
    assert sorted(map(str, catalog.keys() - found.keys())) == []
    assert empty == []


@pytest.mark.parametrize("code", CODES)
def test_every_translation_fills_in_the_same_places(code):
    for text, message in texts(FOLDER / f"{code}.po").items():
        wanted = {place for part in _parts(text) for place in PLACES.findall(part)}
        for part in _parts(message.string):
            assert set(PLACES.findall(part)) <= wanted, text
        assert wanted <= {place for part in _parts(message.string) for place in PLACES.findall(part)}, text


def _parts(words) -> tuple[str, ...]:
    return words if isinstance(words, tuple) else (words,)
