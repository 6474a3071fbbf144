"""The citizen's pages in a real browser, in every look: axe finds nothing, nothing is cut off or too wide."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, product

import pytest
from flask import request

from tests.browsers import faults, opened, serving
from tests.citizen.looks import (
    COLOURS,
    FULLY,
    LANGUAGES,
    NOT_LOOKED_AT,
    READINGS,
    STOPS,
    WIDTHS,
    Look,
    Visitor,
    all_for,
    come_to,
    dress,
    languages_of,
    look_at,
    pairs_for,
    pairwise,
)

pytestmark = pytest.mark.browser

DOT = "<a href=/ style='display: block; width: 9px; height: 9px' aria-label=a></a>"


@pytest.fixture
def settings(settings):
    return replace(settings, draft_languages=True)


@pytest.fixture
def app(make_app):
    return make_app("citizen")


@pytest.fixture
def page(app):
    with serving(app) as base, opened(base) as page:
        yield page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_keeps_in_every_pair_of_looks(language, app, page):
    offered = languages_of(app)
    wanted = [(stop, pairs_for(stop, offered)) for stop in STOPS]
    wrong = look_at(page, language, wanted)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", FULLY)
def test_the_most_used_pages_keep_in_every_look_there_is(name, page):
    stop = next(stop for stop in STOPS if stop.name == name)
    wrong = look_at(page, "sv", [(stop, all_for(stop, "sv"))])
    assert not wrong, "\n".join(wrong)


def test_every_language_is_looked_at(app):
    assert set(languages_of(app)) == set(LANGUAGES)


def test_no_page_is_forgotten(app, page):
    visited = set()
    app.before_request(lambda: visited.add(request.endpoint))
    visitor = Visitor(page, "sv")
    assert [fault for stop in STOPS for fault in come_to(visitor, stop, errors=False)] == []
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in rule.methods} - {"static"}
    assert pages - visited == set(NOT_LOOKED_AT)


def test_pairwise_has_every_pair_in_few_rows():
    factors = (LANGUAGES, tuple(WIDTHS), tuple(COLOURS), READINGS, (False, True))
    rows = pairwise(*factors)
    assert rows == pairwise(*factors)
    assert len(rows) <= 16
    for (i, some), (j, others) in combinations(enumerate(factors), 2):
        assert {(row[i], row[j]) for row in rows} == set(product(some, others))


@pytest.mark.parametrize(
    ("markup", "fault"),
    [
        ("<div style='width: 400px'>x</div>", "px too wide"),
        ("<p style='height: 20px; overflow: hidden'>Två<br>rader</p>", "cut off: p"),
        ("<button style='width: 60px; white-space: nowrap'>En lång knapp</button>", "cut off: button"),
        ("<p style='color: #aaa'>Blek</p>", "color-contrast"),
        (
            "<a href=/ style='display: block; width: 9px; height: 9px; overflow: clip' aria-label=a></a>" * 2,
            "target-size",
        ),
        ("<p dir=rtl><a href=tel:11414>114 14</a></p>", "end first: 114 14"),
        ("<input>", "label"),
    ],
)
def test_the_look_sees_a_fault(page, markup, fault):
    page.set_content(f"<!doctype html><html lang=sv><title>T</title><main><h1>H</h1>{markup}</main>")
    dress(page, Look("sv", 320, "light", "plain", errors=False))
    assert any(fault in found for found in faults(page))


def test_the_spacing_of_text_reaches_the_page(page):
    page.goto("/")
    dress(page, Look("sv", 1280, "light", "spaced", errors=False))
    spaced = page.evaluate("parseFloat(getComputedStyle(document.querySelector('p')).letterSpacing)")
    dress(page, Look("sv", 1280, "light", "plain", errors=False))
    assert spaced > 0
    assert page.evaluate("getComputedStyle(document.querySelector('p')).letterSpacing") == "normal"
