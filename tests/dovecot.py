"""A real Dovecot on this machine's own ports, for tests of what is fetched by IMAP."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from itertools import count
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from imapclient import IMAPClient

from config.mailboxes import Mailbox
from tests.journeys.service import free_ports
from tests.needs import need

ROOT = Path(__file__).parents[1]
PROGRAM = shutil.which("dovecot", path="/usr/sbin:/usr/bin:/usr/local/sbin")
PASSWORD, TOKEN = "lösenord", "a-token-that-is-good"
# Settings of a server from before RFC 6851.
WITHOUT_MOVE = "imap_capability = IMAP4rev1 UIDPLUS IDLE NAMESPACE LITERAL+"
CONF = """
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/log
protocols = imap
listen = 127.0.0.1
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
mail_location = maildir:{home}/mail/%u
first_valid_uid = 1
# The tests look at what was written, whatever a power cut would leave.
mail_fsync = never
default_internal_user = dovecot
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
passdb {{
  driver = static
  mechanisms = xoauth2
  args = password={token}
}}
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home={home}/mail/%u
}}
service imap-login {{
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
  }}
}}
{more}
"""


@dataclass
class Dovecot:
    """A running server; whoever signs in with the right password has a mailbox."""

    home: Path
    port: int
    tls_port: int
    _names: Iterator[int] = field(default_factory=count)

    def new_mailbox(self, **values: object) -> Mailbox:
        """Describe a mailbox that nobody has used yet; read in plain unless told otherwise."""
        name = f"box-{next(self._names)}"
        secret = self.home / f"{name}.password"
        secret.write_text(f"{PASSWORD}\n")
        known = {
            "name": name, "host": "127.0.0.1", "port": self.port, "security": "none", "user": name,
            "password_file": secret, "token_command": (), "folder": "INBOX", "done_folder": "Intake",
            "since": date(2000, 1, 1), "address": None, "is_trusted": False, "certificate": None,
        }  # fmt: skip
        return Mailbox(**{**known, **values})

    @contextmanager
    def client(self, mailbox: Mailbox) -> Iterator[IMAPClient]:
        """Sign in as somebody's mail program."""
        with IMAPClient("127.0.0.1", self.port, ssl=False, timeout=20) as client:
            client.plain_login(mailbox.user, PASSWORD)
            client.normalise_times = False
            yield client

    def put(self, mailbox: Mailbox, raw: bytes, at: datetime, flags: tuple[bytes, ...] = ()) -> None:
        """Lay a letter into a mailbox as if it had come at a time."""
        with self.client(mailbox) as client:
            client.append(mailbox.folder, raw, flags, at)

    def letters(self, mailbox: Mailbox, folder: str = "") -> list[bytes]:
        """Return the letters of a folder by UID; none when there is no such folder."""
        return [found[b"BODY[]"] for found in self.look(mailbox, folder or mailbox.folder)]

    def look(self, mailbox: Mailbox, folder: str) -> list[dict[bytes, object]]:
        """Return all of a folder's letters with their flags, by UID."""
        with self.client(mailbox) as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            found = client.fetch(client.search(), ["BODY.PEEK[]", "FLAGS", "INTERNALDATE"])
            return [found[uid] for uid in sorted(found)]

    def file_of(self, mailbox: Mailbox, words: bytes) -> Path:
        """Find the file in which the server keeps a letter."""
        folder = self.home / "mail" / mailbox.user
        kept = [path for path in folder.rglob("*") if path.parent.name in ("cur", "new")]
        return next(path for path in kept if words in path.read_bytes())

    @property
    def authority(self) -> Path:
        return self.home / "authority.pem"


@contextmanager
def running(more: str = "") -> Iterator[Dovecot]:
    """Run a Dovecot with settings of its own, or skip the test with the reason why it cannot be."""
    need(PROGRAM is not None, "Dovecot is not installed (apt-get install dovecot-imapd)")
    need(os.geteuid() == 0, "only root can start Dovecot with users of its own")
    # Where its own users can come, and with names short enough for sockets.
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        home = Path(name)
        home.chmod(0o755)
        (home / "mail").mkdir()
        shutil.chown(home / "mail", "dovecot", "dovecot")
        make_certificates(home)
        port, tls_port = free_ports(2)
        conf = CONF.format(home=home, port=port, tls_port=tls_port, password=PASSWORD, token=TOKEN, more=more)
        (home / "dovecot.conf").write_text(conf)
        server = subprocess.Popen([PROGRAM, "-F", "-c", home / "dovecot.conf"])
        try:
            _wait_for(server, port, home / "log")
            yield Dovecot(home, port, tls_port)
        finally:
            server.terminate()
            server.wait(30)


def _wait_for(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    while server.poll() is None:
        try:
            IMAPClient("127.0.0.1", port, ssl=False, timeout=20).shutdown()
        except ConnectionRefusedError:
            continue
        return
    raise AssertionError(f"Dovecot did not start:\n{log.read_text()}")


def table_of(mailbox: Mailbox) -> str:
    """Write a mailbox as an operator would write it into the table."""
    return (
        f'[[mailboxes]]\nname = "{mailbox.name}"\nhost = "{mailbox.host}"\nport = {mailbox.port}\n'
        f'security = "{mailbox.security}"\nuser = "{mailbox.user}"\nsince = {mailbox.since}\n'
        f'password_file = "{mailbox.password_file}"\n'
    )


def make_certificates(home: Path) -> None:
    """Write an authority, and a server's certificate and key by it, good for 127.0.0.1 for a day."""
    authority_key, server_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    authority = _certificate("authority", authority_key, "authority", authority_key)
    server = _certificate("server", server_key, "authority", authority_key)
    (home / "authority.pem").write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    (home / "server.pem").write_bytes(server.public_bytes(serialization.Encoding.PEM))
    key = server_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (home / "server.key").write_bytes(key)


def _certificate(
    subject: str, key: ec.EllipticCurvePrivateKey, issuer: str, signer: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.now(UTC)
    is_authority = subject == issuer
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(signer, hashes.SHA256())
    )
