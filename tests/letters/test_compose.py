"""What we send: automatic letters say nothing, replies say what the handler wrote."""

import email
import re
from datetime import UTC, datetime
from email import policy

import pytest

from intake.errors import PostRefused
from intake.letters import (
    Frame,
    ReplyFile,
    compose_automatic,
    compose_reply,
    message_id,
    our_message_id,
    parse,
)

KEY = b"k" * 32
SENDER = "arende+abcdefghij234567klmn@example.se"


def frame(**changes):
    values = {
        "to": "asa@example.com",
        "sender": SENDER,
        "sender_name": "Exempelmyndigheten",
        "message_id": message_id("receipt", "0198-ab", KEY, "example.se"),
        "date": datetime(2026, 3, 3, 13, 6, tzinfo=UTC),
        "language": "sv",
    }
    return Frame(**(values | changes))


def receipt(**changes):
    return compose_automatic(frame(**changes), "Kvittens K7RX-3M9P", "Hej!\n", is_answer=True)


def reply(subject="Svar om cykeln", text="Hej!\nVi har den.", files=(), **changes):
    return compose_reply(frame(**changes), subject, text, "Exempelmyndigheten\n", files)


def sent(letter):
    """Return a letter as its recipient gets it, and hold it to what every relay takes."""
    raw = letter.as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.split(b"\r\n")) <= 998
    assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0
    return email.message_from_bytes(raw, policy=policy.default)


def test_an_automatic_letter_is_marked_as_such():
    letter = sent(receipt(in_reply_to="<1@b.se>"))
    assert letter["Subject"] == "Kvittens K7RX-3M9P"
    assert letter["Auto-Submitted"] == "auto-replied"
    assert letter["X-Auto-Response-Suppress"] == "All"
    assert (letter["Reply-To"], letter["In-Reply-To"]) == (SENDER, "<1@b.se>")
    assert sent(compose_automatic(frame(), "Larm", "Hej!"))["Auto-Submitted"] == "auto-generated"


def test_a_letter_tells_its_language_when_it_is_known():
    assert sent(receipt(language="en"))["Content-Language"] == "en"
    assert sent(receipt(language=None))["Content-Language"] is None


def test_a_letter_without_a_senders_name_shows_the_address_alone():
    assert sent(receipt(sender_name=""))["From"] == SENDER


def test_our_own_receipt_is_automatic_to_ourselves(tmp_path):
    (tmp_path / "raw").write_bytes(receipt().as_bytes())
    letter = parse(tmp_path / "raw", tmp_path / "parts")
    assert letter.is_automatic
    assert our_message_id(letter.message_id, [KEY]) == "0198-ab"


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


def test_a_reply_ends_with_how_to_answer_it():
    assert sent(reply()).get_content().replace("\r", "") == "Hej!\nVi har den.\n\n-- \nExempelmyndigheten\n"


def test_plain_text_is_all_unless_html_is_wanted():
    assert sent(receipt()).get_content_type() == "text/plain"


def test_html_says_the_same_beside_the_text_and_after_it():
    letter = sent(reply(text="Hej & välkommen!\n\n<b>Se https://example.se/?a=1&b=2.", with_html=True))
    assert [part.get_content_type() for part in letter.iter_parts()] == ["text/plain", "text/html"]
    assert letter["Content-Language"] == "sv"
    html = letter.get_body(("html",)).get_content()
    assert '<html lang="sv">' in html
    assert "<title>Svar om cykeln</title>" in html
    assert '<p dir="auto">Hej &amp; välkommen!</p>' in html
    link = "https://example.se/?a=1&amp;b=2"
    assert f'<p dir="auto">&lt;b&gt;Se <a href="{link}">{link}</a>.</p>' in html


def test_html_fetches_nothing_and_runs_nothing():
    letter = sent(reply(text='<img src="https://x.se/a.gif"> https://x.se/"onclick=alert(1)', with_html=True))
    html = letter.get_body(("html",)).get_content()
    assert not re.search(r"<(?!/?(p|a|br|html|head|body|meta|title|!DOCTYPE)\b)", html)
    assert re.findall(r'<a href="([^"]*)">', html) == ["https://x.se/a.gif", "https://x.se/"]


def test_html_stands_beside_the_text_also_in_a_reply_with_files():
    files = (ReplyFile("a.pdf", "application/pdf", b"%PDF"),)
    letter = sent(reply(files=files, with_html=True, language=None))
    assert [part.get_content_type() for part in letter.iter_parts()] == [
        "multipart/alternative",
        "application/pdf",
    ]
    assert '<html lang="">' in letter.get_body(("html",)).get_content()


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
    assert our_message_id(own, [KEY]) == our_message_id(own.strip("<>").upper(), [KEY]) == "0198-ab"
    assert our_message_id(own.replace("ab.", "ac."), [KEY]) is None
    assert our_message_id(own.replace("reply", "receipt"), [KEY]) is None
    assert our_message_id(own, [b"x" * 32]) is None
    assert our_message_id("<a@b>", [KEY]) is None


def test_a_message_id_of_an_older_key_is_still_ours():
    own = message_id("reply", "0198-ab", b"o" * 32, "example.se")
    assert our_message_id(own, [KEY, b"o" * 32]) == "0198-ab"
    assert our_message_id(own, []) is None


@pytest.mark.parametrize("kind", ["supplement_request", "confirm", "link"])
def test_a_message_id_may_name_any_kind_also_one_of_older_letters(kind):
    assert our_message_id(message_id(kind, "0198-ab", KEY, "example.se"), [KEY]) == "0198-ab"


def test_a_message_id_takes_only_plain_identities():
    with pytest.raises(ValueError, match="lower-case"):
        message_id("reply", "A b", KEY, "example.se")
