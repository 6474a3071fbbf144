"""The handlers' side: sign-in, the inbox, a matter's page and what can be done there."""

from intake.handler import (
    account,
    downloading,
    exporting,
    gate,
    mailroom,
    merging,
    problems,
    register,
    viewing,
    views,
)
from intake.handler.surface import bp

# Those modules hang their routes on the blueprint, so they are imported with it.
__all__ = [
    "account",
    "bp",
    "downloading",
    "exporting",
    "gate",
    "mailroom",
    "merging",
    "problems",
    "register",
    "viewing",
    "views",
]
