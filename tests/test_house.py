"""Rules of the house that a machine can check: a quick command line, a tree that travels, nothing that unpickles."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import hypothesis
import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "sonicdiff").rglob("*.py"))
MIB = 2**20


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so there is no list of tracked files")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


HELP = """
import sys, sonicdiff.cli
try:
    sonicdiff.cli.app(["--help"])
except SystemExit:
    print(*sys.modules, file=sys.stderr)
"""


def test_help_loads_little_and_nothing_heavy() -> None:
    """What makes it quick, on any machine: half a second where it is idle."""
    done = subprocess.run([sys.executable, "-c", HELP], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = done.stderr.split()
    assert "Usage" in done.stdout and {"torch", "diffusers", "numpy", "PIL"}.isdisjoint(loaded)
    assert len(loaded) < 600, len(loaded)


def test_no_test_depends_on_time() -> None:
    """A busy machine fails none: `waiting` waits for conditions, and examples have no deadline."""
    clock = re.compile(r"\btime\.(sleep|time|monotonic|perf_counter|process_time)\b|\bdeadline=")
    allowed = ("waiting.py", "conftest.py", "test_house.py")
    files = [path for path in (ROOT / "tests").rglob("*.py") if path.name not in allowed]
    assert [str(path.relative_to(ROOT)) for path in files if clock.search(path.read_text())] == []
    assert hypothesis.settings.default is not None and hypothesis.settings.default.deadline is None


def test_the_tree_travels() -> None:
    sizes = {path: path.stat().st_size for path in tracked()}
    assert [str(path) for path, size in sizes.items() if size > 15 * MIB] == []
    assert sum(sizes.values()) < 96 * MIB


def test_the_examples_stay_small_and_every_one_has_its_source() -> None:
    files = [path for path in (ROOT / "examples").rglob("*") if path.suffix in (".jpg", ".ogg")]
    listed = set(re.findall(r"^\| ([\w-]+\.(?:jpg|ogg)) \|", (ROOT / "examples/SOURCES.md").read_text(), re.MULTILINE))
    assert {path.name for path in files} == listed
    assert sum(path.stat().st_size for path in files) < 3 * MIB


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_unpickles(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = {alias.name for alias in node.names} | {getattr(node, "module", None) or ""}
            assert not {name.split(".")[0] for name in names} & {"pickle", "dill", "joblib", "shelve", "cloudpickle"}, f"line {node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            call, given = ast.unparse(node.func), {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            assert call != "torch.load" or given.get("weights_only") is True, f"line {node.lineno}: torch.load without weights_only=True"
            assert call not in ("np.load", "numpy.load") or not given.get("allow_pickle"), f"line {node.lineno}: numpy.load of a pickle"
            assert call != "yaml.load", f"line {node.lineno}: yaml.load"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_say_what_they_are(path: Path) -> None:
    source = path.read_text()
    assert not source.strip() or ast.get_docstring(ast.parse(source)), "no module docstring"
    assert path.name != "utils.py"
