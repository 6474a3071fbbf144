"""The page with files: those that can be taken are kept, and text never waits for a file."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterable
from typing import BinaryIO, cast

from flask import request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as AnyResponse

from intake import limits, storage, uploads
from intake.citizen import browser
from intake.citizen.forms import ButtonForm, FilesForm
from intake.citizen.paging import again, onward, open_draft, show
from intake.citizen.surface import bp
from intake.errors import FileRefused, StorageError
from intake.languages import _, later, said

log = logging.getLogger(__name__)

NO_ROOM = later(
    "Just nu kan vi inte ta emot filer. Texten kan skickas. Försök med filerna om en stund,"
    " eller mejla dem till adressen på kvittot när du har skickat texten."
)
FAR_TOO_MUCH = later(
    "Det har kommit många filer från samma nät den senaste timmen. Texten kan skickas. Vänta en stund och"
    " försök igen med filerna."
)


@bp.route("/skriv/<uuid:draft_id>/filer", methods=["GET", "POST"])
def files(draft_id: uuid.UUID) -> AnyResponse:
    """Take files; those that can be taken are kept even when another one is refused."""
    draft = open_draft(draft_id, "files")
    form = FilesForm()
    status = 422
    if form.validate_on_submit():
        chosen = [file for file in request.files.getlist("files") if file.filename]
        is_going_on = request.form.get("go") == "on"
        if not chosen and not is_going_on:
            form.files.errors = [_("Välj en fil först, eller gå vidare utan fil.")]
        try:
            form.files.errors = [*form.files.errors, *_add_files(draft_id, chosen)]
        except StorageError as error:
            log.error("a file could not be stored: %s", type(error).__name__)
            form.files.errors, status = [str(NO_ROOM)], 503
        if not form.files.errors:
            return onward(draft, "files") if is_going_on else again("files", draft_id)
        draft = open_draft(draft_id)
    page = show("files", draft, form, has_room=_has_room(), limits=draft.limits)
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
        draft = open_draft(draft_id)
        return show("files", draft, form, has_room=True, limits=draft.limits)
    uploads.remove_file(draft_id, browser.key(), file_id)
    return again("files", draft_id)


def _add_files(draft_id: uuid.UUID, chosen: Iterable[FileStorage]) -> list[str]:
    """Add what can be taken and return what was wrong with the rest, in words for the person."""
    wrong = []
    for file in chosen:
        stream = cast(BinaryIO, file.stream)
        size = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        upload = uploads.Upload(str(file.filename), size, file.mimetype, stream)
        if uploads.is_too_much(limits.network_of(request.remote_addr), size):
            wrong.append(str(FAR_TOO_MUCH))
            continue
        try:
            uploads.add_file(draft_id, browser.key(), upload)
        except FileRefused as refused:
            wrong.append(said(refused))
    browser.stay()
    return wrong
