"""What every worker process has: its app, its name, and how to know that another one died."""

from __future__ import annotations

import functools
import os
import socket

import psutil
from flask import Flask

from config.settings import from_environment
from intake import create_app


@functools.cache
def app() -> Flask:
    """Return this process's app, made once; a forked child makes connections of its own."""
    return create_app(from_environment(), role="worker")


def owner() -> str:
    """Name this process so that it can never be taken for a later one: host, pid, start time."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.2f}"


def is_dead(owner: str) -> bool:
    """Say whether a process named by ``owner`` ran on this host and is gone."""
    host, pid, started = owner.rsplit(":", 2)
    if host != socket.gethostname():
        return False
    try:
        process = psutil.Process(int(pid))
        return f"{process.create_time():.2f}" != started or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
