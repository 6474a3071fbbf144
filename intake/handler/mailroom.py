"""The mailroom's page, for operators: what came in, what waits, what is wrong, and the journal of letters."""

from __future__ import annotations

import uuid
from datetime import timedelta

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from intake import mailroom as mail
from intake.errors import NotFound
from intake.extensions import now
from intake.handler import forms, journal, letter_words
from intake.handler.cursors import Cursor
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.mailroom import watch

PROBLEM_DAYS = 1


@bp.get("/postrum")
def mailroom() -> Response:
    """Show the watch over the mail and the journal; whoever is told of a sender has looked."""
    _operators_only()
    form = forms.JournalForm(request.args)
    is_valid = form.validate()
    after = Cursor.read(request.args.get("efter", ""))
    page = journal.read_journal(person(), form.sought() if is_valid else journal.Sought(), after=after)
    shown = render_template(
        "handler/mailroom.html",
        watch=watch.look(),
        out=watch.letters_out(),
        not_received=journal.not_received(now() - timedelta(days=journal.NOT_RECEIVED_DAYS)),
        odd=journal.count_problems(now() - timedelta(days=PROBLEM_DAYS)),
        page=page,
        form=form,
        plain=forms.Form(formdata=None),
        after=after,
        asked=form.asked(),
        address_days=journal.ADDRESS_DAYS,
        words=letter_words,
    )
    return make_response(shown, 200 if is_valid else 422)


@bp.post("/postrum/brev/<uuid:letter_id>/tolka-om")
def parse_again(letter_id: uuid.UUID) -> Response:
    """Ask for a letter to be read again."""
    _operators_only()
    if forms.Form().validate():
        mail.ask_to_parse_again(letter_id, person().handler_id)
        flash("Brevet tolkas på nytt. Det kan ta en stund.")
    else:
        flash(forms.STALE)
    return redirect(url_for(".mailroom"), 303)


@bp.post("/postrum/jobb/<uuid:job_id>/forsok-igen")
def retry_job(job_id: uuid.UUID) -> Response:
    """Ask for a job that gave up to be tried again."""
    _operators_only()
    if forms.Form().validate():
        mail.ask_to_retry(job_id)
        flash("Ett nytt försök görs. Det kan ta en stund.")
    else:
        flash(forms.STALE)
    return redirect(url_for(".mailroom"), 303)


def _operators_only() -> None:
    """Show nobody else that there is such a page."""
    if not person().may("operate"):
        raise NotFound("not an operator")
