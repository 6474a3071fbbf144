"""The rule that says whether a search looks like a person: a number, an address or a name of somebody.

It errs on the side of asking: a needless reason costs a moment, a search that nobody can explain
cannot be explained afterwards either.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Six digits of a day and four more, with or without century; in a samordningsnummer the day is 60 more.
_NATIONAL_ID = re.compile(
    r"(?<![\w-])(?:18|19|20)?\d\d(?:0[1-9]|1[0-2])(?:[06][1-9]|[1278]\d|[39][01])\s?[-+]?\s?\w{4}(?![\w-])"
)
_BIRTH_DAY = re.compile(r"(?<![\w-])(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?![\w-])")
_PHONE = re.compile(r"(?<![\w-])(?:\+|00?|\(0)\d(?:[\s().\-/]{0,2}\d){5,13}(?!\w)")
_EMAIL = re.compile(r"\S@")
_STREET = re.compile(
    r"(?<!\w)\w*(?:gatan?|väg(?:en)?|gränd(?:en)?|stig(?:en)?|torg(?:et)?|plats(?:en)?|plan|backen?|allén?|led(?:en)?"
    r"|esplanaden|stråket|kajen|bron|gården|brinken|tvären|slingan|ringen|terrassen|passagen|hamnen)"
    r"\s+\d{1,4}\s?[a-z]?(?!\w)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?|\S")
_INITIAL = re.compile(r"[^\W\d_]\.?")
_PARTICLES = _listed("af al av bin da de del den der di dos el ibn la le van von zu")
_OPERATORS = frozenset(("or", "and", "och", "eller"))
# Written with a capital, and nobody's name.
_NO_NAMES = _listed(
    """allmänna arlanda bergslagen centralen centralstation centralstationen enhet europa facebook finland
    försäkringskassan gamla google göteborg instagram kommun kontaktcenter kriminalvården lilla linköping
    län malmö mellersta migrationsverket mitt nationella nord norge norra norrköping nya polis polisen
    region resecentrum sas sj skatteverket snapchat station stockholm stora sverige swish syd södra
    telegram tiktok tullverket umeå universitet uppsala utredning väst västerås västra whatsapp åklagaren
    örebro öst östra"""
)
# The most common first names, so that a name in lower case is known too.
_FIRST_NAMES = _listed(
    """abdi abdullah adam agneta ahmad ahmed aisha albin alexander alexandra alfred ali alice alma amanda
    amina amir anders andreas anette anita ann anna anneli annika anton arne arvid astrid axel barbro
    bengt berit birgitta björn bo britt camilla carina carl caroline cecilia charlotte christer christian
    christina christoffer daniel david dennis ebba edvin elias elin elisabeth ella ellen elsa emelie emil
    emilia emma erik erika eva fatima fatma filip fredrik frida gabriel george gerd gun gunilla gunnar
    gustav göran hanna hans hassan helena henrik hugo håkan ibrahim ida inga ingemar inger ingrid irene
    isabella isak jakob jan jannike jenny jens jesper jessica joakim johan johanna john johnny jonas
    jonathan josef josefin julia karin karl katarina kenneth kent kerstin khadija kim kjell klara
    kristina kristoffer lars leif lena lennart liam lilly linda linn linnea linus lisa louise lovisa
    lucas ludvig maja malin marcus margareta maria mariam marie markus martin maryam mathias mats mattias
    mehmet michael mikael moa mohamad mohamed mohammad mohammed mona monica mustafa märta nils noah nora
    nour olivia olle olof omar oscar oskar otto patrik per pernilla peter petra philip pia pontus rasmus
    rebecka robert robin roger roland rolf rut sandra sara sebastian signe sigrid simon siv sofia sofie
    stefan stella sten stig stina sture susanne svante sven sören therese thomas tina tobias tomas tommy
    tony torbjörn tove ulf ulla ulrika vera viktor viktoria vilma wilhelm william yasmin youssef yvonne
    zahra åke åsa örjan östen"""
)
_SURNAME = re.compile(r"\w{2,}(?:sson|ström|gren|qvist|kvist|berg|lund|blad|stedt|ståhl|dahl|lind|holm|mark)")


def looks_like_person(sought: str) -> bool:
    """Say whether words that are searched for name somebody, or lead to somebody."""
    said = unicodedata.normalize("NFC", sought)
    if any(kind.search(said) for kind in (_NATIONAL_ID, _BIRTH_DAY, _PHONE, _EMAIL, _STREET)):
        return True
    return _has_name(_words(said))


def _words(said: str) -> list[str]:
    """Return the words without quotes, signs and operators; what stands between two of them is a word too."""
    found = [word for word in _WORD.findall(said) if word not in "\"'”“’-(),;"]
    return [word for word in found if word.casefold() not in _OPERATORS | _PARTICLES]


def _has_name(words: list[str]) -> bool:
    return any(_are_names(*pair) for pair in pairwise(words))


def _are_names(first: str, second: str) -> bool:
    """Say whether two words that stand together may be somebody's names, in either order."""
    if not (_is_word(first) and _is_word(second)):
        return False
    both = {first.casefold(), second.casefold()}
    if both & _FIRST_NAMES or all(_has_no_case(word) for word in (first, second)):
        return True
    if both & _NO_NAMES:
        return False
    return all(_is_capital(word) for word in (first, second)) or (
        any(_SURNAME.fullmatch(word) for word in both) and any(_INITIAL.fullmatch(word) for word in both)
    )


def _is_word(word: str) -> bool:
    return word[0].isalpha()


def _is_capital(word: str) -> bool:
    return word[0].isupper()


def _has_no_case(word: str) -> bool:
    """Say whether a word is of a script that has no capitals to tell names by."""
    return word.lower() == word.upper()
