"""The finished model's card: what it stands on, what it learned from, how long, and what it scored while it learned."""

from __future__ import annotations

import json
from pathlib import Path

from sonicdiff.training.own.config import OwnConfig
from sonicdiff.training.own.examples import Examples

CARD = """---
license: {licence}
library_name: diffusers
pipeline_tag: image-to-image
tags: [audio, image-editing, stable-diffusion, clap, sonicdiff]
---

# {name}

Pictures from sounds, and photos edited by sounds (SonicDiffusion): an audio projector and gated audio layers on the frozen base `{base}`,
hearing with {ears}. Trained by sonicdiff; `sonicdiff edit PHOTO SOUND -m DIRECTORY` and `sonicdiff.load` take this directory.

## Data

`{where}`{layout}: {pairs} pairs of a sound and a picture{classes}. Left out because they could not be read: {skipped}.
Licence of the data: {data_licence}. {base_licence}

{captions} of the pairs have a caption. Pictures were cut square around the middle{flip}; {heard} was heard of each sound.

## Training

`sonicdiff train {file}` with the configuration in `training.toml`.

| stage | steps x batch | last training losses | last validation losses |
|---|---|---|---|
{stages}

{validation} Losses say whether it still learned, not how good its pictures are: `sonicdiff evaluate` does.
"""
VALIDATED = "The validation losses are over {} pairs of the validation split, always with the same noise."


def card(config: OwnConfig, file: Path, examples: Examples, valid: Examples | None, data_licence: str) -> str:
    data, names = config.data, examples.names
    return CARD.format(
        licence=config.licence or "other",
        name=Path(config.output).name,
        base=config.base,
        ears=f"`{config.audio_encoder}`" if config.audio_encoder else "the base's own audio encoder",
        where=data.where,
        layout="" if data.layout == "auto" else f" ({data.layout})",
        pairs=len(examples),
        classes=f" of {len(names)} classes ({', '.join(names[:20])}{', ...' if len(names) > 20 else ''})" if names else ", without classes",
        skipped=len(examples.skipped),
        data_licence=data_licence,
        base_licence="The base's licence holds for what is made of it.",
        captions=int((examples.text_of > 0).sum()),
        flip=", half of them shown mirrored" if data.flip else "",
        heard=f"the first {data.seconds:g} s" if data.seconds else "all",
        file=file.name,
        stages="\n".join(row(config, name) for name in ("align", "adapt") if getattr(config, name) is not None),
        validation=VALIDATED.format(len(valid)) if valid is not None else "There was no validation split.",
    )


def row(config: OwnConfig, name: str) -> str:
    loop, run_dir = getattr(config, name).loop, Path(config.folder) / name
    return f"| {name} | {loop.steps} x {loop.batch_size} | {last(run_dir / 'log.jsonl')} | {last(run_dir / 'validation.jsonl')} |"


def last(log: Path) -> str:
    """The losses in the last line of a log."""
    lines = log.read_text().splitlines() if log.exists() else []
    losses = json.loads(lines[-1]) if lines else {}
    ignored = ("step", "samples_per_second", "grad_norm", "learning_rate")
    return ", ".join(f"{name} {value:.4g}" for name, value in losses.items() if name not in ignored) or "none"
