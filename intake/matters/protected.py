"""Protected identity: which fields tell who somebody is or how to reach them, and what stands there instead.

A rule of values. It goes by the matter's own flag, wherever a contact is shown or taken out; what the
person wrote is content and is not hidden. Replies still go to the person, whom only the service knows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

FLAG = "protected_identity"
NAME, EMAIL, PHONE, WORDS = (
    "Skyddat namn",
    "skyddad e-postadress",
    "skyddat telefonnummer",
    "Skyddad uppgift",
)
OTHER_EMAIL = "en annan skyddad e-postadress"
# What a reader of letters remarks on may quote a header.
REMARKS = "Det finns anmärkningar, men de kan återge kontaktuppgifter och visas därför inte."
_INSTEAD: Mapping[str, Any] = {
    "sender_name": NAME,
    "sender_email": EMAIL,
    "sender_phone": PHONE,
    "place_words": WORDS,
    "call_words": WORDS,
    "recipient": EMAIL,
    "envelope_from": EMAIL,
    "automatic_reason": WORDS,
    "problems": [REMARKS],
}
# Of letters as they are taken out: what tells of the sender's machine and domain.
_OF_LETTERS: Mapping[str, Any] = {
    "message_id_header": WORDS,
    "in_reply_to": WORDS,
    "authentication": None,
    "report": None,
    "trace": {},
}


def is_protected(flags: Collection[str]) -> bool:
    """Say whether a matter's flags hide who wrote."""
    return FLAG in flags


def shown(name: str, value: str | None, flags: Collection[str]) -> str | None:
    """Return a field of a matter with these flags as it is shown; an empty one is shown as empty."""
    return _INSTEAD[name] if value and is_protected(flags) else value


def hidden(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by their names, with something else in those that tell who wrote."""
    return {name: _INSTEAD[name] if value and name in _INSTEAD else value for name, value in values.items()}


def hidden_letter(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is known of a letter, by ours or to us, without what tells who it is from or to."""
    return {name: _OF_LETTERS.get(name, value) for name, value in hidden(values).items()}
