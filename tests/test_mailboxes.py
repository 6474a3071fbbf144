"""The table of mailboxes is checked at start, and a complaint names the mailbox and the cure."""

from __future__ import annotations

from datetime import date

import pytest

from config.mailboxes import Mailbox, read_mailboxes
from config.reading import TableError
from config.settings import Settings, SettingsError
from intake import running

WHOLE = """
[[mailboxes]]
name = "kontakt"
host = "imap.example.org"
user = "kontakt@example.se"
password_file = "kontakt.password"
"""


@pytest.fixture
def read(tmp_path):
    def read(table):
        (tmp_path / "mailboxes.toml").write_text(table)
        return read_mailboxes(tmp_path / "mailboxes.toml", ("example.se",))

    return read


def test_what_is_left_out_is_the_safe_choice(read, tmp_path):
    assert read(WHOLE) == (
        Mailbox(
            name="kontakt",
            host="imap.example.org",
            port=993,
            security="tls",
            user="kontakt@example.se",
            password_file=tmp_path / "kontakt.password",
            token_command=(),
            folder="INBOX",
            done_folder="Intake",
            since=None,
            address=None,
            is_trusted=False,
            certificate=None,
        ),
    )


def test_all_that_can_be_said_is_taken(read):
    table = WHOLE.replace("password_file", "certificate") + (
        'security = "starttls"\ntoken_command = ["/usr/bin/token", "kontakt"]\nfolder = "Post/In"\n'
        'done_folder = "Post/Klart"\nsince = 2026-01-31\naddress = "Kontakt@example.se"\nis_trusted = true\n'
    )
    [mailbox] = read(table)
    assert (mailbox.port, mailbox.security, mailbox.since) == (143, "starttls", date(2026, 1, 31))
    assert mailbox.token_command == ("/usr/bin/token", "kontakt")
    assert (mailbox.folder, mailbox.done_folder) == ("Post/In", "Post/Klart")
    assert (mailbox.address, mailbox.is_trusted) == ("kontakt@example.se", True)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('name = "Kontakt"', "lower-case"),
        ("host = 7", "host is missing"),
        ('user = ""', "user is missing"),
        ("port = 0", "from 1 to 65535"),
        ("port = true", "from 1 to 65535"),
        ('security = "ssl"', "choose"),
        ('security = "none"', "this machine alone"),
        ("password_file = 1", "no words"),
        ('token_command = ["token"]', "one of them"),
        ('folder = "In*"', "name one"),
        ('done_folder = "INBOX"', "the same"),
        ('since = "yesterday"', "a day such as"),
        ("since = 2026-01-31T10:00:00Z", "a day such as"),
        ('address = "kontakt@example.org"', "none of mail.domains"),
        ('is_trusted = "no"', "neither true nor false"),
        ("flags = true", "nothing we know"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(read, line, why):
    named = line.partition(" ")[0]
    kept = [given for given in WHOLE.splitlines() if not given.startswith(f"{named} ")]
    with pytest.raises(TableError, match=why) as wrong:
        read("\n".join([*kept, line]))
    assert "mailbox" in str(wrong.value)


@pytest.mark.parametrize("command", ["[]", '"token"', "[1]"])
def test_a_token_command_is_a_list_of_words(read, command):
    with pytest.raises(TableError, match="list of words"):
        read(WHOLE.replace('password_file = "kontakt.password"', f"token_command = {command}"))


@pytest.mark.parametrize("table", ["", "mailboxes = []", "[mailboxes]", f"{WHOLE}\n[other]"])
def test_a_table_without_mailboxes_is_a_mistake(read, table):
    with pytest.raises(TableError, match="something else"):
        read(table)


def test_a_name_or_a_folder_that_stands_twice_is_a_mistake(read):
    with pytest.raises(TableError, match="name 'kontakt' stands twice"):
        read(WHOLE + WHOLE)
    with pytest.raises(TableError, match="folder 'INBOX of"):
        read(WHOLE + WHOLE.replace('name = "kontakt"', 'name = "annan"'))


def test_a_run_fetches_mailboxes_only_when_there_are_any(tmp_path):
    table = tmp_path / "mailboxes.toml"
    table.write_text(WHOLE)
    for values, is_fetching in (({}, False), ({"INTAKE_MAILBOXES": str(table)}, True)):
        plan = running.plan_of(Settings.from_mapping(values))
        assert ("mail-fetch" in [program.name for program in plan.programs]) is is_fetching


def test_the_setting_is_named_in_the_complaint(tmp_path):
    table = tmp_path / "mailboxes.toml"
    table.write_text(WHOLE + "port = 0")
    with pytest.raises(SettingsError, match=r"INTAKE_MAILBOXES: .* mailbox kontakt: port"):
        Settings.from_mapping({"INTAKE_MAILBOXES": str(table)})
