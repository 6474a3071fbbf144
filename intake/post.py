"""Mail out: one letter, its exact bytes and its envelope, handed to a server or laid in a maildir.

The letter comes whole from the rule that wrote it, and nothing is added here but the signature of our
domain, where there is a key. One that goes again is written again: with the same Message-ID, and
with links that are made anew.
"""

from __future__ import annotations

import json
import os
import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage, Message
from pathlib import Path
from types import TracebackType
from typing import Protocol, cast

import flask_mail
from flask import current_app
from uuid_utils.compat import uuid7

from config.settings import Settings, SettingsError
from intake.errors import PostAway, PostRefused
from intake.letters import signing

LIMIT_SECONDS = 20.0
SLOWEST_BYTES_PER_SECOND = 250_000
IMPLICIT_TLS_PORT = 465

# These permanent answers speak of our own sign-in, not of the letter (RFC 4954).
_ABOUT_US = frozenset({530, 534, 535, 538})
_ADDRESS = re.compile(r"[^\s<>\x00-\x1f\x7f]+@[^\s<>@\x00-\x1f\x7f]+")
_ENHANCED = re.compile(r"[245]\.\d{1,3}\.\d{1,3}\b")


@dataclass(frozen=True)
class Outgoing:
    """A letter with its envelope; an empty ``envelope_from`` is the null return path <>."""

    message: EmailMessage
    envelope_from: str
    recipients: tuple[str, ...]


class Post(Protocol):
    """Takes letters out of the house."""

    def send(self, outgoing: Outgoing) -> None:
        """Hand over a letter to all its recipients, or to none.

        Raises PostRefused when it can never go, and PostAway when it may go later.
        """
        ...


def current() -> Post:
    """Return the post of this app."""
    return cast(Post, current_app.extensions["post"])


def from_settings(settings: Settings) -> Post:
    """Make the post that the settings name; raises SettingsError for a key that cannot sign."""
    signer = find_signer(settings)
    if settings.mail_server:
        return SmtpPost(settings, signer=signer)
    return MaildirPost(settings.var / "mail", signer=signer)


def find_signer(settings: Settings) -> signing.Signer | None:
    """Return what signs letters for our domain, None when no key is set; raises SettingsError."""
    if settings.mail_dkim_key is None or settings.mail_dkim_selector is None:
        return None
    try:
        key = signing.read_key(settings.mail_dkim_key.read_bytes())
    except OSError as error:
        raise SettingsError("MAIL_DKIM_KEY", f"cannot be read ({error.strerror}).") from None
    except ValueError as error:
        cure = f"{error}; make one with `openssl genrsa -out dkim.pem 2048`."
        raise SettingsError("MAIL_DKIM_KEY", cure) from None
    domain = settings.tables.authority.mail_domain.encode("idna").decode("ascii")
    return signing.Signer(domain, settings.mail_dkim_selector, key)


class MaildirPost:
    """Lays letters in a maildir, where any mail reader finds them; sends nothing.

    A letter's envelope stands beside it in ``envelopes/``, under the same name, as JSON.
    """

    def __init__(self, folder: Path, *, signer: signing.Signer | None = None) -> None:
        self.folder = folder
        self._signer = signer

    def send(self, outgoing: Outgoing) -> None:
        sender, recipients = _envelope(outgoing)
        data = _bytes(outgoing.message, self._signer).replace(b"\r\n", b"\n")
        name = f"{int(time.time())}.{uuid7().hex}.{socket.gethostname().replace('/', '-').replace(':', '-')}"
        envelope = json.dumps({"from": sender, "to": recipients}, ensure_ascii=False).encode()
        try:
            for part in ("", "cur", "new", "tmp", "envelopes"):
                (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lay(f"{name}.json", envelope, "envelopes")
            self._lay(name, data, "new")
        except OSError as error:
            raise PostAway(f"the maildir cannot be written ({error.strerror})") from error

    def _lay(self, name: str, data: bytes, folder: str) -> None:
        temporary = self.folder / "tmp" / name
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.folder / folder / name)
        descriptor = os.open(self.folder / folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class SmtpPost:
    """Sends by SMTP: plain, STARTTLS, or TLS from the start on port 465.

    ``limit_seconds`` bounds each wait for the server; a large letter gets longer for its bytes.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        signer: signing.Signer | None = None,
        limit_seconds: float = LIMIT_SECONDS,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        is_implicit = settings.mail_use_tls and settings.mail_port_out == IMPLICIT_TLS_PORT
        state = flask_mail.Mail().init_mail(
            {
                "MAIL_SERVER": settings.mail_server,
                "MAIL_PORT": settings.mail_port_out,
                "MAIL_USERNAME": settings.mail_username,
                "MAIL_PASSWORD": settings.mail_password,
                "MAIL_USE_SSL": is_implicit,
                "MAIL_USE_TLS": settings.mail_use_tls and not is_implicit,
            }
        )
        # Flask-Mail itself hands this state to its connections, though it declares a Mail.
        self._state = cast(flask_mail.Mail, state)
        self._signer = signer
        self._limit_seconds = limit_seconds
        self._tls = tls

    def send(self, outgoing: Outgoing) -> None:
        sender, recipients = _envelope(outgoing)
        data = _bytes(outgoing.message, self._signer)
        try:
            with _Connection(self._state, self._limit_seconds, self._tls) as connection:
                connection.send_bytes(sender, recipients, data)
        except smtplib.SMTPResponseException as error:
            raise _answered(error.smtp_code, error.smtp_error, is_about_letter=False) from error
        except (smtplib.SMTPException, OSError) as error:
            raise PostAway(f"the mail server is away ({type(error).__name__})") from error


class _Connection(flask_mail.Connection):
    """Flask-Mail's connection with what it lacks: a time limit, an envelope, and exact bytes."""

    def __init__(self, state: flask_mail.Mail, limit_seconds: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(state)
        self.limit_seconds = limit_seconds
        self.tls = tls

    host: smtplib.SMTP | None

    def configure_host(self) -> smtplib.SMTP:
        # Without a name of ours smtplib asks the DNS for one, outside every time limit.
        own = socket.gethostname()
        own = own if "." in own else "[127.0.0.1]"
        where = (self.mail.server, self.mail.port, own)
        tls = self.tls or ssl.create_default_context()
        if self.mail.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=self.limit_seconds, context=tls)
        else:
            host = smtplib.SMTP(*where, timeout=self.limit_seconds)
        try:
            if self.mail.use_tls:
                host.starttls(context=tls)
            if self.mail.username and self.mail.password:
                host.login(self.mail.username, self.mail.password)
            host.ehlo_or_helo_if_needed()
        except BaseException:
            host.close()
            raise
        return host

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.host is None:
            return
        # The letter's fate is decided; a server that fails at QUIT must not change it.
        with suppress(smtplib.SMTPException, OSError):
            self.host.quit()
        self.host.close()

    def send_bytes(self, sender: str, recipients: tuple[str, ...], data: bytes) -> None:
        """Send one letter; a single refused recipient stops it for all."""
        host = cast(smtplib.SMTP, self.host)
        is_ascii = all(address.isascii() for address in (sender, *recipients))
        options = [] if is_ascii else ["SMTPUTF8"]
        if not is_ascii and not host.has_extn("smtputf8"):
            raise PostRefused("Mejlservern klarar inte adresser med å, ä, ö eller andra särskilda tecken.")
        if not data.isascii() and host.has_extn("8bitmime"):
            options.append("BODY=8BITMIME")
        _require(host.mail(sender, options))
        for recipient in recipients:
            _require(host.rcpt(recipient))
        if host.sock:
            host.sock.settimeout(self.limit_seconds + len(data) / SLOWEST_BYTES_PER_SECOND)
        try:
            _require(host.data(data))
        except smtplib.SMTPDataError as error:
            raise _answered(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            raise PostAway("the mail server broke off during the letter", may_have_gone=True) from error


def _require(answer: tuple[int, bytes]) -> None:
    code, text = answer
    if not 200 <= code < 300:
        raise _answered(code, text)


def _answered(code: int, text: bytes | str, *, is_about_letter: bool = True) -> PostRefused | PostAway:
    """Tell what a refusing answer means; only its codes are kept, its text may name a person."""
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else text
    enhanced = _ENHANCED.match(words)
    codes = f"{code} {enhanced[0]}" if enhanced else f"{code}"
    if is_about_letter and 500 <= code < 600 and code not in _ABOUT_US:
        return PostRefused(f"Mejlservern tog inte emot brevet (svar {codes}).", codes)
    return PostAway(f"the mail server answered {codes}")


def _envelope(outgoing: Outgoing) -> tuple[str, tuple[str, ...]]:
    """Return the envelope with domains in their ASCII form; refuse what no envelope may hold."""
    if not outgoing.recipients:
        raise PostRefused("Brevet har ingen mottagare.")
    sender = _address(outgoing.envelope_from) if outgoing.envelope_from else ""
    return sender, tuple(_address(recipient) for recipient in outgoing.recipients)


def _address(address: str) -> str:
    if not _ADDRESS.fullmatch(address):
        raise PostRefused("Mejladressen går inte att skicka till.")
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain if domain.isascii() else domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        raise PostRefused("Mejladressen går inte att skicka till.") from None


def _bytes(message: EmailMessage, signer: signing.Signer | None) -> bytes:
    """Return the bytes that leave, with lines that end in CRLF; what is signed is these and no others."""
    for name, value in _headers(message):
        if any(char in f"{name}{value}" for char in "\r\n\0"):
            raise PostRefused("Brevet har en rad bruten i ett brevhuvud och skickas inte.")
    data = message.as_bytes(policy=message.policy.clone(linesep="\r\n", mangle_from_=False))
    return signer.sign(data, int(time.time())) if signer else data


def _headers(part: Message) -> Iterator[tuple[str, str]]:
    """Yield the raw headers of a letter and its parts, but not those of a letter that is attached."""
    yield from part.raw_items()
    if part.get_content_maintype() == "multipart":
        for inner in part.get_payload():
            if isinstance(inner, Message):
                yield from _headers(inner)
