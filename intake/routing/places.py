"""Tells the region of a matter from what was chosen, the places in the text and the address it came to."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from config.tables import Tables
from intake.routing.lexicon import Findings
from intake.routing.values import Facts, Reason
from intake.routing.words import Reading, fold

_WORD = re.compile(r"[^\W\d_]+|\d+")
# A postcode is written "123 45" or "12345".
_POSTCODE_DIGITS = 5
_SIGNATURE_WORDS = 40
_SHOWN = 8
_LEAST_STEM = 4
_LEAST_PLAIN = 5
# A writer who takes a place back says the right one within this many words.
_TAKEN_BACK_WORDS = 6
_PLAIN = str.maketrans("åäö", "aao")
# Sounds that writers of other scripts spell in several ways; names and texts are evened out alike.
_FIRST_OTHER_SCRIPT = "\u0370"
_SOUNDS = str.maketrans(
    {
        "і": "и", "є": "е", "э": "е", "ґ": "г", "ь": "", "ъ": "",
        "پ": "ب", "گ": "ج", "غ": "ج", "چ": "ش", "ڤ": "ف", "አ": "ኣ", "ሠ": "ሰ", "ሥ": "ስ",
    }
)  # fmt: skip
_DOUBLED = re.compile(r"(.)\1")


@dataclass(frozen=True)
class Place:
    """A name people write: the regions it may mean, and whether it is also an ordinary word."""

    name: str
    words: tuple[str, ...]
    regions: frozenset[str]
    is_ordinary: bool
    is_given_name: bool


@dataclass(frozen=True)
class Mention:
    """A place in a text; ``weight`` grows with how surely it is meant, ``is_sender`` is who lives there."""

    place: Place
    start: int
    end: int
    words: str
    weight: float
    is_sender: bool


@dataclass(frozen=True)
class Where:
    """The region that was found, or None, with the reasons."""

    region: str | None
    reasons: tuple[Reason, ...]


class Gazetteer:
    """All names of places, compiled for looking up at any word of a text."""

    def __init__(self, tables: Tables) -> None:
        rules: Mapping[str, Any] = tables.routing["places"]
        self._tables = tables
        self._region_names = {region.code: region.name for region in tables.authority.regions}
        self._municipality_regions = {row.code: row.region for row in tables.geography.municipalities}
        self._ordinary = frozenset(fold(word) for word in rules["ordinary_words"])
        self._given = frozenset(fold(word) for word in rules["given_names"])
        self._endings = tuple(rules["endings"])
        self._foreign_endings = tuple(_even(fold(ending)) for ending in rules["foreign_endings"])
        self._foreign_prefixes = tuple(_even(fold(prefix)) for prefix in rules["foreign_prefixes"])
        self._uninflected = frozenset(rules["uninflected_languages"])
        self._joining = frozenset(fold(word) for word in rules["joining"])
        self._taking_back = tuple(f" {' '.join(_split(phrase))} " for phrase in rules["taking_back"])
        self._before = frozenset(fold(word) for word in rules["prepositions"])
        self._firm_before = frozenset(fold(word) for word in rules["firm_prepositions"])
        self._currency = frozenset(fold(word) for word in rules["after_an_amount"])
        self._by_first: dict[str, list[Place]] = defaultdict(list)
        self._add_all(rules)
        self._prefixes = self._postcode_prefixes()
        self._beginning = lru_cache(maxsize=65536)(self._find_beginning)

    def _add_all(self, rules: Mapping[str, Any]) -> None:
        found: dict[tuple[str, ...], tuple[str, set[str]]] = {}
        geography = self._tables.geography
        certain = set()
        for municipality in geography.municipalities:
            words = _split(municipality.name)
            found[words] = (municipality.name, {municipality.region})
            certain.add(words)
        names = [(known.name, known.municipalities) for known in geography.names]
        names += [(name, (code,)) for code, many in rules["aliases"].items() for name in many]
        for name, codes in names:
            words = _split(name)
            regions = {region for code in codes if (region := self.region_of_municipality(code))}
            # A municipality's own name means the municipality, also when a hamlet elsewhere shares it.
            if words and words not in certain:
                found.setdefault(words, (name, set()))[1].update(regions)
        for region, landmarks in rules["landmarks"].items():
            for name in landmarks:
                found.setdefault(_split(name), (name, set()))[1].add(region)
        for name, counties in rules["areas"].items():
            regions = {self._tables.authority.region_of_county(county) for county in counties}
            found[_split(name)] = (name, regions)
        for row in self._tables.authority.regions:
            for word in rules["region_words"]:
                found[(fold(word), *_split(row.name)[1:])] = (row.name, {row.code})
        for name, spellings in rules["other_scripts"].items():
            for spelling in spellings.split():
                found.setdefault(_split(spelling), (name, set()))[1].update(found[_split(name)][1])
        # Foreign keyboards have no å, ä and ö.
        for words in sorted(certain):
            plain = tuple(word.translate(_PLAIN) for word in words)
            if len("".join(plain)) >= _LEAST_PLAIN:
                found.setdefault(plain, found[words])
        for words, (name, regions) in found.items():
            self._add(name, words, frozenset(regions))
        for options in self._by_first.values():
            options.sort(key=lambda place: len(place.words), reverse=True)

    def _add(self, name: str, words: tuple[str, ...], regions: frozenset[str]) -> None:
        is_single = len(words) == 1
        is_ordinary = is_single and words[0] in self._ordinary
        is_given_name = is_single and words[0] in self._given
        place = Place(name, words, regions, is_ordinary, is_given_name)
        self._by_first[words[0]].append(place)

    def _postcode_prefixes(self) -> dict[str, frozenset[str]]:
        prefixes: dict[str, set[str]] = defaultdict(set)
        for postcode, code in self._tables.geography.postcodes.items():
            prefixes[postcode[:2]].add(self._municipality_regions[code])
        return {prefix: frozenset(regions) for prefix, regions in prefixes.items()}

    def region_of_municipality(self, code: str | None) -> str | None:
        """Return the region of a four-digit municipality code, None when there is none such."""
        return self._municipality_regions.get(code) if code else None

    def municipality_name(self, code: str) -> str:
        """Return a municipality's name for people."""
        return self._tables.geography.municipality(code).name

    def region_name(self, code: str) -> str:
        """Return a region's name for people."""
        return self._region_names[code]

    def mentions(self, reading: Reading, findings: Findings, language: str) -> list[Mention]:
        """Find the places of a reading in a language, longest names first, postcodes among them."""
        resident = {hit.end for hit in findings.all("sender_place")}
        left = {hit.end for hit in findings.all("left_place")}
        closings = [hit.end for hit in findings.all("closing")]
        is_inflected = language not in self._uninflected
        found: list[Mention] = []
        at = 0
        while at < len(reading.folded):
            last = found[-1] if found else None
            mention = self._mention(reading, at, resident, closings, last, is_inflected=is_inflected)
            # Where someone moved from is neither home nor where it happened.
            if mention and mention.start not in left:
                found.append(mention)
            at = mention.end if mention else at + 1
        return [
            mention
            for mention, following in zip(found, [*found[1:], None], strict=False)
            if following is None or not self._is_taken_back(reading, mention.end, following.start)
        ]

    def _is_taken_back(self, reading: Reading, start: int, end: int) -> bool:
        """Say whether the words between two places say that the first was wrong."""
        if not 0 < end - start <= _TAKEN_BACK_WORDS:
            return False
        between = f" {' '.join(reading.folded[start:end])} "
        return any(phrase in between for phrase in self._taking_back)

    def _mention(
        self,
        reading: Reading,
        at: int,
        resident: set[int],
        closings: Sequence[int],
        last: Mention | None,
        *,
        is_inflected: bool,
    ) -> Mention | None:
        place, end = self._place_at(reading, at, is_inflected=is_inflected)
        if place is None or not place.regions:
            return None
        is_home = at in resident or at - 1 in resident
        weight = self._weight(reading, at, place, last, is_home=is_home)
        if weight <= 0:
            return None
        is_sender = is_home or self._follows_closing(at, closings)
        return Mention(place, at, end, reading.words(at, end), weight, is_sender)

    @staticmethod
    def _follows_closing(at: int, closings: Sequence[int]) -> bool:
        last = bisect_right(closings, at) - 1
        return last >= 0 and at - closings[last] < _SIGNATURE_WORDS

    def _place_at(self, reading: Reading, at: int, *, is_inflected: bool) -> tuple[Place | None, int]:
        word = reading.folded[at]
        if word.isdecimal():
            return self._postcode_at(reading, at)
        for place in self._beginning(word, is_inflected):
            size = len(place.words)
            if size == 1 or self._continues(reading, at, place):
                return place, at + size
        return None, at + 1

    def _find_beginning(self, word: str, is_inflected: bool) -> tuple[Place, ...]:
        """Return the places whose name may begin with a word, the likelier first."""
        word = _even(word)
        keys = (word, *self._bare(word), *(self._foreign_bare(word) if is_inflected else ()))
        return tuple(place for key in dict.fromkeys(keys) for place in self._by_first.get(key, ()))

    def _continues(self, reading: Reading, at: int, place: Place) -> bool:
        following = reading.folded[at + 1 : at + len(place.words)]
        wanted = place.words[1:]
        return len(following) == len(wanted) and all(
            word == want or (number == len(wanted) - 1 and want in self._bare(word))
            for number, (word, want) in enumerate(zip(following, wanted, strict=True))
        )

    def _bare(self, word: str) -> list[str]:
        """Return what a word may be without its ending: Malmös, malmöpolisen, gävlebo."""
        bare = []
        for ending in self._endings:
            stem = word.removesuffix(ending)
            # Short stems are too often other words: "Ås" is not the genitive of "Å".
            if stem != word and len(stem) >= _LEAST_STEM:
                bare.append(stem)
                bare.append(stem.removesuffix("s"))
        return bare

    def _foreign_bare(self, word: str) -> list[str]:
        """Return what a word may be as other languages inflect it: Lundissa, do Karlskrony, بمالمو."""
        bare = [word.removeprefix(prefix) for prefix in self._foreign_prefixes if word.startswith(prefix)]
        bare += [word.removesuffix(ending) for ending in self._foreign_endings if word.endswith(ending)]
        stems = [stem for stem in bare if len(stem) >= _LEAST_STEM]
        # Karlskrona and Карлскруна lose their a before another ending.
        return [whole for stem in stems for whole in (stem, stem + "a", stem + "а")]

    def _weight(
        self, reading: Reading, at: int, place: Place, last: Mention | None, *, is_home: bool
    ) -> float:
        before = reading.folded[at - 1] if at else ""
        is_capital = reading.raw[at][0].isupper()
        # "Mellan Falun och Mora" names both alike.
        is_joined = last is not None and last.end == at - 1 and last.weight >= 2 and before in self._joining
        follows_place_word = before in self._before or is_joined
        if is_home and before in self._firm_before:
            return 2.0
        if place.is_given_name:
            return 2.0 if is_capital and before in self._firm_before else 0.0
        if place.is_ordinary:
            return 2.0 if is_capital and follows_place_word else 0.0
        if len(place.words) > 1 or follows_place_word:
            return 2.0
        is_after_name = bool(before) and is_capital and reading.raw[at - 1][0].isupper()
        is_same_clause = bool(at) and reading.clauses[at - 1] == reading.clauses[at]
        starts_sentence = at < 2 or reading.sentences[at - 2] != reading.sentences[at]
        if is_after_name and is_same_clause and not starts_sentence:
            return 0.5
        return 1.5 if at < reading.subject_words else 1.0

    def _postcode_at(self, reading: Reading, at: int) -> tuple[Place | None, int]:
        digits, end = reading.folded[at], at + 1
        if len(digits) == 3 and end < len(reading.folded) and len(reading.folded[end]) == 2:
            digits, end = digits + reading.folded[end], end + 1
        if len(digits) != _POSTCODE_DIGITS or not digits.isdecimal():
            return None, at + 1
        following = reading.folded[end] if end < len(reading.folded) else ""
        before = reading.folded[at - 1] if at else ""
        is_named = end < len(reading.raw) and reading.raw[end][0].isupper()
        if following in self._currency or not (is_named or before.startswith("postn")):
            return None, at + 1
        code = self._tables.geography.postcodes.get(digits)
        region = self.region_of_municipality(code)
        regions = frozenset({region}) if region else self._prefixes.get(digits[:2], frozenset())
        return Place(f"postnummer {digits[:3]} {digits[3:]}", (digits,), regions, False, False), end


def _split(name: str) -> tuple[str, ...]:
    return tuple(_even(fold(word)) for word in _WORD.findall(name))


def _even(word: str) -> str:
    """Spell a folded word of another script in one way; Latin words stay as they are."""
    if word < _FIRST_OTHER_SCRIPT:
        return word
    return _DOUBLED.sub(r"\1", word.translate(_SOUNDS))


def resolve(
    facts: Facts,
    gazetteer: Gazetteer,
    own_words: Sequence[Mention],
    text: Sequence[Mention],
    addressed: str | None,
    is_service: bool,
) -> Where:
    """Weigh what was chosen, what the text says and where the letter was sent, in that order.

    ``is_service`` matters (passes, jobs, questions) follow where the person lives when the text
    names several regions; other matters follow where it happened.
    """
    chosen = gazetteer.region_of_municipality(facts.municipality)
    if chosen:
        return Where(chosen, (_chosen_reason(facts, gazetteer, chosen),))
    if own_words:
        text = list(own_words) + [mention for mention in text if mention.is_sender]
    events = [mention for mention in text if not mention.is_sender]
    homes = [mention for mention in text if mention.is_sender]
    order = ("home", "event", "address") if is_service and homes else ("event", "address", "home")
    reasons: list[Reason] = []
    for source in order:
        if source == "address":
            if addressed:
                words = f"Brevet sändes till en adress i {gazetteer.region_name(addressed)}."
                return Where(addressed, (*reasons, Reason("plats.adress", words)))
            continue
        mentions = events if source == "event" else homes
        where = _from_mentions(source, mentions, gazetteer, addressed, homes)
        reasons += where.reasons
        if where.region:
            return Where(where.region, tuple(reasons))
    if not reasons:
        reasons.append(Reason("plats.saknas", "Ingen plats är vald och texten nämner ingen som vi känner."))
    return Where(None, tuple(reasons))


def _chosen_reason(facts: Facts, gazetteer: Gazetteer, region: str) -> Reason:
    name = gazetteer.municipality_name(facts.municipality or "")
    return Reason("plats.kommun", f"Kommunen {name} ligger i {gazetteer.region_name(region)}.", (name,))


def _from_mentions(
    source: str,
    mentions: Sequence[Mention],
    gazetteer: Gazetteer,
    addressed: str | None,
    homes: Sequence[Mention],
) -> Where:
    if not mentions:
        return Where(None, ())
    scores = _scores(mentions)
    best = max(scores.values())
    leaders = sorted(region for region, score in scores.items() if score == best)
    if len(leaders) > 1:
        hints = [addressed] if addressed else sorted(_scores(homes)) if homes else []
        leaders = [region for region in leaders if region in hints] or leaders
    weighed = tuple(dict.fromkeys(mention.words for mention in mentions))[:_SHOWN]
    if len(leaders) > 1:
        names = _listed(gazetteer.region_name(region) for region in leaders)
        words = f"Texten nämner platser som kan höra till {names}; en person behöver avgöra."
        return Where(None, (Reason("plats.flera", words, weighed),))
    region = leaders[0]
    own = tuple(dict.fromkeys(m.words for m in mentions if region in m.place.regions))[:_SHOWN]
    said = "Den som skriver hör hemma i" if source == "home" else "Texten nämner"
    name = gazetteer.region_name(region)
    reasons = [Reason("plats.text", f"{said} {_listed(own)}, som ligger i {name}.", own)]
    others = tuple(word for word in weighed if word not in own)
    if others:
        words = f"Texten nämner även {_listed(others)}, men det vägde mindre."
        reasons.append(Reason("plats.annan", words, others))
    return Where(region, tuple(reasons))


def _scores(mentions: Sequence[Mention]) -> dict[str, float]:
    """Weigh each region once for each name; a name in several regions only backs what another name says."""
    strongest: dict[tuple[str, ...], Mention] = {}
    for mention in mentions:
        known = strongest.get(mention.place.words)
        if known is None or known.weight < mention.weight:
            strongest[mention.place.words] = mention
    scores: dict[str, float] = defaultdict(float)
    for mention in strongest.values():
        for region in mention.place.regions:
            scores[region] += mention.weight / len(mention.place.regions)
    return scores


def _listed(words: Iterable[str]) -> str:
    many = list(words)
    return many[0] if len(many) == 1 else f"{', '.join(many[:-1])} och {many[-1]}"
