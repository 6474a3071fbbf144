"""Keys are changed by putting a new one first: nobody is signed out, and what is out there is still known."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from flask.json.tag import TaggedJSONSerializer
from itsdangerous import URLSafeTimedSerializer

from intake import access, keys
from intake.errors import CannotUnseal
from intake.extensions import db
from intake.matters import records
from intake.models import Message
from intake.sealing import verify
from tests import desk
from tests.citizen.person import STORY, Person, hidden, value
from tests.letters_home import deliver, letter

OLD, NEW = "h" * 32, "n" * 32
CITIZENS = "c" * 32


@pytest.fixture
def after(make_app, settings):
    """Make an app as it is after the start with other keys of a surface, the newest first."""

    def start(surface, *given, role=None):
        chosen = replace(settings, secret_keys={**settings.secret_keys, surface: given})
        return make_app(surface, role, chosen=chosen)

    return start


@pytest.fixture
def anna(make_app, handler_app):
    email = "anna.syd@example.se"
    made = desk.Desk(handler_app, email, desk.hire(make_app("handler", "owner"), email, *desk.seats("syd")))
    assert made.sign_in().status_code == 303
    return made


@pytest.fixture
def person(citizen):
    return Person(citizen).begin().tell()


def test_a_cookie_is_signed_with_a_digest_that_nobody_has_broken(citizen):
    cookie = Person(citizen).begin().client.get_cookie("intake_citizen").value
    named = {"salt": "cookie-session", "serializer": TaggedJSONSerializer()}
    by = {"key_derivation": "hmac", "digest_method": hashlib.sha256}
    assert URLSafeTimedSerializer(CITIZENS, signer_kwargs=by, **named).loads(cookie)


def test_a_handler_stays_signed_in_when_the_key_is_changed(anna, after):
    page = anna.get("/")
    anna.client.application = after("handler", NEW, OLD)
    assert anna.get("/").status_code == 200
    # The page that was open all the while is believed too.
    assert anna.post("/logga-ut", page=page).location == "/logga-in"


def test_what_the_new_key_has_signed_needs_the_old_one_no_more(anna, after):
    anna.client.application = after("handler", NEW, OLD)
    anna.sign_in()
    anna.client.application = after("handler", NEW)
    assert anna.get("/").status_code == 200


def test_an_old_key_that_is_gone_signs_out(anna, after):
    anna.client.application = after("handler", NEW)
    assert anna.get("/").location == "/logga-in"


def test_a_second_factor_outlives_the_key_that_sealed_it(anna, after):
    with after("handler", NEW, OLD, role="owner").app_context():
        assert access.seal_factors_anew() == 1
    anna.client.application = after("handler", NEW)
    assert anna.sign_in().status_code == 303
    assert anna.get("/").status_code == 200


def test_a_host_that_already_knows_the_new_key_understands_the_others(anna, after):
    anna.client.application = after("handler", NEW, OLD)
    anna.sign_in()
    anna.client.application = after("handler", OLD, NEW)
    assert anna.get("/").status_code == 200


def test_a_form_that_is_half_filled_in_goes_on_when_the_key_is_changed(person, after):
    page = person.get("granska").text
    person.client.application = after("citizen", NEW, CITIZENS)
    assert value(person.get("handelse").text, "text") == STORY
    sent = person.client.post(person.at("skicka"), data={"csrf_token": hidden(page, "csrf_token")})
    assert sent.status_code == 303
    assert person.client.get(sent.location).status_code == 200


def test_a_form_whose_key_is_gone_gives_back_what_was_written(person, after):
    token = person.token("handelse")
    person.client.application = after("citizen", NEW)
    data = {"csrf_token": token, "text": "Ännu en rad."}
    answer = person.client.post(person.at("handelse"), data=data)
    assert (answer.status_code, value(answer.text, "text")) == (404, "Ännu en rad.")


def test_an_answer_to_a_letter_that_an_older_key_marked_finds_its_matter(make_app, settings, clock):
    worker, chosen = make_app("citizen", "worker"), replace(settings, address_keys=(b"n" * 32, b"a" * 32))
    desk.bring(worker, clock)
    with worker.app_context():
        matter_id = db.session.query(Message.matter_id).scalar()
        letter_id = records.owe_letter("receipt", matter_id, "kim@example.com", at=clock())
        db.session.commit()
        header = records.header_of("receipt", letter_id)
    with make_app("citizen", "worker", chosen=chosen).app_context():
        assert records.header_of("receipt", letter_id) != header
        deliver(letter("En sak till.", In_Reply_To=header), "kontakt@example.se")
        assert db.session.query(Message.matter_id).all() == [(matter_id,), (matter_id,)]


def test_exports_are_signed_by_the_newest_key_and_older_stay_whole(anna, after, make_app, clock, tmp_path):
    reference = desk.bring(make_app("citizen", "worker"), clock)
    path, seals = f"/arende/{reference}/exportera", []
    for given in ((OLD,), (NEW, OLD)):
        anna.client.application = after("handler", *given)
        answer = anna.post(path, page=anna.get(path), reason="Till åklagaren")
        file = tmp_path / given[0]
        file.write_bytes(answer.data)
        found = verify(file)
        assert found.faults == ()
        seals.append(found.seal.key)
    assert len(set(seals)) == 2
    assert seals[1] in anna.get(path).text.replace("<wbr>", "")


def test_what_is_sealed_is_opened_by_any_key_and_only_for_its_purpose(after):
    with after("handler", OLD).app_context():
        sealed = keys.seal("JBSWY3DPEHPK3PXP", "TOTP secret")
    assert "JBSWY3" not in sealed
    with after("handler", NEW, OLD).app_context():
        assert keys.unseal(sealed, "TOTP secret") == "JBSWY3DPEHPK3PXP"
        with pytest.raises(CannotUnseal):
            keys.unseal(sealed, "another thing")
        anew = keys.sealed_anew(sealed, "TOTP secret")
    with after("handler", NEW).app_context():
        assert keys.unseal(anew, "TOTP secret") == "JBSWY3DPEHPK3PXP"
        with pytest.raises(CannotUnseal, match="SECRET_KEY_HANDLER"):
            keys.unseal(sealed, "TOTP secret")


@pytest.mark.parametrize("broken", ["", "strunt", "gAAAAA", "åäö"])
def test_what_was_not_sealed_by_us_opens_nothing(after, broken):
    with after("handler", OLD).app_context(), pytest.raises(CannotUnseal):
        keys.unseal(broken, "TOTP secret")
    with after("handler", OLD).app_context(), pytest.raises(CannotUnseal):
        keys.sealed_anew(broken, "TOTP secret")


def test_a_key_for_one_purpose_is_the_same_at_every_start():
    # What is sealed today must be opened by every later version.
    assert keys.derived(OLD, "TOTP secret").hex()[:32] == "cbd0c39298c7ccb9ea8b36ba1b6c0366"
    assert keys.derived(OLD, "another thing") != keys.derived(OLD, "TOTP secret")
