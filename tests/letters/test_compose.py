"""What we send: automatic letters say nothing, replies say what the handler wrote."""

import email
from datetime import UTC, datetime
from email import policy

import pytest

from intake.errors import PostRefused
from intake.letters import (
    ReplyFile,
    compose_alarm,
    compose_receipt,
    compose_reply,
    message_id,
    our_message_id,
    parse,
)

KEY = b"k" * 32
COMMON = {
    "to": "asa@example.com",
    "reference": "K7RX-3M9P",
    "matter_address": "arende+abcdefghij234567klmn@example.se",
    "authority_name": "Exempelmyndigheten",
    "is_demonstration": True,
    "message_id": message_id("receipt", "0198-ab", KEY, "example.se"),
    "date": datetime(2026, 3, 3, 13, 6, tzinfo=UTC),
    "sender": "svar@example.se",
}


def receipt(**changes):
    values = COMMON | {
        "received_at": datetime(2026, 3, 3, 13, 5, tzinfo=UTC),
    }
    return compose_receipt(**(values | changes))


def reply(**changes):
    values = COMMON | {
        "subject": "Svar om cykeln",
        "text": "Hej!\nVi har den.",
        "files": (),
        "in_reply_to": None,
    }
    return compose_reply(**(values | changes))


def sent(letter):
    """Return a letter as its recipient gets it, and hold it to what every relay takes."""
    raw = letter.as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    return email.message_from_bytes(raw, policy=policy.default)


def test_a_receipt_tells_the_reference_the_time_and_where_to_send_more():
    text = sent(receipt()).get_content()
    for words in ("K7RX-3M9P", "3 mars 2026 kl. 14.05", COMMON["matter_address"]):
        assert words in text


def test_a_receipt_is_neutral_and_marked_as_automatic():
    letter = sent(receipt(in_reply_to="<1@b.se>"))
    assert letter["Subject"] == "Kvittens K7RX-3M9P"
    assert letter["Auto-Submitted"] == "auto-replied"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert letter["Reply-To"] == COMMON["matter_address"]
    assert letter["In-Reply-To"] == "<1@b.se>"


def test_a_receipt_without_a_link_opens_nothing():
    assert "http" not in sent(receipt()).get_content()


def test_an_alarm_tells_the_reference_the_time_and_where_to_take_the_matter():
    link = "https://inkorg.example.se/arende/K7RX-3M9P"
    at = datetime(2026, 3, 3, 13, 5, tzinfo=UTC)
    letter = sent(compose_alarm(**COMMON | {"received_at": at, "link": link}))
    for words in ("K7RX-3M9P", "3 mars 2026 kl. 14.05", link):
        assert words in letter.get_content()
    assert (letter["Subject"], letter["Auto-Submitted"]) == ("Larm K7RX-3M9P", "auto-generated")


def test_only_a_demonstration_says_that_it_is_one():
    assert "demonstration" in sent(receipt()).get_content()
    assert "demonstration" not in sent(receipt(is_demonstration=False)).get_content()


def test_our_own_receipt_is_automatic_to_ourselves(tmp_path):
    (tmp_path / "raw").write_bytes(receipt().as_bytes())
    letter = parse(tmp_path / "raw", tmp_path / "parts")
    assert letter.is_automatic
    assert our_message_id(letter.message_id, KEY) == "0198-ab"


def test_a_reply_carries_the_handlers_words_and_files():
    files = (
        ReplyFile("Blankett å.pdf", "application/pdf", b"%PDF"),
        ReplyFile("a.eml", "message/rfc822", b"A: b"),
    )
    letter = sent(reply(text="Hej Åsa!\r\n" + "lång rad " * 300, files=files))
    assert "Hej Åsa!" in letter.get_body().get_content()
    found = [(part.get_filename(), part.get_content()) for part in letter.iter_attachments()]
    assert found == [("Blankett å.pdf", b"%PDF"), ("a.eml", b"A: b")]
    assert letter["Auto-Submitted"] is None


def test_a_reply_joins_the_thread_also_with_long_identifiers():
    long = "<" + "A" * 120 + "@eurprd01.prod.exchangelabs.com>"
    letter = sent(reply(in_reply_to=f"{long} junk\r\nBcc: x@y.se"))
    assert (letter["In-Reply-To"], letter["References"], letter["Bcc"]) == (long, long, None)


def test_no_line_break_in_a_subject_makes_a_header():
    letter = sent(
        reply(subject="Hej\r\nBcc: x@y.se\nå", files=(ReplyFile('a"\r\nX: y.txt', "text/plain", b"x"),))
    )
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Hej Bcc: x@y.se å"
    assert next(letter.iter_attachments())["X"] is None


def test_an_empty_subject_becomes_a_neutral_one():
    assert sent(reply(subject=" "))["Subject"] == "Svar K7RX-3M9P"


@pytest.mark.parametrize(
    "to",
    [
        "",
        "asa",
        "a@b.se, c@d.se",
        "a@b.se\r\nBcc: x@y.se",
        "å@example.com",
        "<a@b.se>",
        "a@" + "b" * 70 + ".se",
    ],
)
def test_an_address_that_cannot_be_sent_to_is_refused(to):
    with pytest.raises(PostRefused):
        receipt(to=to)


def test_an_address_with_swedish_letters_in_its_domain_is_sent_to():
    assert sent(receipt(to="asa@räksmörgås.se"))["To"] == "asa@xn--rksmrgs-5wao1o.se"


def test_only_our_own_message_ids_are_known():
    own = message_id("reply", "0198-ab", KEY, "example.se")
    assert our_message_id(own, KEY) == our_message_id(own.strip("<>").upper(), KEY) == "0198-ab"
    assert our_message_id(own.replace("ab.", "ac."), KEY) is None
    assert our_message_id(own.replace("reply", "receipt"), KEY) is None
    assert our_message_id(own, b"x" * 32) is None
    assert our_message_id("<a@b>", KEY) is None


def test_a_message_id_takes_only_plain_identities():
    with pytest.raises(ValueError, match="lower-case"):
        message_id("reply", "A b", KEY, "example.se")
