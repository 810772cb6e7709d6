"""Recordings for training: the list says whose they are, sources stay in one split, and what judges is not learnt from."""

from __future__ import annotations

import fnmatch
import importlib.util
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sonicdiff.data import recordings as data
from sonicdiff.synthetic.classes import CLASSES

ROOT = Path(__file__).parents[2]
HEADER = "class,package,path,source,author,licence\n"


def folder_of_clips(path: Path) -> Path:
    """Clips named as ESC-10's are, two of one original, with their authors."""
    rows = ["| file | from | author | licence |", "|---|---|---|---|"]
    for name in ("rain/1-17-A.ogg", "rain/1-17-B.ogg", "rain/2-18-A.ogg", "fire/1-4211-A.ogg", "other/dog/1-30-A.ogg"):
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path / name, np.random.default_rng(len(name)).normal(0, 0.1, 8000).astype("float32"), 16_000)
        rows.append(f"| {name} | a title | somebody | CC0 |")
    (path / "README.md").write_text("\n".join(rows) + "\n")
    return path


def test_the_list_says_class_author_and_licence() -> None:
    lines = data.read_list()
    assert {line.label for line in lines} <= {*CLASSES, data.OTHER} and len(lines) > 300
    assert {line.label for line in lines} >= {*CLASSES} - {"sea waves"}
    free = ("CC0", "CC-BY", "GPL", "public domain")
    assert all(line.licence.startswith(free) and "NC" not in line.licence for line in lines)


def test_nothing_in_examples_is_learnt_from() -> None:
    """`collect.py` names where the recordings of examples/ come from; the list has none of those files nor of their sources."""
    spec = importlib.util.spec_from_file_location("collect", ROOT / "examples" / "collect.py")
    assert spec is not None and spec.loader is not None
    collect = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(collect)
    judged = [source for sources in collect.SOUNDS.values() for source in sources]
    patterns = [f"{line.package}:usr/share/{line.path}" for line in data.read_list()]
    assert len(judged) > 21 and not [source for source in judged for pattern in patterns if fnmatch.fnmatchcase(source, pattern)]
    numbers = ("73005", "142333", "4211", "80401", "17548", "98335", "197023", "199638", "64460", "160514", "38390", "34338")
    assert not {line.source for line in data.read_list()} & {f"freesound {number}" for number in numbers}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class,file\nraining,x\n", "columns"),
        (HEADER + "drizzle,p,a.ogg,,me,CC0\n", "line 2: unknown class 'drizzle'"),
        (HEADER + "raining,p,a.ogg,,,CC0\n", "line 2: package, path, author and licence"),
    ],
)
def test_a_list_that_lacks_something_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(ValueError, match=said):
        data.read_list(tmp_path / "list.csv")


def test_packages_and_clips_are_gathered_with_their_sources(tmp_path: Path) -> None:
    game = tmp_path / "packages" / "game-data" / "usr/share/game"
    game.mkdir(parents=True)
    for name in ("rain1.wav", "rain2.wav"):
        soundfile.write(game / name, np.zeros(100), 8000)
    line = data.Listed("raining", "game-data", "game/rain?.wav", "", "the team", "CC0")
    clips = folder_of_clips(tmp_path / "clips")
    found = data.gather(tmp_path / "out", tmp_path / "packages", [line], [clips], log=lambda line: None)
    assert data.read(tmp_path / "out") == found
    assert [recording.source for recording in found[:3]] == ["game-data game/rain1.wav", "game-data game/rain2.wav", "freesound 17"]
    assert "freesound 4211" not in {recording.source for recording in found}  # examples/sounds/campfire.ogg is of it
    assert all((tmp_path / "out" / recording.file).is_file() for recording in found)
    missing = data.Listed("raining", "game-data", "game/snow*.wav", "", "the team", "CC0")
    with pytest.raises(FileNotFoundError, match=r"game-data has nothing that usr/share/game/snow\*\.wav names"):
        data.gather(tmp_path / "out", tmp_path / "packages", [missing])


def test_takes_of_one_original_are_in_one_split() -> None:
    def recording(number: int, take: int, label: str) -> data.Recording:
        return data.Recording(f"{number}-{take}", label, f"{label} {number}", "me", "CC0", f"{label}/{number}-{take}.ogg")

    every = [recording(number, take, label) for number in range(27) for take in range(2) for label in ("raining", "thunder", "other")]
    splits = data.splits(every)
    for label in ("raining", "thunder", "other"):
        mine = [splits[f"{label} {number}"] for number in range(27)]
        assert (mine.count(data.HELD_OUT), mine.count(data.VALIDATION), mine.count(data.TRAIN)) == (9, 3, 15)
    assert data.splits(every[::-1]) == splits


def test_the_command_gathers_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from sonicdiff.cli import app

    monkeypatch.setattr(data, "read_list", list)
    clips = folder_of_clips(tmp_path / "clips")
    result = CliRunner().invoke(app, ["data", "recordings", "--to", str(tmp_path / "to"), "--with", str(clips)])
    assert result.exit_code == 0 and "4 recordings of 3 sources" in result.output
    result = CliRunner().invoke(app, ["data", str(clips), "--with", str(clips)])
    assert result.exit_code == 1 and "--with goes with recordings" in result.output
