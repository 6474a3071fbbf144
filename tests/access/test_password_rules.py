"""What a password may be: long, in any characters, and compared exactly as it was typed."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from intake.access import passwords
from tests import engines as own


@pytest.mark.parametrize(
    "password",
    [
        "allt med små bokstäver",
        "ALLT MED STORA BOKSTÄVER",
        "8 3 7 1 9 2 6 4 0 5 11",
        "åäö 中文 🚲 مرحبا",
        "En mening som är längre än sextiofyra tecken, och ändå lätt att minnas.",
    ],
)
def test_any_characters_will_do_and_none_must_be_there(password):
    assert passwords.problem_with(password, ()) is None


@pytest.mark.parametrize(
    "password",
    [
        "password1234", "P@ssw0rd1234", "qwertyuiop12", "123456789012", "abcabcabcabc", "iloveyou1234",
        "trustno1trustno1", "sommar2026!!", "Sommar2026Sommar", "Vinter2025!!", "losenord2026",
        "Lösenord!2345",
        "välkommen123", "Stockholm2026!", "administratör", "äöåäöåäöåäöå", "a" * 200,
    ],
)  # fmt: skip
def test_what_many_would_guess_will_not_do(password):
    assert "lätt att gissa" in passwords.problem_with(password, ())


def test_words_of_the_person_and_the_authority_count_for_nothing():
    own = ("Östen", "Lindqvist", "osten.lindqvist@example.se", "Exempelpolisen")
    for password in ("lindqvist1971", "Exempelpolisen1", "östenlindqvist"):
        assert passwords.problem_with(password, own) is not None


def test_a_password_of_two_hundred_characters_is_taken_whole():
    long = "ett långt lösenord " * 10 + "tio tecken"
    assert len(long) == passwords.MAX_CHARACTERS
    assert passwords.problem_with(long, ()) is None
    assert not passwords.matches(passwords.make_hash(long), long[:-1] + "!")


@pytest.mark.parametrize(
    "typed", ["Fyra Olika Ord här", "fyra olika ord här ", " fyra olika ord här", "fyra olika ord har"]
)
def test_what_is_nearly_the_password_is_not_it(typed):
    stored = passwords.make_hash("fyra olika ord här")
    assert passwords.matches(stored, "fyra olika ord här")
    assert not passwords.matches(stored, typed)


def test_a_password_is_stored_as_a_slow_digest_with_a_salt_of_its_own():
    one, other = passwords.make_hash("fyra olika ord här"), passwords.make_hash("fyra olika ord här")
    assert one.startswith("$argon2id$")
    assert one != other


def test_first_passwords_are_long_keep_to_the_rules_and_never_come_twice():
    made = {passwords.new_password() for _ in range(100)}
    assert len(made) == 100
    assert [password for password in made if passwords.problem_with(password, ())] == []


def test_a_new_database_has_nobody_who_could_sign_in(servers, tmp_path):
    with own.database(servers[0], tmp_path) as database:
        engine = create_engine(database.urls["owner"], poolclass=NullPool)
        with engine.connect() as connection:
            assert connection.scalar(text("SELECT count(*) FROM handler")) == 0
