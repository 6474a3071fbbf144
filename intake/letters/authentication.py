"""What a relay of ours found out about a letter's sender (RFC 8601), and nobody else's word for it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from intake.letters.headers import split_outside_quotes, unquote

Result = Literal["pass", "fail", "none", "softfail", "neutral", "temperror", "permerror"]

_RESULTS = frozenset(get_args(Result))
_METHODS = ("spf", "dkim", "dmarc")
# "hardfail" is what the older standard (RFC 5451) called a fail.
_OLD_NAMES = {"hardfail": "fail"}
# A value is quoted, bare, or a mailbox whose local part is quoted.
_PAIR = re.compile(
    r"(?<![\w.-])([A-Za-z][\w.-]*+)(?:\s*+/\s*+\d++)?+\s*+=\s*+((?:\"(?:[^\"\\]|\\.)*+\"|[^\s\"\\])*+)"
)
_LONGEST_DOMAIN = 253


@dataclass(frozen=True)
class Authentication:
    """What was found; None is what was not told. The domains are lower case, as the relay wrote them."""

    spf: Result | None
    dkim: Result | None
    dmarc: Result | None
    header_from: str | None
    mailfrom: str | None


@dataclass(frozen=True)
class _Finding:
    """One method's result and the properties that it was found by, names in lower case."""

    method: str
    result: Result
    properties: dict[str, str]


def judge(values: Sequence[str], authserv_ids: Collection[str]) -> Authentication | None:
    """Return what our own relay found; None when nothing was checked that we may believe.

    ``values`` are the letter's Authentication-Results, topmost first; ``authserv_ids`` are the names
    that our relay signs them with. Only an unbroken run of its values from the very top counts, since
    a sender can write all below. A relay tells of each method once, so a value that tells of one again
    is not its own and ends the run, as does one that tells nothing. What a relay lets in under its own
    name of a method that it does not tell of, nobody can know from its own: it must remove such values
    (RFC 8601 5). Linear in time.
    """
    ours = {known.lower() for known in authserv_ids}
    found: list[_Finding] = []
    for value in values:
        name, findings = _read(value)
        told = {finding.method for finding in found}
        if name not in ours or not findings or any(finding.method in told for finding in findings):
            break
        found += findings
    if not found:
        return None
    spf, dkim, dmarc = (_weigh(found, method) for method in _METHODS)
    return Authentication(
        spf=spf.result if spf else None,
        dkim=dkim.result if dkim else None,
        dmarc=dmarc.result if dmarc else None,
        header_from=_domain(found, "header.from"),
        mailfrom=_domain(found, "smtp.mailfrom"),
    )


def _weigh(found: Iterable[_Finding], method: str) -> _Finding | None:
    """Choose among several results: SPF of the sender before that of the greeting, any DKIM pass."""
    chosen = [finding for finding in found if finding.method == method]
    if method == "spf":
        telling = (finding for finding in chosen if "smtp.mailfrom" in finding.properties)
    else:
        telling = (finding for finding in chosen if method == "dkim" and finding.result == "pass")
    return next(telling, chosen[0] if chosen else None)


def _domain(found: Iterable[_Finding], name: str) -> str | None:
    named = (finding.properties.get(name, "") for finding in found)
    domains = (value.rpartition("@")[2].strip("<>").lower()[:_LONGEST_DOMAIN] for value in named)
    return next(filter(None, domains), None)


def _read(value: str) -> tuple[str, list[_Finding]]:
    """Return the name of who checked, in lower case, and what was found."""
    sections = [section.strip() for section in split_outside_quotes(_without_comments(value), ";")]
    # The name comes first; older Exchange writes SPF before it.
    names = [section for section in sections if section and "=" not in section.split()[0]]
    name = unquote(names[0]).split() if names else []
    return (name[0].lower() if name else ""), [found for section in sections if (found := _finding(section))]


def _finding(section: str) -> _Finding | None:
    pairs = [
        (name.lower(), unquote(text) if text.endswith('"') else text) for name, text in _PAIR.findall(section)
    ]
    if not pairs or pairs[0][0] not in _METHODS:
        return None
    method, word = pairs[0]
    result = _OLD_NAMES.get(word.lower(), word.lower())
    # A word that the standard does not know, such as "bestguesspass", tells nothing.
    if result not in _RESULTS:
        return None
    return _Finding(method, result, dict(pairs[:0:-1]))  # type: ignore[arg-type]


def _without_comments(value: str) -> str:
    """Return the value with each (comment) a space; one that never closes goes on to the end."""
    kept: list[str] = []
    depth, is_quoted, is_escaped = 0, False, False
    for char in value:
        if is_escaped:
            is_escaped = False
        elif char == "\\":
            is_escaped = True
        elif char == '"' and not depth:
            is_quoted = not is_quoted
        elif char == "(" and not is_quoted:
            depth += 1
        elif char == ")" and depth:
            depth -= 1
            kept.append(" ")
            continue
        if not depth:
            kept.append(char)
    return "".join(kept)
