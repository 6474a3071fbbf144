"""A listener that kills itself at a step named on its command line: ``mortal_listener.py STEP``.

Everything but its death is the real thing. Without a step, or with one that is never reached, it lives.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from config.settings import from_environment
from intake import create_app, mailroom, storage
from intake.extensions import db
from workers import conversation
from workers.mailbox import Listener, serve
from workers.spool import Spool

STEPS = (
    "before DATA", "in the letter", "after the last dot", "after the bytes", "before the commit",
    "after the commit",
)  # fmt: skip


def die(*_: Any, **__: Any) -> None:
    """Die as by a power cut: nothing is closed and nobody is told."""
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(act: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(act)
    def done(*words: Any, **named: Any) -> None:
        act(*words, **named)
        die()

    return done


def arm(step: str) -> Callable[..., object]:
    """Set the death of this process, and return what receives letters; needs the app's context."""
    if step == "before DATA":
        conversation.Connection.smtp_DATA = die  # type: ignore[assignment,method-assign]
    if step == "in the letter":
        Spool.add = then_die(Spool.add)  # type: ignore[method-assign]
    if step == "after the last dot":
        return die
    if step == "after the bytes":
        store = storage.current()
        store.put = then_die(store.put)  # type: ignore[method-assign]
    if step == "before the commit":
        event.listen(db.engine, "commit", die)
    if step == "after the commit":
        return then_die(mailroom.receive)
    return mailroom.receive


def main(step: str) -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
    app = create_app(dataclasses.replace(from_environment(), mail_port=0), role="worker")
    with app.app_context():
        receive = arm(step)
    asyncio.run(serve(Listener(app, receive=receive)))


if __name__ == "__main__":
    main(*sys.argv[1:])
