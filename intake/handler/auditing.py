"""The auditor's pages: who saw a matter, what somebody saw, what stands out, and what a person may be told.

Nothing of what is in a matter is shown here. Every question asks why, and is itself in the log.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import ParamSpec, get_args

from flask import flash, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, StringField
from wtforms.validators import ValidationError

from intake import access, web
from intake.access import auditing
from intake.access.auditing import Kind, Limits, Question
from intake.codes import read_reference
from intake.errors import NotFound
from intake.extensions import STOCKHOLM, now, settings
from intake.handler import audit_words, forms
from intake.handler.cursors import Cursor
from intake.handler.gate import person, sensitive
from intake.handler.surface import bp

Given = ParamSpec("Given")

# The first day of which the log could know anything.
BEGINNING = date(2000, 1, 1)
UNUSUAL_DAYS, MOST_UNUSUAL_DAYS = 30, 92
LIMITS = Limits()
# The lists that are handed out as files: looks, who had a matter in a list, what stands out.
PARTS = ("sett", "listor", "ovanligt")


class QuestionGone(Exception):
    """A question that this sign-in did not ask within the hour."""


class AuditForm(forms.Form):
    """A question to the log: what, about whom or which matter, between which days, and why."""

    kind = forms.ChoiceField("Vad vill du veta?", validators=[forms.listed("Välj vad du vill veta.")])
    subject = StringField("Kvittensnummer, eller medarbetarens e-postadress", filters=[forms.line_of])
    since = forms.DayField("Från och med", validators=[forms.a_day()])
    until = forms.DayField("Till och med", validators=[forms.a_day()])
    names = BooleanField("Visa medarbetarnas namn i registerutdraget")
    reason = StringField(
        "Varför frågar du?",
        filters=[forms.line_of],
        validators=[forms.needed("Skriv varför du frågar."), forms.at_most(forms.REASON_CHARACTERS)],
    )

    def validate_subject(self, field: StringField) -> None:
        """Demand what the question is about."""
        if self.kind.data == "person" and "@" not in (field.data or ""):
            raise ValidationError("Skriv medarbetarens e-postadress.")
        if self.kind.data in ("matter", "extract") and not read_reference(field.data or ""):
            raise ValidationError("Skriv ärendets kvittensnummer, som K7RX-3M95.")

    def validate_until(self, field: forms.DayField) -> None:
        """Demand days in order, and of what stands out no more than can be compared."""
        if self.since.errors or field.errors:
            return
        since, until = self.days()
        if until < since:
            raise ValidationError("Till och med ska vara samma dag som från och med, eller senare.")
        if self.kind.data == "unusual" and (until - since).days > MOST_UNUSUAL_DAYS:
            raise ValidationError(f"Välj högst {MOST_UNUSUAL_DAYS} dagar.")

    def days(self) -> tuple[date, date]:
        """Return the first and the last day, those left out filled in."""
        until = self.until.day or now().astimezone(STOCKHOLM).date()
        first = until - timedelta(days=UNUSUAL_DAYS) if self.kind.data == "unusual" else BEGINNING
        return self.since.day or first, until

    def asked(self) -> tuple[Kind, str]:
        """Return the kind of question and what it is about."""
        kind, subject = self.kind.data, self.subject.data or ""
        if kind == "unusual":
            return "unusual", ""
        if kind == "person":
            return "person", subject.lower()
        reference = read_reference(subject) or ""
        if kind == "extract":
            return ("extract_names" if self.names.data else "extract"), reference
        return "matter", reference


def for_auditors(view: Callable[Given, Response]) -> Callable[Given, Response]:
    """Let a page be there for auditors alone, who have shown lately who they are.

    Whoever comes back to a question that is too old is asked to ask again.
    """
    careful = sensitive(view)

    @wraps(view)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> Response:
        if not person().may("audit"):
            raise NotFound("no page for who is no auditor")
        try:
            return careful(*args, **kwargs)
        except QuestionGone:
            flash("Frågan är äldre än en timme, eller ställd i en annan inloggning. Ställ den igen.")
            return redirect(url_for(".audit_page"), 303)

    return guarded


@bp.get("/granskning")
@for_auditors
def audit_page() -> Response:
    """Ask what is to be known; a link may fill in a part."""
    form = AuditForm(formdata=None)
    form.kind.data = request.args.get("om", "matter")
    return _form_page(form, 200)


@bp.post("/granskning")
@for_auditors
def ask_audit() -> Response:
    """Write the question down, and go to its answer."""
    form = AuditForm()
    form.kind.offered = list(audit_words.KINDS.items())
    if not form.validate():
        return _form_page(form, 422)
    question_id = auditing.ask(*form.asked(), *form.days(), form.reason.data or "")
    if question_id is None:
        raise NotFound("no auditor any more")
    return redirect(url_for(".audit_answer", question_id=question_id), 303)


@bp.get("/granskning/<uuid:question_id>")
@for_auditors
def audit_answer(question_id: uuid.UUID) -> Response:
    """Show the answer to a question."""
    question = _get_question(question_id)
    if question.kind == "unusual":
        return _page("audit_unusual.html", question, found=auditing.unusual(question, LIMITS), limits=LIMITS)
    if question.kind in ("extract", "extract_names"):
        looks, names = auditing.every_look(question), question.kind == "extract_names"
        read = audit_words.readings(looks, settings().tables, names=names)
        return _page("audit_extract.html", question, readings=read, made_at=now())
    after = Cursor.read(request.args.get("efter", ""))
    found = auditing.looks(question, (after.received_at, after.id) if after else None)
    last = found[-1] if len(found) == auditing.PAGE_ROWS else None
    cursor = Cursor(last.at, last.id) if last else None
    return _page("audit_looks.html", question, found=found, after=after, next=cursor)


@bp.get("/granskning/<uuid:question_id>/listor")
@for_auditors
def audit_lists(question_id: uuid.UUID) -> Response:
    """Show who may have had a matter in a list."""
    question = _get_question(question_id)
    found = auditing.lists(question, _read_place(request.args.get("efter", "")))
    last = found[-1] if len(found) == auditing.PAGE_ROWS else None
    place = f"{last.day.isoformat()} {last.key}" if last else None
    return _page("audit_lists.html", question, found=found, next=place)


@bp.get("/granskning/<uuid:question_id>/<part>.csv")
@for_auditors
def audit_file(question_id: uuid.UUID, part: str) -> Response:
    """Answer with a whole list as a file for a spreadsheet; that too is in the log."""
    question, tables = _get_question(question_id), settings().tables
    if part not in PARTS:
        raise NotFound("no list of that name")
    access.look_at_list("audit_csv", f"{part} {question.kind} {question.subject}", question.reason)
    if part == "sett":
        made = audit_words.looks_table(auditing.every_look(question), tables)
    elif part == "listor":
        made = audit_words.lists_table(auditing.every_list(question), tables)
    else:
        made = audit_words.unusual_table(auditing.unusual(question, LIMITS))
    return web.as_download(io.BytesIO(made), f"granskning-{part}-{str(question_id)[:8]}.csv", len(made))


def _get_question(question_id: uuid.UUID) -> Question:
    question = auditing.find_question(question_id)
    if question is None or question.kind not in get_args(Kind):
        raise QuestionGone
    return question


def _read_place(words: str) -> tuple[date, str] | None:
    day, _, key = words.partition(" ")
    try:
        return date.fromisoformat(day), key
    except ValueError:
        return None


def _form_page(form: AuditForm, status: int) -> Response:
    form.kind.offered = list(audit_words.KINDS.items())
    page = render_template("handler/audit.html", form=form, days=UNUSUAL_DAYS)
    return make_response(page, status)


def _page(template: str, question: Question, **shown: object) -> Response:
    page = render_template(
        f"handler/{template}", question=question, words=audit_words, tables=settings().tables, **shown
    )
    return make_response(page)
