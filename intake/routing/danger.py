"""Tells whether someone is in danger now: what is said, whether it is now, and what takes it back.

Four strengths: ``acute`` words say danger by themselves, ``grave`` words need any sign of now,
``trouble`` words a plain one, and in a matter of crime the plainest ("just nu") is enough.
What is negated, past, imagined or a figure of speech does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intake.routing.lexicon import Findings, Hit
from intake.routing.values import Reason

EMERGENCY = "emergency_now"
_NEAR_SENTENCES = 1


@dataclass(frozen=True)
class Danger:
    """Whether there is danger now, and the reason to show for it or against it."""

    is_now: bool
    reasons: tuple[Reason, ...]


@dataclass(frozen=True)
class Frame:
    """What is already known of the text when its danger is judged.

    Our words for time are few in other languages than Swedish and English, so in a ``is_foreign``
    text grave words count without them, unless something says that it is past. A ``is_calm`` matter
    is about passes, jobs, documents and the like: there "just nu" by itself says nothing. When no
    category is decided (``is_open``), a scene in the present tense is a sign of now.
    """

    is_foreign: bool
    is_calm: bool
    is_open: bool


@dataclass(frozen=True)
class _Signs:
    """The sentences in which each kind of sign stands."""

    right_now: frozenset[int]
    now: frozenset[int]
    near_now: frozenset[int]
    maybe_now: frozenset[int]
    past: frozenset[int]
    habit: frozenset[int]
    supposed: frozenset[int]
    unreal: frozenset[int]
    is_resolved: bool


def assess(findings: Findings, frame: Frame) -> Danger:
    """Judge the danger in a text from the phrases found in it."""
    signs = _signs(findings, frame)
    acute, grave, trouble = (findings.meant(name) for name in ("acute", "grave", "trouble"))
    weighed = [hit for hit in acute if _counts_alone(hit, signs)]
    weighed += [hit for hit in grave if _counts_with_now(hit, signs, frame)]
    weighed += [hit for hit in trouble if _counts_as_trouble(hit, signs, frame)]
    if not frame.is_calm:
        weighed += [hit for hit in findings.meant("right_now") if _is_plain(hit.sentence, signs)]
    if weighed:
        times = [hit for name in ("right_now", "now", "maybe_now") for hit in findings.meant(name)]
        places = {hit.sentence + step for hit in weighed for step in (-1, 0, 1)}
        near = [hit for hit in times if hit.sentence in places]
        words = "Texten tyder på fara eller brott som pågår nu eller är nära."
        return Danger(True, (Reason("fara.nu", words, _words([*weighed, *near])),))
    passed = [hit for name in ("acute", "grave") for hit in findings.all(name)]
    if not passed:
        return Danger(False, ())
    words = "Texten nämner fara, men som något nekat, tidigare, tänkt eller utan tecken på att det är nu."
    return Danger(False, (Reason("fara.inte_nu", words, _words(passed)),))


def doubted(danger: Danger) -> Danger:
    """Take back a danger that the second reader does not believe in; the words stay told."""
    words = "Texten nämner fara, men är som helhet olik ärenden där någon var i fara just då."
    weighed = tuple(word for reason in danger.reasons for word in reason.weighed)
    return Danger(False, (Reason("fara.inte_nu", words, weighed),))


def _signs(findings: Findings, frame: Frame) -> _Signs:
    def where(group: str) -> frozenset[int]:
        return frozenset(hit.sentence for hit in findings.meant(group))

    right_now = where("right_now")
    now = where("now") | right_now
    near = frozenset(
        sentence + step for sentence in now for step in range(-_NEAR_SENTENCES, _NEAR_SENTENCES + 1)
    )
    return _Signs(
        right_now=right_now,
        now=now,
        near_now=near,
        maybe_now=where("maybe_now") | (where("scene") if frame.is_open else frozenset()),
        past=where("past"),
        habit=where("habit"),
        supposed=where("supposed"),
        unreal=where("unreal"),
        is_resolved=bool(findings.meant("resolved")),
    )


def _counts_alone(hit: Hit, signs: _Signs) -> bool:
    at = hit.sentence
    if at in signs.now:
        return at not in signs.unreal
    is_taken_back = at in signs.past or at in signs.supposed or at in signs.habit or at in signs.unreal
    return not is_taken_back and not signs.is_resolved


def _counts_with_now(hit: Hit, signs: _Signs, frame: Frame) -> bool:
    at = hit.sentence
    if signs.unreal:
        return False
    if at in signs.now:
        return True
    if at in signs.past or at in signs.habit or at in signs.supposed or signs.is_resolved:
        return False
    return frame.is_foreign or at in signs.near_now or at in signs.maybe_now


def _counts_as_trouble(hit: Hit, signs: _Signs, frame: Frame) -> bool:
    at = hit.sentence
    is_now = at in signs.right_now or (not frame.is_calm and at in signs.now | signs.maybe_now)
    return is_now and _is_plain(at, signs)


def _is_plain(at: int, signs: _Signs) -> bool:
    """Tell whether nothing in a sentence says that it is past, habit, supposed or play."""
    taken_back = at in signs.past or at in signs.habit or at in signs.supposed
    return not taken_back and not signs.unreal and not signs.is_resolved


def _words(hits: Sequence[Hit]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(hit.words for hit in hits))[:8]
