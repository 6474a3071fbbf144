"""Every handlers' page is sound HTML, by html-validate's rules."""

from __future__ import annotations

from tests.handler.test_pages import handler_pages
from tests.markup import judge


def test_every_handlers_page_is_sound(anna, eva, cora, bring, worker_app, clock, tmp_path):
    wrong = judge(handler_pages(anna, eva, cora, bring, worker_app, clock), tmp_path)
    assert not wrong, "\n".join(wrong)
