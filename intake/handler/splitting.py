"""Splitting a matter, taking that back, and telling its parent what a part came to."""

from __future__ import annotations

from typing import cast

from flask import flash, make_response, render_template
from werkzeug.wrappers import Response

from intake.errors import NotFound
from intake.extensions import settings
from intake.handler import acts, forms, whole, words
from intake.handler.gate import get_matter, person, require
from intake.handler.kindred_forms import BY_RULE, USUAL, OutcomeForm, SplitForm
from intake.handler.surface import bp
from intake.matters import splitting, work


@bp.get("/arende/<reference>/bryt-ut")
def split_page(reference: str) -> Response:
    """Ask what becomes a matter of its own; nothing is done."""
    require("sort", get_matter(reference).id)
    return _page(reference, _form(formdata=None), 200)


@bp.post("/arende/<reference>/bryt-ut")
def split(reference: str) -> Response:
    """Make a part of the matter a matter of its own."""
    form = _form()

    def do(act: work.Act) -> None:
        part = splitting.Part(
            subject=form.about.data or "",
            words=form.words.data or "",
            message_ids=form.messages.ids,
            file_ids=form.attached.ids,
            category=form.category.data or None,
            unit=form.unit.data or None,
        )
        made = splitting.split(act, part)
        flash(f"{made.reference} är skapat och står hos {words.unit_name(settings().tables, made.unit)}.")

    return acts.act(reference, form, do, "", again=_page)


@bp.post("/arende/<reference>/skapat-av-misstag")
def undo_split(reference: str) -> Response:
    """Close a part that was made by mistake."""
    return acts.act(
        reference, forms.ActForm(), splitting.undo, f"{reference} är avslutat som skapat av misstag."
    )


@bp.post("/arende/<reference>/besked")
def tell_outcome(reference: str) -> Response:
    """Leave word of what a part came to, for its parent."""
    form = OutcomeForm()
    done = "Beskedet är lämnat till huvudärendet."
    return acts.act(
        reference, form, lambda its: splitting.tell_outcome(its, form.outcome_words.data or ""), done
    )


def _form(**options: None) -> SplitForm:
    form, tables = SplitForm(**options), settings().tables
    form.category.offered = [*BY_RULE, *forms.category_choices(tables)]
    form.unit.offered = {"Av sig självt": USUAL, **forms.unit_choices(tables, "")}
    return form


def _page(reference: str, posted: forms.ActForm | None, status: int, *, is_late: bool = False) -> Response:
    form = cast(SplitForm, posted)
    if is_late:
        form.form_errors.append(acts.KEPT)
    view = whole.matter_view(person(), reference)
    if view is None:
        raise NotFound("the matter has left the person's inboxes just now")
    page = render_template("handler/split.html", matter=view, form=form, words=words)
    return make_response(page, status)
