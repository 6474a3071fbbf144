"""A letter that a handler has got some other way, brought in as any other: stored, numbered, read, placed."""

from __future__ import annotations

import re
import uuid
from typing import BinaryIO, cast

from flask import flash, make_response, redirect, render_template, request, url_for
from sqlalchemy import text
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from intake import mailroom
from intake.errors import FileTooLarge, NotAllowed, NotFound, StorageFull
from intake.extensions import db, settings
from intake.handler import forms, journal, queries
from intake.handler.gate import person
from intake.handler.surface import bp
from intake.letters.within import outlook
from intake.words import in_digits

HEAD_BYTES = 64 * 1024
_IS_READ = text("SELECT brought_is_read(:letter_id)")
# A letter begins with header lines; one of these is among them in every letter that was ever sent.
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_TELLING = re.compile(rb"^(from|date|received|message-id|mime-version|return-path)[ \t]*:", re.I | re.M)
# Office keeps its documents in the same kind of file; only a message has a stream of this name.
_OUTLOOKS_OWN = "__properties_version1.0".encode("utf-16-le")
NO_LETTER = (
    "Filen är inget brev. Välj ett brev som är sparat som .eml eller .msg. I Outlook: dra brevet till"
    " skrivbordet, eller välj Spara som. Inget är registrerat."
)


@bp.get("/registrera-brev")
def register_page() -> Response:
    """Ask for a letter and the inbox it came to."""
    return _page(forms.RegisterForm(formdata=None), 200)


@bp.post("/registrera-brev")
def register() -> Response:
    """Receive a letter; one that is here already is shown, if the person may see it."""
    form = forms.RegisterForm()
    _offer_units(form)
    if not form.validate():
        return _page(form, 422)
    try:
        received = _receive(form.letter.data, form.unit.data or "")
    except NotAllowed as problem:
        form.letter.errors = [str(problem)]
        return _page(form, 422)
    if received.is_new:
        return redirect(url_for(".registered", letter_id=received.letter_id), 303)
    references = journal.matters_of(person(), received.letter_id)
    if references:
        flash("Brevet är redan registrerat. Här är det.")
        return redirect(url_for(".matter", reference=references[0]), 303)
    flash("Brevet är redan registrerat. Det läses just nu, eller så står det i en enhet där du inte arbetar.")
    return redirect(url_for(".register_page"), 303)


@bp.get("/registrera-brev/<uuid:letter_id>")
def registered(letter_id: uuid.UUID) -> Response:
    """Tell whoever registered a letter what became of it."""
    is_read = db.session.scalar(_IS_READ, {"letter_id": letter_id})
    if is_read is None:
        raise NotFound("not a letter that this person registered")
    shown = render_template(
        "handler/registered.html",
        letter_id=letter_id,
        is_read=is_read,
        references=journal.matters_of(person(), letter_id),
    )
    return make_response(shown)


def _receive(chosen: FileStorage, unit: str) -> mailroom.Received:
    """Receive an uploaded letter; NotAllowed with words for the person when it cannot be one."""
    raw = cast(BinaryIO, chosen.stream)
    if not _is_letter(raw):
        raise NotAllowed(NO_LETTER)
    try:
        return mailroom.register(raw, unit)
    except FileTooLarge:
        most = in_digits(settings().tables.files.max_letter_bytes)
        raise NotAllowed(f"Brevet är för stort. Högst {most} tas emot. Inget är registrerat.") from None
    except StorageFull:
        raise NotAllowed("Det finns inte plats för filer just nu. Inget är registrerat.") from None


def _is_letter(raw: BinaryIO) -> bool:
    """Say by its content whether a file is a letter; what it is called proves nothing."""
    head = raw.read(HEAD_BYTES)
    raw.seek(0)
    if head.startswith(outlook.SIGNATURE):
        return _holds(raw, _OUTLOOKS_OWN)
    # Some programs put a line of their own first, and a mark of the text's encoding.
    lines = head.removeprefix(b"\xef\xbb\xbf").removeprefix(b"From ").lstrip()
    header = re.split(rb"\r?\n[ \t]*\r?\n", lines, maxsplit=1)[0]
    return b"\0" not in header and bool(_FIELD.search(header)) and bool(_TELLING.search(header))


def _holds(raw: BinaryIO, words: bytes) -> bool:
    """Say whether a file holds these bytes, without trusting its form to any library here."""
    raw.seek(0)
    held = b""
    while block := raw.read(HEAD_BYTES):
        held = held[-len(words) :] + block
        if words in held:
            break
    raw.seek(0)
    return words in held


def _offer_units(form: forms.RegisterForm) -> None:
    form.unit.offered = _units()
    if not person().may("sort"):
        raise NotFound("nobody who takes in letters")


def _units() -> tuple[tuple[str, str], ...]:
    """Return code and name of each inbox into which the person may bring letters."""
    return tuple(unit for unit in queries.units_of(person()) if person().may("sort", unit[0]))


def _page(form: forms.RegisterForm, status: int) -> Response:
    _offer_units(form)
    units = _units()
    if not request.form and len(units) == 1:
        form.unit.data = units[0][0]
    most = settings().tables.files.max_letter_bytes
    return make_response(render_template("handler/register.html", form=form, most=most), status)
