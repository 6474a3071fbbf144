"""How an act on a matter is done: read, check, call one service, answer; no words are lost on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from intake import access
from intake.errors import Conflict, NotAllowed, NotFound
from intake.handler import forms, handovers, kept_files, kin, matter_page, style
from intake.handler.gate import get_matter, person, require
from intake.matters import work

KEPT = "Det du skrev finns kvar."


class Again(Protocol):
    """Shows a page once more, with the form that was posted to it."""

    def __call__(
        self, reference: str, posted: forms.ActForm | None, status: int, *, is_late: bool = False
    ) -> Response:
        """Answer with the page."""


def act(
    reference: str,
    form: forms.ActForm,
    do: Callable[[work.Act], None],
    done: str,
    *,
    again: Again | None = None,
) -> Response:
    """Do an act and go back; when it cannot be done, show the page with what was written.

    That is the matter's own, or the one that ``again`` shows.
    """
    again = again or matter_page.page
    try:
        found = get_matter(reference)
    except NotFound:
        if (answer := handovers.gone(reference)) is not None:
            return answer
        raise
    matter_id, region = found.id, found.region
    name = str(request.endpoint).rpartition(".")[2]
    if not (name == "take_back" and handovers.may_take_back(matter_id)):
        if (answer := handovers.handed_on(reference, matter_id, matter_page.asks_for(name))) is not None:
            return answer
        require(matter_page.asks_for(name), matter_id)
    if not form.validate():
        return again(reference, form, 422)
    try:
        if isinstance(form, forms.ReplyForm):
            # Kept before anything else is said of the answer, so that the files need not be chosen again.
            kept_files.gather(form, matter_id)
        if warned := style.look(form, name, region):
            return matter_page.page(reference, form, 200, warned=warned)
        do(work.Act(matter_id, form.seen_version, person().handler_id))
    except Conflict as late:
        form.form_errors.append(str(late))
        if reference not in access.seen_matters(person(), references=[reference]):
            # Whoever was first has sent it on.
            return handovers.gone(reference) or handovers.left(reference)
        return again(reference, form, 409, is_late=True)
    except NotAllowed as problem:
        form.form_errors.append(str(problem))
        return again(reference, form, 422)
    if done:
        flash(done)
    is_seen = reference in access.seen_matters(person(), references=[reference])
    return redirect(url_for(".matter", reference=reference) if is_seen else url_for(".inbox"), 303)


def note(reference: str, form: forms.ActForm, do: Callable[[work.Act], None], done: str) -> Response:
    """Do an act that notes something, where the matter went if it was merged."""

    def noting(act: work.Act) -> None:
        if not kin.open_where_noted(person(), act.matter_id):
            raise NotAllowed("Ärendet är sammanfört med ett som du inte ser. Anteckningen är inte sparad.")
        do(act)

    return act(reference, form, noting, done)
