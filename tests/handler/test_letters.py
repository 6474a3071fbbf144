"""A matter's page tells what is known of each letter: its sender, its way, what it answers, what it held."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import SMTP
from ipaddress import ip_network

import pytest

from intake.handler import letter_words
from intake.matters import sending
from intake.models import Attachment, Event, Job, Letter, Matter, OutgoingLetter
from tests import desk
from tests.file_samples import PDF
from tests.letters_home import address_of, deliver, letter

QUOTING = (
    "Hej! Jag hittade kvittot.\n\nDen 12 nov. 2026 10:21 skrev Polisen <kontakt@example.se>:\n"
    "> Har du ett kvitto?\n> Skicka det då.\n> Hälsningar\n\n-- \nKim Berg\nStorgatan 1, Malmö\n"
)


@pytest.fixture
def settings(settings):
    return replace(
        settings, mail_trusted_relays=(ip_network("127.0.0.1"),), mail_authserv_ids=("mx.example.se",)
    )


@pytest.fixture
def page(anna, post, seen):
    """Let a letter come in from Malmö and open its matter."""

    def come(raw, *recipients):
        post(deliver, raw, *(recipients or ("kontakt.syd@example.se",)))
        return anna.page(seen.query(Matter).order_by(Matter.received_at).first().reference)

    return come


def test_what_is_quoted_is_folded_and_nothing_is_cut_off(page):
    shown = page(letter(QUOTING))
    assert "Visa citerad text (" in shown.text
    assert re.search(r"<summary>Visa signatur \(\d rader\)</summary>", shown.text)
    said = shown.text.partition('<div class="written">')[2].partition("</div>")[0]
    assert "Jag hittade kvittot." in said
    assert "Har du ett kvitto?" not in said
    for line in ("Har du ett kvitto?", "Skicka det då.", "Storgatan 1, Malmö"):
        assert line in shown.text


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "Avsändaren: inte kontrollerad"),
        ("mx.example.se; dmarc=pass header.from=example.com", "bekräftar adressen (DMARC godkänd)"),
        ("mx.example.se; dmarc=fail header.from=example.com", "Avsändaren stämmer inte"),
        ("mx.example.se; spf=pass smtp.mailfrom=example.com", "inte bekräftad (DMARC saknas, SPF godkänd"),
        ("elsewhere.example; dmarc=pass", "Avsändaren: inte kontrollerad"),
    ],
)
def test_what_is_known_of_the_sender_stands_in_words(page, header, words):
    headers = {"Authentication_Results": header} if header else {}
    assert words in desk.text_of(page(letter(**headers)))


def test_a_forged_sender_is_a_task_for_a_person(page):
    shown = page(letter(Authentication_Results="mx.example.se; dmarc=fail"))
    assert "Avsändaren stämmer inte: brevet kan vara förfalskat" in shown.text.partition("<h2>Meddelanden")[0]
    assert "<li>Ingen kvittens skickades på brevet</li>" in shown.text


def test_the_real_address_stands_beside_a_name_that_says_another(page):
    shown = page(letter(sender='"polisen@example.se" <bov@fara.example>'))
    assert "polisen@example.se <bov@fara.example> , via e-post" in desk.text_of(shown)


def test_the_senders_own_time_is_told_when_it_is_another(page, clock):
    assert "Avsändarens egen tid är en annan: 1 november 2026 kl. 13.00" in desk.text_of(
        page(letter(Date="Sun, 01 Nov 2026 12:00:00 +0000"))
    )


def test_a_clock_that_is_nearly_right_is_not_told(page):
    assert "egen tid" not in page(letter(Date="Sun, 22 Nov 2026 15:30:00 +0000")).text


def test_a_machines_letter_says_why_it_is_taken_for_one(page):
    shown = desk.text_of(page(letter(Auto_Submitted="auto-replied")))
    assert "Skickat av en maskin (" in shown
    assert "auto-replied" in shown


def test_a_letter_from_nobody_says_that_this_is_why(page, anna, post, seen):
    post(deliver, letter("I Malmö."), "kontakt.syd@example.se", sender="")
    shown = desk.text_of(anna.page(seen.query(Matter).one().reference))
    assert "Skickat av en maskin ( avsändaren på kuvertet är tom, <> )" in shown


def test_a_letter_that_came_again_is_told_with_its_times(page, post, clock):
    once = letter("I Malmö.", Message_ID="<1@example.com>")
    page(once)
    clock.at += timedelta(minutes=10)
    post(deliver, b"Received: a\r\n" + once, "kontakt.syd@example.se")
    shown = desk.text_of(page(b"Received: b\r\n" + once))
    assert "Samma brev kom 2 gånger till: 22 november 2026 kl. 16.15, 22 november 2026 kl. 16.15" in shown


def test_what_lay_within_a_letter_stands_under_it(page):
    inner = EmailMessage(policy=SMTP)
    inner["Subject"], inner["From"] = "Inre", "a@example.com"
    inner.set_content("Inre text.")
    inner.add_attachment(PDF, maintype="application", subtype="pdf", filename="kvitto.pdf")
    outer = EmailMessage(policy=SMTP)
    outer["Subject"], outer["From"], outer["To"] = "Fw", "Kim <kim@example.com>", "kontakt@example.se"
    outer.set_content("Min cykel stals i Malmö, se bifogat.")
    outer.add_attachment(inner)
    shown = page(outer.as_bytes())
    files = re.findall(r'<li class="depth-(\d)">.*?<bdi>(.*?)</bdi>', shown.text, re.DOTALL)
    assert files[0][0] == "0"
    assert ("1", "kvitto.pdf") in files


def test_a_file_whose_container_is_not_there_still_stands(page, seen, anna):
    page(letter(files=(("kvitto.pdf", PDF),)))
    seen.query(Attachment).update({"part": "7~1"})
    seen.commit()
    assert "kvitto.pdf" in anna.page(seen.query(Matter).one().reference).text


def test_a_letter_is_read_again_from_the_matters_page(page, anna, seen):
    page(letter())
    matter, one = seen.query(Matter).one(), seen.query(Letter).one()
    assert anna.act(matter.reference, f"tolka-om/{one.id}").status_code == 303
    anna.act(matter.reference, f"tolka-om/{one.id}")
    assert seen.query(Job).filter_by(kind="parse_again").count() == 1
    asked = seen.query(Event).filter_by(what="parsing_asked").one()
    assert asked.handler_id is not None


def test_no_letter_of_another_matter_is_read_again_through_ones_own(page, anna, post, seen):
    page(letter())
    mine = seen.query(Matter).one().reference
    post(deliver, letter("Om en polis", subject="Annat"), "su@example.se")
    other = seen.query(Letter).order_by(Letter.received_at.desc()).first()
    assert anna.act(mine, f"tolka-om/{other.id}").status_code == 404
    assert seen.query(Job).filter_by(kind="parse_again").count() == 0


class TestLettersOfOurs:
    @pytest.fixture
    def refused(self, page, anna, seen):
        """A reply that the receiver's server refused; returns the matter's reference and the letter."""

        def bring(code="550 5.1.1"):
            page(letter("Cykeln stals i Malmö."))
            reference = seen.query(Matter).one().reference
            anna.act(reference, "svara", text="Vi ringer.", is_told="ja")
            seen.rollback()
            one = seen.query(OutgoingLetter).filter_by(kind="reply").one()
            one.state, one.why, one.diagnosis = "refused", sending.REFUSED, code
            seen.commit()
            return reference, one

        return bring

    def test_why_it_was_refused_stands_in_words(self, refused, anna):
        reference, _ = refused()
        shown = desk.text_of(anna.page(reference))
        assert "Svaret: Togs inte emot av mottagarens e-postserver." in shown
        assert "Orsak: adressen finns inte (550 5.1.1)." in shown
        assert "Går till kim@example.com , samma adress som förut" in shown

    def test_it_is_sent_again_once_and_stands_once(self, refused, anna, seen):
        reference, one = refused()
        page = anna.page(reference)
        assert anna.act(reference, f"skicka-igen/{one.id}", page=page).status_code == 303
        seen.rollback()
        assert seen.query(OutgoingLetter).filter_by(kind="reply").count() == 2
        shown = anna.page(reference)
        assert "Svaret: Togs inte emot av mottagarens e-postserver. Skickades igen 22 nov" in shown.text
        assert "skicka-igen" not in shown.text
        assert shown.text.count("Vi ringer.") == 1
        assert anna.act(reference, f"skicka-igen/{one.id}").status_code == 422

    def test_a_receipt_that_came_back_is_told_though_it_is_no_message(self, page, anna, seen):
        page(letter("I Malmö."))
        reference = seen.query(Matter).one().reference
        one = seen.query(OutgoingLetter).filter_by(kind="receipt").one()
        one.state, one.diagnosis = "bounced", "5.2.2"
        seen.commit()
        shown = desk.text_of(anna.page(reference))
        assert "Brev från oss som inte kom fram" in shown
        assert "Kvittensen: Kom i retur. Behöver en person. Orsak: brevlådan är full (5.2.2)." in shown

    def test_a_letter_that_came_back_says_when_and_that_it_was_sent_again(self, refused, anna, seen, clock):
        reference, one = refused()
        clock.at += timedelta(hours=1)
        one.state, one.why, one.sent_at = "bounced", None, clock.at - timedelta(minutes=50)
        seen.query(Matter).update({"needs_person": ["letter_bounced"]})
        seen.add(Event(matter_id=one.matter_id, at=clock.at, what="letter_bounced", actor="worker",
                       detail={"letter": str(one.id), "code": "5.1.1"}))  # fmt: skip
        seen.commit()
        anna.sign_in()
        shown = desk.text_of(anna.page(reference))
        assert "Svaret: Kom i retur 22 november 2026 kl. 17.05. Behöver en person." in shown
        assert "Ett brev från oss kom i retur Noterat" in shown
        clock.at += timedelta(minutes=10)
        assert anna.act(reference, f"skicka-igen/{one.id}").status_code == 303
        shown = desk.text_of(anna.page(reference))
        again = "Svaret: Kom i retur 22 november 2026 kl. 17.05. Skickades igen 22 november 2026 kl. 17.16."
        assert again in shown
        assert "Ett brev från oss kom i retur Noterat" not in shown

    def test_a_bounce_noted_before_events_named_the_letter_hides_no_matter(self, refused, anna, seen, clock):
        reference, one = refused()
        one.state, one.why = "bounced", None
        seen.add(
            Event(matter_id=one.matter_id, at=clock.at, what="letter_bounced", actor="system", detail={})
        )
        seen.commit()
        assert "Svaret: Kom i retur. Behöver en person." in desk.text_of(anna.page(reference))

    def test_the_banner_stays_while_another_letter_came_back(self, refused, anna, seen):
        reference, one = refused()
        seen.query(OutgoingLetter).update({"state": "bounced", "why": None})
        seen.query(Matter).update({"needs_person": ["unknown_token", "letter_bounced"]})
        seen.commit()
        receipt = seen.query(OutgoingLetter).filter_by(kind="receipt").one()
        for letter_id, stays in ((one.id, True), (receipt.id, False)):
            assert anna.act(reference, f"skicka-igen/{letter_id}").status_code == 303
            shown = desk.text_of(anna.page(reference))
            assert ("Ett brev från oss kom i retur Noterat" in shown) == stays
            assert "Kom till en ärendeadress som inte finns" in shown

    @pytest.mark.parametrize("why", [sending.WANTED_NO_MORE, sending.FORM_MAY_COME, "daily cap"])
    def test_a_receipt_that_we_held_back_did_not_go_astray(self, page, anna, seen, why):
        page(letter("I Malmö."))
        seen.query(OutgoingLetter).update({"state": "refused", "why": why})
        seen.commit()
        shown = desk.text_of(anna.page(seen.query(Matter).one().reference))
        assert "Brev från oss som inte kom fram" not in shown

    def test_an_answer_says_which_letter_it_is_about(self, page, anna, post, seen):
        page(letter("I Malmö.", Message_ID="<1@example.com>"))
        reference = seen.query(Matter).one().reference
        anna.act(reference, "svara", text="Har du ett kvitto?", is_told="ja")
        seen.rollback()
        ours = seen.query(OutgoingLetter).filter_by(kind="reply").one().message_id_header
        post(deliver, letter("Ja.", In_Reply_To=ours, Message_ID="<2@example.com>"), "kontakt.syd@example.se")
        assert "Gäller svaret 22 november 2026 kl. 16.05" in desk.text_of(anna.page(reference))

    def test_a_supplement_is_asked_for_with_its_day(self, page, anna, seen):
        page(letter("I Malmö."))
        reference = seen.query(Matter).one().reference
        before = anna.page(reference)
        assert "Begäran skickas i sin helhet till kim@example.com" in desk.text_of(before)
        anna.act(reference, "komplettera", page=before, asked="Skicka kvittot.", deadline="2026-12-01")
        shown = desk.text_of(anna.page(reference))
        assert "Begärde komplettering senast den 1 december 2026 Anna Lindgren" in shown
        assert "Fråga från Anna Lindgren" in shown
        assert "Frågan: Väntar på att skickas." in shown
        assert "Väntar på komplettering" in shown

    @pytest.mark.parametrize("day", ["2020-01-01", "igår"])
    def test_a_day_that_has_been_or_is_none_keeps_the_text(self, page, anna, seen, day):
        page(letter("I Malmö."))
        reference = seen.query(Matter).one().reference
        answer = anna.act(reference, "komplettera", asked="Skicka kvittot.", deadline=day)
        assert answer.status_code == 422
        assert "Skicka kvittot.</textarea>" in answer.text

    def test_a_delay_is_told(self, page, anna, seen):
        page(letter("I Malmö."))
        reference = seen.query(Matter).one().reference
        anna.act(reference, "drojsmal", delay="Vi väntar på ett svar från banken.")
        shown = desk.text_of(anna.page(reference))
        assert "Meddelade dröjsmål Anna Lindgren" in shown
        assert "Besked från Anna Lindgren" in shown
        assert "Vi väntar på ett svar från banken." in shown


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("5.1.1", "adressen finns inte (5.1.1)"),
        ("552 5.2.2", "brevlådan är full (552 5.2.2)"),
        ("4.4.7", "mottagarens server svarade inte på länge, och servern gav upp (4.4.7)"),
        ("5.7.26", "mottagarens server avvisade brevet (5.7.26)"),
        ("550", "adressen finns inte, eller så avvisades brevet (550)"),
        ("5.9.9", "kod 5.9.9"),
        (None, ""),
    ],
)
def test_a_code_of_mail_servers_is_told_in_words(code, words):
    assert letter_words.say_diagnosis(code) == words


def test_every_word_that_the_mailroom_writes_is_known(anna):
    from intake.handler import words
    from intake.matters.records import FROM_A_HANDLER
    from intake.models.owed import KINDS, LETTER_STATES

    assert set(letter_words.LETTERS) == set(KINDS)
    assert set(letter_words.LETTER_STATES) == set(LETTER_STATES)
    assert {f"{kind}_{state}" for kind in FROM_A_HANDLER for state in ("sent", "refused")} <= set(
        words.EVENTS
    )
    assert {f"{kind}_not_sent" for kind in (*FROM_A_HANDLER, "receipt", "alarm")} <= set(words.NEEDS)


def test_an_alarm_that_was_no_longer_needed_is_no_letter_that_went_astray(page, anna, seen):
    page(letter("I Malmö."))
    seen.query(OutgoingLetter).update({"kind": "alarm", "state": "refused", "why": sending.WAITS_NO_MORE})
    seen.commit()
    assert "Brev från oss som inte kom fram" not in anna.page(seen.query(Matter).one().reference).text


def test_a_page_costs_the_same_however_many_letters_there_are(page, anna, post, seen, handler_app):
    page(letter("I Malmö.", Message_ID="<0@example.com>", files=(("a.pdf", PDF),)))
    matter = seen.query(Matter).one()

    def cost():
        return desk.count_statements(handler_app, lambda: anna.page(matter.reference))

    one = cost()
    for number in range(1, 5):
        files = ((f"{number}.pdf", PDF),)
        more = letter(f"Mer {number}.", Message_ID=f"<{number}@example.com>", files=files)
        post(deliver, more, post(address_of, matter))
    assert cost() == one
