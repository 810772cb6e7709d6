"""What the app asks the models for: each task plain data and a call, which hands back paths of what it made."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from sonicdiff.audio import waveform
from sonicdiff.audio.drawing import spectrogram
from sonicdiff.models.labels import SoundNames
from sonicdiff.pipelines import replay
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.common.image_loading import side_by_side
from sonicdiff.pipelines.loading import load_music, load_pictures
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.ui.compute import Tell
from sonicdiff.ui.controls import MOST_SEED
from sonicdiff.ui.session import names_of, place

Sounds = tuple[tuple[str, float], ...]
SPECTROGRAM = (640, 160)  # pixels
NOT_OPTIONS = ("count", "frames", "seed", "layers", "weight_2", "weight_3", "reconstruct")
"""Settings of a page that are none of a pipeline's."""


@dataclass(frozen=True)
class Made:
    """A picture, or a clip with its spectrogram. seed: what made it, None where none did. picture: what to look at."""

    path: str
    picture: str
    seed: int | None
    text: str


@dataclass(frozen=True)
class Heard:
    """names: of what is heard, with probabilities, empty where the model has no names. picture: a spectrogram. said: that none fits."""

    names: dict[str, float]
    picture: str
    text: str
    said: str = ""


@dataclass(frozen=True)
class Listen:
    """What a sound is heard as, and what it looks like."""

    model: str
    sound: str
    folder: Path
    gpu_seconds: float = 5.0

    def __call__(self, tell: Tell) -> None:
        clip = waveform.load(self.sound)
        pipeline = load_pictures(self.model)
        heard = pipeline.heard(clip) if pipeline.labels is not None else SoundNames(())
        path = place(self.folder, ".png", "spectrogram")
        spectrogram(clip.mono().samples[0], clip.sample_rate, SPECTROGRAM).save(path)
        text = f"{clip.seconds:.1f} s, {clip.sample_rate} Hz, {len(clip.samples)} channel{'s' if len(clip.samples) > 1 else ''}"
        tell(Heard(dict(heard), str(path), text, "" if heard.is_known else capitalised(heard.sentence(Path(self.model).name))))


def capitalised(sentence: str) -> str:
    """A sentence with its capital and full stop; "" stays."""
    return f"{sentence[:1].upper()}{sentence[1:]}." if sentence else ""


@dataclass(frozen=True)
class Pictures:
    """What Edit and Generate share. settings: as `controls.checked` gives them; keep_record: whether files say what made them."""

    model: str
    sounds: Sounds
    settings: dict[str, Any]
    folder: Path
    keep_record: bool = True

    @property
    def gpu_seconds(self) -> float:
        return min(60, 8 + 0.06 * self.settings["num_inference_steps"] * (2 + self.settings["count"]))

    def options(self) -> dict[str, Any]:
        """The settings as the pipelines take them."""
        chosen = {name: value for name, value in self.settings.items() if name not in NOT_OPTIONS}
        beta, layers = chosen["beta"], self.settings["layers"]
        chosen["beta"] = {"*": beta, **{pattern: weight * beta for pattern, weight in layers.items()}} if layers else beta
        return {**chosen, "show_progress": False}

    def first_seed(self) -> int:
        seed = self.settings["seed"]
        return secrets.randbelow(MOST_SEED) if seed is None else seed

    def keep(self, image: Image.Image, seed: int | None, *parts: str) -> Made:
        """A picture saved under a name that says what it is."""
        path = place(self.folder, ".png", *parts, "" if seed is None else f"seed-{seed}")
        if self.keep_record:
            replay.save(image, path)
        else:
            image.save(path)
        return Made(str(path), str(path), seed, path.stem)


@dataclass(frozen=True)
class Edit(Pictures):
    """A photo changed by sounds. Without a seed the first picture is the edit itself, and the others are variations of it."""

    photo: str = ""

    def __call__(self, tell: Tell) -> None:
        pipeline, seed, options = load_pictures(self.model), self.first_seed(), self.options()
        variation = options.pop("variation")
        names = names_of([self.photo, *(sound for sound, _ in self.sounds)])
        if self.settings["reconstruct"]:
            tell.begin(1, 1, options["num_inference_steps"])
            how = {name: options[name] for name in ("num_inference_steps", "solver", "show_progress")}
            image = pipeline.reconstruct(self.photo, **how, callback_on_step_end=tell.on_step)
            record.add(image, reconstruct=1)
            tell(self.keep(image, None, *names[:1], "reconstruction"))
            return
        count = self.settings["count"]
        for number in range(count):
            tell.begin(number + 1, count, options["num_inference_steps"])
            itself = number == 0 and self.settings["seed"] is None
            other = {} if itself else {"variation": variation, "seed": (seed + number) % MOST_SEED}
            image = pipeline.edit(self.photo, list(self.sounds) or None, **options, **other, callback_on_step_end=tell.on_step)
            tell(self.keep(image, other.get("seed"), *names))


@dataclass(frozen=True)
class Generate(Pictures):
    """Images from sounds, words, or both."""

    def __call__(self, tell: Tell) -> None:
        pipeline, seed, options = load_pictures(self.model), self.first_seed(), self.options()
        names = names_of([sound for sound, _ in self.sounds]) or [options["prompt"]]
        count = self.settings["count"]
        for number in range(count):
            tell.begin(number + 1, count, options["num_inference_steps"])
            made = {"seed": (seed + number) % MOST_SEED, "callback_on_step_end": tell.on_step}
            (image,) = pipeline.generate(list(self.sounds) or None, **options, **made)
            tell(self.keep(image, made["seed"], *names))


@dataclass(frozen=True)
class Strip(Pictures):
    """Images on the way from the first sound to the second, and all of them side by side, which comes last."""

    frames: int = 6

    @property
    def gpu_seconds(self) -> float:
        return min(60, 8 + 0.06 * self.settings["num_inference_steps"] * self.frames)

    def __call__(self, tell: Tell) -> None:
        pipeline, seed, options = load_pictures(self.model), self.first_seed(), self.options()
        names = names_of([sound for sound, _ in self.sounds])
        frame = 0

        def on_step(pipe: Any, step: int, timestep: int, state: dict[str, Any]) -> bool:
            nonlocal frame
            if step == 0:
                frame += 1
                tell.begin(frame, self.frames, options["num_inference_steps"])
            return tell.on_step(pipe, step, timestep, state)

        (a, _), (b, _) = self.sounds
        images = pipeline.interpolate(a, b, self.frames, seed=seed, callback_on_step_end=on_step, **options)
        for image in images:
            tell(self.keep(image, seed, *names))
        strip = side_by_side(images)
        strip.info = dict(images[0].info)
        record.add(strip, task="strip", frames=self.frames)
        tell(self.keep(strip, seed, *names, "strip"))


@dataclass(frozen=True)
class Music:
    """A clip: from words (and a seed image), a sound played anew ("riff"), or with its rhythm kept ("edit")."""

    model: str
    settings: dict[str, Any]
    folder: Path
    sound: str | None = None
    keep_record: bool = True

    @property
    def gpu_seconds(self) -> float:
        return min(60, 10 + 0.2 * self.settings["num_inference_steps"] * max(1.0, (self.settings["seconds"] or 5) / 5))

    def __call__(self, tell: Tell) -> None:
        pipeline, chosen = load_music(self.model), self.settings
        seed = secrets.randbelow(MOST_SEED) if chosen["seed"] is None else chosen["seed"]
        names = ("prompt", "negative_prompt", "bpm", "num_inference_steps", "guidance_scale", "loudness")
        options = {name: chosen[name] for name in names} | {"callback_on_step_end": tell.on_step, "show_progress": False}
        tell.begin(1, 1, chosen["num_inference_steps"])
        if chosen["way"] == "edit":
            clip = pipeline.edit(str(self.sound), audio_bpm=chosen["audio_bpm"], **options)
        elif chosen["way"] == "riff":
            more = {name: chosen[name] for name in ("audio_bpm", "strength", "scheduler")}
            clip = pipeline.riff(str(self.sound), seed=seed, **more, **options)
        else:
            start = self.sound if chosen["seed_image"] == "your sound" else chosen["seed_image"]
            begun = {"seed_image": start, "seed_bpm": chosen["audio_bpm"], "strength": chosen["strength"]}
            begun = {} if start in (None, "none") else begun
            length = {"bars": chosen["bars"]} if chosen["bars"] else {"seconds": chosen["seconds"], "loop": chosen["loop"] or None}
            (clip,) = pipeline.music(seed=seed, scheduler=chosen["scheduler"], **begun, **length, **options)
        tell(self.keep(clip, None if chosen["way"] == "edit" else seed, pipeline.not_understood(chosen["prompt"])))

    def keep(self, clip: Clip, seed: int | None, notice: str = "") -> Made:
        path = place(self.folder, f".{self.settings['ending']}", self.settings["prompt"], "" if seed is None else f"seed-{seed}")
        picture = path.with_suffix(".png")
        if self.keep_record:
            clip.save(path)
        else:
            waveform.Waveform(clip.samples, clip.sample_rate).save(path)
            clip.image.save(picture)
        looped = ", a loop" if clip.loop else ""
        notice = capitalised(notice).rstrip(".")
        text = f"{clip.seconds:.2f} s at {clip.bpm:.2f} bpm{looped}{'. ' if notice else ''}{notice}"
        return Made(str(path), str(picture), seed, text)
