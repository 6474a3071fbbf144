"""Every route by every role, in the person's own unit, another one and behind a wall: the right answer.

Asked a second time with the first wall taken away, so that the database alone must answer the same.
"""

from __future__ import annotations

import sys
import uuid

import pytest
from sqlalchemy import select, true, update

from intake.access import roles, walls
from intake.extensions import db
from intake.models import Attachment, Matter, MatterUnit, Message
from tests import desk
from tests.letters_home import deliver, letter

OWN, OTHER, WALLED = "syd-kontaktcenter", "nord-kontaktcenter", "su"
NATIONAL = "nationell-inkorg"
# What a role must give for a route about one matter; None: to see it is enough.
OF_A_MATTER = {
    "matter": None, "file": None, "picture": None, "open_file": None, "letter": None,
    "open_letter": None, "be_present": None,
    "assign": "sort", "move": "sort", "sort": "sort", "settle_needs": "sort", "write_note": "sort",
    "note_talk": "sort", "print_receipt": "sort",
    "merge": "sort", "part_again": "sort", "dismiss": "sort",
    "hand_over_page": "sort", "preview_hand_over": "sort", "hand_over": "sort", "receive": "sort",
    "send_back": "sort", "take_back": "sort",
    "take": "answer", "release": "answer", "reply": "answer", "ask_supplement": "answer",
    "cancel_reminder": "answer",
    "preview_reply": "answer", "begin_reply": "answer", "save_draft": "answer", "undo_reply": "answer",
    "split_page": "sort", "split": "sort", "undo_split": "sort", "tell_outcome": "answer",
    "link": "sort", "unlink": "sort",
    "refer_page": "answer", "preview_referral": "answer", "refer": "answer", "decide_handing_on": "answer",
    "pause": "sort", "resume": "sort", "mark_secrecy": "sort", "lift_secrecy": "sort",
    "incidents_page": None, "report_incident": "sort",
    "decide_incident": "administer", "close_incident": "administer",
    "tell_delay": "answer", "send_again": "answer", "parse_letter_again": "answer", "close": "answer",
    "reopen": "answer", "revoke_codes": "answer",
    "export_page": "export", "export": "export", "print_page": None, "print_paper": "export",
    "copy_page": "export", "make_copy": "export",
    "protected_page": "see_protected", "show_protected": "see_protected",
}  # fmt: skip
# The same of routes about no matter: whoever may not is told that there is no such page.
OF_NO_MATTER = {
    "mailroom": "operate", "parse_again": "operate", "retry_job": "operate",
    "register_page": "sort", "register": "sort",
    "new_matter_page": "sort", "register_by_hand": "sort",
    "contact_page": "answer", "begin_contact": "answer",
    "units": "administer", "bulk_exports_page": "export", "ask_export": "export",
    "audit_page": "audit", "ask_audit": "audit",
    "overview": "see", "overview_file": "see",
    "inbox_news": "see", "handed_over": "see", "next_matter": "answer", "marked": "answer",
    "hand_several_page": "sort", "preview_several": "sort", "hand_several": "sort",
    "save_view": "answer", "workload": "administer", "open_incidents": "administer",
}  # fmt: skip
# What lies in no matter or unit, and answers everybody of himself.
OF_ONESELF = {
    "inbox", "find", "account", "change_password", "end_session", "end_others", "sign_in_page", "sign_in",
    "code_page", "give_code", "sign_out", "factor_page", "enrol_factor", "factor_picture", "recovery_page",
    "renew_codes", "prove_page", "prove", "search_page", "find_matters", "single_sign_on",
    "single_sign_on_answer", "leave", "keys_page", "choose_keys", "be_away",
}  # fmt: skip
# About one unit and the people there.
OF_A_UNIT = {"unit", "give_role", "make_account"}
# What is named by an id that can only be known to those who may: it is not there for anybody else.
OF_AN_ID = {
    "registered", "colleague", "close_account", "take_role", "proposal", "bulk_export", "fetch_export",
    "audit_answer", "audit_file", "audit_lists", "drop_view", "let_be_away",
}  # fmt: skip
GIVEN = {"number": "1", "part": "sett", "role": "reader", "table": "dag"}
# Where each role sits: in the own unit or, where the role is the country's, in the national one; and
# those that are also behind the wall.
OF_THE_COUNTRY = ("operator", "auditor", "national_coordinator")
INSIDE = ("reader", "handler", "coordinator", "registrar", "file_quarantine", "auditor")
SEATS = [(role, NATIONAL if role in OF_THE_COUNTRY else OWN) for role in sorted(roles.ROLES)]
SEATS += [(role, WALLED) for role in INSIDE]


def routes(app):
    """Yield each of the handlers' routes: its name, its rule and a method."""
    for rule in app.url_map.iter_rules():
        name = rule.endpoint.removeprefix("handler.")
        if rule.endpoint.startswith("handler."):
            for method in rule.methods & {"GET", "POST"}:
                yield name, rule, method


@pytest.fixture
def who(sit, role, home):
    """Somebody of the role, who sits there."""
    return sit("kim@example.se", (home, role))


@pytest.fixture
def brought(worker_app, owner_app):
    """Let a letter with a file come in to each of the three sides; return what its routes are made of."""
    found = {}
    for side in (OWN, OTHER, WALLED):
        with worker_app.app_context():
            deliver(
                letter(f"HEMLIGT {side}", Message_ID=f"<{side}@example.com>", files=(("a.pdf", b"%PDF"),))
            )
        with owner_app.app_context():
            message = db.session.scalars(select(Message).order_by(Message.created_at.desc()).limit(1)).one()
            matter = db.session.get_one(Matter, message.matter_id)
            matter.flags = ["protected_identity"]
            matter.unit_id, matter.region = side, side.partition("-")[0] if "-" in side else None
            stands = update(MatterUnit).where(MatterUnit.matter_id == matter.id)
            db.session.execute(stands.values(unit_id=side))
            file = db.session.scalars(select(Attachment.id).where(Attachment.matter_id == matter.id)).one()
            found[side] = {
                "reference": matter.reference,
                "letter_id": message.letter_id,
                "attachment_id": file,
            }
            db.session.commit()
    return found


@pytest.fixture(params=["both walls", "the database alone"])
def standing(request, monkeypatch):
    """Leave both walls standing, or take the first one out of every module that has it."""
    if request.param == "the database alone":
        first = walls.visible
        for name, module in list(sys.modules.items()):
            if name.startswith("intake") and getattr(module, "visible", None) is first:
                monkeypatch.setattr(module, "visible", lambda _person: true())
        assert walls.visible is not first


def ask(person, rule, method, given):
    """Ask for a route; a form is sent without its token, so that what may be done is not done."""
    parts = {name: given.get(name, GIVEN.get(name, uuid.uuid4())) for name in rule.arguments}
    path = rule.build(parts, append_unknown=False)[1]
    return person.get(path) if method == "GET" else person.client.post(path, data={}, buffered=True)


def reached(role, home):
    """Return the sides that a role opens from where it sits, if it opens any."""
    return {OWN, OTHER} if role == "national_coordinator" else {home} - {NATIONAL}


def expected(role, home, capability, side):
    """Return which statuses are right for a route about a matter that stands on a side."""
    if side not in reached(role, home) or "see" not in roles.held([role]):
        return {404}
    if capability and capability not in roles.held([role]):
        return {403}
    return {200, 303, 409, 422}


def test_every_route_is_in_a_table(handler_app):
    named = {name for name, _rule, _method in routes(handler_app)}
    assert named == OF_A_MATTER.keys() | OF_NO_MATTER.keys() | OF_ONESELF | OF_A_UNIT | OF_AN_ID


@pytest.mark.parametrize(("role", "home"), SEATS)
def test_a_route_about_a_matter_answers_by_role_and_side(handler_app, who, brought, standing, role, home):
    wrong = []
    for name, rule, method in routes(handler_app):
        for side in (OWN, OTHER, WALLED) if name in OF_A_MATTER else ():
            got = ask(who, rule, method, brought[side])
            # There is no picture yet of a file that nobody has drawn.
            right = expected(role, home, OF_A_MATTER[name], side) | ({404} if name == "picture" else set())
            if got.status_code not in right or (b"HEMLIGT" in got.data and 404 in right):
                wrong.append((name, method, side, got.status_code))
    assert wrong == []


@pytest.mark.parametrize(("role", "home"), SEATS)
def test_a_route_about_no_matter_answers_by_role(handler_app, who, standing, role, home):
    for name, rule, method in routes(handler_app):
        if name in OF_NO_MATTER:
            status = ask(who, rule, method, {}).status_code
            assert (status != 404) == (OF_NO_MATTER[name] in roles.held([role])), name
        if name in OF_AN_ID:
            # An auditor whose question is too old is sent to ask it anew.
            right = {404, 303} if role == "auditor" and name.startswith("audit_") else {404}
            assert ask(who, rule, method, {"unit": OWN}).status_code in right, name


@pytest.mark.parametrize(("role", "home"), SEATS)
def test_a_route_about_a_unit_answers_by_role_and_side(handler_app, who, standing, role, home):
    known = reached(role, home) if "administer" in roles.held([role]) else set()
    for name, rule, method in routes(handler_app):
        for unit in (OWN, OTHER, WALLED) if name in OF_A_UNIT else ():
            assert (ask(who, rule, method, {"unit": unit}).status_code != 404) == (unit in known), (
                name,
                unit,
            )


@pytest.mark.parametrize(("role", "home"), SEATS)
def test_lists_tell_of_no_other_side(who, brought, standing, role, home):
    told = who.get("/").text + who.post("/sok", ord="HEMLIGT", varfor="prov").text + who.get("/postrum").text
    hidden = {OWN, OTHER, WALLED} - reached(role, home)
    assert [side for side in hidden if brought[side]["reference"] in told] == []


def test_behind_the_wall_its_own_people_see_it(sit, brought, standing):
    sara = sit("sara@example.se", (WALLED, "handler"))
    assert sara.page(brought[WALLED]["reference"]).status_code == 200
    assert sara.page(brought[OWN]["reference"]).status_code == 404
    assert brought[WALLED]["reference"] in sara.get("/").text


def test_nobody_is_let_in_who_is_not_signed_in(handler_app, brought):
    stranger = desk.Desk(handler_app, "x@example.se", "x")
    for name, rule, method in routes(handler_app):
        if name not in OF_ONESELF:
            assert ask(stranger, rule, method, brought[OWN]).status_code in (303, 403), name
