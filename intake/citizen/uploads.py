"""Files in parts: the subset of tus 1.0.0 that our own page speaks, for the browser of one form alone."""

from __future__ import annotations

import base64
import logging
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import BinaryIO, cast

from flask import Response, jsonify, make_response, request, url_for
from flask_wtf.csrf import validate_csrf
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import http_date
from wtforms import ValidationError

from intake import drafts, limits, uploads, web
from intake.citizen import browser
from intake.citizen.fields import note_refused_token
from intake.citizen.surface import bp
from intake.citizen.upload_words import Misspoken, TooOften, Unsigned, tell
from intake.errors import IntakeError
from intake.extensions import settings

log = logging.getLogger(__name__)

VERSION = "1.0.0"
CREATIONS_PER_HOUR = 300
FINGERPRINT_CHARACTERS = 200
CHECKSUMS = ("sha1", "sha256")
PART_TYPE = "application/offset+octet-stream"
_WHOLE_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_ALL, _ONE = "/skriv/<uuid:draft_id>/uppladdningar", "/skriv/<uuid:draft_id>/uppladdningar/<uuid:upload_id>"
View = Callable[..., Response]


def _answering(view: View) -> View:
    """Let a view answer in JSON whatever goes wrong, in words for the person."""

    @wraps(view)
    def answer(draft_id: uuid.UUID, **names: uuid.UUID) -> Response:
        try:
            drafts.get(draft_id, browser.key())
            _require_version()
            _require_token()
            return view(draft_id, **names)
        except (IntakeError, ClientDisconnected, RequestEntityTooLarge, *web.DATABASE_AWAY) as error:
            return _refused(error, draft_id)

    return answer


@bp.route(_ALL, methods=["OPTIONS"])
@_answering
def upload_options(draft_id: uuid.UUID) -> Response:  # noqa: ARG001 (the address has it)
    """Say what is spoken here."""
    headers = {
        "Tus-Version": VERSION,
        "Tus-Extension": "creation,termination,checksum,expiration",
        "Tus-Max-Size": str(settings().tables.files.max_upload_bytes),
        "Tus-Checksum-Algorithm": ",".join(CHECKSUMS),
    }
    return _done(204, headers)


@bp.post(_ALL, provide_automatic_options=False)
@_answering
def upload_create(draft_id: uuid.UUID) -> Response:
    """Make room for a file, and say where its parts go."""
    announced = _announced()
    if limits.is_over("upload", _network(), CREATIONS_PER_HOUR, window=timedelta(hours=1)):
        raise TooOften
    if uploads.is_too_much(_network(), announced.size_bytes):
        raise TooOften
    begun = uploads.create(draft_id, browser.key(), announced)
    place = url_for(".upload_append", draft_id=draft_id, upload_id=begun.id)
    return _done(201, {"Location": place, "Upload-Expires": http_date(begun.expires_at)})


@bp.route(_ONE, methods=["HEAD"], provide_automatic_options=False)
@_answering
def upload_progress(draft_id: uuid.UUID, upload_id: uuid.UUID) -> Response:
    """Say how much of a file is here."""
    found = uploads.progress(draft_id, browser.key(), upload_id)
    return _done(200, {**_standing(found), "Upload-Length": str(found.size_bytes)})


@bp.patch(_ONE, provide_automatic_options=False)
@_answering
def upload_append(draft_id: uuid.UUID, upload_id: uuid.UUID) -> Response:
    """Take the next part of a file.

    The cookie is not set anew: this answer may come after that of the form's sending, and would
    take back what that one remembers.
    """
    if request.mimetype != PART_TYPE:
        raise Misspoken("a part has a type of its own", 415)
    part = uploads.Part(
        offset_bytes=_number("Upload-Offset"),
        stream=cast(BinaryIO, request.stream),
        size_bytes=request.content_length,
        checksum=_checksum(),
    )
    return _done(204, _standing(uploads.append(draft_id, browser.key(), upload_id, part)))


@bp.delete(_ONE, provide_automatic_options=False)
@_answering
def upload_cancel(draft_id: uuid.UUID, upload_id: uuid.UUID) -> Response:
    """Take a file out of the form again."""
    uploads.cancel(draft_id, browser.key(), upload_id)
    return _done(204, {})


def _network() -> str:
    return limits.network_of(request.remote_addr)


def _done(status: int, headers: dict[str, str]) -> Response:
    return make_response("", status, {"Tus-Resumable": VERSION, "Cache-Control": "no-store", **headers})


def _standing(found: uploads.Progress) -> dict[str, str]:
    return {"Upload-Offset": str(found.offset_bytes), "Upload-Expires": http_date(found.expires_at)}


def _refused(error: Exception, draft_id: uuid.UUID) -> Response:
    """Answer in words for the person, with the form's mail address where mail can carry the file."""
    told = tell(error, is_mailable=_is_mailable())
    if told.status >= 500:
        log.error("an upload is refused: %s", type(getattr(error, "orig", error)).__name__)
    address = _address(draft_id) if told.may_mail else None
    answer = make_response(jsonify(message=told.message, address=address), told.status)
    answer.headers["Tus-Resumable"] = VERSION
    if told.status == 412:
        answer.headers["Tus-Version"] = VERSION
    if told.status == 503:
        answer.headers["Retry-After"] = str(web.RETRY_SECONDS)
    if isinstance(error, uploads.WrongOffset):
        answer.headers["Upload-Offset"] = str(error.offset_bytes)
    return answer


def _address(draft_id: uuid.UUID) -> str | None:
    try:
        return drafts.get(draft_id, browser.key()).address
    except (IntakeError, *web.DATABASE_AWAY):
        return None


def _is_mailable() -> bool | None:
    """Say whether mail can carry the file that is announced; None when none is."""
    if request.method != "POST":
        return None
    length = request.headers.get("Upload-Length", "")
    is_known = _WHOLE_NUMBER.fullmatch(length) is not None
    return is_known and 0 < int(length) <= settings().tables.files.mail_way_out_bytes


def _require_version() -> None:
    is_spoken = request.method in ("POST", "HEAD", "PATCH", "DELETE")
    if is_spoken and request.headers.get("Tus-Resumable") != VERSION:
        raise Misspoken("another version of the protocol", 412)


def _require_token() -> None:
    if request.method not in ("POST", "PATCH", "DELETE"):
        return
    try:
        validate_csrf(request.headers.get("X-CSRFToken"))
    except ValidationError as error:
        note_refused_token()
        raise Unsigned from error


def _announced() -> uploads.Announced:
    if "Upload-Defer-Length" in request.headers:
        raise Misspoken("the length must be known")
    size_bytes, said = _number("Upload-Length"), _metadata()
    if not said.get("filename"):
        raise Misspoken("the file has no name")
    if len(said.get("fingerprint", "")) > FINGERPRINT_CHARACTERS:
        raise Misspoken("the fingerprint is too long")
    name, kind = said["filename"], said.get("filetype", "")
    return uploads.Announced(name, size_bytes, kind, said.get("fingerprint", ""))


def _number(name: str) -> int:
    """Read a whole number out of a header."""
    value = request.headers.get(name, "")
    if not _WHOLE_NUMBER.fullmatch(value):
        raise Misspoken(f"{name} is no number")
    return int(value)


def _metadata() -> dict[str, str]:
    """Read Upload-Metadata: pairs of a key and a value in Base64, with commas between."""
    found = {}
    for pair in request.headers.get("Upload-Metadata", "").split(","):
        key, _, value = pair.strip().partition(" ")
        found[key] = _decoded(value).decode("utf-8", "replace")
    return found


def _checksum() -> tuple[str, bytes] | None:
    given = request.headers.get("Upload-Checksum")
    if given is None:
        return None
    name, _, value = given.partition(" ")
    if name not in CHECKSUMS:
        raise Misspoken("a checksum that is not known here")
    return name, _decoded(value)


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode(value.strip(), validate=True)
    except ValueError as error:
        raise Misspoken("this is no Base64") from error
