"""A file is looked at without being opened: its pictures, its text, what it tells, and who has looked."""

from __future__ import annotations

import html
import re

import pytest
from sqlalchemy import select, text

from intake import storage, web
from intake.access.looks import LOOKS
from intake.extensions import db
from intake.files.drawing.ways import INSTEAD
from intake.matters.records import note
from intake.models import AccessLog, Attachment, Rendition
from tests import desk
from tests.handler.drawn import draw, inside, photo

FACTS = {"position": "59.32930, 18.06860", "taken_at": "2026:07:14 18:03:22", "camera": "Pixel 9"}


@pytest.fixture
def checked(bring, worker_app):
    """Bring a matter with one file that was checked with this verdict; return its reference and id."""

    def made(verdict="accept", *, name="cykel.jpg", data=b"original", **changes):
        reference = bring(files=((name, data),), **changes)
        return reference, desk.check_as(worker_app, reference, verdict)

    return made


def at(reference, attachment_id, rest=""):
    return f"/arende/{reference}/fil/{attachment_id}{rest}"


def pictures(page):
    return [html.unescape(each) for each in re.findall(r'<img[^>]* src="([^"]+)"', page.text)]


def looks(seen):
    seen.rollback()
    rows = seen.query(AccessLog).filter(AccessLog.attachment_id.is_not(None)).order_by(AccessLog.at)
    return [(row.actor, row.what) for row in rows]


def test_a_file_is_shown_by_its_pictures_in_order_and_each_look_is_logged(anna, checked, worker_app, seen):
    reference, file = checked()
    draw(worker_app, file, photo(), photo(), photo(), detected_type="image/jpeg")
    page = anna.get(at(reference, file))
    assert pictures(page) == [at(reference, file, f"/bild/{number}") for number in (1, 2, 3)]
    assert 'alt="Bild 3 av 3"' in page.text
    assert page.text.count('loading="lazy"') == 1
    assert anna.get(at(reference, file, "/bild/2")).data == photo()
    assert looks(seen) == [("Anna Lindgren", "view"), ("Anna Lindgren", "picture:/2")]


def test_a_picture_can_do_nothing_in_our_origin_and_bears_the_cleaned_name(anna, checked, worker_app):
    reference, file = checked(name="cy\u202ekel å.jpg")
    draw(worker_app, file, photo())
    answer = anna.get(at(reference, file, "/bild/1"))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Security-Policy"] == web.BYTES_POLICY
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Content-Disposition"].startswith('inline; filename="cykel a.jpg-1.jpeg"')
    assert "filename*=UTF-8''cykel%20%C3%A5.jpg-1.jpeg" in answer.headers["Content-Disposition"]


def test_a_picture_of_any_other_type_is_not_sent(anna, checked, worker_app):
    reference, file = checked()
    draw(worker_app, file, b"<svg onload=alert(1)>", media_type="image/svg+xml")
    assert anna.get(at(reference, file, "/bild/1")).status_code == 404


def test_another_units_pictures_are_unknown_and_asking_is_told_of(anna, checked, worker_app, caplog):
    reference, file = checked(municipality="2480")
    draw(worker_app, file, photo())
    assert anna.get(at(reference, file)).status_code == 404
    assert anna.get(at(reference, file, "/bild/1")).status_code == 404
    assert caplog.text.count("refused handler=") == 2


def test_of_a_file_in_quarantine_nothing_is_shown(anna, sit, checked, worker_app):
    reference, file = checked("quarantine")
    draw(worker_app, file, photo(), text="HEMLIG TEXT")
    filip = sit("filip@example.se", ("syd-kontaktcenter", "file_quarantine"), name="Filip Berg")
    for person in (anna, filip):
        page = person.get(at(reference, file))
        assert (page.status_code, pictures(page)) == (200, [])
        assert "Därför visas inget av den här" in page.text
        assert "HEMLIG TEXT" not in page.text
        assert person.get(at(reference, file, "/bild/1")).status_code == 404


def test_a_picture_whose_bytes_are_gone_is_told_honestly_and_is_no_look(
    anna, checked, worker_app, seen, caplog
):
    reference, file = checked()
    draw(worker_app, file, photo())
    with worker_app.app_context():
        storage.current().delete(db.session.query(Rendition.storage_key).scalar())
    assert anna.get(at(reference, file, "/bild/1")).status_code == 500
    assert "are missing" in caplog.text
    assert looks(seen) == []


def test_the_text_of_a_file_is_text_and_never_markup(anna, checked, worker_app):
    reference, file = checked(name="brev.txt")
    draw(worker_app, file, text="Hej\n<b>och</b> <script>alert(1)</script>")
    page = anna.get(at(reference, file))
    assert "&lt;script&gt;alert(1)" in page.text
    assert "<b>och" not in page.text


def test_a_very_long_text_is_cut_and_says_so(anna, checked, worker_app):
    reference, file = checked(name="logg.txt")
    draw(worker_app, file, text="x" * 200_001)
    page = anna.get(at(reference, file))
    assert "Texten är längre än så" in page.text
    assert "x" * 200_001 not in page.text


@pytest.mark.parametrize(
    ("verdict", "columns", "told"),
    [
        ("unchecked", {"drawn_at": None}, "Filen väntar på kontroll"),
        ("accept", {"drawn_at": None}, "Förhandsvisningen görs just nu"),
        ("warn", {"view_problem": "Sidorna gick inte att rita."}, "Sidorna gick inte att rita."),
        ("accept", {}, "Det går inte att göra någon förhandsvisning"),
    ],
)
def test_where_there_is_no_view_the_page_says_why(anna, checked, worker_app, verdict, columns, told):
    reference, file = checked(verdict)
    draw(worker_app, file, **columns)
    assert told in anna.get(at(reference, file)).text


def test_what_a_file_tells_of_itself_is_shown_as_its_own_word(anna, checked, worker_app):
    reference, file = checked()
    draw(worker_app, file, facts=FACTS, detected_type="image/jpeg")
    said = desk.text_of(anna.get(at(reference, file)))
    assert "Tagen vid 59.32930, 18.06860 enligt filen själv" in said
    assert "Tagen 2026-07-14 kl. 18.03 enligt filen själv" in said
    assert "Kamera Pixel 9" in said
    assert "Bild, " in said
    assert "Typ image/jpeg" in said


def test_what_lies_within_a_file_is_listed_and_looked_at_one_by_one(anna, checked, worker_app):
    reference, file = checked("warn", name="allt.zip")
    contents = [
        inside("1", "ett.jpg"),
        inside("2", "mapp.zip", "warn", "En zip i en zip."),
        inside("2.1", "två.jpg"),
    ]
    draw(worker_app, file, photo(), inner="2.1", contents=contents)
    assert "En zip i en zip." in anna.get(at(reference, file)).text
    page = anna.get(at(reference, file, "?del=2.1"))
    assert "två.jpg" in page.text
    assert "ett.jpg" not in page.text
    (picture,) = pictures(page)
    assert anna.get(picture).data == photo()
    assert anna.get(at(reference, file, "?del=9")).status_code == 404


def test_what_is_in_quarantine_within_a_file_is_not_shown_nor_what_lies_in_it(anna, checked, worker_app):
    reference, file = checked("quarantine", name="brev.eml")
    contents = [
        inside("1", "ond.zip", "quarantine", "Skadlig kod.", code="malware"),
        inside("1.1", "ond.jpg"),
        inside("10", "bra.jpg"),
    ]
    draw(worker_app, file, photo(), inner="1.1", contents=contents)
    draw(worker_app, file, photo(), inner="10", contents=contents)
    assert anna.get(at(reference, file, "/bild/1?del=1.1")).status_code == 404
    assert anna.get(at(reference, file, "/bild/1?del=10")).status_code == 200
    page = anna.get(at(reference, file, "?del=1.1"))
    assert pictures(page) == []
    assert "Filen ligger i en fil som är i karantän" in page.text
    whole = desk.text_of(anna.get(at(reference, file)))
    assert "Originalet är i karantän eftersom en av filerna i den kan vara farlig." in whole
    assert "Därför visas inget" not in whole
    for line in (
        "ond.zip 1,2 kB , i karantän",
        "ond.jpg 1,2 kB , i karantän",
        "bra.jpg 1,2 kB , kontrollerad",
    ):
        assert line in whole


def test_in_a_file_that_is_locked_as_a_whole_nothing_is_called_checked(anna, checked, worker_app):
    reference, file = checked("quarantine", name="allt.zip")
    draw(
        worker_app,
        file,
        contents=[inside("1", "bra.jpg")],
        findings=[{"code": "malware", "citizen": "", "handler": "Skadlig kod: Eicar.", "path": ""}],
    )
    said = desk.text_of(anna.get(at(reference, file)))
    assert "bra.jpg 1,2 kB , i karantän" in said
    assert "Därför visas inget av den här" in said
    assert "kontrollerad" not in said


def test_of_an_archive_with_a_password_it_is_not_said_that_what_lies_in_it_is_shown(
    anna, checked, worker_app
):
    reference, file = checked("warn", name="allt.zip")
    findings = [{"code": "file_encrypted", "citizen": "", "handler": "Filen är skyddad.", "path": ""}]
    draw(worker_app, file, findings=findings, view_problem=INSTEAD["archive"])
    said = desk.text_of(anna.get(at(reference, file)))
    assert "Filen är skyddad med lösenord och kan inte visas." in said
    assert "visas var för sig" not in said
    assert "kontrollerad" not in said


def test_of_a_file_whose_content_came_as_files_of_its_own_that_is_told(anna, bring, worker_app):
    reference = bring(files=(("winmail.dat", b"x"), ("avtal.pdf", b"y")))
    file = desk.check_as(worker_app, reference, "accept")
    draw(worker_app, file, part="2", detected_type="application/vnd.ms-tnef")
    beside = "Det som låg i den ligger som egna filer i ärendet."
    assert beside not in anna.get(at(reference, file)).text
    with worker_app.app_context():
        other = db.session.scalar(select(Attachment.id).where(Attachment.name == "avtal.pdf"))
    draw(worker_app, other, part="2~1")
    page = desk.text_of(anna.get(at(reference, file)))
    assert beside in page
    assert "Outlook-paket (winmail.dat), " in page


def test_the_history_names_the_file_that_was_put_in_quarantine(anna, checked, worker_app):
    reference, file = checked("quarantine", name="<b>ond.jpg")
    with worker_app.app_context():
        found = db.session.get_one(Attachment, file)
        note(found.matter_id, "file_quarantined", {"attachment": str(file), "findings": ["malware"]})
        db.session.commit()
    assert "En fil sattes i karantän: <bdi>&lt;b&gt;ond.jpg</bdi>" in anna.page(reference).text


def test_the_page_tells_who_has_looked_at_what_and_why(anna, sit, checked, worker_app):
    reference, file = checked()
    draw(worker_app, file, photo(), photo())
    page = anna.get(at(reference, file))
    for picture in pictures(page):
        anna.get(picture)
    anna.post(at(reference, file), page=page, verdict="accept")
    asked = anna.get(f"/arende/{reference}/exportera")
    anna.post(f"/arende/{reference}/exportera", page=asked, reason="Till åklagaren")
    bertil = sit("bertil@example.se", *desk.seats("syd"), name="Bertil Sand")
    said = desk.text_of(bertil.get(at(reference, file))).partition("Vilka som har tittat")[2]
    order = ("Bertil Sand läste filens sida", "Anna Lindgren exporterade hela ärendet: Till åklagaren",
             "Anna Lindgren hämtade originalet", "Anna Lindgren såg 2 bilder av filen",
             "Anna Lindgren läste filens sida")  # fmt: skip
    places = [said.find(each) for each in order]
    assert -1 not in places, said
    assert places == sorted(places)


def test_however_many_pictures_are_seen_who_took_the_original_stands_there(anna, checked, owner_app):
    reference, file = checked()
    anna.post(at(reference, file), page=anna.get(at(reference, file)), verdict="accept")
    with owner_app.app_context():
        first = db.session.query(AccessLog).filter(AccessLog.what == "view").one()
        told = {"chain": first.chain, "who": first.handler_id, "matter": first.matter_id, "file": file}
        look = "add_look(:chain, NULL, :who, 'Anna', 'picture:/' || n, :matter, :file, NULL, NULL)"
        looks = text(f"SELECT {look} FROM generate_series(1, :most) n")
        db.session.execute(looks, {**told, "most": 2 * LOOKS})
        db.session.commit()
    page = anna.get(at(reference, file)).text
    assert "hämtade originalet" in page
    assert f"såg {LOOKS} bilder av filen" in page


def test_a_picture_that_is_not_there_in_ones_own_file_is_no_try_to_see_anothers(anna, checked, caplog):
    reference, file = checked()
    assert anna.get(at(reference, file, "/bild/7")).status_code == 404
    assert "refused handler=" not in caplog.text


def test_a_photo_is_seen_small_in_the_conversation_and_nothing_else_is(anna, bring, worker_app):
    reference = bring(files=(("cykel.jpg", b"x"), ("avtal.pdf", b"y")))
    file = desk.check_as(worker_app, reference, "accept")
    draw(worker_app, file, photo(), detected_type="image/jpeg")
    assert pictures(anna.page(reference)) == [at(reference, file, "/bild/1")]
    desk.check_as(worker_app, reference, "quarantine")
    assert pictures(anna.page(reference)) == []
