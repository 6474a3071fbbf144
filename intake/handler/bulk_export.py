"""Several matters out of the house as one sealed zip, once another person has approved it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import uuid
from collections.abc import Sequence
from datetime import date
from typing import Any, BinaryIO, cast

from flask import flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField
from wtforms.validators import ValidationError

from intake import codes, shown, web
from intake.access import bulk_exports
from intake.access.bulk_exports import MOST_MATTERS, Asked, Taken
from intake.errors import NotAllowed, NotFound
from intake.extensions import now, settings
from intake.handler import exporting as one_matter
from intake.handler import forms
from intake.handler.gate import person, sensitive
from intake.handler.surface import bp
from intake.matters import exporting
from intake.sealing import LOCK_WORD, SealedZip
from intake.words import in_words

STATES = {
    "waiting": "Väntar på en annan person",
    "lapsed": "Förföll utan beslut",
    "approved": "Godkänd, kan hämtas",
    "over": "Godkänd, men tiden att hämta är ute",
    "refused": "Avslagen",
    "withdrawn": "Tillbakadragen",
}
DECIDED = {
    "approved": "Exporten är godkänd. Den som bad om den kan hämta den i 24 timmar.",
    "refused": "Exporten är avslagen.",
    "withdrawn": "Exporten är tillbakadragen.",
}
NO_ROOM = "Det finns inte plats för paketet just nu. Säg till den som sköter driften."
_BETWEEN = re.compile(r"[\n,;]+")


class AskForm(forms.Form):
    """Which matters are taken out, by their references or by unit and days, and why."""

    references = TextAreaField("Kvittensnummer", filters=[forms.text_of])
    unit = forms.ChoiceField("Eller alla avslutade ärenden i", validators=[])
    first = forms.DayField("Avslutade från och med", validators=[forms.a_day()])
    last = forms.DayField("Avslutade till och med", validators=[forms.a_day()])
    reason = StringField(
        "Varför exporteras ärendena?",
        filters=[forms.line_of],
        validators=[
            forms.needed("Skriv varför ärendena exporteras."),
            forms.at_most(forms.REASON_CHARACTERS),
        ],
    )

    def validate_references(self, field: Any) -> None:
        """Demand references or a unit, and no words that are no reference."""
        if bool(field.data) == bool(self.unit.data):
            raise ValidationError("Klistra in kvittensnummer, eller välj en enhet och två dagar. Inte båda.")
        if odd := [words for words in self.lines if codes.read_reference(words) is None]:
            raise ValidationError(f"Det här är inga kvittensnummer: {', '.join(odd[:10])}.")
        if len(self.lines) > MOST_MATTERS:
            raise ValidationError(f"Högst {MOST_MATTERS} ärenden åt gången. Nu är det {len(self.lines)}.")

    def validate_unit(self, field: Any) -> None:
        """Demand a unit of the person's own."""
        if field.data and field.data not in {code for code, _ in field.offered}:
            raise ValidationError("Välj en enhet i listan.")

    def validate_last(self, field: Any) -> None:
        """Demand both days, in order, where a unit was chosen."""
        if self.unit.data and not (self.first.data and field.data):
            raise ValidationError("Skriv både första och sista dagen.")
        if self.unit.data and not self.first.errors and self.first.day > field.day:
            raise ValidationError("Den sista dagen är före den första.")

    @property
    def lines(self) -> list[str]:
        """What stands on lines of its own, or between commas."""
        return [words.strip() for words in _BETWEEN.split(self.references.data or "") if words.strip()]


@bp.get("/exporter")
def bulk_exports_page() -> Response:
    """List what the person has asked for, and what waits for the person's decision."""
    _demand_export()
    return _shown("bulk", asked=bulk_exports.requests(person()))


@bp.route("/exporter/ny", methods=["GET", "POST"])
@sensitive
def ask_export() -> Response:
    """Ask to take several matters out."""
    _demand_export()
    form = AskForm()
    form.unit.offered = _own_units()
    if not form.is_submitted():
        return _shown("bulk_ask", form=form)
    if not form.validate():
        return _shown("bulk_ask", 422, form=form)
    try:
        made = bulk_exports.ask(_chosen(form), form.reason.data or "")
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _shown("bulk_ask", 422, form=form)
    flash("Nu väntar exporten på en annan person, som får besluta i sju dagar. Säg till den personen.")
    return redirect(url_for(".bulk_export", request_id=made), 303)


@bp.route("/exporter/<uuid:request_id>", methods=["GET", "POST"])
@sensitive
def bulk_export(request_id: uuid.UUID) -> Response:
    """Show an export of several matters, and decide."""
    asked, form = bulk_exports.get_request(person(), request_id), forms.DecideForm()
    if not form.is_submitted():
        return _page(asked, form, 200)
    if not form.validate():
        return _page(asked, form, 422)
    try:
        outcome = bulk_exports.decide(request_id, is_approved=form.decision.data == "ja")
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return _page(asked, form, 422)
    flash(DECIDED[outcome])
    return redirect(url_for(".bulk_exports_page"), 303)


@bp.post("/exporter/<uuid:request_id>/hamta")
@sensitive
def fetch_export(request_id: uuid.UUID) -> Response:
    """Fetch an approved export; the looks come first, a seal into the history of each matter."""
    asked, form = bulk_exports.get_request(person(), request_id), forms.Form()
    if not form.validate():
        return _page(asked, form, 422)
    # What is in the matters can only be measured after the looks; with no room at all none is recorded.
    if not _has_room([]):
        form.form_errors.append(NO_ROOM)
        return _page(asked, form, 503)
    taken = bulk_exports.take(request_id)
    if not taken:
        form.form_errors.append("Exporten kan inte hämtas nu. Se nedan varför.")
        return _page(asked, form, 422)
    if not _has_room([each.matter_id for each in taken if each.is_open]):
        form.form_errors.append(NO_ROOM)
        return _page(asked, form, 503)
    made = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (closed when the answer was sent)
    try:
        digest = _write(asked, taken, made)
        size_bytes = made.seek(0, os.SEEK_END)
        made.seek(0)
    except BaseException:
        made.close()
        raise
    return web.as_download(made, f"export-{digest[:12]}.zip", size_bytes)


def _write(asked: Asked, taken: Sequence[Taken], target: BinaryIO) -> str:
    """Write a sealed zip of the matters' own sealed zips; return its seal's digest."""
    at, key = now(), one_matter.signing_key()
    left_out = [each.reference for each in taken if not each.is_open]
    sealed = []
    with SealedZip(target, at) as zipped:
        for each in taken:
            if each.is_open:
                sealed.append(_add(zipped, each))
        zipped.add_text("las-mig.txt", _readme(asked, len(sealed), left_out))
        told = {
            "exported_at": at,
            "exported_by": person().name,
            "approved_by": asked.decider,
            "reason": asked.reason,
            "matters": sealed,
            "left_out": left_out,
        }
        return zipped.seal(told, key).digest


def _add(zipped: SealedZip, taken: Taken) -> dict[str, str]:
    shown.put_alone_at_hand(taken.matter_id)
    by = one_matter.exporter(taken.matter_id)
    with tempfile.TemporaryFile() as made:
        done = exporting.export(taken.matter_id, by, cast(BinaryIO, made), one_matter.signing_key())
        made.seek(0)
        zipped.add(f"{taken.reference}.zip", cast(BinaryIO, made))
    return {"reference": taken.reference, "manifest_sha256": done.seal.digest}


def _measure(matter_id: uuid.UUID) -> int:
    shown.put_alone_at_hand(matter_id)
    return exporting.measure(matter_id)


def _has_room(matter_ids: Sequence[uuid.UUID]) -> bool:
    """Say whether the whole fits beside the largest of its matters, each with what quarantine needs."""
    sizes = [_measure(matter_id) for matter_id in matter_ids] or [0]
    needed = sum(sizes) + 2 * max(sizes) + one_matter.SPARE_BYTES
    return shutil.disk_usage(tempfile.gettempdir()).free >= needed


def _chosen(form: AskForm) -> Sequence[uuid.UUID]:
    """Return the matters that the form names; NotAllowed, with which, when some are not the person's."""
    if form.unit.data:
        found = bulk_exports.find_closed(
            person(), form.unit.data, cast(date, form.first.day), cast(date, form.last.day)
        )
        if not found:
            raise NotAllowed("Inga ärenden avslutades där de dagarna.")
        if len(found) > MOST_MATTERS:
            raise NotAllowed(f"Det är fler än {MOST_MATTERS} ärenden. Välj färre dagar.")
        return found
    references = [str(codes.read_reference(words)) for words in form.lines]
    known = bulk_exports.find_by_references(person(), references)
    if unknown := [reference for reference in references if reference not in known]:
        raise NotAllowed(f"De här finns inte i dina inkorgar: {', '.join(unknown)}. Ta bort dem ur listan.")
    return list(known.values())


def _own_units() -> list[tuple[str, str]]:
    units = settings().tables.authority.units
    own = [unit for unit in units if unit.code in person().units and person().may("export", unit.code)]
    return [(unit.code, unit.name) for unit in own]


def _demand_export() -> None:
    if not person().may("export"):
        raise NotFound("the person takes nothing out")


def _page(asked: Asked, form: forms.Form, status: int) -> Response:
    matters, count = bulk_exports.matters_of(person(), asked.id)
    return _shown(
        "bulk_one",
        status,
        asked=asked,
        matters=matters,
        count=count,
        units=[settings().tables.authority.unit(code).name for code in asked.units],
        lock_word=LOCK_WORD,
        form=form,
    )


def _shown(template: str, status: int = 200, **shown: object) -> Response:
    return make_response(render_template(f"handler/{template}.html", STATES=STATES, **shown), status)


def _readme(asked: Asked, matters: int, left_out: Sequence[str]) -> str:
    said = f"Inga ärenden är utelämnade. {matters} följer med.\n"
    if left_out:
        said = (
            f"Följer inte med, eftersom de inte längre stod där exporten godkändes: {', '.join(left_out)}\n"
        )
    return _README.format(
        at=in_words(asked.at), asker=asked.asker, decider=asked.decider, reason=asked.reason, said=said
    )


_README = """\
Flera hela ärenden, var och ett i en egen förseglad zip.

Begärdes {at} av {asker}, godkändes av {decider}.
Varför: {reason}

{said}
Varje ärendes sigill står i manifest.json och i ärendets egen historik. Kontrollera hela paketet, och
sedan varje zip i det, med: intake verify-export FIL --digest SIGILLET
"""
