"""Hugging Face data sets, as `datasets` saves them; the Hub itself is reached by the same library."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from trees import picture, sound

from sonicdiff.data.checking import checked
from sonicdiff.data.opening import open_data


def table(root: Path, **others: list[Any]) -> Any:
    """Three rows as the Hub stores them: the files' bytes, their types only in the description."""
    datasets = pytest.importorskip("datasets")
    sounds = [sound(root / f"{name}.wav", 300.0 + 100 * number) for number, name in enumerate("abc")]
    pictures = [picture(root / f"{name}.png") for name in "abc"]
    files = {"audio": sounds, "image": pictures}
    cells = {name: [{"bytes": file.read_bytes(), "path": file.name} for file in column] for name, column in files.items()}
    rows = datasets.Dataset.from_dict({**cells, **others})
    return rows.cast_column("audio", datasets.Audio(decode=False)).cast_column("image", datasets.Image(decode=False))


def test_columns_are_found_by_their_type(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = table(tmp_path, text=["a bay", None, ""], label=[1, 0, 1], speaker=["one", "one", "two"])
    rows = rows.cast_column("label", datasets.ClassLabel(names=["dry", "heavy_rain"]))
    test = rows.select([2]).remove_columns("speaker").add_column("speaker", ["three"])
    datasets.DatasetDict({"train": rows, "test": test}).save_to_disk(tmp_path / "saved")
    found = open_data(tmp_path / "saved")
    assert found.layout == "huggingface" and [sample.key for sample in open_data(tmp_path / "saved", split="test")] == ["test/000000"]
    samples = [*found, *open_data(tmp_path / "saved", split="validation")]
    assert sorted((sample.key, sample.caption, sample.label, sample.group) for sample in samples) == [
        ("train/000000", "a bay", "heavy rain", "one"),
        ("train/000001", None, "dry", "one"),
        ("train/000002", None, "heavy rain", "two"),
    ]
    assert all(sample.picture().size == (24, 16) and sample.sound().seconds == 0.5 for sample in samples)
    assert len({sample.fingerprint() for sample in samples}) == 3


def test_empty_cells_are_skipped_and_wrong_columns_named(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = table(tmp_path, group=["one", "two", "three"])
    rows.remove_columns("audio").save_to_disk(tmp_path / "silent")
    with pytest.raises(ValueError, match=r"no column of sounds among image \(Image\), .*; expected one of the type Audio"):
        open_data(tmp_path / "silent")
    empty = datasets.Dataset.from_dict({"image": [None] * 3}, datasets.Features({"image": datasets.Image(decode=False)}))
    datasets.concatenate_datasets([rows.remove_columns("image"), empty], axis=1).to_parquet(tmp_path / "part" / "train.parquet")
    assert open_data(tmp_path / "part").layout == "huggingface"
    told: list[str] = []
    with pytest.raises(ValueError, match=r"none of 2 samples can be read, .*: there is nothing in the column image of row"):
        checked(open_data(tmp_path / "part"), told.append)
    assert len(told) == 2


def test_without_the_library_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(ImportError, match=r"pip install 'sonicdiff\[data\]'"):
        open_data("hf:someone/sounds")
