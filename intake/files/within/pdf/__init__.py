"""A PDF: what it would do when opened, found by walking its objects."""

from __future__ import annotations

import re

import pikepdf
import pypdfium2

from intake.files.looking import Looking
from intake.files.within.pdf import actions, attached, contents, ends
from intake.files.within.pdf.reading import open_pdf, parts

# What a reader and a checker may take differently, since the one goes by the first and the other by the last.
_DOUBLED = re.compile(r"duplicated key /(?:A|AA|S|JS|URI|F|OpenAction|EF|XFA)\b")


def look(looking: Looking) -> None:
    """Find what a PDF would do, take out what lies in it, and say whether it can be read at all."""
    ends.look(looking)
    try:
        pdf = open_pdf(looking.file)
    except pikepdf.PasswordError:
        looking.find("file_encrypted")
        return
    except (pikepdf.PdfError, RuntimeError, ValueError) as error:
        # A file locked to certificates is no less locked.
        looking.find("file_encrypted" if "encryption" in str(error) else "pdf_damaged")
        return
    with pdf:
        found = list(parts(pdf, lambda: looking.find("pdf_partly_read")))
        actions.look(looking, pdf, found)
        contents.look(looking, pdf, found)
        attached.look(looking, found)
        _look_at_damage(looking, pdf.get_warnings())


def _look_at_damage(looking: Looking, warnings: list[str]) -> None:
    """Find whether the file is whole; qpdf mends what pdfium, which draws it, cannot read."""
    if any(_DOUBLED.search(each) for each in warnings):
        looking.find("pdf_doubled")
    problem = _problem_of_drawing(looking)
    if problem is not None:
        looking.find(problem)
    elif not all("duplicated key" in each for each in warnings):
        looking.find("pdf_mended")


def _problem_of_drawing(looking: Looking) -> str | None:
    try:
        with pypdfium2.PdfDocument(looking.file) as drawn:
            return None if len(drawn) else "pdf_damaged"
    except pypdfium2.PdfiumError as error:
        # An empty owner password opens a file for qpdf, but not for people's readers.
        return "file_encrypted" if "password" in str(error).lower() else "pdf_damaged"
