"""The roles that a person can have in a unit, and what each of them may."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

# ``see``: matters of the unit, and what is in them. ``sort``: give them a category, a priority, a person
# or another unit, note, merge, and bring letters in. ``answer``: speak with the citizen, and close.
# ``export``: take a matter out of the house. ``open_quarantine``: files that may be harmful.
# ``see_protected``: how to reach somebody with a protected identity. ``administer``: who works in the unit.
# ``operate``: the machine, without content. ``audit``: who has looked at what.
Capability = Literal[
    "see", "sort", "answer", "export", "open_quarantine", "see_protected", "administer", "operate", "audit"
]


@dataclass(frozen=True)
class Role:
    """A role by its Swedish name, with what it may and one sentence on what it is for."""

    name: str
    words: str
    may: frozenset[Capability]


ROLES: Mapping[str, Role] = {
    "reader": Role("läsare", "Läser enhetens ärenden.", frozenset({"see"})),
    "handler": Role(
        "handläggare", "Handlägger enhetens ärenden.", frozenset({"see", "sort", "answer", "export"})
    ),
    "registrar": Role(
        "registrator",
        "Registrerar och fördelar det som kommer in, och lämnar ut.",
        frozenset({"see", "sort", "export"}),
    ),
    "coordinator": Role(
        "samordnare",
        "Samordnar enheten, och hela regionen om enheten hör till en, och bestämmer vilka som arbetar där.",
        frozenset({"see", "sort", "answer", "export", "see_protected", "administer"}),
    ),
    "national_coordinator": Role(
        "nationell samordnare",
        "Samordnar hela landet, utom det som står bakom en sekretessgräns.",
        frozenset({"see", "sort", "answer", "export", "see_protected", "administer"}),
    ),
    "file_quarantine": Role(
        "filkarantän",
        "Läser enhetens ärenden och får öppna filer i karantän.",
        frozenset({"see", "open_quarantine"}),
    ),
    "operator": Role("operatör", "Sköter driften och ser inget innehåll.", frozenset({"operate"})),
    "auditor": Role("granskare", "Granskar vem som har sett vad.", frozenset({"audit"})),
}


def held(roles: Iterable[str]) -> frozenset[Capability]:
    """Return all that these roles together may do."""
    return frozenset().union(*(ROLES[role].may for role in roles))
