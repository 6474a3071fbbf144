"""The mailroom's journal and the walls: of a letter to several sides each person is told what is theirs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from intake.models import Fetched, Job, Letter, MailboxState, Matter, MatterUnit, OutgoingLetter
from tests import desk
from tests.letters_home import address_of, deliver, letter, matters, receive

SYD, NORD, SU = "syd@example.se", "nord@example.se", "su@example.se"
LETTER = {"text": "Cykeln stals.", "Message_ID": "<1@example.com>"}


@pytest.fixture
def sara(sit):
    return sit("sara@example.se", ("su", "handler"), ("su", "operator"), name="Sara Ek")


def journal(somebody, query=""):
    """Return what the rows that are found say; "" when there is none."""
    page = somebody.get("/postrum?" + query.replace("+", "%2B")).text.partition('id="journal"')[2]
    rows = re.search(r"<tbody>(.*)</tbody>", page, re.DOTALL)
    return desk.text_of(type("Rows", (), {"text": rows[1]})) if rows else ""


def outcomes(said):
    said = said.casefold()
    return said.count("blev ett ärende") + said.count("finns i") + said.count("kopia av")


def test_a_row_that_names_the_writer_tells_of_no_other_side(both, post):
    post(deliver, letter(**LETTER), SYD, SU)
    said = journal(both)
    assert ("Kim Berg" in said, SYD in said, SU in said) == (True, True, False)
    assert outcomes(said) == 1
    for hidden in ("adress=su", f"adress={SU}"):
        assert journal(both, hidden) == ""
    assert "Kim Berg" in journal(both, "adress=syd")


def test_nor_of_another_region(both, olle, post):
    post(deliver, letter(**LETTER), SYD, NORD)
    assert (NORD in journal(both), journal(both, "adress=nord")) == (False, "")
    said = journal(olle, "adress=nord")
    assert (SYD in said, NORD in said, "Kim Berg" in said, outcomes(said)) == (True, True, False, 2)


def test_a_letter_that_one_knows_of_is_not_found_to_have_gone_to_su(olle, post, seen):
    post(deliver, letter(**LETTER), SYD, SU)
    for query in ("id=1@example.com", f"sha={seen.query(Letter).one().sha256}", "adress=syd"):
        said = journal(olle, query)
        assert (SYD in said, "su@" in said, outcomes(said)) == (True, False, 1), query
    assert journal(olle, "adress=su") == ""


def test_a_letter_to_su_alone_is_nothing_to_others_and_a_row_to_those_who_sit_there(both, olle, sara, post):
    post(receive, letter(**LETTER), SU)
    for other in (both, olle):
        assert journal(other) == journal(other, "id=1@example.com") == ""
        said = desk.text_of(other.get("/postrum"))
        assert "Inget brev har kommit än Väntar på att läsas 0 " in said
    assert SU in journal(sara, "adress=su")
    said = desk.text_of(sara.get("/postrum"))
    assert ("e-post (SMTP):" in said, "Väntar på att läsas 1, det äldsta" in said) == (True, True)


def test_no_count_of_what_is_stuck_or_goes_out_tells_of_su(olle, sara, post, seen, clock):
    post(deliver, letter(**LETTER), SU)
    post(receive, letter("Mer.", Message_ID="<2@example.com>"), SU)
    one = seen.query(Matter).one()
    seen.query(Job).filter_by(done_at=None).update({"stuck_at": clock(), "last_error": "KeyError"})
    seen.add(OutgoingLetter(matter_id=one.id, kind="reply", state="task", recipient="kim@example.com",
                            message_id_header="<3@example.se>", created_at=clock()))  # fmt: skip
    seen.commit()
    outside, inside = (desk.text_of(somebody.get("/postrum")) for somebody in (olle, sara))
    told = ("gett upp", "osäkra: 1", "Brev har fastnat.")
    assert [words in outside for words in told] == [False, False, False]
    assert [words in inside for words in told] == [True, True, True]


def test_an_address_into_a_matter_that_su_took_over_is_told_in_su_alone(olle, sara, post, seen, clock):
    post(deliver, letter(**LETTER))
    address = post(lambda: address_of(matters()[0]))
    seen.query(MatterUnit).update({"unit_id": "su"})
    seen.query(Matter).update({"unit_id": "su"})
    seen.commit()
    post(deliver, letter("Mer.", Message_ID="<2@example.com>"), address)
    assert journal(olle, "id=2@example.com") == journal(olle, f"adress={address}") == ""
    assert journal(olle, "adress=arende") == ""
    assert "Kim Berg" in journal(sara, f"adress={address}")


def test_who_handles_what_su_gave_away_sees_where_it_came(both, olle, post, seen):
    post(deliver, letter(**LETTER), SU)
    seen.query(MatterUnit).update({"unit_id": "syd-inkorg"})
    seen.query(Matter).update({"unit_id": "syd-inkorg"})
    seen.commit()
    assert (SU in journal(both), journal(olle)) == (True, "")


def test_an_odd_letter_to_su_is_not_even_counted_outside_it(olle, sara, post, seen):
    post(deliver, letter(**LETTER), SU)
    seen.query(Letter).update({"problems": ["något"]})
    seen.commit()
    assert "Med anmärkning 0 det senaste dygnet" in desk.text_of(olle.get("/postrum"))
    assert "Med anmärkning 1 det senaste dygnet" in desk.text_of(sara.get("/postrum"))


def test_a_mailbox_is_told_where_all_of_a_letter_is(both, olle, post, seen, clock):
    post(deliver, letter(**LETTER), SYD, NORD)
    one = seen.query(Letter).one()
    seen.add(Fetched(mailbox="lista", uidvalidity=1, uid=7, outcome="stored", digest=one.sha256,
                     first_seen_at=clock(), last_seen_at=clock(), letter_id=one.id))  # fmt: skip
    seen.commit()
    assert ("UID 7" in journal(olle), "UID 7" in journal(both)) == (True, False)


def test_a_copy_says_which_address_it_came_to(olle, post, clock):
    post(deliver, letter(**LETTER), SYD)
    clock.at += timedelta(minutes=1)
    post(deliver, b"Received: a\r\n" + letter(**LETTER), SYD, NORD)
    said = journal(olle)
    assert f"{SYD} : kopia av ett brev som redan fanns" in said
    assert f"{NORD} : blev ett ärende eller del av ett" in said


def test_a_mailbox_of_su_is_not_told_letter_by_letter_outside_it(olle, sara, seen, clock):
    seen.add(MailboxState(mailbox="hemlig", address="su@example.se"))
    seen.add(Fetched(mailbox="hemlig", uidvalidity=1, uid=8, outcome="refused", first_seen_at=clock(),
                     last_seen_at=clock()))  # fmt: skip
    seen.commit()
    for somebody, is_told in ((olle, False), (sara, True)):
        assert ("UID 8" in desk.text_of(somebody.get("/postrum"))) is is_told
