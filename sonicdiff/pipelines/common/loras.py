"""LoRA on a pipeline's UNet and text encoder, through diffusers' own loader; the audio layers are out of its reach."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from diffusers.loaders import StableDiffusionLoraLoaderMixin
from diffusers.utils import is_peft_available, logging
from safetensors import SafetensorError, safe_open

from sonicdiff.pipelines.common.record import file_hash
from sonicdiff.pipelines.common.run import exclusive

HALF = re.compile(r"(?P<layer>.+?)[._]lora(?:_linear_layer)?[._](?P<half>A|B|down|up)(?:\.\w+)?\.weight$")
PROJECTION = re.compile(r"(?<=self_attn\.)to_(q|k|v|out)$")  # as older files name those of the text encoder
BESIDE = ("alpha", "dora_scale", "lora_magnitude_vector", "bias")  # endings of what a LoRA may hold besides
FOREIGN = {
    "lora_te2_": "Stable Diffusion XL",
    "text_encoder_2.": "Stable Diffusion XL",
    "transformer.": "a transformer, not a UNet",
    "diffusion_model.double_blocks": "FLUX",
}


class AudioLoraMixin(StableDiffusionLoraLoaderMixin):
    """`load_lora_weights`, `fuse_lora`, `unload_lora_weights` and so on, as diffusers has them, on a pipeline with audio layers.

    The audio layers are the UNet's only during a run, and LoRAs name their layers by whole paths (`...attn1.to_q`), none of which is
    `...audio.to_q`; what a LoRA says for them all the same is refused.
    """

    loras: Sequence[dict[str, Any]] = ()  # name, hash and weight of each that is `applied`

    @exclusive
    def load_lora_weights(self, pretrained_model_name_or_path_or_dict: Any, adapter_name: str | None = None, **kwargs: Any) -> None:
        """As diffusers', from safetensors only. ImportError without peft; ValueError, one sentence, for what does not fit."""
        if not is_peft_available():
            raise ImportError("a LoRA needs the package peft: pip install 'sonicdiff[lora]'")
        given, where = pretrained_model_name_or_path_or_dict, kwargs
        label = "the state dict" if isinstance(given, dict) else os.fspath(given)
        if not isinstance(given, dict):
            where = {"use_safetensors": True, **kwargs}
            if Path(given).is_file():
                check_file(Path(given))
                given, where = str(Path(given).parent), {**where, "weight_name": Path(given).name}
        try:
            state, *_ = self.lora_state_dict(given, **where)
            check_keys(state)
            check_layers(state, {name: getattr(self, name) for name in ("unet", "text_encoder")})
            with without_warnings():  # that it has nothing for the text encoder, which is usual
                super().load_lora_weights(given, adapter_name=adapter_name, **where)
        except (ValueError, RuntimeError, KeyError, IndexError, SafetensorError, OSError) as error:
            said = " ".join(str(error).split())[:300]
            raise ValueError(f"{label} is no LoRA for this model: {said}") from None


@contextmanager
def applied(pipeline: Any, loras: Sequence[tuple[str | os.PathLike[str], float]]) -> Iterator[None]:
    """LoRA files, each at a weight, on a pipeline inside the `with`, which keeps other threads out; after it the weights are bitwise
    those before."""
    with pipeline.lock:
        yield from _applied(pipeline, loras)


def _applied(pipeline: AudioLoraMixin, loras: Sequence[tuple[str | os.PathLike[str], float]]) -> Iterator[None]:
    names = [f"applied_{number}" for number in range(len(loras))]
    try:
        for name, (file, _) in zip(names, loras, strict=True):
            if not Path(file).is_file():
                raise FileNotFoundError(f"there is no file {os.fspath(file)!r}")
            pipeline.load_lora_weights(file, adapter_name=name)
        if loras:
            pipeline.set_adapters(names, [weight for _, weight in loras])
            pipeline.loras = [{"name": Path(file).name, "sha256": file_hash(Path(file)), "weight": weight} for file, weight in loras]
        yield
    finally:
        pipeline.loras = ()
        if loras:
            pipeline.unload_lora_weights()


@contextmanager
def without_warnings() -> Iterator[None]:
    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


def check_file(file: Path) -> None:
    """Raises ValueError for a file that is no whole safetensors file, or a LoRA of another family."""
    if file.suffix != ".safetensors":
        raise ValueError(f"{file.name} is no .safetensors file; other LoRA files can carry code and are not read")
    try:
        with safe_open(file, "pt") as tensors:
            keys = list(tensors.keys())
    except (SafetensorError, OSError):
        raise ValueError(f"{file} is truncated or no safetensors file; fetch it again") from None
    family = next((what for start, what in FOREIGN.items() if any(key.startswith(start) for key in keys)), None)
    if family is not None:
        raise ValueError(f"{file} is a LoRA for {family}; expected one for Stable Diffusion 1.x")
    if not any("lora" in key for key in keys):
        raise ValueError(f"{file} holds no LoRA; expected one for Stable Diffusion 1.x")


def check_keys(state: dict[str, Any]) -> None:
    """Raises ValueError where a LoRA names no whole path in the UNet, or one of the audio layers: peft would match by the name's end."""
    if not any(key.startswith(("unet.", "text_encoder.")) for key in state):
        raise ValueError("it has nothing for a UNet or a text encoder")
    for key in state:
        if key.startswith("unet.") and (".audio." in key or key.count(".") < 4):
            raise ValueError(f"it names {key!r}, which is no layer of a Stable Diffusion UNet")


def check_layers(state: Mapping[str, Any], models: Mapping[str, Any]) -> None:
    """Raises ValueError where a LoRA has only one half of a layer's two, or is for layers that its model does not have.

    What is applied in part, peft only warns of.
    """
    known = {f"{name}.{path}" for name, model in models.items() for path, _ in model.named_modules()}
    known |= {path.replace("text_encoder.", "text_encoder.text_model.", 1) for path in known if ".text_model." not in path}
    halves: dict[str, set[str]] = {}
    for key in state:
        found = HALF.match(key)
        if found is None and not key.endswith(BESIDE):
            raise ValueError(f"it holds {key!r}, which is no part of a LoRA")
        if found is not None:
            layer = found["layer"].replace(".processor.", ".")
            if layer.startswith("text_encoder."):
                layer = PROJECTION.sub(r"\1_proj", layer)
            halves.setdefault(layer, set()).add("down" if found["half"] in ("A", "down") else "up")
    if absent := sorted(layer for layer in halves if not known & {layer, f"{layer}.0"}):
        raise ValueError(f"{len(absent)} of its {len(halves)} layers are not in this model, such as {absent[0]}")
    if halved := sorted(layer for layer, found in halves.items() if len(found) == 1):
        raise ValueError(f"{len(halved)} of its {len(halves)} layers have only one of their two weights, such as {halved[0]}")
