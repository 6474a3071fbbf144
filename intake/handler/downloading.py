"""Originals out of a matter: only by an explicit act, recorded, and what is in quarantine only under lock."""

from __future__ import annotations

import logging
import os
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from flask import make_response, render_template
from werkzeug.wrappers import Response

from intake import access, storage, web
from intake.errors import BytesMissing, NotFound
from intake.extensions import now
from intake.files import clean_name
from intake.handler import problems, viewing, whole
from intake.handler.forms import OpenFileForm
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.matters import protected
from intake.sealing import LOCK_WORD, lock_away

log = logging.getLogger(__name__)

RAW = "raw"
# These need no word of why in the record: the act itself says it.
VOUCHED_FOR = ("accept", "warn")
CHECKED_ANEW = "Kontrollen har sagt något nytt sedan sidan visades. Läs igenom sidan först."


@dataclass(frozen=True)
class Download:
    """Something to be saved; ``record`` writes the look, with the reason where one was asked.

    ``is_protected`` when it tells who somebody with a protected identity is.
    ``ask`` answers with the page that the person came from, as the form and a status are now.
    """

    name: str
    size_bytes: int
    storage_key: str
    verdict: str
    matter_id: uuid.UUID
    record: Callable[[str | None], None]
    ask: Callable[[OpenFileForm, int], Response]
    is_protected: bool = False


@bp.post("/arende/<reference>/fil/<uuid:attachment_id>")
def open_file(reference: str, attachment_id: uuid.UUID) -> Response:
    """Send the original of a file to a person who was told what that means."""
    found = viewing.find_file(reference, attachment_id)
    matter_id = found.matter_id
    return _open(
        Download(
            name=found.name,
            size_bytes=found.size_bytes,
            storage_key=found.storage_key,
            verdict=found.verdict,
            matter_id=matter_id,
            record=lambda reason: access.look_at_file(matter_id, attachment_id, reason),
            ask=lambda form, status: viewing.show(reference, found, form, status),
        )
    )


@bp.get("/arende/<reference>/brev/<uuid:letter_id>")
def letter(reference: str, letter_id: uuid.UUID) -> Response:
    """Ask before a raw letter is sent: it holds everything that came, as it came."""
    return _letter(reference, letter_id).ask(OpenFileForm(formdata=None), 200)


@bp.post("/arende/<reference>/brev/<uuid:letter_id>")
def open_letter(reference: str, letter_id: uuid.UUID) -> Response:
    """Send a raw letter to a person who was told what it is."""
    return _open(_letter(reference, letter_id))


def _letter(reference: str, letter_id: uuid.UUID) -> Download:
    found = access.find_letter(person(), reference, letter_id)
    matter = access.find_matter(person(), reference)
    if found is None or matter is None:
        access.log_refused(person(), reference)
        raise NotFound("no such letter here")
    matter_id = matter.id
    is_locked = whole.holds_quarantined(matter_id, letter_id)
    is_protected, size_bytes = protected.is_protected(matter.flags), found.size_bytes

    def ask(form: OpenFileForm, status: int) -> Response:
        held = access.held(person(), matter_id)
        page = render_template(
            "handler/open_letter.html",
            reference=reference,
            letter_id=letter_id,
            size_bytes=size_bytes,
            verdict="quarantine" if is_locked else RAW,
            is_locked=is_locked,
            may_open=not is_locked or "open_quarantine" in held,
            is_protected=is_protected,
            may_see_protected="see_protected" in held,
            lock_word=LOCK_WORD,
            form=form,
        )
        return make_response(page, status)

    return Download(
        name=f"{reference}.eml",
        size_bytes=size_bytes,
        storage_key=found.storage_key,
        verdict="quarantine" if is_locked else RAW,
        matter_id=matter_id,
        record=lambda reason: access.look_at_letter(matter_id, letter_id, reason or RAW),
        ask=ask,
        is_protected=is_protected,
    )


def _open(download: Download) -> Response:
    form = OpenFileForm()
    if not form.validate():
        return download.ask(form, 422)
    if form.verdict.data != download.verdict:
        # It may be something worse, and the person must know that.
        form.form_errors.append(CHECKED_ANEW)
        return download.ask(form, 422)
    if download.is_protected and not access.may(person(), "see_protected", download.matter_id):
        return download.ask(form, 403)
    if download.is_protected and not form.reason.data:
        form.reason.errors = ["Skriv varför du behöver se uppgifterna."]
        return download.ask(form, 422)
    if download.verdict not in access.LOCKED:
        if download.is_protected:
            return _send(download, f"{download.verdict}: {form.reason.data}")
        return _send(download, None if download.verdict in VOUCHED_FOR else download.verdict)
    if not access.may(person(), "open_quarantine", download.matter_id):
        return download.ask(form, 403)
    if not form.reason.data:
        form.reason.errors = ["Skriv varför du behöver öppna filen."]
        return download.ask(form, 422)
    return _send(download, f"{download.verdict}: {form.reason.data}")


def _send(download: Download, reason: str | None) -> Response:
    name, size_bytes = download.name, download.size_bytes
    try:
        stream = storage.current().open(download.storage_key)
        if download.verdict in access.LOCKED:
            stream, size_bytes = _under_lock(stream, name)
            name = f"{clean_name(name).shown}.zip"
    except BytesMissing:
        log.exception("the bytes under %s are missing", download.storage_key)
        return problems.show(viewing.MISSING)
    try:
        download.record(reason)
    except BaseException:
        stream.close()
        raise
    return web.as_download(stream, name, size_bytes)


def _under_lock(original: BinaryIO, name: str) -> tuple[BinaryIO, int]:
    """Return a zip under lock with the original in it, and how long it is; the original is closed."""
    locked = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (closed when the answer was sent)
    try:
        with original:
            lock_away(original, clean_name(name).shown, locked, now())
        size_bytes = locked.seek(0, os.SEEK_END)
        locked.seek(0)
    except BaseException:
        locked.close()
        raise
    return locked, size_bytes
