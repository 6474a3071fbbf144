"""The bare baselines: the same servers with nothing of the service: parse, write, fsync, one row, commit."""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
import uuid
from pathlib import Path
from typing import Any, BinaryIO

import psycopg
from flask import Flask, render_template_string, request
from sqlalchemy import make_url
from waitress.server import create_server

from config.settings import from_environment
from intake.serving import CONNECTIONS, THREADS, listen

PAGE = """<!doctype html><html lang="sv"><title>{{ title }}</title><main><h1>{{ title }}</h1>
<form method="post">{% for name in names %}<label for="{{ name }}">{{ name }}</label>
<input id="{{ name }}" name="{{ name }}">{% endfor %}
<button type="submit">{{ title }}</button></form></main>"""
ROW = "INSERT INTO bare VALUES (%s, %s, %s)"
BLOCK_BYTES = 256 * 1024
END_OF_LETTER = b"\r\n.\r\n"
_local = threading.local()


def connection(url: str) -> psycopg.Connection[Any]:
    """Return this thread's connection."""
    if not hasattr(_local, "connection"):
        plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        _local.connection = psycopg.connect(plain)
    found: psycopg.Connection[Any] = _local.connection
    return found


def write(stream: BinaryIO, folder: Path) -> int:
    """Write and fsync a stream under a new name."""
    with (folder / uuid.uuid4().hex).open("wb") as file:
        while block := stream.read(BLOCK_BYTES):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def serve_web(port: int, folder: Path, url: str) -> None:
    """Serve one route that takes a form and a file."""
    app = Flask(__name__)

    @app.get("/")
    def show() -> str:
        return render_template_string(PAGE, title="Hur kan vi nå dig?", names=("namn", "epost", "telefon"))

    @app.post("/")
    def take() -> tuple[str, int]:
        words = request.form.get("text", "")
        parts = [io.BytesIO(words.encode()), *(file.stream for file in request.files.getlist("files"))]
        size = sum(write(part, folder) for part in parts)
        here = connection(url)
        here.execute(ROW, (uuid.uuid4(), words, size))
        here.commit()
        return "ok", 303

    create_server(
        app,
        sockets=[listen("127.0.0.1", port)],
        threads=THREADS,
        connection_limit=CONNECTIONS,
        asyncore_use_poll=True,
    ).run()


def serve_mail(port: int, folder: Path, url: str) -> None:
    """Take letters by LMTP, a thread for each sender, and only spool: write, fsync, one row, commit."""
    with socket.create_server(("127.0.0.1", port)) as server:
        while True:
            sender, _ = server.accept()
            threading.Thread(target=_converse, args=(sender, folder, url), daemon=True).start()


def _converse(sender: socket.socket, folder: Path, url: str) -> None:
    """Answer one sender, who is believed to speak as it should."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with sender, sender.makefile("rb") as reader, psycopg.connect(plain, autocommit=True) as here:
        sender.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sender.sendall(b"220 bare\r\n")
        while line := reader.readline():
            if not line.startswith(b"DATA"):
                sender.sendall(b"250 PIPELINING\r\n")
                continue
            sender.sendall(b"354 go on\r\n")
            size = _spool(reader, folder / uuid.uuid4().hex)
            here.execute(ROW, (uuid.uuid4(), "", size))
            sender.sendall(b"250 stored\r\n")


def _spool(reader: io.BufferedReader, path: Path) -> int:
    """Write a letter in whatever pieces it comes, as it comes, and fsync."""
    last = b""
    with path.open("wb", buffering=0) as file:
        while last != END_OF_LETTER:
            piece = reader.read1(BLOCK_BYTES)
            if not piece:
                raise ConnectionError("the sender left")
            file.write(piece)
            last = (last + piece)[-len(END_OF_LETTER) :]
        os.fsync(file.fileno())
        return file.tell()


def main(kind: str, port: str, folder: str) -> None:
    """Run as a process of its own: ``web PORT FOLDER`` or ``mail PORT FOLDER``."""
    settings = from_environment()
    url = settings.database_urls["owner" if kind == "web" else "worker"]
    Path(folder).mkdir(exist_ok=True)
    if kind == "web":
        serve_web(int(port), Path(folder), url)
    else:
        serve_mail(int(port), Path(folder), url)


if __name__ == "__main__":
    main(*sys.argv[1:])
