"""A letter as one JSON object, for other programs: what it says, what came with it, what is odd."""

from __future__ import annotations

import json
from datetime import UTC
from typing import Any

from intake.letters.values import OUTSIDE, Letter, Part


def as_json(letter: Letter) -> str:
    """Return a letter on one line; sizes in bytes, the date in ISO 8601 and UTC, pure ASCII."""
    return json.dumps(
        {
            "from": letter.sender_email,
            "from_name": letter.sender_name,
            "to": letter.to,
            "cc": letter.cc,
            "date": letter.date.astimezone(UTC).isoformat() if letter.date else None,
            "subject": letter.subject,
            "text": letter.text,
            "html_present": letter.has_html,
            "message_id": letter.message_id,
            "in_reply_to": letter.in_reply_to,
            "references": letter.references,
            "automatic": letter.is_automatic,
            "attachments": [_file(part) for part in letter.parts if _is_attachment(part)],
            "problems": letter.problems,
        }
    )


def _is_attachment(part: Part) -> bool:
    """Say whether the sender attached it; the words outside of all parts are named among the problems."""
    return not part.is_body and not part.path.endswith(OUTSIDE)


def _file(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "type": part.declared_type,
        "size": part.size_bytes,
        "sha256": part.sha256,
        "inline": part.is_inline,
    }
