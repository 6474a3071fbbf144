"""Looking a made file through, in this process."""

from __future__ import annotations

import itertools

from config.tables import read_tables
from intake.files.examine import look_through
from intake.files.findings import weigh

LIMITS = read_tables().files
_numbers = itertools.count(1)


def looked(tmp_path, name, data, depth=0):
    """Return what was seen in a file of these bytes, with its verdict as for one that was received."""
    number = next(_numbers)
    scratch = tmp_path / f"scratch-{number}"
    scratch.mkdir()
    file = tmp_path / str(number)
    file.write_bytes(data)
    looking = look_through(name, file, LIMITS, scratch, depth)
    looking.verdict = weigh(looking.findings, is_received=True)
    looking.codes = [each.code for each in looking.findings]
    return looking
