"""What the form asks of each kind of matter, and what becomes of the answers."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from config.tables import read_tables
from intake import drafts
from intake.models import Draft, MailAddress, Matter, Message, Upload
from tests.citizen import sender
from tests.citizen.person import STORY, hidden, value, words
from tests.project.pages import faults, title_of

CATEGORIES = read_tables().categories
GROUPS = CATEGORIES.groups


def choose(person, group, choice):
    person.fill("amne", group=group)
    return person.fill(f"amne/{group}", choice=choice).location.removeprefix(f"{person.draft}/")


def checked(person):
    return words(person.get("granska").text.partition("<main")[2])


def the(seen, kind):
    seen.rollback()
    return seen.scalars(select(kind)).one()


@pytest.fixture
def supplement(person, citizen, seen):
    """A person who has sent a form, and has begun to add something to it."""
    person.begin().tell().send()
    with citizen.application.app_context(), citizen.session_transaction() as session:
        draft_id = drafts.begin(session["key"], supplements_id=the(seen, Matter).id)
    person.draft = f"/skriv/{draft_id}"
    return person


def test_a_tip_asks_how_it_is_known(person, seen):
    person.begin()
    choose(person, "tipsa", "tips")
    page = person.get("handelse").text
    assert "Hur vet du det?" in words(page)
    answers = {"svar_known": "Jag såg det på nätet", "svar_who": "En man i\r\nröd jacka"}
    person.fill("handelse", text="De säljer stulna cyklar.", **answers)
    person.send()
    assert the(seen, Message).answers == [
        {"question": "Hur vet du det?", "answer": "Jag såg det på nätet"},
        {"question": "Vilka är med, och finns det något fordon?", "answer": "En man i\nröd jacka"},
    ]


def test_answers_to_questions_stand_there_again_and_on_the_check_page(person):
    person.begin()
    choose(person, "utsatt", "lurad")
    person.fill("handelse", text=STORY, svar_amount="14 000 kr", svar_contacted="I telefon")
    page = person.get("handelse").text
    assert value(page, "svar_amount") == "14 000 kr"
    assert 'value="I telefon" checked' in page
    assert "Hur mycket pengar gäller det?14 000 krÄndra" in checked(person)


def test_only_the_story_is_needed(person):
    person.begin()
    choose(person, "utsatt", "brott")
    assert person.fill("handelse", text=STORY).status_code == 303


def test_an_answer_that_is_not_offered_is_refused_at_its_question(person):
    person.begin()
    choose(person, "tipsa", "tips")
    answer = person.fill("handelse", text=STORY, svar_known="Strunt")
    assert answer.status_code == 422
    assert '<a href="#svar_known">' in answer.text
    assert value(answer.text, "text") == STORY


def test_an_answer_that_is_too_long_is_kept_in_its_field(person):
    person.begin()
    choose(person, "tipsa", "tips")
    answer = person.fill("handelse", text=STORY, svar_who="x" * 2001)
    assert (answer.status_code, value(answer.text, "svar_who")) == (422, "x" * 2001)


def test_answers_to_another_choices_questions_are_not_sent(person, seen):
    person.begin()
    choose(person, "utsatt", "lurad")
    person.fill("handelse", text=STORY, svar_amount="14 000 kr")
    choose(person, "annat", "fraga")
    person.send()
    assert the(seen, Message).answers == []


def test_a_document_request_asks_neither_whom_nor_when(person, seen):
    person.begin()
    assert choose(person, "insyn", "handling") == "plats"
    assert person.get("vem").location == person.at("plats")
    page = words(person.get("plats").text)
    assert "Vilken del av landet gäller det?" in page
    assert "När" not in page.partition("Fortsätt")[0]
    assert "Vilken handling vill du ha?" in words(person.get("handelse").text)
    assert "Du behöver inte säga vem du är" in words(person.get("kontakt").text)


def test_the_steps_are_as_many_as_the_pages(person):
    person.begin()
    assert "steg 1 av 7" in title_of(person.get("amne").text)
    choose(person, "insyn", "handling")
    assert "steg 2 av 6" in title_of(person.get("plats").text)
    assert "steg 6 av 6" in title_of(person.get("granska").text)
    assert choose(person, "annat", "jobb") == "handelse"
    assert "steg 2 av 5" in title_of(person.get("handelse").text)


def test_whom_it_concerns_can_be_skipped(person, seen):
    person.begin()
    assert choose(person, "utsatt", "brott") == "vem"
    assert person.fill("vem").location == person.at("plats")
    assert "Vem det gällerInget svar" in checked(person)


def test_when_and_whom_go_with_the_matter(person, seen):
    person.begin().tell()
    person.fill("vem", concerns="other")
    assert "Skriv hur vi når dig, inte den som det gäller." in words(person.get("kontakt").text)
    person.send()
    matter = the(seen, Matter)
    assert (matter.concerns, matter.happened_words) == ("other", "22/11")


def test_what_is_no_longer_asked_is_forgotten(person, seen):
    person.begin().tell()
    choose(person, "insyn", "handling")
    person.send()
    matter = the(seen, Matter)
    assert (matter.concerns, matter.happened_words, matter.municipality) == (None, "", "1280")


def test_fields_about_others_are_not_filled_in_by_the_browser(person):
    person.begin()
    choose(person, "utsatt", "brott")
    page = person.get("handelse").text
    for name in ("svar_suspect", "svar_witness"):
        field = page.partition(f'name="{name}"')[2].partition(">")[0]
        assert 'autocomplete="off"' in field
    assert 'autocomplete="email"' in person.get("kontakt").text


def test_a_choice_shows_where_else_it_can_be_done_and_stops_nobody(person):
    person.begin()
    assert "Pågår det nu? Ring 112." in words(person.get("amne/utsatt").text)
    choose(person, "utsatt", "brott")
    page = person.get("vem").text
    assert 'href="https://www.example.se/e-tjanster/anmalan"' in page
    assert person.fill("vem").status_code == 303


def test_wishes_about_the_answer_go_with_the_matter(person, seen):
    person.begin().tell()
    wishes = {"mail": "neutral", "call_words": "Efter klockan 17", "answer_language": "fi"}
    person.fill("kontakt", email="kim@example.com", phone="070-1740605", interpreter="sign", **wishes)
    page = checked(person)
    for said in ("Efter klockan 17", "Vi skriver inget om ärendet i mejl.", "finska", "Teckenspråkstolk"):
        assert said in page
    person.send()
    matter = the(seen, Matter)
    assert (matter.may_email, matter.is_neutral, matter.call_words) == (True, True, "Efter klockan 17")
    assert (matter.answer_language, matter.interpreter) == ("fi", "sign")


def test_who_wants_no_mail_gets_no_receipt_by_mail(person, seen):
    person.begin().tell()
    person.fill("kontakt", email="kim@example.com", mail="no", wants_receipt="ja")
    assert "Vi får inte mejla dig." in checked(person)
    person.send()
    assert the(seen, Matter).may_email is False
    assert the(seen, Draft).answers["wants_receipt"] is False


def test_another_language_is_told_in_own_words(person, seen):
    person.begin().tell()
    person.fill("kontakt", answer_language="other", other_language="Kurmanji")
    page = person.get("kontakt").text
    assert value(page, "other_language") == "Kurmanji"
    assert "<details open>" in page
    person.send()
    assert the(seen, Matter).answer_language == "Kurmanji"


def test_a_language_that_is_not_offered_is_refused_in_the_open(person):
    person.begin()
    answer = person.fill("kontakt", answer_language="xx", name="Kim")
    assert (answer.status_code, value(answer.text, "name")) == (422, "Kim")
    assert "<details open>" in answer.text


def test_a_supplement_has_three_steps(supplement):
    assert "steg 1 av 3" in title_of(supplement.get("handelse").text)
    assert "Vad vill du lägga till?" in words(supplement.get("handelse").text)
    for page in ("amne", "amne/utsatt", "vem", "plats"):
        assert supplement.get(page).location == supplement.at("handelse")
    assert supplement.get("kontakt").location == supplement.at("granska")
    assert supplement.fill("handelse", text="En sak till.").location == supplement.at("filer")
    assert supplement.fill("filer", go="on").location == supplement.at("granska")


def test_a_supplement_joins_its_matter(supplement, seen):
    supplement.fill("handelse", text="En sak till.")
    page = checked(supplement)
    assert "En sak till." in page
    assert "Så når vi dig" not in page
    assert supplement.send().location == "/kvitto"
    assert the(seen, Matter).subject.startswith("Min cykel")
    assert set(seen.scalars(select(Message.text))) == {STORY, "En sak till."}


def test_the_language_that_the_form_was_in_is_kept(person, seen):
    person.begin().tell()
    person.draft = f"/en{person.draft}"
    assert person.fill("handelse", text=STORY).location.startswith("/en/skriv/")
    person.draft = person.draft.removeprefix("/en")
    person.send()
    assert the(seen, Matter).language == "en"


@pytest.mark.parametrize(("address", "page"), [("skicka", "granska"), ("rensa", "granska")])
def test_the_address_of_a_button_leads_back_to_its_page(person, address, page):
    person.begin().tell()
    assert person.get(address).location == person.at(page)


def test_the_address_that_takes_a_file_out_leads_back_to_the_files(person):
    person.begin()
    assert person.get(f"filer/{uuid.uuid4()}/ta-bort").location == person.at("filer")


def test_the_code_to_go_on_by_is_shown_with_the_time_it_lasts(person, seen):
    person.begin()
    page = words(person.get("amne").text)
    assert the(seen, Draft).resume_code in page
    assert "23 november 2026 kl. 16.05" in page
    assert "/fortsatt" in page


def test_files_on_their_way_are_told_of_on_the_check_page(person, citizen, seen):
    person.begin().tell()
    with citizen.application.app_context():
        sender._begin_upload(uuid.UUID(person.draft.removeprefix("/skriv/")), 40)
    page = checked(person)
    assert "40 % har kommit fram" in page
    assert "En fil är inte framme än. Du kan skicka nu" in page
    assert person.send().location == "/kvitto"
    assert the(seen, Upload).matter_id is not None


def test_a_letter_that_came_first_is_told_of(person, seen):
    person.begin().tell().send()
    matter = the(seen, Matter)
    person.begin().tell()
    assert "Ditt mejl har redan kommit in" not in checked(person)
    led = update(MailAddress).where(MailAddress.matter_id.is_(None)).values(matter_id=matter.id)
    seen.execute(led)
    seen.commit()
    assert "Ditt mejl har redan kommit in" in checked(person)


@pytest.mark.parametrize(
    ("minutes", "trap", "marks"),
    [(5, "", []), (0, "", ["maybe_robot"]), (5, "Köp klockor", ["maybe_robot"])],
)
def test_what_a_machine_may_have_sent_is_taken_and_marked(person, seen, clock, minutes, trap, marks):
    person.begin().tell()
    clock.at += timedelta(minutes=minutes)
    assert person.fill("granska", "skicka", lamna_tomt=trap).location == "/kvitto"
    assert the(seen, Matter).needs_person == marks


def test_the_field_for_machines_is_seen_by_nobody(person):
    page = person.begin().get("granska").text
    assert hidden(page, "lamna_tomt") == ""
    assert '<div class="seen-less no-print" aria-hidden="true"><label for="lamna_tomt">' in page
    assert 'name="lamna_tomt" tabindex="-1" autocomplete="off"' in page


def test_every_kind_of_matter_asks_by_pages_that_keep_to_the_rules(person):
    person.begin()
    kinds = {choice.category: (group.code, choice.code) for group in GROUPS for choice in group.choices}
    wrong = {}
    for kind, chosen in kinds.items():
        choose(person, *chosen)
        for page in ("vem", "plats", "handelse"):
            answer = person.client.get(person.at(page), follow_redirects=True)
            wrong |= {f"{kind} {page}": found for found in [faults(answer.text)] if found}
    assert wrong == {}


def test_questions_with_one_code_mean_the_same():
    choices = {}
    for category in CATEGORIES.all:
        for question in category.questions:
            assert choices.setdefault(question.code, question.choices) == question.choices, question.code


def test_every_page_of_choices_ends_with_a_way_out():
    assert GROUPS[-1].words == "Något annat eller vet inte"
    assert {group.choices[-1].words for group in GROUPS} == {"Något annat eller vet inte"}
