"""What is masked in a copy that is given out: pieces of text in, others without what is withheld out.

A rule of values. What is masked is gone from the text itself, with the provision in its place, so that
whatever is made of the parts cannot hold it. The text must be as it will be printed (``paper.printable``).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

# One sentence, or the rest of a line.
_PASSAGE = re.compile(r"\S(?:[^\n]*?[.!?](?=\s|$)|[^\n]*)")
# A shorter passage is said too often to be looked for elsewhere.
LONG_PASSAGE = 20
# A shorter word is looked for at the beginning of words alone, or "Li" would mask "till".
LONG_WORD = 4
_NUMBER = re.compile(r"\+?[\d\s()./-]+")
LEAST_DIGITS = 6
MOST_SUGGESTED = 100
_FOUND = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
    r"|(?<!\w)(?:19|20)?\d{6}[-+ ]?\d{4}(?!\w)"
    r"|(?<![\w+])(?:\+\d{2}|0)[ -]?\d(?:[ -]?\d){5,12}(?!\w)"
)


@dataclass(frozen=True)
class Piece:
    """A text of its own; one that ``is_line`` is masked whole, others passage by passage."""

    label: str
    text: str
    is_line: bool = True

    @property
    def passages(self) -> tuple[str, ...]:
        """What can be masked one by one, in the text's order."""
        return tuple(self.text[start:end] for start, end in self.spans)

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Where the passages stand."""
        if self.is_line:
            return ((0, len(self.text)),)
        return tuple(found.span() for found in _PASSAGE.finditer(self.text))


@dataclass(frozen=True)
class Part:
    """A heading and its pieces; ``is_inner`` when it is a note, or was never sent."""

    heading: str
    pieces: tuple[Piece, ...]
    is_inner: bool = False


@dataclass(frozen=True)
class Choices:
    """What is withheld, each with the code of its provision.

    ``left_out`` are parts, ``passages`` are named by part, piece and passage, all counted from 0;
    ``words`` are masked wherever they occur.
    """

    left_out: Mapping[int, str]
    passages: Mapping[tuple[int, int, int], str]
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Masked:
    """What is left, and how many times each provision masked something or left a part out."""

    parts: tuple[Part, ...]
    masked: Mapping[str, int]
    left_out: Mapping[str, int]

    @property
    def digest(self) -> str:
        """What these parts are known by: the same only for the same words."""
        told = json.dumps([asdict(part) for part in self.parts])
        return hashlib.sha256(told.encode()).hexdigest()


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    codes: tuple[str, ...]


def suggest(parts: Sequence[Part], names: Iterable[str | None]) -> tuple[str, ...]:
    """Return words to mask, each once: these names part by part, addresses and numbers in the text."""
    found = [word for name in names if name for word in (name.split() if "@" not in name else [name])]
    for part in parts:
        for piece in part.pieces:
            found += _FOUND.findall(piece.text)
    words = dict.fromkeys(word.strip(".,;:") for word in found)
    return tuple(word for word in words if len(word) > 1)[:MOST_SUGGESTED]


def mask(parts: Sequence[Part], choices: Choices, shorts: Mapping[str, str]) -> Masked:
    """Return the parts without what is withheld; ``shorts`` are what stands in its place, by code."""
    known = [(part.pieces[piece].passages[passage], code)
             for (at, piece, passage), code in choices.passages.items() for part in (parts[at],)]  # fmt: skip
    elsewhere = [(words, code) for words, code in known if len(words) >= LONG_PASSAGE]
    sought = [(_pattern(words), code) for words, code in (*choices.words, *elsewhere)]
    masked: Counter[str] = Counter()

    def without(text: str, own: Iterable[_Span] = ()) -> str:
        spans = list(_joined(text, [*own, *_occurrences(text, sought)]))
        for span in spans:
            masked.update(span.codes)
        return _put(text, spans, shorts)

    def left(at: int, part: Part) -> Part:
        heading = without(part.heading)
        if code := choices.left_out.get(at):
            return Part(heading, (Piece("", f"[utelämnat, {shorts[code]}]"),))
        pieces = []
        for number, piece in enumerate(part.pieces):
            spans = enumerate(piece.spans)
            chosen = [(span, choices.passages.get((at, number, each))) for each, span in spans]
            own = [_Span(*span, (code,)) for span, code in chosen if code]
            pieces.append(replace(piece, label=without(piece.label), text=without(piece.text, own)))
        return replace(part, heading=heading, pieces=tuple(pieces))

    kept = tuple(left(at, part) for at, part in enumerate(parts))
    return Masked(kept, masked, Counter(choices.left_out.values()))


def _pattern(words: str) -> re.Pattern[str]:
    """Return what finds words however they are broken into lines, and a number however it is grouped."""
    digits = re.sub(r"\D", "", words)
    if len(digits) >= LEAST_DIGITS and _NUMBER.fullmatch(words):
        if len(digits) == 12 and digits.startswith(("19", "20")):
            digits = digits[2:]
        return re.compile(r"[\s()./+-]{0,3}".join(digits))
    core = r"[\s>]+".join(map(re.escape, words.split()))
    return re.compile(core if len(words) >= LONG_WORD else rf"(?<!\w){core}", re.IGNORECASE)


def _occurrences(text: str, sought: Iterable[tuple[re.Pattern[str], str]]) -> Iterator[_Span]:
    """Yield where any of these stand, each to the ends of the words that it is in."""
    for pattern, code in sought:
        for found in pattern.finditer(text):
            start, end = found.span()
            while start and _is_of_word(text[start - 1]) and _is_of_word(text[start]):
                start -= 1
            while end < len(text) and _is_of_word(text[end]) and _is_of_word(text[end - 1]):
                end += 1
            yield _Span(start, end, (code,))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _joined(text: str, spans: Iterable[_Span]) -> Iterator[_Span]:
    """Yield spans that do not overlap, in their order; neighbours with only blanks between are one."""
    last: _Span | None = None
    for span in sorted(spans, key=lambda each: (each.start, each.end)):
        if last and (span.start <= last.end or _is_next(text, last, span)):
            last = _Span(last.start, max(last.end, span.end), tuple(dict.fromkeys(last.codes + span.codes)))
            continue
        if last:
            yield last
        last = span
    if last:
        yield last


def _is_next(text: str, last: _Span, span: _Span) -> bool:
    return last.codes == span.codes and not text[last.end : span.start].strip(" ")


def _put(text: str, spans: Iterable[_Span], shorts: Mapping[str, str]) -> str:
    """Return the text with the provisions in the place of what is masked."""
    kept, at = [], 0
    for span in spans:
        kept += [text[at : span.start], f"[maskerat, {' och '.join(shorts[code] for code in span.codes)}]"]
        at = span.end
    return "".join((*kept, text[at:]))
