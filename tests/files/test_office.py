"""Office documents: what would run, fetch or hide in one is found, and ordinary ones are left in peace."""

from __future__ import annotations

import io
import random
import zipfile

import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from intake.files.examine import examine
from tests.files import office_samples as made
from tests.files.looked import LIMITS, looked
from tests.files.making import OFFICE, RELATIONS, XML, office, ole, opendocument, packed

ORDINARY = {
    "a.docx": office("word"),
    "a.xlsx": office("xl"),
    "a.pptx": office("ppt"),
    "a.odt": opendocument("text"),
    "a.ods": opendocument("spreadsheet"),
    "a.odp": opendocument("presentation"),
    "a.doc": ole("WordDocument", "1Table"),
    "a.xls": ole("Workbook"),
    "a.ppt": ole("PowerPoint Document", "Current User"),
    "a.rtf": made.rtf(b"Hej \\'e5"),
    # As Outlook writes the body of a winmail.dat.
    "nolla.rtf": made.rtf(b"Hej") + b"\r\n\0",
    "rtf.doc": made.rtf(b"Hej"),
    "a.pages": packed({"Index/Document.iwa": b"\0", "Metadata/Properties.plist": b""}),
    "09.pages": packed({"index.xml": b"<x/>", "buildVersionHistory.plist": b""}),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_an_ordinary_document_is_accepted(tmp_path, name):
    assert looked(tmp_path, name, ORDINARY[name]).codes == []


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("hyperlink", "https://example.se/karta"),
        ("hyperlink", "mailto:asa@example.se"),
        ("hyperlink", r"file:///C:\Users\asa\Karta.docx"),
        ("hyperlink", r"file:///\\server\gemensam\Karta.docx"),
        ("attachedTemplate", r"file:///C:\Users\asa\AppData\Roaming\Microsoft\Templates\Normal.dotm"),
        ("image", r"file:///C:\Users\asa\bild.png"),
        ("image", "NULL"),
        ("externalLinkPath", "Budget.xlsx"),
        ("video", "https://www.youtube.com/embed/x"),
    ],
)
def test_an_ordinary_link_is_left_in_peace(tmp_path, kind, target):
    data = made.with_part(office("word"), "word/_rels/document.xml.rels", made.related(kind, target))
    assert looked(tmp_path, "a.docx", data).codes == []


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("attachedTemplate", "http://example.com/mall.dotm"),
        ("attachedTemplate", r"\\198.51.100.7\mall.dotm"),
        ("oleObject", "mhtml:http://example.com/x.html!x-usc:http://example.com/x.html"),
        ("frame", "https://example.com/ram.html"),
        ("image", "http://example.com/pixel.png"),
        ("externalLinkPath", r"file:///\\198.51.100.7\bok.xlsx"),
    ],
)
def test_what_is_fetched_from_elsewhere_is_a_warning(tmp_path, kind, target):
    data = made.with_part(office("word"), "word/_rels/settings.xml.rels", made.related(kind, target))
    seen = looked(tmp_path, "a.docx", data)
    assert (seen.codes, seen.verdict) == (["office_remote"], "warn")


@pytest.mark.parametrize(
    "target",
    ["ms-msdt:/id PCWDiagnostic", r"\\198.51.100.7\dela\x.docx", "mhtml:file://x", r"file:///C:\Windows\System32\calc.exe",
     "search-ms:query=x&amp;crumb=location:x", "javascript:alert(1)"],
)  # fmt: skip
def test_a_link_that_is_no_page_is_a_warning(tmp_path, target):
    data = made.with_part(office("word"), "word/_rels/document.xml.rels", made.related("hyperlink", target))
    seen = looked(tmp_path, "a.docx", data)
    assert (seen.codes, seen.verdict) == (["office_link"], "warn")


@pytest.mark.parametrize(("main", "name"), [("word", "a.docx"), ("xl", "a.xlsx"), ("ppt", "a.pptx")])
def test_macros_under_the_name_of_a_document_without_are_a_warning(tmp_path, main, name):
    seen = looked(tmp_path, name, made.with_macros(main, made.WAITS))
    assert (seen.codes, seen.verdict) == (["office_macros"], "warn")


@pytest.mark.parametrize(
    "start",
    [
        "AutoOpen",
        "Document_Open",
        "Workbook_Open",
        "Auto_Open",
        "AutoExec",
        "Document_Close",
        "InkEdit1_Painted",
    ],
)
def test_macros_that_start_by_themselves_are_quarantined(tmp_path, start):
    seen = looked(tmp_path, "a.docx", made.with_macros("word", made.RUNS.replace("AutoOpen", start)))
    assert (seen.codes, seen.verdict) == (["office_macros_run"], "quarantine")


def test_a_button_that_runs_a_macro_is_only_a_warning(tmp_path):
    code = made.RUNS.replace("AutoOpen", "CommandButton1_Click")
    assert looked(tmp_path, "a.xlsx", made.with_macros("xl", code)).verdict == "warn"


def test_macros_are_found_under_another_name(tmp_path):
    kind = '<Override PartName="/word/bild.dat" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
    parts = made.parts_of(office("word"))
    types = parts["[Content_Types].xml"].decode().replace("</Types>", kind)
    more = {"[Content_Types].xml": types, "word/bild.dat": ole(**made.project(made.RUNS))}
    assert looked(tmp_path, "a.docx", packed(parts | more)).codes == ["office_macros_run"]


def test_a_document_of_the_macro_kind_without_macros_is_a_warning(tmp_path):
    parts = made.parts_of(office("word"))
    types = (
        parts["[Content_Types].xml"]
        .decode()
        .replace(
            "vnd.openxmlformats-officedocument.wordprocessingml.document.main",
            "vnd.ms-word.document.macroEnabled.main",
        )
    )
    assert "office_macros" in looked(tmp_path, "a.docx", packed(parts | {"[Content_Types].xml": types})).codes


def test_macros_whose_source_was_wiped_out_are_known_by_what_is_compiled(tmp_path):
    streams = made.project("") | {"VBA/_VBA_PROJECT": b"\xcc\x61\xff\xff\0\0\0" + b"\0\x08Document_Open\0"}
    data = made.changed(office("word"), word__vbaProject_dot_bin=ole(**streams))
    assert "office_macros_run" in looked(tmp_path, "a.docx", data).codes


def test_sheets_of_macros_are_found(tmp_path):
    data = made.with_part(office("xl"), "xl/macrosheets/sheet1.xml", f"{XML}<x/>")
    assert looked(tmp_path, "a.xlsx", data).codes == ["office_macros"]


def test_sheets_of_macros_that_start_by_themselves_are_quarantined(tmp_path):
    parts = made.parts_of(office("xl"))
    name = b'<definedNames><definedName name="_xlnm.Auto_Open">M!$A$1</definedName></definedNames></workbook>'
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b"</workbook>", name)
    parts["xl/macrosheets/sheet1.xml"] = f"{XML}<x/>"
    assert looked(tmp_path, "a.xlsx", packed(parts)).verdict == "quarantine"


@pytest.mark.parametrize(
    "body",
    [
        made.field('DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe "/k calc.exe"'),
        made.field("D", "DEAU", 'TO cmd "/c calc"'),
        made.field("&#68;DE cmd"),
        made.field("D<!-- -->DE cmd"),
        made.field(" QUOTE 68 68 69 65 85 84 79 "),
        '<w:fldSimple w:instr=" DDEAUTO cmd &quot;/c calc&quot; "/>',
    ],
)
def test_a_field_that_talks_to_a_program_is_a_warning(tmp_path, body):
    seen = looked(tmp_path, "a.docx", made.document(body))
    assert (seen.codes, seen.verdict) == (["office_dde"], "warn")


def test_fields_of_contents_pages_and_pasted_pictures_are_left_in_peace(tmp_path):
    body = (
        made.field(' TOC \\o "1-3" \\h ')
        + made.field(" PAGE ")
        + made.field(' HYPERLINK "https://example.se" ')
    )
    body += made.field(' INCLUDEPICTURE "https://example.se/a.png" \\* MERGEFORMATINET ')
    assert looked(tmp_path, "a.docx", made.document(body)).codes == []


def test_a_picture_that_is_not_kept_is_fetched(tmp_path):
    body = made.field('INCLUDEPICTURE "https://example.com/a.png" \\d')
    assert looked(tmp_path, "a.docx", made.document(body)).codes == ["office_remote"]


def test_a_workbook_that_talks_to_a_program_is_a_warning(tmp_path):
    link = f'{XML}<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
    data = made.with_part(office("xl"), "xl/externalLinks/externalLink1.xml", link)
    assert looked(tmp_path, "a.xlsx", data).codes == ["office_dde"]


def test_a_formula_that_talks_to_a_program_is_a_warning(tmp_path):
    parts = made.parts_of(office("xl"))
    parts["xl/worksheets/sheet1.xml"] = parts["xl/worksheets/sheet1.xml"].replace(
        b"<v>112</v>", b"<f>cmd|'/c calc'!A0</f><v>112</v>"
    )
    assert looked(tmp_path, "a.xlsx", packed(parts)).codes == ["office_dde"]


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("declares", [BOMB, OUTSIDE, f"<!-- {'x' * 5000} -->\n{BOMB}", "<!DOCTYPE x>"])
def test_a_document_type_is_quarantined(tmp_path, declares):
    seen = looked(tmp_path, "a.docx", made.document("", declares))
    assert ("xml_doctype" in seen.codes, seen.verdict) == (True, "quarantine")


@pytest.mark.parametrize("name", ["docProps/app.xml", "word/_rels/document.xml.rels", "customXml/item1.xml"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
def test_a_document_type_is_found_in_any_part(tmp_path, name, encoding):
    data = made.with_part(office("word"), name, f"{BOMB}<x>&b;</x>".encode(encoding))
    assert "xml_doctype" in looked(tmp_path, "a.docx", data).codes


def test_a_document_type_in_the_list_of_types_is_quarantined(tmp_path):
    data = made.with_part(office("word"), "[Content_Types].xml", f"{BOMB}<x>&b;</x>")
    assert looked(tmp_path, "a.docx", data).verdict == "quarantine"


HIDDEN = b'<?xml version="1.0" encoding="UTF-7"?>+ADw-x/+AD4-'


def test_a_part_in_an_encoding_that_hides_is_quarantined(tmp_path):
    data = made.with_part(
        office("word"), "word/styles.xml", b'<?xml version="1.0" encoding="UTF-7"?>+ADw-x/+AD4-'
    )
    assert looked(tmp_path, "a.docx", data).verdict == "quarantine"


def test_openoffices_own_list_of_libraries_is_left_in_peace(tmp_path):
    listed = (
        f'{XML}<!DOCTYPE library:libraries PUBLIC "-//OpenOffice.org//DTD OfficeDocument 1.0//EN" '
        '"libraries.dtd">\n'
        '<library:libraries xmlns:library="http://openoffice.org/2000/library"/>'
    )
    data = made.with_part(opendocument("text"), "Basic/script-lc.xml", listed)
    assert looked(tmp_path, "a.odt", data).codes == []


@pytest.mark.parametrize("gone", ["word/document.xml", "_rels/.rels"])
def test_a_package_without_its_main_part_cannot_be_opened(tmp_path, gone):
    parts = made.parts_of(office("word"))
    del parts[gone]
    seen = looked(tmp_path, "a.docx", packed(parts))
    assert seen.verdict == "quarantine"


def test_a_main_part_that_is_cut_off_is_passed_on_with_a_warning(tmp_path):
    data = made.with_part(office("word"), "word/document.xml", f"{XML}<w:document xmlns:w='w'><w:body>")
    seen = looked(tmp_path, "a.docx", data)
    assert (seen.codes, seen.verdict) == (["office_damaged"], "warn")


def test_a_document_that_is_cut_off_is_kept_but_not_opened(tmp_path):
    assert looked(tmp_path, "a.docx", office("word")[:-40]).verdict == "quarantine"


def test_a_file_in_a_document_is_taken_out_and_named(tmp_path):
    data = made.with_part(
        office("word"), "word/embeddings/oleObject1.bin", made.package("faktura.txt", b"Hej")
    )
    seen = looked(tmp_path, "a.docx", data)
    assert (seen.codes, [each.name for each in seen.inner]) == (["office_object"], ["faktura.txt"])
    assert seen.inner[0].file.read_bytes() == b"Hej"
    assert seen.inner[0].is_child


def test_a_file_in_a_document_is_called_what_would_open(tmp_path):
    inner = made.package("faktura.pdf", b"MZ", r"C:\Temp\faktura.exe")
    data = made.with_part(office("xl"), "xl/embeddings/oleObject1.bin", inner)
    assert looked(tmp_path, "a.xlsx", data).inner[0].name == "faktura.exe"


def test_an_embedded_workbook_is_judged_as_a_file_of_its_own(tmp_path):
    data = made.with_part(office("ppt"), "ppt/embeddings/Microsoft_Excel_Sheet1.xlsx", office("xl"))
    seen = looked(tmp_path, "a.pptx", data)
    assert (seen.codes, [each.name for each in seen.inner]) == ([], ["Microsoft_Excel_Sheet1.xlsx"])


def test_an_embedded_drawing_of_a_type_we_do_not_take_does_no_harm(tmp_path):
    data = made.with_part(office("word"), "word/embeddings/Microsoft_Visio_Drawing.vsdx", office("word"))
    seen = looked(tmp_path, "a.docx", data)
    assert (seen.codes, [each.is_child for each in seen.inner]) == ([], [False])


@pytest.mark.parametrize(
    ("name", "content", "codes"),
    [
        ("word/media/image1.png", made.package("a.txt", b"Hej"), ["office_object"]),
        ("word/media/image2.png", b"MZ\x90", ["office_object"]),
        ("word/header1.dat", made.field("DDE cmd").encode(), ["office_dde"]),
        ("word/media/image1.svg", b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "svg11.dtd"><svg/>', []),
        ("word/media/image1.jpeg", b"\xff\xd8\xff", []),
        ("xl/printerSettings/printerSettings1.bin", b"\0" * 40, []),
    ],
)
def test_a_part_is_what_it_holds_and_not_what_it_is_called(tmp_path, name, content, codes):
    assert looked(tmp_path, "a.docx", made.with_part(office("word"), name, content)).codes == codes


@pytest.mark.parametrize(
    ("font", "verdict"), [(b"Times New Roman", "accept"), (b"cmd /c calc " * 5, "quarantine")]
)
def test_an_equation_that_breaks_its_editor_is_told_from_an_ordinary_one(tmp_path, font, verdict):
    data = made.with_part(office("word"), "word/embeddings/oleObject1.bin", made.equation(font))
    assert looked(tmp_path, "a.docx", data).verdict == verdict


@pytest.mark.parametrize(
    ("control", "codes"),
    [
        ("8BD21D10-EC42-11CE-9E0D-00AA006002F3", []),
        ("D27CDB6E-AE6D-11CF-96B8-444553540000", ["office_active"]),
    ],
)
def test_a_control_of_a_form_is_told_from_others(tmp_path, control, codes):
    part = f'{XML}<ax:ocx xmlns:ax="a" ax:classid="{{{control}}}"/>'
    assert (
        looked(tmp_path, "a.docx", made.with_part(office("word"), "word/activeX/activeX1.xml", part)).codes
        == codes
    )


def test_a_ribbon_that_runs_code_is_a_warning(tmp_path):
    part = f'{XML}<customUI xmlns="http://schemas.microsoft.com/office/2006/01/customui" onLoad="Start"/>'
    data = made.with_part(office("word"), "customUI/customUI.xml", part)
    assert looked(tmp_path, "a.docx", data).codes == ["office_active"]


def test_a_package_is_judged_as_an_archive_too(tmp_path):
    bomb = made.with_part(office("word"), "word/media/image1.bmp", b"\0" * 30_000_000)
    assert looked(tmp_path, "a.docx", bomb).codes == ["archive_too_large"]
    climbing = made.with_part(office("word"), "../../x.xml", f"{XML}<x/>")
    assert looked(tmp_path, "a.docx", climbing).verdict == "quarantine"


@pytest.mark.parametrize(
    ("name", "content", "verdict"), [("a.txt", b"Hej", "warn"), ("a.exe", b"MZ", "quarantine")]
)
def test_a_document_is_no_better_than_the_file_in_it(tmp_path, name, content, verdict):
    data = made.with_part(office("word"), "word/embeddings/oleObject1.bin", made.package(name, content))
    file, scratch = tmp_path / "a.docx", tmp_path / "scratch"
    file.write_bytes(data)
    scratch.mkdir()
    assert examine("a.docx", file, LIMITS, scratch).verdict(is_received=True) == verdict


# OpenDocument.


def odt_with(body, **parts):
    content = made.parts_of(opendocument("text"))["content.xml"].replace(
        b"<office:body>", body + b"<office:body>"
    )
    return made.changed(opendocument("text"), content_dot_xml=content, **parts)


SCRIPT = (
    b'<office:scripts><script:event-listener xmlns:script="s" xmlns:xlink="l" script:language="ooo:script" '
    b'script:event-name="%s" xlink:href="vnd.sun.star.script:Standard.M.X?language=Basic"/></office:scripts>'
)


def test_macros_in_an_opendocument_are_a_warning(tmp_path):
    seen = looked(tmp_path, "a.odt", odt_with(b"", Basic__Standard__M_dot_xml=f"{XML}<x/>"))
    assert (seen.codes, seen.verdict) == (["office_macros"], "warn")


@pytest.mark.parametrize(("event", "verdict"), [(b"dom:load", "quarantine"), (b"office:new", "quarantine"),
                                                (b"dom:click", "warn")])  # fmt: skip
def test_an_event_of_an_opendocument_that_runs_code_is_found(tmp_path, event, verdict):
    assert looked(tmp_path, "a.odt", odt_with(SCRIPT % event)).verdict == verdict


@pytest.mark.parametrize(
    ("place", "codes"),
    [
        (b'script:macro-name="application:Template.Correspondence.Main"', []),
        (b'xlink:href=""', []),
        (b'xlink:href="vnd.sun.star.script:../../program/x.py$run?language=Python&amp;location=share"',
         ["office_macros_run"]),
    ],
)  # fmt: skip
def test_a_letter_from_libreoffices_own_template_is_left_in_peace(tmp_path, place, codes):
    spaces = b'xmlns:script="s" xmlns:xlink="l" script:language="ooo:script"'
    body = b"<script:event-listener " + spaces + b' script:event-name="office:new" ' + place + b"/>"
    assert looked(tmp_path, "a.odt", odt_with(body)).codes == codes


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b'<draw:image xmlns:xlink="l" xlink:href="http://example.com/pixel.png"/>', ["office_remote"]),
        (b'<text:section-source xmlns:xlink="l" xlink:href="file://198.51.100.7/x.odt"/>', ["office_remote"]),
        (b'<text:dde-connection-decl office:dde-application="soffice"/>', ["office_dde"]),
        (b'<text:a xmlns:xlink="l" xlink:href="https://example.se">x</text:a>', []),
        (b'<draw:image xmlns:xlink="l" xlink:href="Pictures/1.png"/>', []),
    ],
)
def test_what_an_opendocument_fetches_is_a_warning(tmp_path, body, codes):
    assert looked(tmp_path, "a.odt", odt_with(body)).codes == codes


def test_an_opendocument_with_a_password_is_a_warning(tmp_path):
    manifest = made.parts_of(opendocument("text"))["META-INF/manifest.xml"].replace(
        b"</manifest:manifest>", b"<manifest:encryption-data/></manifest:manifest>"
    )
    seen = looked(tmp_path, "a.odt", made.with_part(opendocument("text"), "META-INF/manifest.xml", manifest))
    assert (seen.codes, seen.verdict) == (["file_encrypted"], "warn")


# The older kind.


OLDER = [("a.doc", "WordDocument", "Macros/VBA"), ("a.xls", "Workbook", "_VBA_PROJECT_CUR/VBA")]


@pytest.mark.parametrize(("name", "main", "folder"), OLDER)
@pytest.mark.parametrize(("code", "verdict"), [(made.WAITS, "warn"), (made.RUNS, "quarantine")])
def test_macros_in_an_older_document_are_found(tmp_path, name, main, folder, code, verdict):
    seen = looked(tmp_path, name, ole(main, **made.project(code, folder)))
    assert seen.verdict == verdict


def test_macros_in_an_older_presentation_are_found(tmp_path):
    data = made.slides_with(ole(**made.project(made.RUNS)))
    assert looked(tmp_path, "a.ppt", data).codes == ["office_macros_run"]


@pytest.mark.parametrize(
    ("records", "codes"),
    [
        ([made.MACRO_SHEET], ["office_macros"]),
        ([made.MACRO_SHEET, made.OPENS_BY_ITSELF], ["office_macros_run"]),
        ([made.TALKS_TO_CMD], ["office_dde"]),
        ([(0x85, b"\0\0\0\0\0\0\1\0B")], []),
    ],
)
def test_an_older_workbook_tells_of_macro_sheets_and_programs(tmp_path, records, codes):
    assert looked(tmp_path, "a.xls", made.biff(*records)).codes == codes


def test_a_field_of_an_older_document_is_judged(tmp_path):
    data = ole(
        **{"WordDocument": b"\xec\xa5\xc1\0".ljust(600, b"\0") + b'\x13 DDEAUTO cmd "/c calc"\x14\x15'}
    )
    assert looked(tmp_path, "a.doc", data).codes == ["office_dde"]


def test_a_file_in_an_older_document_is_taken_out(tmp_path):
    data = ole("WordDocument", **{"ObjectPool/_1/\1Ole10Native": made.native("a.txt", b"Hej")})
    seen = looked(tmp_path, "a.doc", data)
    assert (seen.codes, [each.name for each in seen.inner]) == (["office_object"], ["a.txt"])


def test_an_object_that_is_fetched_is_a_warning(tmp_path):
    data = made.with_part(
        office("word"), "word/embeddings/oleObject1.bin", made.linked("http://example.com/x.hta")
    )
    assert looked(tmp_path, "a.docx", data).codes == ["office_remote"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.docx", ole("EncryptionInfo", "EncryptedPackage")),
        ("a.doc", ole(WordDocument=b"\xec\xa5\xc1\0\0\0\0\0\0\0\0\1")),
        ("a.xls", made.biff((0x2F, b"\1\0\1\0" + b"\0" * 48))),
        (
            "a.ppt",
            ole(
                "PowerPoint Document", **{"Current User": b"\0\0\xf6\x0f\x14\0\0\0\x14\0\0\0\xdf\xc4\xd1\xf3"}
            ),
        ),
    ],
)
def test_a_password_is_a_warning(tmp_path, name, data):
    seen = looked(tmp_path, name, data)
    assert (seen.codes, seen.verdict) == (["file_encrypted"], "warn")


def locked(data, password):
    """Lock a newer document as Office does; msoffcrypto wants a large one, in whole blocks."""
    parts, hidden = (
        made.parts_of(data) | {"docProps/thumbnail.jpeg": random.Random(1).randbytes(8192)},
        io.BytesIO(),
    )
    padding = b" " * (-len(packed(parts)) % 16)
    OOXMLFile(io.BytesIO(packed(parts, padding))).encrypt(password, hidden)
    return hidden.getvalue()


def test_what_excel_opens_without_asking_is_opened(tmp_path):
    data = locked(made.with_macros("xl", made.RUNS), "VelvetSweatshop")
    seen = looked(tmp_path, "a.xlsx", data)
    assert (seen.codes, [each.name for each in seen.inner]) == ([], ["a.xlsx"])
    assert zipfile.is_zipfile(seen.inner[0].file)


def test_a_workbook_that_excel_opens_is_looked_into_though_its_check_fails(tmp_path):
    data = locked(made.with_macros("xl", made.RUNS), "VelvetSweatshop")
    at = data.index(b'encryptedVerifierHashValue="') + 28
    spoiled = data[:at] + data[at : at + 20][::-1] + data[at + 20 :]
    assert [each.name for each in looked(tmp_path, "a.xlsx", spoiled).inner] == ["a.xlsx"]


def test_a_password_that_is_one_stays_a_warning(tmp_path):
    assert looked(tmp_path, "a.docx", locked(office("word"), "hemligt")).codes == ["file_encrypted"]


def test_an_older_document_that_is_cut_off_is_kept_but_not_opened(tmp_path):
    assert looked(tmp_path, "a.doc", ole("WordDocument")[:600]).verdict == "quarantine"


def test_a_container_without_a_document_cannot_be_opened(tmp_path):
    assert looked(tmp_path, "a.doc", ole("Something")).verdict == "quarantine"


# Rich text.


def in_noise(digits):
    """Hide digits as is done to fool readers: white space, groups, words without meaning."""
    return b"\n ".join(digits[at : at + 7] for at in range(0, len(digits), 7)).replace(b"\n ", b"\r\n\t", 3)


@pytest.mark.parametrize("hide", [lambda digits: digits, in_noise])
def test_a_file_in_rich_text_is_taken_out_however_it_is_hidden(tmp_path, hide):
    inner = made.rtf_object("Package", made.native("a.txt", b"Hej")[4:], hide=hide)
    seen = looked(tmp_path, "a.rtf", made.rtf(inner))
    assert (seen.codes, [each.name for each in seen.inner]) == (["office_object"], ["a.txt"])


@pytest.mark.parametrize(
    "inner",
    [
        made.rtf_object("Equation.3", made.equation(b"cmd /c calc " * 5)),
        made.rtf_object("eQuaTion.3", b"\1\2\3\4"),
        made.rtf_object(
            "OLE2Link", made.linked("http://example.com/x.hta"), controls=b"\\objautlink\\objupdate"
        ),
    ],
)
def test_an_object_made_to_break_word_is_quarantined(tmp_path, inner):
    seen = looked(tmp_path, "a.rtf", made.rtf(inner))
    assert ("office_exploit" in seen.codes, seen.verdict) == (True, "quarantine")


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (rb"{\*\template http://example.com/mall.dotm}", ["office_remote"]),
        (rb"{\*\template \u104?\u116?\u116?\u112?://example.com/mall.dotm}", ["office_remote"]),
        (rb"{\*\template C:\\Users\\asa\\Normal.dotm}", []),
        (rb'{\field{\*\fldinst{DDE}{\b AUTO cmd "/c calc"}}{\fldrslt x}}', ["office_dde"]),
        (rb'{\field{\*\fldinst HYPERLINK "https://example.se"}{\fldrslt x}}', []),
        (rb"{\pict\pngblip 89504e470d0a1a0a}", []),
    ],
)
def test_what_rich_text_fetches_is_a_warning(tmp_path, body, codes):
    assert looked(tmp_path, "a.rtf", made.rtf(body)).codes == codes


@pytest.mark.parametrize("end", [b"", b"}<script>alert(1)</script>", b"}MZ\x90\0"])
def test_rich_text_that_breaks_off_or_goes_on_is_passed_on_with_a_note(tmp_path, end):
    assert looked(tmp_path, "a.rtf", b"{\\rtf1\\ansi Hej" + end).codes == ["office_damaged"]


def test_each_object_in_rich_text_is_read_though_the_first_is_not_closed_well(tmp_path):
    first = made.rtf_object("Package", made.native("a.txt", b"Hej")[4:])
    second = made.rtf_object("Package", made.native("b.txt", b"Hej")[4:]).replace(
        b"{\\*\\objdata", b"\\objdata", 1
    )
    seen = looked(tmp_path, "a.rtf", made.rtf(first + rb"\} \bin2 }}" + second))
    assert [each.name for each in seen.inner] == ["a.txt", "b.txt"]


def test_a_binary_workbook_that_talks_with_another_program_is_passed_on_with_a_warning(tmp_path):
    pairs = [(len(word).to_bytes(4, "little"), word.encode("utf-16-le")) for word in ("cmd", "/c calc")]
    words = b"".join(length + word for length, word in pairs)
    link = b"\xe8\x02" + bytes([2 + len(words)]) + b"\1\0" + words
    book = packed(
        {
            "[Content_Types].xml": '<Types><Override PartName="/xl/workbook.bin" ContentType="application/'
            'vnd.ms-excel.sheet.binary.macroEnabled.main"/></Types>',
            "_rels/.rels": f'<Relationships xmlns="{RELATIONS}"><Relationship Id="rId1" '
            f'Type="{OFFICE}/officeDocument" Target="xl/workbook.bin"/></Relationships>',
            "xl/workbook.bin": b"\x83\x01\0",
            "xl/externalLinks/externalLink1.bin": link,
        }
    )
    seen = looked(tmp_path, "a.xlsb", book)
    assert [each.handler[-11:] for each in seen.findings if each.code == "office_dde"] == ["cmd /c calc"]
    assert seen.codes == ["office_dde"]
