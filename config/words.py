"""Finds the words for people in the authority's own files, so that they are translated like all others."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO

Found = tuple[int, str, str, list[str]]


def extract(
    file: BinaryIO, _keywords: Sequence[str], _tags: Sequence[str], options: Mapping[str, str]
) -> Iterator[Found]:
    """Yield every text under the keys that ``options`` names, as Babel's extractors do.

    ``keys`` are separated by spaces; a key's list of texts gives each of them.
    """
    keys = frozenset(options["keys"].split())
    for words in _texts(tomllib.load(file), keys):
        yield 0, "gettext", words, []


def _texts(value: Any, keys: frozenset[str], key: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for inner, held in value.items():
            yield from _texts(held, keys, inner)
    elif isinstance(value, list):
        for held in value:
            yield from _texts(held, keys, key)
    elif isinstance(value, str) and value and key in keys:
        yield value
