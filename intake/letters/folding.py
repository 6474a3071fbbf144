"""A letter's plain text in blocks for showing: what is said, what is quoted, and the signature.

Nothing is cut off. Quotes and signatures are told apart so that they can be folded away on a page; what
is doubtful is said, and so is a letter of nothing but quotes, and whatever is forwarded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from intake.letters.values import Flow

BlockKind = Literal["said", "quoted", "signature"]

_SIGNATURE = "-- "
# A quote shorter than this before an answer is there to be read with it.
_FOLDED_LINES = 3
_SIGNATURE_LINES = 15
_SIGNATURE_CHARACTERS = 1500
_ATTRIBUTION_LINES = 3
_ATTRIBUTION_CHARACTERS = 400
_HEADER_LINES = 12

_WROTE = re.compile(r"\b(skrev|wrote|writes|kirjoitti|schrieb|skrifaði|écrit|escribió)\b", re.IGNORECASE)
_ADDRESS = re.compile(r"[^\s<>()@]{1,64}@[^\s<>()@]{1,250}")
_TIME = re.compile(r"\b\d{1,2}[:.]\d\d\b")
_YEAR = re.compile(r"\b(19|20)\d\d\b")
# "Den tors 12 nov", "On Thu, Nov 12", "12 nov. 2026": an attribution begins with its day.
_DAY_FIRST = re.compile(r"\D{0,30}\d")
_ORIGINAL = re.compile(
    r"[-_]{3,20} ?(original message|original appointment|ursprungligt meddelande|originalmeddelande"
    r"|opprinnelig melding|oprindelig meddelelse|oprindelig besked|alkuperäinen viesti"
    r"|ursprüngliche nachricht|originalnachricht) ?[-_]{3,20}",
    re.IGNORECASE,
)
_RULE = re.compile(r"[-_]{5,100}")
_FORWARDED = re.compile(
    r"[-_> ]{0,20}(start på )?(forwarded message|begin forwarded message|forwarded by"
    r"|vidarebefordrat (brev|meddelande|mejl)|videresendt (melding|besked|meddelelse)|välitetty viesti"
    r"|edelleenlähetetty viesti|weitergeleitete nachricht|anfang der weitergeleiteten)\b[^\n]{0,100}",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"\*?(?:(?P<sender>från|from|von|fra|lähettäjä)|(?P<date>skickat|datum|sent|date|gesendet|sendt|dato"
    r"|lähetetty|päivämäärä|päiväys)|(?P<to>till|to|an|til|vastaanottaja)|(?P<subject>ämne|subject|betreff"
    r"|emne|aihe)|(?P<copy>kopia|cc|kopie|kopi))\*?[ \t\xa0]{0,3}:",
    re.IGNORECASE,
)
# Who says so has answered among the lines of a quote without marks, or means them to be read.
_POINTS_BELOW = re.compile(
    r"\b(nedan|nedanstående|nedanför|i rött|i texten|below|inline|in red|nedenfor|unten|ohessa)\b",
    re.IGNORECASE,
)
_SENT_FROM = re.compile(
    r"((skickat|sänt) från (min|mitt|outlook|yahoo|gmail|mail|e-post|samsung|proton|iphone|ipad)"
    r"|sent from (my|outlook|yahoo|gmail|mail|samsung|proton|iphone|ipad)"
    r"|(hämta|get|hent|hanki|laden sie|holen sie sich) outlook (för|for|til|fra|ios|android)"
    r"|sendt fra (min|mit|outlook|yahoo|mail|e-post|iphone)"
    r"|lähetetty (iphonesta|ipadista|outlook|laitteesta|samsung)"
    r"|(von meinem|gesendet von|gesendet mit) )[^\n.,!?<>]{0,30}( ?<[^<>\s]{1,200}>)?\.?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Block:
    """Whole lines of a letter that belong together."""

    kind: BlockKind
    text: str


@dataclass(frozen=True)
class _Head:
    """What stands over a quote, by lines; ``is_sure`` that even unmarked lines below it are quoted."""

    start: int
    end: int
    is_sure: bool


def fold(text: str, flow: Flow | None) -> tuple[Block, ...]:
    """Split a letter's text into blocks for showing, in linear time.

    The blocks' texts, a line feed between them, are the text; with ``flow`` its lines are first joined
    into paragraphs for reading (RFC 3676).
    """
    lines = list(_paragraphs(text, flow == "delsp")) if flow else text.split("\n")
    kinds: list[BlockKind] = ["said"] * len(lines)
    for start, end in _quotes(lines):
        kinds[start:end] = ["quoted"] * (end - start)
    for start, end in _runs_of_said(kinds):
        if any(line.strip() for line in lines[start:end]):
            at = _signature_at(lines, start, end)
            kinds[at:end] = ["signature"] * (end - at)
        elif beside := kinds[start - 1 : start] or kinds[end : end + 1]:
            # Blank lines are no block of their own.
            kinds[start:end] = beside * (end - start)
    if not any(kind == "said" and line.strip() for kind, line in zip(kinds, lines, strict=True)):
        return (Block("said", "\n".join(lines)),) if text else ()
    grouped = groupby(zip(kinds, lines, strict=True), key=lambda pair: pair[0])
    return tuple(Block(kind, "\n".join(line for _, line in pairs)) for kind, pairs in grouped)


def said(text: str, flow: Flow | None) -> str:
    """Return what the writer says, without what is quoted: a reply repeats what was said before."""
    return "\n".join(block.text for block in fold(text, flow) if block.kind == "said")


def _paragraphs(text: str, is_delsp: bool) -> Iterator[str]:
    """Yield a flowed text's paragraphs, quoted ones with their marks before them (RFC 3676 4)."""
    held: list[str] = []
    held_depth = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        # A mark that the sender typed himself is stuffed with a space, and keeps it.
        content = content if content.startswith(" >") else content.removeprefix(" ")
        is_separator = content == _SIGNATURE
        # A blank line is a fixed one, and would be swallowed by the paragraph that it ends.
        if held and (depth != held_depth or is_separator or not content.strip()):
            yield _marked("".join(held), held_depth)
            held = []
        held_depth = depth
        is_flowed = content.endswith(" ") and not is_separator and bool(content.strip())
        held.append(content[:-1] if is_flowed and is_delsp else content)
        if not is_flowed:
            yield _marked("".join(held), depth)
            held = []
    if held:
        yield _marked("".join(held), held_depth)


def _marked(paragraph: str, depth: int) -> str:
    return f"{'>' * depth} {paragraph}" if depth else paragraph


def _quotes(lines: list[str]) -> Iterator[tuple[int, int]]:
    """Yield where each quote that may be folded begins and ends, its head with it."""
    unmarked = (at for at, line in enumerate(lines) if line.strip() and not _is_marked(line))
    last_unmarked = max(unmarked, default=-1)
    low = at = 0
    while at < len(lines) and not _is_forwarded(lines[at]):
        head = _Head(at, at, is_sure=False) if _is_marked(lines[at]) else _head(lines, at, low)
        if head is None or head.end == len(lines):
            at += 1
        elif _is_marked(lines[head.end]):
            low = at = end = _run_end(lines, head.end)
            is_last = head.start < head.end and last_unmarked < end
            if _is_long(lines[head.end : end]) or (is_last and not _is_forwarded(lines[head.end])):
                yield head.start, end
        elif head.is_sure:
            if not any(_POINTS_BELOW.search(line) for line in lines[: head.start]):
                yield head.start, len(lines)
            return
        else:
            at += 1


def _is_marked(line: str) -> bool:
    return line.startswith(">")


def _is_forwarded(line: str) -> bool:
    return _FORWARDED.fullmatch(line.strip()) is not None


def _run_end(lines: list[str], at: int) -> int:
    """Return where a run of marked lines ends, blank ones between them with it."""
    end = at
    while at < len(lines) and (_is_marked(lines[at]) or not lines[at].strip()):
        at += 1
        end = at if _is_marked(lines[at - 1]) else end
    return end


def _is_long(lines: list[str]) -> bool:
    """Say whether a quote is long enough to be folded before an answer; what is forwarded never is."""
    words = [line for line in lines if line.strip("> \t")]
    return len(words) >= _FOLDED_LINES and not any(_is_forwarded(line) for line in words[:_FOLDED_LINES])


def _next_words(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _head(lines: list[str], at: int, low: int) -> _Head | None:
    """Return the head of a quote that Outlook begins at a line, or that an attribution ends with it."""
    if end := _header_end(lines, at):
        return _Head(at, _next_words(lines, end), is_sure=True)
    start = _attribution_at(lines, at, low)
    if start is None:
        return None
    words = " ".join(lines[start : at + 1])
    is_sure = bool(_ADDRESS.search(words) and _TIME.search(words))
    return _Head(start, _next_words(lines, at + 1), is_sure)


def _attribution_at(lines: list[str], last: int, low: int) -> int | None:
    """Return where the attribution that ends with a line begins: mail programs wrap them."""
    found: int | None = None
    words = ""
    for start in range(last, max(low, last - _ATTRIBUTION_LINES + 1) - 1, -1):
        if not lines[start].strip() or _is_marked(lines[start]):
            break
        words = f"{lines[start].strip()} {words}".strip()
        if len(words) > _ATTRIBUTION_CHARACTERS or not words.endswith(":"):
            break
        is_dated = _ADDRESS.search(words) or _TIME.search(words) or _YEAR.search(words)
        if is_dated and _WROTE.search(words):
            if _DAY_FIRST.match(lines[start].strip()):
                return start
            found = start if found is None else found
    return found


def _header_end(lines: list[str], at: int) -> int | None:
    """Return where the headers that Outlook writes over a quote end, when they begin here."""
    if _ORIGINAL.fullmatch(lines[at].strip()):
        return _fields_end(lines, _next_words(lines, at + 1)) or at + 1
    if _RULE.fullmatch(lines[at].strip()):
        return _fields_end(lines, _next_words(lines, at + 1))
    return _fields_end(lines, at)


def _fields_end(lines: list[str], at: int) -> int | None:
    """Return where a block with sender, date, and addressee or subject ends; None when there is none."""
    seen: set[str] = set()
    for line in range(at, min(at + _HEADER_LINES, len(lines))):
        field = _FIELD.match(lines[line].lstrip())
        if field is None and (line == at or not lines[line].strip()):
            break
        # A line that is no field goes on with a long list of addressees.
        if field is not None:
            if line == at and field.lastgroup != "sender":
                return None
            seen.add(str(field.lastgroup))
            end = line + 1
    is_whole = {"sender", "date"} <= seen and bool(seen & {"to", "subject"})
    return end if is_whole else None


def _runs_of_said(kinds: list[BlockKind]) -> Iterator[tuple[int, int]]:
    at = 0
    for kind, run in groupby(list(kinds)):
        end = at + sum(1 for _ in run)
        if kind == "said":
            yield at, end
        at = end


def _signature_at(lines: list[str], start: int, end: int) -> int:
    """Return where the signature at the end of what is said begins; ``end`` when there is none."""
    last = end
    while last > start and not lines[last - 1].strip():
        last -= 1
    for at in range(max(start, last - 2 * _SIGNATURE_LINES), last):
        if lines[at] == _SIGNATURE:
            words = [line for line in lines[at + 1 : last] if line.strip()]
            if len(words) <= _SIGNATURE_LINES and sum(map(len, words)) <= _SIGNATURE_CHARACTERS:
                return at
    at = end
    for line in range(last - 1, start - 1, -1):
        if _SENT_FROM.fullmatch(lines[line].strip()):
            at = line
        elif lines[line].strip():
            break
    return at
