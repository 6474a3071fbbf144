"""A matter's page and the acts on it, each by its button, under the handlers' own database role."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta

import pytest

from intake import storage
from intake.models import (
    AccessLog,
    Attachment,
    Event,
    Handler,
    Job,
    MailAddress,
    Matter,
    Membership,
    Message,
    OutgoingLetter,
)
from tests import desk

ACTS = (
    "ta", "slapp", "fordela", "flytta", "svara", "anteckna", "avsluta", "oppna", "sortera", "atgardat",
)  # fmt: skip


def matter_of(seen, reference):
    seen.rollback()
    return seen.query(Matter).filter_by(reference=reference).one()


def events_of(seen, reference):
    matter = matter_of(seen, reference)
    return [row.what for row in seen.query(Event).filter_by(matter_id=matter.id).order_by(Event.at, Event.id)]


@pytest.fixture
def reference(bring):
    return bring()


@pytest.fixture
def bertil(sit):
    return sit("bertil.syd@example.se", *desk.seats("syd"), name="Bertil Sand")


def test_the_page_tells_the_matter_whole(anna, reference):
    words = desk.text_of(anna.page(reference))
    for expected in (
        "Cykel borta", reference, "dnr M000.001/2026", "Registrerad", "Kontaktcenter, Region Syd",
        "Kim Berg", "kim@example.com", "Malmö", "Min cykel stals utanför stationen.",
        "Varför ärendet står här", "Historik", "Ärendet kom in via webbformulär",
    ):  # fmt: skip
        assert expected in words


def test_each_look_is_recorded(anna, reference, seen):
    anna.page(reference)
    rows = seen.query(AccessLog).where(AccessLog.what == "matter").all()
    assert [(row.actor, row.matter_id) for row in rows] == [("Anna Lindgren", matter_of(seen, reference).id)]


def test_what_a_citizen_wrote_is_text(anna, bring):
    evil = '<img src=x onerror=alert(1)>\n\n  rad två <a href="http://fara.example/">här</a>'
    page = anna.page(bring(text=evil, subject='"><script>1</script>', sender_name="<b>Kim</b>"))
    for tag in ("<img", "<script>1", "<b>Kim", 'href="http://fara'):
        assert tag not in page.text
    assert "&lt;img src=x onerror=alert(1)&gt;\n\n  rad två" in page.text


def test_another_units_matter_is_as_unknown_as_one_that_does_not_exist(anna, bring, caplog):
    others = bring(municipality="2480")
    unknown, refused = (anna.get(f"/arende/{reference}") for reference in ("K7RX-3M9P", others))
    assert refused.status_code == unknown.status_code == 404
    # A form's token is another one each second.
    said = [page.text.replace(desk.token_in(page), "") for page in (refused, unknown)]
    assert said[0] == said[1]
    for reference in ("K7RX-3M9P", others):
        assert f"refused handler={handler_id(caplog)} reference={reference}" in caplog.text


def handler_id(caplog):
    return caplog.records[-1].getMessage().split("handler=")[1].split()[0]


@pytest.mark.parametrize(
    "act",
    ["ta", "slapp", "fordela", "flytta", "svara", "anteckna", "avsluta", "oppna", "sortera", "atgardat"],
)
def test_nothing_can_be_done_to_another_units_matter(anna, bring, seen, act):
    others = bring(municipality="2480")
    before = events_of(seen, others)
    answer = anna.post(f"/arende/{others}/{act}", version="1", text="x", note="x", outcome="answered",
                       unit="syd-inkorg", reason="x")  # fmt: skip
    assert answer.status_code == 404
    assert events_of(seen, others) == before


def test_su_is_invisible_to_the_regions_coordinator(sit, bring):
    hidden = bring(category="su", channel="form", addressed_unit="su", subject="Om en polis")
    plain = bring()
    karin = sit("karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    assert karin.page(plain).status_code == 200
    assert karin.page(hidden).status_code == 404
    assert hidden not in karin.get("/").text
    assert sara.page(hidden).status_code == 200
    assert sara.page(plain).status_code == 404


def test_an_operator_sees_no_content(sit, reference):
    operator = sit("drift@example.se", ("syd-kontaktcenter", "operator"), name="Olle Drift")
    assert operator.page(reference).status_code == 404
    assert reference not in operator.get("/").text


def test_a_role_that_is_taken_away_is_gone_at_once(anna, reference, seen):
    assert anna.page(reference).status_code == 200
    seen.query(Membership).delete()
    seen.commit()
    assert anna.page(reference).status_code == 404


def test_taking_makes_it_mine(anna, reference, seen):
    assert anna.act(reference, "ta").status_code == 303
    matter = matter_of(seen, reference)
    assert (matter.status, matter.version) == ("in_progress", 2)
    assert "Handläggare Anna Lindgren" in desk.text_of(anna.page(reference))
    assert "Lämna tillbaka" in anna.page(reference).text


def test_giving_back_leaves_it_in_the_inbox(anna, reference, seen):
    anna.act(reference, "ta")
    anna.act(reference, "slapp")
    matter = matter_of(seen, reference)
    assert (matter.status, matter.handler_id) == ("registered", None)


def test_it_can_be_given_to_a_colleague_in_the_unit_only(anna, bertil, sit, reference, seen):
    bo = sit("bo@example.se", *desk.seats("nord"), name="Bo Ek")
    ids = {row[1]: row[0] for row in seen.query(Handler.id, Handler.email)}
    assert "Bo Ek" not in anna.page(reference).text
    assert anna.act(reference, "fordela", to=str(ids[bo.email])).status_code == 422
    anna.act(reference, "fordela", to=str(ids[bertil.email]))
    assert matter_of(seen, reference).status == "assigned"
    assert "Fördelade ärendet till Bertil Sand" in desk.text_of(anna.page(reference))
    assert reference in bertil.get("/?visa=mina").text


def test_of_two_who_take_at_once_one_wins_and_the_other_is_told(anna, bertil, reference, seen):
    page = bertil.page(reference)
    anna.act(reference, "ta")
    late = bertil.act(reference, "ta", page=page)
    assert late.status_code == 409
    assert "En kollega hann före" in late.text
    assert "Tog ärendet (Anna Lindgren)" in desk.text_of(late)
    assert events_of(seen, reference).count("taken") == 1


def test_a_reply_that_came_late_keeps_its_words_and_goes_at_the_next_press(anna, bertil, reference, seen):
    page = bertil.page(reference)
    anna.act(reference, "ta")
    late = bertil.act(reference, "svara", page=page, text="Ett långt och genomtänkt svar.")
    assert late.status_code == 409
    assert "Ett långt och genomtänkt svar." in late.text
    assert seen.query(OutgoingLetter).filter_by(kind="reply").count() == 0
    assert bertil.act(reference, "svara", page=late, text="Ett långt svar.").status_code == 303


def test_what_is_moved_to_su_is_seen_by_su_alone(anna, sit, reference):
    karin = sit("karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    anna.act(reference, "flytta", unit="su", reason="Gäller en anställd.")
    assert [who.page(reference).status_code for who in (anna, karin, sara)] == [404, 404, 200]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"unit": "finns-inte", "reason": "x"}, "Välj en enhet i listan."),
        ({"unit": "syd-kontaktcenter", "reason": "x"}, "Välj en enhet i listan."),
        ({"unit": "nord-inkorg", "reason": "x"}, "Välj en enhet i listan."),
        ({"unit": "su"}, "Skriv varför ärendet flyttas."),
    ],
)
def test_a_move_needs_another_unit_and_a_reason(anna, reference, words, said):
    answer = anna.act(reference, "flytta", **words)
    assert answer.status_code == 422
    assert said in answer.text


def test_a_reply_is_owed_with_its_file_and_an_address_for_its_bounce(anna, reference, seen, handler_app):
    answer = anna.act(reference, "svara", text="Hej Kim!\r\nVi ringer.",
                      files=(io.BytesIO(b"svar"), "Svar å.txt"))  # fmt: skip
    assert answer.status_code == 303
    (letter,) = seen.query(OutgoingLetter).filter_by(kind="reply").all()
    message = seen.get(Message, letter.message_id)
    assert (letter.recipient, letter.state) == ("kim@example.com", "owed")
    assert (message.direction, message.text) == ("outgoing", "Hej Kim!\nVi ringer.")
    assert "Cykel" not in message.subject
    assert reference in message.subject
    (address,) = seen.query(MailAddress).filter_by(outgoing_id=letter.id).all()
    assert address.matter_id == letter.matter_id
    (file,) = seen.query(Attachment).filter_by(message_id=message.id).all()
    assert (file.name, file.verdict, file.size_bytes) == ("Svar å.txt", "unchecked", 4)
    kinds = {(job.kind, job.subject_id) for job in seen.query(Job)}
    assert {("send_letter", letter.id), ("check_file", file.id)} <= kinds
    with handler_app.app_context(), storage.current().open(file.storage_key) as stored:
        assert stored.read() == b"svar"
    page = desk.text_of(anna.page(reference))
    assert "Väntar på att skickas" in page
    assert "Besvarad" in page


def test_nobody_can_be_answered_who_left_no_address(anna, bring):
    reference = bring(sender_email=None, sender_phone="070-1740605")
    assert "ett skrivet svar når inte fram" in anna.page(reference).text
    answer = anna.act(reference, "svara", text="Hej!")
    assert answer.status_code == 422
    assert "Svaret når ingen" in answer.text


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [("virus.exe", b"x", "av en typ som vi inte skickar"), ("tom.txt", b"", "är tom")],
)
def test_a_file_that_will_not_do_keeps_the_reply(anna, reference, seen, name, data, said):
    answer = anna.act(reference, "svara", text="Mitt svar.", files=(io.BytesIO(data), name))
    assert answer.status_code == 422
    assert said in answer.text
    assert "Mitt svar.</textarea>" in answer.text
    assert seen.query(OutgoingLetter).filter_by(kind="reply").count() == 0


def test_files_too_large_for_mail_keep_the_reply(anna, reference, handler_app):
    known = handler_app.extensions["settings"]
    small = replace(known.tables, files=replace(known.tables.files, mail_way_out_bytes=10))
    handler_app.extensions["settings"] = replace(known, tables=small)
    answer = anna.act(reference, "svara", text="Mitt svar.", files=(io.BytesIO(b"x" * 11), "a.txt"))
    assert answer.status_code == 422
    assert "för stora för att mejlas" in desk.text_of(answer)
    assert "Mitt svar.</textarea>" in answer.text


def test_a_note_is_seen_by_colleagues_and_collides_with_nobody(anna, bertil, reference, seen):
    page = bertil.page(reference)
    anna.act(reference, "ta")
    assert bertil.act(reference, "anteckna", page=page, note="Ringde, inget svar.").status_code == 303
    assert "Anteckning av Bertil Sand" in desk.text_of(anna.page(reference))
    assert matter_of(seen, reference).version == 2


def test_closing_and_opening_again(anna, reference, seen):
    answer = anna.act(reference, "avsluta")
    assert (answer.status_code, "Välj hur ärendet avslutas." in answer.text) == (422, True)
    anna.act(reference, "avsluta", outcome="referred", closing="Hänvisad till kommunen.")
    assert matter_of(seen, reference).status == "closed"
    words = desk.text_of(anna.page(reference))
    assert "Avslutade ärendet: hänvisat till någon annan" in words
    assert "Hänvisad till kommunen." in words
    assert "Svara med e-post" not in words
    assert anna.act(reference, "ta").status_code == 422
    anna.act(reference, "oppna")
    assert (matter_of(seen, reference).status, matter_of(seen, reference).closed_at) == ("reopened", None)


def test_what_a_person_decides_is_kept_beside_what_the_rule_said(anna, reference, seen):
    anna.act(reference, "sortera", category="tips", priority="1", why="Det är ett tips.")
    matter = matter_of(seen, reference)
    assert (matter.category, matter.priority) == ("tips", 1)
    (event,) = seen.query(Event).filter_by(what="sorted").all()
    assert event.detail["was"] == {"category": "anmalan", "priority": 3}
    assert event.detail["rule"]["category"] == "anmalan"
    assert anna.act(reference, "sortera", category="tips", priority="1").status_code == 422
    assert anna.act(reference, "sortera", category="hittepå", priority="9").status_code == 422


def test_what_needed_a_person_can_be_seen_to(anna, bring):
    reference = bring(needs_person=("reply_not_sent",))
    assert "Ett svar gick inte iväg" in anna.page(reference).text
    anna.act(reference, "atgardat")
    assert "<strong>Ett svar gick inte iväg" not in anna.page(reference).text


def test_a_possible_earlier_matter_is_linked_only_for_those_who_see_it(anna, bring, seen):
    earlier, others, reference = bring(), bring(municipality="2480"), bring()
    for named, is_linked in ((earlier, True), (others, False)):
        matter_of(seen, reference).possible_of_id = matter_of(seen, named).id
        matter = matter_of(seen, reference)
        matter.possible_of_id = seen.query(Matter.id).filter_by(reference=named).scalar()
        seen.commit()
        assert (f'href="/arende/{named}"' in anna.page(reference).text) is is_linked


def test_a_stale_page_keeps_what_was_written(anna, reference, seen):
    data = {"csrf_token": "gammal", "version": "1", "text": "Mitt svar."}
    answer = anna.client.post(f"/arende/{reference}/svara", data=data)
    assert answer.status_code == 422
    assert "för gammal" in answer.text
    assert "Mitt svar.</textarea>" in answer.text
    assert "replied" not in events_of(seen, reference)


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999"])
def test_a_page_without_its_version_changes_nothing(anna, reference, seen, version):
    assert anna.act(reference, "ta", version=version).status_code == 422
    assert matter_of(seen, reference).handler_id is None


def test_one_who_was_signed_out_while_writing_gets_the_words_back(anna, reference, clock):
    page = anna.page(reference)
    clock.at += timedelta(hours=1)
    answer = anna.act(reference, "svara", page=page, text="Mitt <långa> svar.")
    assert answer.status_code == 403
    assert "Du har loggats ut" in answer.text
    assert "Mitt &lt;långa&gt; svar." in answer.text


def test_an_unknown_page_is_a_kind_404_in_the_handlers_frame(anna):
    answer = anna.get("/finns/inte")
    assert answer.status_code == 404
    assert "Till inkorgen" in answer.text
    assert "/personuppgifter" not in answer.text


def test_every_page_has_the_headers(anna, reference):
    for path in ("/", "/logga-in", "/konto", f"/arende/{reference}", "/finns/inte"):
        headers = anna.get(path).headers
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
