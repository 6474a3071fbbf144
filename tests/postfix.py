"""A real Postfix on loopback, with folders of its own: a mail server in front of ours."""

from __future__ import annotations

import json
import os
import shutil
import smtplib
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from tests.journeys.service import free_ports
from tests.needs import need

DAEMONS = Path("/usr/lib/postfix/sbin")
PATIENCE_SECONDS = 60
Found = TypeVar("Found")

MAIN = """
compatibility_level = 3.6
myhostname = mx.example.se
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
config_directory = {home}/etc
queue_directory = {home}/queue
data_directory = {home}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {home}/log/mail.log
maillog_file_prefixes = {home}
import_environment = MAIL_CONFIG={home}/etc
alias_maps =
alias_database =
local_recipient_maps =
# Nothing is looked up outside this machine.
smtp_dns_support_level = disabled
lmtp_dns_support_level = disabled
smtp_host_lookup = native
lmtp_host_lookup = native
smtpd_peername_lookup = no
# This machine is held to the same rules as the world.
smtpd_forbid_bare_newline_exclusions =
# A letter that was put off comes again when it is asked for, not by itself.
minimal_backoff_time = 1h
maximal_backoff_time = 2h
queue_run_delay = 1h
default_destination_rate_delay = 0
"""

# As docs/running.md tells to put it in front.
IN_FRONT = """
relay_domains = example.se
relay_recipient_maps =
recipient_delimiter =
message_size_limit = 52000000
lmtp_line_length_limit = 0
lmtp_destination_concurrency_limit = 8
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
smtpd_forbid_bare_newline = yes
smtpd_reject_footer_maps = regexp:{{ {{/^552 5\\.3\\.4/ \\c. Brevet ryms inte, dela upp det i flera}} }}
"""

# Everybody at example.org reads the same maildir: bounces are seen there.
OUTSIDE = """
virtual_mailbox_domains = example.org
virtual_mailbox_base = {home}
virtual_mailbox_limit = 0
virtual_mailbox_maps = static:outside/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
lmtp unix - - n - - lmtp
relay unix - - n - - smtp
showq unix n - n - - showq
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
{transports}
"""


class Postfix:
    """A Postfix that takes letters on ``port`` and gives those for us to ``transport``."""

    def __init__(self, home: Path, transport: str, *settings: str, services: str = "") -> None:
        self.home = home
        self.port = free_ports(1)[0]
        for folder in ("etc", "queue", "data", "log"):
            (home / folder).mkdir()
        shutil.chown(home / "data", "postfix")
        (home / "outside").mkdir()
        shutil.chown(home / "outside", 65534, 65534)
        lines = "\n".join((f"relay_transport = {transport}", *settings, ""))
        (home / "etc/main.cf").write_text((MAIN + IN_FRONT + OUTSIDE).format(home=home) + lines)
        (home / "etc/master.cf").write_text(
            MASTER.format(port=self.port, transports=services.format(home=home))
        )

    def command(self, *words: str) -> str:
        """Run one of Postfix's commands and return what it prints."""
        command = [words[0], "-c", str(self.home / "etc"), *words[1:]]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{done.stdout}{done.stderr}{self.words()}"
        return done.stdout

    def words(self) -> str:
        """Return its log."""
        log = self.home / "log/mail.log"
        return log.read_text() if log.exists() else ""

    def queue(self) -> list[dict[str, Any]]:
        """Return the letters that it holds, with the recipients still owed."""
        return [json.loads(line) for line in self.command("postqueue", "-j").splitlines()]

    def deferred(self) -> list[str]:
        """Return why each recipient that was put off was put off."""
        held = [entry for entry in self.queue() if entry["queue_name"] == "deferred"]
        return [recipient.get("delay_reason", "") for entry in held for recipient in entry["recipients"]]

    def flush(self) -> None:
        """Let it try again now what it has put off."""
        self.command("postqueue", "-f")

    def wait_until(self, look: Callable[[], Found]) -> Found:
        """Look again until there is something to see; fail with its log when nothing comes."""
        pause = Event()
        for _ in range(PATIENCE_SECONDS * 10):
            if found := look():
                return found
            pause.wait(0.1)
        raise AssertionError(self.words())

    def is_empty(self) -> bool:
        return not self.queue()

    def came_back(self) -> list[bytes]:
        """Return the letters that came to people outside: what was bounced."""
        return [path.read_bytes() for path in (self.home / "outside/new").glob("*")]

    def smtp(self) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, "client.example.org", timeout=60)


@contextmanager
def postfix(transport: str, *settings: str, services: str = "") -> Iterator[Postfix]:
    """Run a Postfix of the test's own; skip the test with a reason where that cannot be."""
    need(shutil.which("postfix") is not None and DAEMONS.is_dir(), "Postfix is not installed")
    need(os.geteuid() == 0, "only root may start Postfix")
    # Its own user must reach its folders, which the test's are not open to.
    with tempfile.TemporaryDirectory(prefix="intake-postfix-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        server = Postfix(home, transport, *settings, services=services)
        server.command("postfix", "start")
        try:
            yield server
        finally:
            server.command("postfix", "stop")
