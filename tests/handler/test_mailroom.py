"""The mailroom's page: where every letter went, for operators; who wrote it, only for those who may see."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from intake.handler import journal
from intake.models import AccessLog, Event, Fetched, Job, Letter, MailboxState, Matter
from tests import desk
from tests.file_samples import PDF
from tests.letters_home import address_of, deliver, letter, matters, receive, unpack_all

SECRET = {"sender": "Hemlig Person <hemlig@example.com>", "subject": "Om en polis"}


def words(somebody, path="/postrum"):
    return desk.text_of(somebody.get(path))


def rows(page):
    return len(re.findall(r'<th scope="row">\d', page.text.partition('id="journal"')[2]))


def test_nobody_but_an_operator_finds_the_page(anna, sit, olle):
    karin = sit("karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    for other in (anna, karin, sara):
        page = other.get("/postrum")
        assert page.status_code == 404
        assert "/postrum" not in other.get("/").text
        some = "00000000-0000-0000-0000-000000000000"
        assert other.post(f"/postrum/brev/{some}/tolka-om").status_code == 404
        assert other.post(f"/postrum/jobb/{some}/forsok-igen").status_code == 404
    assert olle.get("/postrum").status_code == 200
    assert 'href="/postrum"' in olle.get("/").text


def test_an_operator_sees_where_a_letter_is_and_nothing_of_what_it_says(olle, post, seen):
    post(deliver, letter(**SECRET), sender="hemlig@example.com")
    page = olle.get("/postrum")
    shown = desk.text_of(page)
    assert "Blev ett ärende eller del av ett" in shown
    assert "kontakt@example.se" in shown
    for hidden in ("emlig", "Om en polis", seen.query(Matter).one().reference):
        assert hidden not in page.text
    assert [look.what for look in seen.query(AccessLog)] == ["sign_in"]


def test_who_may_see_the_matter_is_told_and_that_look_is_recorded(both, post, seen):
    post(deliver, letter("Cykeln stals i Malmö.", subject="Cykel borta"))
    matter = seen.query(Matter).one()
    shown = words(both)
    for told in ("Kim Berg <kim@example.com> : Cykel borta", matter.reference):
        assert told in shown
    looks = seen.query(AccessLog).filter(AccessLog.what != "sign_in").all()
    assert [(row.what, row.matter_id, row.actor) for row in looks] == [("journal", matter.id, "Eva Ljung")]


def test_no_letter_to_su_is_told_outside_it(both, olle, sit, post, seen):
    post(deliver, letter(**SECRET), "su@example.se", sender="hemlig@example.com")
    assert seen.query(Matter).one().unit_id == "su"
    sara = sit("sara@example.se", ("su", "handler"), ("su", "operator"), name="Sara Ek")
    for other in (both, olle):
        for path in ("/postrum", "/postrum?adress=su", "/postrum?odda=ja"):
            assert "emlig" not in other.get(path).text
            assert "Om en polis" not in other.get(path).text
    assert "Hemlig Person <hemlig@example.com> : Om en polis" in words(sara)


def test_a_letter_to_both_sides_of_a_wall_is_told_on_each_side_alone(both, post, seen):
    post(deliver, letter("Cykeln stals i Malmö."), "su@example.se", "kontakt.syd@example.se")
    hidden = seen.query(Matter).filter_by(unit_id="su").one().reference
    open_one = seen.query(Matter).filter(Matter.unit_id != "su").one().reference
    page = both.get("/postrum")
    assert (open_one in page.text, hidden in page.text) == (True, False)


def test_a_matters_address_is_shown_without_what_opens_it(both, post):
    post(deliver, letter(Message_ID="<1@example.com>"))
    address = post(lambda: address_of(matters()[0]))
    post(deliver, letter("Mer.", Message_ID="<2@example.com>"), address)
    page = both.get("/postrum")
    token = address.partition("+")[2].partition("@")[0]
    assert token not in page.text
    assert f"arende+{token[:4]}…@example.se" in page.text


def test_the_journal_is_searched_by_address_digest_message_id_and_day(olle, post, seen, clock):
    post(deliver, letter(Message_ID="<1@example.com>"))
    clock.at += timedelta(days=2)
    olle.sign_in()
    post(deliver, letter(Message_ID="<2@example.com>"), "kontakt.nord@example.se")
    first = seen.query(Letter).order_by(Letter.received_at).first()
    for query, found in (
        ("", 2), ("adress=kontakt.nord@example.se", 1), ("adress=kontakt.nord", 1), ("adress=kontakt", 1),
        ("adress=ingen@example.se", 0), (f"sha={first.sha256}", 1), (f"sha={'0' * 64}", 0),
        ("id=%3C1%40example.com%3E", 1), ("id=2@example.com", 1), ("fran=2026-11-23", 1),
        ("till=2026-11-22", 1), ("fran=2026-11-22&till=2026-11-24", 2), ("odda=ja", 0),
    ):  # fmt: skip
        assert rows(olle.get(f"/postrum?{query}")) == found, query


def test_a_search_that_is_no_day_or_digest_is_told_so(olle):
    page = olle.get("/postrum?fran=igår&sha=abc")
    assert page.status_code == 422
    assert "Skriv en dag så här: 2026-11-22." in page.text
    assert "SHA-256 ska vara 64 tecken" in page.text


def test_pages_of_the_journal_walk_through_every_letter_once(olle, post, monkeypatch):
    monkeypatch.setattr(journal.read_journal, "__kwdefaults__",
                        journal.read_journal.__kwdefaults__ | {"rows": 3})  # fmt: skip
    for number in range(7):
        post(receive, letter(subject=f"Brev {number}"))
    walked, path = [], "/postrum?adress=kontakt"
    while path:
        page = olle.get(path)
        walked += re.findall(r"SHA-256 ([0-9a-f<wbr>]+)", page.text)
        following = re.search(r'href="([^"]*efter=[^"]*)" rel="next"', page.text)
        path = following[1].replace("&amp;", "&") if following else None
    assert (len(walked), len(set(walked))) == (7, 7)


@pytest.mark.parametrize("cursor", ["x", "3.1." + "0" * 32, "99999999999999999." + "0" * 32, "' OR 1=1"])
def test_a_cursor_that_is_none_of_ours_shows_the_beginning(olle, post, cursor):
    post(receive, letter())
    assert olle.get("/postrum", query_string={"efter": cursor}).status_code == 200


def test_a_letter_that_waits_or_gave_up_says_so_and_can_be_tried_again(olle, post, seen, clock):
    post(receive, letter())
    assert "Väntar på att läsas" in words(olle)
    job = seen.query(Job).one()
    job.stuck_at, job.last_error = clock(), "KeyError"
    seen.commit()
    page = olle.get("/postrum")
    assert "Brev har fastnat." in page.text
    assert "Har fastnat KeyError" in desk.text_of(page)
    assert olle.post(f"/postrum/jobb/{job.id}/forsok-igen", page=page).status_code == 303
    assert [row.subject_id for row in seen.query(Job).filter_by(kind="retry_job")] == [job.id]


def test_a_letter_can_be_read_again_and_its_matter_tells_who_asked(olle, anna, post, seen):
    post(deliver, letter("I Malmö."))
    one = seen.query(Letter).one()
    assert olle.post(f"/postrum/brev/{one.id}/tolka-om", page=olle.get("/postrum")).status_code == 303
    assert [job.subject_id for job in seen.query(Job).filter_by(kind="parse_again")] == [one.id]
    assert seen.query(Event).filter_by(what="parsing_asked").count() == 1
    assert "Bad om att ett brev tolkas på nytt Olle Drift" in words(anna, f"/arende/{matter_of(seen)}")


def matter_of(seen):
    return seen.query(Matter).one().reference


def test_a_button_without_its_token_does_nothing(olle, post, seen):
    post(deliver, letter())
    one = seen.query(Letter).one()
    olle.client.post(f"/postrum/brev/{one.id}/tolka-om")
    assert seen.query(Job).filter_by(kind="parse_again").count() == 0
    assert "för gammal" in olle.get("/postrum").text


def test_a_copy_is_told_as_a_copy(both, post):
    once = letter("I Malmö.", Message_ID="<1@example.com>")
    post(deliver, once)
    post(deliver, b"Received: by example\r\n" + once)
    assert "Kopia av ett brev som redan fanns i" in words(both)


def test_a_fetched_letter_is_found_by_its_uids(olle, post, seen, clock):
    post(receive, letter())
    one = seen.query(Letter).one()
    for uid in (7, 9):
        seen.add(Fetched(mailbox="lista", uidvalidity=1, uid=uid, outcome="stored", digest=one.sha256,
                         first_seen_at=clock(), last_seen_at=clock(), letter_id=one.id))  # fmt: skip
    seen.add(MailboxState(mailbox="lista", looked_at=clock(), fault="svarar inte", fault_since=clock()))
    seen.commit()
    shown = words(olle)
    assert "lista, UID 7 lista, UID 9" in shown
    assert "svarar inte" in shown


def test_a_uid_that_became_no_letter_says_why(olle, seen, clock):
    for uid, outcome in ((7, "refused"), (8, "gone"), (9, "seen")):
        seen.add(
            Fetched(mailbox="lista", uidvalidity=1, uid=uid, outcome=outcome, size_bytes=60 * 1024 * 1024,
                    first_seen_at=clock(), last_seen_at=clock())
        )  # fmt: skip
    seen.commit()
    shown = words(olle)
    assert "UID 7, 60 MB: för stort att ta emot, ligger kvar i brevlådan." in shown
    assert "UID 8, 60 MB: borta ur brevlådan innan det hämtades." in shown
    assert "UID 9, 60 MB: sett, inte hämtat än." in shown


def test_a_uid_that_became_another_is_no_letter_that_waits(olle, seen, clock):
    for uid, outcome in ((7, "refused"), (8, "gone"), (9, "seen")):
        seen.add(Fetched(mailbox="lista", uidvalidity=1, uid=uid, outcome=outcome,
                         first_seen_at=clock(), last_seen_at=clock()))  # fmt: skip
    seen.add(MailboxState(mailbox="lista", uidvalidity=2))
    seen.commit()
    shown = words(olle)
    assert [uid for uid in (7, 8, 9) if f"UID {uid}:" in shown] == [8]


def test_a_sender_without_a_name_is_told_by_the_address_alone(both, post):
    post(deliver, letter("Cykeln stals i Malmö.", sender="kim@example.com", subject="Cykel borta"))
    assert "kim@example.com : Cykel borta" in words(both)


def test_the_page_costs_the_same_however_many_letters_there_are(both, post, handler_app):
    def cost():
        return desk.count_statements(handler_app, lambda: both.get("/postrum"))

    post(deliver, letter("I Malmö.", Message_ID="<0@example.com>"))
    one = cost()
    for number in range(1, 6):
        post(receive, letter(f"I Malmö {number}.", Message_ID=f"<{number}@example.com>"))
    post(unpack_all)
    assert cost() == one <= 20


# A word that stands in all that a sender can write; the letter is sent to two sides, and once more.
CANARY = "kanariefågel"
SUNG = letter(
    f"En {CANARY} i texten.",
    subject=f"En {CANARY}",
    sender=f"{CANARY} <{CANARY}@example.com>",
    files=((f"{CANARY}.pdf", PDF),),
    Message_ID=f"<{CANARY}@example.com>",
    References=f"<{CANARY}.1@example.com>",
    Reply_To=f"{CANARY}@example.com",
    Auto_Submitted=f"auto-replied ({CANARY})",
)
RELATIONS = """
    SELECT oid::regclass::text, quote_ident(attname)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') AND NOT attisdropped
"""
TOLD = (
    "SELECT told::text FROM letter_journal(NULL, NULL, NULL, NULL, NULL, false, NULL, NULL, 99) AS told",
    "SELECT told::text FROM told_addresses(ARRAY[CAST(:letter AS uuid)]) AS told",
    "SELECT told::text FROM letter_outcomes(ARRAY[CAST(:letter AS uuid)]) AS told",
    "SELECT told::text FROM stuck_letter_jobs(99) AS told",
    "SELECT told::text FROM last_letters(99) AS told",
    "SELECT look('matter', CAST(:matter AS uuid), NULL, NULL)::text",
    "SELECT open_matter(:reference)::text",
)


@pytest.fixture
def at_prompt(database):
    """Ask under the pages' own role as somebody does at a prompt, with the secret of a session shown."""
    engine = database.prompt("handler")

    def ask(somebody, statement, **values):
        with engine.connect() as connection:
            shown = {"secret": somebody.secret()}
            connection.execute(text("SELECT set_config('app.session', :secret, true)"), shown)
            try:
                return [tuple(row) for row in connection.execute(text(statement), values)]
            except DBAPIError as refused:
                return [(str(refused.orig),)]

    return ask


def sing(post, seen):
    """Let such letters come in, and what was odd about them be quoted; return what could be asked by."""
    for raw in (SUNG, b"Received: a\r\n" + SUNG):
        post(deliver, raw, "kontakt.syd@example.se", "syd@example.se", sender=f"{CANARY}@example.com")
    post(receive, SUNG, "nord@example.se", sender=f"{CANARY}@example.com")
    seen.query(Letter).update({"problems": [CANARY]})
    one = seen.query(Matter).first()
    seen.commit()
    some = seen.query(Letter).order_by(Letter.received_at).first().id
    return {"letter": str(some), "matter": str(one.id), "reference": one.reference}


def test_an_operator_reads_nothing_of_content_at_a_prompt_either(olle, post, seen, at_prompt):
    known = sing(post, seen)
    for table, column in at_prompt(olle, RELATIONS):
        told = at_prompt(olle, f"SELECT {column}::text FROM {table}")
        assert CANARY not in str(told), (table, column)
    for statement in TOLD:
        told = str(at_prompt(olle, statement, **known))
        assert (CANARY in told, known["reference"] in told) == (False, False), statement
    assert at_prompt(olle, "SELECT count(*) FROM letter") == [(0,)]
    assert CANARY not in olle.get("/postrum").text


def test_who_sees_one_side_reads_its_letter_at_a_prompt_after_a_look_alone(both, post, seen, at_prompt):
    sing(post, seen)
    assert at_prompt(both, "SELECT count(*) FROM letter") == [(0,)]
    assert CANARY in both.get("/postrum").text
    assert at_prompt(both, "SELECT count(*) FROM letter WHERE sender_email IS NOT NULL")[0][0] > 0
    looks = seen.query(AccessLog).filter(AccessLog.what == "journal").all()
    assert {look.matter_id for look in looks} == {
        one.id for one in seen.query(Matter) if one.unit_id.startswith("syd-")
    }


def test_no_address_tells_at_a_prompt_what_opens_it(olle, post, seen, at_prompt):
    post(deliver, letter(Message_ID="<1@example.com>"))
    address = post(lambda: address_of(matters()[0]))
    post(deliver, letter("Mer.", Message_ID="<2@example.com>"), address)
    told = [at_prompt(olle, TOLD[1], letter=str(one.id)) for one in seen.query(Letter)]
    assert ("arende+" in str(told), address in str(told)) == (True, False)
