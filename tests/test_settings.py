"""Settings of mail and files: what is wrong is named with its cure, before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.settings import Bucket, Settings, SettingsError


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


def test_proxies_are_addresses_and_networks_of_the_operators_own():
    named = Settings.from_mapping({"TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/29 2001:db8::/64"})
    assert [str(network) for network in named.trusted_proxies] == [
        "127.0.0.1/32", "10.0.0.0/29", "2001:db8::/64",
    ]  # fmt: skip
    assert Settings.from_mapping({}).trusted_proxies == ()
    assert "give addresses or networks" in complaint(TRUSTED_PROXIES="*")
    assert "give addresses or networks" in complaint(TRUSTED_PROXIES="10.0.0.5/8")
    assert "trusts every address" in complaint(TRUSTED_PROXIES="127.0.0.1, ::/0")


def test_a_setting_that_has_another_name_now_is_told_it():
    assert "is now called TRUSTED_PROXIES" in complaint(TRUSTED_PROXY="127.0.0.1")
    assert Settings.from_mapping({"TRUSTED_PROXY": ""}).trusted_proxies == ()


@pytest.mark.parametrize("url", ["https://", "https:///arende", "https://:8080"])
def test_a_surface_is_found_under_a_host_name(url):
    assert "names no host" in complaint(PUBLIC_URL=url)
    assert "names no host" in complaint(HANDLER_URL=url)


def test_what_is_no_address_is_told_so():
    assert "is no address" in complaint(HANDLER_URL="https://[::1")


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


def test_a_key_may_have_older_ones_after_it():
    newest, older = "n" * 32, "o" * 32
    values = {"SECRET_KEY_HANDLER": f" {newest} {older}\n{newest}", "ADDRESS_KEY": f"{newest} {older}"}
    settings = Settings.from_mapping(values)
    assert settings.secret_keys == {"citizen": (), "handler": (newest, older)}
    assert settings.address_keys == (newest.encode(), older.encode())
    assert settings.address_key == newest.encode()


def test_a_table_of_mailboxes_is_checked_at_start(tmp_path):
    table = tmp_path / "mailboxes.toml"
    table.write_text('[[mailboxes]]\nname = "Syd"\n')
    assert "INTAKE_MAILBOXES" in complaint(INTAKE_MAILBOXES=str(table))
    table.write_text(
        '[[mailboxes]]\nname = "syd"\nhost = "imap.example.se"\nuser = "syd"\npassword_file = "/run/secret"\n'
    )
    mailbox = Settings.from_mapping({"INTAKE_MAILBOXES": str(table)}).mailboxes[0]
    assert (mailbox.name, mailbox.port, mailbox.security, mailbox.since) == ("syd", 993, "tls", None)


def test_files_are_under_var_unless_it_is_said():
    settings = Settings.from_mapping({})
    assert (settings.bucket, settings.storage_folder) == (None, None)
    assert Settings.from_mapping({"STORAGE_URL": "file:///srv/in%20take"}).storage_folder == Path(
        "/srv/in take"
    )
    assert "three slashes" in complaint(STORAGE_URL="file://srv/intake")


def test_a_bucket_is_encrypted_and_found_as_boto3_does_unless_it_is_said():
    bucket = Settings.from_mapping({"STORAGE_URL": "s3://intake-files/police/syd"}).bucket
    assert bucket == Bucket("intake-files", "police/syd/", encryption="aes256")
    assert Settings.from_mapping({"STORAGE_URL": "s3://intake-files/"}).bucket.prefix == ""


@pytest.mark.parametrize(
    "url", ["s3:///x", "s3://Å", "s3://bucket//x", "s3://bucket/../x y", "s3://a:b@bucket/x"]
)
def test_what_is_no_bucket_is_told_without_being_shown(url):
    said = complaint(STORAGE_URL=url)
    assert said.startswith("STORAGE_URL: is no bucket")
    assert url not in said


def test_another_scheme_is_no_store():
    assert "begin it with s3://" in complaint(STORAGE_URL="https://s3.example.se/bucket")


def test_a_buckets_settings_belong_together():
    said = {"STORAGE_URL": "s3://intake-files"}
    assert "belong together" in complaint(**said, S3_ACCESS_KEY_ID="x")
    assert "S3_ENCRYPTION=kms" in complaint(**said, S3_KMS_KEY="x")
    assert "aes256, kms, bucket" in complaint(**said, S3_ENCRYPTION="none")
    assert "S3_ENDPOINT" in complaint(**said, S3_ENDPOINT="minio.example.se")


def test_a_buckets_secret_is_never_shown():
    said = {"STORAGE_URL": "s3://intake-files", "S3_ACCESS_KEY_ID": "x", "S3_SECRET_ACCESS_KEY": "hidden"}
    settings = Settings.from_mapping(said)
    assert settings.bucket.secret == "hidden"
    assert "hidden" not in repr(settings)
