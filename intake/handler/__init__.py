"""The handlers' side: sign-in, the inbox, a matter's page and what can be done there."""

from intake.handler import account, files, gate, mailroom, merging, problems, register, views
from intake.handler.surface import bp

# Those modules hang their routes on the blueprint, so they are imported with it.
__all__ = ["account", "bp", "files", "gate", "mailroom", "merging", "problems", "register", "views"]
