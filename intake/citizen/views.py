"""The pages of a draft, one thing on each: read, check, call one service, answer."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, BinaryIO, cast

from flask import Response, make_response, redirect, render_template, request, url_for
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from config.categories import ChoiceGroup
from intake import drafts, limits, storage, uploads
from intake.citizen import browser
from intake.citizen.forms import (
    PLACES,
    ButtonForm,
    ChoiceForm,
    ContactForm,
    FilesForm,
    Form,
    GroupForm,
    PlaceForm,
    StoryForm,
)
from intake.citizen.surface import bp
from intake.errors import Conflict, DraftIncomplete, FileRefused, NotFound, StorageError
from intake.extensions import settings

log = logging.getLogger(__name__)

SENDS_PER_HOUR = 30
MANY_SENDS = "many_in_short_time"
NO_ROOM = (
    "Just nu kan vi inte ta emot filer. Texten kan skickas. Försök med filerna om en stund,"
    " eller mejla dem till adressen på kvittot när du har skickat texten."
)
NOTHING_TO_SEND = "Det finns inget att skicka än. Skriv vad som har hänt, eller lägg till en fil."


@bp.route("/skriv/<uuid:draft_id>/amne", methods=["GET", "POST"])
def subject(draft_id: uuid.UUID) -> AnyResponse:
    """Ask what it is about."""
    draft = _open(draft_id)
    form = GroupForm(data={"group": draft.answers.group})
    form.offer(settings().tables.categories.groups)
    if form.validate_on_submit():
        chosen = form.group.data
        if chosen != draft.answers.group:
            _write(draft_id, group=chosen, choice=None)
        return _again("choice", draft_id, group=chosen)
    return _page("subject", draft, form)


@bp.route("/skriv/<uuid:draft_id>/amne/<group>", methods=["GET", "POST"])
def choice(draft_id: uuid.UUID, group: str) -> AnyResponse:
    """Ask what it is about, more closely."""
    draft = _open(draft_id)
    chosen = _group(group)
    form = ChoiceForm(data={"choice": draft.answers.choice if draft.answers.group == group else None})
    form.offer(chosen)
    if form.validate_on_submit():
        _write(draft_id, group=group, choice=form.choice.data)
        return _onward("place", draft_id)
    return _page("choice", draft, form, group=chosen)


@bp.route("/skriv/<uuid:draft_id>/plats", methods=["GET", "POST"])
def place(draft_id: uuid.UUID) -> AnyResponse:
    """Ask where."""
    draft = _open(draft_id)
    answers = draft.answers
    form = PlaceForm(
        data={
            "place": answers.place,
            "municipality": _municipality_name(answers),
            "place_words": answers.place_words,
        }
    )
    if form.validate_on_submit():
        code = form.found.code if form.found else None
        _write(draft_id, place=form.place.data, municipality=code, place_words=form.place_words.data)
        return _onward("story", draft_id)
    names = [municipality.name for municipality in settings().tables.geography.municipalities]
    return _page("place", draft, form, names=names)


@bp.route("/skriv/<uuid:draft_id>/handelse", methods=["GET", "POST"])
def story(draft_id: uuid.UUID) -> AnyResponse:
    """Ask what happened."""
    draft = _open(draft_id)
    form = StoryForm(data={"heading": draft.answers.heading, "text": draft.answers.text})
    form.has_files = bool(draft.files)
    if form.validate_on_submit():
        _write(draft_id, heading=form.heading.data, text=form.text.data)
        return _onward("files", draft_id)
    return _page("story", draft, form)


@bp.route("/skriv/<uuid:draft_id>/filer", methods=["GET", "POST"])
def files(draft_id: uuid.UUID) -> AnyResponse:
    """Take files; those that can be taken are kept even when another one is refused."""
    draft = _open(draft_id)
    form = FilesForm()
    status = 422
    if form.validate_on_submit():
        chosen = [file for file in request.files.getlist("files") if file.filename]
        is_going_on = request.form.get("go") == "on"
        if not chosen and not is_going_on:
            form.files.errors = ["Välj en fil först, eller gå vidare utan fil."]
        try:
            form.files.errors = [*form.files.errors, *_add_files(draft_id, chosen)]
        except StorageError as error:
            log.error("a file could not be stored: %s", type(error).__name__)
            form.files.errors, status = [NO_ROOM], 503
        if not form.files.errors:
            return _onward("contact", draft_id) if is_going_on else _again("files", draft_id)
        draft = _open(draft_id)
    page = _page("files", draft, form, has_room=_has_room(), limits=settings().tables.files)
    page.status_code = status if form.errors else 200
    return page


def _has_room() -> bool:
    try:
        return storage.current().has_room()
    except StorageError:
        return False


@bp.post("/skriv/<uuid:draft_id>/filer/<uuid:file_id>/ta-bort")
def remove_file(draft_id: uuid.UUID, file_id: uuid.UUID) -> AnyResponse:
    """Take a file out of the draft."""
    form = ButtonForm()
    if not form.validate():
        draft = _open(draft_id)
        return _page("files", draft, form, has_room=True, limits=settings().tables.files)
    uploads.remove_file(draft_id, browser.key(), file_id)
    return _again("files", draft_id)


@bp.route("/skriv/<uuid:draft_id>/kontakt", methods=["GET", "POST"])
def contact(draft_id: uuid.UUID) -> AnyResponse:
    """Ask how we may reach the person, who need not say."""
    draft = _open(draft_id)
    answers = draft.answers
    form = ContactForm(
        data={
            "name": answers.name,
            "email": answers.email,
            "phone": answers.phone,
            "wants_receipt": answers.wants_receipt,
        }
    )
    if form.validate_on_submit():
        _write(
            draft_id,
            name=form.name.data or None,
            email=form.email.data or None,
            phone=form.phone.data or None,
            wants_receipt=form.wants_receipt.data,
        )
        return _onward("check", draft_id)
    return _page("contact", draft, form)


@bp.get("/skriv/<uuid:draft_id>/granska")
def check(draft_id: uuid.UUID) -> AnyResponse:
    """Show all answers before anything is sent."""
    return _check_page(_open(draft_id), ButtonForm())


@bp.post("/skriv/<uuid:draft_id>/skicka")
def send(draft_id: uuid.UUID) -> AnyResponse:
    """Send the draft; it is never refused for coming often, only marked."""
    form = ButtonForm()
    if not form.validate():
        return _check_page(_open(draft_id), form)
    network = limits.network_of(request.remote_addr)
    is_often = limits.hit("send", network, window=timedelta(hours=1)) > SENDS_PER_HOUR
    try:
        drafts.send(draft_id, browser.key(), needs_person=(MANY_SENDS,) if is_often else ())
    except DraftIncomplete:
        return _check_page(_open(draft_id), form, missing=NOTHING_TO_SEND)
    browser.remember_receipt(draft_id)
    return redirect(url_for(".receipt"), 303)


@bp.post("/skriv/<uuid:draft_id>/rensa")
def erase(draft_id: uuid.UUID) -> AnyResponse:
    """Delete the draft at once and go to the first page."""
    form = ButtonForm()
    if not form.validate():
        return _check_page(_open(draft_id), form)
    drafts.erase(draft_id, browser.key())
    browser.forget_receipt(draft_id)
    return redirect(url_for(".start"), 303)


def _open(draft_id: uuid.UUID) -> drafts.OpenDraft:
    """Return this browser's draft; NotFound for another's, Conflict when it is already sent."""
    draft = drafts.get(draft_id, browser.key())
    if draft.receipt:
        raise Conflict("the draft is already sent")
    return draft


def _write(draft_id: uuid.UUID, **answers: Any) -> None:
    drafts.write(draft_id, browser.key(), **answers)
    browser.stay()


def _add_files(draft_id: uuid.UUID, chosen: Iterable[FileStorage]) -> list[str]:
    """Add what can be taken and return what was wrong with the rest, in words for the person."""
    wrong = []
    for file in chosen:
        stream = cast(BinaryIO, file.stream)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        upload = uploads.Upload(str(file.filename), size, file.mimetype, stream)
        try:
            uploads.add_file(draft_id, browser.key(), upload)
        except FileRefused as refused:
            wrong.append(str(refused))
    browser.stay()
    return wrong


def _page(name: str, draft: drafts.OpenDraft, form: Form, **shown: Any) -> Response:
    chosen = _chosen(draft.answers)
    page = render_template(
        f"citizen/{name}.html", draft=draft, form=form, chosen=chosen, target=_target(), **shown
    )
    return make_response(page, 422 if form.errors else 200)


def _check_page(draft: drafts.OpenDraft, form: Form, missing: str | None = None) -> Response:
    answers = draft.answers
    page = _page(
        "check",
        draft,
        form,
        group=next((g for g in settings().tables.categories.groups if g.code == answers.group), None),
        place=dict(PLACES).get(answers.place or ""),
        municipality=_municipality_name(answers),
        errors=[missing] if missing else [],
    )
    if missing:
        page.status_code = 422
    return page


def _chosen(answers: drafts.Answers) -> Any:
    for group in settings().tables.categories.groups:
        for offered in group.choices:
            if (group.code, offered.code) == (answers.group, answers.choice):
                return offered
    return None


def _group(code: str) -> ChoiceGroup:
    for group in settings().tables.categories.groups:
        if group.code == code:
            return group
    raise NotFound("no such group of choices")


def _municipality_name(answers: drafts.Answers) -> str:
    if answers.municipality is None:
        return ""
    return settings().tables.geography.municipality(answers.municipality).name


def _target() -> str | None:
    """Return where the person wants to be next, when they came from the check page."""
    return "granska" if request.args.get("till") == "granska" else None


def _onward(endpoint: str, draft_id: uuid.UUID) -> AnyResponse:
    """Go to the next page, or back to the check page when the person came from there."""
    return redirect(url_for(".check" if _target() else f".{endpoint}", draft_id=draft_id), 303)


def _again(endpoint: str, draft_id: uuid.UUID, **values: Any) -> AnyResponse:
    """Go to a page, and remember whether the person came from the check page."""
    return redirect(url_for(f".{endpoint}", draft_id=draft_id, till=_target(), **values), 303)
