"""Office files made into a PDF by LibreOffice, which may run nothing, fetch nothing and keeps no home."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import msoffcrypto

from intake.files.drawing.ways import OfficeKind

SECONDS = 70
# LibreOffice says by this that it has made its profile and must start once more.
START_AGAIN = 81
_MANIFEST_BYTES = 1024 * 1024
_SETTINGS = "/org.openoffice."
# What LibreOffice must not do with a hostile document, by path, name and value. No macro runs and none is
# asked about; no link is updated; nothing is fetched on behalf of a document from nowhere, and what would be
# fetched all the same goes to a port where nobody answers; no cell is computed anew, so that no function that
# fetches is called; nothing is looked for on the net or written down on the side.
_FORBIDDEN: tuple[tuple[str, str, str], ...] = (
    ("Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("Office.Common/Security/Scripting", "CheckDocumentEvents", "false"),
    ("Office.Writer/Content/Update", "Link", "0"),
    ("Office.Writer/Content/Update", "Field", "false"),
    ("Office.Calc/Content/Update", "Link", "1"),
    ("Office.Calc/Formula/Load", "OOXMLRecalcMode", "1"),
    ("Office.Calc/Formula/Load", "ODFRecalcMode", "1"),
    ("Inet/Settings", "ooInetProxyType", "2"),
    ("Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("Inet/Settings", "ooInetHTTPSProxyPort", "9"),
    ("Office.Common/Misc", "FirstRun", "false"),
    ("Office.Recovery/RecoveryInfo", "Enabled", "false"),
    ("Office.Recovery/AutoSave", "Enabled", "false"),
    ("Setup/L10N", "ooSetupSystemLocale", "sv-SE"),
)


def find_office() -> Path | None:
    """Return LibreOffice's own program; None where it is not installed."""
    found = shutil.which("soffice") or shutil.which("libreoffice")
    program = Path(found).resolve().with_name("soffice.bin") if found else None
    return program if program and program.is_file() else None


def is_locked(file: Path, kind: OfficeKind) -> bool:
    """Say whether an office file has a password; an OOXML file with one has a type of its own."""
    try:
        if kind.is_package:
            with zipfile.ZipFile(file) as package, package.open("META-INF/manifest.xml") as manifest:
                return b"encryption-data" in manifest.read(_MANIFEST_BYTES)
        with file.open("rb") as stream:
            return bool(msoffcrypto.OfficeFile(stream).is_encrypted())
    except Exception:
        # The many ways of being damaged all mean that nobody can tell.
        return False


def convert(file: Path, kind: OfficeKind, folder: Path, max_pages: int) -> Path | None:
    """Return the first pages of an office file as a PDF in ``folder``, and one more; None when none was made.

    LibreOffice stays in the group of this process, and so ends with it.
    """
    program = find_office()
    if program is None:
        return None
    home = folder / "office"
    _make_profile(home / "profile" / "user")
    source = home / f"file.{kind.extension}"
    shutil.copyfile(file, source)
    command = [str(program), f"-env:UserInstallation={(home / 'profile').as_uri()}", "--headless", "--nologo",
               "--norestore", "--nolockcheck", "--nodefault", "--convert-to", _target(kind, max_pages + 1),
               "--outdir", str(home)]  # fmt: skip
    if kind.reader:
        command.append(f"--infilter={kind.reader}")
    for _ in range(2):
        if _run([*command, str(source)], home) != START_AGAIN:
            break
    made = source.with_suffix(".pdf")
    return made if made.is_file() else None


def _run(command: list[str], home: Path) -> int:
    environment = {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home),
                   "LC_ALL": "C.UTF-8", "SAL_USE_VCLPLUGIN": "svp"}  # fmt: skip
    try:
        return subprocess.run(
            command, cwd=home, env=environment, timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ).returncode  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1


def _target(kind: OfficeKind, pages: int) -> str:
    options: Mapping[str, tuple[str, str]] = {
        "PageRange": ("string", f"1-{pages}"),
        "Quality": ("long", "80"),
        "ReduceImageResolution": ("boolean", "true"),
        "MaxImageResolution": ("long", "150"),
        "ExportBookmarks": ("boolean", "false"),
        "UseTaggedPDF": ("boolean", "false"),
    }
    told = {name: {"type": type_, "value": value} for name, (type_, value) in options.items()}
    return f"pdf:{kind.writer}:{json.dumps(told)}"


def _make_profile(folder: Path) -> None:
    items = "".join(
        f'<item oor:path="{_SETTINGS}{path}"><prop oor:name="{name}" oor:op="fuse"><value>{value}</value>'
        "</prop></item>\n"
        for path, name, value in _FORBIDDEN
    )
    folder.mkdir(parents=True)
    (folder / "registrymodifications.xcu").write_text(
        '<?xml version="1.0" encoding="UTF-8"?>\n<oor:items xmlns:oor="http://openoffice.org/2001/registry">\n'
        f"{items}</oor:items>\n",
        encoding="utf-8",
    )
