"""Handing a matter over: preview, give, receive, send back, take back, and the list of what waits."""

from __future__ import annotations

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from intake import access
from intake.errors import NotAllowed, NotFound
from intake.extensions import now, settings
from intake.handler import acts, deadlines, forms, handovers, whole, words
from intake.handler.gate import get_matter, person, require
from intake.handler.handover_forms import (
    HandOverForm,
    MoveForm,
    SendBackForm,
    hand_over_choices,
    move_choices,
)
from intake.handler.surface import bp
from intake.matters import handing_over, work
from intake.matters.handovers import find, refusal_by


@bp.get("/overlamnade")
def handed_over() -> Response:
    """Show what one's units have handed over and nobody has received yet, and how the last ones ended."""
    if not person().may("see"):
        raise NotFound("nothing for who may not see")
    found = handovers.listed(person(), access.look_at_list("inbox", "visa=overlamnade"))
    given = handovers.given_by(person(), found)
    shown = render_template(
        "handler/handed_over.html",
        given=[each for each in given if each.ended_at is None],
        ended=[each for each in given if each.ended_at is not None],
        form=forms.ActForm(formdata=None),
        may_take_back=lambda unit: handovers.works_in(person(), "sort", unit),
        words=words,
        tables=settings().tables,
    )
    return make_response(shown)


@bp.get("/arende/<reference>/lamna-over")
def hand_over_page(reference: str) -> Response:
    """Ask where to, and why."""
    require("sort", get_matter(reference).id)
    return _page(reference, None, 200)


@bp.post("/arende/<reference>/lamna-over/granska")
def preview_hand_over(reference: str) -> Response:
    """Show what the receiver and the citizen will read; nothing is done. Or go on choosing."""
    matter = get_matter(reference)
    if (late := handovers.handed_on(reference, matter.id, "sort")) is not None:
        return late
    require("sort", matter.id)
    form = _over(matter.unit_id)
    if not form.validate() or "andra" in request.form:
        return _page(reference, form, 422 if form.errors else 200)
    unit = form.receiver.data or ""
    try:
        handing_over.require_unit(matter.unit_id, unit)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _page(reference, form, 422)
    view = _view(reference)
    shown = render_template(
        "handler/hand_over_preview.html",
        form=form,
        matter=view,
        receiver=unit,
        due_at=handing_over.due_at(now()),
        refusal=refusal_by(view.id, unit),
        told=handing_over.citizen_reads(view.id),
        deadline=deadlines.look(view),
        words=words,
        tables=settings().tables,
    )
    return make_response(shown)


@bp.post("/arende/<reference>/lamna-over")
def hand_over(reference: str) -> Response:
    """Hand the matter over."""
    form = _over(get_matter(reference).unit_id)
    unit, reason = form.receiver.data or "", form.why.data or ""
    to = words.unit_name(settings().tables, unit)
    done = f"Ärendet {reference} är överlämnat till {to} och väntar på att tas emot."
    return acts.act(reference, form, lambda its: handing_over.hand_over(its, unit, reason), done, again=_page)


@bp.post("/arende/<reference>/flytta")
def move(reference: str) -> Response:
    """Move the matter across a wall."""
    form = MoveForm()
    form.unit.offered = move_choices(settings().tables, get_matter(reference).unit_id)
    unit, reason = form.unit.data or "", form.reason.data or ""
    done = f"Ärendet {reference} är flyttat till {words.unit_name(settings().tables, unit)}."
    return acts.act(reference, form, lambda its: work.move(its, unit, reason), done, again=_page)


@bp.post("/arende/<reference>/ta-emot")
def receive(reference: str) -> Response:
    """Receive what was handed over."""
    return acts.act(
        reference, forms.ActForm(), handing_over.receive, "Ärendet är mottaget och står i er inkorg."
    )


@bp.post("/arende/<reference>/lamna-tillbaka")
def send_back(reference: str) -> Response:
    """Send back what was handed over."""
    form = SendBackForm()

    def do(act: work.Act) -> None:
        handing_over.send_back(act, form.reason.data or "")

    return acts.act(reference, form, do, f"Ärendet {reference} är tillbakalämnat.")


@bp.post("/arende/<reference>/ta-tillbaka")
def take_back(reference: str) -> Response:
    """Take back what was handed over and nobody has received."""
    return acts.act(reference, forms.ActForm(), handing_over.take_back, "Ärendet är tillbaka hos er.")


def _over(here: str) -> HandOverForm:
    form = HandOverForm()
    form.receiver.offered = hand_over_choices(settings().tables, here)
    return form


def _page(reference: str, posted: forms.ActForm | None, status: int, *, is_late: bool = False) -> Response:
    view, tables = _view(reference), settings().tables
    over = posted if isinstance(posted, HandOverForm) else HandOverForm(formdata=None)
    moved = posted if isinstance(posted, MoveForm) else MoveForm(formdata=None)
    over.receiver.offered = hand_over_choices(tables, view.unit_id)
    moved.unit.offered = move_choices(tables, view.unit_id)
    shown = render_template(
        "handler/hand_over.html",
        matter=view,
        form=posted,
        over=over,
        moved=moved,
        waits=find(view.id) is not None,
        is_late=is_late,
        words=words,
        tables=tables,
    )
    return make_response(shown, status)


def _view(reference: str) -> whole.MatterView:
    view = whole.matter_view(person(), reference)
    if view is None:
        raise NotFound("the matter has left the person's inboxes just now")
    return view
