"""Which way an answer reaches the person who wrote: a rule over what was wished and what is delicate."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Literal

from sqlalchemy import exists, func, select

from intake.extensions import db, settings
from intake.models import Matter, table_of

# ``mail``: the whole answer goes by mail. ``notice``: a mail tells only that there is an answer on the
# status page. ``page``: it stands there, and no mail goes. ``nowhere``: nobody could read it there either.
Way = Literal["mail", "notice", "page", "nowhere"]
DELICATE_FLAGS = frozenset({"vulnerable", "protected_identity", "secrecy", "secrecy_mark"})
SECRET = ("ja", "trolig")
# What a check may find in a file of ours that is given out; ``file_state`` says so to the status page.
GIVEN_OUT = frozenset({"accept", "warn", "not_scanned"})


def way_of(
    *,
    email: str | None,
    may_email: bool,
    is_neutral: bool,
    category: str,
    flags: Collection[str],
    has_code: bool,
    awaits_form: bool = False,
) -> Way:
    """Say which way an answer goes. ``has_code`` tells that somebody has a code to the status page.

    ``awaits_form`` tells that the matter is a letter's whose form may still join it, perhaps from
    somebody else: then no link is mailed, since it would open what the form says.
    """
    if email and may_email:
        if not is_neutral and not is_delicate(category, flags):
            return "mail"
        if not awaits_form:
            return "notice"
    return "page" if has_code else "nowhere"


def is_delicate(category: str, flags: Collection[str]) -> bool:
    """Say whether what is answered is no thing for a mailbox: secrecy, or a person who may be at risk."""
    if not DELICATE_FLAGS.isdisjoint(flags):
        return True
    try:
        known = settings().tables.categories.get(category)
    except KeyError:
        # A category that has gone from categories.toml tells nothing of its secrecy.
        return True
    return known.is_private or known.secrecy in SECRET


def may_go_by_itself(matter: Matter, *, may_be_joined: bool) -> bool:
    """Say whether a letter with a link may go that nobody has decided to send.

    Never where mail may do harm, and not while a form may join the matter: its person may be another.
    """
    may_mail = bool(matter.sender_email) and matter.may_email
    return may_mail and not may_be_joined and not is_delicate(matter.category, matter.flags)


def find_way(matter_id: uuid.UUID) -> Way:
    """Read which way a handler's answer in a matter goes as it stands now."""
    if is_child(matter_id):
        return "nowhere"
    columns = ("sender_email", "may_email", "is_neutral", "category", "flags")
    matter = db.session.execute(select(*table_of(Matter).c[columns]).where(Matter.id == matter_id)).one()
    return way_of(
        email=matter.sender_email,
        may_email=matter.may_email,
        is_neutral=matter.is_neutral,
        category=matter.category,
        flags=matter.flags,
        has_code=has_code(matter_id),
        awaits_form=bool(db.session.scalar(select(func.awaits_form(matter_id)))),
    )


def is_child(matter_id: uuid.UUID) -> bool:
    """Say whether a matter is a part of another, which alone speaks with the citizen."""
    return bool(db.session.scalar(select(exists(select(func.split_of(matter_id))))))


def has_code(matter_id: uuid.UUID) -> bool:
    """Say whether somebody has a status code that opens a matter: its own, or one that leads on to it."""
    return bool(db.session.scalar(select(func.has_status_code(matter_id))))
