"""What helps at once: looks at what a person has told, and answers before the form goes on.

It is a page of the person's own draft, so nothing of it is stored, counted or logged, and a fault in it
stops nobody.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from typing import cast

from flask import current_app, request

from config.help import Help
from intake import routing
from intake.answers import Answers, category_of
from intake.extensions import settings
from intake.matters import placing
from intake.routing.lexicon import Lexicon
from intake.routing.words import clip, read

log = logging.getLogger(__name__)

# Beyond this nobody looks for a phrase; whether there is danger is judged by the rule, which reads more.
READ_BYTES = 20_000


def find(answers: Answers, already: Collection[str] = ()) -> tuple[Help, ...]:
    """Return the answers that fit and are not shown ``already`` (their codes), the urgent first."""
    try:
        return tuple(each for each in _fitting(answers) if each.code not in already)
    except Exception as error:
        # Not the traceback: its words may be the person's own.
        log.error("help could not be looked for: %s", type(error).__name__)
        return ()


def shown() -> frozenset[str]:
    """Return the codes of what this page has already shown, which its form carries."""
    return frozenset(request.form.get("visat", "").split())


def _fitting(answers: Answers) -> Iterable[Help]:
    category = category_of(answers)
    chosen = category.code if category else None
    facts = routing.Facts(
        channel="form",
        subject=answers.heading,
        text=answers.text,
        category=chosen,
        municipality=answers.municipality,
        place_words=answers.place_words,
    )
    placement = routing.place(facts, placing.rules())
    known = [
        each
        for each in settings().tables.help
        if (each.flag is None or each.flag in placement.flags)
        and (not each.categories or {chosen, placement.category} & set(each.categories))
    ]
    said = _said(answers) if any(each.phrases for each in known) else frozenset()
    return [each for each in known if not each.phrases or each.code in said]


def _said(answers: Answers) -> frozenset[str]:
    """Return the codes of the answers whose phrases are in the text, and are not denied there."""
    spelling = placing.rules().spelling
    text, _is_clipped = clip(answers.text, READ_BYTES, 0)
    findings = _lexicon().find(read(answers.heading, text, spelling))
    return frozenset(each.code for each in settings().tables.help if findings.meant(each.code))


def _lexicon() -> Lexicon:
    """Return the phrases of all answers, put together once."""
    kept = current_app.extensions
    if "help" not in kept:
        lexicon = Lexicon(settings().tables.routing["classes"], placing.rules().spelling)
        for each in settings().tables.help:
            lexicon.add(each.code, each.phrases)
        kept["help"] = lexicon
    return cast(Lexicon, kept["help"])
