"""Prints, from one run, what accepting costs beside a bare baseline, and how soon the rest is done.

Machines are noisy: the ratios within one run are what counts, not the seconds. With ``mail``, ``uploads``,
``files``, ``walls`` or ``desk`` as its first word it measures only those (``bench.mail`` and so on), and with
``walls`` and ``desk`` a number of matters may follow.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial

from bench import desk, files, load, mail, uploads, walls
from bench.load import Seen
from bench.stand import Stand, stand, wait_for

FORMS, FORMS_WITH_FILE = 300, 100
STEADY_SECONDS, STEADY_RATE = 30, 10
HALF_SENT = 400
PAGES = 400
CLIENTS = 8
WEB_PROCESSES = 2


def say(*columns: object) -> None:
    """Print one row."""
    widths = (34, 12, 12, 12, 12, 12)
    print("".join(str(column).ljust(width) for column, width in zip(columns, widths, strict=False)))


def row(name: str, seen: Seen, bare: Seen | None = None) -> None:
    """Print what was seen, beside the bare baseline."""
    times = [f"{seen.percentile(share) * 1000:.1f} ms" for share in (0.5, 0.95, 0.99)]
    say(name, f"{seen.rate:.0f}/s", *times, f"{seen.rate / bare.rate:.2f}" if bare else "1 (bare)")


def measure_http(here: Stand) -> int:
    """Accept by HTTP, without and with a file of 1 MiB; return how many were accepted."""
    people = load.ready_citizens(here.citizen_port, FORMS + FORMS_WITH_FILE)
    plain, with_file = people[:FORMS], people[FORMS:]
    bare = load.at_once([partial(load.post_bare, here.bare_port, b"")] * FORMS, CLIENTS)
    row("HTTP, no file: bare", bare)
    row("HTTP, no file: accepted", load.at_once([partial(load.send, one) for one in plain], CLIENTS), bare)
    acts: list[Callable[[], object]] = [
        partial(load.post_bare, here.bare_port, load.MEBIBYTE)
    ] * FORMS_WITH_FILE
    row("HTTP, 1 MiB: bare, one request", load.at_once(acts, CLIENTS))
    acts = [partial(load.post_bare_twice, here.bare_port)] * FORMS_WITH_FILE
    bare = load.at_once(acts, CLIENTS)
    row("HTTP, 1 MiB: bare, two requests", bare)
    seen = load.at_once([partial(load.upload_and_send, one) for one in with_file], CLIENTS)
    row("HTTP, 1 MiB: upload and accept", seen, bare)
    return FORMS + FORMS_WITH_FILE


def measure_steady(here: Stand) -> int:
    """Send 10 matters a second while the workers work; return how many were sent."""
    number = STEADY_SECONDS * STEADY_RATE
    people = load.ready_citizens(here.citizen_port, number)
    for one in people[::3]:
        one.upload("bild.jpg", load.MEBIBYTE)
    _wait_for_jobs(here)
    began_at = time.time()
    visible: list[float] = []
    threads = []
    for index, one in enumerate(people):
        pause = began_at + index / STEADY_RATE - time.time()
        if pause > 0:
            time.sleep(pause)
        thread = threading.Thread(target=_send_and_look, args=(here, one, visible))
        thread.start()
        threads.append(thread)
    for thread in threads:
        thread.join()
    _wait_for_jobs(here)
    row("answer to visible in the inbox", Seen(STEADY_SECONDS, visible))
    for words, query in (
        ("accepted to file checked", "SELECT checked_at - created_at FROM attachment WHERE created_at > %s"),
        ("accepted to receipt sent", "SELECT sent_at - created_at FROM outgoing_letter WHERE created_at > %s"
         " AND sent_at IS NOT NULL"),
    ):  # fmt: skip
        row(words, Seen(STEADY_SECONDS, _spans(here, query, began_at)))
    return number


def _send_and_look(here: Stand, person: load.Citizen, visible: list[float]) -> None:
    load.send(person)
    answered = time.perf_counter()
    reference = person.receipt()
    query = (
        "SELECT 1 FROM matter JOIN matter_unit ON matter_unit.matter_id = matter.id"
        " WHERE reference = %s AND until IS NULL"
    )
    with here.connect_signed_in() as connection:
        while not connection.execute(query, [reference]).fetchone():
            connection.rollback()
    visible.append(time.perf_counter() - answered)


def _spans(here: Stand, query: str, since: float) -> list[float]:
    with here.connect() as connection:
        found = connection.execute(query.replace("%s", "to_timestamp(%s)"), [since]).fetchall()
    return [span[0].total_seconds() for span in found if span[0] is not None]  # type: ignore[attr-defined]


def _wait_for_jobs(here: Stand) -> None:
    deadline = time.monotonic() + 600
    with here.connect() as connection:
        while time.monotonic() < deadline:
            open_jobs = connection.execute("SELECT count(*) FROM job WHERE done_at IS NULL").fetchone()
            connection.rollback()
            if open_jobs == (0,):
                return
            time.sleep(0.5)
    raise TimeoutError("work is still owed after ten minutes")


@contextmanager
def half_sent(port: int, number: int):  # type: ignore[no-untyped-def]
    """Keep so many uploads open, each with half of what it announced."""
    head = (
        "POST /borja HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        "Content-Length: 200000\r\n\r\n"
    )
    sockets = []
    for _ in range(number):
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(head.encode() + b"x" * 100_000)
        sockets.append(one)
    try:
        yield
    finally:
        for one in sockets:
            one.close()


def measure_pages(here: Stand) -> None:
    """Show a page of the form beside a bare Flask page with a form."""
    (person,) = load.ready_citizens(here.citizen_port, 1)
    bare = load.at_once([partial(load.look, here.bare_port, "/")] * PAGES, 2)
    row("a page with a form: bare", bare)
    shown = [partial(load.look, here.citizen_port, f"{person.path}/kontakt", person.ask)] * PAGES
    row("a page with a form: a draft's", load.at_once(shown, 2), bare)


def measure_half_sent(here: Stand) -> None:
    """Look at the start page with and without 400 half-sent uploads beside."""

    def look() -> None:
        assert load.over_http(here.citizen_port)("GET", "/", b"", {}).status == 200

    row("GET /, nothing beside", load.at_once([look] * 200, 2))
    with half_sent(here.citizen_port, HALF_SENT):
        row(f"GET /, {HALF_SENT} half-sent uploads", load.at_once([look] * 200, 2))


def main() -> int:
    """Run every measurement."""
    with stand() as here:
        for number in range(WEB_PROCESSES):
            here.start("intake.serving", role="citizen", surface="citizen")
            folder = here.home / f"bare-web-{number}"
            here.start("bench.bare", "web", str(here.bare_port), str(folder), role="owner")
        here.start_mail()
        for port in (here.citizen_port, here.bare_port):
            wait_for(port)
        say("what", "rate", "p50", "p95", "p99", "of bare")
        sent = measure_http(here) + mail.measure_accepting(here, rounds=1)[0]
        say("what", "rate", "p50", "p95", "p99", "of bare")
        measure_pages(here)
        measure_half_sent(here)
        here.start("workers.dispatch")
        here.start("workers.queues", "light")
        here.start("workers.queues", "heavy")
        began = time.monotonic()
        _wait_for_jobs(here)
        print(f"work that had been waiting was done in {time.monotonic() - began:.0f} s")
        sent += measure_steady(here)
        stored = here.count("matter")
        print(f"sent {sent}, stored {stored}")
    return 0 if sent == stored else 1


if __name__ == "__main__":
    parts = {
        "mail": mail.main,
        "uploads": uploads.main,
        "files": files.main,
        "walls": walls.main,
        "desk": desk.main,
    }
    part = parts.get("".join(sys.argv[1:2]))
    sys.exit(part(*map(int, sys.argv[2:3])) if part else main())
