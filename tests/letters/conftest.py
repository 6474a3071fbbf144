"""What the tests of letters share: a reader of raw bytes, and the corpora where they are."""

from collections.abc import Callable
from pathlib import Path

import pytest

from intake.letters import Letter, parse

CORPORA = Path(__file__).parents[2] / ".." / "shared" / "corpora"


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], Letter]:
    def _read(raw: bytes) -> Letter:
        file = tmp_path / "raw.eml"
        file.write_bytes(raw)
        return parse(file, tmp_path / "parts")

    return _read


@pytest.fixture
def corpora() -> Path:
    if not CORPORA.is_dir():
        pytest.skip("the test corpora are not here")
    return CORPORA.resolve()
