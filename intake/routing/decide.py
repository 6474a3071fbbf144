"""Puts the parts together: facts of a matter in, its placement with all reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from config.reading import TableError
from config.tables import Tables, Unit
from intake.routing.danger import EMERGENCY, Frame, assess, doubted
from intake.routing.languages import language_of
from intake.routing.learned import FLAG, Learned, Opinion
from intake.routing.lexicon import Findings, Lexicon
from intake.routing.marks import (
    FlagRule,
    LearnedFlag,
    PriorityRule,
    flag_rules,
    learned_flags,
    likely_flags,
    priority_rules,
    raise_flags,
    set_priority,
)
from intake.routing.places import Gazetteer, Mention, Where, resolve
from intake.routing.subjects import Combination, Subject, Weights, choose, combinations, share, weigh
from intake.routing.values import UNCLEAR, Facts, Placement, Public, Reason
from intake.routing.words import Reading, Spelling, clip, fold, read

_STRENGTHS = {"strong": 4.0, "medium": 2.0, "weak": 1.0}
_SURELY_OURS = 0.5
# What the address of a unit says for its categories, as a score.
_ADDRESSED = 4.0
_WELL_KNOWN = ("sv", "en")

# The reason of a placement that no rule made, since a rule failed.
FAILED = "placering.reserv"


@dataclass(frozen=True)
class Rules:
    """The lexicons and tables of an authority, compiled once."""

    tables: Tables
    version: str
    lexicon: Lexicon
    gazetteer: Gazetteer
    spelling: Spelling
    combinations: tuple[Combination, ...]
    flags: tuple[FlagRule, ...]
    priorities: tuple[PriorityRule, ...]
    weights: Weights
    common_words: dict[str, frozenset[str]]
    minority: frozenset[str]
    service: frozenset[str]
    calm: frozenset[str]
    head_bytes: int
    tail_bytes: int
    public: Public
    learned: Learned
    learned_flags: tuple[LearnedFlag, ...]
    doubt: float
    overrule: float


def compile_rules(tables: Tables, *, is_learning: bool = False) -> Rules:
    """Compile the tables' lexicons; raises TableError when they name what does not exist.

    To learn the weights, ``is_learning``, those that there are need not fit.
    """
    table: Any = tables.routing
    try:
        spelling = _spelling(table)
        rules = Rules(
            tables=tables,
            version=str(table["version"]),
            lexicon=_lexicon(table, spelling),
            gazetteer=Gazetteer(tables),
            spelling=spelling,
            combinations=combinations(table["combinations"]),
            flags=flag_rules(table["flags"]),
            priorities=priority_rules(table["priorities"]),
            weights=Weights.read(table["weights"]),
            common_words={
                code: frozenset(fold(word) for word in words.split())
                for code, words in table["common_words"].items()
            },
            minority=frozenset(table["minority_languages"]),
            service=frozenset(table["places"]["service_categories"]),
            calm=frozenset(table["calm_categories"]),
            head_bytes=table["reading"]["head_bytes"],
            tail_bytes=table["reading"]["tail_bytes"],
            public=_public(table),
            learned=Learned.read(tables.weights),
            learned_flags=learned_flags(table["learned"]["flags"]),
            doubt=float(table["learned"]["doubt"]),
            overrule=float(table["learned"]["overrule"]),
        )
        _check(rules, table)
        if not is_learning:
            _check_weights(rules)
    except (KeyError, TypeError, ValueError) as error:
        raise TableError(f"routing.toml: {error} is missing or of the wrong kind.") from error
    return rules


def _public(table: Any) -> Public:
    """Gather what anybody may read, in the order of the tables; the rest is only counted."""
    rules = [*table["categories"].values(), *table["priorities"], *table["flags"], *table["combinations"]]
    return Public(
        place=tuple(table["public"]["place"]),
        categories=_told(table["categories"].values()),
        priorities=_told(reversed(table["priorities"])),
        flags=_told(table["flags"]),
        untold=sum("public" not in rule for rule in rules),
    )


def _told(rules: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule["public"] for rule in rules if "public" in rule))


def _spelling(table: Any) -> Spelling:
    whole = {
        fold(short): tuple(fold(word) for word in meant.split()) for short, meant in table["spelling"].items()
    }
    reading = table["reading"]
    return Spelling(
        whole,
        frozenset(fold(word) for word in reading["abbreviations"]),
        frozenset(fold(word) for word in reading["clause_breaks"]),
    )


def _lexicon(table: Any, spelling: Spelling) -> Lexicon:
    lexicon = Lexicon(table["classes"], spelling)
    for name, phrases in table["signals"].items():
        lexicon.add(name, phrases)
    for code, lists in table["categories"].items():
        for strength, weight in _STRENGTHS.items():
            lexicon.add(f"category:{code}", lists.get(strength, ()), weight)
    return lexicon


def _check(rules: Rules, table: Any) -> None:
    codes = set(rules.tables.categories.codes)
    conditions = [rule.condition for rule in rules.flags] + [rule.condition for rule in rules.priorities]
    named = {code for c in conditions for code in (*c.categories, *c.not_categories)}
    named |= {rule.category for rule in rules.combinations}
    named |= set(table["categories"]) | rules.service | rules.calm
    signals = {name for c in conditions for name in (*c.any, *c.all, *c.without)}
    signals |= {name for rule in rules.combinations for name in (*rule.groups, *rule.without)}
    unknown = sorted((named - codes) | (signals - set(table["signals"])))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} (named by a rule)")


def place(facts: Facts, rules: Rules) -> Placement:
    """Place a matter: its category, unit, region, priority and flags, each with its reasons."""
    text = read_text(facts.subject, facts.text, rules)
    reading, findings = text.reading, text.findings
    addressed = _addressed(facts, rules)
    opinion = rules.learned.opinion(reading, findings, text.names)
    highest = rules.learned.highest(EMERGENCY, opinion, reading, findings, text.names)
    opinion = replace(opinion, flags={**opinion.flags, EMERGENCY: highest})
    about = _subject(facts, rules, reading, findings, opinion, addressed)
    frame = Frame(text.language not in _WELL_KNOWN, about.guess in rules.calm, about.is_undecided)
    danger = assess(findings, frame)
    where = _where(facts, rules, text, about, addressed)
    if danger.is_now and highest < rules.doubt:
        danger = doubted(danger)
    likely = likely_flags(rules.learned_flags, opinion, is_foreign=frame.is_foreign)
    if danger.reasons and not danger.is_now and highest < rules.overrule:
        likely.pop(EMERGENCY, None)
    raised = likely.keys() | _language_flags(text.language, rules) | ({EMERGENCY} if danger.is_now else set())
    flags, flag_reasons = raise_flags(rules.flags, findings, about.seen, raised)
    if danger.is_now:
        likely.pop(EMERGENCY, None)
    about = _without_spam(about, flags)
    priority, priority_reasons = _priority(rules, findings, about, flags)
    clipped = (_clipped_reason(rules),) if text.is_clipped else ()
    reasons = (
        *danger.reasons, *about.reasons, *where.reasons, *likely.values(), *flag_reasons, *priority_reasons,
        *clipped,
    )  # fmt: skip
    return Placement(
        category=about.category,
        guess=about.guess,
        confidence=about.confidence,
        is_undecided=about.is_undecided,
        next=about.next,
        unit=_unit(rules, about.category, where.region, addressed).code,
        region=where.region,
        priority=priority,
        flags=flags,
        reasons=reasons,
        rules_version=rules.version,
    )


def _check_weights(rules: Rules) -> None:
    needed = {*rules.tables.categories.codes, *(f"{FLAG}{rule.code}" for rule in rules.learned_flags)}
    unknown = sorted(needed ^ rules.learned.labels)
    if unknown:
        raise ValueError(f"{', '.join(unknown)} (weights.tsv does not fit the tables: learn it again)")


@dataclass(frozen=True)
class Text:
    """A text as read: its words and language, what was found, and whether it was too long to read whole."""

    reading: Reading
    language: str
    findings: Findings
    places: Sequence[Mention]
    is_clipped: bool

    @property
    def names(self) -> frozenset[int]:
        """Return which words name places."""
        return frozenset(at for place in self.places for at in range(place.start, place.end))


def read_text(subject: str, text: str, rules: Rules) -> Text:
    """Read a text and find its phrases and places."""
    text, is_text_clipped = clip(text, rules.head_bytes, rules.tail_bytes)
    subject, is_subject_clipped = clip(subject, rules.tail_bytes, 0)
    reading = read(subject, text, rules.spelling)
    findings = rules.lexicon.find(reading)
    language = language_of(reading, rules.common_words)
    places = rules.gazetteer.mentions(reading, findings, language)
    return Text(reading, language, findings, places, is_text_clipped or is_subject_clipped)


def fallback(rules: Rules, facts: Facts) -> Placement:
    """Place a matter by its address alone, for when the rules could not be applied."""
    addressed = _addressed(facts, rules)
    unit = addressed or rules.tables.authority.unit_of_kind("inkorg", None)
    words = "Ärendet kunde inte placeras automatiskt; en person behöver läsa det."
    return Placement(
        category=UNCLEAR,
        guess=UNCLEAR,
        confidence=0.0,
        is_undecided=True,
        next=(),
        unit=unit.code,
        region=unit.region,
        priority=rules.tables.categories.get(UNCLEAR).priority,
        flags=(),
        reasons=(Reason(FAILED, words),),
        rules_version=rules.version,
    )


def _addressed(facts: Facts, rules: Rules) -> Unit | None:
    try:
        return rules.tables.authority.unit(facts.addressed_unit or "")
    except KeyError:
        return None


def _national_category(unit: Unit | None, rules: Rules) -> str | None:
    """Return the category of a national unit with an address of its own, as SU's and HR's."""
    if unit is None or unit.region is not None or unit.kind == "inkorg":
        return None
    return next((row.code for row in rules.tables.categories.all if row.unit_kind == unit.kind), None)


def _subject(
    facts: Facts,
    rules: Rules,
    reading: Reading,
    findings: Findings,
    opinion: Opinion,
    addressed: Unit | None,
) -> Subject:
    categories = rules.tables.categories
    scores, listed = weigh(findings, reading, rules.combinations, categories.codes, rules.weights)
    if addressed and addressed.kind != "inkorg":
        for row in categories.all:
            if row.unit_kind == addressed.kind:
                scores[row.code] = scores.get(row.code, 0.0) + _ADDRESSED
    shares = share(scores, opinion, rules.weights)
    national = _national_category(addressed, rules)
    if national and addressed:
        said = f"Brevet sändes till adressen för {addressed.name} och stannar där."
        return Subject(national, national, 1.0, shares, (Reason("kategori.adress", said),))

    def words(code: str) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*listed.get(code, ())[:4], *opinion.words(code))))[:8]

    chosen = facts.category if facts.category in categories.codes else None
    return choose(shares, words, chosen, categories, rules.weights)


def _where(
    facts: Facts,
    rules: Rules,
    text: Text,
    about: Subject,
    addressed: Unit | None,
) -> Where:
    gazetteer = rules.gazetteer
    own = read("", clip(facts.place_words, rules.tail_bytes, 0)[0], rules.spelling)
    return resolve(
        facts,
        gazetteer,
        gazetteer.mentions(own, Findings({}), language_of(own, rules.common_words)),
        text.places,
        addressed.region if addressed else None,
        about.guess in rules.service,
    )


def _language_flags(language: str, rules: Rules) -> set[str]:
    if language == "sv":
        return set()
    return {"minority_language" if language in rules.minority else "foreign_language"}


def _without_spam(about: Subject, flags: Sequence[str]) -> Subject:
    """Advertising and phishing are about nothing of ours, unless the person chose or the text says so."""
    said = {code: known for code, known in about.shares.items() if code != UNCLEAR}
    is_ours = max(said.values(), default=0.0) >= _SURELY_OURS and not about.is_undecided
    if "spam" not in flags or is_ours:
        return about
    reason = Reason("kategori.skrapost", "Texten liknar reklam eller nätfiske. Den ligger sist, men syns.")
    return Subject(UNCLEAR, UNCLEAR, about.confidence, about.shares, (reason,))


def _priority(
    rules: Rules, findings: Findings, about: Subject, flags: Sequence[str]
) -> tuple[int, tuple[Reason, ...]]:
    default = rules.tables.categories.get(about.guess).priority
    if about.is_undecided:
        # A guess may lift a matter that waits for a person, but never lets it sink.
        default = min(default, rules.tables.categories.get(UNCLEAR).priority)
    return set_priority(rules.priorities, default, findings, about.seen, flags)


def _unit(rules: Rules, category: str, region: str | None, addressed: Unit | None) -> Unit:
    if _national_category(addressed, rules) and addressed:
        return addressed
    return rules.tables.authority.unit_of_kind(rules.tables.categories.get(category).unit_kind, region)


def _clipped_reason(rules: Rules) -> Reason:
    words = (
        f"Texten är mycket lång: de första {rules.head_bytes // 1000} kB "
        f"och de sista {rules.tail_bytes // 1000} kB har lästs."
    )
    return Reason("text.kortad", words)
