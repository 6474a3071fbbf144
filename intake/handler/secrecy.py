"""Marking a matter as perhaps secret, and lifting the mark."""

from __future__ import annotations

from werkzeug.wrappers import Response

from intake.handler import acts, marks
from intake.handler.surface import bp
from intake.matters import secrecy


@bp.post("/arende/<reference>/sekretess")
def mark_secrecy(reference: str) -> Response:
    """Mark the matter as perhaps secret."""
    form = marks.SecrecyForm()
    form.provision.offered = marks.provisions()
    reason = form.secrecy_reason.data or ""
    return acts.act(
        reference,
        form,
        lambda its: secrecy.mark(its, form.provision.data or "", reason),
        "Ärendet är sekretessmarkerat.",
    )


@bp.post("/arende/<reference>/sekretess/hav")
def lift_secrecy(reference: str) -> Response:
    """Take the mark away."""
    form = marks.LiftForm()
    reason = form.lift_reason.data or ""
    return acts.act(reference, form, lambda its: secrecy.lift(its, reason), "Sekretessmarkeringen är hävd.")
