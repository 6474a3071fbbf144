"""Settings of the mail: what is wrong is named with its cure, before anything starts."""

from __future__ import annotations

import pytest

from config.settings import Settings, SettingsError


def complaint(**values):
    with pytest.raises(SettingsError) as wrong:
        Settings.from_mapping(values)
    return str(wrong.value)


def test_relays_are_addresses_or_networks():
    relays = Settings.from_mapping({"MAIL_TRUSTED_RELAYS": "10.0.0.5, 2001:db8::/32"}).mail_trusted_relays
    assert [str(relay) for relay in relays] == ["10.0.0.5/32", "2001:db8::/32"]
    assert complaint(MAIL_TRUSTED_RELAYS="mx.example.se").startswith("MAIL_TRUSTED_RELAYS:")


def test_a_relay_signs_its_findings_with_our_domain_unless_it_is_said():
    assert Settings.from_mapping({}).mail_authserv_ids == ("example.se",)
    named = Settings.from_mapping({"MAIL_AUTHSERV_ID": "MX.example.se"})
    assert named.mail_authserv_ids == ("mx.example.se",)


def test_a_certificate_needs_its_key(tmp_path):
    certificate = tmp_path / "cert.pem"
    certificate.write_text("x")
    assert "belong together" in complaint(MAIL_TLS_CERTIFICATE=str(certificate))
    assert "is no file" in complaint(MAIL_TLS_CERTIFICATE=str(tmp_path / "none.pem"))


def test_a_signing_key_needs_its_selector(tmp_path):
    key = tmp_path / "key.pem"
    key.write_text("x")
    assert "belong together" in complaint(MAIL_DKIM_KEY=str(key))
    assert "belong together" in complaint(MAIL_DKIM_SELECTOR="host")
    assert "MAIL_DKIM_SELECTOR" in complaint(MAIL_DKIM_KEY=str(key), MAIL_DKIM_SELECTOR="två ord")


def test_a_table_of_mailboxes_is_checked_at_start(tmp_path):
    table = tmp_path / "mailboxes.toml"
    table.write_text('[[mailboxes]]\nname = "Syd"\n')
    assert "INTAKE_MAILBOXES" in complaint(INTAKE_MAILBOXES=str(table))
    table.write_text(
        '[[mailboxes]]\nname = "syd"\nhost = "imap.example.se"\nuser = "syd"\npassword_file = "/run/secret"\n'
    )
    mailbox = Settings.from_mapping({"INTAKE_MAILBOXES": str(table)}).mailboxes[0]
    assert (mailbox.name, mailbox.port, mailbox.security, mailbox.since) == ("syd", 993, "tls", None)
