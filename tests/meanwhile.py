"""What somebody else does in the very moment before a call: it ends first, or waits for who is calling."""

from __future__ import annotations

import threading

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool


def begin_before(monkeypatch, owner_url, module, name, act):
    """Let ``act`` begin when a module's function is first called; return what waits for its end.

    The call goes on once the act is over, or waits for a lock that it cannot get.
    """
    call, threads = getattr(module, name), []

    def called(*args, **options):
        if not threads:
            threads.append(threading.Thread(target=act))
            threads[0].start()
            _wait_for(threads[0], owner_url)
        return call(*args, **options)

    monkeypatch.setattr(module, name, called)
    return lambda: threads[0].join()


def _wait_for(thread, owner_url):
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        while thread.is_alive() and not connection.scalar(waits):
            connection.rollback()
