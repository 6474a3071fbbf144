"""Finds all phrases of the lexicons in a reading at once: one walk, a time linear in its words.

A phrase is a row of words. A word may be ``hot`` (exactly), ``hot*`` (begins so), ``*hot`` (ends so),
``a|b`` (either), ``#0-17`` (a number) or ``<class>`` (a list of such);
``..`` stands for up to four words between, within one sentence.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from intake.routing.words import Reading, Spelling, fold

GAP = ".."
HARMLESS = "harmless"
_GAP_WORDS = 4
_CROWD = 48
# A text's words hold letters or digits, never both and nothing else; a phrase must be written so too.
_WELL_FORMED = re.compile(r"<\w+>|#\d+-\d+|\d+|\*[^\W\d_]+|[^\W\d_]+\*?")
_BEFORE = 3


@dataclass(frozen=True)
class Entry:
    """A phrase's place in the lexicons: its list, its weight and whether it says "not" itself."""

    group: str
    phrase: str
    weight: float
    is_negative: bool


@dataclass(frozen=True)
class Hit:
    """A phrase found at the words ``start`` to ``end`` (exclusive) of a reading."""

    entry: Entry
    start: int
    end: int
    sentence: int
    is_negated: bool
    words: str


@dataclass(frozen=True)
class Findings:
    """All hits of a reading, by list."""

    by_group: Mapping[str, tuple[Hit, ...]]

    def all(self, group: str) -> tuple[Hit, ...]:
        """Return every hit of a list, negated ones too."""
        return self.by_group.get(group, ())

    def meant(self, group: str) -> tuple[Hit, ...]:
        """Return the hits of a list that are not negated."""
        return tuple(hit for hit in self.all(group) if not hit.is_negated)


@dataclass
class _Node:
    """A step of the walk; ``after_gap`` holds the steps that other words may come before."""

    next: dict[int, _Node] = field(default_factory=dict)
    after_gap: dict[int, _Node] = field(default_factory=dict)
    ends: list[Entry] = field(default_factory=list)

    def steps(self, atoms: frozenset[int], *, is_adjacent: bool) -> Iterator[_Node]:
        """Yield what a word's classes lead to; most words lead nowhere, which is told at once."""
        for branch in (self.after_gap, self.next) if is_adjacent else (self.after_gap,):
            if branch and not branch.keys().isdisjoint(atoms):
                yield from (branch[atom] for atom in atoms if atom in branch)


class Lexicon:
    """Phrases compiled into one tree of word classes."""

    def __init__(self, classes: Mapping[str, str], spelling: Spelling) -> None:
        self._classes = classes
        self._spelling = spelling
        self._root = _Node()
        self._numbers: dict[str, int] = {}
        self._whole: dict[str, set[int]] = defaultdict(set)
        self._begin: dict[str, set[int]] = defaultdict(set)
        self._finish: dict[str, set[int]] = defaultdict(set)
        self._ranges: list[tuple[int, int, int]] = []
        self._negators = self._plain("negation")
        self._skipped_after = self._plain("after_verb")
        self._pronouns = self._plain("subject")
        self._speakers = self._plain("speaker")
        self._atoms = lru_cache(maxsize=65536)(self._find_atoms)

    def _plain(self, name: str) -> frozenset[str]:
        return frozenset(spec for spec in self._specs(f"<{name}>") if spec[-1] != "*")

    def add(self, group: str, phrases: Iterable[str], weight: float = 1.0) -> None:
        """Add the phrases of one list."""
        for phrase in phrases:
            self._add_one(phrase, group, weight)

    def _add_one(self, phrase: str, group: str, weight: float) -> None:
        node, is_after_gap, is_negative = self._root, False, False
        for word in self._spelled(phrase):
            if word == GAP:
                is_after_gap = True
                continue
            is_negative = is_negative or bool(self._negators.intersection(self._specs(word)))
            branch = node.after_gap if is_after_gap else node.next
            node = branch.setdefault(self._number(word), _Node())
            is_after_gap = False
        node.ends.append(Entry(group, phrase, weight, is_negative))

    def _spelled(self, phrase: str) -> list[str]:
        """Spell a phrase as the reading spells a text, so that both stay comparable."""
        words: list[str] = []
        for word in phrase.split():
            plain = word.isalpha()
            words.extend(self._spelling.meant(fold(word)) if plain else (word,))
        for word in words:
            if word != GAP and not all(_WELL_FORMED.fullmatch(spec) for spec in word.split("|")):
                raise ValueError(f"the word {word!r} of the phrase {phrase!r}")
        return words

    def _number(self, word: str) -> int:
        number = self._numbers.get(word)
        if number is None:
            number = self._numbers[word] = len(self._numbers)
            for spec in self._specs(word):
                self._index(spec, number)
        return number

    def _specs(self, word: str) -> list[str]:
        if word.startswith("<"):
            return [spec for part in self._classes[word[1:-1]].split() for spec in self._specs(part)]
        specs: list[str] = []
        for spec in word.split("|"):
            bare = fold(spec.strip("*"))
            meant = self._spelling.meant(bare)
            # A short form that stands for two words has no single word to be compared with.
            bare = meant[0] if len(meant) == 1 else bare
            specs.append(f"*{bare}" if spec[0] == "*" else bare + ("*" if spec[-1] == "*" else ""))
        return specs

    def _index(self, spec: str, number: int) -> None:
        if spec[0] == "#":
            low, high = spec[1:].split("-")
            self._ranges.append((int(low), int(high), number))
        elif spec[0] == "*":
            self._finish[spec[1:]].add(number)
        elif spec[-1] == "*":
            self._begin[spec[:-1]].add(number)
        else:
            self._whole[spec].add(number)

    def _find_atoms(self, word: str) -> frozenset[int]:
        found = set(self._whole.get(word, ()))
        for size in range(1, len(word) + 1):
            found |= self._begin.get(word[:size], frozenset())
            found |= self._finish.get(word[-size:], frozenset())
        if word.isdecimal() and len(word) < 7:
            found.update(number for low, high, number in self._ranges if low <= int(word) <= high)
        return frozenset(found)

    def find(self, reading: Reading) -> Findings:
        """Find every phrase; the states walked at once are bounded by the lexicon, not by the text."""
        by_group: dict[str, list[Hit]] = defaultdict(list)
        active: list[tuple[_Node, int, int]] = []
        sentence = -1
        for at, word in enumerate(reading.folded):
            if reading.sentences[at] != sentence:
                active, sentence = [], reading.sentences[at]
            active = self._step(active, at, self._atoms(word), reading, by_group)
        return Findings({group: tuple(hits) for group, hits in _without_figures(by_group).items()})

    def _step(
        self,
        active: list[tuple[_Node, int, int]],
        at: int,
        atoms: frozenset[int],
        reading: Reading,
        by_group: dict[str, list[Hit]],
    ) -> list[tuple[_Node, int, int]]:
        following: list[tuple[_Node, int, int]] = []
        active.append((self._root, at, _GAP_WORDS))
        for node, start, left in active:
            for child in node.steps(atoms, is_adjacent=left == _GAP_WORDS):
                following.append((child, start, _GAP_WORDS))
                for entry in child.ends:
                    by_group[entry.group].append(self._hit(entry, start, at + 1, reading))
            if node.after_gap and left > 0:
                following.append((node, start, left - 1))
        return _thinned(following) if len(following) > _CROWD else following

    def _hit(self, entry: Entry, start: int, end: int, reading: Reading) -> Hit:
        is_negated = not entry.is_negative and self._is_negated(reading, start, end)
        return Hit(entry, start, end, reading.sentences[start], is_negated, reading.words(start, end))

    def _is_negated(self, reading: Reading, start: int, end: int) -> bool:
        words, clauses = reading.folded, reading.clauses
        if not self._negators.isdisjoint(words[start:end]):
            return True
        if words[start] not in self._pronouns:
            for at in range(start - 1, max(-1, start - _BEFORE - 1), -1):
                # In "vågar inte han slår" the negation belongs to what stands before the pronoun.
                if clauses[at] != clauses[start] or words[at] in self._speakers:
                    break
                if words[at] in self._negators:
                    return True
        for at in range(end, min(end + _BEFORE, len(words))):
            if clauses[at] != clauses[end - 1]:
                return False
            if words[at] in self._negators:
                return True
            if words[at] not in self._skipped_after:
                return False
        return False


def _without_figures(by_group: dict[str, list[Hit]]) -> dict[str, list[Hit]]:
    """Take back what is part of a harmless turn of phrase, as in "skjuta sig själv i foten"."""
    covered = {at for hit in by_group.get(HARMLESS, ()) for at in range(hit.start, hit.end)}
    if not covered:
        return by_group
    return {
        group: [replace(hit, is_negated=True) if _meets(hit, covered) else hit for hit in hits]
        for group, hits in by_group.items()
    }


def _meets(hit: Hit, covered: set[int]) -> bool:
    return any(at in covered for at in range(hit.start, hit.end))


def _thinned(states: list[tuple[_Node, int, int]]) -> list[tuple[_Node, int, int]]:
    """Keep one walker for each step and gap, so that repeated words cannot multiply them."""
    kept: dict[tuple[int, int], tuple[_Node, int, int]] = {}
    for state in states:
        kept.setdefault((id(state[0]), state[2]), state)
    return list(kept.values())
