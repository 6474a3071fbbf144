"""What the code never does, by reading it: what makes words into code, markup, queries or patterns."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = [
    path for room in ("config", "intake", "migrations", "workers") for path in ROOT.glob(f"{room}/**/*.py")
]
TEMPLATES = sorted(ROOT.glob("intake/templates/**/*.html"))
SCRIPTS = sorted(ROOT.glob("intake/static/*.js"))
# Modules whose statements are put together from constants of their own.
GLUED = {"intake/chains.py", "intake/ledger.py", "intake/rows.py", "intake/verifying.py"}
# Modules whose patterns are put together from constants of their own.
PATTERNS = {"intake/codes.py", "intake/files/names.py", "intake/letters/html.py"}
# Every module that signs, seals or hides; each has its line in docs/security.md, "Keys and digests".
KEYED = {
    *(f"intake/access/{name}.py" for name in ("factors", "oidc", "passwords", "provider")),
    "intake/handler/exporting.py", "intake/keys.py", "intake/letters/compose.py", "intake/letters/signing.py",
    "intake/limits.py", "intake/matters/exporting.py", "intake/sealing.py",
    "intake/security_log.py", "workers/peers.py",
}  # fmt: skip
MAKES_KEYS = {"argon2", "authlib", "cryptography", "hmac", "itsdangerous", "joserfc", "pyotp", "pyzipper"}
LOADS_CODE = {"dill", "jsonpickle", "marshal", "pickle", "shelve", "yaml"}
MAKES_MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|createContextualFragment"
RUNS_WORDS = r"\beval\(|new Function|setTimeout\(\s*[\"'`]|javascript:|\bimport\("
HEARS_OTHERS = (
    r"postMessage|onmessage|[\"']message[\"']|__proto__|\.prototype\b|XMLHttpRequest|WebSocket|EventSource"
)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def calls(path: Path):
    return ((ast.unparse(node.func), node) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))


def test_no_code_runs_words_or_a_shell():
    found = {
        (name_of(path), called)
        for path in PYTHON
        for called, node in calls(path)
        if called in ("eval", "exec", "os.system", "os.popen", "subprocess.getoutput")
        or any(given.arg == "shell" for given in node.keywords)
    }
    assert found == set()


def test_nothing_is_read_by_what_could_run_it():
    imported = {
        (name_of(path), name)
        for path in PYTHON
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", None), *(alias.name for alias in node.names))
        if name and name.partition(".")[0] in LOADS_CODE
    }
    assert imported == set()


def test_every_module_that_makes_digests_or_keys_is_known():
    keyed = {
        name_of(path)
        for path in PYTHON
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (getattr(node, "module", None), *(alias.name for alias in node.names))
        if name and name.partition(".")[0] in MAKES_KEYS
    }
    assert keyed <= KEYED


def test_the_queue_carries_json():
    serializers = {
        ast.unparse(given.value)
        for called, node in calls(ROOT / "workers/queues.py")
        if called in ("Queue", "kind")
        for given in node.keywords
        if given.arg == "serializer"
    }
    assert serializers == {"JSONSerializer"}


def test_only_known_modules_glue_statements_together():
    glued = {
        name_of(path)
        for path in PYTHON
        if "S608" in path.read_text() and not name_of(path).startswith("migrations/versions/")
    }
    assert glued <= GLUED
    ruff = (ROOT / "pyproject.toml").read_text().partition("[tool.ruff.lint]")[2]
    assert '"S"' in ruff.partition("]")[0]
    assert "S608" not in ruff.partition("ignore = [")[2].partition("\n]")[0]


def test_no_pattern_is_made_of_what_people_send():
    made = {
        name_of(path)
        for path in PYTHON
        for called, node in calls(path)
        if called.startswith("re.") and node.args and isinstance(node.args[0], ast.JoinedStr)
    }
    assert made <= PATTERNS


def test_what_must_not_be_guessed_never_comes_from_dice():
    dicing = {
        name_of(path) for path in PYTHON if re.search(r"^(import random|from random)", path.read_text(), re.M)
    }
    assert dicing <= {"intake/demo.py"}


def test_no_broken_digest_proves_anything():
    broken = {
        (name_of(path), called)
        for path in PYTHON
        for called, _ in calls(path)
        if re.search(r"md5|sha1", called)
    }
    # By this one an index is ordered.
    assert broken == {("intake/models/base.py", "func.md5")}


@pytest.mark.parametrize("template", TEMPLATES, ids=name_of)
def test_no_template_lets_words_be_markup(template):
    words = template.read_text()
    # Only what stands in the template itself is markup already.
    unescaped = re.findall(r"[^{|%]*\|\s*safe\b", words)
    assert [found for found in unescaped if not re.search(r"'[^'{}]*'\s*\|\s*safe$", found)] == []
    assert "autoescape" not in words


def test_no_page_is_made_from_a_template_in_words():
    found = {
        (name_of(path), called)
        for path in PYTHON
        for called, _ in calls(path)
        if called.rpartition(".")[2] in ("Markup", "from_string", "render_template_string")
    }
    assert found == set()


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
@pytest.mark.parametrize("words", [MAKES_MARKUP, RUNS_WORDS, HEARS_OTHERS], ids=["markup", "code", "others"])
def test_no_script_makes_markup_or_code_of_words_or_hears_other_windows(script, words):
    assert re.findall(words, script.read_text()) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=name_of)
def test_no_script_touches_a_password(script):
    assert re.findall(r"password|onpaste|[\"']paste[\"']", script.read_text()) == []


def test_no_view_mixes_query_and_form():
    mixing = {
        name_of(path)
        for path in PYTHON
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Attribute) and ast.unparse(node) == "request.values"
    }
    # One page looks for a matter to merge with, by its number, from a link or from a form.
    assert mixing <= {"intake/handler/matter_page.py"}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_every_dependency_is_known_by_its_digest_and_by_no_address(lock):
    lines = [line for line in (ROOT / lock).read_text().splitlines() if line and not line.startswith("#")]
    named = [line for line in lines if not line.startswith((" ", "\t"))]
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    pinned = re.findall(r"^([\w.\[\]-]+)==\S+.*?--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(pinned) == len(named) > 0
    assert "://" not in "".join(line for line in lines if not line.lstrip().startswith("#"))
