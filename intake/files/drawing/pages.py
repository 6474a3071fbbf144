"""The pages of a PDF as pictures and text, by pdfium; it has no script engine here, and follows nothing."""

from __future__ import annotations

from pathlib import Path

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium

from intake.files.drawing.canvas import Canvas
from intake.files.drawing.ways import INSTEAD

# A page of an ordinary size has 137 dots an inch; a stamp is not blown up beyond this many a point.
MAX_SCALE = 200 / 72
# Reading a page's text takes about 1 ms; more pages than this hold more text than is kept.
MAX_TEXT_PAGES = 2000
# How pdfium marks a word that goes on in the next line; without the mark it can be searched for.
HYPHEN = "\ufffe"
DAMAGED = "Filen är skadad. Det som gick att läsa visas."
UNREADABLE = "Filen är skadad och kan inte visas."


def draw(file: Path, canvas: Canvas) -> None:
    """Draw the first pages, and write the text of these and of those after them."""
    try:
        document, is_whole = _opened(file, canvas.folder)
    except pypdfium2.PdfiumError as error:
        canvas.lack(INSTEAD["locked"] if error.err_code == pdfium.FPDF_ERR_PASSWORD else UNREADABLE)
        return
    try:
        # What people filled in a form is drawn only with this, and must be before any page is read.
        document.init_forms()
        is_whole &= _draw_pages(document, canvas)
        _write_pages(document, canvas)
    finally:
        document.close()
    if not canvas.pictures:
        canvas.lack(UNREADABLE)
    elif not is_whole:
        canvas.lack(DAMAGED)


def _opened(file: Path, folder: Path) -> tuple[pypdfium2.PdfDocument, bool]:
    """Return the document, and whether it could be read without mending it."""
    try:
        return pypdfium2.PdfDocument(file), True
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD or (mended := _mended(file, folder)) is None:
            raise
        return pypdfium2.PdfDocument(mended), False


def _mended(file: Path, folder: Path) -> Path | None:
    """Return a copy that qpdf has mended; pdfium reads fewer damaged files than it does."""
    mended = folder / "mended.pdf"
    try:
        with pikepdf.open(file) as document:
            document.save(mended)
    except (pikepdf.PdfError, ValueError, RuntimeError):
        return None
    return mended


def _draw_pages(document: pypdfium2.PdfDocument, canvas: Canvas) -> bool:
    """Draw the first pages, and say whether all that were tried could be drawn."""
    count, failed = len(document), 0
    for number in range(min(count, canvas.limits.max_pages)):
        if not canvas.has_time:
            break
        try:
            _draw_page(document[number], canvas)
        except pypdfium2.PdfiumError:
            failed += 1
    if 0 < len(canvas.pictures) < count:
        canvas.lack(f"Bara de första {len(canvas.pictures)} sidorna visas.")
    return not failed


def _draw_page(page: pypdfium2.PdfPage, canvas: Canvas) -> None:
    scale = min(canvas.limits.page_pixels / max(*page.get_size(), 1), MAX_SCALE)
    bitmap = page.render(scale=scale, rev_byteorder=True)
    canvas.draw(bitmap.to_pil().convert("RGB"))
    bitmap.close()
    page.close()


def _write_pages(document: pypdfium2.PdfDocument, canvas: Canvas) -> None:
    for number in range(min(len(document), MAX_TEXT_PAGES)):
        if not (canvas.has_room_for_text and canvas.has_time):
            return
        try:
            page = document[number]
            words = page.get_textpage()
        except pypdfium2.PdfiumError:
            continue
        text = words.get_text_range(errors="replace").replace(HYPHEN, "")
        canvas.write(text.strip() + "\n\n")
        words.close()
        page.close()
