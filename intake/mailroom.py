"""The mailroom: the raw letter first, durably; then, as a job, letters become matters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Envelope:
    """How a letter came: SMTP sender ("" for <>), recipients, the peer's address and protocol."""

    sender: str
    recipients: tuple[str, ...]
    peer: str
    protocol: str
