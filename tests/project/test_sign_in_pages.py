"""What signing in and out looks like, by reading the handlers' templates."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from intake import handler

TEMPLATES = Path(__file__).parents[2] / "intake/templates/handler"
PAGES = sorted(path for path in TEMPLATES.glob("*.html") if not path.name.startswith("_"))
FRAME = '{% extends "handler/_base.html" %}'


def secret_fields() -> set[str]:
    """Return the names of all fields that take a password."""
    sources = [path.read_text() for path in Path(str(handler.__file__)).parent.glob("*.py")]
    return set(re.findall(r"^    (\w+) = PasswordField\(", "\n".join(sources), re.MULTILINE))


def test_a_password_is_typed_unseen_and_may_be_filled_in():
    drawn = "".join(page.read_text() for page in PAGES)
    assert len(secret_fields()) >= 3
    for name in secret_fields():
        assert re.search(rf"password\(form\w*\.{name}, '(current|new)-password'\)", drawn), name
    macro = (TEMPLATES / "_fields.html").read_text().partition("macro password(")[2].partition("endmacro")[0]
    assert 'type="password"' in macro
    assert 'autocomplete="{{ autocomplete }}"' in macro


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_page_stands_in_the_frame_that_lets_one_sign_out(page):
    assert page.read_text().startswith(FRAME)
    frame = (TEMPLATES / "_base.html").read_text()
    assert (
        "url_for('handler.sign_out')"
        in frame.partition("{% block tools %}")[2].partition("{% endblock %}")[0]
    )
