"""Merging a matter with another that the person sees too, saying that it does not belong, and parting."""

from __future__ import annotations

from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField

from intake import access, codes
from intake.errors import NotAllowed
from intake.handler import acts, forms, kin
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.matters import merging, work
from intake.models import Matter


class MergeForm(forms.ActForm):
    """The reference of the matter to merge with, and whether the codes of this one open it then."""

    into = StringField(
        "Kvittensnummer",
        filters=[forms.line_of],
        validators=[forms.needed("Skriv det andra ärendets nummer.")],
    )
    codes_lead_on = BooleanField("Låt statuskoden hit visa även svaren där")


@bp.post("/arende/<reference>/sammanfor")
def merge(reference: str) -> Response:
    """Merge the matter into another one."""
    form = MergeForm()

    def do(act: work.Act) -> None:
        other = find_other(form.into.data or "")
        merging.merge(act, other.id, codes_lead_on=form.codes_lead_on.data)

    return acts.act(reference, form, do, "Ärendena är sammanförda.")


@bp.post("/arende/<reference>/dela-upp")
def part_again(reference: str) -> Response:
    """Take the matter out of the one that it was merged into."""

    def do(act: work.Act) -> None:
        if not kin.open_survivor(person(), act.matter_id):
            raise NotAllowed("Ärendet står nu hos en annan enhet. Be den att dela upp ärendena.")
        merging.part_again(act)

    return acts.act(reference, forms.ActForm(), do, "Ärendet är ett eget igen, och öppet.")


@bp.post("/arende/<reference>/hor-inte-dit")
def dismiss(reference: str) -> Response:
    """Say that the matter does not belong to the one that its subject names."""
    return acts.act(reference, forms.ActForm(), merging.dismiss, "Det är noterat att ärendet inte hör dit.")


def find_other(typed: str) -> Matter:
    """Return the matter of a reference that was typed; NotAllowed when the person sees none such."""
    reference = codes.read_reference(typed)
    found = access.find_matter(person(), reference) if reference else None
    if found is None:
        if reference:
            access.log_refused(person(), reference)
        raise NotAllowed("Det finns inget sådant ärende i dina inkorgar.")
    return found
