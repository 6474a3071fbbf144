"""Splitting and linking on a matter's page: what is shown to whom, and what one click does and undoes."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import func, select

from intake.models import Event, Matter, Message
from tests import desk
from tests.markup import judge


@pytest.fixture
def parent(bring):
    return bring(subject="Cykel och väska", files=(("a.txt", b"x"),))


def split(person, reference, **words):
    """Break a part out of a matter, by its page."""
    page = person.get(f"/arende/{reference}/bryt-ut")
    said = {"about": "Väskan", "words": "Väskan är röd.", "unit": "syd-inkorg"} | words
    return person.post(f"/arende/{reference}/bryt-ut", page=page, **said)


def child_of(seen, subject="Väskan"):
    seen.rollback()
    return seen.scalars(select(Matter.reference).where(Matter.subject == subject)).one()


class TestSplitting:
    def test_one_form_makes_a_matter_of_its_own_and_each_shows_the_other(self, anna, parent, seen):
        message = seen.scalars(select(Message.id)).one()
        done = split(anna, parent, messages=str(message))
        child = child_of(seen)
        assert (done.status_code, done.location) == (303, f"/arende/{parent}")
        page = anna.page(parent)
        assert f"{child} är skapat och står hos Region Syd" in desk.text_of(page) or child in page.text
        assert "Delärenden" in page.text
        its = desk.text_of(anna.page(child))
        assert f"Ärendet är en del av {parent}" in its
        assert "Väskan är röd." in its
        assert "Min cykel stals" in its

    def test_there_is_no_answer_to_write_in_a_child(self, anna, parent, seen):
        split(anna, parent)
        page = anna.page(child_of(seen))
        assert f"Personen får svar från {parent}" in desk.text_of(page)
        assert 'action="/arende/' + child_of(seen) + '/svara"' not in page.text
        assert "/komplettera" not in page.text

    def test_what_was_written_stays_when_it_cannot_be_done(self, anna, parent):
        refused = split(anna, parent, about="", words="Det viktiga.")
        assert (refused.status_code, "Det viktiga." in refused.text) == (422, True)

    def test_who_had_an_older_page_is_told_and_keeps_the_words(self, anna, parent):
        page = anna.get(f"/arende/{parent}/bryt-ut")
        anna.act(parent, "ta")
        late = anna.post(f"/arende/{parent}/bryt-ut", page=page, about="Väskan", words="Det viktiga.")
        assert (late.status_code, "Det viktiga." in late.text) == (409, True)

    def test_the_parent_warns_before_it_is_closed_while_a_child_is_open(self, anna, parent, seen):
        split(anna, parent)
        assert "inte avslutat än" in anna.page(parent).text
        anna.act(child_of(seen), "avsluta", outcome="no_action")
        assert "inte avslutat än" not in anna.page(parent).text

    def test_a_mistake_is_undone_by_one_button(self, anna, parent, seen):
        split(anna, parent)
        child = child_of(seen)
        anna.act(child, "skapat-av-misstag")
        assert "Avslutade ärendet: det var skapat av misstag" in desk.text_of(anna.page(child))
        assert "Skapat av misstag" in desk.text_of(anna.page(parent))

    def test_who_does_not_see_the_parent_is_told_only_that_there_is_one(self, anna, parent, seen, sit):
        split(anna, parent, unit="nord-inkorg")
        child = child_of(seen)
        nils = sit("nils@example.se", *desk.seats("nord"), name="Nils Nord")
        page = nils.page(child)
        assert "en del av ett ärende som du inte ser" in desk.text_of(page)
        assert parent not in page.text
        assert nils.page(parent).status_code == 404

    def test_a_child_elsewhere_is_not_listed(self, anna, parent, seen):
        split(anna, parent, unit="su")
        assert anna.page(child_of(seen)).status_code == 404
        # The word of what was just done is shown once.
        anna.page(parent)
        page = anna.page(parent)
        assert (child_of(seen) in page.text, "Delärenden" in page.text) == (False, False)

    def test_its_outcome_is_left_for_the_parent(self, anna, parent, seen):
        split(anna, parent)
        child = child_of(seen)
        done = anna.act(child, "besked", outcome_words="Väskan finns hos oss.")
        assert done.status_code == 303
        assert "Lämnade besked till huvudärendet" in desk.text_of(anna.page(child))

    def test_a_child_that_was_read_is_not_unread_in_the_inbox(self, anna, parent, seen):
        split(anna, parent)
        anna.page(child_of(seen))
        row = anna.get("/").text.partition(child_of(seen))[0].rpartition("<tr")[2]
        assert "unread" not in row


class TestLinking:
    @pytest.fixture
    def other(self, bring):
        return bring(subject="Samma cykel")

    def test_both_show_it_and_why(self, anna, parent, other):
        anna.act(parent, "koppla", other=other, why_linked="Samma gärningsman")
        for one, two in ((parent, other), (other, parent)):
            said = desk.text_of(anna.page(one))
            assert f"Hör ihop med {two}" in said
            assert "Samma gärningsman" in said

    def test_it_is_taken_away_by_one_button_at_either(self, anna, parent, other):
        anna.act(parent, "koppla", other=other, why_linked="Samma")
        link = re.search(r"/koppla-bort/([0-9a-f-]+)", anna.page(other).text)[1]
        anna.act(other, f"koppla-bort/{link}")
        for one in (parent, other):
            said = desk.text_of(anna.page(one))
            assert "Hör ihop med" not in said
            assert "Tog bort en koppling" in said

    def test_two_are_linked_once(self, anna, parent, other):
        anna.act(parent, "koppla", other=other, why_linked="Samma")
        again = anna.act(other, "koppla", other=parent, why_linked="Igen")
        assert (again.status_code, "redan kopplade" in again.text, "Igen" in again.text) == (422, True, True)

    def test_nothing_is_told_of_a_link_to_what_is_not_seen(self, anna, sit, parent, other):
        anna.act(parent, "koppla", other=other, why_linked="Tipset är detsamma")
        nils = sit("nils@example.se", *desk.seats("nord"), name="Nils Nord")
        desk.hand_over(anna, nils, other, "nord-inkorg")
        # Where it went is told once.
        anna.get("/")
        page = anna.page(parent)
        said = desk.text_of(page)
        assert other not in page.text
        for words in ("Hör ihop med", "Tipset", "Kopplade ihop"):
            assert words not in said
        assert "Kopplade ihop" not in nils.page(other).text
        assert parent not in nils.page(other).text

    def test_another_regions_matter_is_not_linked_with(self, anna, parent, bring, seen):
        elsewhere = bring(municipality="2480")
        refused = anna.act(parent, "koppla", other=elsewhere, why_linked="Samma")
        assert (refused.status_code, "inget sådant ärende" in refused.text) == (422, True)
        assert seen.scalar(select(func.count()).where(Event.what == "linked")) == 0

    def test_nothing_is_linked_across_a_wall_even_by_who_sees_both(self, sit, parent, bring):
        sara = sit("sara@example.se", *desk.seats("syd"), ("su", "handler"), name="Sara Su")
        walled = bring(subject="Inne")
        sara.act(walled, "flytta", unit="su", reason="Hör dit")
        refused = sara.act(parent, "koppla", other=walled, why_linked="Samma")
        assert (refused.status_code, "sekretessgräns" in refused.text) == (422, True)

    def test_who_only_reads_the_other_does_not_link_it(self, sit, parent, bring):
        kim = sit("kim@example.se", *desk.seats("syd"), ("nord-inkorg", "reader"), name="Kim")
        nils = sit("nils@example.se", *desk.seats("nord"), name="Nils Nord")
        elsewhere = bring(municipality="2480")
        desk.hand_over(nils, nils, elsewhere, "nord-inkorg")
        refused = kim.act(parent, "koppla", other=elsewhere, why_linked="Samma")
        assert refused.status_code == 422


def test_its_pages_are_sound(anna, parent, bring, seen, tmp_path):
    other = bring(subject="Samma cykel")
    pages = {
        "split": anna.get(f"/arende/{parent}/bryt-ut").text,
        "refused": split(anna, parent, about="").text,
    }
    split(anna, parent)
    anna.act(parent, "koppla", other=other, why_linked="Samma")
    pages |= {"parent": anna.page(parent).text, "child": anna.page(child_of(seen)).text}
    wrong = judge(pages, tmp_path)
    assert not wrong, "\n".join(wrong)
