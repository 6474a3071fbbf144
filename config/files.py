"""What files are taken and what is looked for in them: files.toml as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from config.reading import TableError


@dataclass(frozen=True)
class FileType:
    """An extension we take, the MIME types its content may have, and its words."""

    extension: str
    name: str
    mime_types: tuple[str, ...]


@dataclass(frozen=True)
class ByteRule:
    """What must not stand in content of some types: found, by ``code``, when it stands there often enough.

    ``pattern`` is searched in the first bytes in lower case; text in UTF-16 is read as UTF-8 first.
    """

    code: str
    name: str
    mime_types: tuple[str, ...]
    pattern: str
    first_bytes: int
    times: int = 1

    def finds(self, lowered: bytes) -> bool:
        """Say whether it stands in content, given in lower case."""
        found = re.finditer(self.pattern.encode("ascii"), lowered[: self.first_bytes])
        return sum(1 for _ in zip(range(self.times), found, strict=False)) == self.times


@dataclass(frozen=True)
class InsideLimits:
    """How much may lie within a file before it is no longer read; sizes in bytes, ``ratio`` a quotient."""

    max_entries: int
    max_unpacked_bytes: int
    max_taken_out_bytes: int
    max_ratio: int
    max_pixels: int
    max_frames: int
    ignored_names: list[str]


@dataclass(frozen=True)
class ViewLimits:
    """How much is made of a file to look at: pages, the longest side in pixels, characters of text."""

    max_pages: int
    page_pixels: int
    photo_pixels: int
    max_characters: int


@dataclass(frozen=True)
class AskedLimits:
    """How much a citizen may send who was asked for it: bytes and files of one draft."""

    max_matter_bytes: int
    max_files: int


@dataclass(frozen=True)
class FileLimits:
    """What files are taken and how large; sizes in bytes. ``table`` is what they were read from."""

    types: Mapping[str, FileType]
    rules: tuple[ByteRule, ...]
    inside: InsideLimits
    views: ViewLimits
    asked: AskedLimits
    table: Mapping[str, Any]
    max_file_bytes: int
    max_matter_bytes: int
    max_files: int
    max_request_bytes: int
    max_letter_bytes: int
    mail_way_out_bytes: int
    max_upload_bytes: int
    max_part_bytes: int

    def of_draft(self, *, is_asked: bool) -> FileLimits:
        """Return the limits of one draft, which are wider where we asked for what it brings."""
        if not is_asked:
            return self
        return replace(self, max_matter_bytes=self.asked.max_matter_bytes, max_files=self.asked.max_files)


def read_files(table: Mapping[str, Any]) -> FileLimits:
    """Read the table and check every pattern in it; raises TableError."""
    limits = files_in(table)
    for each in limits.rules:
        try:
            each.finds(b"")
        except (re.error, UnicodeEncodeError) as error:
            raise TableError(f"files.toml: the pattern of rule '{each.name}' is none ({error}).") from error
    return limits


def files_in(table: Mapping[str, Any]) -> FileLimits:
    """Return the values of a table that was read before; raises TableError when something is missing."""
    try:
        types = {
            extension: FileType(extension, row["name"], tuple(row["mime"]))
            for row in table["types"]
            for extension in row["extensions"]
        }
        rules = tuple(ByteRule(mime_types=tuple(row["mime"]), **_without_mime(row)) for row in table["rules"])
        return FileLimits(
            types=types, rules=rules, inside=InsideLimits(**table["inside"]),
            views=ViewLimits(**table["views"]),
            asked=AskedLimits(**table["asked"]), table=table, **table["limits"],
        )  # fmt: skip
    except (KeyError, TypeError) as error:
        raise TableError(f"files.toml: {error} is missing or of the wrong kind.") from error


def _without_mime(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "mime"}
