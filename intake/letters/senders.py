"""Who a letter says that it is from, and what is odd about that: shown to people, never believed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from intake.letters.addresses import mailboxes, split_address
from intake.letters.headers import Headers

_ADDRESS_IN_NAME = re.compile(r"[^\s<>\"'(),;:@]{1,250}@[^\s<>\"'(),;:@]{1,250}\.[^\s<>\"'(),;:@.]{2,63}")
_SHOWN_SENDERS = 5


@dataclass(frozen=True)
class Sender:
    """The first sender of a letter; ``problems`` are words for handlers."""

    name: str | None
    email: str | None
    problems: tuple[str, ...]


def sender_of(headers: Headers) -> Sender:
    """Return the sender: From, else Sender, else Reply-To."""
    candidates = (split_address(headers.first(name)) for name in ("from", "sender", "reply-to"))
    name, email = next((found for found in candidates if found), ("", ""))
    # A name without an address is still what the sender called himself.
    name = name or ("" if email else headers.label("from").removesuffix("<>").strip())
    return Sender(name or None, email or None, tuple(_oddities(headers, name, email)))


def _oddities(headers: Headers, name: str, email: str) -> list[str]:
    found = []
    mentioned = (other for value in headers.all("from") for _, other in mailboxes(value))
    senders = list({other.lower(): other for other in mentioned}.values())
    if len(senders) > 1:
        others = ", ".join(senders[1:_SHOWN_SENDERS]) + (" …" if len(senders) > _SHOWN_SENDERS else "")
        found.append(f"brevet har flera avsändare: {senders[0]} visas, men också {others} står där")
    named = _ADDRESS_IN_NAME.search(name)
    if named and named[0].lower() != email.lower():
        found.append(f"avsändarens namn ser ut som en annan adress ({named[0]}) än den som brevet är från")
    return found
