"""Every mail of the corpora is read, loses no part, and says what its own project says it says."""

import base64
import email
import hashlib
import json
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import Any

from tnefparse import TNEF

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


def leaves(message: Message, within: Message | None = None) -> Iterator[tuple[Message, Message | None]]:
    """Yield every leaf with the attached letter that it lies in; an attached letter is a leaf itself too."""
    kind = message.get_content_maintype()
    if kind == "multipart" and message.is_multipart():
        for part in message.get_payload():
            yield from leaves(part, within)
        return
    yield message, within
    if message.get_content_type() in ("message/rfc822", "message/global") and message.is_multipart():
        for part in message.get_payload():
            yield from leaves(part, message)


def is_kept(leaf: Message, within: Message | None, letter: Letter, raw: bytes) -> bool:
    if leaf.is_multipart():
        same_type = [part for part in letter.parts if part.declared_type == leaf.get_content_type()]
        return any(part.file.read_bytes() in raw for part in same_type)
    data = leaf.get_payload(decode=True) or b""
    if hashlib.sha256(data).hexdigest() in {part.sha256 for part in letter.parts}:
        return True
    if within is not None and data:
        # The texts of an attached letter are read in the letter itself, which is kept as it came.
        return is_text(leaf) and stands_in(leaf, [part.file.read_bytes() for part in letter.parts])
    text = decode(data, leaf.get_content_charset())[0].replace("\0", "")
    return text.replace("\r\n", "\n").replace("\r", "\n").strip() in letter.text


def is_text(leaf: Message) -> bool:
    return leaf.get_content_maintype() == "text" and leaf.get_content_disposition() != "attachment"


def stands_in(leaf: Message, wholes: list[bytes]) -> bool:
    encoded = leaf.get_payload().encode("ascii", "surrogateescape")
    return any(b"".join(encoded.split()) in b"".join(whole.split()) for whole in wholes)


def test_every_leaf_part_is_body_text_or_a_listed_part(corpora, tmp_path):
    count = 0
    for file in mails(corpora):
        letter = parse(file, tmp_path / str(count))
        raw = file.read_bytes()
        # The standard library's reading of the same bytes is the independent count.
        found = leaves(email.message_from_bytes(raw))
        lost = [leaf for leaf, within in found if not is_kept(leaf, within, letter, raw)]
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
        "n_att_deep": len(files),
        "n_parts": len(whole.get_payload()),
    }
    return [key for key, value in wanted.items() if key != "src" and found[key] != value]


# Where a list of MimeKit's tests differs from what we unpack, and why.
LISTS = {
    "christmas": "MimeKit lists a message twice, once as the icon that stands for it in older programs",
    "long-filename": "MimeKit lists only the text, the file is there all the same",
    "missing-filenames": "MimeKit lists only the text, the files are there all the same",
}


def test_every_winmail_dat_gives_the_files_of_its_list(corpora, tmp_path):
    differing = set()
    for file in sorted((corpora / "tnef").glob("*.tnef")):
        letter = parse_wrapped(file.read_bytes(), tmp_path / file.stem)
        names = file.with_suffix(".list").read_text().split("\n")
        wanted = sorted(name for name in names if name and not name.startswith("body."))
        found = sorted(str(part.name) for part in letter.parts if re.fullmatch(r"2~\d+", part.path))
        assert letter.parts[0].file.read_bytes() == file.read_bytes()
        # A second opinion, where one could be as wrong as the other.
        other = TNEF(file.read_bytes(), do_checksum=False).attachments
        assert found == sorted(attachment.long_filename() for attachment in other)
        if found != wanted:
            differing.add(file.stem)
    assert differing == set(LISTS)


def test_every_winmail_dat_gives_the_bytes_that_it_holds(corpora, tmp_path):
    count = 0
    for file in sorted((corpora / "tnef").glob("*.tnef")):
        letter = parse_wrapped(file.read_bytes(), tmp_path / file.stem)
        known = {part.sha256 for part in letter.parts}
        # The corpus' version control changed the line ends of the text files, not those of these.
        for held in sorted((corpora / "tnef" / file.stem).glob("*.*")):
            if held.suffix in (".jpg", ".png", ".pdf", ".doc", ".mp3"):
                assert hashlib.sha256(held.read_bytes()).hexdigest() in known, held
                count += 1
    assert count == 14


def parse_wrapped(data: bytes, folder: Path) -> Letter:
    head = b"From: a@b.se\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHej\n--b\n"
    kind = b'Content-Type: application/ms-tnef; name="winmail.dat"\nContent-Transfer-Encoding: base64\n\n'
    folder.mkdir()
    raw = folder / "raw"
    raw.write_bytes(head + kind + base64.encodebytes(data) + b"--b--\n")
    return parse(raw, folder / "parts")
