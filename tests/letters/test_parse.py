"""Letters as Swedes send them, built here, come out as their writers meant them."""

from datetime import UTC, datetime
from email.message import EmailMessage

from intake.letters import best_effort

HEAD = b"From: =?utf-8?q?K=C3=A5re_=C3=96berg?= <kare@example.com>\r\nTo: syd@example.se\r\nSubject: Hej\r\n"


def multipart(kind: bytes, *parts: bytes, head: bytes = HEAD) -> bytes:
    body = b"".join(b"--gr\r\n" + part + b"\r\n" for part in parts)
    return head + b"Content-Type: multipart/" + kind + b'; boundary="gr"\r\n\r\n' + body + b"--gr--\r\n"


PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\nSe bilagan."
PDF = (
    b"Content-Type: application/pdf; name=a.pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
    b"Content-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQ=\r\n"
)


def test_raw_latin_1_headers_keep_their_letters(read):
    letter = read("From: Åsa Räv <asa@example.com>\r\nSubject: Räksmörgås\r\n\r\nHej".encode("latin-1"))
    assert (letter.sender_name, letter.subject) == ("Åsa Räv", "Räksmörgås")


def test_raw_utf_8_headers_keep_their_letters(read):
    letter = read("From: Åsa <asa@example.com>\nSubject: Räksmörgås – nu\n\nHej".encode())
    assert (letter.sender_name, letter.subject) == ("Åsa", "Räksmörgås – nu")


def test_iso_8859_1_means_windows_1252(read):
    letter = read(
        HEAD + b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nKostar 50 \x80 \x96 \x93dyrt\x94"
    )
    assert letter.text == "Kostar 50 € – “dyrt”"
    assert letter.problems == ()


def test_a_wrong_charset_is_named_and_read_anyway(read):
    letter = read(HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\nSm\xf6rg\xe5s")
    assert letter.text == "Smörgås"
    assert "windows-1252" in letter.problems[0]


def test_an_unknown_charset_is_read_anyway(read):
    for charset in (b"x-unknown", b"unknown-8bit", b"rot13", b"punycode", b"\xff\xfe", b"utf\0-8"):
        letter = read(HEAD + b"Content-Type: text/plain; charset=" + charset + b"\r\n\r\nsm\xc3\xb6r")
        assert letter.text == "smör"


def test_an_html_letter_becomes_text_with_its_links_shown(read):
    page = b"<head><title>t</title><style>p{}</style></head><p>Hej&nbsp;d&aring;!</p><script>bad()</script>"
    page += b"<p>Se <a href='https://example.com/x'>sidan</a><br>Tack<ul><li>ett<li>tv&#229;</ul>"
    letter = read(HEAD + b"Content-Type: text/html\r\n\r\n" + page)
    assert letter.text == "Hej då!\n\nSe sidan <https://example.com/x>\nTack\n\n- ett\n- två\n"
    assert (letter.has_html, letter.parts[0].name) == (True, "brev.html")
    assert letter.parts[0].file.read_bytes() == page


def test_what_an_html_letter_quotes_bears_the_marks_of_a_quote(read):
    page = b"<p>Ja tack.</p><blockquote>Vill du ha kopior?<blockquote>Hej</blockquote></blockquote><p>Li</p>"
    letter = read(b"Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + page)
    assert letter.text == "Ja tack.\n\n> Vill du ha kopior?\n\n>> Hej\n\nLi\n"


def test_enriched_text_beside_a_plain_one_is_named(read):
    letter = read(
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\n\r\nHej\r\n'
        b"--b\r\nContent-Type: text/enriched\r\n\r\n<bold>Hej</bold>\r\n--b--\r\n"
    )
    assert letter.text.strip() == "Hej"
    assert any("text/enriched" in problem for problem in letter.problems)


def test_html_beside_plain_text_is_kept_but_not_read_twice(read):
    letter = read(multipart(b"alternative", PLAIN, b"Content-Type: text/html\r\n\r\n<p>Se bilagan.</p>"))
    assert letter.text == "Se bilagan."
    assert [(part.path, part.name, part.is_inline, part.is_body) for part in letter.parts] == [
        ("2", "brev.html", True, True)
    ]


def test_an_empty_plain_text_gives_way_to_the_html(read):
    html = b"Content-Type: text/html\r\n\r\n<p>H&auml;r st&aring;r det</p>"
    letter = read(multipart(b"alternative", b"Content-Type: text/plain\r\n\r\n \r\n", html))
    assert letter.text == "Här står det\n"


def test_two_attachments_keep_their_bytes_names_and_digests(read):
    image = PDF.replace(b"a.pdf", b'"bild \xe5.png"')
    letter = read(multipart(b"mixed", PLAIN, PDF, image))
    assert [part.name for part in letter.parts] == ["a.pdf", "bild å.png"]
    assert [part.file.read_bytes() for part in letter.parts] == [b"%PDF-1.4"] * 2
    assert [part.is_body for part in letter.parts] == [False, False]


def test_text_after_an_attachment_is_also_body(read):
    letter = read(multipart(b"mixed", PLAIN, PDF, b"Content-Type: text/plain\r\n\r\nHej igen"))
    assert letter.text == "Se bilagan.\nHej igen"


def test_an_inline_file_within_related_is_listed(read):
    html = b"Content-Type: text/html\r\n\r\n<p>Se <img src='cid:a' alt='bilden'></p>"
    image = PDF.replace(b"Content-Disposition: attachment; filename=a.pdf", b"Content-ID: <a>")
    letter = read(multipart(b"related", html, image))
    assert letter.text == "Se bilden\n"
    assert [(part.declared_type, part.is_inline, part.is_body) for part in letter.parts] == [
        ("text/html", True, True),
        ("application/pdf", True, False),
    ]


def test_a_signed_letter_with_an_attachment_is_read_whole(read):
    inner = multipart(b"mixed", PLAIN, PDF, head=b"").replace(b"gr", b"inre")
    seal = b"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n\r\nMIAG"
    letter = read(multipart(b'signed; protocol="application/pkcs7-signature"', inner, seal))
    assert letter.text == "Se bilagan."
    assert [(part.path, part.name) for part in letter.parts] == [("1.2", "a.pdf"), ("2", "smime.p7s")]


def test_an_attached_letter_is_cut_out_exactly_as_it_came(read):
    inner = b"Subject: =?utf-8?q?Gamla_=C3=A4rendet?=\r\nX-Odd:  kept  \r\n\r\nH\xe4r\r\n.\r\n"
    letter = read(multipart(b"mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + inner))
    assert letter.parts[0].name == "Gamla ärendet.eml"
    assert letter.parts[0].file.read_bytes() == inner


def test_a_letter_that_is_itself_a_file_is_listed(read):
    letter = read(HEAD + PDF)
    assert (letter.text, letter.parts[0].path, letter.parts[0].name) == ("", "1", "a.pdf")
    assert letter.parts[0].file.read_bytes() == b"%PDF-1.4"


def test_odd_file_names_are_kept_as_labels(read):
    names = {
        b"filename=This is a test.txt": "This is a test.txt",
        b'filename="C:\\TEMP\\x.png"': "C:\\TEMP\\x.png",
        b'filename="../../etc/passwd"': "../../etc/passwd",
        b"filename*0*=utf-8''r%C3%A4; filename*1=v.txt": "räv.txt",
        b'filename="=?iso-8859-1?q?r=E4v.txt?="': "räv.txt",
        b"filename*=utf-8'sv'%C3%A5.txt; filename=a.txt": "å.txt",
        b"filename*": None,
    }
    for parameter, name in names.items():
        letter = read(
            multipart(b"mixed", PLAIN, b"Content-Disposition: attachment; " + parameter + b"\r\n\r\nx")
        )
        assert letter.parts[0].name == name
        assert letter.parts[0].file.name == "part-2"


def test_nul_and_lone_surrogates_never_reach_a_string(read):
    letter = read(
        b"From: a\0b <a@b.se>\r\nSubject: x\0y =?utf-7?q?+2AA-?=\r\n"
        b"Content-Type: text/plain; charset=utf-7\r\n\r\nhej\0 +2AA-"
    )
    assert "\0" not in repr(letter.text + letter.subject + str(letter.sender_name))
    (letter.text + letter.subject).encode()
    assert any("NUL" in problem for problem in letter.problems)


def test_bad_base64_is_read_as_far_as_it_goes_and_named(read):
    for body in (b"JVBERi0xLjQ", b"JVBE\x80Ri0xLjQ=", b"JVBERi0xLjQ=\r\n\r\n_____\r\nMailing list, footer."):
        letter = read(multipart(b"mixed", PLAIN, PDF.replace(b"JVBERi0xLjQ=", body)))
        assert letter.parts[0].file.read_bytes() == b"%PDF-1.4"
        assert "base64" in letter.problems[0]


def test_text_that_is_called_base64_but_is_not_stands_as_it_came(read):
    letter = read(HEAD + b"Content-Transfer-Encoding: base64\r\n\r\nHej, det var bara text!")
    assert letter.text == "Hej, det var bara text!"


def test_format_flowed_and_quotes_stand_as_written_and_are_marked(read):
    body = "Hej \r\nalla glada.\r\n> Du skrev \r\n> detta.\r\n-- \r\nKåre\r\n".encode()
    head = HEAD + b"Content-Type: text/plain; charset=utf-8; "
    letter = read(head + b"Format=Flowed\r\n\r\n" + body)
    assert letter.text == "Hej \nalla glada.\n> Du skrev \n> detta.\n-- \nKåre\n"
    assert letter.flow == "flowed"
    assert read(head + b"format=flowed; DelSp=Yes\r\n\r\n" + body).flow == "delsp"
    assert read(head + b"format=fixed; delsp=yes\r\n\r\n" + body).flow is None


def test_uuencode_within_text_stays_and_is_named(read):
    letter = read(HEAD + b"\r\nHej\r\nbegin 644 a.txt\r\n#:&5J\r\n`\r\nend\r\n")
    assert "begin 644 a.txt" in letter.text
    assert "uuencode" in letter.problems[0]


def test_a_boundary_that_never_comes_shows_the_raw_text(read):
    letter = read(HEAD + b"Content-Type: multipart/mixed; boundary=borta\r\n\r\n--annan\r\n\r\nHej\r\n")
    assert "Hej" in letter.text
    assert "gränsen" in letter.problems[0]


def test_boundaries_of_any_kind_separate_the_parts(read):
    for boundary in (b"\xe5\xe4\xf6-gr\xe4ns", b"x" * 82, b"a b", b"gr'(+_,-./:=?)", b"----=_a?b"):
        raw = multipart(b"mixed", PLAIN, PDF).replace(b"--gr", b"--" + boundary)
        letter = read(raw.replace(b'boundary="gr"', b'boundary="' + boundary + b'"'))
        assert (letter.text, letter.parts[0].file.read_bytes()) == ("Se bilagan.", b"%PDF-1.4")
        assert letter.problems == ()


def test_nested_boundaries_that_begin_alike_are_not_mixed_up(read):
    inner = multipart(b"alternative", PLAIN, PLAIN, head=b"").replace(b"gr", b"gr-1")
    letter = read(multipart(b"mixed", inner, PDF))
    assert (letter.text, letter.parts[0].path) == ("Se bilagan.\nSe bilagan.", "2")
    assert letter.problems == ()


def test_words_that_stand_only_outside_the_parts_are_the_text(read):
    head = HEAD + b"Content-Type: multipart/mixed; boundary=gr\r\n\r\n"
    assert "Bara detta" in read(head + b"Bara detta\r\n--gr--\r\n").text
    assert "Bara detta" in read(head + b"--gr--\r\nBara detta\r\n").text
    letter = read(head + b"Bara detta\r\n--gr\r\n\r\n\r\n--gr--\r\n")
    assert letter.text == "Bara detta\n"
    assert letter.problems == ("brevets text stod utanför delarna",)
    scanned = read(
        multipart(b"mixed", PDF).replace(b"\r\n\r\n--gr", b"\r\n\r\nThis is a MIME letter.\r\n--gr", 1)
    )
    assert (scanned.text, scanned.problems) == ("", ())


def test_a_missing_end_loses_nothing(read):
    letter = read(multipart(b"mixed", PLAIN, PDF).removesuffix(b"--gr--\r\n"))
    assert (letter.text, letter.parts[0].file.read_bytes()) == ("Se bilagan.", b"%PDF-1.4")
    assert letter.problems == ("brevet: slutet saknas",)


def test_words_after_the_last_boundary_are_kept(read):
    letter = read(multipart(b"mixed", PLAIN) + b"\r\nJa, och en sak till!\r\n")
    assert b"en sak till" in letter.parts[0].file.read_bytes()
    assert not letter.parts[0].is_body
    assert "utanför delarna" in letter.problems[0]


def test_a_letter_without_any_header_of_use_is_still_read(read):
    letter = read(b"X-Nothing: a\r\n\r\nHej")
    assert (letter.sender_email, letter.subject, letter.message_id, letter.date) == (None, "", None, None)
    assert letter.text == "Hej"


def test_of_several_senders_the_first_is_shown_and_the_others_are_named(read):
    letter = read(b"From: Bo <bo@b.se>\r\nFrom: <polis@polisen.se>\r\nSubject: Hej\r\n\r\nHej")
    assert letter.sender_email == "bo@b.se"
    words = "brevet har flera avsändare: bo@b.se visas, men också polis@polisen.se står där"
    assert letter.problems == (words,)
    assert read(b"From: a@b.se, c@d.se\r\n\r\nHej").problems[0].startswith("brevet har flera avsändare")
    assert read(b"From: a@b.se\r\nFrom: A@b.se\r\n\r\nHej").problems == ()


def test_a_name_that_looks_like_another_address_is_named(read):
    for name in (b'"polis@polisen.se"', b"=?utf-8?q?Polisen_=28polis=40polisen=2Ese=29?="):
        letter = read(b"From: " + name + b" <x@evil.example>\r\n\r\nHej")
        assert letter.sender_email == "x@evil.example"
        assert "ser ut som en annan adress (polis@polisen.se)" in letter.problems[0]
    assert read(b'From: "Bo@B.se" <bo@b.se>\r\n\r\nHej').problems == ()


def test_a_line_of_a_mailbox_file_and_a_byte_order_mark_are_passed_over(read):
    for start in (
        b"From bo@b.se Tue Mar  3 14:05:00 2026\n",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbfFrom bo@b.se\n",
        b"\r\n",
    ):
        letter = read(start + b"From: Bo <bo@b.se>\nSubject: Hej\n\nHej")
        assert (letter.sender_email, letter.subject, letter.text) == ("bo@b.se", "Hej", "Hej")
        assert letter.problems == ()


def test_the_headers_that_a_report_returns_are_a_file(read):
    status = b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; b.se\r\n"
    returned = b"Content-Type: text/rfc822-headers\r\n\r\nSubject: Mitt brev\r\nFrom: a@b.se\r\n"
    letter = read(multipart(b"report; report-type=delivery-status", PLAIN, status, returned))
    assert letter.text == "Se bilagan."
    assert [part.declared_type for part in letter.parts] == ["message/delivery-status", "text/rfc822-headers"]
    assert letter.parts[1].file.read_bytes().startswith(b"Subject: Mitt brev")


def test_japanese_and_korean_are_read(read):
    japanese = "すみません".encode("iso-2022-jp")
    letter = read(HEAD + b"Content-Type: text/plain; charset=ISO-2022-JP\r\n\r\n" + japanese)
    assert letter.text == "すみません"
    korean = HEAD + b"Content-Type: text/plain; charset=ks_c_5601-1987\r\n\r\n" + "스티해".encode("cp949")
    assert read(korean).text == "스티해"


def test_an_attachment_that_is_itself_of_several_parts_is_read_through(read):
    inner = multipart(b"mixed", PDF, head=b"Content-Disposition: attachment; filename=x\r\n")
    letter = read(multipart(b"mixed", PLAIN, inner.replace(b"gr", b"inre")))
    assert [(part.path, part.name) for part in letter.parts] == [("2.1", "a.pdf")]


def test_a_stray_line_among_the_headers_hides_none_of_them(read):
    letter = read(b"Subject: A\r\nthis is no header\r\nFrom: a@b.se\r\n\r\nHej")
    assert (letter.sender_email, letter.text) == ("a@b.se", "Hej")
    assert "this is no header" in letter.problems[0]


def test_a_body_without_a_blank_line_before_it_is_text(read):
    assert read(b"Subject: A\r\nHej och hej\r\nigen").text == "Hej och hej\r\nigen".replace("\r", "")


def test_a_text_too_long_to_show_is_kept_whole_as_a_file(read):
    letter = read(HEAD + b"\r\n" + "åäö ".encode() * 60_000)
    assert len(letter.text) == 200_000
    assert (letter.parts[0].name, letter.parts[0].is_body) == ("hela-texten.txt", False)
    assert letter.parts[0].file.read_text() == "åäö " * 60_000


def test_a_text_of_many_megabytes_is_kept_whole_as_a_file(read):
    body = "så ååå\r\n".encode() * 500_000
    letter = read(HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + body)
    assert [(part.path, part.is_body) for part in letter.parts] == [("1", False)]
    assert letter.parts[0].file.read_bytes() == body
    assert letter.text == ("så ååå\n" * 30_000)[:200_000]


def test_the_same_words_in_other_bytes_have_the_same_digest(read):
    one = read(HEAD + b"Content-Type: text/plain; charset=utf-8\r\n\r\nr\xc3\xa4v\r\n")
    two = read(HEAD + b"Content-Type: text/plain; charset=latin1\r\nX-Hop: 2\r\n\r\nr\xe4v\n")
    assert one.body_digest == two.body_digest != read(HEAD + b"\r\nhund").body_digest


def test_threads_dates_and_addresses_are_read(read):
    letter = read(
        b"From: a@b.se\nTo: Arende <Arende+ABC@Example.se>, grupp: x@y.se, z@y.se;\nCc: c@d.se\n"
        b"Delivered-To: post@example.se\nMessage-ID: <1@b.se>\nIn-Reply-To: Ditt brev <0@c.se>\n"
        b"References: <a@c.se>\n\t<0@c.se> junk\nDate: Tue, 3 Mar 2026 14:05:00 +0100\n\nHej"
    )
    assert letter.to == ("Arende+ABC@Example.se", "x@y.se", "z@y.se")
    assert letter.delivered_to == ("post@example.se",)
    assert letter.addressed_to[0] == "arende+abc@example.se"
    assert (letter.message_id, letter.in_reply_to) == ("<1@b.se>", "<0@c.se>")
    assert letter.references == ("<a@c.se>", "<0@c.se>")
    assert letter.date == datetime(2026, 3, 3, 13, 5, tzinfo=UTC)


def test_reading_again_gives_the_same_letter(read):
    raw = multipart(b"mixed", PLAIN, PDF)
    assert read(raw) == read(raw)


def test_what_the_standard_library_writes_comes_back(read):
    message = EmailMessage()
    message["From"], message["Subject"] = "Åsa <asa@example.com>", "Cykeln är borta " * 8
    message.set_content("Hej på dig\n" + "lång rad å " * 200)
    message.add_attachment(bytes(range(256)), maintype="image", subtype="heic", filename="Sjö & å.heic")
    letter = read(message.as_bytes())
    assert letter.subject == ("Cykeln är borta " * 8).strip()
    assert (letter.text, letter.parts[0].name) == (message.get_body().get_content(), "Sjö & å.heic")
    assert letter.parts[0].file.read_bytes() == bytes(range(256))


def test_automatic_letters_are_known_by_their_headers(read):
    automatic = [
        b"Auto-Submitted: auto-replied (vacation)",
        b"auto-submitted: Auto-Generated; x=y",
        b"Auto-Submitted: auto-notified",
        b"List-Unsubscribe: <https://example.com>",
        b"Precedence: Bulk",
        b"X-Auto-Response-Suppress: OOF",
        b"Return-Path: <>",
        b"Content-Type: multipart/report; boundary=x",
    ]
    for header in automatic:
        letter = read(HEAD + header + b"\r\n\r\nHej")
        assert letter.is_automatic
        assert letter.automatic_reason


def test_letters_from_people_are_not_automatic(read):
    for header in (
        b"Auto-Submitted: No",
        b"Auto-Submitted:",
        b"Auto-Submitted: no (x)",
        b"Precedence: urgent",
    ):
        letter = read(HEAD + header + b"\r\n\r\nHej")
        assert (letter.is_automatic, letter.automatic_reason) == (False, None)


def test_best_effort_finds_the_sender_and_the_subject(tmp_path):
    raw = tmp_path / "raw"
    head = "From: Åsa <a@b.se>\r\nSubject: Hjälp\r\n".encode()
    raw.write_bytes(head + b"X: " + b"y" * 40_000 + b"\r\n\r\nHej")
    letter = best_effort(raw)
    assert (letter.sender_name, letter.sender_email, letter.subject) == ("Åsa", "a@b.se", "Hjälp")
    assert (letter.text, letter.parts, letter.problems) == ("", (), ("kunde inte tolkas helt",))


def test_best_effort_never_raises_even_without_a_file(tmp_path):
    assert best_effort(tmp_path / "gone").problems == ("kunde inte tolkas helt",)
