"""What stands in a PDF, read by a library that has no part in making it."""

from __future__ import annotations

import io
import zlib

import pikepdf
import pypdfium2


def words_in(pdf):
    """Return the text of each sheet."""
    opened = pypdfium2.PdfDocument(pdf)
    try:
        return [page.get_textpage().get_text_range() for page in opened]
    finally:
        opened.close()


def bytes_in(pdf):
    """Return everything that lies in a PDF: its bytes, and all its streams unpacked."""
    kept = [pdf]
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for each in opened.objects:
            if isinstance(each, pikepdf.Stream):
                try:
                    kept.append(each.read_bytes())
                except (pikepdf.PdfError, zlib.error):
                    kept.append(each.read_raw_bytes())
            else:
                kept.append(each.unparse())
    return b"\n".join(kept)
