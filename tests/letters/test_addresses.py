"""Addresses as people and programs write them, right and wrong."""

import pytest

from intake.letters import split_address


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        ("asa@example.com", ("", "asa@example.com")),
        ("Åsa Öberg <asa@example.com>", ("Åsa Öberg", "asa@example.com")),
        ('"Öberg, Åsa" <asa@example.com>, b@c.se', ("Öberg, Åsa", "asa@example.com")),
        ("asa@example.com (Åsa)", ("Åsa", "asa@example.com")),
        ("=?utf-8?q?=C3=85sa=2C_=C3=96?= <a@b.se>", ("Åsa, Ö", "a@b.se")),
        ('"=?iso-8859-1?q?=C5sa?=" <a@b.se>', ("Åsa", "a@b.se")),
        ("Pete(A wonderful \\) chap) <pete(his account)@silly.test(his host)>", ("Pete", "pete@silly.test")),
        ("Vänner: a@b.se, c@d.se;", ("", "a@b.se")),
        ("<@a.se,@b.se:joe@c.se>", ("", "joe@c.se")),
        ("John Doe <jdoe@test   . example>", ("John Doe", "jdoe@test.example")),
        ('"Trasig <a@b.se>', ("Trasig", "a@b.se")),
        ("Kalle (Anka <a@b.se>", ("Kalle (Anka", "a@b.se")),
        ("polis@polisen.se <tjuv@example.com>", ("polis@polisen.se", "tjuv@example.com")),
        ("jdöe@mächine.example", ("", "jdöe@mächine.example")),
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
