"""Revoking the status codes of a matter: every look ends at once, and nothing begun with one leads back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from intake import codes, drafts, limits
from intake.citizen import browser
from intake.matters import following
from intake.models import Draft, EmailChange, Event, Matter, Message, OutgoingLetter, new_id
from tests import desk
from tests.citizen import followed
from tests.citizen.person import Person, hidden
from tests.meanwhile import begin_before

TEXT = "En sak till."


@pytest.fixture
def matter(make_app, clock, worker_app, citizen):
    matter = followed.begin(make_app, clock, worker_app, Person(citizen))
    matter.open()
    return matter


def revoke(matter, **more):
    return matter.anna.act(matter.reference, "sparra", **more)


def add_to(matter):
    """Begin to add to the matter, and stop before it is sent."""
    token = hidden(matter.person.get("/arende").text, "csrf_token")
    begun = matter.person.client.post("/arende/lagg-till", data={"csrf_token": token})
    matter.person.draft = begun.location.removesuffix("/handelse")
    matter.person.fill("handelse", text=TEXT)


def texts(seen, matter_id):
    seen.rollback()
    return set(seen.scalars(select(Message.text).where(Message.matter_id == matter_id)))


def test_every_look_ends_at_once(matter, seen):
    assert matter.person.get("/arende").status_code == 200
    assert revoke(matter).status_code == 303
    assert matter.person.get("/arende").location == "/folj?slut=1"
    assert matter.open().status_code == 422
    assert "Spärrade statuskoderna Anna Lindgren" in desk.text_of(matter.anna.page(matter.reference))
    assert seen.scalars(select(Event.detail).where(Event.what == "codes_revoked")).one() == {"codes": 1}


def test_other_matters_codes_still_open(matter, worker_app, clock):
    _, reference, code = followed.bring(worker_app, clock)
    revoke(matter)
    answer = matter.person.client.post("/folj", data={"reference": reference, "code": code})
    assert answer.location == "/arende"


def test_a_new_code_is_asked_for_by_the_way_of_a_lost_one(matter, seen):
    revoke(matter)
    matter.person.client.post("/folj/tappat-koden", data={"reference": matter.reference})
    letter = seen.scalars(select(OutgoingLetter).where(OutgoingLetter.kind == "status_link")).one()
    assert letter.recipient == "kim@example.com"


def test_what_is_added_after_that_becomes_a_matter_of_its_own(matter, seen):
    add_to(matter)
    revoke(matter)
    assert matter.person.send().status_code == 303
    own = seen.scalars(select(Matter).where(Matter.id != matter.matter_id)).one()
    assert texts(seen, own.id) == {TEXT}
    assert TEXT not in texts(seen, matter.matter_id)


def test_its_receipt_does_not_open_the_first_matter(matter, seen):
    add_to(matter)
    revoke(matter)
    matter.person.send()
    code = seen.scalars(select(Draft.status_code)).one()
    assert code is not None
    assert matter.open(code).status_code == 422


def test_a_code_that_a_supplement_made_before_is_revoked_too(matter, seen):
    add_to(matter)
    matter.person.send()
    code = seen.scalars(select(Draft.status_code)).one()
    assert matter.open(code).location == "/arende"
    revoke(matter)
    assert matter.open(code).status_code == 422
    assert matter.person.get("/kvitto").status_code == 200


def test_an_address_that_was_not_confirmed_never_counts(matter, seen, clock):
    token, at = codes.new_status_code(), clock()
    seen.add(EmailChange(id=new_id(), matter_id=matter.matter_id, email="annan@example.org", created_at=at,
                         token_hash=codes.hash_code(token), expires_at=at + timedelta(hours=48)))  # fmt: skip
    seen.commit()
    revoke(matter)
    assert matter.person.client.post("/bekrafta", data={"code": token}).status_code == 422
    assert seen.scalars(select(Matter.sender_email)).one() == "kim@example.com"


@pytest.fixture
def between(matter, database, monkeypatch):
    """Let a handler revoke the codes when something is about to be called, and return what waits for that."""

    def revoke_before(module, name):
        return begin_before(monkeypatch, database.urls["owner"], module, name, lambda: revoke(matter))

    return revoke_before


def test_a_form_that_is_begun_in_that_moment_becomes_a_matter_of_its_own(matter, seen, between):
    end = between(drafts, "begin")
    add_to(matter)
    end()
    assert matter.person.send().status_code == 303
    assert TEXT not in texts(seen, matter.matter_id)
    assert matter.open(seen.scalars(select(Draft.status_code)).one()).status_code == 422


def test_a_form_that_is_begun_after_that_moment_is_refused(matter, seen, between):
    """A code that was looked at before and is revoked when it is used opens nothing."""
    end = between(browser, "make_key")
    token = hidden(matter.person.get("/arende").text, "csrf_token")
    begun = matter.person.client.post("/arende/lagg-till", data={"csrf_token": token})
    end()
    assert begun.location == "/folj?slut=1"
    assert seen.scalars(select(Draft.id)).all() == []


def test_an_address_that_is_asked_for_in_that_moment_never_counts(matter, seen, between):
    form = hidden(matter.person.get("/arende/kontakt").text, "csrf_token")
    end = between(limits, "hit")
    said = {"csrf_token": form, "email": "annan@example.org", "mail": "yes"}
    matter.person.client.post("/arende/kontakt", data=said)
    end()
    token = codes.new_status_code()
    seen.execute(update(EmailChange).values(token_hash=codes.hash_code(token)))
    seen.commit()
    assert matter.person.client.post("/bekrafta", data={"code": token}).status_code == 422
    assert seen.scalars(select(Matter.sender_email)).one() == "kim@example.com"


def test_a_wish_that_is_changed_in_that_moment_is_changed_before_it(matter, seen, between):
    form = hidden(matter.person.get("/arende/kontakt").text, "csrf_token")
    end = between(following, "update_matter")
    matter.person.client.post("/arende/kontakt", data={"csrf_token": form, "mail": "no"})
    end()
    done = seen.scalars(select(Event.what).order_by(Event.at)).all()
    assert "codes_revoked" not in done[: done.index("contact_changed")]
    # What the handler had on the screen has changed, so it is looked at and pressed once more.
    assert (revoke(matter).status_code, matter.open().status_code) == (303, 422)


def test_who_looked_at_the_clock_before_confirms_no_address_after(matter, seen, clock):
    token, at = codes.new_status_code(), clock()
    seen.add(EmailChange(id=new_id(), matter_id=matter.matter_id, email="annan@example.org", created_at=at,
                         token_hash=codes.hash_code(token), expires_at=at + timedelta(hours=48)))  # fmt: skip
    seen.commit()
    clock.at += timedelta(seconds=1)
    revoke(matter)
    clock.at -= timedelta(seconds=1)
    assert matter.person.client.post("/bekrafta", data={"code": token}).status_code == 422
    assert seen.scalars(select(Matter.sender_email)).one() == "kim@example.com"


def test_where_no_code_is_out_there_is_nothing_to_revoke(matter):
    page = matter.anna.page(matter.reference)
    assert "Spärra koderna" in page.text
    revoke(matter)
    assert "Spärra koderna" not in matter.anna.page(matter.reference).text
    again = revoke(matter)
    assert (again.status_code, "ingen statuskod att spärra" in again.text) == (422, True)


def test_it_can_be_done_in_a_closed_matter(matter):
    matter.anna.act(matter.reference, "avsluta", outcome="no_action")
    assert revoke(matter).status_code == 303
    assert matter.person.get("/arende").location == "/folj?slut=1"


def test_it_needs_the_pages_own_token_and_what_was_on_the_screen(matter):
    page = matter.anna.page(matter.reference)
    untold = matter.anna.client.post(f"/arende/{matter.reference}/sparra", data={"version": "1"})
    matter.anna.act(matter.reference, "ta")
    assert (untold.status_code, revoke(matter, page=page).status_code) == (422, 409)
    assert matter.person.get("/arende").status_code == 200


def test_nobody_revokes_another_units_codes(matter, sit):
    eva = sit("eva@example.se", *desk.seats("nord"), name="Eva Ny")
    assert eva.post(f"/arende/{matter.reference}/sparra", version="1").status_code == 404
    assert matter.person.get("/arende").status_code == 200


@pytest.mark.parametrize(
    ("values", "said"),
    [({}, "Den mejlas till kim@example.com"), ({"may_email": False}, "kan inte få en ny kod")],
    ids=str,
)
def test_the_page_says_how_a_new_code_is_had(make_app, clock, worker_app, citizen, values, said):
    matter = followed.begin(make_app, clock, worker_app, Person(citizen), **values)
    assert said in desk.text_of(matter.anna.page(matter.reference))
