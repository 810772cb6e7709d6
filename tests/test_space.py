"""The Hugging Face Space: what its files say agrees with what the package says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def front() -> dict[str, str]:
    _, matter, _ = (ROOT / "README.md").read_text().split("---\n", 2)
    return dict(line.split(": ", 1) for line in matter.strip().splitlines())


def test_the_front_matter_agrees_with_the_project(front: dict[str, str]) -> None:
    constraints = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line and line[0] != "#")
    assert front["sdk"] == "gradio" and front["sdk_version"] == constraints["gradio"]
    assert (ROOT / front["app_file"]).is_file() and front["license"] == PROJECT["license"].lower()
    wanted = tuple(map(int, re.findall(r"\d+", PROJECT["requires-python"])))
    assert tuple(map(int, front["python_version"].strip('"').split(".")[:2])) >= wanted


def test_its_requirements_are_the_packages_own() -> None:
    listed = {line for line in (ROOT / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")}
    app = [name for name in PROJECT["optional-dependencies"]["app"] if not name.startswith("gradio")]
    tested = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
    assert listed == {tested, *PROJECT["dependencies"], *app} - {line for line in PROJECT["dependencies"] if line.startswith("torch>")}
    assert (ROOT / "packages.txt").read_text().split() == ["ffmpeg"]


def test_its_entry_is_short_and_asks_for_a_gpu_first() -> None:
    source = (ROOT / "app.py").read_text()
    assert len(source.splitlines()) < 30
    assert source.index("import spaces") < source.index("from sonicdiff")
