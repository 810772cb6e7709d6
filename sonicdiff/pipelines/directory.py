"""A saved pipeline's directory: whether all of it is there, and its models read strictly, every weight accounted for."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:
    import torch

PARTS = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")  # of Stable Diffusion; its safety checker is neither fetched nor loaded
TOKENIZER = ({"vocab.json", "merges.txt"}, {"tokenizer.json"})
OURS = ("SonicDiffusionPipeline", "MusicPipeline")
SHARES = "_shares"  # in model_index.json: the name of the model beside this one that has what is not here


def index_of(directory: Path) -> dict[str, Any]:
    """What `model_index.json` says. ValueError where it is not JSON."""
    try:
        return json.loads((directory / "model_index.json").read_text())
    except ValueError:
        raise ValueError(f"{directory / 'model_index.json'} is not JSON; fetch or copy the model again") from None


def parts_of(directory: Path) -> dict[str, tuple[str, str]]:
    """The (library, class) of each component that is loaded: all of a pipeline of ours, PARTS of a plain Stable Diffusion."""
    index = index_of(directory)
    pairs = {name: tuple(value) for name, value in index.items() if isinstance(value, list) and len(value) == 2 and value[0]}
    ours = index.get("_class_name") in OURS
    return {name: pair for name, pair in pairs.items() if (ours or name in PARTS) and all(isinstance(word, str) for word in pair)}


def shared(directory: Path) -> Path | None:
    """The directory of the model that this one shares components with: beside it, under the name that its index gives."""
    name = index_of(directory).get(SHARES)
    return directory.parent / name if isinstance(name, str) and re.fullmatch(r"\w[\w.-]*", name) else None


def place_of(directory: Path, component: str) -> Path:
    """The folder of a component."""
    other = shared(directory)
    return directory / component if other is None or (directory / component).is_dir() else other / component


def variant_of(files: Iterable[str]) -> str | None:
    """ "fp16" where the UNet's weights are there in half precision: half the size, the same images."""
    return "fp16" if any(file.startswith("unet/") and file.endswith(".fp16.safetensors") for file in files) else None


def variant_in(directory: Path) -> str | None:
    return variant_of(path.relative_to(directory).as_posix() for path in directory.glob("unet/*"))


def faults(directory: Path) -> list[str]:
    """What is missing from a directory of a model, or of one part of it, or cut short there; empty for a whole one."""
    if (directory / "config.json").is_file():
        return part_faults(directory, "", None)
    if not (directory / "model_index.json").is_file():
        return ["model_index.json is missing"]
    variant = variant_in(directory)
    if (other := shared(directory)) is not None and not other.is_dir():
        return [f"the model {other.name!r} that it shares components with is not beside it"]
    return [fault for name, (_, kind) in parts_of(directory).items() for fault in part_faults(place_of(directory, name), kind, variant)]


def part_faults(folder: Path, kind: str, variant: str | None) -> list[str]:
    here = {path.name for path in folder.glob("*") if path.is_file()}  # a link of the cache to a file that is gone is no file
    if "Tokenizer" in kind:
        return [] if any(files <= here for files in TOKENIZER) else [f"{folder.name}/vocab.json or merges.txt is missing"]
    if not any(name.endswith(".json") for name in here):
        return [f"{folder.name}/ has no configuration"]
    if "config.json" not in here:
        return []  # a scheduler, a feature extractor
    weights = weight_files(folder, variant)
    if not weights:
        return [f"{folder.name}/ has no safetensors"]
    return [f"{folder.name}/{file.name} is {fault}" for file in weights if (fault := fault_of(file))]


def weight_files(folder: Path, variant: str | None) -> list[Path]:
    """The safetensors of a component: of the variant if it has them, every shard that its index names, there or not."""
    for ending in ([f".{variant}"] if variant else []) + [""]:
        for index in folder.glob(f"*.safetensors.index{ending}.json"):
            return sorted({folder / name for name in json.loads(index.read_text())["weight_map"].values()})
        if variant is None or ending:
            found = [path for path in folder.glob(f"*{ending}.safetensors") if ending or path.suffixes == [".safetensors"]]
            if found:
                return sorted(found)
    return sorted(folder.glob("*.safetensors"))


def fault_of(file: Path) -> str | None:
    if not file.exists():
        return "missing"
    try:
        with safe_open(file, "np"):  # its header says how long the file must be
            return None
    except (SafetensorError, OSError):
        return "truncated or damaged"


def check(directory: Path) -> None:
    """Raises ValueError, one sentence, for a directory that is not whole."""
    if found := faults(directory):
        raise ValueError(f"the model at {directory} is not whole: {'; '.join(found[:3])}; fetch or copy it again")


def models(directory: Path, dtype: torch.dtype, given: Mapping[str, Any]) -> dict[str, Any]:
    """The components with weights, and those that another model shares, but for those already `given`, by name.

    ValueError where a weight is missing, unknown or of another shape.
    """
    variant, found = variant_in(directory), {}
    for name, (library, kind) in parts_of(directory).items():
        place = place_of(directory, name)
        if name not in given and (place / "config.json").is_file():
            found[name] = read(place, class_of(library, kind, name), dtype, variant)
        elif name not in given and place.parent != directory:
            found[name] = class_of(library, kind, name).from_pretrained(place, local_files_only=True)
    return found


def class_of(library: str, kind: str, name: str) -> Any:
    """A component's class. Nothing but diffusers, transformers and this package is imported, whatever the directory says."""
    if library.split(".")[0] not in ("diffusers", "transformers", "sonicdiff"):
        raise ValueError(f"component {name!r} is a {kind} of {library!r}; expected one of diffusers, transformers or sonicdiff")
    try:
        return getattr(importlib.import_module(library), kind)
    except (ImportError, AttributeError):
        raise ValueError(f"component {name!r} is a {kind} of {library!r}, which the versions installed here do not have") from None


def read(folder: Path, model: Any, dtype: torch.dtype, variant: str | None) -> Any:
    """A model of diffusers, transformers or ours from its folder, strictly."""
    has_variant = variant is not None and any(f".{variant}." in path.name for path in folder.glob("*.safetensors*"))
    try:
        loaded, info = model.from_pretrained(
            folder, dtype=dtype, variant=variant if has_variant else None, use_safetensors=True, local_files_only=True,
            output_loading_info=True,
        )  # fmt: skip
    except (ValueError, RuntimeError, OSError, KeyError, SafetensorError) as error:
        said = " ".join(str(error).split())
        raise ValueError(f"the weights in {folder} do not fit their configuration: {said[:300]}; fetch or copy them again") from None
    wrong = {what: sorted(map(str, info.get(f"{what}_keys") or ())) for what in ("missing", "mismatched")}
    wrong["missing"] = [key for key in wrong["missing"] if not key.endswith("position_ids")]  # older CLIP files do without this buffer
    for what, keys in wrong.items():
        if keys:
            raise ValueError(f"{len(keys)} weights in {folder} are {what}, such as {keys[0]}; fetch or copy the model again")
    return loaded.eval()
