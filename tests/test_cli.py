"""The command line: its commands on the tiny model, and its failures in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result
from waiting import PATIENCE

from sonicdiff import __version__
from sonicdiff.cli import app, options, pictures

STEPS = ["--steps", "2", "--quiet"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fails(result: Result, code: int, *words: str) -> None:
    """The run ended with `code` and one sentence that has these words, and no traceback."""
    assert result.exit_code == code, result.output
    assert isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    if code == 1:
        assert result.stderr.startswith("sonicdiff: ") and result.stderr.count("\n") == 1, result.stderr
    for word in words:
        assert word in result.stderr, result.stderr


def record(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        image.load()
        return json.loads(image.info["sonicdiff"])


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def test_help_and_version() -> None:
    assert run("--version").output.strip() == __version__
    assert set(app_commands()) <= set(run("--help").output.split())


def app_commands() -> list[str]:
    words = "edit reconstruct generate interpolate music riff jam replay batch sweep models pull convert data train evaluate demo doctor"
    return [*words.split()]


@pytest.mark.parametrize("command", app_commands())
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0 and "Usage" in result.output


def test_edit_saves_the_image_with_its_record(tiny_directory: Path, photo: Path, sound: Path, other_sound: Path) -> None:
    result = run("edit", photo, sound, f"{other_sound}:0.5", "-m", tiny_directory, "-o", "new/out.png", "--beta", "mid_block*=2",
                 "--super-resolution-noise", "0.2", *STEPS)  # fmt: skip
    assert result.exit_code == 0, result.output
    made = record(Path("new/out.png"))
    assert made["task"] == "edit" and made["settings"]["beta"] == {"mid_block*": 2.0}
    assert (made["settings"]["super_resolution_steps"], made["settings"]["super_resolution_noise"]) == (10, 0.2)
    assert [entry["weight"] for entry in made["sounds"]] == [1.0, 0.5]
    assert result.output.startswith("new/out.png")
    with Image.open("new/out.png") as image, Image.open(photo) as before:
        assert image.size == before.size


def test_a_photo_that_is_kept_is_not_inverted_again(tiny_directory: Path, photo: Path, sound: Path, other_sound: Path) -> None:
    for number, heard in enumerate((sound, other_sound, sound)):
        given = ["edit", photo, heard, "-m", tiny_directory, "--keep-photo", "kept", "-o", f"{number}.png", "--solver", "dpm"]
        assert run(*given, "--memory", "low", "--dtype", "float32", *STEPS).exit_code == 0
    (file,) = Path("kept").iterdir()
    assert Path("0.png").read_bytes() == Path("2.png").read_bytes() != Path("1.png").read_bytes()
    assert record(Path("0.png"))["settings"]["solver"] == "dpm" and file.suffix == ".safetensors"


def test_options_of_loading_name_what_they_can_be(tiny_directory: Path, photo: Path, sound: Path) -> None:
    given = ["edit", photo, sound, "-m", tiny_directory, *STEPS]
    fails(run(*given, "--dtype", "int8"), 1, "dtype 'int8'", "bfloat16")
    fails(run(*given, "--memory", "none"), 1, "memory 'none'", "very-low")
    fails(run(*given, "--solver", "heun"), 1, "solver 'heun'", "dpm")


def test_generate_prints_the_seed_it_drew_and_replay_makes_it_again(tiny_directory: Path, sound: Path) -> None:
    result = run("generate", sound, "-p", "a coast", "-m", tiny_directory, "-o", "out.png", *STEPS)
    assert result.exit_code == 0, result.output
    assert f"seed {record(Path('out.png'))['seed']})" in result.output
    again = run("replay", "out.png", "-m", tiny_directory, "-o", "again.png", "--quiet")
    assert again.exit_code == 0, again.output
    assert "the same bytes" in again.output


def test_generate_from_text_alone_and_default_names(tiny_directory: Path) -> None:
    for expected in ("outputs/image.png", "outputs/image-2.png"):
        assert run("generate", "-p", "a coast", "--seed", 1, "-m", tiny_directory, *STEPS).output.startswith(expected)
    assert Path("outputs/image.png").read_bytes() == Path("outputs/image-2.png").read_bytes()


def test_interpolate_saves_frames_and_strip(tiny_directory: Path, sound: Path, other_sound: Path) -> None:
    result = run("interpolate", sound, other_sound, "--frames", 3, "-m", tiny_directory, "-o", "strip.webp", *STEPS)
    assert result.exit_code == 0, result.output
    with Image.open("strip.webp") as strip, Image.open("strip-001.webp") as frame:
        assert strip.size == (3 * frame.width, frame.height)


def test_demo_makes_the_sheet(tiny_directory: Path, photo: Path, sound: Path) -> None:
    result = run("demo", "--photo", photo, "--sound", sound, "--folder", "sheets", "-m", tiny_directory, *STEPS)
    assert result.exit_code == 0, result.output
    assert result.output.rstrip().endswith("open sheets/sheet.png")
    assert {path.name for path in Path("sheets").iterdir()} == {"sheet.png", f"{photo.stem}-{sound.stem}.png"}


def test_models_lists_them_all() -> None:
    result = run("models")
    assert result.exit_code == 0 and {"mini", "landscape", "greatest-hits"} <= set(result.output.split())


def test_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    result = run("doctor")
    assert result.exit_code == 1 and "NOT FOUND" in result.output and "torchaudio" in result.output


def test_doctor_loads_the_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_directory: Path) -> None:
    (tmp_path / "mini").symlink_to(tiny_directory)
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    result = run("doctor")
    assert result.exit_code == 0 and "M parameters" in result.output, result.output


def test_missing_files_are_named(photo: Path, sound: Path) -> None:
    fails(run("edit", "no.jpg", sound), 1, "no.jpg")
    fails(run("edit", photo, "no.wav"), 1, "no.wav")
    fails(run("replay", "no.png"), 1, "no.png")
    fails(run("demo", "--photo", "no.jpg"), 1, "no.jpg")


def test_unusable_files_are_named(photo: Path, sound: Path, tiny_directory: Path) -> None:
    Path("text.jpg").write_text("not a picture")
    Path("text.wav").write_text("not a sound")
    fails(run("edit", "text.jpg", sound, "-m", tiny_directory, *STEPS), 1, "text.jpg")
    fails(run("edit", photo, "text.wav", "-m", tiny_directory, *STEPS), 1, "text.wav")
    fails(run("replay", photo), 1, "no record")


def test_unknown_models_and_recipes_name_the_known(photo: Path, sound: Path) -> None:
    fails(run("edit", photo, sound, "-m", "nothing"), 1, "nothing", "mini")
    fails(run("train", "nothing"), 1, "nothing", "mini")
    fails(run("train", "mini", "nothing"), 1, "nothing", "base")


def test_wrong_options_are_usage_errors(photo: Path, sound: Path) -> None:
    fails(run("edit", photo, sound, "-o", "out.gif"), 2, ".png")
    fails(run("edit", photo, sound, "--beta", "much"), 2, "much")
    fails(run("edit", photo, sound, "--beta", "1", "--beta", "2"), 2, "PATTERN=NUMBER")
    fails(run("edit", photo, sound, "--steps", "0"), 2, "steps")
    fails(run("generate", sound, "--super-resolution-noise", "0.7"), 2, "super-resolution-noise")
    fails(run("generate"), 2, "sound")
    fails(run("edit", photo), 2, "SOUND")


def test_weights_of_sounds() -> None:
    Path("a:2").touch()
    assert options.weighted(["a:2", "b.ogg:0.5", "c.ogg"]) == [("a:2", 1.0), ("b.ogg", 0.5), ("c.ogg", 1.0)]


def test_traceback_on_demand(sound: Path) -> None:
    result = run("--traceback", "edit", "no.jpg", sound)
    assert result.exit_code == 1 and "Traceback" in result.stderr


def test_the_installed_program_fails_in_one_sentence(tmp_path: Path) -> None:
    result = subprocess.run([sys.executable, "-m", "sonicdiff", "edit", "no.jpg", "no.wav"], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (1, "sonicdiff: there is no file 'no.jpg'\n")


def test_a_sheet_holds_every_picture() -> None:
    red, tall = Image.new("RGB", (300, 100), "red"), Image.new("RGB", (100, 200), "blue")
    column = ("rain.ogg", "heard: raining", Image.new("RGB", (256, 64)))
    page = pictures.sheet([column], [("red", [red, red]), ("tall", [tall, tall])])
    colours = {colour for count, colour in page.getcolors(maxcolors=2**20) or [] if count > 10_000}
    assert {(255, 0, 0), (0, 0, 255)} <= colours


# Music


@pytest.fixture
def tune(tmp_path: Path) -> Path:
    from tunes import tune as make

    return make(2.0, 8000, 0.5).save(tmp_path / "tune.wav")


def test_music_writes_a_clip_and_its_spectrogram(tiny_music_directory: Path, tmp_path: Path) -> None:
    result = run("music", "(jazz:1.2) piano, 100 bpm", "--bars", 1, "-m", tiny_music_directory, "--seed", 3, *STEPS)
    assert result.exit_code == 0, result.output
    path = Path("outputs/jazz-1-2-piano-100-bpm.wav")
    assert str(path) in result.output and "2.40 s, a loop at 100.00 bpm, seed 3" in result.output
    assert record(path.with_suffix(".png"))["settings"]["prompt"] == "(jazz:1.2) piano, 100 bpm"
    again = run("replay", path, "-m", tiny_music_directory, "-q")
    assert again.exit_code == 0 and "the same bytes" in again.output, again.output


def test_music_in_every_format_and_number(tiny_music_directory: Path, tmp_path: Path) -> None:
    for ending in ("flac", "ogg", "mp3"):
        result = run("music", "x", "-o", f"a.{ending}", "-s", 1.5, "-m", tiny_music_directory, *STEPS)
        assert result.exit_code == 0 and Path(f"a.{ending}").is_file() and Path("a.png").is_file(), result.output
    result = run("music", "x", "-o", "b.wav", "-n", 2, "-m", tiny_music_directory, *STEPS)
    assert Path("b-001.wav").is_file() and Path("b-002.wav").is_file(), result.output


def test_music_from_a_seed_and_a_mask(tiny_music_directory: Path, tmp_path: Path, tune: Path) -> None:
    Image.new("L", (8, 8), 128).save("mask.png")
    for seed in ("dusty beat", tune):
        options = ["--seed-image", seed, "--strength", "remix", "--mask", "mask.png", "-m", tiny_music_directory, "-o", "c.wav", *STEPS]
        result = run("music", "x", *options)
        assert result.exit_code == 0, result.output


def test_riff_is_as_long_as_its_sound(tiny_music_directory: Path, tune: Path) -> None:
    from sonicdiff.audio.waveform import load

    for more in ([], ["--keep-rhythm"]):
        result = run("riff", tune, "rock", "-o", "r.wav", "-m", tiny_music_directory, "--audio-bpm", 120, *more, *STEPS)
        assert result.exit_code == 0 and "2.00 s at 120.00 bpm" in result.output, result.output
        assert load("r.wav").samples.shape == (1, 16_000)


def test_jam_says_how_fast_it_is_and_writes(tiny_music_directory: Path) -> None:
    from sonicdiff.audio.waveform import load

    result = run("jam", "jazz", "rock", "-s", 5, "--bars", 1, "-o", "j.flac", "-m", tiny_music_directory, "--steps", 2, "--seed", 1)
    assert result.exit_code == 0 and "x real time" in result.stderr, result.output
    assert load("j.flac").samples.shape == (1, 40_000)


def test_reconstruct_shows_what_inversion_gives_back(tiny_directory: Path, photo: Path) -> None:
    assert run("reconstruct", photo, "-m", tiny_directory, *STEPS).exit_code == 0
    made = record(Path("outputs/coast-reconstructed.png"))
    assert made["task"] == "edit" and made["sounds"] == [] and made["settings"]["feature_injection"] == made["settings"]["detail"] == 0
    assert run("replay", "outputs/coast-reconstructed.png", "-m", tiny_directory, "-o", "again.png", "-q").exit_code == 0
    assert Path("again.png").read_bytes() == Path("outputs/coast-reconstructed.png").read_bytes()


def test_jam_live_plays_into_a_pipe_and_is_steered(tiny_music_directory: Path) -> None:
    """A line typed is taken as the next prompt while the input is still open; two clips are read, then the pipe is closed."""
    command = [sys.executable, "-m", "sonicdiff", "jam", "--live", "jazz", "--bars", "1", "--bpm", "240", "-m", str(tiny_music_directory)]
    with subprocess.Popen([*command, "--steps", "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as jam:
        assert jam.stdin and jam.stdout and jam.stderr
        said: list[str] = []
        heard = threading.Event()

        def listen() -> None:
            for line in jam.stderr or []:
                said.append(line.decode())
                if "next: rock" in said[-1]:
                    heard.set()

        threading.Thread(target=listen, daemon=True).start()
        jam.stdin.write(b"rock\n")
        jam.stdin.flush()
        samples = jam.stdout.read(2 * 2 * 8000)
        taken = heard.wait(PATIENCE)
        jam.stdout.close()  # the input stays open, as a terminal's does
        code = jam.wait(timeout=PATIENCE)
    assert len(samples) == 32_000 and any(samples)
    assert taken and "Traceback" not in "".join(said)
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["music", "x", "-o", "a.png"], 2, ".wav"),
        (["music", "x, 999 bpm"], 1, "40 to 240"),
        (["music", "x", "--seed-image", "nosuch"], 1, "dusty beat"),
        (["music", "x", "--strength", "lots", "--seed-image", "dusty beat"], 1, "remix"),
        (["music", "x", "--scheduler", "fast"], 1, "dpm"),
        (["riff", "nosuch.wav", "x"], 1, "nosuch.wav"),
        (["jam"], 2, "PROMPT"),
    ],
)
def test_music_that_cannot_be_made(tiny_music_directory: Path, arguments: list[str], code: int, word: str) -> None:
    fails(run(*arguments, "-m", tiny_music_directory), code, word)


def test_a_model_of_pictures_makes_no_music(tiny_directory: Path, tiny_music_directory: Path, sound: Path, photo: Path) -> None:
    fails(run("music", "x", "-m", tiny_directory), 1, "makes pictures")
    fails(run("edit", photo, sound, "-m", tiny_music_directory), 1, "makes music")


def test_every_loop_is_named_in_the_help() -> None:
    from sonicdiff.cli.playing import LOOPS
    from sonicdiff.pipelines.riffusion.init_audio import SEEDS

    assert ", ".join(f"'{name}'" for name in SEEDS) == LOOPS


@pytest.mark.skipif(sys.platform == "darwin", reason="where there is an mps")
@pytest.mark.parametrize("device", ["gpu", "mps", "cuda:99", "tpu", "cpu:x"])
def test_a_device_that_is_not_here_is_named_in_a_sentence(tiny_directory: Path, sound: Path, device: str, tmp_path: Path) -> None:
    given = ["generate", sound, "-m", tiny_directory, *STEPS]
    fails(run(*given, "--device", device), 1, "device", device, "expected", "cpu")
    (tmp_path / "train.toml").touch()
    fails(run("train", "mini", "data", "--device", device, "--folder", tmp_path), 1, device, "cpu")


def test_a_device_may_be_written_in_capitals(tiny_directory: Path, sound: Path) -> None:
    assert run("generate", sound, "-m", tiny_directory, "-o", "out.png", "--device", "CPU", *STEPS).exit_code == 0


@pytest.mark.parametrize(
    "said", ["Error while serializing: I/O error: No space left on device (os error 28)", "PytorchStreamWriter failed writing file"]
)
def test_a_disk_that_is_full_is_a_sentence_whoever_says_it(monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    from sonicdiff.cli import models

    def full(*_: Any) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(models, "size_mb", full)
    fails(run("models"), 1, "the disk is full", "start again")


@pytest.mark.parametrize("output", ["/proc/nowhere/out.png", "/proc/out.png", "folder.png"])
@pytest.mark.skipif(not Path("/proc/self").exists(), reason="for a system with a folder that nobody can write in")
def test_what_cannot_be_written_is_said_before_the_work(photo: Path, sound: Path, output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sonicdiff.pipelines import loading

    monkeypatch.setattr(loading, "load_pictures", lambda *_, **__: pytest.fail("a model was loaded"))
    Path("folder.png").mkdir()
    fails(run("edit", photo, sound, "-o", output), 1, "written", Path(output).parent.name)
    fails(run("demo", "--photo", photo, "--sound", sound, "--folder", "/proc/nowhere"), 1, "nothing can be written in /proc/nowhere")
