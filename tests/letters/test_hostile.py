"""What is made to break a parser is refused or read; nothing else ever comes out."""

import base64
import contextlib
import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from email import encoders, message_from_bytes
from email.message import Message
from email.mime.base import MIMEBase
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.errors import LetterUnreadable
from intake.letters import Letter, best_effort, parse, split_address
from intake.letters.html import html_to_text
from tests.letters.outlook_files import attached, compound, mapi_block, message, tnef, tnef_file


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


def test_two_thousand_letters_within_each_other_are_opened_three_deep(read):
    letter = read(b"Content-Type: message/rfc822\r\n\r\n" * 2000)
    assert [part.path for part in letter.parts] == ["1", "1~1", "1~1~1", "1~1~1~1"]
    assert "nivåer" in letter.problems[-1]


@pytest.mark.parametrize("piece", ["(", '"', '"a" <', "a@", "<", "(\\", ",;", "a", "=?", "=?u?q?"])
def test_hostile_addresses_are_read_in_linear_time(piece):
    # The suite's own time limit is the measure; quadratic reading takes hours here.
    split_address(piece * 300_001)


@pytest.mark.parametrize("piece", ["<a", "<!--", "<a b='", "<![", '<a href="', "<script>", "&#9", "<", "</"])
def test_hostile_html_is_read_in_linear_time(piece):
    html_to_text(piece * 200_000)


@pytest.mark.parametrize(
    "header",
    [
        b"From: =?utf-7?Q?+2AA-?=",
        b"Content-Disposition: =?utf-7?Q?+2AA-?=",
        b"Content-Disposition: attachment; filename*=utf-7''=?+2AA-",
        b"Content-Type: text/plain; charset=unicode-1-1-utf-7\r\nSubject: +2AA-\xff",
    ],
)
def test_half_a_letter_in_a_header_is_no_error(read, header):
    repr(read(header + b"\r\n\r\n+2AA-")).encode()


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


WITHIN = message({0x0037: "Inre", 0x1000: "hej"}, [attached({0x3707: "b", 0x3701: b"x"})], head=24)
SAVED = compound(
    message(
        {0x0037: "Hej", 0x1000: "text", 0x1013: b"<p>hej"},
        [attached({0x3707: "a.bin", 0x3701: bytes(5000)}), attached({0x3001: "x"}, WITHIN)],
    )
)
NAMED = mapi_block((0x1F, 0x3707, "ett långt namn.txt".encode("utf-16-le")), (0x102, 0x1009, b"rtf"))
PACKED = tnef((1, 0x9003, NAMED), *tnef_file("a.txt", b"hej" * 20), (2, 0x9005, NAMED))
CHANGES = st.lists(
    st.tuples(st.integers(0, 20_000), st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\1\0\0\0", b"a"])),
    max_size=12,
)


def changed(data: bytes, changes) -> bytes:
    for at, value in changes:
        at %= len(data)
        data = data[:at] + value + data[at + len(value) :]
    return data


@given(st.sampled_from([SAVED, PACKED]), CHANGES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_spoilt_file_of_outlooks_costs_only_what_lies_in_it(whole, changes):
    whole = changed(whole, changes)
    head = b"Content-Type: application/vnd.ms-outlook; name=a.msg\r\n"
    head = (
        b"From: a@b.se\r\nContent-Type: multipart/mixed; boundary=gr\r\n\r\n--gr\r\n\r\nHej\r\n--gr\r\n"
        + head
    )
    head += b"Content-Transfer-Encoding: base64\r\n\r\n"
    letter = parsed(head + base64.encodebytes(whole) + b"--gr--\r\n")
    assert letter is not None
    assert (letter.text, letter.parts[0].sha256) == ("Hej", hashlib.sha256(whole).hexdigest())


@given(CHANGES)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_spoilt_message_of_outlooks_is_a_letter_or_unreadable(changes):
    parsed(changed(SAVED, changes))


CHARSETS = st.sampled_from(["utf-8", "iso-8859-1", "windows-1252", "iso-8859-15", "utf-16"])
NAMES = st.sampled_from(
    [None, "a.pdf", "Räksmörgås.docx", "två ord.txt", '"citat".png', "日本.zip", "C:\\x\\y.png"]
)
WORDS = st.text(st.sampled_from("abcåäöÅÄÖ .,-\n"), max_size=200)
TEXTS = st.builds(lambda words, charset: MIMEText(words, "plain", charset), WORDS, CHARSETS)
KINDS = st.sampled_from(["application/pdf", "image/png", "text/csv", "video/mp4", "text/calendar"])
ENCODERS = st.sampled_from([encoders.encode_base64, encoders.encode_quopri, encoders.encode_7or8bit])


@st.composite
def written_files(draw) -> MIMEBase:
    part = MIMEBase(*draw(KINDS).split("/"))
    encode = draw(ENCODERS)
    # Only base64 keeps any bytes; the others are for lines.
    data = draw(
        st.binary(max_size=200) if encode is encoders.encode_base64 else st.just(b"rad ett\nrad tv\xe5")
    )
    part.set_payload(data)
    encode(part)
    name = draw(NAMES)
    part.add_header("Content-Disposition", "attachment", **({"filename": name} if name else {}))
    return part


def held_in(kind: str, parts: list[Message]) -> Message:
    """Return the parts in a multipart, or the first of them as an attached letter."""
    if kind == "rfc822":
        inner = MIMEMultipart("mixed")
        inner["Subject"] = "Vidarebefordrat"
        for part in parts:
            inner.attach(part)
        return MIMEMessage(inner)
    outer = MIMEMultipart(kind)
    for part in parts:
        outer.attach(part)
    return outer


BUILT = st.recursive(
    TEXTS | written_files(),
    lambda inner: st.builds(
        held_in,
        st.sampled_from(["mixed", "alternative", "related", "rfc822"]),
        st.lists(inner, min_size=1, max_size=4),
    ),
    max_leaves=15,
)


def files_and_texts(part: Message, level: int = 0) -> Iterator[tuple[Message, int]]:
    """Yield each leaf with the number of letters that it lies in, and each attached letter."""
    if part.get_content_type() == "message/rfc822":
        yield part, level
        yield from files_and_texts(part.get_payload(0), level + 1)
    elif part.is_multipart():
        for inner in part.get_payload():
            yield from files_and_texts(inner, level)
    else:
        yield part, level


@given(BUILT)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
def test_any_tree_that_the_standard_library_builds_adds_up(tree):
    # Written and read again, as a letter on its way is.
    raw = tree.as_bytes(policy=compat32)
    message = message_from_bytes(raw)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "raw").write_bytes(raw)
        letter = parse(Path(folder) / "raw", Path(folder) / "parts")
    leaves = list(files_and_texts(message))
    wanted = Counter(
        hashlib.sha256(leaf.get_payload(decode=True) or b"").hexdigest()
        for leaf, level in leaves
        if leaf.get_content_disposition() == "attachment" and level <= 3
    )
    assert not wanted - Counter(part.sha256 for part in letter.parts)
    wholes = sum(leaf.get_content_type() == "message/rfc822" and level <= 3 for leaf, level in leaves)
    assert sum(part.declared_type == "message/rfc822" for part in letter.parts) == wholes
    for leaf, level in leaves:
        if (
            level == 0
            and leaf.get_content_type() == "text/plain"
            and "attachment" not in str(leaf.get("content-disposition"))
        ):
            words = leaf.get_payload(decode=True).decode(leaf.get_content_charset("utf-8"))
            assert words.strip() in letter.text
