"""Measures what a handler waits for as matters grow: the inbox, the next matter, a matter's page, searches.

``python -m bench desk [MATTERS]`` makes one database with few matters and one with many (a million unless
said otherwise), each with three messages, and asks both the same in turn, behind both walls.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench import walls
from intake import access
from intake.handler import queries, searching, whole
from intake.matters import desk
from tests import engines

FEW, MANY = 10_000, 1_000_000
MESSAGES_OF_EACH = 3
ROUNDS, WARM = 60, 5
# What grows with the matters may cost so many times as much, and take so long at the 95th of a hundred.
BAR, PAGE_SECONDS, SEARCH_SECONDS = 1.3, 0.050, 0.150
SEARCHES = 50
Act = Callable[[access.Person, walls.Desk, int], Callable[[], object]]


def main(matters: int = MANY) -> int:
    """Make both, measure, and return 0 when all is within its bar."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(_made(number)) for number in (FEW, matters))
        walls.say("what", f"{FEW} p50", "p95", f"{matters} p50", "p95", "ratio")
        is_right = [measure(name, few, many, act) for name, act in PAGES.items()]
        is_right.append(measure_searches(few, many))
    return 0 if all(is_right) else 1


@contextmanager
def _made(matters: int) -> Iterator[walls.Desk]:
    """Give a desk of the region, with so many matters in all."""
    with (
        TemporaryDirectory() as folder,
        engines.servers(Path(folder)) as (server, _),
        engines.database(server, Path(folder)) as made,
    ):
        began = time.monotonic()
        references = walls.fill(made, matters, MESSAGES_OF_EACH)
        print(f"{matters} matters of {MESSAGES_OF_EACH} messages in {time.monotonic() - began:.0f} s")
        here = walls.sit_down(made, references, Path(folder))
        walls.look_at_all(here)
        yield here
        walls.stop(here)


def _inbox(person: access.Person, _desk: walls.Desk, _number: int) -> Callable[[], object]:
    return partial(queries.read_inbox, person, access.look_at_list("inbox"))


def _counts(person: access.Person, _desk: walls.Desk, _number: int) -> Callable[[], object]:
    return partial(queries.counts, person)


def _next(person: access.Person, _desk: walls.Desk, _number: int) -> Callable[[], object]:
    return partial(desk.claim_next, sorted(person.units))


def _page(person: access.Person, here: walls.Desk, number: int) -> Callable[[], object]:
    reference = here.references[number % len(here.references)]
    access.open_matter(reference)
    return partial(whole.matter_view, person, reference)


PAGES: dict[str, Act] = {"inbox": _inbox, "its counts": _counts, "next": _next, "a matter's page": _page}


def measure(name: str, few: walls.Desk, many: walls.Desk, act: Act) -> bool:
    """Do an act with few matters and with many, in turn; say whether the many are within the bar."""
    taken = _in_turn((few, many), lambda person, here, number: act(person, here, number), ROUNDS)
    ratio, slowest = median(taken[1]) / median(taken[0]), walls.of(taken[1])[1]
    _say(name, taken, f"{ratio:.2f}")
    is_small = median(taken[1]) - median(taken[0]) <= walls.CALL_SECONDS
    return (ratio <= BAR or is_small) and slowest <= PAGE_SECONDS


def measure_searches(few: walls.Desk, many: walls.Desk) -> bool:
    """Search for each of a fixed list of words, the most common among them."""
    words = list(searched())
    taken = _in_turn((few, many), lambda _person, _here, number: _find(words[number % SEARCHES]), SEARCHES)
    _say(f"{SEARCHES} searches", taken, f"{median(taken[1]) / median(taken[0]):.2f}")
    return walls.of(taken[1])[1] <= SEARCH_SECONDS


def searched() -> Iterator[str]:
    """Give fifty searches: common and rare words, several, addresses, and what is nowhere."""
    chance = random.Random(walls.SEED)
    known = walls.words()
    yield from (walls.COMMON, walls.USUAL, walls.RARE, f"{walls.COMMON} {walls.USUAL}", "finnsinte")
    yield from known[:10]
    yield from chance.sample(known[10:500], 10)
    yield from chance.sample(known[500:], 10)
    yield from (f"{one} {other}" for one, other in zip(known[10:20], known[20:30], strict=True))
    yield from (f"kim{number * 997}@example.com" for number in range(1, 6))


def _find(words: str) -> Callable[[], object]:
    return partial(searching.find, searching.begin(words, only_mine=False, reason="Mätning"))


def _in_turn(desks: tuple[walls.Desk, walls.Desk], act: Act, rounds: int) -> list[list[float]]:
    times: list[list[float]] = [[], []]
    for number in range(WARM + rounds):
        for here, taken in zip(desks, times, strict=True):
            ready = partial(_ready, act, here, number)
            taken.append(walls.time_of(here.apps["handler"], here.token, ready))
    return [taken[WARM:] for taken in times]


def _ready(act: Act, here: walls.Desk, number: int, person: access.Person) -> Callable[[], object]:
    return act(person, here, number)


def _say(name: str, taken: list[list[float]], ratio: str) -> None:
    shown = [f"{each * 1000:.1f} ms" for times in taken for each in walls.of(times)]
    walls.say(name, *shown, ratio)
