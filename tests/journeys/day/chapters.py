"""Chapters of the day: one matter after another, and every act on them that there is."""

from __future__ import annotations

from datetime import timedelta

from intake.extensions import STOCKHOLM
from tests import desk
from tests.journeys.day.people import ID, found_in
from tests.journeys.day.work import Day
from tests.letters_home import receive

UNDONE = "DET HÄR SVARET ÅNGRADES"


def the_most_pressing(day: Day) -> None:
    """Whoever asks for the next matter in the morning is given what is urgent."""
    for person in (day.staff.anna, day.staff.nils):
        assert "fara nu väntar på en handläggare" in desk.text_of(person.reads("/"))
        taken = person.takes_next()
        assert taken is not None
        assert 'class="mark urgent"' in person.page(taken).text
        person.does(taken, "anteckna", note="Ledningscentralen är larmad.")


def two_at_one_matter(day: Day) -> None:
    """Anna and Bo open the same matter; who is first has it, and the other is told."""
    anna, bo, one = day.staff.anna, day.staff.bo, day.pick("syd-kontaktcenter", "form").reference
    page = bo.page(one)
    anna.page(one)
    present = bo.presses(f"/arende/{one}/narvaro", status=200, page=page).get_json()
    assert present["words"] == "Anna Lindgren läser."
    anna.does(one, "ta")
    late = bo.does(one, "ta", page=page, status=409)
    assert "En kollega hann före" in desk.text_of(late)
    anna.does(one, "slapp")
    bo.does(one, "ta")
    bo.does(one, "fordela", to=day.id_of(anna))
    anna.does(one, "sortera", category="oklart", priority="3", why="Det är oklart.")
    anna.does(one, "anteckna", note="Ringer tillbaka i morgon.")
    here = day.house.clock().astimezone(STOCKHOLM) - timedelta(minutes=5)
    when = {"talk_day": here.date().isoformat(), "talk_time": f"{here:%H:%M}"}
    anna.does(one, "samtal", talk_way="phone_in", talk_said="Hon såg en blå cykel.", **when)
    anna.does(one, "pausa", until="2026-12-01")
    anna.does(one, "fortsatt")


def answering(day: Day) -> None:
    """An answer with a file leaves; one that is taken back in time does not."""
    anna, one, other = day.staff.anna, day.pick("syd-kontaktcenter"), day.pick("syd-kontaktcenter")
    at = f"/arende/{one.reference}"
    begun = anna.presses(
        f"{at}/svarstext", status=200, page=anna.page(one.reference), text="", template="besvarad.sv"
    )
    assert one.reference in begun.text
    anna.presses(f"{at}/utkast", page=begun, text="Ett utkast.")
    shown = anna.presses(
        f"{at}/forhandsgranska", status=200, page=begun, text="Vi har läst det.", is_told="ja"
    )
    assert "Vi har läst det." in shown.text
    day.answer(anna, one, "Vi har läst det.", ("svar.txt", b"Ett svar."))
    anna.does(other.reference, "svara", text=UNDONE, is_told="ja")
    page = anna.page(other.reference)
    anna.does(other.reference, f"angra/{found_in(page, f'/angra/({ID})')}", page=page)
    day.house.let_go()
    assert "Vi har läst det." in day.house.post.words_to(one.sender)
    assert UNDONE in anna.page(other.reference).text


def asking_for_more(day: Day) -> None:
    """What is asked for comes by mail, and by the status page; the matters wake."""
    anna, house = day.staff.anna, day.house
    by_mail, by_page = day.pick("syd-kontaktcenter"), day.pick("syd-tillstand", "form")
    for each in (by_mail, by_page):
        anna.does(each.reference, "komplettera", asked="Skicka kvittot.", deadline="2026-12-10")
    anna.does(by_mail.reference, "stall-in-paminnelsen")
    house.owes("reply", by_mail.sender)
    if by_page.sender:
        house.owes("reply", by_page.sender)
    house.let_go()
    to = next(each for each in house.post.sent[::-1] if each.recipients == (by_mail.sender,)).message[
        "Reply-To"
    ]
    with house.worker_app.app_context():
        receive(day.night.supplement(by_mail, "Här är kvittot."), str(to), sender=by_mail.sender)
    house.work()
    day.night.follow(by_page, "Kvittot är från maj.")
    for each, said in ((by_mail, "Här är kvittot."), (by_page, "Kvittot är från maj.")):
        assert said in anna.page(each.reference).text
        assert "Väntar på komplettering" not in desk.text_of(anna.page(each.reference))


def telling_of_a_delay(day: Day) -> None:
    nils, one = day.staff.nils, day.pick("nord-kontaktcenter")
    nils.does(one.reference, "drojsmal", delay="Vi behöver en vecka till.")
    day.house.owes("reply", one.sender)
    day.house.let_go()
    assert "en vecka till" in day.house.post.words_to(one.sender)


def sending_again(day: Day) -> None:
    """A letter that was refused goes again when the address takes letters again."""
    anna, post, one = day.staff.anna, day.house.post, day.pick("syd-kontaktcenter")
    post.refuses.add(one.sender)
    day.answer(anna, one, "Den är hittad.")
    day.house.let_go()
    post.refuses.clear()
    page = anna.page(one.reference)
    assert "Ett svar gick inte iväg" in desk.text_of(page)
    anna.does(one.reference, f"skicka-igen/{found_in(page, f'/skicka-igen/({ID})')}", page=page)
    day.house.work()
    assert "Den är hittad." in post.words_to(one.sender)


def seeing_to_what_needs_a_person(day: Day) -> None:
    one = day.night.hasty.reference
    bo = day.staff.bo
    assert "Kan vara skickat av en maskin" in desk.text_of(bo.page(one))
    bo.does(one, "atgardat")
    assert "Kan vara skickat av en maskin" not in desk.text_of(bo.page(one))


def handing_over(day: Day) -> None:
    """Matters go between two regions: received, taken back, and sent back until the country decides."""
    anna, nils, nora = day.staff.anna, day.staff.nils, day.staff.nora
    kept, given, refused = (day.pick("syd-kontaktcenter", "form").reference for _ in range(3))
    for each in (kept, given, refused):
        gives(day, each, "nord-utredning")
    anna.does(kept, "ta-tillbaka")
    stays(day, kept, "syd-kontaktcenter")
    nils.does(given, "ta-emot")
    stays(day, given, "nord-utredning")
    nils.does(refused, "lamna-tillbaka", reason="Det var i Malmö.")
    stays(day, refused, "syd-kontaktcenter")
    gives(day, refused, "nord-utredning")
    nils.does(refused, "lamna-tillbaka", reason="Det var ändå i Malmö.", tells=("handover_raised",))
    stays(day, refused, "nationell-inkorg")
    assert refused in nora.reads("/?enhet=nationell-inkorg").text
    nora.does(refused, "lamna-over", receiver="nord-kontaktcenter", why="Nord utreder.")
    nils.does(refused, "ta", tells=("handover_received", "taken"))
    stays(day, refused, "nord-kontaktcenter")
    gives_several(day, [day.pick("syd-kontaktcenter", "form").reference for _ in range(2)], "nord-utredning")


def gives(day: Day, reference: str, unit: str) -> None:
    """Let Anna hand a matter over, after a look at what it and the person will read."""
    anna, at = day.staff.anna, f"/arende/{reference}/lamna-over"
    words = {"receiver": unit, "why": "Det hände där."}
    page = anna.presses(f"{at}/granska", status=200, page=anna.reads(at), **words)
    anna.does(reference, "lamna-over", page=page, **words)
    day.book.beside[reference] = {day.book.stands[reference]}
    day.book.stands[reference] = unit
    assert reference in anna.reads("/overlamnade").text


def gives_several(day: Day, those: list[str], unit: str) -> None:
    """Let Anna tick rows and hand them over, after a look, and Nils receive each."""
    anna, at = day.staff.anna, "/markerade/lamna-over"
    asked = anna.reads(anna.presses("/markerade", gor="hand_over", ref=those).location)
    words = {
        "receiver": unit,
        "why": "Det hände där.",
        "ticked": found_in(asked, 'name="ticked" value="([^"]*)"'),
    }
    page = anna.presses(f"{at}/granska", status=200, page=asked, **words)
    anna.presses(at, page=page, **words)
    for each in those:
        day.book.note(each, "handed_over", anna.name)
        day.staff.nils.does(each, "ta-emot")
        stays(day, each, unit)


def stays(day: Day, reference: str, unit: str) -> None:
    """Write down that a matter stands in a unit, and is seen in no other any more."""
    day.book.stands[reference], day.book.beside[reference] = unit, set()


def across_a_wall(day: Day) -> None:
    """What is moved behind the wall is seen there alone, until it is moved out again."""
    anna, sara = day.staff.anna, day.staff.sara
    inside, out = (day.pick("syd-utredning", "form").reference for _ in range(2))
    for each in (inside, out):
        anna.does(each, "flytta", unit="su", reason="Det gäller en anställd.")
        assert anna.page(each).status_code == 404
        sara.does(each, "ta")
        stays(day, each, "su")
    sara.does(out, "flytta", unit="syd-utredning", reason="Det gäller ingen anställd.")
    assert sara.page(out).status_code == 404
    stays(day, out, "syd-utredning")


def to_another_authority(day: Day) -> None:
    """The person is told which authority it is, and what was written stays here until that is decided."""
    anna, one = day.staff.anna, day.pick("syd-tillstand")
    to = {"authority": "skatteverket", "handing_on": "withheld", "grounds": "", "is_closed": "ja"}
    page = anna.presses(
        f"/arende/{one.reference}/hanvisa/forhandsgranska", status=200,
        page=anna.reads(f"/arende/{one.reference}/hanvisa"), **to,
    )  # fmt: skip
    anna.does(one.reference, "hanvisa", page=page, text="Vänd dig till Skatteverket.", **to)
    day.house.owes("reply", one.sender)
    day.house.let_go()
    agreed = {"authority": "skatteverket", "handing_on": "agreed", "grounds": "Personen sa ja."}
    anna.does(one.reference, "far-lamnas", **agreed)


def parts_of_a_matter(day: Day) -> None:
    """A part that was made by mistake is closed; another leaves word of what it came to."""
    anna, nils, one = day.staff.anna, day.staff.nils, day.pick("syd-utredning").reference
    mistake = breaks_out(day, one, "syd-inkorg")
    anna.does(mistake, "skapat-av-misstag")
    day.book.note(one, "child_undone", anna.name)
    part = breaks_out(day, one, "nord-utredning")
    nils.does(part, "besked", outcome_words="Väskan är hittad.")
    day.house.work()
    day.book.note(one, "child_told", nils.name)
    assert "Väskan är hittad." in anna.page(one).text
    anna.does(one, "atgardat")


def breaks_out(day: Day, reference: str, unit: str) -> str:
    """Let Anna make a part of a matter a matter of its own, and return its reference."""
    anna = day.staff.anna
    page = anna.reads(f"/arende/{reference}/bryt-ut")
    message = found_in(page, f'name="messages" value="({ID})"')
    anna.does(reference, "bryt-ut", page=page, about="Väskan", words="", messages=message, unit=unit)
    made = day.house.newest()
    day.book.note(made, "split_from", anna.name)
    day.place()
    assert day.book.stands[made] == unit
    day.night.made.add(made)
    return made


def that_belong_together(day: Day) -> None:
    """Two matters are linked, one is merged into the other and parted again, and one does not belong."""
    anna, book, kept = day.staff.anna, day.book, day.pick("syd-utredning")
    other = day.pick("syd-utredning").reference
    anna.does(kept.reference, "koppla", other=other, why_linked="Samma kväll.")
    page = anna.page(kept.reference)
    anna.does(kept.reference, f"koppla-bort/{found_in(page, f'/koppla-bort/({ID})')}", page=page)
    for what in ("linked", "unlinked"):
        book.note(other, what, anna.name)
    merged, parted, strange = (day.night.names(kept) for _ in range(3))
    day.place()
    for each in (merged, parted):
        anna.does(each, "sammanfor", into=kept.reference)
        book.note(kept.reference, "merged_from", anna.name)
        book.merged[each] = kept.reference
    anna.does(parted, "dela-upp")
    book.note(kept.reference, "parted_from", anna.name)
    del book.merged[parted]
    anna.does(strange, "hor-inte-dit")


def left_for_tomorrow(day: Day) -> None:
    """The day ends while one matter waits to be received."""
    book = day.book
    home = (each for each, unit in book.stands.items() if unit.startswith("syd-") and book.is_open(each))
    gives(day, next(home), "nord-utredning")
