"""Handing several matters over at once: each is shown first and told of by itself, as when it is one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response
from wtforms import HiddenField

from intake import access
from intake.errors import Conflict, NotAllowed, NotFound
from intake.extensions import now, settings
from intake.handler import forms, queries, words
from intake.handler.desk import GONE, MOST_MARKED, inbox_of
from intake.handler.gate import person
from intake.handler.handover_forms import Units, hand_over_choices
from intake.handler.surface import bp
from intake.matters import handing_over, handovers, work
from intake.matters.alarms import URGENT
from intake.matters.handovers import Refusal
from intake.models import Matter

NONE_TICKED = "Markera först de ärenden som ska lämnas över."
SENT_BACK_TO = {
    "back": "En gång, till er",
    "up": "Ja, till den nationella inkorgen",
    "end": "Nej",
    "decided": "Nej, du avgör",
}


class HandSeveralForm(forms.Form):
    """Which unit several matters are handed over to, and why; ``ticked`` says which, as they were seen."""

    ticked = HiddenField("Ärenden")
    receiver = forms.ChoiceField("Lämna över till", validators=[forms.listed("Välj en enhet i listan.")])
    why = forms.reason_field("Varför lämnas de över?", "Skriv varför ärendena lämnas över.")

    @property
    def versions(self) -> dict[str, int]:
        """The versions that were on the screen, by reference: ``K7RX-3M9P.4``, with a space between two."""
        pairs = [each.rpartition(".") for each in (self.ticked.data or "").split()[:MOST_MARKED]]
        return {name: int(seen) for name, _, seen in pairs if seen.isdecimal() and len(seen) <= 9}


@dataclass(frozen=True)
class Ticked:
    """A matter that can be handed over; ``told`` is what its person reads, empty where that is nothing."""

    reference: str
    subject: str
    unit_id: str
    priority: int
    flags: Sequence[str]
    due_at: datetime | None
    version: int
    refusal: Refusal
    told: str


@dataclass(frozen=True)
class Sorted:
    """The matters that were ticked: those that can be handed over, and why each of the others cannot."""

    able: Sequence[Ticked]
    others: Mapping[str, str]

    @property
    def seen(self) -> str:
        """The able ones with the versions that are on the screen, as the form sends them back."""
        return " ".join(f"{each.reference}.{each.version}" for each in self.able)

    @property
    def urgent(self) -> int:
        """How many of the able ones are urgent."""
        return sum(each.priority == URGENT for each in self.able)

    @property
    def told(self) -> Sequence[str]:
        """What the persons of the able ones read, each wording once."""
        return list(dict.fromkeys(each.told for each in self.able if each.told))


@bp.get("/markerade/lamna-over")
def hand_several_page() -> Response:
    """Ask where to, and why, what was ticked is handed over."""
    _demand()
    versions = dict.fromkeys(request.args.getlist("ref")[:MOST_MARKED])
    if not versions:
        flash(NONE_TICKED)
        return redirect(inbox_of(queries.Asked.read(request.args)), 303)
    return _page(HandSeveralForm(formdata=None), _sort(versions), 200)


@bp.post("/markerade/lamna-over/granska")
def preview_several() -> Response:
    """Show what will be handed over and what its receiver and the persons read; nothing is done."""
    _demand()
    form = _read()
    if not form.validate() or "andra" in request.form:
        return _page(form, _sort(form.versions), 422 if form.errors else 200)
    unit = form.receiver.data or ""
    those = _sort(form.versions, unit)
    if not those.able:
        return _page(form, _sort(form.versions), 422, those.others)
    shown = render_template(
        "handler/hand_several_preview.html",
        form=form,
        those=those,
        receiver=words.unit_name(settings().tables, unit),
        due_at=handing_over.due_at(now()),
        said=_asked(),
        sent_back_to=SENT_BACK_TO,
        words=words,
        now=now(),
    )
    return make_response(shown)


@bp.post("/markerade/lamna-over")
def hand_several() -> Response:
    """Hand over what was ticked, each by itself, and tell how it went."""
    _demand()
    form = _read()
    if not form.validate():
        return _page(form, _sort(form.versions), 422)
    if not form.versions:
        flash(NONE_TICKED)
    unit, reason = form.receiver.data or "", form.why.data or ""
    done, troubles = 0, []
    for reference, version in form.versions.items():
        try:
            matter = _find(reference)
            handing_over.hand_over(work.Act(matter.id, version, person().handler_id), unit, reason)
            done += 1
        except (Conflict, NotAllowed) as problem:
            troubles.append(f"{reference}: {problem}")
    if done:
        flash(words.handed_over(done, words.unit_name(settings().tables, unit)))
    for trouble in troubles:
        flash(trouble)
    return redirect(inbox_of(queries.Asked.read(request.args)), 303)


def _sort(versions: Mapping[str, int | None], unit: str | None = None) -> Sorted:
    """Find the matters, and say of each whether it can be handed over, to a unit if one is chosen.

    One without a version is shown as it is by now.
    """
    able, others = [], {}
    for reference, version in versions.items():
        try:
            matter = _find(reference)
            seen = matter.version if version is None else version
            work.open_matter(work.Act(matter.id, seen, person().handler_id))
            if unit is not None:
                handing_over.require_unit(matter.unit_id, unit)
            able.append(_ticked(matter, seen, unit))
        except (Conflict, NotAllowed) as problem:
            others[reference] = str(problem)
    return Sorted(able, others)


def _ticked(matter: Matter, version: int, unit: str | None) -> Ticked:
    return Ticked(
        reference=matter.reference,
        subject=matter.subject,
        unit_id=matter.unit_id,
        priority=matter.priority,
        flags=tuple(matter.flags),
        due_at=matter.due_at,
        version=version,
        refusal="back" if unit is None else handovers.refusal_by(matter.id, unit),
        told="" if unit is None else handing_over.citizen_reads(matter.id),
    )


def _find(reference: str) -> Matter:
    found = access.find_matter(person(), reference)
    if found is None:
        access.log_refused(person(), reference)
        raise NotAllowed(GONE)
    if not access.may(person(), "sort", found.id):
        raise NotAllowed(_why_not(found.id))
    return found


def _why_not(matter_id: uuid.UUID) -> str:
    if handovers.find(matter_id) is not None:
        return "Ärendet är redan överlämnat och väntar på att tas emot."
    return "Du får läsa ärendet men inte lämna över det."


def _page(
    form: HandSeveralForm, those: Sorted, status: int, others: Mapping[str, str] | None = None
) -> Response:
    form.receiver.offered = _choices(those)
    shown = render_template(
        "handler/hand_several.html",
        form=form,
        those=those,
        others=those.others if others is None else others,
        said=_asked(),
        words=words,
        tables=settings().tables,
    )
    return make_response(shown, status)


def _read() -> HandSeveralForm:
    form = HandSeveralForm()
    form.receiver.offered = hand_over_choices(settings().tables, "")
    return form


def _choices(those: Sorted) -> Units:
    """Return the units that a matter may be handed over to, less the one where all of them stand."""
    stand = {each.unit_id for each in those.able}
    return hand_over_choices(settings().tables, stand.pop() if len(stand) == 1 else "")


def _asked() -> dict[str, str]:
    """Return the words of the inbox that they were ticked in, which the address carries along."""
    return queries.Asked.read(request.args).words


def _demand() -> None:
    if not person().may("sort"):
        raise NotFound("nothing for who may not sort")
