"""A whole matter out of the house: the page that asks why, and the sealed zip that it answers with."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from typing import BinaryIO, cast

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import make_response, render_template
from werkzeug.wrappers import Response

from intake import access, web
from intake.extensions import settings
from intake.handler import sides
from intake.handler.forms import ExportForm
from intake.handler.gate import get_matter, person, require, sensitive
from intake.handler.surface import bp
from intake.matters import exporting, secrecy
from intake.matters.export_rows import Address
from intake.models import Matter
from intake.sealing import LOCK_WORD

# The zip needs room for the originals once, those in quarantine twice, and for all that is not a file.
SPARE_BYTES = 256 * 1024 * 1024


@bp.get("/arende/<reference>/exportera")
@sensitive
def export_page(reference: str) -> Response:
    """Ask why a matter is taken out, and show the seals of those who did before."""
    matter = get_matter(reference)
    require("export", matter.id)
    return _page(matter, ExportForm(formdata=None), 200)


@bp.post("/arende/<reference>/exportera")
@sensitive
def export(reference: str) -> Response:
    """Take a matter out as a sealed zip; the look comes first, the seal into the history."""
    matter = get_matter(reference)
    require("export", matter.id)
    form = ExportForm()
    if not form.validate():
        return _page(matter, form, 422)
    if shutil.disk_usage(tempfile.gettempdir()).free < 2 * exporting.measure(matter.id) + SPARE_BYTES:
        form.form_errors.append("Det finns inte plats för paketet just nu. Säg till den som sköter driften.")
        return _page(matter, form, 503)
    by = exporter(matter.id)
    access.look_at_export(matter.id, form.reason.data or "")
    made = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 (closed when the answer was sent)
    try:
        done = exporting.export(matter.id, by, made, signing_key())
        size_bytes = made.seek(0, os.SEEK_END)
        made.seek(0)
    except BaseException:
        made.close()
        raise
    return web.as_download(made, f"{reference}-{done.seal.digest[:12]}.zip", size_bytes)


def exporter(matter_id: uuid.UUID) -> exporting.Exporter:
    """Return the person as who takes a matter out, with what that person may take along."""
    held = access.held(person(), matter_id)
    return exporting.Exporter(
        person().handler_id, person().name, "open_quarantine" in held, "see_protected" in held, _addresses
    )


def _addresses(letter_ids: Sequence[uuid.UUID]) -> Iterator[Address]:
    """Yield the addresses of these letters as a matter's pages tell them."""
    for told in sides.told_addresses(letter_ids):
        yield Address(told.letter_id, told.destination, told.name)


def _page(matter: Matter, form: ExportForm, status: int) -> Response:
    page = render_template(
        "handler/export.html",
        reference=matter.reference,
        is_marked=secrecy.SIGN in matter.flags,
        size_bytes=exporting.measure(matter.id),
        may_open=access.may(person(), "open_quarantine", matter.id),
        made=exporting.made(matter.id),
        key=signing_key().public_key().public_bytes_raw().hex(),
        lock_word=LOCK_WORD,
        form=form,
    )
    return make_response(page, status)


def signing_key() -> Ed25519PrivateKey:
    """Return the key by which the handlers' side signs; only it knows the secret that this is made of."""
    secret = settings().secret_keys["handler"][0].encode()
    return Ed25519PrivateKey.from_private_bytes(hmac.new(secret, b"seal of exports", hashlib.sha256).digest())
