"""`open_data`: pairs from wherever they lie, in whatever layout they have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from sonicdiff.data import captions, folder, greatest_hits, hub_sets, landscape, manifest, ravdess, shards, splitting, videos
from sonicdiff.data.data_set import DataSet
from sonicdiff.data.licences import LICENCES, OWN
from sonicdiff.data.reading import PICTURES, SOUNDS
from sonicdiff.data.splitting import Placed
from sonicdiff.data.videos import Cutting

LAYOUTS = ("auto", "folder", "manifest", "videos", "webdataset", "huggingface", "landscape", "greatest-hits", "ravdess")
DEFAULT = Cutting()


def open_data(where: str | Path, layout: str = "auto", split: str = "train", cutting: Cutting = DEFAULT) -> DataSet:
    """The pairs of `split` (train, validation, test) at `where`; nothing but names, tables and headers of videos is read yet.

    where: a folder or file, shards such as `data/train-{000..012}.tar`, `hf:OWNER/NAME` on the Hugging Face Hub, or
    `synthetic:landscape`, `synthetic:materials`, `synthetic:voices`. layout: one of LAYOUTS; auto recognises it by what is there, and
    the answer's `layout` says as what. cutting: how videos are cut. Captions that were made (captions.jsonl beside the data) are
    given to the samples that have none. Raises ValueError, in one sentence, where there is no such place, layout or split.
    """
    splitting.check(split)
    if layout not in LAYOUTS:
        raise ValueError(f"unknown layout {layout!r}: expected one of {', '.join(LAYOUTS)}")
    name = str(where)
    if name.startswith("synthetic:"):
        return _synthetic(name, layout, split)
    if name.startswith("hf:"):
        _only("huggingface", layout, name)
        return _data_set(hub_sets.read(name.removeprefix("hf:"), local=False), name, "huggingface", split)
    paths = shards.expanded(name) if "{" in name and not Path(where).exists() else [Path(where)]
    for path in paths:
        if not path.exists():
            raise ValueError(f"there is no file or folder {str(path)!r}; expected one, hf:OWNER/NAME, or synthetic:landscape")
    if layout == "auto":
        layout = "webdataset" if len(paths) > 1 else recognised(paths[0])
    found = _data_set(placed(paths, layout, cutting), name, layout, split)
    made = captions.read(captions.beside(name))
    return DataSet(captions.with_captions(found, made), name, layout, split, found.licence) if made else found


def recognised(path: Path) -> str:
    """The layout of what lies at `path`, by the names of its files. Raises ValueError where it is none that is known."""
    if path.is_file():
        kinds = {".tar": "webdataset", **dict.fromkeys(manifest.ENDINGS, "manifest"), **dict.fromkeys(videos.VIDEOS, "videos")}
        if path.suffix.lower() not in kinds:
            raise ValueError(f"{path.name} is no data set that is known; expected a folder, or a file that ends in {', '.join(kinds)}")
        return kinds[path.suffix.lower()]
    for name, published in (("ravdess", ravdess), ("greatest-hits", greatest_hits), ("landscape", landscape)):
        if published.found(path):
            return name
    endings = {file.suffix.lower() for file in folder.files(path)}
    if any((path / file).is_file() for file in hub_sets.SAVED):
        return "huggingface"
    if manifest.found(path) is not None:
        return "manifest"
    if endings & set(PICTURES) and endings & set(SOUNDS):
        return "folder"
    for name, wanted in (("webdataset", (".tar",)), ("videos", videos.VIDEOS), ("huggingface", (".parquet",))):
        if endings & set(wanted):
            return name
    raise ValueError(f"there is no data set in {path}; expected pairs such as rain.wav and rain.jpg, a table, videos, or .tar shards")


def placed(paths: list[Path], layout: str, cutting: Cutting) -> Iterable[Placed]:
    """The samples at `paths` with the splits they are given, by the reader of `layout`."""
    path = paths[0]
    if layout == "webdataset":
        return shards.read(sorted(path.rglob("*.tar")) if path.is_dir() else paths)
    if len(paths) > 1:
        raise ValueError(f"braces stand for several shards; expected one place for the layout {layout}")
    if layout == "manifest":
        return manifest.read(_table(path))
    if layout == "videos":
        return videos.read(path, cutting)
    if not path.is_dir():
        raise ValueError(f"{path} is a file; expected a folder for the layout {layout}")
    if layout == "huggingface":
        return hub_sets.read(str(path), local=True)
    if layout in ("landscape", "ravdess"):
        return {"landscape": landscape, "ravdess": ravdess}[layout].read(path, cutting)
    return {"greatest-hits": greatest_hits, "folder": folder}[layout].read(path)


def _table(path: Path) -> Path:
    table = manifest.found(path) if path.is_dir() else path
    if table is None or table.suffix.lower() not in manifest.ENDINGS:
        raise ValueError(f"there is no table in {path}; expected a .csv or .jsonl file with the columns sound and picture")
    return table


def _data_set(samples: Iterable[Placed], where: str, layout: str, split: str) -> DataSet:
    samples = list(samples)
    if not samples:
        raise ValueError(f"there is nothing in {where} for the layout {layout}; expected pairs of a sound and a picture in it")
    (name, times), *_ = Counter(sample.key for sample, _ in samples).most_common(1)
    if times > 1:
        raise ValueError(f"{times} samples in {where} are called {name!r}; expected a name for each: rename them")
    found = splitting.chosen(samples, split)
    if not found:
        groups = len({sample.group for sample, _ in samples})
        raise ValueError(f"nothing is left for {split}: {where} holds {groups} groups to divide; expected at least three, or a given split")
    return DataSet(found, where, layout, split, LICENCES.get(layout, OWN))


def _synthetic(where: str, layout: str, split: str) -> DataSet:
    from sonicdiff.data.synthetic_pairs import open_synthetic

    _only("auto", layout, where)
    samples = open_synthetic(where.removeprefix("synthetic:"), split)
    return DataSet(samples, where, "synthetic", split, LICENCES["synthetic"])


def _only(possible: str, layout: str, where: str) -> None:
    if layout not in ("auto", possible):
        raise ValueError(f"{where} is not in the layout {layout}; leave it at auto")
