"""Every citizen's page is sound HTML, by html-validate's rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.citizen.person import Person
from tests.markup import judge
from tests.project.test_pages import Abroad, citizen_pages


def test_every_citizens_page_is_sound(citizen, clock, tmp_path):
    wrong = judge(citizen_pages(Person(citizen), clock), tmp_path)
    assert not wrong, "\n".join(wrong)


class TestOtherLanguages:
    @pytest.fixture
    def settings(self, settings):
        return replace(settings, draft_languages=True)

    @pytest.mark.parametrize("code", ["en", "fi", "ar"])
    def test_every_citizens_page_is_sound(self, citizen, clock, tmp_path, code):
        wrong = judge(citizen_pages(Person(Abroad(citizen, code)), clock), tmp_path)
        assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("part", "rule"),
    [
        ('<form><fieldset><input type="radio" name="a" aria-label="A"></fieldset></form>', "wcag/h71"),
        ("<button>A</button>", "no-implicit-button-type"),
        ('<p id="a"></p><p id="a"></p>', "no-dup-id"),
        ("<span><div></div></span>", "element-permitted-content"),
    ],
)
def test_the_judge_sees_a_fault(part, rule, tmp_path):
    page = f'<!doctype html>\n<html lang="sv"><head><title>T</title></head><body>{part}</body></html>'
    assert any(f": {rule}: " in fault for fault in judge({"page": page}, tmp_path))
