"""Linking a matter with another that the person sees too, and taking the link away."""

from __future__ import annotations

import uuid

from werkzeug.wrappers import Response

from intake import access
from intake.errors import NotAllowed
from intake.handler import acts, forms
from intake.handler.gate import person
from intake.handler.kindred_forms import LinkForm
from intake.handler.merging import find_other
from intake.handler.surface import bp
from intake.matters import belonging, work


@bp.post("/arende/<reference>/koppla")
def link(reference: str) -> Response:
    """Link the matter with another one."""
    form = LinkForm()

    def do(act: work.Act) -> None:
        other = find_other(form.other.data or "")
        if not access.may(person(), "sort", other.id):
            raise NotAllowed("Du får läsa det andra ärendet men inte koppla det.")
        belonging.link(act, other.id, form.why_linked.data or "")

    return acts.act(reference, form, do, "Ärendena är kopplade.")


@bp.post("/arende/<reference>/koppla-bort/<uuid:link_id>")
def unlink(reference: str, link_id: uuid.UUID) -> Response:
    """Take a link away."""
    return acts.act(
        reference, forms.ActForm(), lambda its: belonging.unlink(its, link_id), "Kopplingen är borttagen."
    )
