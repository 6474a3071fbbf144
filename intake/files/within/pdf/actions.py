"""What a PDF does by itself or at a click: scripts, other programs and files, addresses, forms sent away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Literal

import pikepdf

from intake.files.looking import Looking
from intake.files.within.pdf.reading import Part, Place, child, elements, find_some, part_at, text_of
from intake.files.within.pdf.scripts import MAX_SCRIPT_CHARS, functions_of, is_ordinary
from intake.files.within.pdf.targets import is_document_beside, is_odd, is_remote, shown, target_of

# What starts an action: the file or page itself, the check of a field, or a person.
Start = Literal["itself", "field", "hand"]

_ACTS = frozenset({"/S", "/JS", "/URI"})
_FIELD_CHECKS = frozenset({"/K", "/F", "/V", "/C"})
_BY_PAGE = frozenset({"/PO", "/PC", "/PV", "/PI", "/E", "/X", "/O", "/WC", "/WS", "/DS", "/WP", "/DP"})
_MOST_NEXT = 50
_MOST_SCRIPTS = 1000


def look(looking: Looking, pdf: pikepdf.Pdf, parts: Iterable[Part]) -> None:
    """Find what actions do, those that start by themselves first."""
    found = list(parts)
    done: set[Place] = set()
    scripts: list[tuple[str | None, Start]] = []
    for action, start in chain(_started(pdf, found), ((part, "hand") for part in found)):
        if action.names & _ACTS and action.place not in done:
            done.add(action.place)
            script = action.get("/JS")
            if isinstance(script, pikepdf.String | pikepdf.Stream):
                scripts.append((text_of(script, MAX_SCRIPT_CHARS * 2), start))
            _look_at(looking, action, start)
    _look_at_scripts(looking, scripts)


def _started(pdf: pikepdf.Pdf, parts: list[Part]) -> Iterator[tuple[Part, Start]]:
    """Yield each action whose start is known, and those that follow it."""
    for part in parts:
        if not part.names & {"/OpenAction", "/AA"}:
            continue
        yield from _chain(part.at("/OpenAction"), "itself")
        triggers = part.at("/AA")
        if triggers is not None:
            for name in triggers.names:
                yield from _chain(triggers.at(name), _start_of(name, part))
    for script in _document_scripts(pdf):
        yield from _chain(script, "itself")


def _start_of(trigger: str, holder: Part) -> Start:
    is_page = holder.name("/Type") in ("/Page", "/Pages", "/Catalog")
    if trigger in _FIELD_CHECKS and not is_page:
        return "field"
    return "itself" if is_page or trigger in _BY_PAGE else "hand"


def _chain(action: Part | None, start: Start) -> Iterator[tuple[Part, Start]]:
    waiting = [action] if action else []
    seen: set[Place] = set()
    while waiting and len(seen) < _MOST_NEXT:
        each = waiting.pop()
        if each.place in seen:
            continue
        seen.add(each.place)
        yield each, start
        following = each.get("/Next")
        if isinstance(following, pikepdf.Array):
            inner = [_in_array(each, following, *at) for at in enumerate(elements(following, _MOST_NEXT))]
            waiting.extend(filter(None, inner))
        elif (only := each.at("/Next")) is not None:
            waiting.append(only)


def _in_array(holder: Part, array: Any, number: int, value: Any) -> Part | None:
    within = array.objgen if array.is_indirect else holder.place[0]
    path = () if array.is_indirect else (*holder.place[1], "/Next")
    return part_at(value, (within, (*path, str(number))))


def _document_scripts(pdf: pikepdf.Pdf) -> Iterator[Part]:
    """Yield the scripts that are run when the document opens (ISO 32000, 12.6.4.17)."""
    waiting = [child(child(pdf.trailer.get("/Root"), "/Names"), "/JavaScript")]
    for _ in range(_MOST_SCRIPTS):
        if not waiting:
            return
        node = part_at(waiting.pop(), ((0, 0), ("/JavaScript", str(len(waiting)))))
        if node is None:
            continue
        for name in ("/Kids", "/Names"):
            inner = node.get(name)
            if isinstance(inner, pikepdf.Array):
                waiting.extend(elements(inner, _MOST_SCRIPTS))
        if "/JS" in node.names:
            yield node


def _look_at(looking: Looking, part: Part, start: Start) -> None:
    """Find what one action does; a dictionary that is none has none of these entries."""
    kind = part.name("/S")
    if isinstance(part.get("/URI"), pikepdf.String):
        _look_at_link(looking, str(part.get("/URI")), start)
    elif kind == "/Launch":
        _look_at_launch(looking, part, start)
    elif kind == "/SubmitForm":
        _look_at_submit(looking, target_of(part.get("/F")), start)
    elif kind == "/ImportData":
        find_some(looking, "pdf_imports", target=shown(target_of(part.get("/F"))))
    elif kind in ("/GoToR", "/GoToE", "/Thread"):
        _look_at_other_file(looking, target_of(part.get("/F")), start)


def _look_at_scripts(looking: Looking, scripts: list[tuple[str | None, Start]]) -> None:
    """Find what scripts do together: a field calls the functions that the document declares."""
    shared = frozenset(name for script, _ in scripts[:_MOST_SCRIPTS] for name in functions_of(script or ""))
    starts = {
        start
        for script, start in scripts
        if script is None or not is_ordinary(script, shared=shared, may_speak=start != "itself")
    }
    if "itself" in starts:
        looking.find("pdf_script_by_itself")
    elif starts:
        looking.find("pdf_script")
    elif scripts:
        looking.find("pdf_form_script")


def _look_at_link(looking: Looking, link: str, start: Start) -> None:
    if start == "itself":
        find_some(looking, "pdf_opens_address", target=shown(link))
    elif is_odd(link):
        find_some(looking, "pdf_odd_link", target=shown(link))


def _look_at_other_file(looking: Looking, target: str, start: Start) -> None:
    if is_odd(target) or (start == "itself" and is_remote(target)):
        find_some(looking, "pdf_reaches_out", target=shown(target))
    elif target:
        find_some(looking, "pdf_link_to_file", target=shown(target))


def _look_at_launch(looking: Looking, part: Part, start: Start) -> None:
    target = target_of(part.get("/F")) or target_of(part.entries)
    if start != "itself" and is_document_beside(target) and "/Win" not in part.entries:
        find_some(looking, "pdf_link_to_file", target=shown(target))
    else:
        find_some(looking, "pdf_launches", target=shown(target))


def _look_at_submit(looking: Looking, target: str, start: Start) -> None:
    by_mail = target.lower().startswith("mailto:")
    if start != "itself" and (by_mail or not target):
        looking.find("pdf_form_by_mail")
    else:
        find_some(looking, "pdf_submits", target=shown(target))
