"""What a wheel holds, and that the package installed from it finds its models and examples beside itself, from any folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
FOUND = """
from sonicdiff.pipelines.pulling import at_hand, examples
from sonicdiff.cli.trying import PHOTOS, SOUNDS
print(*(at_hand(name) for name in ("mini", "mini-hits", "mini-faces", "mini-music")), examples(), sep="\\n")
print(all((examples() / name).is_file() for name in (*PHOTOS, *SOUNDS)))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a wheel of a copy of the repository would be unpacked to."""
    copy, target = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("site-packages")
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(TOP / name, copy)
    for name in ("sonicdiff", "checkpoints", "examples"):
        shutil.copytree(TOP / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "unfinished"))
    (copy / "checkpoints" / "mini" / ".half-written").touch()
    subprocess.run([sys.executable, "setup.py", "-q", "build_py", "-d", target], cwd=copy, check=True, capture_output=True, timeout=120)
    return target


def test_a_wheel_holds_the_small_models_and_the_examples(installed: Path) -> None:
    folders = {path.name for path in (installed / "sonicdiff" / "checkpoints").iterdir()}
    assert folders == {"mini", "mini-hits", "mini-faces", "mini-music", "evaluators"}
    files = [path.relative_to(installed / "sonicdiff") for path in (installed / "sonicdiff").rglob("*") if path.is_file()]
    assert Path("examples/SOURCES.md") in files and Path("checkpoints/mini/README.md") in files and Path("py.typed") in files
    assert not [file for file in files if file.name.startswith(".") or (file.parts[0] == "examples" and file.suffix == ".py")]
    assert sum((installed / "sonicdiff" / file).stat().st_size for file in files) < 96 * 2**20


def test_the_installed_package_finds_them_from_any_folder(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SONICDIFF")} | {"PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", FOUND], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    *folders, complete = done.stdout.split()
    models = [installed / "sonicdiff" / "checkpoints" / name for name in ("mini", "mini-hits", "mini-faces", "mini-music")]
    assert folders == [*map(str, models), str(installed / "sonicdiff" / "examples")] and complete == "True", done.stderr
