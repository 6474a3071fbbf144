"""What is made to break a parser is refused or read; nothing else ever comes out."""

import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.errors import LetterUnreadable
from intake.letters import Letter, best_effort, parse, split_address
from intake.letters.html import html_to_text


def nested(depth: int) -> bytes:
    level = b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n'
    return b"".join(level % (number, number) for number in range(depth)) + b"\r\ninnerst"


def parts(count: int) -> bytes:
    return b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * count + b"--b--\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        nested(51),
        nested(2000),
        parts(1001),
        b"Subject: " + b"a" * 33_000 + b"\r\n\r\nHej",
        b"Subject: a\r\n" + b"  b\r\n" * 7_000 + b"\r\nHej",
        b"".join(b"X-%d: y\r\n" % number for number in range(40_000)) + b"\r\nHej",
    ],
    ids=["51 deep", "2000 deep", "1001 parts", "a long header", "a long folded header", "many headers"],
)
def test_a_letter_beyond_the_caps_is_unreadable(read, raw):
    with pytest.raises(LetterUnreadable):
        read(raw)


def test_a_letter_at_the_caps_is_read(read):
    assert read(nested(50)).text == "innerst"
    assert read(parts(1000)).text.count("x") == 1000


def test_two_thousand_letters_within_each_other_are_one_file(read):
    letter = read(b"Content-Type: message/rfc822\r\n\r\n" * 2000)
    assert [part.declared_type for part in letter.parts] == ["message/rfc822"]


@pytest.mark.parametrize("piece", ["(", '"', '"a" <', "a@", "<", "(\\", ",;", "a", "=?", "=?u?q?"])
def test_hostile_addresses_are_read_in_linear_time(piece):
    # The suite's own time limit is the measure; quadratic reading takes hours here.
    split_address(piece * 300_001)


@pytest.mark.parametrize("piece", ["<a", "<!--", "<a b='", "<![", '<a href="', "<script>", "&#9", "<", "</"])
def test_hostile_html_is_read_in_linear_time(piece):
    html_to_text(piece * 200_000)


def test_a_huge_character_number_is_no_error():
    assert html_to_text("a&#" + "9" * 5000 + ";b &#xD800; &#0;") == "a\ufffdb \ufffd \ufffd"


def parsed(raw: bytes) -> Letter | None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "raw"
        file.write_bytes(raw)
        guess = best_effort(file)
        letter = None
        with contextlib.suppress(LetterUnreadable):
            letter = parse(file, Path(folder) / "parts")
        for one in (guess, letter):
            repr(one).encode()
            assert one is None or "\0" not in one.text + one.subject
        return letter


@given(st.binary(max_size=400))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_a_letter_or_unreadable(raw):
    parsed(raw)


PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\n\n", b" ", b"\t", b"\0", b"\xff", b"\xc3\xa5", b'"', b"(", b";", b"=",
        b"*", b"'",
        b"From: ", b"To: ", b"Date: ", b"Subject: ", b"References: <a@b>", b"Content-Type: ",
        b"text/plain", b"text/html", b"multipart/mixed; boundary=b", b'multipart/alternative; boundary="c"',
        b"message/rfc822", b"--b", b"--c", b"--b--", b"; charset=utf-16", b"; charset=utf-7",
        b"; name*0*=", b"; name*", b"; name=a b", b"%zz", b"Content-Disposition: attachment; filename=",
        b"Content-Transfer-Encoding: base64\n", b"Content-Transfer-Encoding: quoted-printable\n",
        b"Content-Transfer-Encoding: x-uuencode\n", b"begin 644 a\n", b"MMMM", b"=?utf-8?q?=FF?=",
        b"=?utf-8?b?w?=", b"=?x?q?a?=", b"+2AA-", b"a@b.se", b"<a@b>", b"99 Foo 2026 25:61 +9999",
        b"Mon, 1 Jan 0001 00:00:00 +2359", b"<a href='x'>", b"<!--", b"&#xD800;", b"hej",
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60))
@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_heap_of_mail_syntax_is_a_letter_or_unreadable(pieces):
    parsed(b"".join(pieces))


TYPES = st.sampled_from(["text/plain", "text/html", "image/png", "message/rfc822"])
LEAVES = st.tuples(TYPES, st.integers(0, 10**6))
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=20)


def written(tree, path: str = "x") -> tuple[bytes, list[bytes]]:
    """Return a part's bytes and the marks of the leaves in it."""
    if isinstance(tree, tuple):
        mark = b"mark-%s-%d" % (path.encode(), tree[1])
        return b"Content-Type: %s\r\n\r\n%s" % (tree[0].encode(), mark), [mark]
    inner = [written(child, f"{path}{number}") for number, child in enumerate(tree)]
    boundary = b"boundary" + path.encode()
    body = b"".join(b"\r\n--" + boundary + b"\r\n" + part for part, _ in inner)
    kind = b"alternative" if len(tree) == 2 else b"mixed"
    head = b"Content-Type: multipart/" + kind + b"; boundary=" + boundary + b"\r\n\r\n"
    return head + body + b"\r\n--" + boundary + b"--\r\n", [mark for _, marks in inner for mark in marks]


@given(TREES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_in_any_tree_of_parts_no_leaf_is_lost(tree):
    raw, marks = written(tree)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "raw"
        file.write_bytes(raw)
        letter = parse(file, Path(folder) / "parts")
        kept = letter.text.encode() + b"\n".join(part.file.read_bytes() for part in letter.parts)
    assert [mark for mark in marks if mark not in kept] == []
