"""Whether a letter was written by a machine, so that it is never answered by one (RFC 3834)."""

from __future__ import annotations

from intake.letters.charsets import clean_label
from intake.letters.headers import Headers

_PRECEDENCE = {"bulk", "junk", "list", "auto_reply", "auto-reply"}
_PRESENCE = ("x-auto-response-suppress", "x-autoreply", "x-autorespond", "x-autoresponder", "x-loop")
_ROBOTS = {"mailer-daemon", "postmaster", "no-reply", "noreply", "do-not-reply", "donotreply", "svar-ej"}
_REPORTS = {"multipart/report", "message/delivery-status", "message/disposition-notification"}


def automatic_reason(headers: Headers, content_type: str, sender_email: str | None) -> str | None:
    """Return the header that shows a letter to be automatic, else None.

    ``Auto-Submitted`` counts by its first word, case apart: ``no`` and an empty one are a person's.
    The envelope's null sender and our own addresses are for the caller to know.
    """
    if headers.token("auto-submitted") not in ("", "no"):
        return _shown(headers, "auto-submitted")
    for name, _ in headers.fields:
        if name.startswith("list-"):
            return _shown(headers, name)
    if headers.token("precedence") in _PRECEDENCE:
        return _shown(headers, "precedence")
    for name in _PRESENCE:
        if headers.token(name) not in ("", "no", "none", "false"):
            return _shown(headers, name)
    if any(value.replace(b" ", b"") == b"<>" for value in headers.all("return-path")):
        return "Return-Path: <>"
    if content_type in _REPORTS:
        return f"Content-Type: {content_type}"
    if sender_email and sender_email.partition("@")[0].lower() in _ROBOTS:
        return f"From: {sender_email}"
    return None


def _shown(headers: Headers, name: str) -> str:
    value = clean_label(headers.first(name).decode("latin-1"), 100)
    return f"{name.title()}: {value}".strip()
