"""Merging on a matter's page: what is shown before, what one click does, and how it is undone."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from intake.models import Event, Matter, Message, OutgoingLetter
from tests import desk
from tests.letters_home import deliver, letter
from tests.markup import judge


@pytest.fixture
def kept(bring):
    return bring(subject="Cykel borta")


@pytest.fixture
def mail(worker_app, seen):
    """Let a letter come in from Malmö whose subject names a matter; return its own reference."""

    def come(named, sender="kim@example.com"):
        with worker_app.app_context():
            deliver(letter(subject=f"Ang. {named}", sender=f"Kim Berg <{sender}>"), "malmo@example.se")
        seen.rollback()
        return seen.scalars(select(Matter.reference).order_by(Matter.received_at.desc()).limit(1)).one()

    return come


@pytest.fixture
def both(kept, mail):
    return mail(kept), kept


def texts(seen, reference):
    seen.rollback()
    found = select(Message.text).join(Matter, Matter.id == Message.matter_id)
    return seen.scalars(found.where(Matter.reference == reference)).all()


def test_the_matter_that_a_subject_names_is_shown_beside(anna, both):
    gone, kept = both
    said = desk.text_of(anna.page(gone))
    assert f"Det här kan höra till {kept} Öppna {kept} : Cykel borta (inkom" in said
    assert (
        "Båda ärendena har adressen kim@example.com , och det här ärendets statuskod har bara mejlats dit."
        in said
    )


def test_one_click_merges_and_the_page_leads_on(anna, both, seen):
    gone, kept = both
    done = anna.act(gone, "sammanfor", into=kept)
    assert (done.status_code, done.location) == (303, f"/arende/{gone}")
    page = anna.page(gone)
    assert f"Ärendet är sammanfört med {kept}" in desk.text_of(page)
    assert f'href="/arende/{kept}"' in page.text
    assert len(texts(seen, kept)) == 2
    assert f"Hit hör det som kom in som {gone}" in desk.text_of(anna.page(kept))


def test_a_merged_matter_leaves_the_inbox_and_is_found_by_its_number(anna, both):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept)
    inbox = anna.get("/").text
    assert (kept in inbox, gone in inbox) == (True, False)
    assert anna.get(f"/hitta?nummer={gone}").location == f"/arende/{gone}"


def test_a_merged_matter_offers_nothing_that_belongs_in_the_other(anna, both):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept)
    page = anna.page(gone).text
    offered = ("Öppna igen", "Skicka svaret", "Spara anteckningen", "Visa det andra ärendet")
    assert [words for words in offered if words in page] == []


def test_a_letter_that_did_not_arrive_goes_again_only_from_its_own_matter(anna, both, seen):
    gone, kept = both
    anna.act(gone, "svara", text="Vi ringer.", is_told="ja")
    seen.execute(update(OutgoingLetter).where(OutgoingLetter.kind == "reply").values(state="task"))
    seen.commit()
    assert "Skicka igen" in anna.page(gone).text
    anna.act(gone, "sammanfor", into=kept)
    page = anna.page(kept).text
    assert ("Vi ringer." in page, "Skicka igen" in page) == (True, False)


def test_it_can_be_undone(anna, both, seen):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept)
    assert "Ångra sammanföringen" in anna.page(gone).text
    assert anna.act(gone, "dela-upp").status_code == 303
    assert [len(texts(seen, one)) for one in both] == [1, 1]
    assert "Dela upp igen" not in anna.page(gone).text


def test_a_stranger_who_names_a_number_is_pointed_out(anna, kept, mail):
    """SECURITY.md 5, case 62: a number in a subject proves nothing."""
    page = anna.page(mail(kept, sender="annan@example.org"))
    assert "Det är inte säkert att det är samma person. Det här ärendet: annan@example.org" in desk.text_of(
        page
    )
    assert 'name="codes_lead_on" value="ja" aria-describedby="codes_lead_on-hjalp">' in page.text


@pytest.mark.parametrize("ticked", [True, False])
def test_codes_lead_on_only_when_that_was_ticked(anna, both, seen, ticked):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept, **({"codes_lead_on": "ja"} if ticked else {}))
    seen.rollback()
    assert seen.scalars(select(Matter.codes_lead_on).where(Matter.reference == gone)).one() is ticked


def test_it_does_not_belong_there_and_is_asked_no_more(anna, both, seen):
    gone, kept = both
    assert anna.act(gone, "hor-inte-dit").status_code == 303
    assert "Det här kan höra till" not in anna.page(gone).text
    assert seen.scalars(select(Event.detail).where(Event.what == "not_supplement")).one() == {"of": kept}


def test_another_matter_is_looked_at_before_it_is_merged_with(anna, bring, kept):
    gone = bring(subject="Mer om cykeln")
    page = anna.get(f"/arende/{gone}?into={kept.lower().replace('-', ' ')}")
    assert f"Sammanför med {kept} Öppna {kept} : Cykel borta" in desk.text_of(page)
    assert anna.act(gone, "sammanfor", page=page, into=kept).status_code == 303


@pytest.mark.parametrize("typed", ["K7RX-3M9P", "hej"])
def test_a_number_that_is_none_is_said_to_be_none(anna, kept, typed):
    page = anna.get(f"/arende/{kept}?into={typed}")
    assert f"Det finns inget annat ärende {typed} i dina inkorgar." in desk.text_of(page)
    refused = anna.act(kept, "sammanfor", into=typed)
    assert (refused.status_code, "inget sådant ärende i dina inkorgar" in refused.text) == (422, True)


def test_another_regions_matter_is_neither_shown_nor_merged_with(anna, bring, kept, seen):
    elsewhere = bring(subject="Hemligt", municipality="2480")
    assert "Hemligt" not in anna.get(f"/arende/{kept}?into={elsewhere}").text
    assert anna.act(kept, "sammanfor", into=elsewhere).status_code == 422
    assert len(texts(seen, kept)) == 1


def test_nobody_merges_another_units_matter(kept, bring, sit):
    other = bring()
    eva = sit("eva@example.se", *desk.seats("nord"), name="Eva Ny")
    for act in ("sammanfor", "dela-upp", "hor-inte-dit"):
        assert eva.post(f"/arende/{kept}/{act}", version="1", into=other).status_code == 404


def test_what_was_moved_away_since_is_not_parted_from_here(anna, both):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept)
    before = anna.page(gone)
    anna.act(kept, "flytta", unit="su", reason="En polis")
    page = anna.page(gone)
    assert "sammanfört med ett ärende som du inte ser" in desk.text_of(page)
    assert f'href="/arende/{kept}"' not in page.text
    refused = anna.act(gone, "dela-upp", page=before)
    assert (refused.status_code, "hos en annan enhet" in refused.text) == (422, True)


def test_who_had_an_older_page_is_told(anna, both):
    gone, kept = both
    page = anna.page(gone)
    anna.act(gone, "ta")
    assert anna.act(gone, "sammanfor", page=page, into=kept).status_code == 409


def test_the_history_tells_of_both_ways(anna, both):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept)
    anna.act(gone, "dela-upp")
    said = desk.text_of(anna.page(gone)).partition("Historik")[2]
    assert f"Sammanförde ärendet med {kept} Anna Lindgren" in said
    assert "när det delades upp igen" in said or "hör inte längre ihop" in said
    assert f"Hit fördes det som stod i {gone}" in desk.text_of(anna.page(kept))


def test_right_after_it_the_undo_stands_on_both_pages_and_later_on_its_own_alone(anna, both, seen, clock):
    gone, kept = both
    anna.act(gone, "sammanfor", into=kept)
    assert "Ångra sammanföringen" in anna.page(gone).text
    form = anna.page(kept).text.partition(f"/arende/{gone}/dela-upp")[2].partition("</form>")[0]
    assert f"Ångra sammanföringen med {gone}" in form
    version = re.search(r'name="version" value="(\d+)"', form)[1]
    anna.act(gone, "dela-upp", page=anna.page(kept), version=version)
    assert len(texts(seen, gone)) == 1
    anna.act(gone, "sammanfor", into=kept)
    clock.at += timedelta(days=1, minutes=1)
    anna.sign_in()
    assert "Dela upp igen" in anna.page(gone).text
    assert "Ångra sammanföringen" not in anna.page(kept).text


def test_its_pages_are_sound(anna, both, tmp_path):
    gone, kept = both
    pages = {"beside": anna.page(gone).text, "not found": anna.get(f"/arende/{kept}?into=hej").text}
    anna.act(gone, "sammanfor", into=kept)
    pages |= {"merged": anna.page(gone).text, "kept": anna.page(kept).text}
    wrong = judge(pages, tmp_path)
    assert not wrong, "\n".join(wrong)


def test_what_was_merged_away_has_no_heading_over_nothing(anna, bring):
    one, other = bring(), bring()
    anna.act(one, "sammanfor", into=other)
    assert "<h2>Meddelanden</h2>" not in anna.page(one).text
    assert "<h2>Meddelanden</h2>" in anna.page(other).text
