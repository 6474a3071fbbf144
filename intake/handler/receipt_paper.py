"""The receipt on paper of a matter begun by hand: number, code and how to go on, never what it says."""

from __future__ import annotations

from flask import flash, redirect, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from intake import codes, paper
from intake.errors import NotAllowed, PaperFailed
from intake.extensions import db, settings
from intake.files import clean_name, disposition
from intake.handler import forms, handovers
from intake.handler.gate import get_matter, person, require
from intake.handler.surface import bp
from intake.matters import by_hand
from intake.models import Attachment, Matter, Message, table_of
from intake.words import in_digits, in_words

NO_PAPER = "Kvittensen kunde inte göras just nu. Ärendet är inte påverkat. Försök igen om en stund."


@bp.post("/arende/<reference>/kvittens")
def print_receipt(reference: str) -> Response:
    """Send the receipt as a PDF with a status code of its own, which is kept nowhere else."""
    matter = get_matter(reference)
    if (late := handovers.handed_on(reference, matter.id, "sort")) is not None:
        return late
    require("sort", matter.id)
    if not forms.Form().validate():
        return _back(reference, forms.STALE)
    matter_id, code = matter.id, codes.new_status_code()
    printed = _receipt(matter, code)
    # Whoever waits for the child to print must not keep a connection from others.
    db.session.rollback()
    try:
        pdf = paper.make_pdf(printed)
        by_hand.hand_out_code(matter_id, code, person().handler_id)
    except PaperFailed:
        return _back(reference, NO_PAPER)
    except NotAllowed as problem:
        return _back(reference, str(problem))
    response = Response(pdf, mimetype="application/pdf")
    response.headers["Content-Disposition"] = disposition(f"kvittens-{reference}.pdf")
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response.headers["Cache-Control"] = "no-store"
    return response


def _back(reference: str, words: str) -> Response:
    flash(words)
    return redirect(url_for(".matter", reference=reference), 303)


def _receipt(matter: Matter, code: str) -> paper.PaperDocument:
    authority = settings().tables.authority
    is_ours = matter.channel == by_hand.OUTGOING
    came = ("Vi tog kontakt" if is_ours else "Vi tog emot det", in_words(matter.received_at))
    everywhere = tuple(f"{line.phone} {line.words}" for line in authority.support)
    return paper.PaperDocument(
        authority_name=authority.name,
        is_demonstration=not authority.is_confirmed,
        language="sv",
        direction="ltr",
        heading="Ditt ärende är registrerat",
        lines=(("Kvittensnummer", matter.reference), ("Statuskod", code), came),
        sections=(
            paper.PaperSection(
                "Vad händer nu?",
                items=("En handläggare läser ärendet. Det som är mest brådskande läses först.",),
            ),
            paper.PaperSection(
                "Följ ditt ärende",
                (
                    "Skriv numret och statuskoden på sidan här. Där kan du också lägga till något, skicka"
                    " filer och lämna kontaktuppgifter.",
                    f"{settings().public_url}/folj",
                    "Den som har numret och koden kan se ditt ärende. Ge dem inte till någon annan.",
                ),
            ),
            paper.PaperSection("Behöver du hjälp nu?", items=everywhere),
        ),
        files=_files(matter),
        files_heading="Filer i ärendet",
        missing_signs_note="Några tecken kan inte skrivas ut här. Där står en ruta i stället.",
    )


def _files(matter: Matter) -> tuple[paper.PaperFile, ...]:
    """Return the files that came in with the matter, by name, size and digest."""
    told = select(*table_of(Attachment).c["name", "size_bytes", "sha256"])
    came = told.join(Message, Message.id == Attachment.message_id).where(
        Attachment.matter_id == matter.id, Message.direction == "incoming"
    )
    rows = db.session.execute(came.order_by(Attachment.created_at, Attachment.position))
    return tuple(
        paper.PaperFile(clean_name(row.name).shown, in_digits(row.size_bytes), row.sha256) for row in rows
    )
