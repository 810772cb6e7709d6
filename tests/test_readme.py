"""The README's Python runs as printed (with fewer steps), and its commands are commands."""

from __future__ import annotations

import re
import shlex
import subprocess
from functools import partial, partialmethod
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import sonicdiff
from sonicdiff.cli import app
from sonicdiff.pipelines import replay

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MODEL = ROOT / "checkpoints" / "mini" / "model_index.json"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def model_is_tracked() -> bool:
    listed = subprocess.run(["git", "ls-files", str(MODEL)], cwd=ROOT, capture_output=True, text=True, check=False)
    return bool(listed.stdout.strip())


def test_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not MODEL.exists():
        assert not model_is_tracked(), "git has the model checkpoints/mini, but it is not here"
        pytest.skip("there is no checkpoints/mini yet")
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    for verb in ("edit", "generate", "music"):
        monkeypatch.setattr(sonicdiff, verb, partial(getattr(sonicdiff, verb), num_inference_steps=3, show_progress=False))
    exec(compile(blocks("python")[0], "README.md", "exec"), {})
    assert len(list(tmp_path.glob("*.png"))) == 3 and (tmp_path / "jazz.wav").is_file()


def test_python_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gradio_client import Client

    from sonicdiff.ui import serving

    app = serving.start(measure=False)
    code = blocks("python")[1].replace("http://127.0.0.1:7860", app.address)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Client, "predict", partialmethod(Client.predict, num_inference_steps=5))
    found: dict[str, Any] = {}
    try:
        exec(compile(code, "README.md", "exec"), found)
    finally:
        app.close()
    assert replay.read(found["image"])["task"] == "edit" and replay.read(found["clip"])["seed"] == found["seed"]


def test_commands_parse() -> None:
    commands = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("sonicdiff ")]
    assert commands
    for line in commands:
        _, name, *arguments = shlex.split(line.split("|")[0], comments=True)
        get_command(app).commands[name].make_context(name, arguments)  # pyright: ignore[reportAttributeAccessIssue]


def test_make_targets_exist() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"\bmake ([a-z-]+)", README)) <= set(targets)


def test_files_exist() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'src="([^"]+)"', README):
        assert (ROOT / link).exists(), link
