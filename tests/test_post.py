"""Mail out: exact bytes, the envelope as given, and what each answer of a server means."""

from __future__ import annotations

import json
import mailbox
import shutil
import socket
import ssl
import stat
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP, compat32

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config.settings import Settings, SettingsError
from intake import diagnosis
from intake.errors import PostAway, PostRefused
from intake.post import MaildirPost, Outgoing, SmtpPost, find_signer, from_settings
from tests.letters.test_signing import believes
from tests.needs import need

VERP = "studs+abc@example.se"
NO_ADDRESSES = (
    "", "asa", "asa@", "a b@example.org", "asa@example.org\r\nRCPT TO:<x@example.org>", "<a@example.org>",
    "a@example.org>", "asa@b@example.org ", "asa@exam\0ple.org", "a@" + "å" * 70 + ".se",
)  # fmt: skip


def letter(text="Hej på dig.\n.\n..punkt\nFrom här\n", **headers):
    message = EmailMessage(policy=SMTP)
    message["From"] = "Exempelmyndigheten <svar@example.se>"
    message["To"] = "Åsa Öst <asa@example.org>"
    message["Subject"] = "Svar på ditt ärende"
    message["Message-ID"] = "<0193a4b5-c6d7.brev@example.se>"
    for name, value in headers.items():
        message[name] = value
    message.set_content(text)
    return message


def outgoing(message=None, envelope_from=VERP, recipients=("asa@example.org",)):
    return Outgoing(message or letter(), envelope_from, recipients)


class Server:
    """Keeps what it is handed, and answers each step as it is told."""

    def __init__(self, **answers):
        self.answers, self.letters, self.options = answers, [], []

    async def handle_MAIL(self, _server, _session, envelope, address, mail_options):  # noqa: N802
        self.options = mail_options
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(self, _server, _session, envelope, address, _rcpt_options):  # noqa: N802
        answer = self.answers.get(address, self.answers.get("rcpt", "250 OK"))
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802
        answer = self.answers.get("data", "250 OK")
        if answer.startswith("250"):
            self.letters.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return answer


class Listening(Controller):
    """A controller on any free port."""

    def __init__(self, server, **options):
        self.bound = socket.create_server(("127.0.0.1", 0))
        super().__init__(server, hostname="127.0.0.1", port=self.bound.getsockname()[1], **options)

    def _create_server(self):
        return self.loop.create_server(self._factory_invoker, sock=self.bound)


@contextmanager
def running(server, **options):
    controller = Listening(server, **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def post_to(port, limit_seconds=5.0, tls=None, signer=None, **changes):
    settings = replace(Settings.from_mapping({}), mail_server="127.0.0.1", mail_port_out=port, **changes)
    return SmtpPost(settings, signer=signer, limit_seconds=limit_seconds, tls=tls)


def test_a_letter_arrives_byte_for_byte_with_its_envelope():
    server, message = Server(), letter()
    with running(server) as port:
        post_to(port).send(outgoing(message))
        post_to(port).send(outgoing(message))
    assert server.letters == [(VERP, ["asa@example.org"], message.as_bytes())] * 2
    assert b"Message-ID: <0193a4b5-c6d7.brev@example.se>\r\n" in server.letters[0][2]


def test_a_receipt_has_the_null_return_path():
    server = Server()
    with running(server) as port:
        post_to(port).send(outgoing(envelope_from=""))
    assert server.letters[0][0] == "<>"


def test_line_ends_are_right_whatever_the_letter_was_made_with():
    server, message = Server(), EmailMessage()
    message.set_content("en rad\nen till\n")
    with running(server) as port:
        post_to(port).send(outgoing(message))
    assert server.letters[0][2].count(b"\n") == server.letters[0][2].count(b"\r\n")


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("code", [500, 550, 552, 554])
def test_a_permanent_answer_refuses_the_letter_for_good(step, code):
    with (
        running(Server(**{step: f"{code} 5.1.1 asa@example.org is unknown"})) as port,
        pytest.raises(PostRefused) as refusal,
    ):
        post_to(port).send(outgoing())
    assert refusal.value.code == f"{code} 5.1.1"
    assert str(refusal.value) == f"Mejlservern tog inte emot brevet (svar {code} 5.1.1)."


@pytest.mark.parametrize("step", ["mail", "rcpt", "data"])
@pytest.mark.parametrize("code", [421, 450, 451, 452, 530, 535])
def test_a_temporary_answer_or_one_about_our_sign_in_is_tried_again(step, code):
    with running(Server(**{step: f"{code} later"})) as port, pytest.raises(PostAway) as away:
        post_to(port).send(outgoing())
    assert not away.value.may_have_gone


def test_one_refused_recipient_stops_the_letter_for_all():
    server = Server(**{"bo@example.org": "550 no"})
    with running(server) as port, pytest.raises(PostRefused):
        post_to(port).send(outgoing(recipients=("asa@example.org", "bo@example.org")))
    assert server.letters == []


@contextmanager
def server_that_says(*lines, then_hangs=False):
    """Say the greeting, then one line for each command; a command's data ends with its dot."""

    def serve():
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            connection.sendall(lines[0])
            for line in lines[1:]:
                stream.readline()
                connection.sendall(line)
            if lines[-1].startswith(b"354"):
                while stream.readline() not in (b".\r\n", b""):
                    pass
            if then_hangs:
                stream.read()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


POLITE = (b"220 hello\r\n", b"250 here\r\n", b"250 ok\r\n", b"250 ok\r\n")


@pytest.mark.parametrize(
    ("lines", "may_have_gone"),
    [
        ((b"554 no service here\r\n",), False),
        ((b"220 hello\r\n",), False),
        ((b"nonsense\r\n",), False),
        (POLITE[:3], False),
        (POLITE, True),
        ((*POLITE, b"354 go on\r\n"), True),
    ],
)
def test_a_server_that_breaks_off_is_away_and_it_is_told_whether_the_letter_may_have_gone(
    lines, may_have_gone
):
    with server_that_says(*lines) as port, pytest.raises(PostAway) as away:
        post_to(port).send(outgoing())
    assert away.value.may_have_gone == may_have_gone


@pytest.mark.parametrize(("lines", "may_have_gone"), [(POLITE[:1], False), ((*POLITE, b"354 go\r\n"), True)])
def test_a_server_that_hangs_is_left(lines, may_have_gone):
    with server_that_says(*lines, then_hangs=True) as port, pytest.raises(PostAway) as away:
        post_to(port, limit_seconds=0.1).send(outgoing())
    assert away.value.may_have_gone == may_have_gone


def test_a_server_that_is_not_there_or_never_greets_is_away():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(PostAway):
            post_to(port, limit_seconds=0.1).send(outgoing())
    with pytest.raises(PostAway):
        post_to(port).send(outgoing())


def test_a_failing_farewell_does_not_undo_a_sent_letter():
    class Abrupt(Server):
        async def handle_QUIT(self, server, _session, _envelope):  # noqa: N802
            server.transport.close()
            return "421 gone"

    server = Abrupt()
    with running(server) as port:
        post_to(port).send(outgoing())
    assert len(server.letters) == 1


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    need(shutil.which("openssl") is not None, "openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    arguments = [*command.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem"]
    subprocess.run([*arguments, *files], check=True, capture_output=True)
    return folder


def server_side(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_a_sign_in_goes_over_tls_only_to_a_server_that_is_known(certificate):
    def signed_in(_server, _session, _envelope, _mechanism, data):
        return AuthResult(success=data == LoginPassword(b"intake", b"secret"), handled=False)

    server = Server()
    options = {"tls_context": server_side(certificate), "require_starttls": True, "auth_required": True}
    ours = {"mail_use_tls": True, "mail_username": "intake", "mail_password": "secret"}
    known = ssl.create_default_context(cafile=certificate / "cert.pem")
    with running(server, authenticator=signed_in, **options) as port:
        with pytest.raises(PostAway):
            post_to(port, **ours).send(outgoing())
        with pytest.raises(PostAway):
            post_to(port, tls=known, **{**ours, "mail_password": "wrong"}).send(outgoing())
        assert server.letters == []
        post_to(port, tls=known, **ours).send(outgoing())
    assert len(server.letters) == 1


def test_tls_that_the_server_lacks_is_never_left_out():
    server = Server()
    with running(server) as port, pytest.raises(PostAway):
        post_to(port, mail_use_tls=True).send(outgoing())
    assert server.letters == []


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_an_address_that_is_none_is_refused_before_any_server_hears_of_it(address, tmp_path):
    for post in (post_to(9), MaildirPost(tmp_path / "mail")):
        with pytest.raises(PostRefused) as refusal:
            post.send(outgoing(recipients=(address,)))
        assert refusal.value.code is None
    assert not (tmp_path / "mail").exists()


def test_a_letter_to_nobody_is_refused(tmp_path):
    with pytest.raises(PostRefused):
        MaildirPost(tmp_path).send(outgoing(recipients=()))


def test_a_broken_header_line_never_leaves(tmp_path):
    message = letter()
    message.policy = compat32
    for part in (message, EmailMessage()):
        part._headers.append(("X-Note", "a\r\nBcc: everyone@example.org"))
        whole = letter()
        whole.add_attachment(b"x", maintype="application", subtype="pdf")
        whole.attach(part) if part is not message else None
        with pytest.raises(PostRefused):
            MaildirPost(tmp_path).send(outgoing(message if part is message else whole))
    assert list(tmp_path.iterdir()) == []


def test_a_domain_with_swedish_letters_goes_in_its_ascii_form():
    server = Server()
    with running(server) as port:
        post_to(port).send(outgoing(recipients=("asa@räksmörgås.example",)))
    assert server.letters[0][1] == ["asa@xn--rksmrgs-5wao1o.example"]


def test_a_mailbox_with_swedish_letters_needs_a_server_that_can():
    server = Server()
    with running(server, enable_SMTPUTF8=True) as port:
        post_to(port).send(outgoing(recipients=("åsa@example.org",)))
    assert server.letters[0][1] == ["åsa@example.org"]
    with running(server, enable_SMTPUTF8=False) as port, pytest.raises(PostRefused):
        post_to(port).send(outgoing(recipients=("åsa@example.org",)))


def test_a_maildir_holds_the_letter_and_its_envelope_beside_it(tmp_path):
    post, message = MaildirPost(tmp_path / "mail"), letter()
    post.send(outgoing(message))
    post.send(outgoing(message, envelope_from=""))
    files = sorted((tmp_path / "mail" / "new").iterdir())
    assert [file.read_bytes() for file in files] == [message.as_bytes().replace(b"\r\n", b"\n")] * 2
    envelopes = [
        json.loads((tmp_path / "mail" / "envelopes" / f"{file.name}.json").read_text()) for file in files
    ]
    assert {envelope["from"] for envelope in envelopes} == {VERP, ""}
    assert envelopes[0]["to"] == ["asa@example.org"]
    read = mailbox.Maildir(tmp_path / "mail", create=False)
    assert [found["Message-ID"] for found in read] == [message["Message-ID"]] * 2
    assert list((tmp_path / "mail" / "tmp").iterdir()) == []


def test_nobody_else_reads_the_maildir(tmp_path):
    MaildirPost(tmp_path / "mail").send(outgoing())
    for path in [tmp_path / "mail", *(tmp_path / "mail").rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)


def test_a_maildir_that_cannot_be_written_is_away(tmp_path):
    (tmp_path / "mail").write_text("a file stands in the way")
    with pytest.raises(PostAway):
        MaildirPost(tmp_path / "mail").send(outgoing())


def test_the_settings_choose_the_post(tmp_path):
    settings = replace(Settings.from_mapping({}), var=tmp_path)
    assert isinstance(from_settings(settings), MaildirPost)
    assert isinstance(from_settings(replace(settings, mail_server="mail.example.se")), SmtpPost)


@pytest.fixture
def signing_settings(tmp_path):
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "dkim.pem").write_bytes(pem)
    values = {"MAIL_DKIM_KEY": str(tmp_path / "dkim.pem"), "MAIL_DKIM_SELECTOR": "brev"}
    return replace(Settings.from_mapping(values), var=tmp_path)


def test_the_bytes_that_leave_are_those_that_are_signed(signing_settings):
    server, signer = Server(), find_signer(signing_settings)
    with running(server) as port:
        post_to(port, signer=signer).send(outgoing())
    MaildirPost(signing_settings.var / "mail", signer=signer).send(outgoing())
    laid = next((signing_settings.var / "mail" / "new").iterdir()).read_bytes().replace(b"\n", b"\r\n")
    for data in (server.letters[0][2], laid):
        assert believes(data, signer.record[1])
        assert not believes(data.replace(b"dig.", b"mig."), signer.record[1])


def test_a_key_in_the_settings_signs_by_either_way_out(signing_settings):
    from_settings(signing_settings).send(outgoing())
    laid = next((signing_settings.var / "mail" / "new").iterdir()).read_bytes()
    assert b" d=example.se;\n s=brev;" in laid
    server = Server()
    with running(server) as port:
        there = replace(signing_settings, mail_server="127.0.0.1", mail_port_out=port)
        from_settings(there).send(outgoing())
    assert server.letters[0][2].startswith(b"DKIM-Signature: v=1; a=ed25519-sha256;")


def test_a_key_that_cannot_sign_stops_the_start_and_names_the_setting(signing_settings, tmp_path):
    (tmp_path / "dkim.pem").write_text("no key")
    with pytest.raises(SettingsError, match="MAIL_DKIM_KEY: holds no private key") as wrong:
        from_settings(signing_settings)
    assert wrong.value.name == "MAIL_DKIM_KEY"
    with pytest.raises(SettingsError, match="cannot be read"):
        from_settings(replace(signing_settings, mail_dkim_key=tmp_path))


def test_a_new_key_under_a_new_selector_leaves_older_letters_believed(signing_settings, tmp_path):
    letter = outgoing().message.as_bytes(policy=SMTP)
    old = find_signer(signing_settings)
    before = old.sign(letter, 1_790_000_000)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "new.pem").write_bytes(pem)
    values = {"mail_dkim_key": tmp_path / "new.pem", "mail_dkim_selector": "brev2"}
    new = find_signer(replace(signing_settings, **values))
    after = new.sign(letter, 1_790_000_000)
    # Both stand in the DNS, each under its own name, for as long as letters of the first are on their way.
    assert (old.record[0], new.record[0]) == ("brev._domainkey.example.se", "brev2._domainkey.example.se")
    assert believes(before, old.record[1])
    assert believes(after, new.record[1])
    assert not believes(after, old.record[1])


def test_the_doctor_says_whether_letters_are_signed(signing_settings, tmp_path):
    def look(settings):
        return next(found for found in diagnosis.examine(settings) if found.what == "MAIL_DKIM_KEY")

    assert "brev._domainkey.example.se TXT v=DKIM1; k=ed25519; p=" in look(signing_settings).words
    assert look(replace(signing_settings, mail_dkim_key=None)).is_advice
    (tmp_path / "dkim.pem").write_text("no key")
    assert look(signing_settings).is_fault
