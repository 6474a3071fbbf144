"""The values that go into and come out of the routing rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

UNCLEAR = "oklart"


@dataclass(frozen=True)
class Facts:
    """What is known of a matter when it is placed; codes are those of the authority's tables."""

    channel: Literal["form", "email", "phone", "visit", "paper", "outgoing", "api"]
    subject: str
    text: str
    category: str | None = None
    municipality: str | None = None
    place_words: str = ""
    addressed_unit: str | None = None
    has_files: bool = False


@dataclass(frozen=True)
class Reason:
    """Why something was decided: the rule's code, a Swedish sentence and the words that weighed."""

    code: str
    words: str
    weighed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Public:
    """What anybody may read of the rules, a Swedish sentence each; ``untold`` counts the others."""

    place: tuple[str, ...]
    categories: tuple[str, ...]
    priorities: tuple[str, ...]
    flags: tuple[str, ...]
    untold: int


@dataclass(frozen=True)
class Placement:
    """Where a matter stands and why.

    ``category`` is "oklart" when ``is_undecided``; ``guess`` is the best suggestion even then,
    and ``next`` are up to two further ones, the likelier first.
    ``confidence`` lies between 0 and 1, ``priority`` between 1 (first) and 5; ``flags`` are sorted.
    """

    category: str
    guess: str
    confidence: float
    is_undecided: bool
    next: tuple[str, ...]
    unit: str
    region: str | None
    priority: int
    flags: tuple[str, ...]
    reasons: tuple[Reason, ...]
    rules_version: str
