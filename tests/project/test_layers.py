"""The house keeps its shape: imports point down, task names resolve, settings are documented."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from config.settings import KNOWN
from intake import outbox

ROOT = Path(__file__).parents[2]


def test_imports_point_down_only():
    # In a process of its own, since the linter sets up logging for everything in its own.
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports"], cwd=ROOT, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode()


@pytest.mark.parametrize("kind", outbox.KINDS.values(), ids=lambda kind: kind.task)
def test_every_task_name_resolves_and_its_queue_has_a_worker(kind):
    from workers import queues

    module, _, name = kind.task.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))
    assert kind.queue in queues.NAMES


def test_every_kind_of_job_that_code_adds_is_known():
    added = set()
    for path in [*ROOT.glob("intake/**/*.py"), *ROOT.glob("workers/*.py")]:
        added |= set(re.findall(r'outbox\.add\(\s*"(\w+)"', path.read_text()))
    # What a page asks of the workers is added by the database itself.
    for path in ROOT.glob("migrations/versions/*.py"):
        added |= set(re.findall(r"'(\w+):' \|\| p_job", path.read_text()))
    assert added == set(outbox.KINDS)


@pytest.mark.parametrize("name", KNOWN)
def test_every_setting_is_documented(name):
    assert f"`{name}`" in (ROOT / "docs/running.md").read_text()


def test_every_setting_that_is_read_is_on_the_list():
    tree = ast.parse((ROOT / "config/settings.py").read_text())
    read = {
        name.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) in ("read", "self")
        for name in call.args
        if isinstance(name, ast.Constant) and str(name.value).isupper()
    }
    families = {name for name in KNOWN if name.startswith(("SECRET_KEY_", "DATABASE_URL_", "OIDC_CLIENT_"))}
    assert read | families == set(KNOWN)


def test_only_settings_and_entry_points_read_the_environment():
    allowed = {"config/settings.py", "wsgi.py", "intake/cli/common.py", "intake/processes.py"}
    # What is read there is what a program that is started may know of it.
    allowed |= {"intake/sandbox/handle.py", "intake/sandbox/reading.py"}
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("intake", "workers", "config", "migrations")
        for path in (ROOT / folder).glob("**/*.py")
        if "os.environ" in path.read_text() or "getenv" in path.read_text()
    }
    assert readers <= allowed, readers
