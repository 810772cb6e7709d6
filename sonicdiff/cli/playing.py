"""The commands that make music: music, riff, jam."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonicdiff.cli import options

if TYPE_CHECKING:
    from sonicdiff.pipelines.riffusion.components import MusicComponents
    from sonicdiff.pipelines.riffusion.jam import Jam

LOOPS = "'dusty beat', 'four on the floor', 'late club', 'open road', 'beach at dusk', 'slow tide', 'back porch'"
SOUNDS = (".wav", ".flac", ".ogg", ".mp3")
Words = Annotated[str, typer.Argument(metavar="PROMPT", help="What to play: '(jazz:1.2) piano, 110 bpm'.")]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The wav, flac, ogg or mp3 to write; its spectrogram goes beside it.  [default: outputs/]"),
]
Not = Annotated[str, typer.Option("--negative-prompt", help="What not to play.")]
Tempo = Annotated[float | None, typer.Option(help="Beats a minute.  [default: the prompt's, the sound's, or the model's]")]
Steps = Annotated[int, typer.Option("--steps", min=1, max=999, help="Denoising steps.")]
Guidance = Annotated[float | None, typer.Option("--guidance", help="How far to follow the prompt.  [default: the model's]")]
Scheduler = Annotated[str, typer.Option(help="dpm, ddim, pndm, euler, euler-a, lms or unipc.")]
Strength = Annotated[str, typer.Option(help="How far to leave it: 0 to 1, or hint, remix, vary, 'touch up'.")]
Loudness = Annotated[float | None, typer.Option(help="LUFS, the true peak under -1 dBTP.  [default: -16; a riff keeps its sound's]")]
Model = Annotated[str, typer.Option("--model", "-m", help="A name that `sonicdiff models` lists, or a directory.")]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same music.  [default: drawn at random, and printed]")]


def music(
    prompt: Words,
    output: Output = None,
    seconds: Annotated[float | None, typer.Option("--seconds", "-s", help="Length.  [default: two bars]")] = None,
    bars: Annotated[int | None, typer.Option(min=1, help="Length in bars of 4/4, as a loop.")] = None,
    bpm: Tempo = None,
    loop: Annotated[bool | None, typer.Option(help="A seamless loop of whole bars.  [default: unless --seconds is given]")] = None,
    negative_prompt: Not = "",
    seed_image: Annotated[str | None, typer.Option(help=f"What to start from: {LOOPS}; or a sound, or a spectrogram.")] = None,
    seed_bpm: Annotated[float | None, typer.Option(help="Its tempo.  [default: known or estimated]")] = None,
    seed_picture: Annotated[
        str, typer.Option(help="How to read a spectrogram without settings: riffusion (100 columns a second), or model (as this model's).")
    ] = "riffusion",
    strength: Strength = "0.75",
    mask: Annotated[Path | None, typer.Option(help="A picture: white is played anew, black stays.")] = None,
    stereo: Annotated[bool | None, typer.Option(help="Both channels of a stereo seed.")] = None,
    clips: Annotated[int, typer.Option("--clips", "-n", min=1, max=100, help="How many.")] = 1,
    seed: Seed = None,
    num_inference_steps: Steps = 30,
    guidance_scale: Guidance = None,
    scheduler: Scheduler = "dpm",
    loudness: Loudness = -16.0,
    model: Model = "mini-music",
    device: options.Device = None,
    paths: options.Paths = True,
    quiet: options.Quiet = False,
    request: options.Request = None,
) -> None:
    """Make music from a prompt."""
    settings = dict(locals())
    started, path = time.perf_counter(), options.destination(output, slug(prompt), endings=SOUNDS)
    for name in ("output", "clips", "model", "device", "paths", "quiet", "request"):
        settings.pop(name)
    settings |= {"strength": strength_of(strength), "num_clips": clips, "show_progress": not quiet}
    options.existing(*(Path(file) for file in (mask,) if file))
    from sonicdiff.pipelines.loading import load_music

    pipeline = load_music(model, device)
    say_unknown(pipeline, prompt)
    made = pipeline.music(**settings)
    for number, clip in enumerate(made, 1):
        file = path if len(made) == 1 else path.with_name(f"{path.stem}-{number:03d}{path.suffix}")
        clip.made.update({} if request is None else {"request": request})
        clip.save(file, with_paths=paths)
        length = f"{clip.seconds:.2f} s{', a loop' if clip.loop else ''}"
        typer.echo(f"{file}  ({length} at {clip.bpm:.2f} bpm, seed {clip.made['seed']})")
    typer.echo(f"made in {time.perf_counter() - started:.1f} s")


def riff(
    sound: Annotated[Path, typer.Argument(help="The sound to play anew.")],
    prompt: Words,
    output: Output = None,
    strength: Strength = "0.55",
    keep_rhythm: Annotated[
        bool, typer.Option("--keep-rhythm", help="By plug-and-play: keep rhythm and structure, change the sound.")
    ] = False,
    bpm: Tempo = None,
    audio_bpm: Annotated[float | None, typer.Option(help="The sound's tempo.  [default: estimated]")] = None,
    sound_start: options.SoundStart = 0.0,
    sound_length: options.SoundLength = None,
    negative_prompt: Not = "",
    stereo: Annotated[bool | None, typer.Option(help="Both channels.  [default: where it has them]")] = None,
    seed: Seed = None,
    num_inference_steps: Steps = 30,
    guidance_scale: Guidance = None,
    scheduler: Scheduler = "dpm",
    loudness: Loudness = None,
    model: Model = "mini-music",
    device: options.Device = None,
    paths: options.Paths = True,
    quiet: options.Quiet = False,
) -> None:
    """Play a sound of any length anew, as a prompt says."""
    settings = dict(locals())
    started, path = time.perf_counter(), options.destination(output, sound.stem, slug(prompt), endings=SOUNDS)
    for name in ("output", "sound", "keep_rhythm", "model", "device", "paths", "quiet"):
        settings.pop(name)
    settings |= {"strength": strength_of(strength), "show_progress": not quiet}
    options.existing(sound)
    from sonicdiff.pipelines.loading import load_music

    pipeline = load_music(model, device)
    say_unknown(pipeline, prompt)
    if keep_rhythm:
        for name in ("strength", "seed", "scheduler"):
            settings.pop(name)
    clip = (pipeline.edit if keep_rhythm else pipeline.riff)(sound, **settings)
    clip.save(path, with_paths=paths)
    seeded = "" if keep_rhythm else f", seed {clip.made['seed']}"
    took = time.perf_counter() - started
    typer.echo(f"{path}  ({clip.seconds:.2f} s at {clip.bpm:.2f} bpm, made in {took:.1f} s{seeded})")


def jam(
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPT", help="What to play; several are walked through in turn.")],
    output: Output = None,
    seconds: Annotated[float, typer.Option("--seconds", "-s", min=1, help="How much to write.")] = 60.0,
    live: Annotated[
        bool,
        typer.Option("--live", help="Play for ever, in real time: 16-bit samples on standard output; a line typed is the next prompt."),
    ] = False,
    bars: Annotated[int, typer.Option(min=1, max=16, help="Of a clip.")] = 2,
    walk: Annotated[int, typer.Option(min=1, help="Clips from one prompt to the next.")] = 2,
    stay: Annotated[int, typer.Option(min=0, help="Clips that a prompt stays once it is reached.")] = 2,
    bpm: Tempo = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="How far a clip may leave the one before.")] = 0.9,
    seed: Seed = None,
    negative_prompt: Not = "",
    num_inference_steps: Steps = 12,
    guidance_scale: Guidance = None,
    scheduler: Scheduler = "dpm",
    loudness: Annotated[float, typer.Option(help="LUFS.")] = -16.0,
    model: Model = "mini-music",
    device: options.Device = None,
) -> None:
    """Jam: clip after clip without a seam, from prompt to prompt. Live: sonicdiff jam --live "lo-fi piano" | aplay -f S16_LE -r 44100"""
    from sonicdiff.cli.making import random_seed

    path = options.destination(output, *(slug(prompt) for prompt in prompts), "jam", endings=SOUNDS)
    from sonicdiff.pipelines.loading import load_music
    from sonicdiff.pipelines.riffusion.jam import Asked, Jam, made_for

    seed = random_seed() if seed is None else seed
    pipeline = load_music(model, device)
    say_unknown(pipeline, *prompts)
    how = pipeline.sampling(num_inference_steps, guidance_scale, scheduler=scheduler)
    asked = Asked(prompts[0], negative_prompt, strength, seed)
    jam = Jam(pipeline, asked, bars, walk, bpm, how, loudness)
    factor = jam.rehearse()
    typer.echo(
        f"{jam.grid.bpm:.2f} bpm, clips of {jam.clip_seconds:.2f} s, seed {seed}; this machine makes {factor:.2f} x real time", err=True
    )
    if live:
        play_live(jam, prompts, walk + stay, factor)
        return
    sound = made_for(jam, seconds, prompts, walk + stay, lambda done: typer.echo(f"{min(done, seconds):.0f} of {seconds:.0f} s", err=True))
    sound.save(path)
    typer.echo(f"{path}  ({sound.seconds:.2f} s)")


def play_live(jam: Jam, prompts: list[str], clips_each: int, factor: float) -> None:
    """Samples to standard output in real time; a line of standard input steers, and ends the walk through the prompts given.

    It ends in order when the player closes the pipe: the maker of clips is waited for, and nothing is left to write.
    """
    import os
    import threading
    from contextlib import closing

    import numpy as np

    from sonicdiff.pipelines.riffusion.jam import walk_on
    from sonicdiff.pipelines.riffusion.jam_player import paced

    if factor < 1:
        typer.echo("slower than the music: clips will come more than once; fewer --steps make it faster", err=True)
    if sys.stdout.isatty():
        raise typer.BadParameter('the samples need a player: sonicdiff jam --live "..." | aplay -f S16_LE -r 44100')

    typed = threading.Event()

    def steer() -> None:
        # Without a buffer: the thread waits for a line when the process ends, and may hold no lock of the standard input then.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as lines:
            for line in lines:
                prompt = line.decode(errors="replace").strip()
                if prompt:
                    typed.set()
                    jam.steer(prompt=prompt)
                    say_unknown(jam.pipeline, prompt)
                    typer.echo(f"next: {prompt}", err=True)

    threading.Thread(target=steer, daemon=True).start()
    try:
        with closing(paced(jam)) as playing:
            for number, stretch in enumerate(filter(None, playing), 1):
                if not typed.is_set():
                    walk_on(jam, number, prompts, clips_each)
                sys.stdout.buffer.write((np.clip(stretch.samples[0], -1, 1) * 32767).astype("<i2").tobytes())
                sys.stdout.buffer.flush()
    except KeyboardInterrupt:
        jam.cancel()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered is flushed at exit


def say_unknown(pipeline: MusicComponents, *prompts: str) -> None:
    """On stderr, of each prompt, what the model does not know of it; the library's warning of the same is not shown."""
    import warnings

    from sonicdiff.pipelines.riffusion.vocabulary import PromptWarning

    warnings.simplefilter("ignore", PromptWarning)
    for text in filter(None, map(pipeline.not_understood, prompts)):
        typer.echo(text, err=True)


def slug(prompt: str) -> str:
    """A prompt as part of a file's name."""
    import re

    return re.sub(r"[^\w]+", "-", prompt).strip("-")[:40] or "music"


def strength_of(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
