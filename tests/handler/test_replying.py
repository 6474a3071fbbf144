"""Answering at the desk: drafts, texts to begin with, a look at what will be read, and taking it back."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from sqlalchemy import text, update

from intake.models import Attachment, Job, Message, OutgoingLetter, ReplyDraft
from tests import desk


@pytest.fixture
def bo(sit):
    return sit("bo.syd@example.se", *desk.seats("syd"), name="Bo Ek")


def drafts(seen):
    seen.rollback()
    return [draft.text for draft in seen.query(ReplyDraft)]


def written(page):
    """Return what stands in the field of an answer."""
    return re.search(r'<textarea id="text"[^>]*>\n([^<]*)</textarea>', page.text)[1]


class TestDrafts:
    def test_a_draft_is_there_again_for_whoever_wrote_it(self, anna, brought):
        reference = brought()
        answer = anna.act(reference, "utkast", text="Hej & välkommen")
        assert "Utkastet är sparat." in anna.get(answer.location).text
        assert written(anna.page(reference)) == "Hej &amp; välkommen"

    def test_a_colleague_is_told_who_writes_and_not_what(self, anna, bo, brought):
        reference = brought()
        anna.act(reference, "utkast", text="HEMLIGT")
        page = bo.page(reference)
        assert "Anna Lindgren har ett utkast till svar." in desk.text_of(page)
        assert "HEMLIGT" not in page.text
        assert "har ett utkast" not in anna.page(reference).text

    def test_a_draft_is_gone_when_it_is_sent(self, anna, brought, seen):
        reference = brought()
        anna.act(reference, "utkast", text="Hej")
        anna.act(reference, "svara", text="Hej då", is_told="ja")
        assert drafts(seen) == []
        assert written(anna.page(reference)) == ""

    def test_a_draft_without_words_is_none(self, anna, brought, seen):
        reference = brought()
        anna.act(reference, "utkast", text="Hej")
        anna.act(reference, "utkast", text="  ")
        assert drafts(seen) == []

    def test_all_drafts_are_erased_when_the_matter_is_closed(self, anna, bo, brought, seen):
        reference = brought()
        anna.act(reference, "utkast", text="Hej")
        bo.act(reference, "utkast", asked="Vad?")
        anna.act(reference, "avsluta", outcome="no_action")
        assert drafts(seen) == []

    def test_no_draft_is_kept_in_a_closed_matter_and_the_words_stay(self, anna, bo, brought, seen):
        reference = brought()
        page = bo.page(reference)
        anna.act(reference, "avsluta", outcome="no_action")
        answer = bo.act(reference, "utkast", page=page, text="Mina ord")
        assert answer.status_code == 409
        assert "inget utkast sparas" in answer.text
        assert drafts(seen) == []

    def test_the_script_is_answered_shortly(self, anna, brought, seen):
        reference = brought()
        assert anna.act(reference, "utkast", text="Hej", tyst="ja").status_code == 204
        assert drafts(seen) == ["Hej"]
        assert anna.act(reference, "utkast", text="Hej", tyst="ja", csrf_token="").status_code == 422

    def test_the_pages_role_reads_no_draft_at_a_prompt(self, anna, brought, handler_app):
        anna.act(brought(), "utkast", text="HEMLIGT")
        from intake.extensions import db

        with handler_app.app_context(), pytest.raises(Exception, match="permission denied"):
            db.session.execute(text("SELECT * FROM reply_draft"))


class TestTemplates:
    def test_a_text_is_put_in_with_the_matters_number(self, anna, brought):
        reference = brought()
        page = anna.act(reference, "svarstext", template="tack_tips.sv", text="")
        assert f"Tack för ditt tips ({reference})." in written(page)

    def test_what_was_written_is_never_lost(self, anna, brought):
        page = anna.act(brought(), "svarstext", template="tack_tips.en", text="Mina egna ord.")
        assert written(page).startswith("Mina egna ord.\n\nHello,")
        assert "Det gick inte" not in page.text

    def test_the_persons_language_comes_first(self, anna, brought):
        groups = re.findall(r'<optgroup label="(På [^"]+)"', anna.page(brought(answer_language="en")).text)
        assert groups == ["På engelska", "På svenska"]

    def test_texts_of_other_categories_are_not_offered(self, anna, brought):
        assert "tack_tips.sv" in anna.page(brought(category="tips")).text
        assert "tack_tips.sv" not in anna.page(brought(category="klagomal")).text

    def test_an_answer_with_something_to_fill_in_is_not_sent(self, anna, brought, seen):
        reference = brought()
        filled = written(anna.act(reference, "svarstext", template="kan_inte.sv"))
        answer = anna.act(reference, "svara", text=filled, is_told="ja")
        assert answer.status_code == 422
        assert "Byt ut ”[fyll i: skälet, med vanliga ord]”" in desk.text_of(answer)
        assert seen.query(Message).filter_by(direction="outgoing").count() == 0

    def test_the_script_gets_the_text_alone(self, anna, brought):
        reference = brought()
        answer = anna.act(reference, "svarstext", template="tack_tips.sv", tyst="ja")
        assert answer.mimetype == "text/plain"
        assert answer.text.startswith("Hej!")
        assert anna.act(reference, "svarstext", template="okänd", tyst="ja").status_code == 404


class TestPreview:
    def look(self, anna, reference, **words):
        return anna.act(
            reference, "forhandsgranska", **{"text": "Ja, <b>absolut</b>.", "is_told": "ja"} | words
        )

    def test_it_shows_the_whole_mail_and_sends_nothing(self, anna, brought, seen):
        reference = brought(category="klagomal")
        page = desk.text_of(self.look(anna, reference))
        assert f"Ämnesrad Svar om ditt ärende {reference}" in page
        assert "Till kim@example.com" in page
        assert "Ja, <b>absolut</b>." in page
        assert f"Kvittensnummer: {reference} Svara på det här mejlet" in page
        assert seen.query(Message).filter_by(direction="outgoing").count() == 0

    def test_it_shows_the_mail_that_only_tells_and_what_stands_on_the_page(self, anna, brought):
        page = desk.text_of(self.look(anna, brought(is_neutral=True)))
        assert "Mejlet, som bara säger att det finns ett svar" in page
        assert "Ämnesrad Hej" in page
        assert "På statussidan Ja, <b>absolut</b>." in page

    def test_a_protected_address_is_not_shown(self, anna, brought):
        page = self.look(anna, brought(flags=["protected_identity"])).text
        assert "kim@example.com" not in page

    def test_files_are_kept_and_sent_from_there(self, anna, brought, seen):
        reference = brought(category="klagomal")
        page = self.look(anna, reference, files=(io.BytesIO(b"%PDF-1.4"), "kvitto.pdf"))
        assert "kvitto.pdf" in page.text
        kept = re.search(r'name="kept" value="([^"]+)"', page.text)[1]
        again = anna.act(reference, "svarstext", page=page, text="Ja.", kept=kept)
        assert "Följer med: kvitto.pdf" in desk.text_of(again)
        anna.act(reference, "svara", page=page, text="Ja.", is_told="ja", kept=kept)
        assert seen.query(Attachment).one().name == "kvitto.pdf"

    def test_files_that_somebody_else_kept_are_not_taken(self, anna, bo, brought, seen):
        reference = brought(category="klagomal")
        page = self.look(anna, reference, files=(io.BytesIO(b"%PDF-1.4"), "kvitto.pdf"))
        kept = re.search(r'name="kept" value="([^"]+)"', page.text)[1]
        answer = bo.act(reference, "svara", text="Ja.", is_told="ja", kept=kept)
        assert answer.status_code == 422
        assert "Välj filerna igen" in answer.text
        assert seen.query(Attachment).count() == 0

    def test_what_is_wrong_is_told_on_the_matters_page(self, anna, brought):
        answer = self.look(anna, brought(), text="")
        assert answer.status_code == 422
        assert "Skriv ett svar." in answer.text
        answer = self.look(anna, brought(may_email=False), is_told="")
        assert "måste visas på statussidan" in answer.text


class TestUndoing:
    @pytest.fixture
    def handler_app(self, make_app, settings):
        return make_app("handler", chosen=replace(settings, undo_seconds=15))

    def undo(self, who, page):
        path = re.search(r'action="([^"]+/angra/[^"]+)"', page.text)[1]
        return who.post(path, page=page)

    def test_after_sending_the_page_says_so_and_offers_to_undo(self, anna, bo, brought):
        reference = brought()
        page = anna.get(anna.act(reference, "svara", text="Hej då", is_told="ja").location)
        assert "Svaret skickas om några sekunder. Ångra" in desk.text_of(page)
        assert "är på väg" not in desk.text_of(page)
        assert "/angra/" not in bo.page(reference).text

    def test_what_is_undone_lies_in_the_form_again(self, anna, brought, seen):
        reference = brought()
        page = anna.get(anna.act(reference, "svara", text="Hej då", is_told="ja").location)
        page = anna.get(self.undo(anna, page).location)
        assert "Det är ångrat och har inte skickats." in desk.text_of(page)
        assert written(page) == "Hej då"
        assert "ångrat, har inte skickats" in desk.text_of(page)
        assert "Ångrade det innan det skickades" in desk.text_of(page)
        assert seen.query(OutgoingLetter).filter(OutgoingLetter.kind != "receipt").count() == 0

    def test_the_button_is_gone_when_it_has_left_and_a_late_press_is_told_kindly(self, anna, brought, seen):
        reference = brought()
        page = anna.get(anna.act(reference, "svara", text="Hej då", is_told="ja").location)
        seen.execute(update(Job).where(Job.kind == "release_message").values(attempts=1))
        seen.commit()
        late = anna.get(self.undo(anna, page).location)
        assert "Det går inte att ångra längre." in desk.text_of(late)
        seen.execute(update(Message).values(held=None))
        seen.commit()
        assert "/angra/" not in anna.page(reference).text

    @pytest.mark.parametrize(
        ("act", "words", "said"),
        [
            ("komplettera", {"asked": "Vilken dag?"}, "Begäran skickas om några sekunder."),
            ("drojsmal", {"delay": "Vi väntar."}, "Meddelandet skickas om några sekunder."),
        ],
    )
    def test_a_question_and_a_delay_can_be_undone_too(self, anna, brought, act, words, said):
        reference = brought()
        page = anna.get(anna.act(reference, act, **words).location)
        assert said in desk.text_of(page)
        page = anna.get(self.undo(anna, page).location)
        assert next(iter(words.values())) in re.findall(r"<textarea[^>]*>\n([^<]*)</textarea>", page.text)
