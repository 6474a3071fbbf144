"""What files are taken and what is done with them, as a page of the documentation (ASVS 5.1.1)."""

from __future__ import annotations

from collections.abc import Iterator

from config.files import FileLimits
from intake.files.findings import KINDS, Weight
from intake.files.refusal import megabytes

_INTRODUCTION = """\
# Files

This page is made from `config/files.toml` and the table of findings by `intake describe-files`; change those,
not this. The words in Swedish are those that a handler reads.

A file is taken by its extension, then by its content: libmagic over the whole file and what it is known to
miss, the rules for bytes below, and a parser of that type that must open it, in a process of its own without
a network. What lies within a file (an archive, a letter, an office file) is judged by the same table, three
containers deep. What was received is kept bit for bit under its SHA-256, whatever is found in it.
"""
_WEIGHTS: tuple[tuple[Weight, str, str], ...] = (
    ("refuse", "Refused",
     "Told to the person before anything is sent. In a letter, or within another file, it is quarantined "
     "instead."),
    ("quarantine", "Quarantined",
     "Kept bit for bit and opened by nobody without the special role, and then only as a locked archive. The "
     "sender is told that it arrived and is looked at first."),
    ("warn", "Passed on with a warning",
     "The handler sees a picture or the text of it first; the original only by an act of its own, which is "
     "logged."),
    ("note", "Told", "A fact, which changes nothing."),
)  # fmt: skip


def as_markdown(limits: FileLimits) -> str:
    """Return the page of the documentation."""
    return "\n".join([_INTRODUCTION, *_types(limits), *_sizes(limits), *_rules(limits), *_findings()])


def _types(limits: FileLimits) -> Iterator[str]:
    yield "## Types\n"
    yield "All else is refused before sending, and quarantined in letters and archives.\n"
    yield "| extension | what it is called | what the content may be |"
    yield "|---|---|---|"
    for name, mime_types in dict.fromkeys((each.name, each.mime_types) for each in limits.types.values()):
        same = (
            key for key, each in limits.types.items() if (each.name, each.mime_types) == (name, mime_types)
        )
        extensions = ", ".join(f".{key}" for key in same)
        yield f"| {extensions} | {name} | {', '.join(f'`{each}`' for each in mime_types)} |"


def _sizes(limits: FileLimits) -> Iterator[str]:
    inside = limits.inside
    yield "\n## Sizes\n"
    yield "| what | at most |"
    yield "|---|---|"
    yield f"| a file in a form without script | {megabytes(limits.max_file_bytes)} |"
    yield f"| a file sent in parts, and any file at all | {megabytes(limits.max_upload_bytes)} |"
    yield f"| all files of one form | {limits.max_files} files, {megabytes(limits.max_matter_bytes)} |"
    asked = limits.asked
    yield f"| all files that we asked for | {asked.max_files} files, {megabytes(asked.max_matter_bytes)} |"
    yield f"| one request | {megabytes(limits.max_request_bytes)} |"
    yield f"| a letter | {megabytes(limits.max_letter_bytes)} |"
    yield f"| files within an archive or an office file | {inside.max_entries} |"
    yield f"| all of them unpacked | {megabytes(inside.max_unpacked_bytes)} |"
    yield f"| taken out of a file and of all that lies within it | {megabytes(inside.max_taken_out_bytes)} |"
    yield f"| unpacked through packed, where it becomes large | {inside.max_ratio} |"
    yield f"| the pixels of one picture | {inside.max_pixels // 1_000_000} million |"
    yield f"| the frames of a moving picture | {inside.max_frames} |"


def _rules(limits: FileLimits) -> Iterator[str]:
    yield "\n## What must not stand in a file\n"
    yield "| in | searched | found | finding |"
    yield "|---|---|---|---|"
    for rule in limits.rules:
        types = ", ".join(f"`{each}`" for each in rule.mime_types)
        yield f"| {types} | the first {_amount(rule.first_bytes)} | {rule.name} | `{rule.code}` |"


def _amount(size_bytes: int) -> str:
    return megabytes(size_bytes) if size_bytes >= 1 << 20 else f"{size_bytes} byte"


def _findings() -> Iterator[str]:
    yield "\n## What is found, and what is done then\n"
    for weight, heading, meaning in _WEIGHTS:
        yield f"### {heading}\n"
        yield f"{meaning}\n"
        yield "| code | the handler reads |"
        yield "|---|---|"
        for code, kind in KINDS.items():
            if kind.weight == weight:
                yield f"| `{code}` | {kind.handler.replace('|', '&#124;')} |"
        yield ""
