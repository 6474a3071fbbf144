"""Incidents with personal data as handlers meet them: reported, counted down, decided and listed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from intake import shown
from intake.extensions import db
from intake.handler.incident_forms import time_left
from intake.matters import incidents
from intake.models import AccessLog, Matter, MatterUnit
from tests import desk

HAPPENED, PERSONS = "SVARET GICK FEL", "KIM BERG MED FLERA"
DUE = datetime(2026, 11, 25, 12, tzinfo=UTC)
NOTICED = "2026-11-22T10:00"


@pytest.fixture
def nora(sit):
    return sit("nora@example.se", ("nationell-inkorg", "national_coordinator"), name="Nora Ek")


def words(**changes):
    said = {"kind": "wrong_recipient", "noticed": NOTICED, "happened": HAPPENED, "persons": PERSONS}
    return said | changes


def report(desk_of, reference, **changes):
    page = desk_of.get(f"/arende/{reference}/incidenter")
    return desk_of.act(reference, "incidenter", page=page, **words(**changes))


def act(desk_of, reference, act, **said):
    """Do an act on the first open incident of a matter."""
    page = desk_of.get(f"/arende/{reference}/incidenter")
    incident = re.search(r'name="incident" value="([^"]+)"', page.text)[1]
    return desk_of.act(reference, f"incidenter/{act}", page=page, **{"incident": incident} | said)


def told(desk_of, reference):
    return desk.text_of(desk_of.get(f"/arende/{reference}/incidenter"))


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        (-72, "72 timmar kvar"), (-2, "2 timmar kvar"), (-1.5, "90 minuter kvar"), (-1 / 60, "1 minut kvar"),
        (0, "0 minuter kvar"), (0.5, "tiden gick ut för 30 minuter sedan"),
        (3, "tiden gick ut för 3 timmar sedan"), (24 * 9, "tiden gick ut för 9 dygn sedan"),
    ],
)  # fmt: skip
def test_the_time_that_is_left_is_told_in_hours(hours, words):
    assert time_left(DUE, DUE + timedelta(hours=hours)) == words


def test_one_that_is_reported_is_told_in_the_matter_with_its_time(anna, brought):
    reference = brought(category="fraga")
    done = report(anna, reference)
    assert (done.status_code, done.location) == (303, f"/arende/{reference}/incidenter")
    said = told(anna, reference)
    assert f"{HAPPENED} Personer {PERSONS}" in said
    assert "Väntar på beslut, 65 timmar kvar" in said
    assert "Anmäls senast 25 november 2026 kl. 10.00" in said
    assert "Personuppgiftsincident: något gick till fel mottagare. 65 timmar kvar." in desk.text_of(
        anna.page(reference)
    )


def test_an_answer_leads_to_a_report_about_itself(anna, brought):
    reference = brought()
    anna.act(reference, "svara", text="Hej!", is_told="ja")
    link = re.search(r'href="([^"]*incidenter\?meddelande=([^"]*))">Fel mottagare', anna.page(reference).text)
    form = anna.get(link[1])
    assert f'<option value="{link[2]}" selected>Från oss 22 november 2026' in form.text
    assert 'value="wrong_recipient" checked' in form.text
    anna.act(reference, "incidenter", page=form, **words(message=link[2]))
    assert "Meddelande Från oss 22 november 2026" in told(anna, reference)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"kind": "x"}, "Välj vad som har hänt."),
        ({"happened": " "}, "Beskriv vad som har hänt."),
        ({"persons": ""}, "Skriv vilka personer uppgifterna gäller."),
        ({"noticed": "igår"}, "Skriv när det upptäcktes så här"),
        ({"noticed": "2027-01-01T10:00"}, "har inte varit än"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_written_is_lost(anna, brought, wrong, why):
    page = report(anna, brought(), **wrong)
    assert (page.status_code, why in page.text) == (422, True)
    assert [
        kept for kept in words(**wrong).values() if kept.strip() and kept != "x" and kept not in page.text
    ] == []


def test_who_comes_second_is_told_and_keeps_the_words(anna, brought):
    reference = brought()
    page = anna.get(f"/arende/{reference}/incidenter")
    anna.act(reference, "anteckna", note="Något annat.")
    assert anna.act(reference, "ta").status_code == 303
    late = anna.act(reference, "incidenter", page=page, **words())
    assert (late.status_code, "En kollega hann före" in late.text, HAPPENED in late.text) == (409, True, True)


def test_who_coordinates_decides_and_closes(anna, cora, brought):
    reference = brought()
    report(anna, reference)
    assert "Spara beslutet" not in anna.get(f"/arende/{reference}/incidenter").text
    decided = act(cora, reference, "beslut", decision="notify", decision_reason="Risk för hot.")
    assert decided.status_code == 303
    assert "Beslut Den ska anmälas till IMY. Cora Ek" in told(anna, reference)
    assert "Ska anmälas, 65 timmar kvar" in told(anna, reference)
    assert act(cora, reference, "avsluta", done="Anmäld med nummer 12.").status_code == 303
    assert "Avslutad Cora Ek" in told(anna, reference)
    page = desk.text_of(anna.page(reference))
    assert "Personuppgiftsincident:" not in page
    assert "Beslutade om en personuppgiftsincident: den ska anmälas Cora Ek" in page


def test_an_act_without_its_words_changes_nothing(anna, cora, brought):
    reference = brought()
    report(anna, reference)
    page = act(cora, reference, "beslut", decision="notify")
    assert (page.status_code, "Skriv varför." in page.text) == (422, True)
    assert (
        act(cora, reference, "beslut", incident="x", decision="notify", decision_reason="x").status_code
        == 422
    )
    assert "Väntar på beslut" in told(anna, reference)


def test_the_list_tells_those_who_coordinate_where_and_how_much_time_is_left(anna, cora, nora, brought):
    reference = brought()
    report(anna, reference)
    for each in (cora, nora):
        said = desk.text_of(each.get("/incidenter"))
        assert f"Något gick till fel mottagare {reference} 65 timmar kvar" in said
        assert (HAPPENED in said, PERSONS in said) == (False, False)
    assert anna.get("/incidenter").status_code == 404


def test_the_list_says_what_is_late_and_not_what_need_not_be_told(
    anna, sit, cora, brought, clock, worker_app
):
    late, settled = brought(), brought()
    report(anna, late)
    report(anna, settled)
    act(cora, settled, "beslut", decision="not_notify", decision_reason="Ingen risk.")
    clock.at += timedelta(hours=70)
    with worker_app.app_context():
        assert incidents.mark_overdue() == 1
    again = sit("carl.syd@example.se", ("syd-inkorg", "coordinator"), name="Carl Ek")
    said = desk.text_of(again.get("/incidenter"))
    assert said.index(f"{late} tiden gick ut för 4 timmar sedan") < said.index(f"{settled} räknas inte")
    assert "Tiden att anmäla en personuppgiftsincident har gått ut" in again.page(late).text


def test_the_list_is_a_look_and_opens_no_matter(anna, cora, brought, seen):
    report(anna, brought())
    cora.get("/incidenter")
    looks = seen.query(AccessLog).filter_by(actor="Cora Ek").order_by(AccessLog.seq)
    assert [look.what for look in looks][-1] == "incidents"
    assert "matter" not in {look.what for look in looks}


def put(seen: Session, reference, unit, region):
    """Let a matter stand elsewhere, as the owner alone can."""
    matter = seen.query(Matter).filter_by(reference=reference).one()
    matter.unit_id, matter.region = unit, region
    seen.execute(update(MatterUnit).where(MatterUnit.matter_id == matter.id).values(unit_id=unit))
    seen.commit()


def test_another_region_and_a_wall_tell_nothing(anna, cora, nora, sit, brought, seen):
    north, walled = brought(), brought()
    for reference, unit, region in ((north, "nord-utredning", "nord"), (walled, "su", None)):
        report(anna, reference)
        put(seen, reference, unit, region)
    assert [each in cora.get("/incidenter").text for each in (north, walled)] == [False, False]
    assert [each in nora.get("/incidenter").text for each in (north, walled)] == [True, False]
    sara = sit("sara@example.se", ("su", "coordinator"), name="Sara Ek")
    assert [each in sara.get("/incidenter").text for each in (north, walled)] == [False, True]
    assert cora.get(f"/arende/{north}/incidenter").status_code == 404


def test_the_database_tells_the_list_by_a_committed_look_alone(cora, anna, brought, handler_app):
    report(anna, brought())
    look = "look_at_list('incidents', NULL, NULL)"
    asked = f"SELECT count(*) FROM open_incidents({look}, ARRAY['syd-kontaktcenter'], 9)"
    with handler_app.app_context():
        shown.show("session", cora.secret())
        assert db.session.scalar(text(asked)) == 0
        db.session.rollback()
