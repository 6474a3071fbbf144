"""The routing rule: facts of a matter in, its placement with every reason out; a pure function of values."""

from intake.routing.danger import EMERGENCY
from intake.routing.decide import FAILED, Rules, compile_rules, fallback, place
from intake.routing.subjects import CHOSEN
from intake.routing.values import Facts, Placement, Reason

__all__ = [
    "CHOSEN",
    "EMERGENCY",
    "FAILED",
    "Facts",
    "Placement",
    "Reason",
    "Rules",
    "compile_rules",
    "fallback",
    "place",
]
