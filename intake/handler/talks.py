"""Noting what was said: on a matter's page, or at a matter whose reference somebody names."""

from __future__ import annotations

from werkzeug.wrappers import Response

from intake.handler import acts, contact_forms
from intake.handler.surface import bp
from intake.matters import talks


@bp.post("/arende/<reference>/samtal")
def note_talk(reference: str) -> Response:
    """Note what was said by telephone or face to face; handlers alone see it."""
    form = contact_forms.TalkForm()
    return acts.note(
        reference, form, lambda its: talks.note_talk(its, form.talk), "Tjänsteanteckningen är sparad."
    )
