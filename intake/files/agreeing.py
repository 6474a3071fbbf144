"""Whether a file's name, size and content agree with what the table of types says."""

from __future__ import annotations

from config.files import ByteRule, FileLimits, FileType
from intake.files.encoding import in_utf_8
from intake.files.looking import Looking
from intake.files.names import deception, extension, was_cleaned
from intake.files.refusal import megabytes


def look(looking: Looking) -> None:
    """Find what disagrees between name, size and content."""
    _look_at_name(looking)
    found = extension(looking.name)
    file_type = looking.limits.types.get(found)
    if looking.size_bytes == 0:
        looking.find("inner_empty" if looking.depth else "file_empty")
    elif file_type is None:
        looking.find("file_type_not_listed", what=f"Filtypen .{found}" if found else "En fil utan filändelse")
    elif looking.detected_type not in file_type.mime_types:
        looking.find(_disagreement(looking, file_type), extension=found, detected=looking.detected_type)
    else:
        _look_for_what_must_not_stand(looking)
    if looking.size_bytes > looking.limits.max_upload_bytes:
        looking.find("file_too_large", most=megabytes(looking.limits.max_upload_bytes))


def _disagreement(looking: Looking, file_type: FileType) -> str:
    """Return how name and content disagree: telephones and browsers save one kind of picture as another."""
    taken = {mime for each in looking.limits.types.values() for mime in each.mime_types}
    types = {looking.detected_type, *file_type.mime_types}
    is_picture = types <= taken and all(mime.startswith("image/") for mime in types)
    return "other_picture" if is_picture else "content_disagrees"


def _look_at_name(looking: Looking) -> None:
    if why := deception(looking.name):
        looking.find("name_deceptive", why=why)
    elif was_cleaned(looking.name):
        looking.find("name_cleaned")


def _look_for_what_must_not_stand(looking: Looking) -> None:
    """Apply the table's byte rules; of several with the same code the first that finds speaks."""
    rules = rules_for(looking.detected_type, looking.limits)
    if not rules:
        return
    with looking.file.open("rb") as file:
        content = in_utf_8(file.read(max(rule.first_bytes for rule in rules))).lower()
    told = set()
    for rule in rules:
        if rule.code not in told and rule.finds(content):
            told.add(rule.code)
            looking.find(rule.code, what=rule.name)


def rules_for(detected_type: str, limits: FileLimits) -> list[ByteRule]:
    """Return the rules for content of a type."""
    return [rule for rule in limits.rules if detected_type in rule.mime_types]
