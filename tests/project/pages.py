"""What every page must keep to, by rules that need no browser: each fault is a sentence."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import html5lib

UNLABELLED = ("hidden", "submit", "button")
# Words that a framework leaves behind when a text of ours is missing.
ENGLISH = re.compile(
    r"\b(error|required|invalid|submit|token|this field|not found|forbidden)\b", re.IGNORECASE
)
INLINE = ("style", "onclick", "onsubmit", "onload", "onchange")


def faults(page: str, language: str = "sv", direction: str = "ltr") -> list[str]:
    """Return everything that is wrong with a page that is to be in a language."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False, strict=False)
    tree = parser.parse(page)
    found = [f"html: {error[1]} at {error[0]}" for error in parser.errors]
    found += _tongue(tree, language, direction)
    for check in (_frame, _ids, _labels, _groups, _links_within, _manners):
        found += check(tree)
    return found


def title_of(page: str) -> str:
    """Return a page's title."""
    tree = html5lib.parse(page, namespaceHTMLElements=False)
    return said(next(tree.iter("title")))


def said(element: Any) -> str:
    """Return the words of an element, in one line."""
    return " ".join("".join(element.itertext()).split())


def _tongue(tree: Any, language: str, direction: str) -> Iterator[str]:
    if tree.get("lang") != language:
        yield f"the page says that it is in {tree.get('lang')}, not in {language}"
    if tree.get("dir", "ltr") != direction:
        yield f"the page is written {tree.get('dir', 'ltr')}, not {direction}"
    words = " ".join(said(part) for part in tree.iter("main"))
    if language != "en":
        yield from (f"an English word is left: {match.group()}" for match in ENGLISH.finditer(words))


def _frame(tree: Any) -> Iterator[str]:
    if not any(said(title) for title in tree.iter("title")):
        yield "the page has no title"
    headings = [said(heading) for heading in tree.iter("h1")]
    if len(headings) != 1 or not headings[0]:
        yield f"the page has the first headings {headings}"
    if len(list(tree.iter("main"))) != 1:
        yield "the page has not one main part"
    levels = [int(element.tag[1]) for element in tree.iter() if _is_heading(element) and element.tag != "h1"]
    if levels and min(levels) != 2:
        yield "the headings leave out a level"


def _is_heading(element: Any) -> bool:
    return isinstance(element.tag, str) and re.fullmatch("h[1-6]", element.tag) is not None


def _ids(tree: Any) -> Iterator[str]:
    counts = Counter(element.get("id") for element in tree.iter() if element.get("id"))
    yield from (f"the id {name} is there {count} times" for name, count in counts.items() if count > 1)


def _labels(tree: Any) -> Iterator[str]:
    labelled = {label.get("for") for label in tree.iter("label") if said(label)}
    for element in tree.iter():
        if element.tag not in ("input", "select", "textarea") or element.get("type") in UNLABELLED:
            continue
        if element.get("id") not in labelled and not element.get("aria-label"):
            yield f"the field {element.get('name')} has no label"
    for button in tree.iter("button"):
        if not said(button):
            yield "a button says nothing"
        if button.get("type") is None:
            yield f"the button {said(button)} has no type"
    for link in tree.iter("a"):
        if not said(link) and not link.get("aria-label"):
            yield f"the link to {link.get('href')} says nothing"


def _groups(tree: Any) -> Iterator[str]:
    for group in tree.iter("fieldset"):
        if not len(group) or group[0].tag != "legend" or not said(group[0]):
            yield "a group of fields has no legend"
    choices = Counter(e.get("name") for e in tree.iter("input") if e.get("type") == "radio")
    within = Counter(
        e.get("name") for g in tree.iter("fieldset") for e in g.iter("input") if e.get("type") == "radio"
    )
    yield from (f"the choices {name} are in no group" for name in choices if choices[name] != within[name])


def _links_within(tree: Any) -> Iterator[str]:
    ids = {element.get("id") for element in tree.iter() if element.get("id")}
    for element in tree.iter():
        for attribute in ("aria-describedby", "aria-labelledby", "list"):
            for target in (element.get(attribute) or "").split():
                if target not in ids:
                    yield f"{attribute} names {target}, which is not there"
    for link in tree.iter("a"):
        href = link.get("href") or ""
        if href.startswith("#") and href[1:] not in ids:
            yield f"a link leads to {href}, which is not there"


def _manners(tree: Any) -> Iterator[str]:
    for element in tree.iter():
        for attribute in INLINE:
            if element.get(attribute) is not None:
                yield f"<{element.tag}> carries {attribute}"
        if element.tag == "img" and element.get("alt") is None:
            yield "a picture has no alt"
