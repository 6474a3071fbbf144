"""Search: through one function with the wall's own rule, recorded first, and for a person with a reason."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from intake import codes, shown
from intake.extensions import db
from intake.models import AccessLog, DiaryEntry, Matter, Message
from tests import desk

ASKED = "Sökningen ser ut att gälla en person."


def references(page):
    return re.findall(r'href="/arende/([^"/]+)"', page.text.partition("<main")[2])


def find(person, words, **more):
    return person.post("/sok", page=person.get("/sok"), q=words, **more)


def looks(seen):
    seen.rollback()
    rows = seen.query(AccessLog).filter(AccessLog.what.startswith("search")).order_by(AccessLog.seq)
    return [(row.what, row.words, row.reason) for row in rows]


@pytest.fixture
def searched(handler_app):
    """Search at the database's own prompt, in somebody's session, by any statement."""

    def asked(person, *statements, **values):
        with handler_app.app_context(), person.client.session_transaction() as cookie:
            shown.show("session", cookie["_user_id"])
            results = [db.session.execute(text(statement), values) for statement in statements]
            return results[-1].all()

    return asked


def test_words_are_found_in_other_forms_and_the_newest_comes_first(anna, bring):
    first = bring(subject="Stölder", text="Två poliser kom.")
    second = bring(subject="Buller", text="Det var en stöld i grannens gamla trapphus.")
    bring(subject="Pass", text="När är ni öppna?")
    assert references(find(anna, "stölden")) == [second, first]
    assert references(find(anna, "stöld polisen")) == [first]
    assert references(find(anna, '"grannens gamla"')) == [second]
    assert references(find(anna, "stöld -trapphus")) == [first]


def test_accents_are_free_and_swedish_letters_are_letters(anna, bring):
    cafe = bring(subject="Bråk", text="Vid Café Opéra i går.")
    hole = bring(subject="Skada", text="Ett ha\u030al i vägen.")
    assert references(find(anna, "cafe opera")) == [cafe]
    assert references(find(anna, "CAFÉ")) == [cafe]
    assert references(find(anna, "hål")) == [hole]
    assert references(find(anna, "hal")) == []


def test_a_star_finds_what_begins_so(anna, bring):
    theft = bring(subject="Anmälan", text="En cykelstöld vid kajen.")
    riders = bring(subject="Anmälan", text="Flera cyklister i parken.")
    assert references(find(anna, "cykel*")) == [theft]
    assert references(find(anna, "cyk*")) == [riders, theft]
    assert references(find(anna, "cyklister*")) == [riders]
    assert references(find(anna, "cyk* -kajen")) == [riders]
    assert references(find(anna, "kaj* or park*")) == [riders, theft]
    assert references(find(anna, '"flera cykl*"')) == [riders]


def test_a_piece_is_enough_of_names_addresses_references_subjects_and_files(anna, bring):
    files = [("kvitto_blocketannons.pdf", b"x")]
    reference = bring(
        subject="Försäkringsbedrägeri",
        sender_name="Björn Åkerlund",
        sender_email="bjorn.a@firma.example",
        files=files,
    )
    bring()
    for piece in (
        "bedräg",
        "kringsbed",
        "akerl",
        "BJORN",
        "Åkerl",
        "ketann",
        "annons.pdf",
        reference[2:7].lower(),
    ):
        assert references(find(anna, piece, reason="Prov")) == [reference], piece
    assert references(find(anna, "rn.a@fir", reason="Prov")) == [reference]
    assert references(find(anna, "kringsbed or annat")) == []
    assert references(find(anna, "be")) == []


def test_a_hit_says_where_the_words_stand(anna, bring):
    def said(words, **matter):
        reference = bring(**matter)
        found = find(anna, words, reason="Prov")
        assert reference in references(found)
        return desk.text_of(found).partition(reference)[2].partition("Syd")[0]

    assert "Finns i ärendemeningen" in said("gasoltub", subject="Gasoltuben", text="Se ovan.")
    assert "Finns i texten" in said("släpvagn", text="En släpvagn.")
    assert "Finns i ett filnamn" in said("lönespec", files=[("lönespec.pdf", b"x")])
    assert "Finns i namn, e-postadress eller telefonnummer" in said("Zebulon", sender_name="Zebulon Y")
    both = said("tranbär", text="Tranbär.", sender_name="Tranbär AB", subject="Bär")
    assert "Finns i namn, e-postadress eller telefonnummer och i texten" in both


def test_what_finds_nothing_says_what_to_try(anna, bring):
    bring()
    page = desk.text_of(find(anna, "cyklarna försvann"))
    assert "Inget ärende som du ser" in page
    assert "Pröva färre ord. Alla ord måste stå på samma ställe." in page
    assert "cykla*" in page
    assert "Ta bort citattecknen" in desk.text_of(find(anna, '"borta cykel"'))
    assert "dina egna" in desk.text_of(find(anna, "kvarnhjul", mina="ja"))


def test_a_matter_is_found_where_it_stands_now_with_what_came_into_it(anna, sit, bring, seen):
    reference = bring(text="Kvarnhjul snurrar.", files=[("kvarnbild.jpg", b"x")])
    bo = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    desk.hand_over(anna, bo, reference, "nord-utredning")
    for words in ("kvarnhjul", "kvarnbi"):
        assert references(find(anna, words)) == []
        assert references(find(bo, words)) == [reference]
    bo.act(reference, "anteckna", note="Ringt till smedjan.")
    assert references(find(bo, "smedja*")) == [reference]
    assert references(find(anna, "smedja*")) == []


NEWEST = """
    SELECT matter.reference FROM unnest(search_newest(
        ARRAY(SELECT id FROM unit WHERE region = 'syd'), :contact, NULL, said_query(:words),
        contact_query(:words), (piece_patterns(:words))[1], piece_patterns(:words), :most, :rows))
        WITH ORDINALITY AS found (id, nth) JOIN matter ON matter.id = found.id ORDER BY nth
"""


def test_what_is_common_is_found_one_after_another_by_the_same_rules(bring, seen):
    brought = [bring(files=[("cykel.jpg", b"x"), ("cykel.pdf", b"x")]) for _ in range(3)]
    hidden = bring(text="Jag har skyddade personuppgifter.", sender_name="Kim Hemlig")
    bring(municipality="2580")

    def newest(words, most, *contact, rows=None):
        asked = {"words": words, "most": most, "contact": list(contact), "rows": rows}
        return seen.scalars(text(NEWEST), asked).all()

    assert newest("cykel", 9) == [hidden, *brought[::-1]]
    assert newest("cykel", 2) == [hidden, brought[2]]
    # The newest four rows are two of a matter elsewhere and two of this one.
    assert newest("cykel", 9, rows=4) == [hidden]
    assert newest("Kim", 9) == brought[::-1]
    assert newest("Kim", 9, "syd-inkorg", "syd-kontaktcenter", "syd-utredning")[0] == hidden


def test_a_reference_goes_straight_to_its_matter(anna, bring):
    reference = bring()
    for typed in (reference, reference.lower().replace("-", " ")):
        assert find(anna, typed).location == f"/arende/{reference}"


def test_the_sender_is_found_by_name_address_and_number_however_it_is_written(anna, bring):
    reference = bring(sender_phone="+46 70-123 45 67")
    for words in ("kim berg", "KIM@example.com", "0701234567", "070-123 45 67", "0046701234567"):
        assert references(find(anna, words, reason="Ringer tillbaka")) == [reference], words
    assert references(find(anna, "0701234568", reason="Ringer tillbaka")) == []


def test_the_box_on_every_page_searches(anna, bring):
    reference = bring()
    page = anna.get("/")
    assert 'action="/sok"' in page.text
    assert references(anna.post("/sok", page=page, q="stationen")) == [reference]


def test_nothing_of_another_unit_or_behind_a_wall_is_found_or_counted(anna, sit, bring):
    words = "Polisen slog mig. Kvarnhjul snurrar."
    su = bring(text=words, category="su", addressed_unit="su")
    north = bring(text=words, municipality="2580")
    bo = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    ulla = sit("ulla@example.se", ("su", "handler"), name="Ulla Su")
    nils = sit("nils@example.se", ("nationell-inkorg", "national_coordinator"), name="Nils Nation")
    assert references(find(anna, "kvarnhjul")) == []
    assert "Inget ärende som du ser" in find(anna, "kvarnhjul").text
    found = [references(find(each, "kvarnhjul")) for each in (bo, ulla, nils)]
    assert found == [[north], [su], [north]]


def test_the_words_and_the_reason_are_recorded_before_anything_is_shown(anna, bring, seen):
    bring()
    find(anna, "cykel")
    find(anna, "Kim Berg", reason="Anmälan B-2026-17")
    find(anna, "Kim Berg", mina="ja")
    assert looks(seen) == [
        ("search:all", "cykel", None),
        ("search:all", "Kim Berg", "Anmälan B-2026-17"),
        ("search:mine", "Kim Berg", None),
    ]


def test_a_search_for_a_person_asks_why_first_and_keeps_what_was_typed(anna, bring, seen):
    reference = bring()
    page = find(anna, "Kim Berg")
    assert page.status_code == 200
    assert ASKED in page.text
    assert "brottsdatalagen 3 kap. 5–6 §§" in page.text
    assert 'value="Kim Berg"' in page.text
    assert references(page) == []
    assert looks(seen) == []
    again = anna.post("/sok", page=page, q="Kim Berg", reason="")
    assert (again.status_code, "Skriv varför" in again.text, looks(seen)) == (422, True, [])
    assert references(anna.post("/sok", page=page, q="Kim Berg", reason="Ringde nyss")) == [reference]


def test_in_ones_own_matters_no_reason_is_asked(anna, bring):
    reference, _ = bring(), bring()
    anna.act(reference, "ta")
    assert references(find(anna, "Kim Berg", mina="ja")) == [reference]


HARD = ["", "och", "-cykel", "&|!():*<->'\"\\", "a" * 5000, "ord " * 500, "字" * 1000, "or or", '"', "%_"]


@pytest.mark.parametrize("words", [*HARD, "\x00\x07cy\u202ekel", "𠮷" * 999])
def test_no_words_make_an_error(anna, bring, words):
    bring()
    assert find(anna, words, reason="Prov").status_code == 200


def test_more_than_fits_asks_for_more_words(anna, bring, monkeypatch):
    monkeypatch.setattr("intake.handler.searching.MOST", 2)
    brought = [bring() for _ in range(3)]
    page = find(anna, "cykel")
    assert references(page) == brought[:0:-1]
    assert "Det finns fler än 2. Snäva in med fler ord." in page.text


def test_a_page_that_is_too_old_searches_for_nothing(anna, seen):
    page = anna.client.post("/sok", data={"q": "cykel", "csrf_token": "x"})
    assert page.status_code == 422
    assert 'value="cykel"' in page.text
    assert looks(seen) == []


def test_who_was_let_out_meanwhile_is_not_told_that_nothing_is_there(anna, bring, monkeypatch):
    bring()
    monkeypatch.setattr(
        "intake.access.looks._LIST", text("SELECT CASE WHEN :what || :words || :reason = '' THEN 1 END")
    )
    answer = find(anna, "cykel")
    assert (answer.status_code, "Inget ärende" in answer.text) == (404, False)


def test_words_in_an_address_are_not_searched_for(anna, bring, seen):
    bring()
    assert references(anna.get("/sok?q=cykel")) == []
    assert looks(seen) == []


def test_by_contact_a_protected_matter_is_found_only_by_those_who_may_see_it(anna, sit, bring):
    text = "Jag har skyddade personuppgifter."
    reference = bring(text=text, sender_name="Signe Hemlig", sender_email="s@hemlig.example")
    sam = sit("sam@example.se", ("syd-inkorg", "coordinator"), name="Sam Ordnare")
    for words in ("Signe Hemlig", "s@hemlig.example", "hemlig.ex", "emli"):
        assert references(find(anna, words, reason="Prov")) == []
        assert references(find(sam, words, reason="Prov")) == [reference]
    assert references(find(anna, "personuppgifter")) == [reference]


def test_a_search_whose_look_could_be_taken_back_shows_nothing(anna, bring, searched):
    bring()
    begin = "SELECT set_config('test.search', look_at_list('search:all', 'cykel', NULL)::text, true)"
    search = "SELECT * FROM search_matters(current_setting('test.search')::uuid, 10)"
    for before in ("SELECT 1", "SELECT age('3'::xid)", "SAVEPOINT a"):
        assert searched(anna, before, begin, search) == []


def test_nobody_searches_by_anothers_look_or_without_a_session(anna, sit, bring, searched, seen):
    bring()
    find(anna, "cykel")
    look = seen.query(AccessLog).filter(AccessLog.what == "search:all").one().id
    own = "SELECT * FROM search_matters(:look, 10)"
    assert len(searched(anna, own, look=look)) == 1
    bo = sit("bo@example.se", *desk.seats("syd"), name="Bo Ek")
    assert searched(bo, own, look=look) == []
    assert searched(anna, "SELECT set_config('app.session', '', true)", own, look=look) == []


def test_a_search_is_over_ten_minutes_after_its_look(anna, bring, searched, seen):
    bring()
    find(anna, "cykel")
    look = seen.query(AccessLog).filter(AccessLog.what == "search:all").one().id
    own = "SELECT * FROM search_matters(:look, 10)"
    older = text("UPDATE access_log SET at = at - make_interval(mins => :minutes) WHERE id = :look")
    for minutes, is_found in ((9, True), (2, False)):
        seen.execute(older, {"minutes": minutes, "look": look})
        seen.commit()
        assert bool(searched(anna, own, look=look)) == is_found


@pytest.mark.parametrize("letters", ["𠮷", "å", "a-", "x.se/a", "a@b.se "])
def test_whatever_a_citizen_writes_can_be_kept(bring, seen, letters):
    marks = "".join(f"{letters}{number:x}" for number in range(60_000))
    reference = bring(text=marks)
    assert seen.query(Message).join(Matter).filter(Matter.reference == reference).one().text == marks


def test_a_diary_number_leads_to_its_matter_where_it_is_seen(anna, bring, seen):
    own, others = bring(), bring(municipality="2480")
    numbers = dict(
        seen.query(Matter.reference, DiaryEntry).join(DiaryEntry, DiaryEntry.matter_id == Matter.id)
    )
    typed = {each: codes.diary_number(it.series, it.year, it.number) for each, it in numbers.items()}
    assert find(anna, typed[own]).location == f"/arende/{own}"
    assert find(anna, f"dnr {typed[own].lower()}").location == f"/arende/{own}"
    assert find(anna, typed[others]).location is None
