"""The pages where coordinators say who works in their units."""

from __future__ import annotations

import re

import pytest

from intake.access.person import PROOF_LASTS
from intake.models import Event, Handler, Job, Matter, Membership, MembershipChange
from tests import desk
from tests.project import pages


@pytest.fixture
def karin(sit):
    """Somebody who coordinates the south."""
    return sit("karin@example.se", ("syd-inkorg", "coordinator"), name="Karin Holm")


@pytest.fixture
def siv(sit):
    return sit("siv@example.se", ("su", "coordinator"), name="Siv Dahl")


@pytest.fixture
def stig(sit):
    return sit("stig@example.se", ("su", "coordinator"), name="Stig Lund")


@pytest.fixture
def nina(sit):
    return sit("nina@example.se", ("nationell-inkorg", "national_coordinator"), name="Nina Rik")


def give(person, unit, email, role="reader", reason="Vikarie"):
    path = f"/enheter/{unit}/lagg-till"
    return person.post(path, page=person.get(path), email=email, role=role, reason=reason)


def make(person, unit, email, name="Ny Person", role="reader"):
    path = f"/enheter/{unit}/nytt-konto"
    page = person.get(path)
    return person.post(path, page=page, email=email, name=name, role=role, reason="Ny hos oss")


def id_of(seen, email):
    seen.rollback()
    return seen.query(Handler.id).filter(Handler.email == email).scalar()


def decide(person, path, decision="ja"):
    return person.post(path, page=person.get(path), decision=decision)


def proposal_of(person):
    return re.search(r'href="(/forslag/[^"]+)"', person.get("/enheter").text)[1]


def test_a_coordinator_sees_the_whole_region_and_nothing_of_another(karin, anna, nina):
    page = desk.text_of(karin.get("/enheter"))
    assert page.count("Region Syd") == 9
    assert "Region Nord" not in page
    assert "Särskilda utredningar" not in desk.text_of(nina.get("/enheter"))


@pytest.mark.parametrize(
    "path",
    ["/enheter", "/enheter/syd-inkorg", "/enheter/syd-inkorg/lagg-till", "/enheter/syd-inkorg/nytt-konto"],
)
def test_who_coordinates_nothing_is_told_of_nothing(anna, path):
    assert anna.get(path).status_code == 404
    assert "Enheter</a>" not in anna.get("/").text


@pytest.mark.parametrize("unit", ["nord-inkorg", "su", "atlantis"])
def test_another_unit_is_not_there(karin, unit):
    assert karin.get(f"/enheter/{unit}").status_code == 404
    assert give(karin, unit, "anna.syd@example.se").status_code == 404
    assert make(karin, unit, "ny@example.se").status_code == 404


def test_a_role_is_given_and_taken_and_both_stand_on_the_pages(karin, anna, seen):
    assert give(karin, "syd-grans", "anna.syd@example.se", "registrar").status_code == 303
    page = karin.get("/enheter/syd-grans")
    assert "Anna Lindgren" in page.text
    person = f"/enheter/syd-grans/{id_of(seen, 'anna.syd@example.se')}"
    take = f"{person}/ta-bort/registrar"
    assert take in karin.get(person).text
    assert karin.post(take, page=karin.get(take), reason="Klar").status_code == 303
    told = desk.text_of(karin.get("/enheter/syd-grans"))
    assert "Karin Holm gav rollen registrator : Anna Lindgren" in told.replace(
        "registrator:", "registrator :"
    )
    assert "Karin Holm tog bort rollen" in told
    assert "Vikarie" in told
    assert karin.get(person).status_code == 404


def test_whose_role_changed_must_sign_in_anew(karin, anna):
    assert anna.get("/").status_code == 200
    give(karin, "syd-grans", "anna.syd@example.se")
    assert anna.get("/").location == "/logga-in"


def test_nobody_changes_oneself(karin, seen):
    own = f"/enheter/syd-inkorg/{id_of(seen, 'karin@example.se')}"
    assert "ta-bort" not in karin.get(own).text
    answer = give(karin, "syd-inkorg", "karin@example.se")
    assert (answer.status_code, "dina egna roller" in answer.text) == (422, True)
    take = f"{own}/ta-bort/coordinator"
    assert karin.post(take, page=karin.get(take), reason="x").status_code == 422


def test_whoever_has_no_account_is_asked_for_by_name_and_gets_a_password_once(karin, handler_app):
    answer = give(karin, "syd-inkorg", "ny@example.se")
    assert "Ingen kan logga in med den adressen." in answer.text
    assert 'value="ny@example.se"' in answer.text
    made = make(karin, "syd-inkorg", "ny@example.se")
    password = re.search(r"<code>([^<]+)</code>", made.text)[1]
    new = desk.Desk(handler_app, "ny@example.se", password)
    assert new.sign_in().location == "/konto"
    again = make(karin, "syd-inkorg", "ny@example.se")
    assert (again.status_code, password in again.text) == (422, False)


@pytest.mark.parametrize("wrong", [{"email": "ny"}, {"name": ""}, {"role": "operator"}, {"reason": ""}])
def test_what_will_not_do_makes_no_account(karin, seen, wrong):
    path = "/enheter/syd-inkorg/nytt-konto"
    said = {"email": "ny@example.se", "name": "Ny", "role": "reader", "reason": "x"} | wrong
    assert karin.post(path, page=karin.get(path), **said).status_code == 422
    assert seen.query(Handler).count() == 1


def test_what_takes_two_persons_is_decided_by_another_one(siv, stig, anna, seen):
    assert "Förslaget är sparat" in siv.get(give(siv, "su", "anna.syd@example.se").location).text
    path = proposal_of(stig)
    own = decide(siv, path)
    assert (own.status_code, "Två personer behövs" in own.text) == (422, True)
    assert decide(stig, path).status_code == 303
    assert seen.query(Membership).filter(Membership.unit_id == "su", Membership.role == "reader").count() == 1
    assert stig.get(path).status_code == 404


def test_who_decides_from_outside_the_wall_is_shown_name_and_role(siv, anna, nina, karin):
    give(siv, "su", "anna.syd@example.se", reason="Hemligt skäl")
    path = proposal_of(nina)
    page = desk.text_of(nina.get(path))
    assert "Anna Lindgren" in page
    assert "läsare i Särskilda utredningar" in page
    assert [words for words in ("Hemligt skäl", "Siv Dahl", "anna.syd@") if words in page] == []
    assert karin.get(path).status_code == 404
    assert decide(nina, path, "nej").status_code == 303


def test_one_who_leaves_leaves_nothing_waiting(karin, anna, bring, seen, worker_app):
    reference = bring()
    seen.query(Matter).update({"priority": 1, "unit_id": "syd-inkorg"})
    seen.commit()
    anna.act(reference, "ta")
    jobs = seen.query(Job).filter(Job.kind == "alarm").count()
    path = f"/enheter/syd-inkorg/{id_of(seen, 'anna.syd@example.se')}/stang"
    assert "har 1 öppet ärende" in karin.get(path).text
    assert karin.post(path, page=karin.get(path), reason="Slutar").status_code == 303
    seen.rollback()
    assert seen.query(Matter.handler_id).scalar() is None
    assert seen.query(Event).filter(Event.what == "handler_left").count() == 1
    assert seen.query(Job).filter(Job.kind == "alarm").count() == jobs + 1
    assert "inte arbetar kvar" in karin.page(reference).text
    assert anna.sign_in().status_code == 422


def test_whoever_closed_an_account_asks_another_to_open_it(karin, anna, seen):
    path = f"/enheter/syd-inkorg/{id_of(seen, 'anna.syd@example.se')}/stang"
    karin.post(path, page=karin.get(path), reason="Slutar")
    answer = make(karin, "syd-inkorg", "anna.syd@example.se", name="Anna Lindgren")
    assert (answer.status_code, "Be en annan samordnare" in answer.text) == (422, True)


def test_what_was_changed_is_logged_with_who_did_it(karin, anna, seen, caplog):
    caplog.set_level("INFO", "intake.security")
    give(karin, "syd-grans", "anna.syd@example.se")
    assert f"give_role outcome=given handler={id_of(seen, 'karin@example.se')}" in caplog.text


def test_changing_roles_asks_who_it_is_when_that_was_long_ago(karin, clock):
    clock.at += PROOF_LASTS
    assert karin.get("/enheter/syd-inkorg").status_code == 200
    answer = karin.get("/enheter/syd-inkorg/lagg-till")
    assert (answer.status_code, answer.location) == (303, "/bekrafta")


def test_a_form_that_is_too_old_changes_nothing(karin, anna, seen):
    answer = karin.client.post(
        "/enheter/syd-inkorg/lagg-till",
        data={"email": "anna.syd@example.se", "role": "reader", "reason": "x"},
    )
    assert (answer.status_code, "för gammal" in answer.text) == (422, True)
    assert seen.query(MembershipChange).filter(MembershipChange.actor == "Karin Holm").count() == 0


def test_every_page_of_people_keeps_to_the_rules(karin, siv, nina, anna, seen):
    unit = "/enheter/syd-inkorg"
    person = f"{unit}/{id_of(seen, 'anna.syd@example.se')}"
    paths = ("/enheter", unit, f"{unit}/lagg-till", f"{unit}/nytt-konto", person,
             f"{person}/ta-bort/handler", f"{person}/stang")  # fmt: skip
    shown = {path: karin.get(path) for path in paths}
    shown["okänd"] = give(karin, "syd-inkorg", "<b>@x.se")
    shown["nytt"] = make(karin, "syd-inkorg", "n@x.se", "<b>")
    for path in (f"{unit}/lagg-till", f"{unit}/nytt-konto", f"{person}/ta-bort/handler"):
        shown[f"{path} med fel"] = karin.post(path, page=shown[path])
    give(siv, "su", "anna.syd@example.se", reason="<b>")
    for name, who in (("siv", siv), ("nina", nina)):
        shown[f"enheter {name}"], shown[f"förslag {name}"] = who.get("/enheter"), who.get(proposal_of(who))
    shown["förslag med fel"] = siv.post(proposal_of(siv), page=shown["förslag siv"])
    assert {each.status_code for each in shown.values()} == {200, 422}
    assert {name: found for name, each in shown.items() if (found := pages.faults(each.text))} == {}
    assert all("<b>" not in each.text for each in shown.values())
    assert {name for name, each in shown.items() if pages.title_of(each.text).startswith("Fel: ")} == {
        name for name in shown if "med fel" in name
    }


def test_units_stand_by_region_and_name_those_of_the_country_last(nina):
    page = nina.get("/enheter").text
    regions = re.findall(r"<h3>(.*?)</h3>", page)
    assert regions == [*sorted(regions[:-1]), "Nationellt"]
    for part in page.split("<h3>")[1:]:
        names = re.findall(r'scope="row"><a[^>]*>(.*?)</a>', part)
        assert names == sorted(names, key=str.casefold)
