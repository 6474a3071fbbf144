"""Text that libmagic takes for something else, and letters and tables that it takes for mere text."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from itertools import islice

from intake.files.encoding import decoded, in_utf_8, is_text
from intake.files.refining import Content

TEXT_TYPE, LETTER_TYPE, TABLE_TYPE = "text/plain", "message/rfc822", "text/csv"
TEXT_NAMES = frozenset({"txt", "csv", "log"})
# What libmagic says of text and is right about, whatever the file is called. Of all else in words it
# guesses by single words: "SPÅNGA" for a plotter's file, "import" for a program.
_TRUSTED = frozenset({
    "text/plain", "text/html", "text/xml", "application/xml", "image/svg+xml", "application/xhtml+xml",
    "text/x-shellscript", "text/x-msdos-batch", "text/x-php", "application/x-mswinurl", "text/rtf",
    "application/rtf", "application/postscript", "message/rfc822", "text/calendar",
    "text/vcard", "application/json", "application/x-ndjson", "text/csv", "text/vtt",
    "application/x-subrip", "application/vnd.apple.mpegurl", "audio/x-mpegurl",
})  # fmt: skip
_SCRIPT_LINE = re.compile(rb"(\xef\xbb\xbf)?\s*#!\s*/")
_BEGINS = {
    "text/calendar": re.compile(rb"(\xef\xbb\xbf)?\s*BEGIN:VCALENDAR", re.IGNORECASE),
    "text/vcard": re.compile(rb"(\xef\xbb\xbf)?\s*([\w-]{1,40}\.)?BEGIN:VCARD", re.IGNORECASE),
    "text/html": re.compile(
        rb"(\xef\xbb\xbf)?\s*(<!--(?:(?!-->).){0,4000}+-->\s*+)*+"
        rb"<(!doctype\s+html|html|head|body|script|iframe|meta\s|hta:|object|embed)[\s>/:]?",
        re.IGNORECASE | re.DOTALL,
    ),
    "image/svg+xml": re.compile(rb"(\xef\xbb\xbf)?\s*<svg[\s>]", re.IGNORECASE),
}
# Some programs hand out an event without the calendar around it.
_PART_OF_CALENDAR = re.compile(rb"(\xef\xbb\xbf)?\s*BEGIN:(?!VCARD)[A-Z0-9-]+\s", re.IGNORECASE)
_HEADER = re.compile(rb"([!-9;-~]{1,76})[ \t]*:")
_LETTER_HEADERS = frozenset(
    b"from to cc date subject received return-path delivered-to message-id mime-version reply-to sender "
    b"content-type x-mailer x-received dkim-signature authentication-results arc-seal envelope-to "
    b"references in-reply-to list-unsubscribe x-originating-ip x-original-to thread-topic".split()
)
_LETTER_HEAD_BYTES, _TABLE_BYTES, _TABLE_ROWS = 65_536, 65_536, 50


def refine(content: Content) -> str | None:
    """Return what kind of text it is; None for what is no text, or is as libmagic says."""
    if not content.head:
        return None
    # The body of what is called a letter may be in any encoding, or none.
    if not is_text(content.head) and not (content.extension == "eml" and _is_letter(content)):
        # Some of what is called text is not: a notebook's file, a film of old. Rich text may hold bytes.
        is_text_by_name = content.called.startswith("text/") and content.called != "text/rtf"
        return "application/octet-stream" if is_text_by_name else None
    read = replace(content, head=in_utf_8(content.head))
    return _by_its_beginning(read) or _by_its_rows(read) or _by_its_name(read)


def _by_its_beginning(content: Content) -> str | None:
    if _is_letter(content):
        return LETTER_TYPE
    if content.extension == "ics" and _PART_OF_CALENDAR.match(content.head):
        return "text/calendar"
    if _SCRIPT_LINE.match(content.head):
        return content.called if content.called.startswith("text/x-") else "text/x-shellscript"
    return next((kind for kind, begins in _BEGINS.items() if begins.match(content.head)), None)


def _by_its_rows(content: Content) -> str | None:
    is_table = content.called in (TABLE_TYPE, "application/csv")
    if not is_table and (content.extension != "csv" or content.called in _TRUSTED - {TEXT_TYPE, "text/html"}):
        return None
    # Sentences with one comma each are no table; who calls it .txt or .log means text.
    is_called_text = content.extension in TEXT_NAMES - {"csv"}
    if not is_called_text and _has_rows(content.head):
        return TABLE_TYPE
    return None if content.called == "text/html" else TEXT_TYPE


def _by_its_name(content: Content) -> str | None:
    """Return that it is text where libmagic does not know, or guesses at what is called text."""
    # A tag named in the middle of words makes no page of them; what is one is told by the rules' table.
    is_page = content.called != "text/html" or content.head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    is_guess = content.extension in TEXT_NAMES and not (content.called in _TRUSTED and is_page)
    return TEXT_TYPE if is_guess or content.called == "application/octet-stream" else None


def _is_letter(content: Content) -> bool:
    """Say whether text begins as letters do: with headers that letters have.

    A file called .eml needs one, since mail programs write what they like first; any other three.
    """
    known = set()
    for number, line in enumerate(
        content.head[:_LETTER_HEAD_BYTES].lstrip(b"\xef\xbb\xbf\r\n \t").splitlines()
    ):
        if not line:
            break
        if line[:1] in b" \t" or (number == 0 and line.lstrip(b">").startswith(b"From ")):
            continue
        header = _HEADER.match(line)
        if not header and content.extension == "eml":
            break
        if not header:
            return False
        name = header[1].lower()
        if name in _LETTER_HEADERS or (content.extension == "eml" and name.startswith((b"x-", b"content-"))):
            known.add(name)
    return len(known) >= (1 if content.extension == "eml" else 3)


def _has_rows(head: bytes) -> bool:
    """Say whether most rows have equally many cells: at least two, by one of the usual separators."""
    text = decoded(head[:_TABLE_BYTES])
    if len(head) > _TABLE_BYTES:
        text = text.rpartition("\n")[0]
    return any(_rows_agree(text, separator) for separator in ";,\t|")


def _rows_agree(text: str, separator: str) -> bool:
    try:
        rows = list(islice(csv.reader(io.StringIO(text), delimiter=separator), _TABLE_ROWS))
    except csv.Error:
        return False
    counts = [len(row) for row in rows if row]
    usual = max(set(counts), key=counts.count, default=0)
    return usual >= 2 and counts.count(usual) >= 0.8 * len(counts)
