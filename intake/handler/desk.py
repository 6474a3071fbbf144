"""The desk: the inbox in order of need, the next free matter, several at once, and shared views."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Set
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import flash, jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake import access, codes
from intake.access.roles import Capability
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import STOCKHOLM, now, settings
from intake.handler import acts, desk_forms, forms, handovers, queries, words
from intake.handler.gate import person, require
from intake.handler.surface import bp
from intake.matters import desk, work
from intake.models import Matter

MOST_MARKED = 50
GONE = "Ärendet finns inte längre i dina inkorgar."
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@bp.get("/")
def inbox() -> Response:
    """Show the open matters of one's units in order of need; who sees none comes to the page of the role."""
    if not person().may("see"):
        if person().may("audit"):
            return redirect(url_for(".audit_page"), 303)
        if person().may("operate"):
            return redirect(url_for(".mailroom"), 303)
    asked = queries.Asked.read(request.args)
    if asked.enhet is not None and asked.enhet not in person().units:
        raise NotFound("not one of the person's inboxes")
    away = desk.who_is_away(_acting())
    page, counts = queries.inbox(person(), asked), queries.counts(person())
    passed = handovers.listed(person(), page.look)
    shown = render_template(
        "handler/inbox.html",
        page=page,
        received=handovers.waiting_in(person(), passed),
        given=[each for each in handovers.given_by(person(), passed) if each.ended_at is None],
        asked=asked,
        counts=counts,
        since=_microseconds(counts.newest_at),
        units=queries.units_of(person()),
        views=desk.saved_views(person().units),
        colleagues=desk.colleagues(_acting()),
        away={each.handler_id: each for each in away if each.handler_id != person().handler_id},
        form=desk_forms.MarkedForm(formdata=None),
        may_register=person().may("sort"),
        may_take=person().may("answer"),
        coordinates=person().may("administer"),
        words=words,
        now=now(),
        tables=settings().tables,
    )
    return make_response(shown)


@bp.get("/inkorg/nytt")
def inbox_news() -> Response:
    """Tell how many matters have come since the page was made; a browser asks again and again."""
    _demand("see")
    since = request.args.get("sedan", "0")
    if not since.isdecimal() or len(since) > 17:
        raise NotFound("no such time")
    count = queries.news(person(), _EPOCH + timedelta(microseconds=int(since)))
    answer = jsonify(new=count, words=words.news(count))
    answer.set_etag(f"{since}-{count}")
    return answer.make_conditional(request)


@bp.post("/nasta")
def next_matter() -> Response:
    """Take the most pressing matter that nobody has, and show it."""
    _demand("answer")
    units = _acting()
    if not forms.Form().validate():
        flash(forms.STALE)
        return redirect(url_for(".inbox"), 303)
    taken = desk.claim_next(units)
    if taken is None:
        flash("Inget ledigt ärende väntar i dina inkorgar just nu.")
        return redirect(url_for(".inbox"), 303)
    reference = next(iter(access.seen_matters(person(), ids=[taken])), None)
    if reference is None:
        raise NotFound("the matter has left the person's inboxes just now")
    flash("Ärendet är ditt.")
    return redirect(url_for(".matter", reference=reference), 303)


@bp.post("/markerade")
def marked() -> Response:
    """Do one act on each of the matters that were ticked, and tell how it went."""
    _demand("answer")
    form = desk_forms.MarkedForm()
    form.till.offered = [("", "")] + [(str(each), name) for each, name in desk.colleagues(_acting())]
    if not form.validate():
        flash(_problems(form))
        return redirect(url_for(".inbox"), 303)
    if form.gor.data == "hand_over":
        asked: dict[str, Any] = {**queries.Asked.read(request.args).words}
        ticked = [each for each in request.form.getlist("ref")[:MOST_MARKED] if codes.read_reference(each)]
        return redirect(url_for(".hand_several_page", ref=ticked, **asked), 303)
    done, troubles = 0, []
    away = {each.handler_id for each in desk.who_is_away(_acting())}
    for reference in dict.fromkeys(request.form.getlist("ref")[:MOST_MARKED]):
        found = access.find_matter(person(), reference)
        try:
            if found is None:
                raise NotAllowed(GONE)
            require("sort" if form.gor.data == "assign" else "answer", found.id)
            _act_of(form, found, away)(work.Act(found.id, found.version, person().handler_id))
            done += 1
        except (Conflict, NotAllowed) as problem:
            troubles.append(f"{reference}: {problem}")
    flash(words.marked(done, str(form.gor.data)))
    for trouble in troubles:
        flash(trouble)
    return redirect(inbox_of(queries.Asked.read(request.args)), 303)


def _act_of(form: desk_forms.MarkedForm, found: Matter, away: Set[uuid.UUID]) -> Callable[[work.Act], None]:
    if form.gor.data == "assign":
        return lambda act: work.assign(act, uuid.UUID(form.till.data))
    if form.gor.data == "release":
        return work.release
    if form.gor.data == "pause":
        return lambda act: desk.pause(act, form.dag.day)
    # What somebody has who is away can be taken over, as on its own page.
    if found.handler_id not in {None, person().handler_id, *away}:
        raise NotAllowed("En kollega har redan tagit det.")
    return work.take


@bp.post("/arende/<reference>/pausa")
def pause(reference: str) -> Response:
    """Let the matter rest until a day."""
    form = desk_forms.PauseForm()
    return acts.act(reference, form, lambda its: desk.pause(its, form.until.day), "Ärendet vilar.")


@bp.post("/arende/<reference>/fortsatt")
def resume(reference: str) -> Response:
    """End the matter's rest."""
    return acts.act(reference, forms.ActForm(), desk.resume, "Ärendet vilar inte längre.")


@bp.post("/vyer")
def save_view() -> Response:
    """Share a view of the inbox with the unit."""
    _demand("answer")
    form, asked = desk_forms.ViewForm(), queries.Asked.read(request.args).beginning
    if not form.validate():
        flash(_problems(form))
    elif desk.save_view(form.unit.data or "", form.name.data or "", asked.words):
        flash("Vyn är sparad och syns för alla i enheten.")
    else:
        flash("Vyn gick inte att spara. En enhet kan ha högst 20 vyer, och du behöver arbeta i enheten.")
    return redirect(inbox_of(asked), 303)


@bp.post("/vyer/<uuid:view_id>/bort")
def drop_view(view_id: uuid.UUID) -> Response:
    """Take a shared view away."""
    if view_id not in {view.id for view in desk.saved_views(_acting())}:
        raise NotFound("no view of a unit where the person works")
    if not forms.Form().validate():
        flash(forms.STALE)
    elif desk.drop_view(view_id):
        flash("Vyn är borttagen.")
    return redirect(url_for(".inbox"), 303)


@bp.get("/belastning")
def workload() -> Response:
    """Show a coordinator who has how much in hand."""
    _demand("administer")
    return make_response(
        render_template(
            "handler/workload.html", load=queries.workload(person()), words=words, tables=settings().tables
        )
    )


def inbox_of(asked: queries.Asked) -> str:
    """Return the address of the inbox that is asked for."""
    words: dict[str, Any] = {**asked.words}
    return url_for(".inbox", **words)


def _problems(form: forms.Form) -> str:
    return " ".join(str(each) for messages in form.errors.values() for each in messages)


def _demand(capability: Capability) -> None:
    if not person().may(capability):
        raise NotFound(f"nothing for who may not {capability}")


def _acting() -> list[str]:
    """Return the units in which the person answers matters."""
    return [unit for unit in person().units if person().may("answer", unit)]


def _microseconds(at: datetime | None) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1) if at else 0


@bp.app_template_filter("dagen")
def _day(at: datetime) -> str:
    return f"{at.astimezone(STOCKHOLM):%Y-%m-%d}"
