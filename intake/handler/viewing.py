"""A file on the screen: its safe view, its text and what is known of it, and never the file itself."""

from __future__ import annotations

import logging
import uuid

from flask import make_response, render_template, request
from werkzeug.wrappers import Response

from intake import access, storage, web
from intake.errors import BytesMissing, NotFound
from intake.extensions import settings
from intake.handler import file_words, one_file, problems, words
from intake.handler.forms import OpenFileForm
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.models import Attachment
from intake.sealing import LOCK_WORD

log = logging.getLogger(__name__)

MISSING = web.Problem(
    500,
    "Filen saknas i lagret",
    (
        "Raden om filen finns, men inte dess innehåll. Det är ett fel hos oss, och det är loggat.",
        "Säg till den som sköter driften, och ange ärendets kvittensnummer.",
    ),
)


@bp.get("/arende/<reference>/fil/<uuid:attachment_id>")
def file(reference: str, attachment_id: uuid.UUID) -> Response:
    """Show a file, or with ``del`` what lies within it at that path; the look is recorded."""
    found = find_file(reference, attachment_id)
    return show(reference, found, OpenFileForm(formdata=None), 200)


@bp.get("/arende/<reference>/fil/<uuid:attachment_id>/bild/<int:number>")
def picture(reference: str, attachment_id: uuid.UUID, number: int) -> Response:
    """Send one picture of the safe view of a file; the look is recorded."""
    inner = request.args.get("del", "")
    file = find_file(reference, attachment_id)
    found = access.find_rendition(person(), reference, attachment_id, inner, number)
    if found is None or found.media_type not in web.PICTURES:
        raise NotFound("no such picture here")
    try:
        stream = storage.current().open(found.storage_key)
    except BytesMissing:
        log.exception("the bytes under %s are missing", found.storage_key)
        return problems.show(MISSING)
    name = f"{file.name}-{number}.{found.media_type.partition('/')[2]}"
    size_bytes, media_type = found.size_bytes, found.media_type
    try:
        access.look_at_picture(file.matter_id, attachment_id, inner, number)
    except BaseException:
        stream.close()
        raise
    return web.as_picture(stream, name, size_bytes, media_type)


def find_file(reference: str, attachment_id: uuid.UUID) -> Attachment:
    """Find a file that the person may see; raises NotFound, and tells the security log."""
    found = access.find_attachment(person(), reference, attachment_id)
    if found is None:
        access.log_refused(person(), reference)
        raise NotFound("no such file here")
    return found


def show(reference: str, found: Attachment, form: OpenFileForm, status: int) -> Response:
    """Answer with a file's page, with the form by which its original is fetched."""
    file = one_file.read_file(found, request.args.get("del", ""))
    if file is None:
        raise NotFound("nothing lies there within the file")
    access.look_at_view(file.matter_id, file.id)
    whole_verdict = found.verdict
    is_locked = whole_verdict in access.LOCKED
    page = render_template(
        "handler/file.html",
        reference=reference,
        file=file,
        whole_name=found.name,
        whole_verdict=whole_verdict,
        is_locked=is_locked,
        may_open=not is_locked or access.may(person(), "open_quarantine", file.matter_id),
        lock_word=LOCK_WORD,
        form=form,
        looks=file_words.say_looks(access.looks_at_file(file.id)),
        file_words=file_words,
        words=words,
        limits=settings().tables.files,
    )
    return make_response(page, status)
