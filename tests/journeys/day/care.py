"""Chapters of the day: what is handled with care, ended, taken out of the house, or done to many at once."""

from __future__ import annotations

import io
import zipfile

from sqlalchemy import select

from intake.models import Matter, Message
from intake.sealing import verify
from tests import desk
from tests.handler.copying import Copy
from tests.journeys.day.coming import PROTECTED, SIGNS
from tests.journeys.day.people import ID, found_in
from tests.journeys.day.work import Day


def marking_secrecy(day: Day) -> None:
    anna, one = day.staff.anna, day.pick("syd-underrattelse", "form").reference
    anna.does(one, "sekretess", provision="18_1", secrecy_reason="Kan skada utredningen.")
    assert "Sekretessmarkerat" in anna.reads("/").text
    anna.does(one, "sekretess/hav", lift_reason="Utredningen är nedlagd.")


def an_incident(day: Day) -> None:
    """Bo reports that something went to the wrong person; Cora decides and closes it."""
    bo, cora, one = day.staff.bo, day.staff.cora, day.pick("syd-kontaktcenter", "form").reference
    at = f"/arende/{one}/incidenter"
    told = {
        "kind": "wrong_recipient",
        "noticed": "2026-11-23T07:00",
        "happened": "Fel adress.",
        "persons": "En person.",
    }
    bo.does(one, "incidenter", page=bo.reads(at), **told)
    assert one in cora.reads("/incidenter").text
    its = {"incident": found_in(cora.reads(at), f'name="incident" value="({ID})"')}
    why = {"decision": "not_notify", "decision_reason": "Ingen risk."}
    cora.does(one, "incidenter/beslut", page=cora.reads(at), **its, **why)
    cora.does(one, "incidenter/avsluta", page=cora.reads(at), **its, done="Adressen är rättad.")


def ending_and_opening_again(day: Day) -> None:
    anna, one = day.staff.anna, day.pick("syd-utredning", "form").reference
    anna.does(one, "avsluta", outcome="no_action", closing="Dubblett.")
    anna.does(one, "oppna")
    anna.does(one, "avsluta", outcome="answered", closing="")


def revoking_codes(day: Day) -> None:
    """A code that is out opens nothing any more."""
    anna, one = day.staff.anna, day.pick("syd-utredning", "form")
    browser = day.house.citizen_app.test_client()
    typed = {"reference": one.reference, "code": one.code}
    assert browser.post("/folj", data=typed).location == "/arende"
    anna.does(one.reference, "sparra")
    assert browser.post("/folj", data=typed).status_code == 422


def protected_contacts(day: Day) -> None:
    """Who has a protected identity is shown to Cora alone, who says why."""
    one = next(each for each in day.night.came.values() if each.text.startswith(PROTECTED[:20]))
    person = day.staff.nora
    at = f"/arende/{one.reference}/skyddade-uppgifter"
    assert one.sender not in person.page(one.reference).text
    shown = person.presses(at, status=200, page=person.reads(at), reason="Ska ringa upp.")
    assert one.sender in shown.text


def files_and_letters(day: Day) -> None:
    """A file is seen as a picture, and saved; a letter is saved as it came, and read again."""
    bo, nils, olle = day.staff.bo, day.staff.nils, day.staff.olle
    pictured, lettered = day.night.pictured, day.pick("nord-kontaktcenter")
    shown = bo.page(pictured.reference)
    file = found_in(shown, f'href="(/arende/[^"]+/fil/{ID})"')
    bo.reads(f"{file}/bild/1")
    page = bo.reads(file)
    bo.presses(file, status=200, page=page, verdict=found_in(page, 'name="verdict" value="([^"]+)"'))
    page = nils.page(lettered.reference)
    at = found_in(page, f'href="(/arende/[^"]+/brev/{ID})"')
    assert lettered.text.encode() in nils.presses(at, status=200, page=nils.reads(at), verdict="raw").data
    nils.does(lettered.reference, f"tolka-om/{at.rpartition('/')[2]}")
    again = found_in(olle.reads("/postrum"), f"/postrum/brev/({ID})/tolka-om")
    olle.presses(f"/postrum/brev/{again}/tolka-om", page=olle.reads("/postrum"))
    with day.house.owner() as seen:
        its = select(Matter.reference).join(Message, Message.matter_id == Matter.id)
        for reference in seen.scalars(its.where(Message.letter_id == again)):
            day.book.note(reference, "parsing_asked", olle.name)
    day.house.work()


def a_job_that_gave_up(day: Day) -> None:
    olle, page = day.staff.olle, day.staff.olle.reads("/postrum")
    olle.presses(
        f"/postrum/jobb/{found_in(page, f'/postrum/jobb/({ID})/forsok-igen')}/forsok-igen", page=page
    )
    day.house.work()
    assert day.night.stuck.reference in day.house.post.words_to(day.night.stuck.sender)


def many_at_once(day: Day) -> None:
    """Rows are ticked: what a colleague has is left alone, and each act is undone by another."""
    anna, bo = day.staff.anna, day.staff.bo
    three = [day.pick("syd-lokalpolis", "form").reference for _ in range(3)]
    one = three[0]
    anna.does(one, "ta")
    said = bo.ticks("take", *three)
    assert "2 ärenden har tagits." in said
    assert f"{one}: En kollega har redan tagit det." in said
    assert "3 ärenden har lämnats tillbaka." in anna.ticks("release", *three)
    assert "3 ärenden har fördelats." in anna.ticks("assign", *three, till=day.id_of(bo))
    assert "3 ärenden har fått vila." in bo.ticks("pause", *three, dag="2026-12-01")
    assert set(three) <= bo.listed("/?visa=pausade")
    for each in three:
        done = [("released", anna), ("assigned", anna), ("paused", bo)]
        for what, who in done if each == one else [("taken", bo), *done]:
            day.book.note(each, what, who.name)
        bo.does(each, "fortsatt")
    bo.presses("/konto/borta", until="2026-12-01")
    assert "Hos Bo Sand (borta till och med" in desk.text_of(anna.reads("/"))
    assert set(three) <= anna.listed(f"/?hos={day.id_of(bo)}")
    day.staff.cora.presses(f"/enheter/syd-lokalpolis/{day.id_of(bo)}/borta", tillbaka="ja")
    assert "Hos Bo Sand" not in desk.text_of(anna.reads("/"))


def out_of_the_house(day: Day) -> None:
    """A matter is printed, given out masked, and exported under a seal, alone and with another."""
    anna, cora, one, other = (
        day.staff.anna,
        day.staff.cora,
        *(day.pick("syd-kansli", "form") for _ in range(2)),
    )
    at = f"/arende/{one.reference}"
    assert anna.prove().status_code == 303
    assert one.text in desk.text_of(anna.reads(f"{at}/skriv-ut"))
    assert anna.reads(f"{at}/arende.pdf").data.startswith(b"%PDF-")
    copy = Copy(anna, one.reference).add(SIGNS[0]).make()
    assert copy.startswith(b"%PDF-")
    day.book.note(one.reference, "release_prepared", anna.name)
    sealed = anna.does(
        one.reference, "exportera", status=200, page=anna.reads(f"{at}/exportera"), reason="Till åklagaren"
    )
    is_whole(day, sealed.data)
    assert anna.reads("/exporter").status_code == 200
    asked = {"references": f"{one.reference}\n{other.reference}", "unit": "", "reason": "Till åklagaren"}
    path = anna.presses("/exporter/ny", page=anna.reads("/exporter/ny"), **asked).location
    assert cora.prove().status_code == 303
    cora.presses(path, page=cora.reads(path), decision="ja")
    fetched = anna.presses(f"{path}/hamta", status=200, page=anna.reads(path))
    is_whole(day, fetched.data)
    for each in (one, other):
        day.book.note(each.reference, "exported", anna.name)


def is_whole(day: Day, sealed: bytes) -> None:
    """Prove that a sealed zip is as it was sealed."""
    assert zipfile.ZipFile(io.BytesIO(sealed)).testzip() is None
    path = day.house.folder / "export.zip"
    path.write_bytes(sealed)
    assert verify(path).faults == ()


def looking_around(day: Day) -> None:
    """Views are shared and taken away, lists are read, and what is alike is found."""
    anna, bo, cora = day.staff.anna, day.staff.bo, day.staff.cora
    anna.presses(
        "/vyer?typ=anmalan", page=anna.reads("/?typ=anmalan"), name="Anmälningar", unit="syd-kontaktcenter"
    )
    shared = bo.reads("/?typ=anmalan")
    assert "Anmälningar" in shared.text
    bo.presses(f"/vyer/{found_in(shared, f'/vyer/({ID})/bort')}/bort", page=shared)
    assert "Anmälningar" not in anna.reads("/?typ=anmalan").text.partition("Filtrera")[0].partition("Vyer")[2]
    news = desk.news_of(anna.reads("/"))
    assert anna.reads(news).get_json()["new"] == 0
    for person, path in (
        (cora, "/belastning"),
        (cora, "/lagesbild"),
        (cora, "/lagesbild/dag.csv"),
        (bo, "/overlamnade"),
    ):
        person.reads(path)
    one = day.night.alike[0].reference
    assert day.night.alike[1].reference in anna.page(one).text
    assert one in anna.finds("lurar pengar")
    assert anna.get(f"/hitta?nummer={one}").location == f"/arende/{one}"
    assert anna.presses("/sok", q=one).location == f"/arende/{one}"


def printing_a_receipt(day: Day) -> None:
    """Whoever called is given a number and a code on paper."""
    anna, book = day.staff.anna, day.book
    called = [each.reference for each in day.night.came.values() if each.way == "phone"]
    one = next(each for each in called if book.told[each] == [("begun_by_hand", anna.name)])
    printed = anna.does(one, "kvittens", status=200)
    assert printed.data.startswith(b"%PDF-")


def reaching_out(day: Day) -> None:
    """A first contact is written to, and its answer comes into the same matter."""
    anna, one = day.staff.anna, day.night.contact
    day.answer(anna, one, "Vi vill prata med dig.")
    day.house.let_go()
    assert "Vi vill prata" in day.house.post.words_to(one.sender)
