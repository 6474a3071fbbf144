"""What the tests of the sandbox run in it; it knows nothing of the service, as little as a reader does."""

import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

MEGABYTE = 1024 * 1024


def echo(value):
    return value


def connect(port):
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        return "connected"


def connect_to_path(path):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        return "connected"


def say_to_path(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as client:
        return client.sendto(b"hej", path)


def listen_at_path(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
    return "listening"


def environment(_):
    return dict(os.environ)


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_bytes().decode()


def signalled(pid):
    os.kill(pid, 0)


def descriptors(_):
    return sorted(int(each.name) for each in Path("/proc/self/fd").iterdir())


def say_aloud(words):
    print(words)
    print(words, file=sys.stderr)
    os.write(1, words.encode())


def take_memory(megabytes):
    return len(bytearray(megabytes * MEGABYTE))


def take_time(_):
    while True:
        pass


def sleep(seconds):
    time.sleep(seconds)


def write(argument):
    Path(argument["file"]).write_bytes(bytes(argument["size"]))


def leave_behind(_):
    """Leave children that are in sessions of their own, and hold everything that they inherited."""
    left = []
    for _each in range(5):
        child = os.fork()
        if child == 0:
            os.setsid()
            time.sleep(600)
        left.append(child)
    return left


def leave_program_behind(argument):
    subprocess.Popen(["sleep", argument], start_new_session=True)
    time.sleep(600)


def leave_file_behind(_):
    file = Path(os.environ["TMPDIR"]) / "left"
    file.write_text("left")
    return str(file)


def fail(number):
    raise OSError(number, "hemligt")


def fail_with_words(words):
    raise ValueError(words)


def die(signal_number):
    os.kill(os.getpid(), signal_number)


def leave(code):
    os._exit(code)


def answer_a_set(_):
    return {1, 2}


def answer_much(megabytes):
    return "x" * megabytes * MEGABYTE


def capabilities(_):
    return {name: resource.getrlimit(getattr(resource, name)) for name in ("RLIMIT_CORE", "RLIMIT_FSIZE")} | {
        line.split(":")[0]: line.split(":")[1].strip()
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith(("Cap", "NoNewPrivs"))
    }


def read_from(path):
    return Path(path).read_text()
