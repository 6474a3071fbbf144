"""Incidents with personal data: reported, decided and closed in a matter, and listed for who coordinates."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from flask import flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from intake import access
from intake.access.roles import Capability
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import db, now, settings
from intake.handler import forms, incident_forms, words
from intake.handler.gate import get_matter, person, require
from intake.handler.surface import bp
from intake.matters import incidents, work
from intake.models import Matter, Message
from intake.words import in_swedish

F = TypeVar("F", bound=forms.ActForm)
LISTED = 200
MESSAGES = {"incoming": "Inkommet", "outgoing": "Från oss", "note": "Anteckning"}
LATE = "En kollega hann före, så inget av ditt är gjort. Det du skrev finns kvar. Gör om det om det behövs."


@dataclass(frozen=True)
class IncidentForms:
    """The forms of a matter's incidents; the one that was posted is filled as it was sent."""

    report: incident_forms.ReportForm
    decision: incident_forms.DecisionForm
    closing: incident_forms.ClosingForm


@bp.get("/incidenter")
def open_incidents() -> Response:
    """Show who coordinates which incidents are open; the list is recorded as a look."""
    if not person().may("administer"):
        raise NotFound("nothing for who does not coordinate")
    found = incidents.open_in(person().units, access.look_at_list("incidents"), LISTED + 1)
    page = render_template(
        "handler/incidents.html",
        found=found[:LISTED],
        is_cut=len(found) > LISTED,
        kinds=incident_forms.KINDS,
        decisions=incident_forms.DECISIONS,
        words=words,
        now=now(),
        tables=settings().tables,
    )
    return make_response(page)


@bp.get("/arende/<reference>/incidenter")
def incidents_page(reference: str) -> Response:
    """Show a matter's incidents, with the form to report one."""
    return _page(get_matter(reference), None, 200)


@bp.post("/arende/<reference>/incidenter")
def report_incident(reference: str) -> Response:
    """Report an incident."""
    matter = get_matter(reference)
    form = incident_forms.ReportForm()
    form.message.offered = _messages(matter.id)

    def do(act: work.Act) -> None:
        its = (form.kind.data or "", form.happened.data or "", form.persons.data or "")
        incidents.report(act, *its, form.noticed.at, form.message_id)

    return _act(matter, form, "sort", do, "Incidenten är rapporterad. Den som samordnar enheten ser den nu.")


@bp.post("/arende/<reference>/incidenter/beslut")
def decide_incident(reference: str) -> Response:
    """Decide whether an incident is told to the supervisory authority."""
    form = incident_forms.DecisionForm()

    def do(act: work.Act) -> None:
        incidents.decide(act, form.incident_id, form.decision.data or "", form.decision_reason.data or "")

    return _act(get_matter(reference), form, "administer", do, "Beslutet är sparat.")


@bp.post("/arende/<reference>/incidenter/avsluta")
def close_incident(reference: str) -> Response:
    """Close an incident."""
    form = incident_forms.ClosingForm()

    def do(act: work.Act) -> None:
        incidents.close(act, form.incident_id, form.done.data or "")

    return _act(get_matter(reference), form, "administer", do, "Incidenten är avslutad.")


def _act(
    matter: Matter, form: forms.ActForm, capability: Capability, do: Callable[[work.Act], object], done: str
) -> Response:
    """Do an act and go back; when it cannot be done, show the page with what was written."""
    matter_id, reference = matter.id, matter.reference
    require(capability, matter_id)
    if not form.validate():
        return _page(matter, form, 422)
    try:
        do(work.Act(matter_id, form.seen_version, person().handler_id))
    except Conflict:
        form.form_errors.append(LATE)
        return _page(get_matter(reference), form, 409)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _page(get_matter(reference), form, 422)
    flash(done)
    return redirect(url_for(".incidents_page", reference=reference), 303)


def _page(matter: Matter, posted: forms.ActForm | None, status: int) -> Response:
    found = incidents.read(matter.id)
    shown = _forms(matter.id, posted)
    held = access.held(person(), matter.id)
    page = render_template(
        "handler/matter_incidents.html",
        matter=matter,
        found=found,
        chosen=_chosen(found, shown),
        forms=shown,
        form=posted,
        messages=dict(_messages(matter.id)),
        may_report="sort" in held,
        may_decide="administer" in held,
        kinds=incident_forms.KINDS,
        decisions=incident_forms.DECISIONS,
        law=_law(matter.category),
    )
    return make_response(page, status)


def _forms(matter_id: uuid.UUID, posted: forms.ActForm | None) -> IncidentForms:
    def made(kind: type[F]) -> F:
        return posted if isinstance(posted, kind) else kind(formdata=None)

    shown = IncidentForms(
        made(incident_forms.ReportForm),
        made(incident_forms.DecisionForm),
        made(incident_forms.ClosingForm),
    )
    shown.report.message.offered = _messages(matter_id)
    if shown.report is not posted:
        shown.report.noticed.data = incident_forms.in_field(now())
        shown.report.message.data = request.args.get("meddelande")
        shown.report.kind.data = "wrong_recipient" if shown.report.message.data else None
    return shown


def _chosen(found: Sequence[incidents.IncidentView], shown: IncidentForms) -> incidents.IncidentView | None:
    """Return which incident the forms are about: that of the form, the one asked for, or the first open."""
    asked = shown.decision.incident.data or shown.closing.incident.data or request.args.get("incident")
    still = [each for each in found if each.closed_at is None]
    return next((each for each in still if str(each.id) == asked), still[0] if still else None)


def _messages(matter_id: uuid.UUID) -> list[tuple[str, str]]:
    """Return the messages of a matter to choose among, each by its kind and time."""
    said = select(Message.id, Message.direction, Message.is_answer, Message.created_at)
    rows = db.session.execute(said.where(Message.matter_id == matter_id).order_by(Message.created_at))
    return [(str(row.id), f"{MESSAGES[row.direction]} {in_swedish(row.created_at)}") for row in rows]


def _law(category: str) -> str:
    """Say which law asks for it; of a category that is no more, that a person must find out."""
    categories = settings().tables.categories
    regime = categories.get(category).regime if category in categories.codes else "manual"
    return incident_forms.LAWS.get(regime, incident_forms.LAWS["manual"])
