"""Files into a reply and out of a matter: downloads only, and never one unvouched for by mistake."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, cast

from flask import make_response, render_template, request
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from intake import access, storage, web
from intake.errors import (
    BytesMissing,
    FileEmpty,
    FileRefused,
    FileTooLarge,
    NotAllowed,
    NotFound,
    StorageFull,
)
from intake.extensions import settings
from intake.files import clean_name, refuse_before_sending
from intake.handler import problems, whole, words
from intake.handler.forms import OpenFileForm
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.matters.incoming import IncomingFile
from intake.words import in_digits

log = logging.getLogger(__name__)

VOUCHED_FOR = ("accept", "warn")
LOCKED = ("quarantine", "refuse")
RAW = "raw"

MISSING = web.Problem(
    500,
    "Filen saknas i lagret",
    (
        "Raden om filen finns, men inte dess innehåll. Det är ett fel hos oss, och det är loggat.",
        "Säg till den som sköter driften, och ange ärendets kvittensnummer.",
    ),
)


@dataclass(frozen=True)
class Download:
    """Something to be saved; ``record`` writes the look, with the reason where one was asked."""

    name: str
    size_bytes: int
    storage_key: str
    verdict: str
    findings: tuple[str, ...]
    matter_id: uuid.UUID
    record: Callable[[str | None], None]


@bp.get("/arende/<reference>/fil/<uuid:attachment_id>")
def file(reference: str, attachment_id: uuid.UUID) -> Response:
    """Send a file that was checked; ask first about any other."""
    download = _file(reference, attachment_id)
    if download.verdict in VOUCHED_FOR:
        return _send(download, None)
    return _ask(reference, download, OpenFileForm(formdata=None), 200)


@bp.post("/arende/<reference>/fil/<uuid:attachment_id>")
def open_file(reference: str, attachment_id: uuid.UUID) -> Response:
    """Send a file that nobody vouches for, to a person who was told so."""
    return _open(reference, _file(reference, attachment_id))


@bp.get("/arende/<reference>/brev/<uuid:letter_id>")
def letter(reference: str, letter_id: uuid.UUID) -> Response:
    """Ask before a raw letter is sent: it holds everything that came, as it came."""
    return _ask(reference, _letter(reference, letter_id), OpenFileForm(formdata=None), 200)


@bp.post("/arende/<reference>/brev/<uuid:letter_id>")
def open_letter(reference: str, letter_id: uuid.UUID) -> Response:
    """Send a raw letter to a person who was told what it is."""
    return _open(reference, _letter(reference, letter_id))


def _file(reference: str, attachment_id: uuid.UUID) -> Download:
    found = access.find_attachment(person(), reference, attachment_id)
    if found is None:
        access.log_refused(person(), reference)
        raise NotFound("no such file here")
    matter_id = found.matter_id
    return Download(
        name=found.name,
        size_bytes=found.size_bytes,
        storage_key=found.storage_key,
        verdict=found.verdict,
        findings=tuple(finding["handler"] for finding in found.findings),
        matter_id=matter_id,
        record=lambda reason: access.look_at_file(person(), matter_id, attachment_id, reason),
    )


def _letter(reference: str, letter_id: uuid.UUID) -> Download:
    found = access.find_letter(person(), reference, letter_id)
    matter = access.find_matter(person(), reference)
    if found is None or matter is None:
        access.log_refused(person(), reference)
        raise NotFound("no such letter here")
    matter_id = matter.id
    return Download(
        name=f"{reference}.eml",
        size_bytes=found.size_bytes,
        storage_key=found.storage_key,
        verdict="quarantine" if whole.holds_quarantined(matter_id, letter_id) else RAW,
        findings=(),
        matter_id=matter_id,
        record=lambda reason: access.look_at_letter(person(), matter_id, letter_id, reason or RAW),
    )


def _open(reference: str, download: Download) -> Response:
    form = OpenFileForm()
    is_told = form.validate() and form.verdict.data == download.verdict
    if not is_told:
        # The check may have said something worse meanwhile, and the person must know that.
        return _ask(reference, download, form, 422)
    if download.verdict not in LOCKED:
        return _send(download, download.verdict)
    if not access.may_open_quarantine(person(), download.matter_id):
        return _ask(reference, download, form, 403)
    if not form.reason.data:
        form.reason.errors = ["Skriv varför du behöver öppna filen."]
        return _ask(reference, download, form, 422)
    return _send(download, f"{download.verdict}: {form.reason.data}")


def _ask(reference: str, download: Download, form: OpenFileForm, status: int) -> Response:
    is_locked = download.verdict in LOCKED
    may_open = not is_locked or access.may_open_quarantine(person(), download.matter_id)
    page = render_template(
        "handler/open_file.html",
        reference=reference,
        download=download,
        name=clean_name(download.name).shown,
        form=form,
        is_locked=is_locked,
        may_open=may_open,
        address=request.path,
        words=words,
    )
    return make_response(page, status if may_open else 403)


def _send(download: Download, reason: str | None) -> Response:
    try:
        stream = storage.current().open(download.storage_key)
    except BytesMissing:
        log.exception("the bytes under %s are missing", download.storage_key)
        return problems.show(MISSING)
    try:
        download.record(reason)
    except BaseException:
        stream.close()
        raise
    return web.as_download(stream, download.name, download.size_bytes)


def store(chosen: Sequence[FileStorage]) -> tuple[IncomingFile, ...]:
    """Store the files of a reply; raises NotAllowed with words for the handler."""
    limits = settings().tables.files
    sized = [(each, _size(each)) for each in chosen if each and each.filename]
    if len(sized) > limits.max_files:
        raise NotAllowed(f"Högst {limits.max_files} filer får plats i ett svar.")
    if sum(size for _, size in sized) > limits.mail_way_out_bytes:
        most = in_digits(limits.mail_way_out_bytes)
        raise NotAllowed(f"Filerna är för stora för att mejlas. Högst {most} tillsammans får plats.")
    for each, size in sized:
        _check(each, size)
    return tuple(_stored(each) for each, _ in sized)


def _size(each: FileStorage) -> int:
    size = each.stream.seek(0, os.SEEK_END)
    each.stream.seek(0)
    return size


def _check(each: FileStorage, size_bytes: int) -> None:
    shown = clean_name(each.filename or "").shown
    try:
        refuse_before_sending(each.filename or "", size_bytes, settings().tables.files)
    except FileEmpty:
        raise NotAllowed(f"Filen ”{shown}” är tom. Texten är kvar. Välj filen igen.") from None
    except FileTooLarge:
        raise NotAllowed(f"Filen ”{shown}” är för stor. Texten är kvar.") from None
    except FileRefused:
        raise NotAllowed(
            f"Filen ”{shown}” är av en typ som vi inte skickar. Texten är kvar. Välj en annan fil."
        ) from None


def _stored(each: FileStorage) -> IncomingFile:
    try:
        stored = storage.current().put(storage.new_key("out"), cast(BinaryIO, each.stream))
    except StorageFull:
        raise NotAllowed("Det finns inte plats för filer just nu. Texten är kvar.") from None
    declared = each.mimetype or "application/octet-stream"
    return IncomingFile(each.filename or "", stored.key, stored.size_bytes, stored.sha256, declared)
