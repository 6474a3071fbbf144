"""What a matter's page tells of where the person was referred, and of what may be given on there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from intake.extensions import settings
from intake.handler.whole import EventView
from intake.handler.words import authority_name


@dataclass(frozen=True)
class Referred:
    """Where the person was referred last, when, and whether what was written may be given on now."""

    code: str
    name: str
    at: datetime
    handing_on: str


def find_referred(events: Sequence[EventView]) -> Referred | None:
    """Return the last referral that was not taken back before it left; None when there is none."""
    undone = {event.detail["message"] for event in events if event.what == "reply_undone"}
    found: Referred | None = None
    for event in events:
        if event.what == "referred" and event.detail["message"] not in undone:
            found = _referred(event, event.at)
        elif event.what == "handing_on_decided" and found and event.detail["authority"] == found.code:
            found = _referred(event, found.at)
    return found


def _referred(event: EventView, at: datetime) -> Referred:
    code = event.detail["authority"]
    return Referred(code, authority_name(settings().tables, code), at, event.detail["handing_on"])
