"""Shards that nothing is unpacked of, whatever is in them."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from trees import picture, sound

from sonicdiff.data import shards
from sonicdiff.data.opening import open_data
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.data.splitting import SPLITS


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("contents")
    return {"wav": sound(folder / "a.wav").read_bytes(), "png": picture(folder / "a.png").read_bytes()}


def shard(path: Path, members: dict[str, bytes], *special: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as tar:
        for info in special:
            tar.addfile(info)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def pairs(contents: dict[str, bytes], *keys: str, **texts: str) -> dict[str, bytes]:
    return {f"{key}.{kind}": content for key in keys for kind, content in (contents | {k: v.encode() for k, v in texts.items()}).items()}


def everything(*paths: Path) -> dict[str, Sample]:
    return {sample.key: sample for sample, _ in shards.read(paths)}


def test_pairs_of_several_shards(tmp_path: Path, contents: dict[str, bytes]) -> None:
    told = {"caption": "from json", "group": "film"}
    shard(tmp_path / "train-000.tar", pairs(contents, "a/1", "a/2", txt="a quiet bay", cls="light_rain"))
    shard(tmp_path / "train-001.tar", pairs(contents, "b.x", json=json.dumps(told)))
    shard(tmp_path / "val-000.tar", pairs(contents, "c"))
    for where in (tmp_path, f"{tmp_path}/train-{{000..001}}.tar", tmp_path / "train-000.tar"):
        assert open_data(where).layout == "webdataset"
    samples = list(open_data(tmp_path))
    assert [sample.key for sample in samples] == ["train-000/a/1", "train-000/a/2", "train-001/b"]
    assert (samples[0].caption, samples[0].label, samples[0].group) == ("a quiet bay", "light rain", "train-000/a/1")
    assert (samples[2].caption, samples[2].label, samples[2].group) == ("from json", None, "film")
    assert samples[0].picture().size == (24, 16) and samples[0].sound().seconds == 0.5
    assert samples[0].fingerprint() == samples[2].fingerprint()
    assert len(open_data(tmp_path, split="validation")) == 1


def test_shards_in_folders_called_as_the_splits(tmp_path: Path, contents: dict[str, bytes]) -> None:
    for folder in ("train", "val"):
        (tmp_path / folder).mkdir()
        shard(tmp_path / folder / "000.tar", pairs(contents, "a", "b"))
    assert [sample.key for sample in open_data(tmp_path, split="validation")] == ["val/000/a", "val/000/b"]
    assert [sample.key for sample in open_data(tmp_path)] == ["train/000/a", "train/000/b"]


@pytest.mark.parametrize(
    ("pattern", "paths"),
    [("a.tar", ["a.tar"]), ("a{08..11}.tar", ["a08.tar", "a09.tar", "a10.tar", "a11.tar"]), ("{x,y}{1..2}", ["x1", "x2", "y1", "y2"])],
)
def test_braces(pattern: str, paths: list[str]) -> None:
    assert [str(path) for path in shards.expanded(pattern)] == paths


def test_a_hostile_shard_reaches_nothing_outside(tmp_path: Path, contents: dict[str, bytes]) -> None:
    secret = picture(tmp_path / "secret.png")
    link, hard, device = tarfile.TarInfo("link.png"), tarfile.TarInfo("hard.png"), tarfile.TarInfo("device.png")
    link.type, link.linkname = tarfile.SYMTYPE, str(secret)
    hard.type, hard.linkname = tarfile.LNKTYPE, "../secret.png"
    device.type = tarfile.CHRTYPE
    members = {"link.wav": contents["wav"], "hard.wav": contents["wav"], "device.wav": contents["wav"]}
    members |= pairs(contents, "../../outside", "/absolute")
    before = sorted(tmp_path.rglob("*"))
    found = everything(shard(tmp_path / "bad.tar", members, link, hard, device))
    for key in ("link", "hard", "device"):
        with pytest.raises(SampleError, match="0 pictures and 1 sounds"):
            found[f"bad/{key}"].picture()
    assert found["bad/../../outside"].picture().size == found["bad//absolute"].picture().size == (24, 16)
    assert sorted(tmp_path.rglob("*")) == [tmp_path / "bad.tar", *before]


def test_what_is_wrong_with_a_shard_is_said(tmp_path: Path, contents: dict[str, bytes]) -> None:
    whole = shard(tmp_path / "whole.tar", pairs(contents, "a", "b")).read_bytes()
    (tmp_path / "cut.tar").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tar").write_bytes(b"no archive at all" * 100)
    with tarfile.open(tmp_path / "packed.tar", "w:gz") as tar:
        tar.add(tmp_path / "text.tar", "a.png")
    found = everything(*(tmp_path / f"{name}.tar" for name in ("cut", "text", "packed")))
    assert found["cut/a"].sound().seconds == 0.5
    for key in ("cut", "text", "packed"):
        with pytest.raises(SampleError, match=f"^{key}: the shard cannot be read to its end"):
            found[key].picture()
    odd = (
        pairs(contents, "list", json="[1]") | pairs(contents, "broken", json="{") | {"two.png": contents["png"], "two.jpg": contents["png"]}
    )
    found = everything(shard(tmp_path / "odd.tar", odd))
    for key, said in (("list", "is no JSON object"), ("broken", "its text cannot be read"), ("two", "2 pictures and 0 sounds")):
        with pytest.raises(SampleError, match=said):
            found[f"odd/{key}"].sound()
    gone = everything(shard(tmp_path / "gone.tar", pairs(contents, "a")))["gone/a"]
    (tmp_path / "gone.tar").write_bytes(b"")
    with pytest.raises(SampleError, match="cut short"):
        gone.picture()


def test_the_same_content_in_two_shards_is_never_divided(tmp_path: Path, contents: dict[str, bytes]) -> None:
    """A recording that stands in several shards under other names is in one split alone."""
    for number in range(2):
        own = {f"{number}-{n}.{kind}": bytes_ + bytes([n]) for n in range(12) for kind, bytes_ in contents.items()}
        shard(tmp_path / f"part-{number}.tar", own)
    splits = {split: {sample.fingerprint() for sample in open_data(tmp_path, split=split)} for split in SPLITS}
    assert sum(map(len, splits.values())) == len(set().union(*splits.values())) == 12
    assert sum(len(open_data(tmp_path, split=split)) for split in SPLITS) == 24
