"""A saved pipeline's directory: whether all of it is there, and its models read strictly, every weight accounted for."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

if TYPE_CHECKING:
    import torch

PARTS = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")  # of Stable Diffusion; its safety checker is neither fetched nor loaded
TOKENIZER = ({"vocab.json", "merges.txt"}, {"tokenizer.json"})
OURS = ("SonicDiffusionPipeline", "MusicPipeline")
ALIGNMENT = 64  # bytes
SCHEDULER, MOST_TIMESTEPS = "scheduler_config.json", 100_000
SHARES = "_shares"  # in model_index.json: the name of the model beside this one that has what is not here


def index_of(directory: Path) -> dict[str, Any]:
    """What `model_index.json` says. ValueError where it is not JSON."""
    return json_of(directory / "model_index.json")


def json_of(file: Path) -> dict[str, Any]:
    """What a JSON file says. ValueError where it holds no object."""
    try:
        found = json.loads(file.read_text())
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{file} is no JSON object; fetch or copy the model again")
    return found


def parts_of(directory: Path) -> dict[str, tuple[str, str]]:
    """The (library, class) of each component that is loaded: all of a pipeline of ours, PARTS of a plain Stable Diffusion."""
    index = index_of(directory)
    ours = index.get("_class_name") in OURS
    pairs = {name: value for name, value in index.items() if isinstance(value, list) and not name.startswith("_")}
    wanted = {name: value for name, value in pairs.items() if (ours or name in PARTS) and value != [None, None]}
    for name, value in wanted.items():
        if len(value) != 2 or not all(isinstance(word, str) for word in value):
            raise ValueError(f"{directory / 'model_index.json'} says that {name!r} is {value}; expected the names of a library and a class")
    return {name: (library, kind) for name, (library, kind) in wanted.items()}


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
    """The components but for those already `given`, by name.

    ValueError where a weight is missing, unknown, not finite or of another shape.
    """
    classes = {name: class_of(library, kind, name) for name, (library, kind) in parts_of(directory).items() if name not in given}
    variant, found = variant_in(directory), {}
    for name, model in sorted(classes.items(), key=lambda each: (place_of(directory, each[0]) / "config.json").is_file()):
        place = place_of(directory, name)
        found[name] = read(place, model, dtype, variant) if (place / "config.json").is_file() else read_plain(place, model)
    return found


def class_of(library: str, kind: str, name: str) -> Any:
    """A component's class: of a model, scheduler, tokenizer or feature extractor, whatever the directory says.

    Nothing but diffusers, transformers and this package is imported.
    """
    if library.split(".")[0] not in ("diffusers", "transformers", "sonicdiff"):
        raise ValueError(f"component {name!r} is a {kind} of {library!r}; expected one of diffusers, transformers or sonicdiff")
    try:
        found = getattr(importlib.import_module(library), kind)
    except (ImportError, AttributeError):
        raise ValueError(f"component {name!r} is a {kind} of {library!r}, which the versions installed here do not have") from None
    if not (isinstance(found, type) and issubclass(found, kinds())):
        raise ValueError(f"component {name!r} is a {kind} of {library!r}; expected a model, scheduler, tokenizer or feature extractor")
    return found


def kinds() -> tuple[type, ...]:
    """What components are made of."""
    from diffusers import ModelMixin, SchedulerMixin
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from transformers.feature_extraction_utils import FeatureExtractionMixin

    return ModelMixin, SchedulerMixin, PreTrainedModel, PreTrainedTokenizerBase, FeatureExtractionMixin


def read(folder: Path, model: Any, dtype: torch.dtype, variant: str | None) -> Any:
    """A model of diffusers, transformers or ours from its folder, strictly."""
    from diffusers import ModelMixin

    options: dict[str, Any] = {}
    if ModelMixin in model.__mro__ and not find_spec("accelerate"):
        options["low_cpu_mem_usage"] = False  # what diffusers does then, and would say of every model
    has_variant = variant is not None and any(f".{variant}." in path.name for path in folder.glob("*.safetensors*"))
    try:
        loaded, info = model.from_pretrained(
            folder, dtype=dtype, variant=variant if has_variant else None, use_safetensors=True, local_files_only=True,
            output_loading_info=True, **options,
        )  # fmt: skip
    except Exception as error:  # what others wrote into a configuration may lead to anything
        said = " ".join(str(error).split())
        raise ValueError(f"the weights in {folder} do not fit their configuration: {said[:300]}; fetch or copy them again") from None
    for what in ("missing", "mismatched", "unexpected"):
        # Some CLIP files have this buffer, some do not.
        if keys := [key for key in sorted(map(str, info.get(f"{what}_keys") or ())) if "position_ids" not in key]:
            raise ValueError(f"{len(keys)} weights in {folder} are {what}, such as {keys[0]}; fetch or copy the model again")
    check_finite(folder, loaded)
    return aligned(loaded.eval())


def read_plain(folder: Path, kind: Any) -> Any:
    """A component without weights: a scheduler, a tokenizer, a feature extractor."""
    if (folder / SCHEDULER).is_file():
        schedule_of(folder)
    try:
        return kind.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        said = " ".join(str(error).split())
        raise ValueError(f"{folder} holds no {kind.__name__} that can be read: {said[:300]}; fetch or copy the model again") from None


def schedule_of(folder: Path) -> dict[str, Any]:
    """A scheduler's configuration. ValueError for one with more timesteps than any was trained on."""
    config = json_of(folder / SCHEDULER)
    steps = config.get("num_train_timesteps", 1000)
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= MOST_TIMESTEPS:
        raise ValueError(f"{folder / SCHEDULER} says that num_train_timesteps is {steps!r}; expected 1 to {MOST_TIMESTEPS}")
    return config


def aligned(model: Any) -> Any:
    """A model whose weights lie where memory blocks begin, not wherever a mapped file has them.

    The processor's kernels sum in another order there, which now and then moves a pixel by one level.
    """
    for tensor in (*model.parameters(), *model.buffers()):
        if not tensor.is_meta and tensor.data_ptr() % ALIGNMENT:
            tensor.data = tensor.data.clone()
    return model


def check_finite(folder: Path, model: Any) -> None:
    """ValueError, with its name, for a weight that holds NaN or infinity."""
    for name, weight in model.named_parameters():
        if not weight.sum().isfinite() and not weight.isfinite().all():
            raise ValueError(f"the weight {name} in {folder} is not finite; fetch or copy the model again")
