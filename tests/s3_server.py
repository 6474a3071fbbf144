"""A real HTTP server that speaks S3, with a bucket for each test, and one that breaks off its answers."""

from __future__ import annotations

import functools
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from moto.server import ThreadedMotoServer

from config.settings import Bucket

KEYS = {"region": "eu-north-1", "key_id": "test", "secret": "test"}


@contextmanager
def s3_server() -> Iterator[str]:
    """Run moto's server on a free port; give its address."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@functools.cache
def client_of(endpoint: str):
    """Return a client as an administrator of the server has it."""
    return boto3.session.Session("test", "test").client("s3", "eu-north-1", endpoint_url=endpoint)


def new_bucket(endpoint: str, prefix: str = "files/") -> Bucket:
    """Make a bucket with a name of its own."""
    name = f"bucket-{uuid.uuid4()}"
    where = {"LocationConstraint": "eu-north-1"}
    client_of(endpoint).create_bucket(Bucket=name, CreateBucketConfiguration=where)
    return Bucket(name, prefix, endpoint, **KEYS)


@contextmanager
def breaking_server(data: bytes, most_bytes: int) -> Iterator[tuple[str, list[int]]]:
    """Run a server that ends each answer after so many bytes; give its address and where each began."""
    began: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            start = int(re.match(r"bytes=(\d+)-", self.headers["Range"])[1])
            began.append(start)
            self.send_response(206)
            self.send_header("Content-Length", str(len(data) - start))
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.write(data[start : start + most_bytes])

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield "http://{}:{}".format(*server.server_address), began
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
