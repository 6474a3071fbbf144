"""Safe views: what can be shown of a file without opening it, and that nothing of it runs or is fetched."""

from __future__ import annotations

import io
import socket
import struct
import subprocess
import zlib
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from config.tables import read_tables
from intake.errors import AnalysisFailed
from intake.files import draw, drawing
from intake.files.drawing import find_office, office, ways
from tests.files import making
from tests.needs import need

LIMITS = read_tables().files
WORDS = "Jag såg bilen på Väg 55."
WORD_TYPE, SHEET_TYPE = f"{making.FORMAT}.wordprocessingml.document", f"{making.FORMAT}.spreadsheetml.sheet"
OPEN = "application/vnd.oasis.opendocument"
RTF = rb"{\rtf1\ansi Jag s\'e5g bilen p\'e5 V\'e4g 55.\par}"


@pytest.fixture
def drawn(tmp_path):
    """Draw bytes as a file of a type."""

    def draw_it(data, detected_type):
        scratch = tmp_path / f"scratch-{len(list(tmp_path.iterdir()))}"
        scratch.mkdir()
        file = scratch.with_suffix(".file")
        file.write_bytes(data)
        return draw(file, detected_type, LIMITS, scratch)

    return draw_it


@pytest.fixture
def with_office():
    need(find_office() is not None, "LibreOffice (soffice) is not installed")


def opened(picture):
    """Read a picture whole, as a browser does, and see that it is what it is said to be."""
    image = Image.open(picture.file)
    image.load()
    assert (image.get_format_mimetype(), image.size) == (
        picture.media_type,
        (picture.width, picture.height),
    )
    return image


def saved(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def noise(width, height):
    return Image.effect_noise((width, height), 80).convert("RGB")


def located():
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    exif[0x0110] = "Telefon"
    return exif


# Photos


def test_a_photo_is_drawn_without_anything_but_its_pixels(drawn):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    data = saved(
        noise(400, 300), "JPEG", exif=located(), comment=b"hemlig", icc_profile=profile, xmp=b"<x:xmp/>"
    )
    (picture,) = drawn(data, "image/jpeg").pictures
    written = picture.file.read_bytes()
    assert opened(picture).getexif() == {}
    assert not any(mark in written for mark in (b"Exif", b"hemlig", b"ICC_PROFILE", b"x:xmp", b"Telefon"))
    assert set(opened(picture).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_picture_with_text_in_it_is_drawn_without_the_text(drawn):
    told = PngImagePlugin.PngInfo()
    told.add_itxt("XML:com.adobe.xmp", "hemlig")
    told.add_text("Comment", "hemlig")
    (picture,) = drawn(
        saved(Image.new("RGB", (40, 30)), "PNG", pnginfo=told, exif=located()), "image/png"
    ).pictures
    assert opened(picture).info == {}
    assert b"hemlig" not in picture.file.read_bytes()


def test_a_photo_that_lies_on_its_side_is_turned(drawn):
    exif = Image.Exif()
    exif[0x0112] = 6
    (picture,) = drawn(saved(noise(40, 20), "JPEG", exif=exif), "image/jpeg").pictures
    assert opened(picture).size == (20, 40)


@pytest.mark.parametrize("brand", ["heic", "avif"])
def test_a_photo_of_a_new_format_is_drawn(drawn, brand):
    (picture,) = drawn(making.heif(brand), f"image/{brand}").pictures
    assert opened(picture).mode in ("RGB", "P")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_photo_of_every_listed_format_is_drawn(drawn, kind):
    (picture,) = drawn(making.picture(kind), f"image/{kind.lower()}").pictures
    assert opened(picture).size == (16, 12)


def test_a_large_photo_becomes_small(drawn):
    (picture,) = drawn(saved(noise(5000, 2500), "JPEG"), "image/jpeg").pictures
    assert opened(picture).size == (2000, 1000)
    assert picture.file.stat().st_size < 2_000_000


def test_a_photo_in_the_colours_of_print_is_drawn_in_those_of_a_screen(drawn):
    (picture,) = drawn(saved(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG"), "image/jpeg").pictures
    red, green, blue = opened(picture).convert("RGB").getpixel((9, 9))
    assert red > 200
    assert max(green, blue) < 60


def test_a_picture_of_sixteen_bits_keeps_its_greys(drawn):
    dark = Image.new("I;16", (20, 20), 65535 // 4)
    (picture,) = drawn(saved(dark, "PNG"), "image/png").pictures
    assert 56 <= opened(picture).convert("L").getpixel((9, 9)) <= 70


def test_what_can_be_seen_through_stays_so(drawn):
    (picture,) = drawn(saved(Image.new("RGBA", (20, 20), (255, 0, 0, 0)), "PNG"), "image/png").pictures
    assert opened(picture).getpixel((9, 9)) == (255, 0, 0, 0)


def test_a_scanned_document_is_drawn_page_by_page(drawn):
    pages = [Image.new("L", (60, 80), grey) for grey in (0, 90, 200)]
    shown = drawn(saved(pages[0], "TIFF", save_all=True, append_images=pages[1:]), "image/tiff")
    assert [opened(picture).convert("L").getpixel((5, 5)) for picture in shown.pictures] == [0, 90, 200]
    assert shown.problem is None


def test_of_a_moving_picture_the_first_is_drawn_and_the_others_told_of(drawn):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    shown = drawn(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]), "image/gif")
    assert opened(*shown.pictures).convert("RGB").getpixel((5, 5))[0] > 200
    assert "Bara den första visas" in shown.problem


def test_a_truncated_photo_is_drawn_as_far_as_it_goes(drawn):
    data = saved(noise(400, 300), "JPEG")
    shown = drawn(data[: len(data) // 2], "image/jpeg")
    assert opened(*shown.pictures).size == (400, 300)
    assert "skadad" in shown.problem


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_a_picture_of_too_many_pixels_is_not_decoded(drawn):
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(9999))) + chunk(b"IEND", b"")
    shown = drawn(data, "image/png")
    assert shown.pictures == ()
    assert "för många bildpunkter" in shown.problem


def test_what_only_calls_itself_a_photo_is_said_to_be_damaged(drawn):
    assert drawn(b"\xff\xd8\xff" + b"\0" * 50, "image/jpeg").problem == "Bilden är skadad och kan inte visas."


# PDF


def pdf(text="", **options):
    """Make a PDF of one page with text in Windows' letters; ``root`` is added to its catalog."""
    root, encryption = options.pop("root", {}), options.pop("encryption", None)
    document = pikepdf.new()
    page = document.add_blank_page()
    page.MediaBox = [0, 0, *options.get("page_size", (595, 842))]
    font = {"/Type": pikepdf.Name.Font, "/Subtype": pikepdf.Name.Type1, "/BaseFont": pikepdf.Name.Helvetica,
            "/Encoding": pikepdf.Name.WinAnsiEncoding}  # fmt: skip
    page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=pikepdf.Dictionary(font)))
    page.Contents = document.make_stream(b"BT /F1 24 Tf 72 700 Td (" + text.encode("cp1252") + b") Tj ET")
    for name, value in root.items():
        document.Root[name] = value
    stream = io.BytesIO()
    document.save(stream, encryption=encryption or False)
    return stream.getvalue()


def is_inked(picture):
    return opened(picture).convert("L").getextrema()[0] < 100


def test_a_pdf_is_drawn_as_pages_and_text(drawn):
    shown = drawn(pdf("Åsa såg älgen i Ödåkra"), "application/pdf")
    (picture,) = shown.pictures
    assert is_inked(picture)
    assert max(opened(picture).size) == 1600
    assert picture.file.stat().st_size < 50_000
    assert (shown.text, shown.problem) == ("Åsa såg älgen i Ödåkra", None)


def test_a_pdf_that_would_run_something_is_drawn_and_runs_nothing(drawn, tmp_path):
    mark = tmp_path / "ran"
    launch = pikepdf.Dictionary(S=pikepdf.Name.Launch, F=f"touch {mark}")
    script = pikepdf.Dictionary(
        S=pikepdf.Name.JavaScript, JS="app.alert(1); this.submitForm('http://127.0.0.1')"
    )
    shown = drawn(
        pdf("Faktura", root={"/OpenAction": launch, "/AA": pikepdf.Dictionary(WC=script)}), "application/pdf"
    )
    assert is_inked(*shown.pictures)
    assert not mark.exists()


def test_what_was_filled_in_a_form_is_drawn(drawn):
    document = pikepdf.open(io.BytesIO(pdf()))
    look = document.make_stream(b"0 0 200 40 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form,
                                BBox=[0, 0, 200, 40])  # fmt: skip
    field = pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Widget, FT=pikepdf.Name.Tx, T="namn", V="Åsa",
        Rect=[72, 600, 272, 640], F=4, AP=pikepdf.Dictionary(N=look),
    )  # fmt: skip
    document.pages[0].Annots = pikepdf.Array([document.make_indirect(field)])
    document.Root.AcroForm = pikepdf.Dictionary(Fields=document.pages[0].Annots)
    stream = io.BytesIO()
    document.save(stream)
    assert is_inked(*drawn(stream.getvalue(), "application/pdf").pictures)


def test_a_pdf_with_a_password_is_told_of(drawn):
    shown = drawn(pdf("Hemligt", encryption=pikepdf.Encryption(owner="a", user="b")), "application/pdf")
    assert (shown.pictures, shown.text) == ((), "")
    assert "lösenord" in shown.problem


def test_a_pdf_that_only_qpdf_can_mend_is_drawn(drawn):
    whole = pdf("Sparat")
    shown = drawn(b"\0" * 2048 + whole[: whole.rindex(b"xref")], "application/pdf")
    assert is_inked(*shown.pictures)
    assert shown.problem == "Filen är skadad. Det som gick att läsa visas."


def test_a_pdf_that_nothing_can_read_is_told_of(drawn):
    assert drawn(b"%PDF-1.7\nnej", "application/pdf").problem == "Filen är skadad och kan inte visas."


@pytest.mark.parametrize("size", [(1_000_000, 1_000_000), (1_000_000, 1), (3, 3)])
def test_a_page_of_any_size_becomes_a_picture_of_ours(drawn, size):
    (picture,) = drawn(pdf("Stort", page_size=size), "application/pdf").pictures
    assert max(opened(picture).size) <= 1600
    assert picture.file.stat().st_size < 500_000


def many_pages(count):
    """Make a PDF whose list of pages names one page so many times."""
    kids = b"3 0 R " * count
    parts = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]>>",
    )
    data, starts = b"%PDF-1.7\n", []
    for number, part in enumerate(parts, 1):
        starts.append(len(data))
        data += b"%d 0 obj%s endobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    tail = b"xref\n0 4\n0000000000 65535 f \n%strailer<</Root 1 0 R/Size 4>>\nstartxref\n%d\n%%%%EOF\n"
    return data + tail % (table, len(data))


def test_of_very_many_pages_the_first_are_drawn(drawn):
    shown = drawn(many_pages(100_000), "application/pdf")
    assert len(shown.pictures) == LIMITS.views.max_pages
    assert "Bara de första 50 sidorna visas." in shown.problem


# Text


@pytest.mark.parametrize(
    "charset", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_swedish_text_is_read_in_every_charset(drawn, charset):
    shown = drawn(f"{WORDS}\r\nKostnad: 100 kr".encode(charset), "text/plain")
    assert (shown.text, shown.pictures, shown.problem) == (f"{WORDS}\nKostnad: 100 kr", (), None)


def test_text_keeps_no_controls(drawn):
    assert drawn(b"a\x1b[31mb\x08\x0cc\td", "text/plain").text == "a[31mb\nc\td"


def test_long_text_is_cut_and_that_is_told(drawn):
    shown = drawn(b"ab" * 400_000, "text/plain")
    assert len(shown.text) == LIMITS.views.max_characters
    assert "Bara början" in shown.problem


def test_bytes_that_are_no_text_are_not_shown_as_such(drawn):
    assert drawn(bytes(range(256)) * 10, "application/octet-stream").problem == "Filen kan inte visas här."


def test_a_letter_is_shown_with_the_headers_that_people_read(drawn):
    letter = (
        b"From: =?utf-8?q?=C3=85sa?= <asa@example.org>\r\nTo: tips@example.se\r\nSubject: Bilen\r\n"
        b"Date: Sun, 22 Nov 2026 16:05:00 +0100\r\nX-Mailer: nej\r\n\r\nDen var r=F6d.\r\n"
    )
    text = drawn(letter, "message/rfc822").text
    assert text.startswith("Från: Åsa <asa@example.org>\nTill: tips@example.se\nDatum: 2026-11-22 15:05 UTC")
    assert "Ämne: Bilen" in text
    assert "X-Mailer" not in text


@pytest.mark.parametrize("kind", ["video/mp4", "audio/mpeg", "application/zip", "application/encrypted"])
def test_what_is_not_drawn_is_no_work_and_has_words_of_its_own(drawn, kind):
    assert drawn(b"", kind).problem in ways.INSTEAD.values()


@pytest.mark.parametrize("kind", ["application/pdf", "image/heic", "text/csv", WORD_TYPE, "message/rfc822"])
def test_what_can_be_drawn_is_worth_the_work(kind):
    assert ways.way_of(kind) not in ways.INSTEAD


# Office


def odt(body, more=None, listed=(), settings=""):
    """Make a text document with this body, and with more parts."""
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{space}:1.0"'
        for name, space in (("office", "office"), ("text", "text"), ("draw", "drawing"), ("script", "script"),
                            ("svg", "svg-compatible"))
    )  # fmt: skip
    spaces += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:ooo="http://openoffice.org/2004/office"'
    spaces += ' xmlns:dom="http://www.w3.org/2001/xml-events"'
    entries = "".join(
        f'<manifest:file-entry manifest:full-path="{path}" manifest:media-type="{kind}"/>'
        for path, kind in (("/", f"{OPEN}.text"), ("content.xml", "text/xml"), *listed)
    )
    return making.packed(
        {
            "mimetype": f"{OPEN}.text",
            "content.xml": f"{making.XML}<office:document-content {spaces} office:version='1.3'>{settings}"
            f"<office:body><office:text>{body}</office:text></office:body></office:document-content>",
            **(more or {}),
            "META-INF/manifest.xml": f'{making.XML}<manifest:manifest xmlns:manifest="urn:oasis:names:tc:'
            f'opendocument:xmlns:manifest:1.0" manifest:version="1.3">{entries}</manifest:manifest>',
        }
    )


OFFICE = {
    "docx": (making.office("word"), WORD_TYPE),
    "odt": (odt(f"<text:p>{WORDS}</text:p>"), f"{OPEN}.text"),
    "rtf": (RTF, "text/rtf"),
}


@pytest.mark.parametrize("kind", OFFICE)
def test_an_office_file_is_drawn_as_pages_and_text(drawn, with_office, kind):
    shown = drawn(*OFFICE[kind])
    assert is_inked(*shown.pictures)
    assert (shown.text, shown.problem) == (WORDS, None)


def test_a_spreadsheet_is_drawn_as_pages(drawn, with_office):
    shown = drawn(making.office("xl"), SHEET_TYPE)
    assert is_inked(*shown.pictures)
    assert shown.text == "112"


@pytest.fixture
def converted(tmp_path, with_office):
    """Let LibreOffice convert in this process, where nothing but its settings keeps it from the network."""

    def convert(data, kind):
        folder = tmp_path / f"folder-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        file = folder / "original"
        file.write_bytes(data)
        return office.convert(file, kind, folder, LIMITS.views.max_pages)

    return convert


def test_an_old_word_file_is_drawn(drawn, tmp_path, with_office):
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "a.rtf").write_bytes(RTF)
    profile = (tmp_path / "profile").as_uri()
    command = ["soffice", f"-env:UserInstallation={profile}", "--headless", "--convert-to", "doc", "a.rtf"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    shown = drawn((folder / "a.doc").read_bytes(), "application/msword")
    assert is_inked(*shown.pictures)
    assert shown.text == WORDS


@pytest.fixture
def listener():
    """Listen where a document says that more of it lies; nobody may call."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(BlockingIOError):
            server.accept()


def relation(kind, target):
    return (
        f'{making.XML}<Relationships xmlns="{making.RELATIONS}"><Relationship Id="rId1" '
        f'Type="{making.OFFICE}/{kind}" Target="{target}" TargetMode="External"/></Relationships>'
    )


def test_a_remote_template_is_not_fetched(converted, listener):
    names = ["[Content_Types].xml", "_rels/.rels", "word/document.xml"]
    parts = {name: making.PARTS.get(name) for name in names}
    parts["[Content_Types].xml"] = making._content_types(names)
    parts["_rels/.rels"] = making._package_relations(names)
    parts["word/_rels/document.xml.rels"] = (
        f'{making.XML}<Relationships xmlns="{making.RELATIONS}"><Relationship Id="rId1" '
        f'Type="{making.OFFICE}/settings" Target="settings.xml"/></Relationships>'
    )
    parts["word/settings.xml"] = (
        f'{making.XML}<w:settings xmlns:w="{making.WORD}" xmlns:r="{making.OFFICE}">'
        '<w:attachedTemplate r:id="rId1"/></w:settings>'
    )
    parts["word/_rels/settings.xml.rels"] = relation("attachedTemplate", f"{listener}/a.dotm")
    assert converted(making.packed(parts), ways.DOCX).is_file()


def test_a_linked_picture_is_not_fetched(converted, listener):
    image = f'<draw:image xlink:href="{listener}/a.png"/>'
    frame = f'<draw:frame svg:width="3cm" svg:height="3cm">{image}</draw:frame>'
    assert converted(odt(f"<text:p>{WORDS}{frame}</text:p>"), ways.ODT).is_file()


def test_a_linked_section_is_not_fetched(converted, listener):
    linked = (
        f'<text:section text:name="a"><text:section-source xlink:href="{listener}/a.odt"/>'
        f"<text:p>{WORDS}</text:p></text:section>"
    )
    assert converted(odt(linked), ways.ODT).is_file()


def test_a_file_of_this_machine_is_not_drawn_into_a_document(drawn, with_office, tmp_path):
    Image.new("RGB", (60, 60), "red").save(tmp_path / "ours.png")
    (tmp_path / "ours.txt").write_text("hemligt")
    image = f'<draw:image xlink:href="{(tmp_path / "ours.png").as_uri()}" xlink:type="simple"/>'
    frame = f'<draw:frame svg:width="3cm" svg:height="3cm">{image}</draw:frame>'
    source = f'<text:section-source xlink:href="{(tmp_path / "ours.txt").as_uri()}"/>'
    section = f'<text:section text:name="a">{source}<text:p>x</text:p></text:section>'
    shown = drawn(odt(f"<text:p>{WORDS}{frame}</text:p>{section}"), f"{OPEN}.text")
    colours = opened(*shown.pictures).convert("RGB").getcolors(9999)
    assert not any(red > 200 and green < 90 for _, (red, green, _) in colours)
    assert "hemligt" not in shown.text


def test_a_cell_that_fetches_is_not_computed(converted, listener):
    cell = (
        f'<c r="A1"><f>_xlfn.WEBSERVICE("{listener}/a")</f><v>1</v></c>'
        f'<c r="B1"><f>WEBSERVICE("{listener}/a")</f></c>'
    )
    sheet = making.PARTS["xl/worksheets/sheet1.xml"].replace('<c r="A1"><v>112</v></c>', cell)
    names = ["[Content_Types].xml", "_rels/.rels", making.MAIN["xl"], *making.MORE["xl"]]
    parts = {name: making.PARTS.get(name) for name in names} | {"xl/worksheets/sheet1.xml": sheet}
    parts["[Content_Types].xml"] = making._content_types(names)
    parts["_rels/.rels"] = making._package_relations(names)
    assert converted(making.packed(parts), ways.XLSX).is_file()


def with_macro(mark):
    """Make a text document whose macro writes a file as soon as the document is opened."""
    library = 'xmlns:library="http://openoffice.org/2000/library" library:name="Standard"'
    module = (
        '<script:module xmlns:script="http://openoffice.org/2000/script" script:name="M" '
        f'script:language="StarBasic">Sub Go\nOpen "{mark}" For Output As #1\nClose #1\nEnd Sub'
        "</script:module>"
    )
    more = {
        "Basic/script-lc.xml": f'{making.XML}<library:libraries xmlns:library="http://openoffice.org/2000/library">'
        '<library:library library:name="Standard" library:link="false"/></library:libraries>',
        "Basic/Standard/script-lb.xml": f"{making.XML}<library:library {library} library:readonly='false' "
        "library:passwordprotected='false'><library:element library:name='M'/></library:library>",
        "Basic/Standard/M.xml": making.XML + module,
    }
    event = (
        '<office:scripts><office:event-listeners><script:event-listener script:language="ooo:script" '
        'script:event-name="dom:load" xlink:type="simple" '
        'xlink:href="vnd.sun.star.script:Standard.M.Go?language=Basic&amp;location=document"/>'
        "</office:event-listeners></office:scripts>"
    )
    return odt(f"<text:p>{WORDS}</text:p>", more, [(name, "text/xml") for name in more], event)


def test_a_macro_does_not_run(converted, tmp_path):
    mark = tmp_path / "ran"
    assert converted(with_macro(mark), ways.ODT).is_file()
    assert not mark.exists()


def locked_word():
    head = bytearray(making.STREAMS["WordDocument"])
    head[11] |= 1
    return making.ole("1Table", WordDocument=bytes(head))


def locked_odt():
    entry = ("x", '"><manifest:encryption-data/></manifest:file-entry><manifest:file-entry a="')
    return odt("", {"content.xml": bytes(range(256))}, [entry])


@pytest.mark.parametrize(
    ("make", "kind"), [(locked_word, "application/msword"), (locked_odt, f"{OPEN}.text")]
)
def test_an_office_file_with_a_password_is_told_of(drawn, make, kind):
    shown = drawn(make(), kind)
    assert (shown.pictures, shown.text) == ((), "")
    assert shown.problem == "Filen är skyddad med lösenord och kan inte visas."


# Without LibreOffice


@pytest.fixture
def without_office(monkeypatch):
    monkeypatch.setattr(drawing, "find_office", lambda: None)


@pytest.mark.parametrize("kind", OFFICE)
def test_without_libreoffice_the_words_are_shown_and_the_rest_told_of(drawn, without_office, kind):
    shown = drawn(*OFFICE[kind])
    assert (shown.pictures, shown.text) == ((), WORDS)
    assert shown.problem == "Sidorna kan inte visas här, bara texten."


def test_without_libreoffice_the_cells_of_a_spreadsheet_are_shown(drawn, without_office):
    assert drawn(making.office("xl"), SHEET_TYPE).text == "112"


def test_without_libreoffice_an_old_word_file_is_not_shown(drawn, without_office):
    assert drawn(making.ole("WordDocument"), "application/msword").problem == "Filen kan inte visas här."


# The parent trusts no child


@pytest.mark.parametrize("leave", ["nothing", "a link", "a page"])
def test_a_child_cannot_pass_off_another_file_as_its_picture(drawn, tmp_path, monkeypatch, leave):
    def answer(_, argument, **__):
        picture = Path(argument["scratch"], "picture-1")
        if leave == "a link":
            picture.symlink_to("/etc/hostname")
        elif leave == "a page":
            picture.write_text("<script>")
        pictures = [{"media_type": "image/png", "width": 1, "height": 1}]
        return {"pictures": pictures, "text": "", "problem": None, "is_whole": True}

    monkeypatch.setattr(drawing.sandbox, "run", answer)
    with pytest.raises(AnalysisFailed):
        drawn(b"x", "image/png")
