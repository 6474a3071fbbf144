"""The receipt, as a page and as a PDF, for the browser that sent the form and for no other.

A PDF without the status code is kept for a while in this process, so that pressing again costs nothing;
one with the code is made anew each time and kept nowhere.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta

from flask import Response, current_app, make_response, render_template, request, url_for

from config.languages import SWEDISH
from intake import drafts, limits, paper
from intake.citizen import browser
from intake.citizen.forms import ButtonForm
from intake.citizen.receipt_words import on_paper, state_of, tell
from intake.citizen.surface import bp
from intake.errors import NotFound, PaperFailed
from intake.extensions import db, settings
from intake.files import disposition
from intake.languages import chosen, force_locale

log = logging.getLogger(__name__)

KEPT_PAPERS = 32
PAPERS_AT_ONCE = 2
PAPERS_PER_HOUR = 60
RETRY_SECONDS = 10


@bp.get("/kvitto")
def receipt() -> Response:
    """Show the receipt of what this browser sent last."""
    draft = _own_draft()
    return _page(draft, ButtonForm()) if draft else _gone()


@bp.get("/kvitto.pdf")
def receipt_paper() -> Response:
    """Send the receipt as a PDF without the status code, which opens the matter."""
    draft = _own_draft()
    return _paper(draft, with_code=False) if draft else _gone()


@bp.post("/kvitto")
def receipt_paper_with_code() -> Response:
    """Send the receipt as a PDF with the status code, to a person who asked for that.

    At the page's own address, since what is wrong with the request is shown as that page.
    """
    draft, form = _own_draft(), ButtonForm()
    if draft is None:
        return _gone()
    return _paper(draft, with_code=True) if form.validate() else _page(draft, form)


def _own_draft() -> drafts.OpenDraft | None:
    """Return what this browser sent last, None when it has sent nothing or its day is over."""
    draft_id = browser.receipt()
    try:
        draft = drafts.get(draft_id, browser.key()) if draft_id else None
    except NotFound:
        return None
    return draft if draft and draft.receipt else None


def _page(draft: drafts.OpenDraft, form: ButtonForm) -> Response:
    # What is whole needs nothing more from the browser, so the part that goes on with files is not shown it.
    in_part = tuple(upload for upload in draft.uploads if not upload.is_whole)
    page = render_template(
        "citizen/receipt.html",
        draft=replace(draft, uploads=in_part),
        told=tell(draft),
        form=form,
        state_of=state_of,
    )
    return make_response(page, 422 if form.errors else 200)


def _gone() -> Response:
    return make_response(render_template("citizen/receipt_gone.html"), 404)


def _paper(draft: drafts.OpenDraft, *, with_code: bool) -> Response:
    """Answer with the PDF, in the page's language if it can be printed, else in Swedish."""
    with nullcontext() if paper.can_print(chosen().code) else force_locale(SWEDISH):
        told = tell(draft)
        status_page = f"{settings().public_url.rstrip('/')}{url_for('.status')}"
        printed = on_paper(told, status_page, with_code=with_code)
    # Whoever waits for the child to print must not keep a connection from others.
    db.session.rollback()
    try:
        pdf = _make(printed) if with_code else _papers().get(printed, _make)
    except PaperFailed as failed:
        log.warning("a receipt could not be made as a PDF: %s", failed.__class__.__name__)
        page = render_template("citizen/receipt_unprinted.html")
        return make_response(page, 503, {"Retry-After": str(RETRY_SECONDS)})
    response = Response(pdf, mimetype="application/pdf")
    response.headers["Content-Disposition"] = disposition(f"kvitto-{told.reference}.pdf")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


class Busy(PaperFailed):
    """As many receipts as may be made at once are being made, or one sender asked for too many."""


class Papers:
    """The last few papers of this process, by all that stands on them; safe for threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[paper.PaperDocument, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.slots = threading.BoundedSemaphore(PAPERS_AT_ONCE)

    def get(self, printed: paper.PaperDocument, make: Callable[[paper.PaperDocument], bytes]) -> bytes:
        """Return a paper as it was made before, else make it and keep it instead of the oldest."""
        with self._lock:
            if printed in self._kept:
                self._kept.move_to_end(printed)
                return self._kept[printed]
        pdf = make(printed)
        with self._lock:
            self._kept[printed] = pdf
            while len(self._kept) > KEPT_PAPERS:
                self._kept.popitem(last=False)
        return pdf


def _papers() -> Papers:
    papers: Papers = current_app.extensions.setdefault("papers", Papers())
    return papers


def _make(printed: paper.PaperDocument) -> bytes:
    """Make a PDF, unless as many as may be are being made already."""
    network = limits.network_of(request.remote_addr)
    if limits.is_over("paper", network, PAPERS_PER_HOUR, window=timedelta(hours=1)):
        raise Busy("one network asked for many papers")
    slots = _papers().slots
    if not slots.acquire(blocking=False):
        raise Busy("enough papers are being made")
    try:
        return paper.make_pdf(printed)
    finally:
        slots.release()
