"""A whole matter on paper: a page that prints well, and the same as a tagged PDF."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Sequence

from flask import make_response, render_template
from werkzeug.wrappers import Response

from intake import access, paper, web
from intake.errors import NotFound, PaperFailed
from intake.extensions import db, now, settings
from intake.handler import dossier, protected, whole
from intake.handler.gate import get_matter, person, require, sensitive
from intake.handler.problems import show
from intake.handler.surface import bp
from intake.matters import following
from intake.matters.masking import Part
from intake.words import in_swedish

log = logging.getLogger(__name__)

# So much is made in a few seconds within the child's memory.
MOST_CHARACTERS = 200_000
PAPERS_AT_ONCE = 2
_SLOTS = threading.BoundedSemaphore(PAPERS_AT_ONCE)
_DO = "Skriv ut sidan från webbläsaren i stället, eller exportera hela ärendet."
TOO_LARGE = web.Problem(
    422,
    "Ärendet är för stort för en PDF",
    (f"En PDF får plats med ungefär {MOST_CHARACTERS // 1000} 000 tecken. Ärendet är inte påverkat.", _DO),
)
NOT_MADE = web.Problem(
    503,
    "PDF-filen kunde inte göras just nu",
    ("Ärendet är inte påverkat. Försök igen om en stund.", _DO),
)


@bp.get("/arende/<reference>/skriv-ut")
def print_page(reference: str) -> Response:
    """Show a whole matter as it is printed; the look is recorded."""
    view, parts = _read(reference, "print")
    may_export = access.may(person(), "export", view.id)
    page = render_template(
        "handler/print.html", matter=view, parts=parts, printed_at=now(), may_export=may_export
    )
    return make_response(page)


@bp.get("/arende/<reference>/arende.pdf")
@sensitive
def print_paper(reference: str) -> Response:
    """Send a whole matter as a PDF; the look comes first."""
    require("export", get_matter(reference).id)
    view, parts = _read(reference, "paper")
    if not fits(parts):
        return show(TOO_LARGE)
    heading = f"Ärende {reference}"
    made_by = f"Hela ärendet, som det såg ut {in_swedish(now())}. Utskrivet av {person().name}."
    head = f"{heading}, dnr {view.diary_number}" if view.diary_number else heading
    try:
        pdf = make(on_paper(heading, head, sections(parts), lines=(("Utskrift", made_by),)))
    except PaperFailed as failed:
        log.warning("a matter could not be made as a PDF: %s", type(failed).__name__)
        return show(NOT_MADE)
    return send(pdf, f"{reference}.pdf")


def _read(reference: str, what: access.Printed) -> tuple[whole.MatterView, tuple[Part, ...]]:
    access.look_at_print(get_matter(reference).id, what)
    view = whole.matter_view(person(), reference)
    if view is None:
        raise NotFound("the matter has left the person's inboxes just now")
    shown = protected.hide(view)
    return shown, dossier.to_print(shown, following.find_opinion(view.id))


def fits(parts: Sequence[Part]) -> bool:
    """Say whether these parts are so few words that a PDF is made of them."""
    return sum(len(piece.text) for part in parts for piece in part.pieces) <= MOST_CHARACTERS


def sections(parts: Sequence[Part]) -> tuple[paper.PaperSection, ...]:
    """Return parts as sections of a document; a piece is a paragraph."""
    return tuple(
        paper.PaperSection(
            part.heading,
            tuple(f"{each.label}: {each.text}" if each.label else each.text for each in part.pieces),
        )
        for part in parts
    )


def on_paper(
    heading: str,
    sheet_head: str,
    told: tuple[paper.PaperSection, ...],
    lines: tuple[tuple[str, str], ...] = (),
) -> paper.PaperDocument:
    """Return a document of ours, in Swedish; ``sheet_head`` stands on every sheet."""
    authority = settings().tables.authority
    return paper.PaperDocument(
        authority_name=authority.name,
        is_demonstration=not authority.is_confirmed,
        language="sv",
        direction="ltr",
        heading=heading,
        lines=lines,
        sections=told,
        missing_signs_note="Några tecken kan inte skrivas ut här. Där står en ruta i stället.",
        sheet_head=sheet_head,
    )


def make(document: paper.PaperDocument) -> bytes:
    """Make a PDF; PaperFailed where it cannot be, or as many as may be are being made already."""
    # Whoever waits for the child to print must not keep a connection from others.
    db.session.rollback()
    if not _SLOTS.acquire(blocking=False):
        raise PaperFailed("enough papers are being made")
    try:
        return paper.make_pdf(document)
    finally:
        _SLOTS.release()


def send(pdf: bytes, name: str) -> Response:
    """Answer with a PDF that is saved under a name."""
    return web.as_download(io.BytesIO(pdf), name, len(pdf))
