"""Colleagues who are away: said in the account or by a coordinator, shown in the inbox, and relieved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from intake.models import Handler
from tests import desk
from tests.handler.test_inbox import references

HOS = "Hos Anna Lindgren (borta till och med "


@pytest.fixture
def bo(sit):
    return sit("bo.syd@example.se", *desk.seats("syd"), name="Bo Ek")


@pytest.fixture
def leave(anna, clock):
    """Let Anna say that she is away for some days, today among them."""

    def say(days=10):
        return anna.post(
            "/konto/borta", page=anna.get("/konto"), until=f"{clock.at.date() + timedelta(days)}"
        )

    return say


@pytest.fixture
def id_of(seen):
    return lambda who: seen.scalars(select(Handler.id).where(Handler.email == who.email)).one()


def test_a_colleague_sees_who_is_away_and_lists_the_matters_the_late_first(
    anna, bo, bring, leave, id_of, clock
):
    early = bring()
    clock.at += timedelta(days=40)
    anna.sign_in()
    danger = bring(text="Någon bryter sig in hos mig just nu, hjälp!", subject="Inbrott pågår")
    bring()
    for reference in (early, danger):
        anna.act(reference, "ta")
    leave()
    bo.sign_in()
    page = bo.get("/")
    address = f"/?hos={id_of(anna)}&amp;ordning=frist"
    assert (HOS in desk.text_of(page), f'href="{address}"' in page.text) == (True, True)
    listed = bo.get(address.replace("&amp;", "&"))
    assert references(listed) == [early, danger]
    assert "försenat" in desk.text_of(listed)


def test_what_somebody_has_who_is_away_is_taken_over_in_one_go(anna, bo, bring, leave):
    hers = [bring(), bring()]
    for reference in hers:
        anna.act(reference, "ta")
    leave()
    bo.post("/markerade", page=bo.get("/"), ref=hers, gor="take")
    assert "2 ärenden har tagits." in desk.text_of(bo.get("/"))
    assert sorted(references(bo.get("/?visa=mina"))) == sorted(hers)


def test_the_last_day_counts_and_the_next_does_not(anna, bo, leave, clock):
    leave(days=2)
    for days, is_away in ((2, True), (1, False)):
        clock.at += timedelta(days=days)
        bo.sign_in()
        assert (HOS in desk.text_of(bo.get("/"))) == is_away


def test_who_comes_back_early_says_so(anna, bo, leave):
    assert leave().location == "/konto#borta"
    account = anna.get("/konto")
    assert "Du är borta till och med" in desk.text_of(account)
    assert HOS not in desk.text_of(anna.get("/"))
    anna.post("/konto/borta", page=account, tillbaka="ja")
    assert "Du är tillbaka." in desk.text_of(anna.get("/konto"))
    assert HOS not in desk.text_of(bo.get("/"))


@pytest.mark.parametrize("until", ["2020-01-01", "2099-01-01", "i morgon"])
def test_a_day_that_cannot_be_is_said(anna, bo, until):
    anna.post("/konto/borta", page=anna.get("/konto"), until=until)
    said = desk.text_of(anna.get("/konto"))
    assert ("Välj en dag från och med i dag" in said) or ("Skriv en dag så här" in said)
    assert HOS not in desk.text_of(bo.get("/"))


def test_nobody_outside_the_unit_is_told(anna, sit, leave):
    leave()
    nora = sit("nora@example.se", *desk.seats("nord"), name="Nora Nord")
    sara = sit("sara@example.se", ("su", "handler"), name="Sara Ek")
    for other in (nora, sara):
        assert "Anna Lindgren" not in other.get("/").text


def test_a_coordinator_says_it_of_a_colleague_and_nobody_else_does(anna, bo, cora, sit, id_of, clock):
    path = f"/enheter/syd-inkorg/{id_of(anna)}"
    words = {"until": f"{clock.at.date()}"}
    nils = sit("nils@example.se", ("nord-inkorg", "coordinator"), name="Nils Nord")
    for other in (bo, nils):
        assert other.post(f"{path}/borta", page=other.get("/"), **words).status_code == 404
    assert HOS not in desk.text_of(bo.get("/"))
    assert cora.post(f"{path}/borta", page=cora.get(path), **words).location == f"{path}#borta"
    assert "Anna Lindgren är borta till och med" in desk.text_of(cora.get(path))
    assert HOS in desk.text_of(bo.get("/"))
