"""The doctor: looks at each setting and engine and gives advice, changing nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from urllib.parse import parse_qs, urlsplit

import redis
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

import migrations
from config.settings import Bucket, Settings, SettingsError
from intake import hosts, post, sandbox, scanner, storage
from intake.chains import Room
from intake.errors import SandboxAway, ScannerAway, StorageError
from intake.files import drawing
from intake.mailroom.watch import Watch
from intake.verifying import Standing

SIGNATURES_TOO_OLD = timedelta(days=7)
# The dispatcher seals every ten minutes, when there is anything to seal.
SEAL_TOO_OLD = timedelta(hours=1)


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
        _settings, _private, _database, _queue, _bytes, _isolation, _office, _scanner, _mail, _signature,
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


def of_log(room: Room) -> Iterator[Finding]:
    """Tell whether the access log has a month for what comes, and was sealed lately."""
    if room.astray or not room.has_next:
        lacks = f"{room.astray} rows lie outside of its months" if room.astray else "no next month is made"
        yield Finding("access log", f"{lacks}; `intake dispatch` makes months each half hour", is_fault=True)
    is_late = room.is_owed and (room.sealed_at is None or room.at - room.sealed_at > SEAL_TOO_OLD)
    words = f"last seal {room.sealed_at:%F %T}Z" if room.sealed_at else "never sealed"
    words += "; does `intake dispatch` run?" if is_late else ""
    yield Finding("access log", words, is_advice=is_late)


def _settings(settings: Settings) -> Iterator[Finding]:
    yield Finding("INTAKE_VAR", str(settings.var))
    if settings.surface == "all":
        # Whoever gives the owner's own address starts each program by itself: nothing here parts them.
        is_advice = "owner" in settings.database_urls
        words = "all: `intake web` serves both surfaces under the owner's role, so no second wall stands"
        if not is_advice:
            words = "all: `intake run` serves the two surfaces apart; only `intake web` by itself would not"
        yield Finding("SURFACE", words, is_advice=is_advice)
    for name, url in (("PUBLIC_URL", settings.public_url), ("HANDLER_URL", settings.handler_url)):
        is_plain = not url.startswith("https://")
        yield Finding(
            name, url + (" (not https: cookies are not Secure)" if is_plain else ""), is_advice=is_plain
        )
    yield from _host_names(settings)
    if settings.sign_in_provider and not settings.sign_in_provider.acr:
        words = "not set: whether the provider asks for a second factor is not checked here"
        yield Finding("OIDC_ACR", words, is_advice=True)
    for surface, keys in settings.secret_keys.items():
        yield _key(f"SECRET_KEY_{surface.upper()}", len(keys))
    yield _key("ADDRESS_KEY", len(settings.address_keys))
    if not settings.tables.authority.is_confirmed:
        words = "confirmed = false: every page and letter says that this is a demonstration"
        yield Finding("authority.toml", words, is_advice=True)


def _host_names(settings: Settings) -> Iterator[Finding]:
    shared = hosts.name_in(settings.handler_url)
    is_https = "https://" in settings.public_url + settings.handler_url
    if is_https and shared == hosts.name_in(settings.public_url):
        words = f"shares {shared} with PUBLIC_URL, and so cookies; give the handlers a host name of their own"
        yield Finding("HANDLER_URL", words, is_fault=True)


def _key(name: str, number: int) -> Finding:
    if not number:
        return Finding(name, "missing; `intake run` makes one, elsewhere set it", is_fault=True)
    return Finding(name, "set" if number == 1 else f"set, and {number - 1} older still good")


def _private(settings: Settings) -> Iterator[Finding]:
    """Tell of each file with a secret in it that others on this machine may read."""
    ours = (settings.var / f"{name}.json" for name in ("secrets", "database-roles", "engines"))
    mailboxes = (mailbox.password_file for mailbox in settings.mailboxes)
    given = (settings.mail_dkim_key, settings.mail_tls_key, *mailboxes)
    # A group of the operator's own choice, such as ssl-cert, may read what the operator has laid there.
    closed = {**dict.fromkeys(ours, 0o077), **{path: 0o007 for path in given if path}}
    there = {path: path.stat().st_mode & others for path, others in closed.items() if path.exists()}
    for path in (path for path, is_open in there.items() if is_open):
        words = f"others may read {path}: close it by `chmod 600`, and change what is in it"
        yield Finding("private files", words, is_fault=True)
    if there and not any(there.values()):
        yield Finding("private files", f"{len(there)} are closed to others")


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
        made = make_url(url)
        host = str(made.host or made.query.get("host", ""))
        if not _is_here(host) and made.query.get("sslmode") != "verify-full":
            words = (
                f"goes to {host} without TLS that checks the server: set sslmode=verify-full and sslrootcert"
            )
            yield Finding(f"DATABASE_URL_{role.upper()}", words, is_fault=True)
        yield _role(role, url)


def _is_here(host: str) -> bool:
    """Say whether a host is this machine, so that nobody can listen on the way."""
    if not host or host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


_ABOVE_WALLS = text(
    "SELECT rolsuper OR rolbypassrls OR EXISTS (SELECT FROM pg_class WHERE relname = 'matter'"
    " AND relnamespace = 'public'::regnamespace AND pg_has_role(relowner, 'USAGE'))"
    " FROM pg_roles WHERE rolname = current_user"
)
_SEES_COUNTERS = text(
    "SELECT has_function_privilege('pg_stat_get_xact_tuples_returned(oid)', 'EXECUTE')"
    " OR has_column_privilege('pg_catalog.pg_class', 'reltuples', 'SELECT')"
)


def _role(role: str, url: str) -> Finding:
    engine = create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": 5})
    try:
        with engine.connect() as connection:
            version = connection.scalar(text("SHOW server_version"))
            here = connection.scalar(text("SELECT version_num FROM alembic_version"))
            is_above_walls = role != "owner" and connection.scalar(_ABOVE_WALLS)
            sees_counters = role == "handler" and connection.scalar(_SEES_COUNTERS)
    except SQLAlchemyError as error:
        words = f"cannot be used ({type(error).__name__}); start PostgreSQL or run `intake migrate`"
        return Finding(f"database as {role}", words, is_fault=True)
    if is_above_walls:
        words = "is a superuser, has BYPASSRLS, or owns tables: the second wall does not hold; take that away"
        return Finding(f"database as {role}", words, is_fault=True)
    if here != migrations.newest_revision():
        words = f"stands at {here}, this code wants {migrations.newest_revision()}; run `intake migrate`"
        return Finding(f"database as {role}", words, is_fault=True)
    said = f"PostgreSQL {version}, schema {here}"
    if sees_counters:
        return Finding(
            f"database as {role}", f"{said}; it may ask what the server counts, see docs/running.md"
        )
    return Finding(f"database as {role}", said)


def _queue(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        yield Finding(
            "REDIS_URL", "not set and no embedded engine runs; `intake run` starts one", is_fault=True
        )
        return
    parts = urlsplit(settings.redis_url)
    is_checked = parts.scheme == "rediss" and parse_qs(parts.query).get("ssl_cert_reqs") != ["none"]
    if parts.scheme != "unix" and not _is_here(parts.hostname or "") and not is_checked:
        words = f"goes to {parts.hostname} without TLS that checks the server: say rediss://"
        yield Finding("REDIS_URL", words, is_fault=True)
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
