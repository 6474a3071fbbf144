"""What a PDF is warned for, and that an ordinary one is not."""

from __future__ import annotations

import io
import tomllib
from pathlib import Path

import pikepdf
import pytest

from config.files import files_in
from intake.files.examine import examine, look_through
from intake.files.findings import KINDS, weigh
from intake.files.within.pdf.scripts import is_ordinary
from tests.files import pdf_samples
from tests.files.pdf_samples import annotated, attached, form, link, opening, pdf, script, stream

LIMITS = files_in(tomllib.loads(Path("config/files.toml").read_text(encoding="utf-8")))


def looked(tmp_path, content):
    """Return what is seen in a PDF, and its verdict among what was received."""
    file = tmp_path / "a.pdf"
    file.write_bytes(content)
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    seen = look_through("a.pdf", file, LIMITS, scratch)
    return seen, weigh(seen.findings, is_received=True)


def codes(tmp_path, content):
    """Return the codes of what is found in a PDF."""
    return [each.code for each in looked(tmp_path, content)[0].findings]


def whole_verdict(tmp_path, content):
    """Return the verdict on a PDF with what lies in it, each read in a child."""
    file = tmp_path / "a.pdf"
    file.write_bytes(content)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return examine("a.pdf", file, LIMITS, scratch).verdict(is_received=True)


@pytest.mark.parametrize("disguise", pdf_samples.DISGUISES)
@pytest.mark.parametrize("technique", pdf_samples.TECHNIQUES)
@pytest.mark.filterwarnings("ignore::pikepdf.PageCopyWarning")
def test_every_known_technique_is_flagged_whatever_hides_it(tmp_path, technique, disguise):
    content = pdf_samples.DISGUISES[disguise](pdf_samples.TECHNIQUES[technique])
    seen, verdict = looked(tmp_path, content)
    programs_taken_out = [each for each in seen.inner if each.is_child]
    assert verdict != "accept" or programs_taken_out


@pytest.mark.parametrize("shape", pdf_samples.SHAPES)
def test_every_odd_shape_of_a_file_is_flagged(tmp_path, shape):
    assert looked(tmp_path, pdf_samples.SHAPES[shape])[1] != "accept"


@pytest.mark.parametrize(
    ("technique", "code"),
    [
        ("script_in_names", "pdf_script_by_itself"),
        ("script_on_button", "pdf_script"),
        ("launch_program", "pdf_launches"),
        ("submit_by_click", "pdf_submits"),
        ("import_data", "pdf_imports"),
        ("go_to_share", "pdf_reaches_out"),
        ("address_when_opened", "pdf_opens_address"),
        ("link_to_share", "pdf_odd_link"),
        ("xfa_submits", "pdf_xfa_acts"),
        ("xfa_entities", "pdf_xml_entities"),
        ("xmp_entities", "pdf_xml_entities"),
        ("external_picture", "pdf_external_stream"),
        ("font_matrix", "pdf_font_trick"),
        ("calculator", "pdf_function_trick"),
        ("markup_in_comment", "pdf_markup"),
        ("rich_media", "pdf_rich_media"),
    ],
)
def test_the_handler_is_told_what_was_found(tmp_path, technique, code):
    assert code in codes(tmp_path, pdf_samples.TECHNIQUES[technique])


def test_a_stream_that_fills_a_memory_is_quarantined(tmp_path):
    seen, verdict = looked(tmp_path, pdf_samples.SHAPES["bomb"])
    assert ([each.code for each in seen.findings], verdict) == (["pdf_bomb"], "quarantine")


def test_an_ordinary_pdf_has_nothing_to_tell(tmp_path):
    assert codes(tmp_path, pdf()) == []


@pytest.mark.parametrize(
    "content",
    [
        opening("[3 0 R /Fit]"),
        opening("<< /S /GoTo /D [3 0 R /Fit] >>"),
        opening("<< /S /Named /N /Print >>"),
        opening(script("this.print({bUI: true, bSilent: false, bShrinkToFit: true});")),
        annotated("/Subtype /Link /A << /S /Named /N /NextPage >>"),
        annotated("/Subtype /Link /A << /S /GoToR /F (del2.pdf) /D [0 /Fit] >>"),
        opening("<< /S /GoToR /F (del2.pdf) /D [0 /Fit] >>"),
        annotated("/Subtype /Link /A << /S /Launch /F (film.mp4) >>"),
        annotated("/Subtype /Widget /FT /Btn /A << /S /SubmitForm /F (mailto:kundtjanst@example.se) >>"),
        annotated("/Subtype /Widget /FT /Btn /A << /S /ResetForm >>"),
        annotated("/Subtype /Text /T (Åsa Öberg) /Contents (Är 3 < 4 och 5 > 4?)"),
        annotated("/Subtype /Movie /Movie << /F (film.mp4) >>"),
        form(b"<xdp:xdp xmlns:xdp='http://ns.adobe.com/xdp/'><template/></xdp:xdp>"),
        pdf(stream(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>", "/Type /Metadata"), root="/Metadata 5 0 R"),
        pdf(stream(b"{ 1 exch sub dup 0.5 mul }", "/FunctionType 4 /Domain [0 1]")),
        pdf("<< /Type /Font /Subtype /Type3 /FontMatrix [0.001 0 0 0.001 0 0] >>"),
        pdf(root="/Collection << /Type /Collection /View /D >>"),
        pdf_samples.encrypted(pdf()),
        pdf_samples.in_object_streams(pdf()),
        pdf() + b"\r\n\0\0\x1a",
        b"\x1b%-12345X@PJL\r\n" + pdf(),
    ],
)
def test_what_ordinary_programs_write_is_accepted(tmp_path, content):
    assert looked(tmp_path, content)[1] == "accept"


@pytest.mark.parametrize(
    "target",
    [
        "https://www.polisen.se/a.pdf?b=c&d=e#f",
        "HTTP://EXAMPLE.SE",
        "www.example.se",
        "mailto:asa@example.se",
        "tel:+4611414",
        "bilaga.pdf",
        "#avsnitt",
        "file:///C:/Users/asa/faktura.pdf",
        "http://192.168.1.1/",
        "https://example.se/@asa/1",
        "textedit:///home/a/b.ly:1:2",
        "CTAN:macros/latex",
        "kapitel: 4",
    ],
)
def test_an_ordinary_link_is_accepted(tmp_path, target):
    assert looked(tmp_path, link(target))[1] == "accept"


@pytest.mark.parametrize(
    "text",
    [
        "AFNumber_Format(2, 0, 0, 0, ' kr', false);",
        'AFSimple_Calculate("SUM", new Array("a", "b"));',
        "event.value = this.getField('antal').value * this.getField('pris').value;",
        "if (event.value > 100) { app.alert('Högst 100.'); event.rc = false; }",
        "var s = 0;\nfor (var i = 0; i < 9; i++) { s += this.getField('rad.' + i).value; }\nevent.value = s;",
        "event.value = event.value.replace(/[^\\d\"-]/g, ''); // bara siffror",
        "function rad(n) { return util.printf('%02d', n); } event.value = rad(event.value);",
    ],
)
def test_a_script_that_counts_or_checks_a_field_is_only_noted(tmp_path, text):
    content = annotated(f"/Subtype /Widget /FT /Tx /T (a) /AA << /C {script(text)} >>")
    assert codes(tmp_path, content) == ["pdf_form_script"]


def test_a_field_may_call_what_the_document_declares(tmp_path):
    declares = script("function moms(a) { return a * 0.25; }")
    calls = script("event.value = moms(this.getField('pris').value);")
    content = pdf(
        declares,
        f"<< /Type /Annot /Subtype /Widget /Rect [0 0 9 9] /FT /Tx /T (a) /AA << /C {calls} >> >>",
        root="/Names << /JavaScript << /Names [(a) 5 0 R] >> >>",
        page="/Annots [6 0 R]",
    )
    assert codes(tmp_path, content) == ["pdf_form_script"]


def test_a_script_may_not_declare_the_readers_own_functions():
    assert not is_ordinary(
        "function getURL() {}\nthis.getField('a').value = 1; getURL('https://example.se');"
    )
    assert not is_ordinary("getURL('https://example.se')", shared=frozenset())


def test_adobes_own_question_for_a_newer_reader_is_ordinary_but_not_with_another_address():
    asks = (
        'ADBE.Reader_Value_New_Version_URL = "http://cgi.adobe.com/special/acrobat/update";\n'
        "if (app.viewerVersion < 9.0) this.getURL(ADBE.Reader_Value_New_Version_URL + ADBE.SYSINFO, false);"
    )
    assert is_ordinary(asks, may_speak=False)
    assert not is_ordinary(asks.replace("cgi.adobe.com", "angripare.example"))
    assert not is_ordinary(asks + "\nADBE.Reader_Value_New_Version_URL = this.getField('a').value;")


def test_an_invoice_in_xml_is_noted_and_scanned_but_not_judged_as_a_file(tmp_path):
    content = attached("factur-x.xml", pdf_samples.INVOICE, "/AF [5 0 R]")
    seen, verdict = looked(tmp_path, content)
    assert verdict == "accept"
    assert [(each.name, each.is_child) for each in seen.inner] == [("factur-x.xml", False)]
    assert seen.inner[0].file.read_bytes() == pdf_samples.INVOICE


def test_a_program_in_a_pdf_quarantines_it(tmp_path):
    assert whole_verdict(tmp_path, pdf_samples.TECHNIQUES["attached_program"]) == "quarantine"


def test_a_pdf_in_a_pdf_is_judged_by_itself(tmp_path):
    content = attached("inre.pdf", pdf_samples.TECHNIQUES["launch_program"])
    assert whole_verdict(tmp_path, content) == "warn"


def test_a_file_in_a_pdf_is_taken_out_once(tmp_path):
    content = attached("a.txt", b"hej", "/AF [5 0 R] /Names << /EmbeddedFiles << /Names [(a) 5 0 R] >> >>")
    assert len(looked(tmp_path, content)[0].inner) == 1


def test_no_more_files_are_taken_out_than_the_limit(tmp_path):
    files = [stream(b"%d" % number, "/Type /EmbeddedFile") for number in range(120)]
    seen, verdict = looked(tmp_path, pdf(*files))
    assert (len(seen.inner), verdict) == (100, "warn")


def test_a_pdf_locked_with_a_password_cannot_be_read(tmp_path):
    assert codes(tmp_path, pdf_samples.encrypted(pdf(), user="hemligt")) == ["file_encrypted"]


def test_an_action_that_an_update_added_is_seen(tmp_path):
    changed = f"<< /Type /Catalog /Pages 2 0 R /OpenAction {script('app.launchURL(1)')} >>"
    assert "pdf_script_by_itself" in codes(tmp_path, pdf_samples.with_update(pdf(), 1, changed))


@pytest.mark.parametrize("content", [pdf()[:60], b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"])
def test_a_pdf_that_nothing_can_read_is_passed_on_as_damaged(tmp_path, content):
    assert "pdf_damaged" in codes(tmp_path, content)


def test_what_is_written_twice_without_harm_is_not_told(tmp_path):
    assert codes(tmp_path, pdf("<< /Title (a) /Title (a) >>")) == []


def test_a_pdf_that_both_programs_can_mend_is_only_noted(tmp_path):
    assert codes(tmp_path, pdf().replace(b"startxref\n", b"startxref\n9")) == ["pdf_mended"]


def test_a_name_that_is_no_utf8_hides_nothing(tmp_path):
    content = pdf(page=f"/\xe5\xe4 1 /AA << /O {script('app.launchURL(1)')} /\xf6 2 >>")
    assert "pdf_script_by_itself" in codes(tmp_path, content)


def test_actions_that_follow_each_other_in_a_ring_are_followed_once(tmp_path):
    content = opening(
        "5 0 R", "<< /S /GoTo /D [3 0 R /Fit] /Next 6 0 R >>", "<< /S /URI /URI (a) /Next 5 0 R >>"
    )
    assert "pdf_opens_address" in codes(tmp_path, content)


def test_a_thousand_odd_links_are_told_of_a_few_times(tmp_path):
    links = [f"<< /S /URI /URI (javascript:{number}) >>" for number in range(1000)]
    assert len(codes(tmp_path, pdf(*links))) == 3


def test_a_pdf_with_more_objects_than_are_read_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr("intake.files.within.pdf.reading.MAX_OBJECTS", 10)
    assert "pdf_partly_read" in codes(tmp_path, pdf(*["<< /A 1 >>"] * 30))


def test_a_pdf_that_is_a_zip_as_well_is_quarantined(tmp_path):
    end = b"PK\x01\x02" + b"\0" * 42 + b"PK\x05\x06" + b"\0" * 8 + (46).to_bytes(4, "little") + b"\0" * 4
    hidden = pdf(b"<< /Length 68 >>\nstream\n" + end)
    after = hidden[hidden.index(end) + len(end) :]
    content = hidden.replace(end, end + (len(after)).to_bytes(2, "little"), 1)
    assert "hidden_content" in codes(tmp_path, content)


def test_a_blank_scan_is_no_bomb(tmp_path):
    picture = pikepdf.Pdf.new()
    picture.add_blank_page()
    scan = picture.make_stream(bytes(20_000_000), Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Image)
    scan.Width, scan.Height, scan.BitsPerComponent, scan.ColorSpace = 5000, 4000, 8, pikepdf.Name.DeviceGray
    picture.pages[0].Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=scan))
    target = io.BytesIO()
    picture.save(target, compress_streams=True)
    assert looked(tmp_path, target.getvalue())[1] == "accept"


def test_every_finding_on_pdfs_has_plain_words():
    told = [kind.handler for code, kind in KINDS.items() if code.startswith("pdf_")]
    assert all(each[0].isupper() and "_" not in each for each in told)
