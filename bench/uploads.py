"""Measures what many slow uploads cost those who only look, and what large ones cost in memory.

``python -m bench uploads [MB]`` says how large each of the twenty files is, 200 unless told.
"""

from __future__ import annotations

import base64
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

import psutil

from bench import load
from bench.load import Seen
from bench.stand import Stand, stand, wait_for
from tests.journeys.citizen import Answer, Citizen, over_http

SLOW, FILES = 400, 20
PART_BYTES, SLOW_PART_BYTES = 8 << 20, 1 << 20
# What a slow line brings at a time, and how often.
DROP_BYTES, DROP_SECONDS = 2048, 0.25
LOOKS, CLIENTS, WEB_PROCESSES = 400, 2, 2
MOST_RATIO, MOST_GROWTH_BYTES = 2.0, 30 << 20
MEBIBYTE = 1 << 20
PART = {"Content-Type": "application/offset+octet-stream"}


@dataclass
class Uploader:
    """Somebody with a form, at the page with files."""

    person: Citizen
    cookie: str

    @property
    def signed(self) -> dict[str, str]:
        """The headers of every request about a file."""
        return {"Tus-Resumable": "1.0.0", "X-CSRFToken": self.person.token}

    def begin(self, size_bytes: int, name: str = "film.mp4") -> str:
        """Announce a file and return where its parts go."""
        about = f"filename {base64.b64encode(name.encode()).decode()}"
        headers = {"Upload-Length": str(size_bytes), "Upload-Metadata": about}
        answer = self.person.ask("POST", f"{self.person.path}/uppladdningar", b"", self.signed | headers)
        assert answer.status == 201, (answer.status, answer.text)
        return urlsplit(answer.headers["location"]).path

    def send(self, size_bytes: int) -> None:
        """Send a file in parts as large as they may be."""
        place, data = self.begin(size_bytes), b"\xa5" * PART_BYTES
        for start in range(0, size_bytes, PART_BYTES):
            headers = {**self.signed, **PART, "Upload-Offset": str(start)}
            answer = self.person.ask("PATCH", place, data[: size_bytes - start], headers)
            assert answer.status == 204, (answer.status, answer.text)


def uploader(port: int) -> Uploader:
    """Begin a form."""
    cookie, asked = "", over_http(port)

    def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        nonlocal cookie
        answer = asked(method, path, body, headers)
        cookie = answer.headers.get("set-cookie", cookie).partition(";")[0]
        return answer

    person = Citizen(ask)
    person.begin()
    person.tell(load.TEXT)
    return Uploader(person, cookie)


@contextmanager
def slow_uploads(port: int, number: int) -> Iterator[list[socket.socket]]:
    """Keep so many parts on their way, each a drop at a time; gives their connections."""
    sender = uploader(port)
    places = [sender.begin(SLOW_PART_BYTES, f"film{index}.mp4") for index in range(FILES)]
    headers = {**sender.signed, **PART, "Upload-Offset": "0", "Content-Length": str(SLOW_PART_BYTES)}
    headers |= {"Host": "127.0.0.1", "Cookie": sender.cookie}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    lines = []
    for index in range(number):
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(f"PATCH {places[index % FILES]} HTTP/1.1\r\n{head}\r\n".encode())
        lines.append(line)
    stop = threading.Event()
    dripping = threading.Thread(target=_drip, args=(lines, stop))
    dripping.start()
    try:
        yield lines
    finally:
        stop.set()
        dripping.join()
        for line in lines:
            line.close()


def _drip(lines: list[socket.socket], stop: threading.Event) -> None:
    drop = b"\xa5" * DROP_BYTES
    left = SLOW_PART_BYTES
    while left > DROP_BYTES and not stop.wait(DROP_SECONDS):
        for line in lines:
            line.sendall(drop)
        left -= DROP_BYTES


def measure_slow(here: Stand) -> bool:
    """Look at the first page with and without slow uploads beside; say whether it stays quick."""
    looks = [partial(load.look, here.citizen_port, "/")] * LOOKS
    load.at_once(looks, CLIENTS)
    alone = load.at_once(looks, CLIENTS)
    with slow_uploads(here.citizen_port, SLOW):
        beside = load.at_once(looks, CLIENTS)
    _row("GET /, nothing beside", alone)
    _row(f"GET /, {SLOW} slow uploads beside", beside)
    ratio = beside.percentile(0.5) / alone.percentile(0.5)
    print(f"times as long, at the median: {ratio:.2f} (at most {MOST_RATIO})")
    return ratio <= MOST_RATIO


def _row(name: str, seen: Seen) -> None:
    times = "".join(f"{seen.percentile(share) * 1000:.1f} ms".ljust(12) for share in (0.5, 0.95, 0.99))
    print(name.ljust(34) + f"{seen.rate:.0f}/s".ljust(12) + times)


def measure_memory(here: Stand, file_bytes: int) -> bool:
    """Send twenty files at once; say whether the web processes stay small."""
    web = [psutil.Process(process.pid) for process in here.processes]
    uploader(here.citizen_port).send(PART_BYTES)
    before = _resident_bytes(web)
    most, stop = list(before), threading.Event()
    watching = threading.Thread(target=_watch, args=(web, most, stop))
    watching.start()
    senders = [uploader(here.citizen_port) for _ in range(FILES)]
    with ThreadPoolExecutor(FILES) as pool:
        list(pool.map(lambda sender: sender.send(file_bytes), senders))
    stop.set()
    watching.join()
    growths = [high - low for low, high in zip(before, most, strict=True)]
    print(f"{FILES} files of {file_bytes // MEBIBYTE} MB; grown by, each web process, in MB (at most", end="")
    print(f" {MOST_GROWTH_BYTES // MEBIBYTE}):", *(f"{growth / MEBIBYTE:.1f}" for growth in growths))
    return max(growths) <= MOST_GROWTH_BYTES


def _watch(web: list[psutil.Process], most: list[int], stop: threading.Event) -> None:
    while not stop.wait(0.05):
        most[:] = map(max, most, _resident_bytes(web))


def _resident_bytes(web: list[psutil.Process]) -> list[int]:
    return [process.memory_info().rss for process in web]


def main(megabytes: int = 200) -> int:
    """Run both; 0 when both are as they should be."""
    with stand() as here:
        for _ in range(WEB_PROCESSES):
            here.start("intake.serving", role="citizen", surface="citizen")
        wait_for(here.citizen_port)
        print("what".ljust(34) + "".join(word.ljust(12) for word in ("rate", "p50", "p95", "p99")))
        is_right = [measure_slow(here), measure_memory(here, megabytes * MEBIBYTE)]
    return 0 if all(is_right) else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
