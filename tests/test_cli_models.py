"""The commands about models: the list, fetching one from a hub on this machine, the doctor, another base, LoRAs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import COMMIT, Hub, serving, silence
from PIL import Image, ImageChops
from safetensors.torch import save_file
from tiny import make_unet, random_lora
from typer.testing import CliRunner, Result

from sonicdiff.cli import app

STEPS = ["--steps", "2", "--quiet"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_directory: Path) -> Iterator[Hub]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    for name in ("HF_HUB_CACHE", "SONICDIFF_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with serving({"models/someone/tiny": tiny_directory}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_the_list_says_size_licence_and_where() -> None:
    listed = run("models").output
    for words in ("mini-music", "Apache-2.0", "OpenRAIL-M", "4610 MB", "sd-1.5", "`sonicdiff pull landscape` fetches it"):
        assert words in listed, listed


def test_the_list_for_programs() -> None:
    """As JSON, and the names alone."""
    listed = {one["name"]: one for one in json.loads(run("models", "--json").stdout)}
    assert listed["mini"]["licence"] == "Apache-2.0" and Path(listed["mini"]["directory"], "unet").is_dir()
    assert listed["landscape"]["directory"] is None and listed["landscape"]["megabytes"] > 4000
    assert run("models", "-q").stdout.split() == list(listed)


def test_the_doctor_for_programs() -> None:
    told = json.loads(run("doctor", "--json").stdout)
    assert told["works"] and "loads" in told["findings"]["default model"]
    quiet = run("doctor", "-q")
    assert quiet.exit_code == 0 and not quiet.output


def test_a_model_is_fetched_once(hub: Hub) -> None:
    result = run("pull", "someone/tiny", "--quiet")
    assert result.exit_code == 0 and COMMIT in result.output, result.output
    asked = len(hub.requests)
    assert run("pull", "someone/tiny").exit_code == 0 and len(hub.requests) == asked
    (file,) = Path("home/hub").rglob("unet/*.safetensors")
    data = file.read_bytes()
    file.resolve().write_bytes(data[:-1] + bytes([data[-1] ^ 255]))
    result = run("pull", "someone/tiny", "--verify", "--quiet")
    assert "differed from its hash" in result.output and file.read_bytes() == data


def test_what_cannot_be_fetched_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with silence() as url:
        monkeypatch.setenv("HF_ENDPOINT", url)
        result = run("pull", "riffusion", "--quiet")
    assert result.exit_code == 1 and result.stderr.startswith("sonicdiff: ") and result.stderr.count("\n") == 1, result.stderr
    assert "riffusion" in result.stderr and "cannot be reached" in result.stderr
    assert run("pull", "nothing").stderr.startswith("sonicdiff: there is no model 'nothing'")


def test_the_doctor_reports_and_advises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_directory: Path) -> None:
    (tmp_path / "mini").symlink_to(tiny_directory)
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = run("doctor")
    assert result.exit_code == 0, result.output
    for words in ("torch ", "peft", "torchaudio", "ffmpeg", "ffprobe", "device", "hub cache", "free disk", "GB", "sonicdiff pull sd-1.5"):
        assert words in result.output, result.output
    assert "unset it" in result.output and str(tmp_path / "home") in result.output


def test_a_lora_changes_the_picture_of_its_run_alone(tiny_directory: Path, sound: Path) -> None:
    save_file(random_lora(make_unet()), "style.safetensors")
    common = ["generate", sound, "--seed", 1, "-m", tiny_directory, *STEPS]
    for output, more in {"plain": [], "style": ["--lora", "style.safetensors:0.8"], "again": []}.items():
        result = run(*common, "-o", f"{output}.png", *more)
        assert result.exit_code == 0, result.output
    plain, style, again = (Image.open(f"{name}.png") for name in ("plain", "style", "again"))
    assert ImageChops.difference(plain, style).getbbox() and not ImageChops.difference(plain, again).getbbox()
    assert "there is no file" in run(*common, "--lora", "none.safetensors").stderr
    assert "no base 'none'" in run(*common, "--base", "none").stderr
