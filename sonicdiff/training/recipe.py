"""How `mini` and `mini-music` are made, from nothing to `checkpoints/`: one function a stage, each resuming where it was stopped.

Pictures: data, text, words, clap, recordings, vae, decoder, upscale, latents, base, align (stage 1), adapt (stage 2), super-resolution,
export. Music: data, text, vae, latents, base, export. Rivals: one stage each, from the base of a finished run, and no export. A recipe's
`data.toml` says which `family` it is of.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import PartialState

from sonicdiff.models.labels import SoundLabels
from sonicdiff.pipelines.common.device import usable_device
from sonicdiff.training import music
from sonicdiff.training import stages as do
from sonicdiff.training.ablations import ablate
from sonicdiff.training.cascade import train_super_resolution
from sonicdiff.training.config import ConfigError, build
from sonicdiff.training.decoder import train_decoder
from sonicdiff.training.picture_base import train_base
from sonicdiff.training.recordings_stage import train_recordings
from sonicdiff.training.rivals.train import RIVALS
from sonicdiff.training.start import start_from
from sonicdiff.training.workspace import CAUSES, Workspace, audio_embeds, labels

Stages = dict[str, Callable[[Workspace], None]]
PICTURES: Stages = {
    "data": do.make_data, "text": do.train_text, "words": do.train_words, "clap": do.train_clap,
    "recordings": train_recordings, "vae": do.train_vae, "decoder": train_decoder, "upscale": do.train_upscaler,
    "latents": do.make_latents, "base": train_base, "align": do.train_align, "adapt": do.train_adapt,
    "super-resolution": train_super_resolution,
}  # fmt: skip
MUSIC: Stages = {
    "data": music.make_data, "text": music.train_text, "vae": music.train_vae, "latents": music.make_latents, "base": music.train_base,
}  # fmt: skip
FAMILIES = {"pictures": PICTURES, "music": MUSIC, "rivals": RIVALS}
GOING_ON = (
    "data",
    "words",
    "clap",
    "recordings",
    "latents",
    "base",
    "align",
    "adapt",
    "super-resolution",
    "export",
)  # where a model is there to start from


def stages_of(recipe: str | Path, going_on: bool = False) -> list[str]:
    """The names of a recipe's stages in their order; `going_on`: of those that a finished model may go on with."""
    family, steps = family_of(find(recipe))
    stages = [*steps] if family == "rivals" else [*steps, "export"]
    return [stage for stage in stages if not going_on or stage in GOING_ON]


def family_of(folder: Path) -> tuple[str, Stages]:
    family = tomllib.loads((folder / "data.toml").read_text()).get("family", "pictures")
    if family not in FAMILIES:
        raise ConfigError(f"{folder / 'data.toml'} says family = {family!r}; known are {', '.join(FAMILIES)}")
    return family, FAMILIES[family]


def find(name_or_path: str | Path) -> Path:
    """The folder of a recipe: a path that holds a `data.toml`, or the name of one that ships with the package."""
    shipped = Path(__file__).parent / "recipes"
    for folder in (Path(name_or_path), shipped / name_or_path):
        if (folder / "data.toml").is_file():
            return folder
    known = sorted(path.parent.name for path in shipped.glob("*/data.toml"))
    raise ConfigError(f"there is no recipe {str(name_or_path)!r}; known are {', '.join(known)}, or a folder with a data.toml")


def run(recipe: str | Path = "mini", stages: Sequence[str] | None = None, folder: Path | None = None, output: Path | None = None,
        device: str | None = None, worker: int = 0, workers: int = 1,
        start: Path | None = None, ablations: Sequence[str] = ()) -> None:  # fmt: skip
    """Run stages of a recipe (a folder with one TOML file a stage) and write the model to `output` (default: checkpoints/NAME).

    Intermediate results stay in `folder` (default: runs/NAME); a stage that was stopped goes on where it was. The stages
    data and latents may be done by several processes at once, each with its `worker` number of `workers`. `start` is the
    directory of a model whose parts the stages go on from, instead of from nothing. With `ablations`
    (names in `training.ablations`) those are trained instead, from the base and the embeddings of a run that is finished.
    """
    recipe = find(recipe)
    folder, output = folder or Path("runs") / recipe.name, output or Path("checkpoints") / recipe.name
    device = str(usable_device(device))
    (family, steps), known = family_of(recipe), stages_of(recipe)
    if unknown := set(stages := stages or known) - set(known):
        raise ConfigError(f"unknown stages {sorted(unknown)}; known are {', '.join(known)}")
    processes = PartialState(cpu=device == "cpu")  # said once, here: without it, processes on CPUs would not know of each other
    if processes.num_processes > 1:
        worker, workers = processes.process_index, processes.num_processes
    space = Workspace(folder, recipe, device, worker, workers)
    if start is not None:
        with processes.main_process_first():
            start_from(start, space)
    for name in ablations:
        processes.print(f"== {name}", flush=True)
        ablate(space, name)
    if ablations:
        return
    steps = {**steps, "export": lambda space: (music.export if family == "music" else export)(space, output)}
    for stage in known:
        if stage in stages:
            processes.print(f"== {stage}", flush=True)
            steps[stage](space)
            processes.wait_for_everyone()


def export(space: Workspace, output: Path) -> None:
    """Write the pipeline directory; its labels are the mean directions of the training sounds' classes."""
    from sonicdiff.training.export import ModelOptions, export_pipeline

    if not PartialState().is_main_process:
        return
    parts = {
        "vae": space.path("decoder") if space.path("decoder").exists() else space.path("vae"),
        "text_encoder": space.language / "text_encoder", "tokenizer": space.language / "tokenizer",
        "audio_encoder": space.hearing, "unet": space.made("unet", "unet"),
        "projector": space.made("projector-adapt", "projector"), "adapter": space.made("adapter-adapt", "adapter"),
    }  # fmt: skip
    for name in ("upscaler", "super_resolution"):
        if space.path(name).exists():
            parts[name] = space.path(name)
    suits = space.recipe / "model.toml"
    options = build(ModelOptions, tomllib.loads(suits.read_text()) if suits.exists() else {}, suits)
    export_pipeline(parts, names_of(space), options, output)


def names_of(space: Workspace) -> SoundLabels:
    """As the stage `recordings` left them, or else the mean directions of the training sounds' classes."""
    if space.path("recordings", "labels").exists():
        return SoundLabels.from_pretrained(space.path("recordings", "labels"))
    heard = labels(space.sound_rows())
    return SoundLabels.from_embeds(CAUSES, audio_embeds(space), torch.from_numpy(heard.cause))
