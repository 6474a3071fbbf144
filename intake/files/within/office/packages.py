"""Office as a zip of XML: which family of documents it is, and whether it can be opened."""

from __future__ import annotations

import zipfile

from intake.files.looking import Looking
from intake.files.within import zips
from intake.files.within.office import opendocument, openxml


def look(looking: Looking) -> None:
    """Tell what an Office document that is a zip holds and would do."""
    archive = zips.open_checked(looking)
    if archive is None:
        return
    with archive:
        names = {zips.shown_name(info).lower(): info for info in archive.infolist() if not info.is_dir()}
        if "[content_types].xml" in names:
            openxml.look(looking, archive, names)
        elif "content.xml" in names or "meta-inf/manifest.xml" in names:
            opendocument.look(looking, archive, names)
        elif _is_apples(names):
            _look_at_apples(looking, names)
        else:
            looking.find("office_unreadable", why="det finns inget dokument i paketet")


def _is_apples(names: dict[str, zipfile.ZipInfo]) -> bool:
    """Say whether it is from Pages, Numbers or Keynote, of today or of 2009."""
    return any(
        name.endswith((".iwa", "index.zip", "index.xml", "index.xml.gz", "index.apxl", "index.apxl.gz"))
        for name in names
    )


def _look_at_apples(looking: Looking, names: dict[str, zipfile.ZipInfo]) -> None:
    """Find a password; these documents have no macros and fetch nothing by themselves."""
    if any(name.endswith((".iwpv2", ".iwph")) for name in names):
        looking.find("file_encrypted")
