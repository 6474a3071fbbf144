"""Measures what a handler waits for as matters grow: the inbox, the next matter, a matter's page, searches.

``python -m bench desk [MATTERS]`` makes one database with few matters and one with many (a million unless
said otherwise), each with three messages, and asks both the same in turn: whole pages, as a browser that is
signed in gets them from the app, behind both walls.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from werkzeug.test import TestResponse

from bench import filling, walls
from tests import engines
from tests.desk import Desk as Browser
from tests.desk import news_of

FEW, MANY = 10_000, 1_000_000
MESSAGES_OF_EACH = 3
ROUNDS, WARM = 60, 5
# What grows with the matters may cost so many times as much, and take so long at the 95th of a hundred.
BAR, PAGE_SECONDS, SEARCH_SECONDS = 1.3, 0.050, 0.150
SEARCHES = 50


@dataclass(frozen=True)
class Seat:
    """A handler's browser, a page of it with its forms, and matters to look at."""

    browser: Browser
    page: TestResponse
    references: list[str]


Act = Callable[[Seat, int], TestResponse]


def main(matters: int = MANY) -> int:
    """Make both, measure, and return 0 when all is within its bar."""
    with ExitStack() as stack:
        seats = [stack.enter_context(_made(number)) for number in (FEW, matters)]
        walls.say("what", f"{FEW} p50", "p95", f"{matters} p50", "p95", "ratio")
        is_right = [measure(name, seats, act) for name, act in PAGES.items()]
        is_right.append(measure_searches(seats))
    return 0 if all(is_right) else 1


@contextmanager
def _made(matters: int) -> Iterator[Seat]:
    """Give a seat in the region, with so many matters in all."""
    with (
        TemporaryDirectory() as folder,
        engines.servers(Path(folder)) as (server, _),
        engines.database(server, Path(folder)) as made,
    ):
        began = time.monotonic()
        references = filling.fill(made, matters, MESSAGES_OF_EACH)
        print(f"{matters} matters of {MESSAGES_OF_EACH} messages in {time.monotonic() - began:.0f} s")
        here = walls.sit_down(made, references, Path(folder))
        browser = Browser(here.apps["handler"], "", "")
        with browser.client.session_transaction() as kept:
            kept["_user_id"] = here.token
        yield Seat(browser, browser.get("/"), references)
        walls.stop(here)


def _inbox(seat: Seat, _number: int) -> TestResponse:
    return seat.browser.get("/")


def _news(seat: Seat, _number: int) -> TestResponse:
    return seat.browser.get(news_of(seat.page))


def _next(seat: Seat, _number: int) -> TestResponse:
    return seat.browser.post("/nasta", page=seat.page)


def _matter(seat: Seat, number: int) -> TestResponse:
    return seat.browser.page(seat.references[number % len(seat.references)])


def _search(words: list[str], seat: Seat, number: int) -> TestResponse:
    return seat.browser.post("/sok", page=seat.page, q=words[number % len(words)], reason="Mätning")


PAGES: dict[str, Act] = {"inbox": _inbox, "what is new": _news, "next": _next, "a matter's page": _matter}


def measure(name: str, seats: list[Seat], act: Act) -> bool:
    """Do an act with few matters and with many, in turn; say whether the many are within the bar."""
    few, many = _in_turn(seats, act, ROUNDS)
    _say(name, few, many)
    is_small = median(many) - median(few) <= walls.CALL_SECONDS
    return (median(many) / median(few) <= BAR or is_small) and walls.of(many)[1] <= PAGE_SECONDS


def measure_searches(seats: list[Seat]) -> bool:
    """Search for each of a fixed list of words, the most common among them."""
    few, many = _in_turn(seats, partial(_search, list(searched())), SEARCHES)
    _say(f"{SEARCHES} searches", few, many)
    return walls.of(many)[1] <= SEARCH_SECONDS


def searched() -> Iterator[str]:
    """Give fifty searches: common and rare words, several, addresses, and what is nowhere."""
    chance = random.Random(filling.SEED)
    known = filling.words()
    yield from (filling.COMMON, filling.USUAL, filling.RARE, f"{filling.COMMON} {filling.USUAL}", "finnsinte")
    yield from known[:10]
    yield from chance.sample(known[10:500], 10)
    yield from chance.sample(known[500:], 10)
    yield from (f"{one} {other}" for one, other in zip(known[10:20], known[20:30], strict=True))
    yield from (f"kim{number * 997}@example.com" for number in range(1, 6))


def _in_turn(seats: list[Seat], act: Act, rounds: int) -> list[list[float]]:
    times: list[list[float]] = [[] for _ in seats]
    for number in range(WARM + rounds):
        for seat, taken in zip(seats, times, strict=True):
            began = time.perf_counter()
            answer = act(seat, number)
            taken.append(time.perf_counter() - began)
            if answer.status_code not in (200, 303, 304):
                raise RuntimeError(f"{answer.request.path} answered {answer.status}.")
    return [taken[WARM:] for taken in times]


def _say(name: str, few: list[float], many: list[float]) -> None:
    shown = [f"{each * 1000:.1f} ms" for times in (few, many) for each in walls.of(times)]
    walls.say(name, *shown, f"{median(many) / median(few):.2f}")
