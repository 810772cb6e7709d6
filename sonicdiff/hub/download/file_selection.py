"""Which files of a repository are needed."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from sonicdiff.hub.download.cache import File, HubError, Listing
from sonicdiff.hub.model_directory import PARTS, variant_of
from sonicdiff.hub.registry import Repository

CONFIGURATIONS = (".json", ".txt")


def wanted(repository: Repository, found: Listing) -> list[File]:
    """The files named, or of a pipeline its configurations and one set of safetensors: never .bin, .ckpt or the safety checker."""
    by_path = {file.path: file for file in found.files}
    if repository.files:
        if absent := [name for name in repository.files if name not in by_path]:
            raise HubError(f"{repository.repo_id} has no {absent[0]} on the hub any more; get it elsewhere and use `sonicdiff convert`")
        return [by_path[name] for name in repository.files]
    if "model_index.json" not in by_path:
        raise HubError(f"{repository.repo_id} holds no diffusers pipeline (no model_index.json); expected one saved by `save_pretrained`")
    ours = any(path.startswith("adapter/") for path in by_path)
    parts = [path for path in by_path if path.count("/") == 1 and (ours or path.split("/")[0] in PARTS)]
    texts = [path for path in parts if path.endswith(CONFIGURATIONS)]
    weights = [path for part in {path.split("/")[0] for path in parts} for path in weights_of(part, parts)]
    if any(path.split("/")[0] in PARTS for path in texts) and not weights:
        raise HubError(f"{repository.repo_id} holds no safetensors; other weights can carry code and are not loaded")
    full = [path for path in weights if not ours and ".fp16" not in path]
    if full:
        parts, size = ", ".join(sorted({path.split("/")[0] for path in full})), sum(by_path[path].size for path in full) / 1e6
        said = f"of {parts} in half precision; what it has, {size:.0f} MB, is of twice that size"
        warnings.warn(f"{repository.repo_id} has no safetensors {said}", stacklevel=2)
    return [by_path["model_index.json"], *(by_path[path] for path in sorted({*texts, *weights}))]


def weights_of(part: str, paths: Sequence[str]) -> list[str]:
    """One set of a component's safetensors: in half precision if the UNet is there in it and the component too."""
    of_part = [path for path in paths if path.startswith(f"{part}/") and path.endswith(".safetensors")]
    half = [path for path in of_part if ".fp16" in path]
    plain = [path for path in of_part if path.count(".") == 1]
    return half if half and variant_of(paths) else plain or of_part
