"""The pages of a draft, one thing on each: read, check, call one service, answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from flask import Response, redirect, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from config.categories import AsksWhere, ChoiceGroup
from intake import drafts, limits
from intake.answers import Answers, category_of, group_of, questions
from intake.citizen import browser, help
from intake.citizen.fields import Form, PageForm
from intake.citizen.forms import (
    CONCERNS,
    INTERPRETERS,
    OTHER_LANGUAGE,
    PLACES,
    ButtonForm,
    ChoiceForm,
    ConcernsForm,
    ContactForm,
    GroupForm,
    PlaceForm,
    StoryForm,
    story_form,
)
from intake.citizen.paging import again, onward, open_draft, show, write
from intake.citizen.status import TAKEN_BACK
from intake.citizen.surface import bp
from intake.errors import DraftIncomplete, NotFound
from intake.extensions import now, settings
from intake.languages import _

SENDS_PER_HOUR = 30
MANY_SENDS = "many_in_short_time"
MAYBE_ROBOT = "maybe_robot"
WITHDRAWN = "taken_back"
QUICKEST_PERSON = timedelta(seconds=5)
# A field that nobody sees, and that only a machine fills in.
TRAP = "lamna_tomt"


@bp.route("/skriv/<uuid:draft_id>/amne", methods=["GET", "POST"])
def subject(draft_id: uuid.UUID) -> AnyResponse:
    """Ask what it is about."""
    draft = open_draft(draft_id, "subject")
    form = GroupForm(data={"group": draft.answers.group})
    form.offer(settings().tables.categories.groups)
    if form.validate_on_submit():
        chosen = form.group.data
        if chosen != draft.answers.group:
            write(draft_id, group=chosen, choice=None)
        return again("choice", draft_id, group=chosen)
    return show("subject", draft, form)


@bp.route("/skriv/<uuid:draft_id>/amne/<group>", methods=["GET", "POST"])
def choice(draft_id: uuid.UUID, group: str) -> AnyResponse:
    """Ask what it is about, more closely."""
    draft = open_draft(draft_id, "choice")
    chosen = _group(group)
    form = ChoiceForm(data={"choice": draft.answers.choice if draft.answers.group == group else None})
    form.offer(chosen)
    if form.validate_on_submit():
        answers = replace(draft.answers, group=group, choice=form.choice.data)
        write(draft_id, group=group, choice=form.choice.data, **_no_longer_asked(answers))
        return onward(replace(draft, answers=answers), "choice")
    return show("choice", draft, form, group=chosen)


def _no_longer_asked(answers: Answers) -> dict[str, Any]:
    """Return emptiness for what the person may have answered before, and what was now chosen does not ask."""
    category, empty = category_of(answers), dict[str, Any]()
    if category and not category.asks_who:
        empty["concerns"] = None
    if category and category.asks_where in ("area", "nothing"):
        empty |= {"place_words": "", "happened_words": ""}
    if category and category.asks_where == "nothing":
        empty |= {"place": None, "municipality": None}
    return empty


@bp.route("/skriv/<uuid:draft_id>/vem", methods=["GET", "POST"])
def concerns(draft_id: uuid.UUID) -> AnyResponse:
    """Ask whom it concerns; it can be skipped."""
    draft = open_draft(draft_id, "concerns")
    form = _concerns_form(draft)
    if form.validate_on_submit():
        write(draft_id, **form.said())
        return onward(draft, "concerns")
    return show("concerns", draft, form)


def _concerns_form(draft: drafts.OpenDraft) -> ConcernsForm:
    return ConcernsForm(data={"concerns": draft.answers.concerns})


@bp.route("/skriv/<uuid:draft_id>/plats", methods=["GET", "POST"])
def place(draft_id: uuid.UUID) -> AnyResponse:
    """Ask where and when."""
    draft = open_draft(draft_id, "place")
    form = _place_form(draft)
    if form.validate_on_submit():
        write(draft_id, **form.said())
        return onward(draft, "place")
    names = [municipality.name for municipality in settings().tables.geography.municipalities]
    return show("place", draft, form, names=names, where=_where(draft))


def _place_form(draft: drafts.OpenDraft) -> PlaceForm:
    answers = draft.answers
    form = PlaceForm(
        data={
            "place": answers.place,
            "municipality": _municipality_name(answers),
            "place_words": answers.place_words,
            "happened_words": answers.happened_words,
        }
    )
    form.ask(_where(draft))
    return form


def _where(draft: drafts.OpenDraft) -> AsksWhere:
    category = category_of(draft.answers)
    return category.asks_where if category else "event"


@bp.route("/skriv/<uuid:draft_id>/handelse", methods=["GET", "POST"])
def story(draft_id: uuid.UUID) -> AnyResponse:
    """Ask what happened, and what the kind of matter asks besides."""
    draft = open_draft(draft_id, "story")
    form = _story_form(draft)
    if form.validate_on_submit():
        said = form.said()
        write(draft_id, **said)
        found = help.find(replace(draft.answers, **said), help.shown())
        # The page that shows help is a new one, and what is typed on it is to be kept.
        return show("story", open_draft(draft_id), form, help=found) if found else onward(draft, "story")
    return show("story", draft, form)


def _story_form(draft: drafts.OpenDraft) -> StoryForm:
    answers = draft.answers
    category = None if draft.supplements_id else category_of(answers)
    kind = story_form(category)
    said = {name: answers.questions.get(question.code) for question, name in kind.asked}
    form = kind(data={"heading": answers.heading, "text": answers.text, **said})
    form.has_files = bool(draft.files or draft.uploads)
    if draft.supplements_id:
        form.text.label.text = _("Vad vill du lägga till?")
        del form.heading
    elif category and category.story:
        form.text.label.text = _(category.story.words)
    return form


@bp.route("/skriv/<uuid:draft_id>/kontakt", methods=["GET", "POST"])
def contact(draft_id: uuid.UUID) -> AnyResponse:
    """Ask how we may reach the person, who need not say."""
    draft = open_draft(draft_id, "contact")
    form = _contact_form(draft)
    if form.validate_on_submit():
        write(draft_id, **form.said())
        return onward(draft, "contact")
    return show("contact", draft, form)


def _contact_form(draft: drafts.OpenDraft) -> ContactForm:
    answers = draft.answers
    form = ContactForm(
        data={
            "name": answers.name,
            "email": answers.email,
            "mail": _mail_of(answers),
            "phone": answers.phone,
            "call_words": answers.call_words,
            "wants_receipt": answers.wants_receipt,
            "interpreter": answers.interpreter or "",
            **_language_of(answers),
        }
    )
    form.offer(settings().tables.answer_languages)
    return form


def _mail_of(answers: Answers) -> str:
    if not answers.may_email:
        return "no"
    return "neutral" if answers.is_neutral else "yes"


def _language_of(answers: Answers) -> dict[str, str]:
    """Return what stands in the fields for the answer's language: one of the list, or another's name."""
    stored = answers.answer_language or ""
    codes = [language.code for language in settings().tables.answer_languages]
    if stored in ("", OTHER_LANGUAGE, *codes):
        return {"answer_language": stored, "other_language": ""}
    return {"answer_language": OTHER_LANGUAGE, "other_language": stored}


# The pages that are kept while they are filled in. What it is about is not: what is asked follows from that.
FORMS: dict[str, Callable[[drafts.OpenDraft], PageForm]] = {
    "concerns": _concerns_form,
    "place": _place_form,
    "story": _story_form,
    "contact": _contact_form,
}


@bp.get("/skriv/<uuid:draft_id>/granska")
def check(draft_id: uuid.UUID) -> AnyResponse:
    """Show all answers before anything is sent."""
    return _check_page(open_draft(draft_id), ButtonForm())


@bp.post("/skriv/<uuid:draft_id>/skicka")
def send(draft_id: uuid.UUID) -> AnyResponse:
    """Send the draft; it is never refused for coming often or fast, only marked."""
    form = ButtonForm()
    if not form.validate():
        return _check_page(open_draft(draft_id), form)
    try:
        drafts.send(draft_id, browser.key(), needs_person=_marks(drafts.get(draft_id, browser.key())))
    except DraftIncomplete:
        missing = _("Det finns inget att skicka än. Skriv vad som har hänt, eller lägg till en fil.")
        return _check_page(open_draft(draft_id), form, missing=missing)
    browser.remember_receipt(draft_id)
    return redirect(url_for(".receipt"), 303)


def _marks(draft: drafts.OpenDraft) -> tuple[str, ...]:
    """Return what a handler should know of how the form was sent."""
    network = limits.network_of(request.remote_addr)
    is_often = limits.is_over("send", network, SENDS_PER_HOUR, window=timedelta(hours=1))
    is_quick = not draft.supplements_id and now() - draft.begun_at < QUICKEST_PERSON
    is_robot = is_quick or bool(request.form.get(TRAP))
    is_withdrawal = draft.supplements_id is not None and TAKEN_BACK in draft.answers.text
    marks = ((MANY_SENDS, is_often), (MAYBE_ROBOT, is_robot), (WITHDRAWN, is_withdrawal))
    return tuple(mark for mark, is_so in marks if is_so)


@bp.post("/skriv/<uuid:draft_id>/rensa")
def erase(draft_id: uuid.UUID) -> AnyResponse:
    """Delete the draft at once and go to the first page."""
    form = ButtonForm()
    if not form.validate():
        return _check_page(open_draft(draft_id), form)
    drafts.erase(draft_id, browser.key())
    browser.forget_receipt(draft_id)
    return redirect(url_for(".start"), 303)


def _check_page(draft: drafts.OpenDraft, form: Form, missing: str | None = None) -> Response:
    answers = draft.answers
    language = _language_of(answers)["answer_language"]
    page = show(
        "check",
        draft,
        form,
        group=group_of(answers),
        concerns=dict(CONCERNS).get(answers.concerns or ""),
        place=dict(PLACES).get(answers.place or ""),
        municipality=_municipality_name(answers),
        asked=() if draft.supplements_id else questions(answers),
        answer_language=next(
            (known for known in settings().tables.answer_languages if known.code == language), None
        ),
        interpreter=dict(INTERPRETERS).get(answers.interpreter or "") if answers.interpreter else None,
        has_mailed=not draft.supplements_id and drafts.has_mailed(draft.id),
        trap=TRAP,
        errors=[missing] if missing else [],
    )
    if missing:
        page.status_code = 422
    return page


def _group(code: str) -> ChoiceGroup:
    for group in settings().tables.categories.groups:
        if group.code == code:
            return group
    raise NotFound("no such group of choices")


def _municipality_name(answers: Answers) -> str:
    if answers.municipality is None:
        return ""
    return settings().tables.geography.municipality(answers.municipality).name
