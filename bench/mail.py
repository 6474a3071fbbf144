"""Measures the mailroom: letters accepted beside a bare spool, letters read, and what a large one takes.

``python -m bench mail [ROUNDS]`` says how often each is measured, five times unless told; what is
printed are medians. The bare spool takes its turn in each round, so that both meet the same machine.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench import load, reading
from bench.stand import ROOT, Stand, stand

MEBIBYTE = 1 << 20
LARGE_BYTES, MOST_BYTES = 25 * MEBIBYTE, 150 * MEBIBYTE
ROUNDS, FEEDERS = 5, (1, 4)


@dataclass(frozen=True)
class Kind:
    """A kind of letter: how many go in a round, and the share of the bare rate that is asked and aimed at."""

    words: str
    file_bytes: int
    number: int
    least: float
    aim: float


KINDS = (Kind("no file", 0, 400, 0.4, 0.6), Kind("1 MiB", MEBIBYTE, 80, 0.4, 0.4))


def say(*columns: object) -> None:
    """Print one row."""
    print("".join(str(column).ljust(width) for column, width in zip(columns, (34, *[13] * 5), strict=False)))


def measure_accepting(here: Stand, rounds: int) -> tuple[int, bool]:
    """Feed letters to the listener and to the bare spool; return how many it took, and if fast enough."""
    say("letters accepted by LMTP", "bare", "taken", "of bare", "lowest", "highest")
    sent, is_right = 0, True
    for kind in KINDS:
        for feeders in FEEDERS:
            bare, taken = [], []
            for number in range(rounds):
                raws = load.letters(f"{kind.words} {feeders} {number}", kind.number, kind.file_bytes)
                bare.append(load.mail(here.bare_mail_port, raws, feeders).rate)
                taken.append(load.mail(here.mail_port, raws, feeders).rate)
                sent += len(raws)
            ratios = sorted(ours / theirs for ours, theirs in zip(taken, bare, strict=True))
            say(
                f"{kind.words}, {feeders} feeder{'s' if feeders > 1 else ''} (aim {kind.aim})",
                *(f"{median(rates):.0f}/s" for rates in (bare, taken)),
                *(f"{ratio:.2f}" for ratio in (median(ratios), ratios[0], ratios[-1])),
            )
            is_right = is_right and median(ratios) >= kind.least
    return sent, is_right


def measure_listener(here: Stand) -> bool:
    """Have a fresh listener take a letter with a file of 25 MiB; say whether its memory stays small."""
    (listener,) = (process.pid for process in here.processes if "workers.mailbox" in process.args)  # type: ignore[operator]
    before = reading.peak_bytes(listener)
    load.mail(here.mail_port, load.letters("stort", 1, LARGE_BYTES), 1)
    after = reading.peak_bytes(listener)
    say("memory, with a file of 25 MiB", "at rest", "at most", f"(bar {MOST_BYTES // MEBIBYTE} MB)")
    say("the listener that takes it", *(f"{held / MEBIBYTE:.0f} MB" for held in (before, after)))
    return after <= MOST_BYTES


def measure_reading(here: Stand, rounds: int) -> bool:
    """Read letters in processes of their own; say whether a large one takes little memory."""
    ordinary, large = here.home / "ordinary", here.home / "large.eml"
    ordinary.mkdir()
    for number, raw in enumerate(reading.ordinary_letters()):
        (ordinary / f"{number}.eml").write_bytes(raw)
    say("ordinary letters read")
    for way in reading.WAYS:
        rates = [float(_read(here, way, ordinary)) for _ in range(rounds)]
        say(f"read, {reading.WAYS[way]}", f"{median(rates):.0f}/s")
    large.write_bytes(load.letters("stort", 1, LARGE_BYTES)[0])
    peaks = {way: int(_read(here, f"peak-{way}", large)) for way in reading.WAYS}
    for way, peak in peaks.items():
        say(f"a file of 25 MiB, {reading.WAYS[way]}", "", f"{peak / MEBIBYTE:.0f} MB")
    return max(peaks.values()) <= MOST_BYTES


def _read(here: Stand, what: str, place: Path) -> str:
    command = [sys.executable, "-m", "bench.reading", what, str(place)]
    told = here.environment()
    return subprocess.run(command, cwd=ROOT, env=told, check=True, stdout=subprocess.PIPE, text=True).stdout


def main(rounds: int = ROUNDS) -> int:
    """Run all of it; 0 when all is as it should be and every letter is stored."""
    with stand() as here:
        here.start_mail()
        is_small = measure_listener(here)
        sent, is_quick = measure_accepting(here, rounds)
        stored = here.count("letter")
        print(f"sent {sent + 1}, stored {stored}")
        is_slim = measure_reading(here, rounds)
    return 0 if is_small and is_quick and is_slim and stored == sent + 1 else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
