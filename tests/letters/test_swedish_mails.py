"""Letters as phones, offices, scanners and old systems in Sweden write them: each is read as it was meant."""

import json
from pathlib import Path

import pytest

from intake.letters import parse

MAILS = Path(__file__).parents[1] / "data" / "mails"
EXPECTED = json.loads((MAILS / "expected.json").read_text())


@pytest.mark.parametrize("name", EXPECTED)
def test_a_letter_is_read_as_it_was_meant(name, tmp_path):
    letter, wanted = parse(MAILS / f"{name}.eml", tmp_path), EXPECTED[name]
    files = [part.name for part in letter.parts if not part.is_body]
    assert (letter.subject, letter.sender_email, letter.sender_name) == (
        wanted["subject"],
        wanted["from"],
        wanted["from_name"],
    )
    assert letter.text == wanted.get("text_is", letter.text)
    assert [words for words in wanted.get("text_has", ()) if words not in letter.text] == []
    assert [words for words in wanted.get("text_lacks", ()) if words in letter.text] == []
    assert files == wanted.get("files", files)
    assert set(wanted.get("files_has", ())) <= set(files)
    assert len(files) == wanted.get("n_files", len(files))


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_odd_about_a_letter_is_said(name, tmp_path):
    letter, wanted = parse(MAILS / f"{name}.eml", tmp_path), EXPECTED[name]
    assert letter.is_automatic == wanted.get("automatic", False)
    assert letter.has_html == wanted.get("html", False)
    assert letter.flow == wanted.get("flow")
    assert (letter.report and letter.report.kind) == wanted.get("report")
    assert wanted.get("problem_has", "") in " ".join(letter.problems)
    assert list(letter.cc) == wanted.get("cc", [])


@pytest.mark.parametrize("name", EXPECTED)
def test_all_of_its_words_and_files_are_somewhere(name, tmp_path):
    letter, wanted = parse(MAILS / f"{name}.eml", tmp_path), EXPECTED[name]
    kept = b"".join(part.file.read_bytes() for part in letter.parts)
    assert wanted.get("anywhere_has", "").encode() in letter.text.encode() + kept
    names = [part.name for part in letter.parts if part.name]
    assert all(any(name.endswith(end) for name in names) for end in wanted.get("files_end", ()))
