"""Options that several commands share, and the reading of the few that have a small syntax of their own."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

PICTURES = (".png", ".jpg", ".jpeg", ".webp")  # as `sonicdiff.pipelines.replay` saves, whose import takes seconds

Sounds = Annotated[
    list[str], typer.Argument(metavar="SOUND", help="Sound files, or videos; several are mixed, 'wind.ogg:0.5' gives one a weight.")
]
Prompt = Annotated[str, typer.Option("--prompt", "-p", help="What the picture should show besides.")]
NegativePrompt = Annotated[str, typer.Option(help="What it should not show.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The .png, .jpg or .webp to write.  [default: outputs/<names of the inputs>.png]"),
]
Model = Annotated[str, typer.Option("--model", "-m", help="A name that `sonicdiff models` lists, or a directory.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, mps ...  [default: a GPU if there is one]")]
Base = Annotated[
    str | None,
    typer.Option("--base", help="Another Stable Diffusion 1.x under it: sd-1.4, sd-1.5, a directory, a .safetensors file."),
]
Dtype = Annotated[str, typer.Option("--dtype", help="float32, bfloat16, float16, or auto: what the device computes best in.")]
Memory = Annotated[str, typer.Option("--memory", help="full, low, very-low, or auto: full where it fits.")]
Loras = Annotated[list[str] | None, typer.Option("--lora", metavar="FILE[:WEIGHT]", help="A LoRA for Stable Diffusion 1.x, repeatable.")]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same image.  [default: drawn at random, and printed]")]
Steps = Annotated[int, typer.Option("--steps", min=1, max=1000, help="Denoising steps.")]
Guidance = Annotated[float | None, typer.Option("--guidance", help="How far to follow the text.  [default: the model's]")]
AudioGuidance = Annotated[float, typer.Option("--audio-guidance", help="How far to follow the sound.")]
Rescale = Annotated[
    float | None,
    typer.Option("--guidance-rescale", min=0, max=1, help="Against glaring colours; an edit takes the model's if none is given."),
]
Beta = Annotated[
    list[str] | None, typer.Option("--beta", help="Weight of the sound's layers: a number, or PATTERN=NUMBER, repeatable.  [default: 1]")
]
AudioStart = Annotated[float, typer.Option(min=0, max=1, help="Where in the schedule the sound begins to act.")]
AudioEnd = Annotated[float, typer.Option(min=0, max=1, help="Where in the schedule it stops.")]
SoundStart = Annotated[float, typer.Option(min=0, help="Seconds to skip in each sound.")]
SoundLength = Annotated[float | None, typer.Option(min=0, help="Seconds to hear of each sound.  [default: to its end]")]
SuperResolutionSteps = Annotated[int, typer.Option(min=1, max=1000, help="Of the second stage, in a model that has one.")]
SuperResolutionNoise = Annotated[
    float, typer.Option(min=0, max=0.5, help="How much noise the second stage is given the first's picture with; more changes more.")
]
Request = Annotated[str | None, typer.Option(hidden=True, help="What the record calls this run, so that it is known to be done.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress bar.")]
OnlyResults = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, only what came out.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead.")]
Paths = Annotated[bool, typer.Option(help="Record where sound and photo are, relative to the PNG, so that `replay` finds them.")]


def weighted(sounds: list[str]) -> list[tuple[str, float]]:
    """(path, weight) of each argument: 'wind.ogg:0.5' has the weight 0.5, a file that is really called that has the weight 1."""
    pairs = []
    for sound in sounds:
        match = re.fullmatch(r"(.+):(-?[\d.]+)", sound)
        if match is None or Path(sound).exists():
            pairs.append((sound, 1.0))
        else:
            pairs.append((match[1], number(match[2], f"the weight of {match[1]}")))
    return pairs


def scales(beta: list[str] | None) -> float | dict[str, float]:
    """A number, or a number by layer-name pattern, from the values of --beta."""
    if not beta:
        return 1.0
    if len(beta) == 1 and "=" not in beta[0]:
        return number(beta[0], "--beta")
    if any("=" not in value for value in beta):
        raise typer.BadParameter(f"got {' '.join(beta)}; expected one number, or PATTERN=NUMBER each time", param_hint="--beta")
    return {pattern: number(value, f"--beta {pattern}") for pattern, value in (item.rsplit("=", 1) for item in beta)}


def number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"got {text!r} for {what}; expected a number") from None


def destination(output: Path | None, *sources: str | Path, endings: Sequence[str] = PICTURES) -> Path:
    """Where to write, checked before the work is done; without --output a name made of the sources' that is not taken yet.

    endings: those allowed, the first where no name is given.
    """
    if output is not None:
        if output.suffix.lower() not in endings:
            raise typer.BadParameter(f"got {output.name!r}; expected a name that ends in {', '.join(endings)}", param_hint="--output")
        path = output
    else:
        stem = "-".join(Path(source).stem for source in sources)[:120] or "image"
        numbered = (Path("outputs", f"{stem}{n}{endings[0]}") for n in ("", *(f"-{i}" for i in range(2, 10_000))))
        path = next(p for p in numbered if not p.exists())
    writable(path.parent)
    if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        raise OSError(f"{path} cannot be written; expected a file's name, and one that may be replaced")
    return path


def writable(folder: Path) -> None:
    """Makes a folder for results, before the work is done. OSError where nothing can be written in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"0" * 4096)
    except OSError as error:
        raise OSError(f"nothing can be written in {folder} ({error.strerror or error}); choose another with --output") from None


def existing(*files: str | Path) -> None:
    """Raises FileNotFoundError for the first that is not a file, before a model is loaded for it."""
    for file in files:
        if not Path(file).is_file():
            raise FileNotFoundError(f"there is no file {str(file)!r}")


@contextmanager
def silence() -> Iterator[None]:
    """Lets nothing out on standard output."""
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere):
        yield
