"""Who is signed in, what that person may see, and a record of every look.

``visible`` is the first wall: every query of the handlers' side carries it.
"""

from intake.access.accounts import NewHandler, add_handler, demo_handlers, renew_password
from intake.access.looks import (
    Look,
    log_refused,
    look_at_export,
    look_at_file,
    look_at_journal,
    look_at_letter,
    look_at_matter,
    look_at_picture,
    look_at_view,
    looks_at_file,
)
from intake.access.person import Person, Seat, find_person
from intake.access.sessions import (
    OpenSession,
    SignInRefused,
    change_password,
    end_session,
    open_sessions,
    sign_in,
    sign_out,
)
from intake.access.walls import (
    LOCKED,
    find_attachment,
    find_letter,
    find_matter,
    find_rendition,
    is_locked,
    may_open_quarantine,
    visible,
)

__all__ = [
    "LOCKED",
    "Look",
    "NewHandler",
    "OpenSession",
    "Person",
    "Seat",
    "SignInRefused",
    "add_handler",
    "change_password",
    "demo_handlers",
    "end_session",
    "find_attachment",
    "find_letter",
    "find_matter",
    "find_person",
    "find_rendition",
    "is_locked",
    "log_refused",
    "look_at_export",
    "look_at_file",
    "look_at_journal",
    "look_at_letter",
    "look_at_matter",
    "look_at_picture",
    "look_at_view",
    "looks_at_file",
    "may_open_quarantine",
    "open_sessions",
    "renew_password",
    "sign_in",
    "sign_out",
    "visible",
]
