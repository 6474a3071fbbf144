"""The ports the service listens on: who else holds one, and whether what should answer there does."""

from __future__ import annotations

import errno
import http.client
import socket
from dataclasses import dataclass

import psutil

from config.settings import Settings
from intake.processes import CannotStart


@dataclass(frozen=True)
class Listener:
    """A port of ours: what it is called, the settings that move it, and where it is."""

    name: str
    setting: str
    host_setting: str
    host: str
    port: int

    @property
    def reachable_host(self) -> str:
        """The address by which this machine itself comes to it."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104

    @property
    def address(self) -> str:
        host = self.reachable_host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"


def listeners(settings: Settings) -> tuple[Listener, Listener, Listener]:
    """Return the ports that the service listens on: citizens, handlers, mail."""
    return (
        Listener("citizens", "INTAKE_CITIZEN_PORT", "INTAKE_BIND", settings.bind, settings.citizen_port),
        Listener(
            "handlers", "INTAKE_HANDLER_PORT", "INTAKE_HANDLER_PORT", "127.0.0.1", settings.handler_port
        ),
        Listener("mail", "INTAKE_MAIL_PORT", "INTAKE_MAIL_BIND", settings.mail_bind, settings.mail_port),
    )


def check_listeners(settings: Settings) -> None:
    """Raise CannotStart, naming who holds the port and the setting to change, when one is taken."""
    for listener in listeners(settings):
        family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as ours:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                ours.bind((listener.host, listener.port))
                ours.listen(1)
            except OSError as problem:
                raise CannotStart(_words_about(listener, problem)) from problem


def _words_about(listener: Listener, problem: OSError) -> str:
    where = f"Port {listener.port} ({listener.name})"
    if problem.errno == errno.EADDRINUSE:
        return (
            f"{where} is taken by {_holder(listener.port)}."
            f" End that, or set {listener.setting} to another port."
        )
    if problem.errno == errno.EACCES:
        return f"{where} may not be opened by this user. Set {listener.setting} to a port from 1024 up."
    return f"{where} cannot be opened on {listener.host!r} ({problem.strerror}). Set {listener.host_setting}."


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections(kind="tcp"):
            is_it = connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,)
            if is_it and connection.pid:
                command = " ".join(psutil.Process(connection.pid).cmdline())
                return f"pid {connection.pid} ({command[:200]})"
    except psutil.Error:
        pass
    return "a process of another user, which we may not see"


def is_answering(listener: Listener) -> bool:
    """Say whether the service answers there: a web surface that can accept, or the mail listener's 220."""
    try:
        if listener.name == "mail":
            return _greets(listener)
        connection = http.client.HTTPConnection(listener.reachable_host, listener.port, timeout=5)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == http.HTTPStatus.OK
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False


def _greets(listener: Listener) -> bool:
    with socket.create_connection((listener.reachable_host, listener.port), timeout=5) as client:
        greeting = client.recv(512)
        client.sendall(b"QUIT\r\n")
    return greeting.startswith(b"220")
