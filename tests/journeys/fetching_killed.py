"""The fetcher in a process of its own that dies by SIGKILL at one step, as a power cut would end it.

``python -m tests.journeys.fetching_killed STEP`` does the service's own work; with the step "none" it
ends by itself when nothing is left to do. Settings come from the environment.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

from intake import mailroom
from intake.mailroom import journal
from intake.storage import FolderStorage
from workers import fetching, process
from workers.imap_session import Session

# Where it dies: before or after a call, in the order of the calls.
STEPS: dict[str, tuple[Any, str, str]] = {
    "before the mailbox is noted": (journal, "begin", "before"),
    "after the list": (journal, "note", "after"),
    "before it is fetched": (Session, "write_letter", "before"),
    "after it is fetched": (mailroom, "receive", "before"),
    "after its bytes are stored": (FolderStorage, "put", "after"),
    "after it is ours": (mailroom, "receive", "after"),
    "before the move": (Session, "move", "before"),
    "after the move": (Session, "move", "after"),
    "before the copy": (Session, "copy", "before"),
    "before the copy is noted": (journal, "copied", "before"),
    "after the copy is noted": (journal, "copied", "after"),
    "after the removal": (Session, "remove", "after"),
    "after the move is noted": (journal, "moved", "after"),
}
# So that there is one before it that is done, and one after it that is not.
LETTER = 2


def die_at(step: str) -> None:
    """Let the process kill itself at a step, when that is come to for the second letter."""
    place, name, moment = STEPS[step]
    call = getattr(place, name)
    at = 1 if place is journal and name in ("begin", "note") else LETTER
    times = 0

    def called(*args: Any, **options: Any) -> Any:
        nonlocal times
        times += 1
        if times == at and moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(*args, **options)
        if times == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    setattr(place, name, called)


def main() -> int:
    is_stopping = threading.Event()
    Session.wait = lambda *_: is_stopping.set()
    if sys.argv[1] != "none":
        die_at(sys.argv[1])
    fetching.run(process.app(), is_stopping)
    return 0


if __name__ == "__main__":
    sys.exit(main())
