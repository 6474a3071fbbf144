"""The warm process that forks a keeper for each request: what readers need is loaded once, before them."""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import shutil
import signal
import socket
import tempfile
import time
from contextlib import suppress
from typing import Any, NoReturn

from intake.sandbox import keeping, walls

# Names and not imports: a sandbox knows nothing of what is run in it. What fails to load fails again
# in the reader that needs it, and is told of there.
WARM = (
    *("intake.files.examine", "intake.files.drawing.inside", "intake.letters.child"),
    *("magic", "olefile", "oletools.olevba", "msoffcrypto", "pikepdf", "pypdfium2", "pyzipper", "psutil"),
    *("PIL.Image", "PIL.ImageOps", "PIL.GifImagePlugin", "PIL.JpegImagePlugin", "PIL.PngImagePlugin"),
    *("PIL.TiffImagePlugin", "PIL.WebPImagePlugin", "pillow_heif"),
)
# Keepers whose client is gone clean up in that time; they are ended by the kernel after it.
_LAST_SECONDS = 1.0


def main(start: dict[str, Any]) -> NoReturn:
    """Cut this process off, load, and serve until the process that started it is gone."""
    try:
        os.setsid()
        os.chdir("/")
        parent = os.pidfd_open(start["parent"])
        if os.getppid() == start["parent"]:
            _isolate(start["ways"], socket.socket(fileno=start["channel"]), parent)
    finally:
        os._exit(0)


def _isolate(ways: list[str], channel: socket.socket, parent: int) -> None:
    """Make the template a child of this process: only a child is in a new namespace of processes."""
    is_apart = "namespace" in ways and walls.works_in_child(walls.enter_namespaces)
    if is_apart:
        walls.enter_namespaces()
    # Readers' own folders lie within. The keepers empty them, unless they are killed with the template.
    tempfile.tempdir = folder = tempfile.mkdtemp(prefix="intake-sandbox-")
    template = os.fork()
    if template == 0:
        # This process has one thread, and nothing to do but to be there.
        walls.die_with_parent(signal.SIGKILL)
        is_filtered = "filter" in ways and walls.works_in_child(walls.load_filter)
        if is_filtered:
            walls.load_filter()
        _load()
        how = "namespace" if is_apart else "seccomp" if is_filtered else "none"
        channel.send(json.dumps({"isolation": how}).encode())
        _serve(channel, parent, walls.open_process_namespace() if is_apart else None)
        return
    channel.close()
    os.waitpid(template, 0)
    shutil.rmtree(folder, ignore_errors=True)


def _load() -> None:
    for name in WARM:
        with suppress(Exception):
            importlib.import_module(name)
    # What stands in memory now is never collected, so that a forked child copies less of it.
    gc.collect()
    gc.freeze()


def _serve(channel: socket.socket, parent: int, namespace: int | None) -> None:
    # Children are reaped by the kernel.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    waiting = select.poll()
    waiting.register(channel, select.POLLIN)
    waiting.register(parent, select.POLLIN)
    while parent not in dict(waiting.poll()):
        word, descriptors, _, _ = socket.recv_fds(channel, 16, 1)
        if not word:
            break
        with socket.socket(fileno=descriptors[0]) as client:
            _fork_keeper(client, namespace)
    channel.close()
    _let_keepers_end()


def _fork_keeper(client: socket.socket, namespace: int | None) -> None:
    try:
        if namespace is not None:
            walls.fork_into_new_namespace(namespace)
        keeper = os.fork()
    except OSError as error:
        with suppress(OSError):
            client.sendall(json.dumps({"away": f"no process could be made ({error.errno})"}).encode())
        return
    if keeper == 0:
        try:
            if namespace is None:
                walls.die_with_parent(signal.SIGKILL)
            keeping.keep(client)
        finally:
            os._exit(0)


def _let_keepers_end() -> None:
    ends_at = time.monotonic() + _LAST_SECONDS
    with suppress(ChildProcessError):
        while time.monotonic() < ends_at and os.waitpid(-1, os.WNOHANG) == (0, 0):
            time.sleep(0.02)
