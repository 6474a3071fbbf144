"""The scanner port: what clamd may say, that nothing else counts as clean, and a real clamd at work."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pikepdf
import pytest
from sqlalchemy import select

from intake import diagnosis
from intake.errors import ScannerAway
from intake.models import Attachment, Job
from intake.scanner import ClamdScanner, NoScanner, Scan, Signatures
from tests import desk
from tests.needs import need
from tests.scanners import CLEAN
from workers import process, tasks

CLAMD = shutil.which("clamd", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin")
# The test string is kept apart here, so that this file does not alarm anybody's scanner.
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!$H+H*"
KNOWN = b"En fil som andra har anm\xc3\xa4lt.\n" * 40


@pytest.fixture
def folder():
    # A Unix socket's path must stay under 108 bytes, which pytest's own folders may not.
    with tempfile.TemporaryDirectory(prefix="clamd-") as name:
        yield Path(name)


@pytest.fixture
def file(folder):
    path = folder / "bytes"
    path.write_bytes(os.urandom(300_000))
    return path


@contextmanager
def clamd_that(answer, path):
    """Serve one connection: read the whole command, then let ``answer`` have the connection."""
    received = []

    def serve():
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as stream:
            command = b""
            while not command.endswith(b"\0"):
                command += stream.read(1)
            received.append(command)
            while command == b"zINSTREAM\0" and (size := struct.unpack("!L", stream.read(4))[0]):
                received.append(stream.read(size))
            answer(connection)

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        thread = threading.Thread(target=serve)
        thread.start()
        yield received
        thread.join()


def says(text):
    return lambda connection: connection.sendall(text)


def test_a_file_without_findings_is_clean(folder, file):
    with clamd_that(says(b"stream: OK\0"), folder / "s") as received:
        scan = ClamdScanner(folder / "s").scan(file)
    assert scan == Scan(is_infected=False, signature=None)
    assert scan == CLEAN
    assert received[0] == b"zINSTREAM\0"
    assert b"".join(received[1:]) == file.read_bytes()


def test_an_infected_file_is_named(folder, file):
    with clamd_that(says(b"stream: Win.Test.EICAR_HDB-1 FOUND\0"), folder / "s"):
        scan = ClamdScanner(folder / "s").scan(file)
    assert scan == Scan(is_infected=True, signature="Win.Test.EICAR_HDB-1")
    assert scan != CLEAN


def test_what_cannot_be_looked_into_is_neither_infected_nor_clean(folder, file):
    with clamd_that(says(b"stream: Heuristics.Encrypted.Zip FOUND\0"), folder / "s"):
        scan = ClamdScanner(folder / "s").scan(file)
    assert scan == Scan(is_infected=False, signature="Heuristics.Encrypted.Zip")
    assert scan != CLEAN


def test_an_answer_in_pieces_is_read_whole(folder, file):
    def piecemeal(connection):
        for byte in b"stream: OK\0":
            connection.sendall(bytes([byte]))

    with clamd_that(piecemeal, folder / "s"):
        assert ClamdScanner(folder / "s").scan(file) == CLEAN


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"stream: OK",
        b"OK\0",
        b"stream: OK\0stream: OK\0",
        b"stream: x OK\0",
        b"stream: FOUND\0",
        b"INSTREAM size limit exceeded. ERROR",
        b"stream: Can't allocate memory ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"\0",
        b"\xff" * 5000,
    ],
)
def test_anything_else_is_no_answer(folder, file, reply):
    with clamd_that(says(reply), folder / "s"), pytest.raises(ScannerAway):
        ClamdScanner(folder / "s").scan(file)


@pytest.mark.parametrize(
    "reply",
    [
        b"INSTREAM size limit exceeded. ERROR\0",
        b"stream: Time limit reached ERROR\0",
        b"stream: CL_ETIMEOUT ERROR\0",
        b"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND\0",
    ],
)
def test_a_scan_that_a_limit_ended_is_not_whole_and_not_clean(folder, file, reply):
    with clamd_that(says(reply), folder / "s"):
        scan = ClamdScanner(folder / "s").scan(file)
    assert scan == Scan(is_infected=False, signature=None, is_whole=False)
    assert scan != CLEAN


def test_a_scanner_that_is_down_or_hangs_or_breaks_off_is_away(folder, file):
    with pytest.raises(ScannerAway):
        ClamdScanner(folder / "nothing").scan(file)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(folder / "silent"))
        silent.listen()
        for ask in (lambda scanner: scanner.scan(file), lambda scanner: scanner.ping()):
            with pytest.raises(ScannerAway):
                ask(ClamdScanner(folder / "silent", timeout=0.05))
    with pytest.raises(ScannerAway):
        ClamdScanner(folder / "silent").ping()


def test_a_scanner_that_trickles_is_bounded_as_a_whole(folder, file):
    gone = threading.Event()

    def trickle(connection):
        with suppress(OSError):
            while not gone.wait(0.02):
                connection.sendall(b"s")

    with clamd_that(trickle, folder / "s"):
        with pytest.raises(ScannerAway):
            ClamdScanner(folder / "s", timeout=0.2).scan(file)
        gone.set()


def test_ping(folder):
    with clamd_that(says(b"PONG\0"), folder / "s") as received:
        ClamdScanner(folder / "s").ping()
    assert received == [b"zPING\0"]
    with clamd_that(says(b"stream: OK\0"), folder / "t"), pytest.raises(ScannerAway):
        ClamdScanner(folder / "t").ping()


@pytest.mark.parametrize(
    ("reply", "made_at"),
    [
        (b"ClamAV 1.4.6/27812/Mon Nov 16 09:24:31 2026\0", datetime(2026, 11, 16, 9, 24, 31, tzinfo=UTC)),
        (b"ClamAV 1.4.6/27805/Sun Nov  8 09:24:31 2026\0", datetime(2026, 11, 8, 9, 24, 31, tzinfo=UTC)),
        (b"ClamAV 1.4.6\0", None),
    ],
)
def test_it_says_what_it_knows_and_how_old_that_is(folder, reply, made_at):
    with clamd_that(says(reply), folder / "s") as received:
        known = ClamdScanner(folder / "s").signatures()
    assert received == [b"zVERSION\0"]
    assert known == Signatures(reply.rstrip(b"\0").decode(), made_at)


@pytest.mark.parametrize(
    ("made_at", "mark", "words"),
    [
        (timedelta(days=1), "ok   ", "1 days old"),
        (timedelta(days=8), "FAULT", "8 days old; freshclam does not run"),
        (None, "note ", "no official database"),
    ],
)
def test_the_doctor_tells_how_old_the_signatures_are(settings, monkeypatch, folder, made_at, mark, words):
    known = Signatures("ClamAV 1.4.6", made_at and datetime.now(UTC) - made_at)
    monkeypatch.setattr(ClamdScanner, "ping", lambda _: None)
    monkeypatch.setattr(ClamdScanner, "signatures", lambda _: known)
    told = list(diagnosis._scanner(replace(settings, scanner="clamd", clamd_socket=folder / "s")))
    assert [each.mark for each in told] == ["ok   ", mark]
    assert words in told[1].words


def test_a_version_that_makes_no_sense_is_no_answer(folder):
    with clamd_that(says(b"UNKNOWN COMMAND\0"), folder / "s"), pytest.raises(ScannerAway):
        ClamdScanner(folder / "s").signatures()


def test_no_scanner_says_nothing(file):
    assert NoScanner().scan(file) is None
    assert NoScanner().signatures() is None
    assert NoScanner().ping() is None


@pytest.fixture(scope="module")
def real_clamd():
    """A clamd of our own with two signatures; its socket is there once it says that it checks itself."""
    need(CLAMD is not None, "clamd is not installed")
    with tempfile.TemporaryDirectory(prefix="clamd-") as name:
        folder = Path(name)
        (folder / "db").mkdir()
        (folder / "db" / "local.ndb").write_text(f"Local.Eicar-Test:0:*:{EICAR.hex()}\n")
        digest = hashlib.sha256(KNOWN).hexdigest()
        (folder / "db" / "local.hsb").write_text(f"{digest}:{len(KNOWN)}:Local.Known-File\n")
        (folder / "clamd.conf").write_text(
            f"DatabaseDirectory {folder}/db\nTemporaryDirectory {folder}\nLocalSocket {folder}/s\n"
            "LocalSocketMode 600\nForeground yes\nStreamMaxLength 2M\nAlertEncryptedArchive yes\n"
        )
        command = [CLAMD, "-c", folder / "clamd.conf"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as clamd:
            try:
                lines = []
                for line in clamd.stdout:
                    lines.append(line)
                    if line.startswith("Self checking every"):
                        break
                assert clamd.poll() is None, "".join(lines)
                yield ClamdScanner(folder / "s", timeout=30)
            finally:
                clamd.kill()


def pdf_with(name, data):
    """Make a PDF with a file attached, packed as pikepdf does: clamd does not see into it."""
    stream = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.attachments[name] = data
        pdf.save(stream)
    return stream.getvalue()


def zipped(data):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inner.txt", data)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data", [EICAR, zipped(EICAR), zipped(zipped(EICAR))], ids=["alone", "zipped", "zipped twice"]
)
def test_a_real_clamd_finds_the_test_string(real_clamd, tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    scan = real_clamd.scan(tmp_path / "file")
    assert scan.is_infected
    assert "Eicar" in scan.signature


def test_a_real_clamd_lets_ordinary_bytes_pass(real_clamd, tmp_path):
    real_clamd.ping()
    for data in (b"", "Räksmörgås".encode(), os.urandom(1_000_000)):
        (tmp_path / "file").write_bytes(data)
        assert real_clamd.scan(tmp_path / "file") == CLEAN


@pytest.mark.parametrize("data", [KNOWN, zipped(KNOWN)], ids=["alone", "zipped"])
def test_a_real_clamd_finds_a_file_by_its_hash(real_clamd, tmp_path, data):
    (tmp_path / "file").write_bytes(data)
    scan = real_clamd.scan(tmp_path / "file")
    assert (scan.is_infected, scan.signature.split(".UNOFFICIAL")[0]) == (True, "Local.Known-File")


def test_a_real_clamd_over_its_limit_has_not_scanned_the_whole(real_clamd, tmp_path):
    for size_bytes in (2_100_000, 5_000_000, 40_000_000):
        (tmp_path / "file").write_bytes(bytes(size_bytes))
        scan = real_clamd.scan(tmp_path / "file")
        assert scan == Scan(is_infected=False, signature=None, is_whole=False)


def test_a_real_clamd_without_an_official_database_says_its_version_alone(real_clamd):
    known = real_clamd.signatures()
    assert known.version.startswith("ClamAV ")
    assert known.made_at is None


class TestWithARealClamd:
    """A file that a citizen sent, checked by a worker whose scanner is clamd."""

    @pytest.fixture
    def check(self, make_app, real_clamd, clock, monkeypatch, seen):
        worker = make_app("citizen", "worker", scanner=real_clamd)
        monkeypatch.setattr(process, "app", lambda: worker)

        def run(name, data):
            desk.bring(worker, clock, files=((name, data),))
            clock.at += timedelta(minutes=10)
            (job,) = seen.scalars(select(Job.id).where(Job.kind == "check_file"))
            tasks.check_file(str(job))
            seen.rollback()
            return seen.scalars(select(Attachment)).one()

        return run

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("a.txt", EICAR),
            ("a.zip", zipped(EICAR)),
            ("a.pdf", pdf_with("a.txt", EICAR)),
            ("b.pdf", pdf_with("inre.pdf", pdf_with("a.txt", EICAR))),
            ("c.pdf", pdf_with("a.txt", KNOWN)),
        ],
    )
    def test_what_it_knows_is_quarantined_also_where_it_does_not_look_itself(self, check, name, data):
        file = check(name, data)
        assert file.verdict == "quarantine"
        assert any("Skadlig kod: Local." in each["handler"] for each in file.findings)

    def test_an_ordinary_pdf_is_accepted(self, check):
        file = check("a.pdf", pdf_with("anteckning.txt", b"Hej"))
        assert (file.verdict, file.scanned_with.startswith("ClamAV ")) == ("accept", True)

    def test_what_is_over_its_limit_is_not_scanned_and_never_called_clean(self, check):
        file = check("a.txt", b"Jag ringde igen.\n" * 200_000)
        assert file.verdict == "not_scanned"
        assert [each["code"] for each in file.findings] == ["scan_incomplete"]
