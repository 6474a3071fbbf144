"""Every mail of the corpora is read, loses no part, and says what its own project says it says."""

import email
import hashlib
import json
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

from intake.letters import Letter, parse
from intake.letters.charsets import decode

# Where we differ from a project's own expectation, and why.
REASONS = {
    "mail/mikel/attachment_emails/attachment_with_encoded_name.eml": {
        "att": "the name is not in the charset it declares; upstream writes U+FFFD, we read Windows-1252"
    },
    "mail/mikel/multi_charset/ks_c_5601-1987.eml": {"text_is": "upstream strips the last line end"},
    "mail/django-helpdesk/all-special-chars.eml": {"text_is": "upstream strips the last line ends"},
}
# Here the standard library takes header lines for body text: a stray line among the headers, and white
# space before the colon (RFC 5322 4.5).
HEADERS_TAKEN_FOR_TEXT = {"raw_email_incorrect_header.eml", "example13.eml"}


def mails(corpora: Path) -> Iterator[Path]:
    for file in sorted(corpora.rglob("*")):
        if file.suffix == ".eml" or file.name == "sample_output_multipart":
            yield file


def leaves(message: Message) -> Iterator[Message]:
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in message.get_payload():
            yield from leaves(part)
    else:
        yield message


def is_kept(leaf: Message, letter: Letter, raw: bytes) -> bool:
    if leaf.is_multipart():
        same_type = [part for part in letter.parts if part.declared_type == leaf.get_content_type()]
        return any(part.file.read_bytes() in raw for part in same_type)
    data = leaf.get_payload(decode=True) or b""
    if hashlib.sha256(data).hexdigest() in {part.sha256 for part in letter.parts}:
        return True
    text = decode(data, leaf.get_content_charset())[0].replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() in letter.text


def test_every_leaf_part_is_body_text_or_a_listed_part(corpora, tmp_path):
    count = 0
    for file in mails(corpora):
        letter = parse(file, tmp_path / str(count))
        raw = file.read_bytes()
        # The standard library's reading of the same bytes is the independent count.
        lost = [part for part in leaves(email.message_from_bytes(raw)) if not is_kept(part, letter, raw)]
        assert not lost or file.name in HEADERS_TAKEN_FOR_TEXT, file
        count += 1
    assert count > 100


def test_every_string_can_stand_in_the_database(corpora, tmp_path):
    for number, file in enumerate(mails(corpora)):
        letter = parse(file, tmp_path / str(number))
        everything = repr(letter) + letter.text + letter.subject
        assert "\0" not in everything
        everything.encode("utf-8")


def test_the_projects_own_expectations_are_met(corpora, tmp_path):
    expected = json.loads((corpora / "mail" / "expected.json").read_text())
    differing = {}
    for number, (name, wanted) in enumerate(expected.items()):
        letter = parse(corpora / name, tmp_path / str(number))
        if wrong := differences(letter, wanted, corpora / name):
            differing[name] = set(wrong)
    assert differing == {name: set(reasons) for name, reasons in REASONS.items()}


def differences(letter: Letter, wanted: dict[str, Any], file: Path) -> list[str]:
    files = [part for part in letter.parts if not part.is_body]
    whole = email.message_from_bytes(file.read_bytes())
    found = {
        "subject": letter.subject,
        "from": letter.sender_email,
        "from_name": letter.sender_name,
        "text_is": letter.text,
        "n_att": len(files),
        "att": [part.name for part in files],
        "att_size": [part.size_bytes for part in files],
        # Attached letters are kept whole, so what lies within them is not listed by itself.
        "n_att_deep": len(files) + 1,
        "n_parts": len(whole.get_payload()),
    }
    return [key for key, value in wanted.items() if key != "src" and found[key] != value]


def test_winmail_dat_is_kept_as_it_came(corpora, tmp_path):
    letter = parse(corpora / "tnef" / "rich-text.eml", tmp_path)
    kept = next(part for part in letter.parts if part.name == "winmail.dat")
    assert kept.file.read_bytes()[:4] == b"\x78\x9f\x3e\x22"
    assert any("winmail.dat" in problem for problem in letter.problems)
