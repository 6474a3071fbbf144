"""What mail servers and mail programs tell of our letters, in the words that they use."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intake.letters import parse
from intake.letters.headers import Headers
from intake.letters.reports import report_of

OURS = "<0192.3f5a@polisen.example>"
BOUNCES = {
    "mail/flanker/bounce/broken-mime.eml": ("failed", "info@example.net", None),
    "mail/flanker/bounce/delayed-broken.eml": ("failed", "demo@example.com", "4.2.2"),
    "mail/flanker/bounce/delayed.eml": ("failed", "foo@example.com", "4.0.0"),
    "mail/flanker/bounce/gmail-invalid-address.eml": (
        "failed", "awfawfawfawfawfaw@someserverhere.com", "5.1.0",
    ),
    "mail/flanker/bounce/gmail-no-dns.eml": ("failed", "user@example.comm", None),
    "mail/flanker/bounce/mailbox-full.eml": ("failed", "user@aol.com", "5.2.2"),
    "mail/flanker/bounce/no-mx.eml": ("delayed", "user@example.com", "4.4.4"),
    "mail/flanker/bounce/office365.eml": ("failed", "noname@example.com", "5.1.10"),
    "mail/flanker/bounce/zed.eml": (
        "failed", "asdfasdfasdfasdfasdfasdfewrqertrtyrthsfgdfgadfqeadvxzvz@gmail.com", "5.1.1",
    ),
    "mail/mikel/mime_emails/raw_email_with_mimepart_without_content_type.eml": (
        "delayed", "larose.julie@courrier.uqam.ca", "4.5.0",
    ),
    "mail/mikel/multipart_report_emails/multi_address_bounce1.eml": (
        "failed", "bbbbvhvbbvkjbhfbvbvjhb@gmail.com", "5.1.1",
    ),
    "mail/mikel/multipart_report_emails/multi_address_bounce2.eml": (
        "failed", "bbbbvhvbbvkjbhfbvbvjhb@gmail.com", "5.1.1",
    ),
    "mail/mikel/multipart_report_emails/multipart_report_multiple_status.eml": (
        "failed", "u@ci.com", "5.3.0",
    ),
    "mail/mikel/multipart_report_emails/report_422.eml": ("delayed", "fraser@oooooooo.com.au", "4.2.2"),
    "mail/mikel/multipart_report_emails/report_530.eml": ("failed", "edwin@zzzzzzz.com", "5.3.0"),
}  # fmt: skip
ABOUT = {
    "mailbox-full.eml": "<4E326A95.3010907@example.com>",
    "gmail-invalid-address.eml": "<CAKsfaBUUGqVZiaMrmH3TRPfq1odQPtM7Ey5YW1SgyJJRHtAjgw@mail.gmail.com>",
    "no-mx.eml": "<19E44CA63F984902B7D654F8FF40F89D@bo>",
    "office365.eml": "<20171013111011.20866.254C2F3A4D7AA526@ninomail.com>",
    "zed.eml": "<20090708054735.GC7578@example.com>",
}


def report(*parts, kind="delivery-status", headers=""):
    """Write a report of parts, each a type and a body."""
    top = "From: MAILER-DAEMON@mx.example\nSubject: Undelivered Mail Returned to Sender\n"
    top += f'{headers}Content-Type: multipart/report; report-type={kind}; boundary="b"\n\n'
    body = "".join(f"--b\nContent-Type: {type_}\n\n{text}\n" for type_, text in parts)
    return f"{top}{body}--b--\n".encode()


def status(fields, original="", **more):
    parts = [("text/plain", "The mail system"), ("message/delivery-status", fields)]
    if original:
        parts.append(("message/rfc822", original))
    return report(*parts, **more)


def receipt(disposition, **more):
    fields = f"Final-Recipient: rfc822;anna@example.com\nOriginal-Message-ID: {OURS}\n"
    fields += f"Disposition: {disposition}\n"
    parts = (("text/plain", "Brevet har visats."), ("message/disposition-notification", fields))
    return report(*parts, kind="disposition-notification", **more)


def plain(text, sender="MAILER-DAEMON@mx.example", headers=""):
    return f"From: {sender}\n{headers}Content-Type: text/plain; charset=utf-8\n\n{text}".encode()


@pytest.mark.parametrize("name", BOUNCES)
def test_every_bounce_of_the_corpora_says_who_what_and_why(name, corpora, tmp_path):
    found = parse(corpora / name, tmp_path).report
    assert (found.kind, found.recipient, found.status) == BOUNCES[name]


@pytest.mark.parametrize("name", ABOUT)
def test_the_likeliest_letter_spoken_of_is_the_one_sent_back(name, corpora, tmp_path):
    assert parse(corpora / "mail/flanker/bounce" / name, tmp_path).report.about[0] == ABOUT[name]


def test_no_other_letter_of_the_corpora_is_a_report(corpora, tmp_path):
    for count, file in enumerate(sorted((corpora / "mail").rglob("*.eml"))):
        if str(file.relative_to(corpora)) not in BOUNCES:
            assert parse(file, tmp_path / str(count)).report is None, file


def test_postfix_tells_the_other_servers_answer(read):
    fields = "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; anna@example.com\nAction: failed\n"
    fields += "Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <anna@example.com>:\n    User unknown\n"
    found = read(status(fields, f"Message-ID: {OURS}\nSubject: Svar\n\nHej")).report
    assert (found.kind, found.recipient, found.status) == ("failed", "anna@example.com", "5.1.1")
    assert found.words == "550 5.1.1 <anna@example.com>: User unknown"
    assert found.about == (OURS,)


def test_a_full_mailbox_is_told_by_its_code(read):
    fields = "Final-Recipient: rfc822;anna@example.com\nAction: failed\nStatus: 5.0.0\n"
    found = read(status(fields + "Diagnostic-Code: smtp;552 5.2.2 Mailbox full\n")).report
    assert (found.kind, found.status, found.words) == ("failed", "5.2.2", "552 5.2.2 Mailbox full")


def test_a_warning_of_delay_is_no_failure(read):
    fields = "Final-Recipient: rfc822; anna@example.com\nAction: delayed\nStatus: 4.4.1\n"
    assert read(status(fields)).report.kind == "delayed"


def test_a_delivered_letter_is_told_as_delivered(read):
    fields = "Final-Recipient: rfc822; anna@example.com\nAction: relayed\nStatus: 2.0.0\n"
    assert read(status(fields)).report.kind == "delivered"


def test_the_worst_of_several_recipients_counts(read):
    fields = "Final-Recipient: rfc822; a@example.com\nAction: delivered\nStatus: 2.0.0\n\n"
    fields += "Final-Recipient: rfc822; b@example.com\nAction: failed\nStatus: 5.1.1\n\n"
    fields += "Final-Recipient: rfc822; c@example.com\nAction: delayed\nStatus: 4.0.0\n"
    found = read(status(fields)).report
    assert (found.kind, found.recipient) == ("failed", "b@example.com")


def test_recipients_without_a_blank_line_between_them_are_told_apart(read):
    fields = "Reporting-MTA: dns; mx\nFinal-Recipient: rfc822; a@example.com\nAction: delayed\n"
    fields += "Original-Recipient: rfc822; b@example.com\nFinal-Recipient: rfc822; b2@example.com\n"
    found = read(status(fields + "Action: failed\nStatus: 5.7.1\n")).report
    assert (found.kind, found.recipient, found.status) == ("failed", "b@example.com", "5.7.1")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ("Status: 5.1.1\n", "failed"),
        ("Status: 4.2.0 (busy)\n", "delayed"),
        ("Action: Failed (permanently)\n", "failed"),
        ("Diagnostic-Code: smtp; 550 5.7.1 no\n", "failed"),
        ("Action: wondered\n", "unclear"),
    ],
)
def test_what_one_field_leaves_out_another_tells(read, fields, kind):
    found = read(status(f"Final-Recipient: rfc822; anna@example.com\n{fields}")).report
    assert found.kind == kind


@pytest.mark.parametrize("type_", ["text/rfc822-headers", "message/rfc822", "message/global-headers"])
def test_headers_alone_name_the_letter_that_came_back(read, type_):
    fields = ("message/delivery-status", "Final-Recipient: rfc822; a@example.com\nAction: failed\n")
    assert read(report(fields, (type_, f"Subject: Svar\nMessage-Id: {OURS}\n"))).report.about == (OURS,)


def test_an_empty_original_leaves_what_the_letter_itself_answers(read):
    fields = ("message/delivery-status", "Final-Recipient: rfc822; a@example.com\nAction: failed\n")
    raw = report(fields, ("message/rfc822", ""), headers=f"In-Reply-To: {OURS}\nReferences: <x@y> {OURS}\n")
    assert read(raw).report.about == (OURS, "<x@y>")


def test_gmail_names_the_letter_among_its_fields(read):
    fields = f"X-Original-Message-ID: {OURS}\n\nFinal-Recipient: rfc822; a@gmail.com\nAction: failed\n"
    assert read(status(fields, "Message-ID: <other@example>\n\n")).report.about[0] == OURS


def test_a_report_with_its_fields_missing_is_still_a_report(read):
    found = read(report(("text/plain", "Something happened."))).report
    assert (found.kind, found.words) == ("unclear", "Something happened.")


def test_a_read_receipt_tells_that_the_letter_was_shown(read):
    found = read(receipt("manual-action/MDN-sent-manually; displayed")).report
    assert (found.kind, found.recipient, found.about) == ("displayed", "anna@example.com", (OURS,))
    assert found.words == "Brevet har visats."


def test_a_letter_deleted_unread_is_told_as_deleted(read):
    assert read(receipt("automatic-action/MDN-sent-automatically; deleted/error")).report.kind == "deleted"


def test_a_receipt_that_only_says_processed_tells_that_the_letter_came(read):
    assert read(receipt("automatic-action/MDN-sent-automatically; processed")).report.kind == "delivered"


def test_qmail_speaks_in_plain_words(read):
    text = "Hi. This is the qmail-send program at mx.example.\nI'm afraid I wasn't able to deliver your\n"
    text += "message to the following addresses.\nThis is a permanent error; I've given up.\n\n"
    text += "<anna@example.com>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n"
    text += f"--- Below this line is a copy of the message.\n\nMessage-ID: {OURS}\nSubject: Svar\n"
    found = read(plain(text)).report
    assert (found.kind, found.recipient, found.status) == ("failed", "anna@example.com", "5.1.1")
    assert found.words == "<anna@example.com>: Sorry, no mailbox here by that name. (#5.1.1)"
    assert found.about[0] == OURS


def test_exim_speaks_in_plain_words(read):
    text = "This message was created automatically by mail delivery software.\n\nA message that you sent "
    text += "could not be delivered to one or more\nof its recipients. This is a permanent error.\n\n"
    text += "  anna@example.com\n    Unrouteable address\n\n"
    text += f"------ This is a copy of the message, including all the headers. ------\n\nMessage-Id: {OURS}\n"
    found = read(plain(text, headers="X-Failed-Recipients: anna@example.com\n")).report
    assert (found.kind, found.recipient, found.about[0]) == ("failed", "anna@example.com", OURS)


def test_exim_warns_in_plain_words(read):
    text = "A message that you sent has not yet been delivered to one or more of its\nrecipients.\n"
    assert read(plain(text)).report.kind == "delayed"


def test_sendmail_shows_its_conversation(read):
    text = "   ----- The following addresses had permanent fatal errors -----\n<anna@example.com>\n\n"
    text += "   ----- Transcript of session follows -----\n550 5.1.1 <anna@example.com>... User unknown\n"
    found = read(plain(text)).report
    assert (found.kind, found.status) == ("failed", "5.1.1")


def test_exchange_in_swedish_is_understood(read):
    text = "Leveransen till följande mottagare misslyckades:\n\nanna@example.com\n"
    text += "Det gick inte att leverera meddelandet.\n"
    sender = "Microsoft Outlook <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.com>"
    found = read(plain(text, sender, "Return-Path: <>\n")).report
    assert (found.kind, found.recipient) == ("failed", "anna@example.com")


def test_a_server_that_only_speaks_of_quota_is_unclear(read):
    found = read(plain("The mailbox of anna@example.com is over quota.\n")).report
    assert (found.kind, found.recipient, found.status) == ("unclear", "anna@example.com", None)


def test_an_undeliverable_letter_from_nobody_in_particular_is_a_report(read):
    headers = "Return-Path: <>\nSubject: Undeliverable: Svar\n"
    found = read(
        plain("Delivery has failed to anna@example.com.", "System <admin@mx.example>", headers)
    ).report
    assert found.kind == "failed"


@pytest.mark.parametrize(
    "headers",
    [
        "Subject: Automatiskt svar: Er fråga\nAuto-Submitted: auto-replied (vacation)\nReturn-Path: <>\n",
        "Subject: Undeliverable: hej\n",
        "Subject: Delivery status: your parcel\nPrecedence: bulk\n",
        "",
    ],
)
def test_a_person_a_vacation_and_a_parcel_are_no_report(read, headers):
    text = "Jag är försenad. Paketet could not be delivered. Ring 5.1.1."
    assert read(plain(text, "Anna <anna@example.com>", headers)).report is None


def test_a_complaint_about_spam_is_no_report_of_delivery(read):
    parts = (("text/plain", "A complaint."), ("message/feedback-report", "Feedback-Type: abuse\n"))
    raw = report(*parts, kind="feedback-report").replace(b"MAILER-DAEMON", b"complaints")
    assert read(raw.replace(b"Undelivered", b"Abuse of")).report is None


def test_a_bounce_that_a_person_forwards_is_no_report(read):
    inner = status("Final-Recipient: rfc822; a@example.com\nAction: failed\n").decode()
    top = "From: anna@example.com\nContent-Type: multipart/mixed; boundary=o\n\n--o\n\nVad betyder detta?\n"
    assert read(f"{top}--o\nContent-Type: message/rfc822\n\n{inner}\n--o--\n".encode()).report is None


def test_the_words_are_one_clean_line_of_at_most_300_characters(read):
    fields = "Final-Recipient: rfc822; a@example.com\nAction: failed\nDiagnostic-Code: smtp; \x07"
    words = read(status(fields + "nej " * 500)).report.words
    assert len(words) == 300
    assert words.startswith("nej nej")


def test_at_most_twenty_letters_are_spoken_of(read):
    references = " ".join(f"<{number}@example>" for number in range(50))
    fields = ("message/delivery-status", "Final-Recipient: rfc822; a@example.com\nAction: failed\n")
    assert len(read(report(fields, headers=f"References: {references}\n")).report.about) == 20


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.binary(max_size=400), text=st.text(max_size=400))
def test_no_bytes_and_no_words_break_a_report(read, fields, text):
    raw = report(("text/plain; charset=utf-8", "x"), ("message/delivery-status", "FIELDS"))
    assert read(raw.replace(b"FIELDS", fields)).report
    found = report_of(Headers((("from", b"mailer-daemon@mx.example"),)), (), text, "From: mailer-daemon")
    assert found is not None
    assert len(found.words) <= 300
