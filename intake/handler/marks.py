"""The mark of secrecy as a matter's page tells it: what it says, who set it and why, and its forms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from config.secrecy import Provision
from intake.extensions import settings
from intake.handler.forms import ActForm, ChoiceField, listed, reason_field
from intake.handler.whole import MatterView
from intake.matters import secrecy


class SecrecyForm(ActForm):
    """By which provision a matter is marked, and why."""

    provision = ChoiceField(
        "Vilken paragraf i offentlighets- och sekretesslagen?",
        validators=[listed("Välj en paragraf i listan.")],
    )
    secrecy_reason = reason_field(
        "Varför kan uppgifterna vara hemliga?", "Skriv varför uppgifterna kan vara hemliga."
    )


class LiftForm(ActForm):
    """Why a mark is taken away."""

    lift_reason = reason_field("Varför hävs märkningen?", "Skriv varför märkningen hävs.")


@dataclass(frozen=True)
class Mark:
    """A mark as the page tells it; ``reason`` is None where it followed from another matter."""

    provision: Provision | None
    at: datetime
    handler: str | None
    reason: str | None


def look(view: MatterView) -> Mark | None:
    """Return how a matter is marked, None when it is not."""
    if secrecy.SIGN not in view.flags:
        return None
    event = next(event for event in reversed(view.events) if event.what == secrecy.MARKED)
    notes = {str(message.id): message.text for message in view.conversation.messages}
    provision = secrecy.find_provision(event.detail["provision"])
    return Mark(provision, event.at, event.handler, notes.get(event.detail.get("note", "")))


def provisions() -> list[tuple[str, str]]:
    """Return the provisions that can be chosen."""
    return [(each.code, f"{each.name}: {each.words}") for each in settings().tables.secrecy if each.marks]
