"""Addresses as people and programs write them, right and wrong."""

import pytest

from intake.letters import split_address
from intake.letters.addresses import addresses


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("asa@example.com", ("", "asa@example.com")),
        ("Åsa Öberg <asa@example.com>", ("Åsa Öberg", "asa@example.com")),
        ('"Öberg, Åsa" <asa@example.com>, b@c.se', ("Öberg, Åsa", "asa@example.com")),
        ("asa@example.com (Åsa)", ("Åsa", "asa@example.com")),
        ("=?utf-8?q?=C3=85sa=2C_=C3=96?= <a@b.se>", ("Åsa, Ö", "a@b.se")),
        ('"=?iso-8859-1?q?=C5sa?=" <a@b.se>', ("Åsa", "a@b.se")),
        (
            "Pete(A wonderful chap) <pete(his account)@silly.test>",
            ("Pete(A wonderful chap)", "pete@silly.test"),
        ),
        ("Vänner: a@b.se, c@d.se;", ("", "a@b.se")),
        ("<@a.se,@b.se:joe@c.se>", ("", "joe@c.se")),
        ("John Doe <jdoe@test   . example>", ("John Doe", "jdoe@test.example")),
        ('"Trasig <a@b.se>', ("Trasig", "a@b.se")),
        ("Kalle (Anka <a@b.se>", ("Kalle (Anka", "a@b.se")),
        ("polis@polisen.se <tjuv@example.com>", ("polis@polisen.se", "tjuv@example.com")),
        ("jdöe@mächine.example", ("", "jdöe@mächine.example")),
        ('"John" Doe <a@b.se>', ("John Doe", "a@b.se")),
        ('"Joe \\"Q\\"" <a@b.se>', ('Joe "Q"', "a@b.se")),
        ("Räv, Åsa <a@b.se>", ("Räv, Åsa", "a@b.se")),
        ("=?iso-8859-1?Q?R=E4v,_=C5sa?= <a@b.se>", ("Räv, Åsa", "a@b.se")),
        ("=?utf-8?Q?=C3=85sa_<a@b.se>?=", ("Åsa", "a@b.se")),
        ("=?utf-8?Q?=C3=85sa?= <=?utf-8?Q?a=40b.se?=>", ("Åsa", "a@b.se")),
        ("=?utf-8?Q?trasig <a@b.se>, =?utf-8?Q?hel?= <c@d.se>", ("=?utf-8?Q?trasig", "a@b.se")),
        ("Anders (Polisen) <a@b.se>", ("Anders (Polisen)", "a@b.se")),
        ("(Åsa) <a@b.se>", ("Åsa", "a@b.se")),
        ("<a@b.se> Åsa", ("Åsa", "a@b.se")),
        ("Åsa <<a@b.se>>", ("Åsa", "a@b.se")),
        ("Åsa <mailto:a@b.se>", ("Åsa", "a@b.se")),
        ("'a@b.se' <'a@b.se'>", ("a@b.se", "a@b.se")),
        ("asa @ b . se", ("", "asa@b.se")),
        ("Åsa <asa@[IPv6:2001:db8::1]>", ("Åsa", "asa@[IPv6:2001:db8::1]")),
        ('"a \\"b\\""@c.se', ("", '"a \\"b\\""@c.se')),
    ],
)
def test_the_first_mailbox_is_found(raw, wanted):
    assert split_address(raw) == wanted
    assert split_address(raw.encode()) == wanted


@pytest.mark.parametrize(
    "raw", ["", "undisclosed-recipients:;", '"', "(c):", "<>", "Kalle Anka", "@", "a@", "\0"]
)
def test_nothing_usable_is_none(raw):
    assert split_address(raw) is None


@pytest.mark.parametrize(
    "raw",
    [
        "Åsa <a@b.se> Bo <c@d.se>",
        "<a@b.se> <c@d.se>",
        "a@b.se c@d.se",
        "a@b.se; c@d.se",
        "Grupp:a@b.se,Bo <c@d.se>;",
        '"Bo " Ek" <a@b.se>, c@d.se',
    ],
)
def test_every_mailbox_is_found_even_where_no_comma_stands(raw):
    assert addresses([raw.encode()]) == ("a@b.se", "c@d.se")
