"""Folders and tables of pairs, what is recognised as what, splits, and what is said of data that cannot be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from trees import pair, picture, sound, tone, video

from sonicdiff.data.checking import checked
from sonicdiff.data.opening import open_data
from sonicdiff.data.sample import SampleError


def folder(root: Path, count: int = 40) -> Path:
    for number in range(count):
        pair(root / ("heavy_rain" if number % 2 else "wind") / f"{number:02d}", number, f"picture {number}" if number < 3 else None)
    return root


def test_a_folder_of_pairs(tmp_path: Path) -> None:
    pair(tmp_path / ".thumbnails" / "rain")  # hidden, so none of the data
    found = {split: open_data(folder(tmp_path), split=split) for split in ("train", "validation", "test")}
    samples = {sample.key: sample for split in found.values() for sample in split}
    assert sum(map(len, found.values())) == len(samples) == 40 and found["train"].layout == "folder"
    assert min(map(len, found.values())) >= 1 and len(found["train"]) > 25
    sample = samples["heavy_rain/01"]
    assert (sample.label, sample.caption, sample.group) == ("heavy rain", "picture 1", "heavy_rain/01")
    assert samples["wind/10"].caption is None
    assert sample.picture().getpixel((3, 3)) == (1, 50, 50) and sample.sound().seconds == 0.5
    assert abs(tone(sample.sound()) - 201) < 2


def test_fingerprints_are_of_contents(tmp_path: Path) -> None:
    pair(tmp_path / "a", 1)
    pair(tmp_path / "b", 1)
    pair(tmp_path / "c", 2)
    pair(tmp_path / "d", 3)
    prints = {sample.key: sample.fingerprint() for split in ("train", "validation", "test") for sample in open_data(tmp_path, split=split)}
    assert prints["a"] == prints["b"] != prints["c"] and all(len(value) == 64 for value in prints.values())


def test_folders_that_are_splits_are_honoured(tmp_path: Path) -> None:
    for place, name in (("train", "a"), ("train", "b"), ("val", "c"), ("test", "d")):
        pair(tmp_path / place / "rain" / name)
    keys = {split: [sample.key for sample in open_data(tmp_path, split=split)] for split in ("train", "validation", "test")}
    assert keys == {"train": ["train/rain/a", "train/rain/b"], "validation": ["val/rain/c"], "test": ["test/rain/d"]}
    assert open_data(tmp_path)[0].label == "rain"


def table(root: Path, columns: tuple[str, ...], *rows: tuple[str, ...]) -> Path:
    file = root / "pairs.csv"
    file.write_text("\n".join(",".join(row) for row in (columns, *rows)) + "\n")
    return file


def test_a_table(tmp_path: Path) -> None:
    sound(tmp_path / "s" / "a.wav")
    for name in "ab":
        picture(tmp_path / f"{name}.png")
    columns = ("picture", "sound", "class", "caption", "split", "taken with")
    rows = (("a.png", "s/a.wav", "wind", '"a field, by day"', "train", "phone"), ("b.png", "s/a.wav", "wind", "", "train", "phone"))
    file = table(tmp_path, columns, *rows, ("c.png", "c.wav", "rain", "", "val", ""))
    lines = [dict(zip(columns, (cell.strip('"') for cell in row), strict=True)) for row in rows]
    other = tmp_path / "pairs.jsonl"
    other.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, {"picture": "c", "sound": "c", "split": "valid"}]))
    for where in (file, other, tmp_path):
        samples = open_data(where)
        assert [(sample.caption, sample.label, sample.group) for sample in samples] == [
            ("a field, by day", "wind", "s/a.wav"),
            (None, "wind", "s/a.wav"),
        ]
        assert samples[0].picture().size == (24, 16) and samples[1].sound().seconds == 0.5
    with pytest.raises(SampleError, match=r"^c: there is no file '.*c\.png'$"):
        open_data(file, split="validation")[0].picture()


def test_the_synthetic_landscapes() -> None:
    found = open_data("synthetic:landscape", split="test")
    assert len(found) == 1024 and found[-1].key == "test/001023" and len(found[10:20]) == 10
    assert found[3].picture().size == (256, 256) and found[3].label and found[3].caption
    assert found[3].fingerprint() != found[4].fingerprint() != open_data("synthetic:landscape")[4].fingerprint()
    with pytest.raises(IndexError):
        found[1024]


@pytest.mark.parametrize(("name", "classes"), [("materials", {"metal", "wood"}), ("voices", {"happy", "sad"})])
def test_the_synthetic_pairs(name: str, classes: set[str]) -> None:
    train, test = open_data(f"synthetic:{name}"), open_data(f"synthetic:{name}", split="test")
    assert classes <= {sample.label for sample in test[:200]} and not {s.group for s in train[:200]} & {s.group for s in test[:200]}
    assert test[5].picture().size == (256, 256) and test[5].sound().seconds > 1 and test[5].caption
    assert len({sample.fingerprint() for sample in (*train[:9], *test[:9])}) == 18


def divided(root: Path) -> Path:
    return table(root, ("sound", "picture", "split", "group"), ("a.wav", "a.png", "train", "film"), ("b.wav", "b.png", "test", "film"))


def file(name: str, content: bytes) -> Callable[[Path], Path]:
    def write(root: Path) -> Path:
        (root / name).write_bytes(content)
        return root / name

    return write


FAULTS: list[tuple[str, Callable[[Path], Path | str], dict[str, Any], str]] = [
    ("nowhere", lambda root: root / "nothing", {}, "there is no file or folder"),
    ("empty", lambda root: root, {}, "there is no data set in .*; expected pairs such as rain.wav and rain.jpg"),
    ("empty folder", lambda root: root, {"layout": "folder"}, "there is nothing in .* for the layout folder"),
    ("layout", lambda root: root, {"layout": "zip"}, "unknown layout 'zip': expected one of auto, folder"),
    ("split", lambda root: root, {"split": "tests"}, "unknown split 'tests': expected one of train"),
    ("one pair", lambda root: (pair(root / "a"), root)[1], {"split": "test"}, "nothing is left for test: .* holds 1 groups"),
    ("no column", lambda root: table(root, ("sound", "image"), ("a.wav", "a.png")), {}, "line 2: nothing under picture; .* sound, image"),
    ("split's name", lambda root: table(root, ("sound", "picture", "split"), ("a", "b", "c")), {}, "unknown split 'c'"),
    ("no such split", lambda root: table(root, ("sound", "picture", "split"), ("a", "b", "train")), {"split": "test"}, "no test split"),
    ("divided", divided, {}, "film is given both to train and to test"),
    ("not json", file("a.jsonl", b"{"), {}, "a.jsonl cannot be read as jsonl"),
    ("no list", file("a.jsonl", b"[1]\n"), {}, "line 1: nothing under sound and picture"),
    ("not text", file("a.csv", b"\xff\xfe\x00"), {}, "a.csv cannot be read as csv in UTF-8"),
    ("other file", file("a.zip", b"PK"), {}, "a.zip is no data set that is known"),
    ("no table", file("a.tar", b""), {"layout": "manifest"}, "there is no table in"),
    ("file", file("a.tar", b""), {"layout": "ravdess"}, "expected a folder for the layout ravdess"),
    ("sounds alone", lambda root: sound(root / "03-01-06-01-02-01-12.wav").parent, {}, "there is no RAVDESS video"),
    ("synthetic", lambda root: "synthetic:cities", {}, "unknown synthetic data set 'cities': expected one of landscape"),
    ("synthetic layout", lambda root: "synthetic:landscape", {"layout": "folder"}, "is not in the layout folder"),
    ("names", lambda root: (video(root / "a.mp4", 1), video(root / "a.mov", 1), root)[2], {}, "2 samples in .* are called 'a@0'"),
    ("braces", lambda root: f"{root}/{{a,b}}", {}, "there is no file or folder"),
]


@pytest.mark.parametrize(("name", "make", "options", "said"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_what_cannot_be_opened_is_one_sentence(
    tmp_path: Path, name: str, make: Callable[[Path], Path | str], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        open_data(make(tmp_path), **options)
    assert "\n" not in str(caught.value)


def test_the_corrupt_are_skipped_counted_and_listed(tmp_path: Path) -> None:
    for number in range(4):
        pair(tmp_path / "train" / f"good{number}", number // 2)
    pair(tmp_path / "validation" / "good")
    bad = {"empty": (b"", None), "text": (b"hello there, this is no sound", None), "cut": (None, b"\x89PNG\r\n"), "bomb": (None, b"GIF89a")}
    for name, (heard, seen) in bad.items():
        pair(tmp_path / "train" / name)
        if heard is not None:
            (tmp_path / "train" / f"{name}.wav").write_bytes(heard)
        if seen is not None:
            (tmp_path / "train" / f"{name}.png").write_bytes(seen)
    picture(tmp_path / "train" / "alone.png")
    pair(tmp_path / "train" / "twice")
    picture(tmp_path / "train" / "twice.jpg")
    video(tmp_path / "train" / "other.mp4", 1)
    told: list[str] = []
    result = checked(open_data(tmp_path, "folder"), told.append, tmp_path / "skipped.jsonl")
    assert [sample.key for sample in result.samples] == [f"train/good{number}" for number in range(4)]
    assert (result.seconds, result.groups, result.twins) == (2.0, 4, 2)
    listed = [json.loads(line) for line in (tmp_path / "skipped.jsonl").read_text().splitlines()]
    assert {entry["key"].removeprefix("train/") for entry in listed} == {*bad, "alone", "twice"} and len(told) == 6
    assert all(entry["reason"].startswith(f"{entry['key']}: ") and "\n" not in entry["reason"] for entry in listed)
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(ValueError, match="none of 2 samples can be read, the first because"):
        checked(sample for sample in open_data(tmp_path, "folder") if sample.key in ("train/empty", "train/alone"))
