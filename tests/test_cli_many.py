"""`sweep` and `batch` on the tiny models: what is made, what is kept, what is told."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from sonicdiff.cli import app, batch
from sonicdiff.cli.sweep import Axis, axes_of
from sonicdiff.cli.table import rows_of, surveyed

STEPS = ["--steps", "1"]
LONG = "rain, at 10:1.2.3 " * 20  # neither a sound with a weight nor the name of a file, which would be too long


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def record(path: Path) -> dict[str, Any]:
    with Image.open(path) as image:
        image.load()
        return json.loads(image.info["sonicdiff"])


def table(rows: list[dict[str, Any]], name: str = "pairs.csv") -> Path:
    with Path(name).open("w", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)), restval="")
        writer.writeheader()
        writer.writerows(rows)
    return Path(name)


def test_axes_are_read_from_anywhere_in_the_line() -> None:
    axes, rest = axes_of(["a.png", "--over", "beta", "-1,0.5,0.5", "--seed", "3", "--over", "prompt", '"rain, at night", fog'])
    assert axes == [Axis("beta", ("-1", "0.5")), Axis("prompt", ("rain, at night", "fog"))] and rest == ["a.png", "--seed", "3"]
    assert Axis("seconds", ("5",)).label("5") == "seconds 5 s"


def test_a_sweep_over_sounds_and_guidance(tiny_directory: Path, photo: Path, sound: Path, other_sound: Path) -> None:
    given = ["sweep", "edit", photo, "-m", tiny_directory, *STEPS, "-o", "grid.png", "--over", "sounds", f"{sound},{other_sound}"]
    given += ["--over", "audio_guidance_scale", "2"]
    result = run(*given)
    assert result.exit_code == 0, result.output
    told = json.loads(Path("grid.json").read_text())
    cells = {tuple(cell["values"]): Path("grid-cells", Path(cell["file"]).name) for cell in told["cells"]}
    assert len(cells) == 2 and told["across"]["name"] == "sounds"
    assert record(cells[str(other_sound), "2"])["settings"]["audio_guidance_scale"] == 2
    assert record(cells[str(other_sound), "2"])["sounds"][0]["name"] == other_sound.name
    with Image.open("grid.png") as sheet:
        assert sheet.width > 2 * 256 and sheet.height > 170
    command = next(cell["command"] for cell in told["cells"] if cell["values"] == [str(sound), "2"])
    assert run(*command.split()[1:], "-o", "again.png", "-q").exit_code == 0
    with Image.open("again.png") as again, Image.open(cells[str(sound), "2"]) as cell:
        assert again.tobytes() == cell.tobytes()

    kept = {path: path.stat().st_mtime_ns for path in cells.values()}
    Path(cells[str(sound), "2"]).write_bytes(b"half a")
    again = run(*given[:-1], "2,6")
    assert again.output.count("(kept)") == 1 and "of 4" in again.output
    assert all(path.stat().st_mtime_ns == kept[path] for path in list(cells.values())[1:])


def test_a_sweep_of_music_has_clips_and_spectrograms(tiny_music_directory: Path) -> None:
    result = run("sweep", "music", "piano", "-m", tiny_music_directory, *STEPS, "-o", "tunes.png", "--over", "bpm", "100,120")
    assert result.exit_code == 0, result.output
    assert {path.suffix for path in Path("tunes-cells").iterdir()} == {".wav", ".png"} and len(list(Path("tunes-cells").iterdir())) == 4
    with Image.open("tunes.png") as sheet:
        assert sheet.width > 2 * 256


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["edit", "--over", "weather", "1,2"], "edit has no argument 'weather'; expected one of attention_injection"),
        (["edit", "--over", "output", "a,b"], "no argument 'output'"),
        (["dance", "--over", "beta", "1"], "unknown verb 'dance'; expected one of edit, generate, music"),
        (["edit"], "one argument or two different ones"),
        (["edit", "--over", "beta"], "--over takes a name and values"),
        (["edit", "--over", "beta", "1", "--over", "beta", "2"], "two different ones"),
        (["edit", "--beta", "1", "--over", "beta", "0,1"], "beta is given twice"),
        (["music", "x", "--over", "stereo", "loud"], "got 'loud' for stereo; expected true or false"),
    ],
)
def test_a_wrong_sweep_is_told_in_one_sentence(arguments: list[str], words: str) -> None:
    result = run("sweep", *arguments)
    assert result.exit_code == 1 and result.stderr.startswith("sonicdiff: ") and result.stderr.count("\n") == 1
    assert words in result.stderr and not Path("outputs/sweep-cells").exists()


def test_a_batch_goes_on_lists_what_fails_and_keeps_what_is_done(tiny_directory: Path, photo: Path, sound: Path, other_sound: Path) -> None:
    rows = [
        {"photo": photo, "sound": sound, "structure": 0.2},
        {"photo": photo, "sound": f"{other_sound}:0.5", "output": "deep/second", "prompt": LONG},
        {"photo": "nowhere.png", "sound": sound},
        {"photo": photo, "sound": sound, "structure": 7},
    ]
    given = ["batch", table(rows), "-o", "out", "-m", tiny_directory, *STEPS, "--quiet"]
    result = run(*given)
    assert result.exit_code == 1 and "2 made, 0 were there, 2 failed" in result.output
    failures = [json.loads(line) for line in Path("out/failures.jsonl").read_text().splitlines()]
    assert [failure["row"] for failure in failures] == [3, 4]
    assert "nowhere.png" in failures[0]["error"] and "less than or equal to 1" in failures[1]["error"]
    assert record(Path("out/000001.png"))["settings"]["structure"] == 0.2
    second = record(Path("out/deep/second.png"))
    assert second["settings"]["prompt"] == LONG and second["sounds"][0]["weight"] == 0.5

    before = Path("out/deep/second.png").stat().st_mtime_ns
    rows[0]["structure"], rows[3]["structure"] = 0.4, 0.7
    result = run(*given[:1], table(rows[:2] + rows[3:]), *given[2:])
    assert result.exit_code == 0 and "2 made, 1 were there, 0 failed" in result.output
    assert Path("out/deep/second.png").stat().st_mtime_ns == before
    assert record(Path("out/000001.png"))["settings"]["structure"] == 0.4
    assert sorted(path.name for path in Path("out").rglob("*.*")) == ["000001.png", "000003.png", "second.png"]


def test_a_batch_of_lines_generates_each_from_its_own_seed(tiny_directory: Path, sound: Path, other_sound: Path) -> None:
    rows = [{"sounds": [str(sound), f"{other_sound}:2"]}, {"sound": str(sound), "beta": {"mid_block*": 2}}, {"prompt": "fog", "seed": 70}]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = run("batch", "rows.jsonl", "-o", "out", "-m", tiny_directory, *STEPS, "--seed", 5, "-q")
    assert result.exit_code == 0, result.output
    made = [record(Path(f"out/00000{number}.png")) for number in (1, 2, 3)]
    assert [each["seed"] for each in made] == [5, 6, 70] and [len(each["sounds"]) for each in made] == [2, 1, 0]
    assert made[1]["settings"]["beta"] == {"mid_block*": 2.0}


def test_rows_that_follow_each_other_on_one_photo_share_its_inversion(
    loaded_tiny: Any, tiny_directory: Path, photo: Path, sound: Path, other_sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sonicdiff.pipelines import loading
    from sonicdiff.pipelines.sonic_diffusion import edit

    inverted = []
    invert = edit.plug_and_play.invert
    monkeypatch.setattr(edit.plug_and_play, "invert", lambda *given: inverted.append(1) or invert(*given))
    monkeypatch.setattr(loading, "LOADED", loading.Loaded())
    rows = [{"photo": photo, "sound": heard} for heard in (sound, other_sound, f"{sound}:0.3")]
    assert run("batch", table(rows), "-o", "out", "-m", tiny_directory, *STEPS, "-q").exit_code == 0
    assert len(inverted) == 1


def test_two_processes_make_what_one_makes(tiny_directory: Path, sound: Path, other_sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"sound": heard} for heard in (sound, other_sound, "nowhere.wav", f"{sound}:2", "no.wav")]
    given = ["batch", table(rows), "-m", tiny_directory, *STEPS, "-q", "-o"]
    run(*given, "one")
    for rank, code, told in ((1, 0, "process 2 of 2: 2 made"), (0, 1, "process 1 of 2: 1 made, 0 were there, 2 failed")):
        monkeypatch.setattr(batch, "share", lambda rank=rank: batch.Share(rank, 2))
        result = run(*given, "two")
        assert result.exit_code == code and told in result.output
    names = sorted(path.name for path in Path("one").iterdir())
    assert sorted(path.name for path in Path("two").iterdir()) == names == ["000001.png", "000002.png", "000004.png", "failures.jsonl"]
    assert Path("one/failures.jsonl").read_bytes() == Path("two/failures.jsonl").read_bytes()
    for name in names[:3]:
        with Image.open(Path("one", name)) as one, Image.open(Path("two", name)) as two:
            assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.csv", "photo,sound,weather\na,b,c\n", "edit has no argument 'weather'"),
        ("a.csv", "photo,sound\na,b,c\n", "line 2 of a.csv has not as many cells"),
        ("a.csv", "photo,sound\n", "a.csv holds no rows"),
        ("a.csv", "photo,sound,output\na,b,c\na,b,c.png\n", "has the output 'c.png' of a row before"),
        ("a.csv", "photo,sound,output\na,b,../c\n", "expected a name inside the folder"),
        ("a.jsonl", '{"sound": "a"}\n{"sound"\n', "line 2 of a.jsonl is no JSON object"),
        ("a.txt", "", "expected a .csv or .jsonl file"),
    ],
)
def test_a_wrong_table_is_told_before_anything_is_made(name: str, text: str, words: str) -> None:
    Path(name).write_text(text)
    result = run("batch", name, "-o", "out")
    assert result.exit_code == 1 and result.stderr.startswith("sonicdiff: ") and result.stderr.count("\n") == 1
    assert words in result.stderr and not Path("out").exists()


class BrokenModel(RuntimeError):
    """As a library may raise it."""


@pytest.mark.parametrize("error", [BrokenModel("CUDA error"), AssertionError(), TypeError("got a list"), KeyError("unet")])
def test_a_row_that_raises_anything_is_listed_and_the_others_are_made(
    tiny_directory: Path, sound: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

    generate = SonicDiffusionPipeline.generate

    def failing(pipeline: Any, audio: Any, **options: Any) -> Any:
        if options["seed"] == 1:
            raise error
        return generate(pipeline, audio, **options)

    monkeypatch.setattr(SonicDiffusionPipeline, "generate", failing)
    result = run("batch", table([{"sound": sound}] * 3), "-o", "out", "-m", tiny_directory, *STEPS, "-q")
    assert result.exit_code == 1 and "2 made, 0 were there, 1 failed" in result.output, result.output
    assert json.loads(Path("out/failures.jsonl").read_text())["row"] == 2
    assert sorted(path.name for path in Path("out").iterdir()) == ["000001.png", "000003.png", "failures.jsonl"]


def test_a_full_disk_ends_a_batch_in_a_sentence_and_leaves_no_hidden_file(
    tiny_directory: Path, sound: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sonicdiff.pipelines import replay

    def full(*_: Any, **__: Any) -> Path:
        raise OSError(28, "No space left on device", "out/000001.png")

    monkeypatch.setattr(replay, "save", full)
    result = run("batch", table([{"sound": "nowhere.wav"}, {"sound": sound}]), "-o", "out", "-m", tiny_directory, *STEPS, "-q")
    assert result.exit_code == 1 and "the disk is full (out/000001.png)" in result.stderr and "Traceback" not in result.stderr
    assert [path.name for path in Path("out").iterdir()] == ["failures.jsonl"]


def test_a_table_of_semicolons_with_a_mark_and_capitals_is_read(tmp_path: Path) -> None:
    text = "\ufeffSound; Guidance Scale ;Audio-Guidance-Scale;PROMPT\nrain.wav;3;4; \nwind.wav;5;6;a coast, at night\n"
    for name, written in (("a.csv", text), ("b.csv", text.replace("coast, at", "coast at").replace(";", "\t"))):
        (tmp_path / name).write_text(written, encoding="utf-8")
        first, second = rows_of(tmp_path / name)
        assert first == {"sound": "rain.wav", "guidance_scale": "3", "audio_guidance_scale": "4"} and second["prompt"].startswith("a coast")
        assert surveyed(tmp_path / name, None) == ("generate", 2)


def test_bars_are_drawn_to_a_terminal_alone(tiny_directory: Path, sound: Path) -> None:
    result = run("batch", table([{"sound": sound}]), "-o", "out", "-m", tiny_directory, *STEPS)
    alone = run("generate", sound, "-o", "out.png", "-m", tiny_directory, *STEPS)
    assert result.exit_code == alone.exit_code == 0 and "%" not in result.stderr + alone.stderr
