"""The doctor: looks at each setting and engine and gives advice, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import redis
from sqlalchemy import create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

import migrations
from config.settings import Bucket, Settings, SettingsError
from intake import post, sandbox, scanner, storage
from intake.errors import SandboxAway, ScannerAway, StorageError
from intake.files import drawing
from intake.mailroom.watch import Watch
from intake.verifying import Standing

SIGNATURES_TOO_OLD = timedelta(days=7)


@dataclass(frozen=True)
class Finding:
    """What was looked at, what was seen, and whether it must be mended."""

    what: str
    words: str
    is_fault: bool = False
    is_advice: bool = False

    @property
    def mark(self) -> str:
        return "FAULT" if self.is_fault else "note " if self.is_advice else "ok   "


def examine(settings: Settings) -> list[Finding]:
    """Examine everything that this host's settings name, in the order in which it is needed."""
    looks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _settings, _database, _queue, _bytes, _isolation, _office, _scanner, _mail, _signature,
    )  # fmt: skip
    return [finding for look in looks for finding in look(settings)]


def of_mail(watch: Watch) -> Iterator[Finding]:
    """Tell what the watch over the mail has seen."""
    for alarm in watch.alarms:
        yield Finding("mail", alarm.words, is_fault=True)
    for mailbox in watch.mailboxes:
        looked = f"last look {mailbox.looked_at:%F %T}Z" if mailbox.looked_at else "never looked at"
        yield Finding(f"mailbox {mailbox.name}", looked, is_advice=mailbox.looked_at is None)
    last = watch.last_letter_at
    words = f"last letter in {last:%F %T}Z" if last else "no letter has ever come in"
    yield Finding("mail", f"{words}; {watch.waiting} wait to be read", is_advice=last is None)


def of_bytes(standing: Standing) -> Iterator[Finding]:
    """Tell how far the proofs of the stored bytes have come."""
    if standing.differ:
        words = f"{standing.differ} are not as they came: `intake verify-files` tells which"
        yield Finding("proven files", words, is_fault=True)
    words = f"{standing.verified} of {standing.files} were read again and compared with their rows"
    if standing.oldest_at:
        words += f", each since {standing.oldest_at:%F %T}Z"
    yield Finding("proven files", words, is_advice=standing.verified < standing.files)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("INTAKE_VAR", str(settings.var))
    if settings.surface == "all":
        words = "all: both surfaces under one role, for trying only; set citizen or handler on a server"
        yield Finding("SURFACE", words, is_advice=True)
    for name, url in (("PUBLIC_URL", settings.public_url), ("HANDLER_URL", settings.handler_url)):
        is_plain = not url.startswith("https://")
        yield Finding(
            name, url + (" (not https: cookies are not Secure)" if is_plain else ""), is_advice=is_plain
        )
    for surface, key in settings.secret_keys.items():
        is_missing = not key
        words = "missing; `intake run` makes one, elsewhere set it" if is_missing else "set"
        yield Finding(f"SECRET_KEY_{surface.upper()}", words, is_fault=is_missing)
    is_missing = not settings.address_key
    yield Finding("ADDRESS_KEY", "missing" if is_missing else "set", is_fault=is_missing)
    if not settings.tables.authority.is_confirmed:
        words = "confirmed = false: every page and letter says that this is a demonstration"
        yield Finding("authority.toml", words, is_advice=True)


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None and not settings.database_urls:
        yield Finding(
            "DATABASE_URL", "not set and no embedded engine runs; `intake run` starts one", is_fault=True
        )
        return
    try:
        urls = dict(settings.database_urls)
        if settings.database_url:
            urls = migrations.known_roles(settings.database_url, settings.var) | urls
    except SettingsError as error:
        yield Finding(error.name, error.cure, is_fault=True)
        return
    for role, url in urls.items():
        yield _role(role, url)


def _role(role: str, url: str) -> Finding:
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            version = connection.scalar(text("SHOW server_version"))
            here = connection.scalar(text("SELECT version_num FROM alembic_version"))
    except SQLAlchemyError as error:
        words = f"cannot be used ({type(error).__name__}); start PostgreSQL or run `intake migrate`"
        return Finding(f"database as {role}", words, is_fault=True)
    if here != migrations.newest_revision():
        words = f"stands at {here}, this code wants {migrations.newest_revision()}; run `intake migrate`"
        return Finding(f"database as {role}", words, is_fault=True)
    return Finding(f"database as {role}", f"PostgreSQL {version}, schema {here}")


def _queue(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding(
            "REDIS_URL", "not set and no embedded engine runs; `intake run` starts one", is_fault=True
        )
        return
    try:
        carrier = redis.Redis.from_url(settings.redis_url, socket_connect_timeout=2, socket_timeout=2)
        info = carrier.info("server")
        version = info.get("valkey_version") or info.get("redis_version")
        yield Finding("queue", f"version {version}")
    except redis.RedisError as error:
        words = f"no answer ({type(error).__name__}); matters are still accepted, work waits"
        yield Finding("queue", words, is_fault=True)


def _bytes(settings: Settings) -> Iterator[Finding]:
    if settings.bucket is not None:
        yield from _bucket(settings.bucket)
    try:
        store = storage.from_settings(settings)
        store.check()
    except StorageError as error:
        yield Finding("storage", f"cannot be written ({error})", is_fault=True)
        return
    has_room = store.has_room()
    words = f"{store.free_bytes() / 1e9:.1f} GB free" + (
        "" if has_room else "; under the low-disk mark, uploads are stopped"
    )
    yield Finding("storage", words, is_fault=not has_room)


def _bucket(bucket: Bucket) -> Iterator[Finding]:
    where = f"s3://{bucket.name}/{bucket.prefix} at {bucket.endpoint or 'the address that boto3 finds'}"
    yield Finding("STORAGE_URL", where)
    if (bucket.endpoint or "").startswith("http://"):
        words = "not https: what citizens send lies open on the way to the store"
        yield Finding("S3_ENDPOINT", words, is_advice=True)
    if bucket.encryption == "bucket":
        words = "bucket: nothing is asked of the server; see that the bucket encrypts by itself"
        yield Finding("S3_ENCRYPTION", words, is_advice=True)


_ISOLATION = {
    "namespace": "files are read without a network, in a namespace of their own",
    "seccomp": "files are read without a network, by a filter of system calls (user namespaces are refused)",
    "none": "files and letters wait, since their readers cannot be cut off from the network: allow user"
    " namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone=1 and, on Ubuntu,"
    " kernel.apparmor_restrict_unprivileged_userns=0) or install libseccomp2",
}


def _isolation(_settings: Settings) -> Iterator[Finding]:
    try:
        isolation = sandbox.isolation()
    except SandboxAway as error:
        yield Finding("sandbox", f"cannot be started ({error}); files and letters wait", is_fault=True)
        return
    yield Finding("sandbox", _ISOLATION[isolation], is_fault=isolation == "none")


def _office(settings: Settings) -> Iterator[Finding]:
    del settings
    program = drawing.find_office()
    words = (
        "soffice is not installed: of Office files only the words are shown, of old ones nothing; install "
        "libreoffice-writer-nogui, libreoffice-calc-nogui and libreoffice-impress-nogui"
    )
    yield Finding("LibreOffice", str(program or words), is_advice=program is None)


def _scanner(settings: Settings) -> Iterator[Finding]:
    if settings.scanner == "none":
        yield Finding("SCANNER", "none: files are marked «inte genomsökt»; set clamd", is_advice=True)
        return
    try:
        clamd = scanner.from_settings(settings)
        clamd.ping()
        yield Finding("SCANNER", "clamd answers")
        yield _age(clamd.signatures())
    except ScannerAway as error:
        yield Finding(
            "SCANNER", f"clamd gives no answer ({error}); files wait, none is called clean", is_fault=True
        )


def _age(signatures: scanner.Signatures | None) -> Finding:
    if signatures is None or signatures.made_at is None:
        words = "clamd has no official database, only signatures of your own; set up freshclam"
        return Finding("signatures", words, is_advice=True)
    age = datetime.now(UTC) - signatures.made_at
    words = f"{signatures.version}, {age.days} days old"
    if age > SIGNATURES_TOO_OLD:
        return Finding(
            "signatures", f"{words}; freshclam does not run, or cannot reach its mirror", is_fault=True
        )
    return Finding("signatures", words)


def _mail(settings: Settings) -> Iterator[Finding]:
    if settings.mail_server is None:
        words = f"not set: letters are written to {settings.var / 'mail'}, none leaves this machine"
        yield Finding("MAIL_SERVER", words, is_advice=True)
        return
    yield Finding("MAIL_SERVER", f"{settings.mail_server}:{settings.mail_port_out}")


def _signature(settings: Settings) -> Iterator[Finding]:
    try:
        signer = post.find_signer(settings)
    except SettingsError as error:
        yield Finding(error.name, error.cure, is_fault=True)
        return
    if signer is None:
        words = "not set: letters are not signed, unless the mail server does it, and may be taken for spam"
        yield Finding("MAIL_DKIM_KEY", words, is_advice=True)
        return
    name, record = signer.record
    words = (
        f"letters are signed ({signer.algorithm}); receivers look for this in the DNS: {name} TXT {record}"
    )
    yield Finding("MAIL_DKIM_KEY", words)
