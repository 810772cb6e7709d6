"""Loading a model by name, path or repository, and keeping the ones in use."""

from __future__ import annotations

import os
import warnings
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers

from sonicdiff.hub import model_directory
from sonicdiff.hub.base_models import base_components
from sonicdiff.hub.registry import BASES, CHECKPOINTS, PARTS
from sonicdiff.pipelines.common.device import Memory, best_dtype, dtype_of, laid_out, set_memory, usable_device
from sonicdiff.pipelines.common.latent_preview import small_decoder
from sonicdiff.pipelines.common.run import RunLock
from sonicdiff.pipelines.pulling import pull
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

Pipeline = SonicDiffusionPipeline | MusicPipeline
SMALL = 2e8  # bytes of a UNet's files
LOADING = RunLock()  # the libraries that read weights change torch's defaults meanwhile


def resolve(
    name_or_path: str | os.PathLike[str], cache_dir: str | os.PathLike[str] | None = None, revision: str | None = None,
    token: str | bool | None = None,
) -> Path:  # fmt: skip
    """The directory of a model: a known name (as text), a path that holds one, or a repository owner/name of the hub.

    What is here comes first, and without the network. Raises ValueError for what is none of these, and OSError, one sentence, for what
    cannot be had. cache_dir, revision, token: of the hub, as its own library has them; HF_HOME, HF_HUB_OFFLINE and HF_TOKEN are honoured.
    """
    path, name = Path(name_or_path), os.fspath(name_or_path)
    known = isinstance(name_or_path, str) and name in (*CHECKPOINTS, *PARTS)
    here = (path / "model_index.json").is_file()
    if here and not known:
        return path
    if name in BASES:
        raise ValueError(f"{name!r} is a base, without audio layers; give it as base= (--base) with a model such as 'landscape'")
    if name in PARTS:
        raise ValueError(f"{name!r} is {PARTS[name].description}, and no model; it is used where it is here")
    found = pull(name, cache_dir=cache_dir, revision=revision, token=token)
    if here and not found.samefile(path):
        warnings.warn(f"the model {name!r} is taken, not the folder of that name; that would be ./{name}", stacklevel=3)
    return found


def load(
    name_or_path: str | os.PathLike[str] = "mini",
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    *,
    memory: Memory = "auto",
    base: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    revision: str | None = None,
    token: str | bool | None = None,
) -> Pipeline:
    """Loads a model onto `device` (default: a GPU if there is one, else the CPU).

    What its directory says it is decides what it does: a plain Stable Diffusion is taken as one of spectrograms, as Riffusion is. Nothing
    is fetched from the network but models of the Hub on their first use.

    Args (others: see `resolve`):
        dtype: by default, or "auto", what the device computes best in (see `precision`); a small model float32, which is as quick there.
        memory: see `sonicdiff.pipelines.common.device`.
        base: another Stable Diffusion 1.x to stand on: a name (sd-1.4, sd-1.5), a repository, a directory or one .safetensors file.
    """
    device = usable_device(device)
    place = resolve(name_or_path, cache_dir, revision, token)
    with LOADING:
        return load_from(place, device, dtype, memory, base, cache_dir=cache_dir, token=token)


def load_from(
    place: Path, device: torch.device, dtype: torch.dtype | str | None, memory: Memory, base: str | os.PathLike[str] | None, **access: Any
) -> Pipeline:
    """`load` of a directory. access: to where a base is fetched."""
    model_directory.check(place)
    dtype = dtype_for(place, device) if dtype in (None, "auto") else dtype_of(dtype)
    if dtype == torch.float16 and device.type == "cpu":
        dtype = best_dtype(device)
        warnings.warn(f"a processor does not compute in float16; {str(dtype).removeprefix('torch.')} is taken", stacklevel=4)
    kind = pipeline_class(place)
    with without_bars():
        given = base_components(base, dtype, place, **access) if base else {}
        given |= model_directory.models(place, dtype, given)
        pipeline = kind.from_pretrained(place, dtype=dtype, local_files_only=True, **given)
    if isinstance(pipeline, SonicDiffusionPipeline):
        laid_out(pipeline.unet)
        if base is not None:
            check_fit(pipeline, base)
            pipeline.base = os.fspath(base)
    with pipeline.lock:  # from here on a fork is noticed
        set_memory(pipeline, memory, device)
    pipeline.preview_decoder = small_decoder(pipeline.vae, dtype, device)
    return pipeline


def dtype_for(place: Path, device: torch.device) -> torch.dtype:
    """What a model's weights are loaded in unless somebody says otherwise."""
    size = sum(file.stat().st_size for file in model_directory.place_of(place, "unet").glob("*.safetensors"))
    return torch.float32 if size < SMALL else best_dtype(device)


def pipeline_class(place: Path) -> Any:
    """The pipeline that a directory is one of. ValueError for one that is nothing of ours."""
    kinds = {SonicDiffusionPipeline.__name__: SonicDiffusionPipeline}
    kinds |= dict.fromkeys((MusicPipeline.__name__, "StableDiffusionPipeline", "RiffusionPipeline"), MusicPipeline)
    name = model_directory.index_of(place).get("_class_name")
    if not isinstance(name, str) or name not in kinds:
        raise ValueError(f"{place} holds a {name}; expected one of {', '.join(kinds)}")
    return kinds[name]


def check_fit(pipeline: SonicDiffusionPipeline, base: str | os.PathLike[str]) -> None:
    """ValueError where the audio layers do not fit a base's UNet."""
    context, text = pipeline.adapter.config["context_dim"], pipeline.unet.config["cross_attention_dim"]
    try:
        if context != text:
            raise ValueError(f"its text is {text} wide, the sound's tokens are {context}")
        with pipeline.adapter.attached(pipeline.unet):
            pass
    except ValueError as error:
        raise ValueError(f"the base {os.fspath(base)} does not fit this model's audio layers: {error}") from None


def load_pictures(
    name_or_path: str | os.PathLike[str] = "mini", device: str | torch.device | None = None, **options: Any
) -> SonicDiffusionPipeline:
    """`load`, once, of a model that makes pictures. ValueError for one that makes music."""
    pipeline = load_once(name_or_path, device, **options)
    if not isinstance(pipeline, SonicDiffusionPipeline):
        raise ValueError(f"the model {os.fspath(name_or_path)!r} makes music; expected one that makes pictures, such as 'mini'")
    return pipeline


def load_music(
    name_or_path: str | os.PathLike[str] = "mini-music", device: str | torch.device | None = None, **options: Any
) -> MusicPipeline:
    """`load`, once, of a model that makes music. ValueError for one that makes pictures."""
    pipeline = load_once(name_or_path, device, **options)
    if not isinstance(pipeline, MusicPipeline):
        raise ValueError(f"the model {os.fspath(name_or_path)!r} makes pictures; expected one that makes music, such as 'mini-music'")
    return pipeline


class Loaded:
    """The models that were used last, at most `most` of them, by name or path, device and the options of `load`.

    memory: the mode of those that are loaded without one.
    """

    def __init__(self, most: int = 2) -> None:
        self.most, self.lock = most, RunLock()
        self.memory: Memory = "auto"
        self.pipelines: OrderedDict[Hashable, Pipeline] = OrderedDict()

    def get(self, name_or_path: str, device: str | None, **options: Any) -> Pipeline:
        with self.lock:
            options.setdefault("memory", self.memory)
            key = name_or_path, device, tuple(sorted((name, value) for name, value in options.items() if value is not None))
            if key not in self.pipelines:
                while len(self.pipelines) >= self.most:  # first, so that there is room for the new one
                    self.pipelines.popitem(last=False)
                self.pipelines[key] = load(name_or_path, device, **options)
            self.pipelines.move_to_end(key)
            return self.pipelines[key]

    def keep(self, most: int, memory: Memory = "auto") -> None:
        """Holds at most so many from now on, in this mode."""
        with self.lock:
            self.most = most
            if memory != self.memory:
                self.memory = memory
                self.pipelines.clear()
            while len(self.pipelines) > most:
                self.pipelines.popitem(last=False)


LOADED = Loaded()


def load_once(name_or_path: str | os.PathLike[str], device: str | torch.device | None = None, **options: Any) -> Pipeline:
    """`load`, keeping what it loaded for the next call."""
    name = name_or_path if isinstance(name_or_path, str) else str(Path(name_or_path).absolute())  # which is no known name
    return LOADED.get(name, None if device is None else str(device), **options)


@contextmanager
def without_bars() -> Iterator[None]:
    """No bars from diffusers and transformers for what takes a second or two."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    for library in libraries:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in libraries:
            library.enable_progress_bar()
