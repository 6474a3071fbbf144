"""What somebody else does in the very same moment: before a call, or as another presses a button too."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

_HOLD = text("SELECT FROM matter WHERE reference = ANY(:references) FOR NO KEY UPDATE")
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


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


def at_once(owner_url, references, *acts):
    """Do these acts at once, and return what each returns; all have read the matters before one is changed.

    The matters are held until every act waits, for one of them or for another act, or is over. The first of
    those that wait for the same goes on first.
    """
    engine = create_engine(owner_url, poolclass=NullPool)
    with ThreadPoolExecutor(len(acts)) as pool, engine.begin() as holder:
        holder.execute(_HOLD, {"references": list(references)})
        begun = []
        for act in acts:
            begun.append(pool.submit(act))
            _wait_until_held(engine, begun)
    return [each.result() for each in begun]


def _wait_until_held(engine, begun):
    with engine.connect() as connection:
        while connection.scalar(_WAITING) < sum(not each.done() for each in begun):
            connection.rollback()


def _wait_for(thread, owner_url):
    with create_engine(owner_url, poolclass=NullPool).connect() as connection:
        while thread.is_alive() and not connection.scalar(_WAITING):
            connection.rollback()
