"""The finished model as a pipeline directory: the base's files linked or shared, what was trained beside them, card, configuration."""

# diffusers and transformers type their models loosely.
# pyright: reportAttributeAccessIssue=false, reportCallIssue=false
from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path

import torch

from sonicdiff.hub import model_directory
from sonicdiff.hub.base_models import base_components
from sonicdiff.hub.weights import sd15_directory
from sonicdiff.models.labels import SoundLabels
from sonicdiff.training.config import ConfigError
from sonicdiff.training.export import SHARD
from sonicdiff.training.own.config import OwnConfig
from sonicdiff.training.own.examples import Examples
from sonicdiff.training.own.parts import SECOND_STAGE, Parts
from sonicdiff.training.own.stages import scheduler_of

OF_THE_BASE = ("vae", "text_encoder", "tokenizer", "unet")
CONFIG = "training.toml"  # in the model's directory: what it was trained with, and the sign that it may be replaced


def check_output(output: Path) -> None:
    """ConfigError where something else than a model of one's own training stands there."""
    if output.exists() and not (output / CONFIG).is_file() and not (output.is_dir() and not any(output.iterdir())):
        raise ConfigError(f"{output} is there already and no model that was trained so; choose another output, or remove it first")


def check_sharing(config: OwnConfig, place: Path) -> None:
    """ConfigError where the model is to share what stands in another folder than its own, or is itself shared there."""
    if not config.share:
        return
    if not (place / "model_index.json").is_file() or place.resolve().parent != Path(config.output).resolve().parent:
        raise ConfigError(
            f"share = true needs a base that is a directory beside the output; {place} is none of {Path(config.output).parent}"
        )
    if lent := model_directory.shared(place):
        raise ConfigError(f"{place} itself shares what {lent.name} has; take that as the base, or leave share out")


def export(parts: Parts, config: OwnConfig, examples: Examples, toml: str, card: str) -> Path:
    """Writes the model's directory, replacing an older one whole. Returns it."""
    output = Path(config.output)
    pipeline = parts.pipeline(scheduler_of(config, parts), labels=labels_of(parts, examples))
    folder = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}.partial")
    folder.mkdir(parents=True)
    try:
        taken = list(of_the_base(parts)) if config.share else take_base(parts, folder)
        for name, part in pipeline.components.items():
            if part is not None and name not in taken:
                if isinstance(part, torch.nn.Module):
                    part.half().save_pretrained(folder / name, max_shard_size=SHARD)
                else:
                    part.save_pretrained(folder / name)
        pipeline.save_config(folder)
        if config.share:
            index = {**model_directory.index_of(folder), model_directory.SHARES: parts.place.resolve().name}
            (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")
        (folder / CONFIG).write_text(toml)
        (folder / "README.md").write_text(card)
        check_output(output)
        shutil.rmtree(output, ignore_errors=True)
        folder.replace(output)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return output


def labels_of(parts: Parts, examples: Examples) -> SoundLabels | None:
    """The classes' mean directions; without classes the base's names, if the model hears as the base does."""
    names = examples.names
    if len(names) < 2:
        return parts.labels if parts.hears_as_base else None
    classes = torch.from_numpy(examples.classes)
    known = classes < len(names)
    return SoundLabels.from_embeds(names, examples.embeds[known, 0], classes[known])


def take_base(parts: Parts, folder: Path) -> list[str]:
    """The base's files as they are: linked from its directory, written out in 16 bit from a single file. Returns what was taken."""
    if parts.place.is_file():
        for name, part in base_components(parts.place, torch.float16).items():
            if name in OF_THE_BASE:
                part.save_pretrained(folder / name)
        return [*OF_THE_BASE]
    taken = of_the_base(parts)
    for name in taken:
        sd15_directory.take_over(parts.place / name, folder / name)
    return taken


def of_the_base(parts: Parts) -> list[str]:
    """The components in the base's directory that the model has from there, unchanged."""
    taken = [*OF_THE_BASE, "upscaler", *(["audio_encoder", "feature_extractor", *SECOND_STAGE] if parts.hears_as_base else [])]
    return [name for name in taken if (parts.place / name).is_dir()]
