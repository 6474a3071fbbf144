"""A sender is only what a relay of ours says that he is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.letters.authentication import Authentication, judge

OURS = ("mx.polisen.example",)
PASS = "mx.polisen.example; spf=pass smtp.mailfrom=a@example.com; dkim=pass; dmarc=pass"
FAIL = "mx.polisen.example; spf=fail smtp.mailfrom=a@example.com; dmarc=fail header.from=example.com"


def outcome(value):
    found = judge([value], OURS)
    return found and (found.spf, found.dkim, found.dmarc)


def test_what_our_relay_found_is_told():
    value = "mx.polisen.example; spf=pass smtp.mailfrom=Studs@Ut.Example.com; dkim=fail header.d=example.com;"
    found = judge([value + " dmarc=none header.from=Example.com"], OURS)
    assert found == Authentication("pass", "fail", "none", "example.com", "ut.example.com")


def test_without_any_value_nothing_was_checked():
    assert judge([], OURS) is None


def test_a_value_by_a_stranger_is_not_believed():
    assert judge(["mx.attacker.example; dmarc=pass"], OURS) is None


def test_a_forged_value_below_ours_is_ignored():
    assert judge([FAIL, PASS], OURS) == Authentication("fail", None, "fail", "example.com", "example.com")


def test_a_value_with_our_name_below_a_strangers_is_ignored():
    assert judge(["mx.attacker.example; spf=pass", PASS], OURS) is None
    ours = "mx.polisen.example; spf=softfail"
    assert judge([ours, "mx.attacker.example; dkim=pass", PASS], OURS).dmarc is None


def test_a_forged_value_below_one_where_nothing_was_checked_is_ignored():
    assert judge(["mx.polisen.example; none", PASS], OURS) is None


def test_what_our_relay_tells_in_several_values_is_put_together():
    values = ["mx.polisen.example; dmarc=fail header.from=example.com", "MX.polisen.example; dkim=pass"]
    found = judge([*values, "mx.polisen.example; spf=none"], OURS)
    assert (found.spf, found.dkim, found.dmarc) == ("none", "pass", "fail")


def test_any_of_our_names_counts_without_regard_to_case():
    assert judge(["Polisen.Example; spf=pass"], ("mx.other.example", "polisen.EXAMPLE")).spf == "pass"


def test_a_name_that_only_begins_or_ends_like_ours_is_a_strangers():
    assert judge(["mx.polisen.example.attacker.example; spf=pass"], OURS) is None
    assert judge(["evil.mx.polisen.example; spf=pass"], OURS) is None


@pytest.mark.parametrize(
    "value",
    [
        "mx.polisen.example; none",
        "mx.polisen.example",
        "mx.polisen.example;",
        "mx.polisen.example; iprev=pass policy.iprev=192.0.2.1; auth=pass",
        "mx.polisen.example; dmarc=bestguesspass header.from=example.com",
        "mx.polisen.example; x-spf=pass; dmarc=",
        "dmarc=pass header.from=polisen.example",
        "(mx.polisen.example;) spf=pass",
        ";;;",
        "",
    ],
)
def test_where_nothing_was_checked_nothing_is_told(value):
    assert judge([value], OURS) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("mx.polisen.example 1; spf = pass (ok) smtp.mailfrom = a@b", ("pass", None, None)),
        ("mx.polisen.example/1; spf=pass", None),
        ('"mx.polisen.example"; SPF/1=Pass; dkim / 1 = FAIL', ("pass", "fail", None)),
        ("mx.polisen.example;\tspf=neutral reason=\"a; dmarc=pass\"", ("neutral", None, None)),
        ("mx.polisen.example; spf=fail (says (\\) dmarc=pass;) x; dmarc=pass)", ("fail", None, None)),
        ("mx.polisen.example; spf=fail (never closed; dmarc=pass", ("fail", None, None)),
        ('mx.polisen.example; spf=fail smtp.mailfrom="x; dmarc=pass"@b', ("fail", None, None)),
        ("mx.polisen.example; dkim=fail header.d=a; dkim=pass header.d=b", (None, "pass", None)),
        ("mx.polisen.example; dkim=temperror; dkim=fail", (None, "temperror", None)),
        ("mx.polisen.example; spf=none smtp.helo=h; spf=fail smtp.mailfrom=a@b", ("fail", None, None)),
        ("mx.polisen.example; spf=hardfail; dkim=policy; dmarc=permerror", ("fail", None, "permerror")),
    ],
)  # fmt: skip
def test_comments_quotes_versions_and_several_results_are_understood(value, expected):
    assert outcome(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            "mx.polisen.example;       dkim=pass header.i=@example.com header.s=s1 header.b=Ab+/c==;"
            "       spf=pass (polisen.example: domain of a@example.com designates 192.0.2.1 as permitted"
            ' sender) smtp.mailfrom=a@example.com;       dmarc=pass (p=REJECT sp=REJECT dis=NONE)'
            " header.from=example.com",
            Authentication("pass", "pass", "pass", "example.com", "example.com"),
        ),
        (
            "spf=softfail (sender IP is 192.0.2.1) smtp.mailfrom=example.com; mx.polisen.example; dkim=pass"
            " (signature was verified) header.d=example.com;mx.polisen.example; dmarc=none action=none"
            " header.from=example.com;compauth=pass reason=100",
            Authentication("softfail", "pass", "none", "example.com", "example.com"),
        ),
        (
            'mx.polisen.example;\tdkim=pass header.d=example.com header.s=s header.b="Xy/=";\tdmarc=pass'
            ' (policy=quarantine) header.from=example.com;\tspf=pass (mx.polisen.example: domain of'
            ' "a b"@example.com designates 192.0.2.1) smtp.mailfrom="a b"@example.com',
            Authentication("pass", "pass", "pass", "example.com", "example.com"),
        ),
        (
            "mx.polisen.example; dmarc=fail (p=none dis=none) header.from=example.com",
            Authentication(None, None, "fail", "example.com", None),
        ),
        (
            "mx.polisen.example; spf=pass smtp.mailfrom=<>",
            Authentication("pass", None, None, None, None),
        ),
    ],
    ids=["Google", "Exchange", "rspamd", "OpenDMARC", "null sender"],
)  # fmt: skip
def test_each_relays_way_of_writing_is_understood(value, expected):
    assert judge([value], OURS) == expected


@given(st.lists(st.text(alphabet='spfdkimarc=;/()"\\ .@<>-pase\t1', max_size=80), max_size=4))
def test_no_words_from_a_stranger_are_believed(values):
    assert judge([f"mx.attacker.example; {value}" for value in values], OURS) is None


@given(st.text(max_size=200) | st.text(alphabet='spfdkimarc=;/()"\\ .@<>-\t1', max_size=200))
def test_any_value_is_read_or_passed_over(value):
    found = judge([f"{OURS[0]}; spf=fail; {value}"], OURS)
    assert found.spf in ("fail", "pass", "none", "neutral", "softfail", "temperror", "permerror")


def test_a_long_hostile_value_is_read_in_linear_time():
    for piece in ("(", '"', '\\"', 'a=\\" ', "a=", "; ", "spf/", 'a="\\', "aaaa"):
        judge([f"{OURS[0]}; {piece * 100_000}"], OURS)
