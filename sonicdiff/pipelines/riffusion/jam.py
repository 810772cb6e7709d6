"""The endless jam: clips that go on from one another, bar by bar, from prompt to prompt, joined sample by sample.

Each clip is painted after the end of the one before (whose last bar stays on the canvas) and its phases lead on from it, so that there
is no seam to hide. What is asked of the jam while it plays is heard from the next clip on.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sonicdiff.audio import phase
from sonicdiff.audio.image import TYPICAL_MAX, to_image
from sonicdiff.audio.spectrogram import mel_spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.diffusion.ddim import StepCallback
from sonicdiff.diffusion.interpolation import lerp
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.common.audio_conditioning import Heard
from sonicdiff.pipelines.common.run import RunLock, exclusive
from sonicdiff.pipelines.riffusion import spectrogram_vae, tempo
from sonicdiff.pipelines.riffusion.clip import Clip, joined
from sonicdiff.pipelines.riffusion.components import MusicComponents, Sampling, Start, strength_of
from sonicdiff.pipelines.riffusion.loudness import LOUDNESS, gain_for, levelled, limited, loudness_of
from sonicdiff.pipelines.riffusion.tempo import BEATS_A_BAR

OVERLAP = 0.05  # seconds in which a clip takes over from the one before: the same music, in phase
PAST = 1.0  # seconds before a clip that its limiter goes on from
GAIN_RATE = 0.9  # dB a second, the most that the gain changes by
STEPS = 12
CONTEXT_BARS = 1  # of the clip before that a clip is painted after


@dataclass(frozen=True)
class Asked:
    """What the jam is asked to play. strength: how far a clip may leave the one before; seed: of the noise, which is another each clip."""

    prompt: str
    negative_prompt: str = ""
    strength: float = 0.9
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Stretch(Waveform):
    """What a jam plays next. after: the samples that follow, held back for the next stretch to take over in. gains: its own (n,), in dB."""

    after: np.ndarray
    gains: np.ndarray

    def again(self) -> Stretch:
        """Once more, its end leading into its beginning, with the gain of its end: for when the next is not there in time."""
        held, last = self.after.shape[1], np.full_like(self.gains, self.gains[-1])
        level = limited(self.samples, last - self.gains, self.sample_rate)
        faded = np.concatenate([crossfaded(self.after, level[:, :held]), level[:, held:]], axis=1)
        return Stretch(faded, self.sample_rate, self.after, last)


@dataclass
class Jam:
    """An endless walk: `next_clip` makes the next clip, `steer` changes what is asked, `cancel` stops at the next step.

    bars: of a clip. walk: the clips in which one prompt becomes the next. bpm: of the whole jam, by default the first prompt's.
    """

    pipeline: MusicComponents
    asked: Asked
    bars: int = 2
    walk: int = 2
    bpm: float | None = None
    how: Sampling | None = None  # by default 12 steps, with the checkpoint's guidance
    loudness: float = LOUDNESS

    def __post_init__(self) -> None:
        strength_of(self.asked.strength)
        self._how = self.how or self.pipeline.sampling(STEPS, None)
        if self.bars < 1 or self.walk < 1:
            raise ValueError(f"got bars {self.bars} and walk {self.walk}; expected at least 1 of each")
        bpm = self.bpm or tempo.asked(self.asked.prompt) or self.pipeline.config["bpm"]
        self.grid = self.pipeline.grid(bpm, bars=self.bars)
        self.number = 0  # of clips made
        self.begun = 0  # of clips whose prompt has been read
        self.cancelled = threading.Event()
        self._text: Tensor | None = None  # what the clip before read
        self._latents: Tensor | None = None  # the clip before
        self._tail: Tensor | None = None  # its last samples, before their gain
        self._gain: float | None = None  # at its end, in dB
        self._past: tuple[np.ndarray, np.ndarray] | None = None  # what came before: samples (1, n), and their gains
        self._decoded = 0  # samples so far, before `retimed`
        self._left = 0  # clips until the prompt that was asked for is reached

    @property
    def lock(self) -> RunLock:
        """The pipeline's: between two clips others have their turn."""
        return self.pipeline.lock

    @property
    def clip_seconds(self) -> float:
        return self.grid.seconds

    def steer(self, prompt: str | None = None, negative_prompt: str | None = None, strength: float | None = None,
              seed: int | None = None) -> None:  # fmt: skip
        """Asks for something else, from the next clip on; what is None stays."""
        given = {"prompt": prompt, "negative_prompt": negative_prompt, "strength": strength, "seed": seed}
        if strength is not None:
            strength_of(strength)
        self.asked = replace(self.asked, **{name: value for name, value in given.items() if value is not None})
        if prompt is not None:
            self._left = self.walk

    def cancel(self) -> None:
        self.cancelled.set()

    @property
    def state(self) -> dict[str, Any]:
        """What the clips so far leave for the next, on the CPU: with it a jam like this one can go on elsewhere."""
        state = {name: getattr(self, name) for name in ("number", "_text", "_latents", "_tail", "_gain", "_past", "_decoded", "_left")}
        return {name: value.cpu() if isinstance(value, Tensor) else value for name, value in state.items()}

    def go_on_from(self, state: dict[str, Any]) -> None:
        """Takes over another jam's `state`."""
        device = self.pipeline._execution_device
        for name, value in state.items():
            setattr(self, name, value.to(device) if isinstance(value, Tensor) else value)

    @exclusive
    @torch.no_grad()
    def next_clip(self, callback: StepCallback | None = None) -> Stretch:
        """The next clip, `clip_seconds` long to a sample, of which no part is lost over many; but for the first, which is OVERLAP shorter.

        Raises `Stopped` once cancelled, or where the callback returns False.
        """

        def go_on(step: int, t: int, x: Tensor) -> bool:
            return not self.cancelled.is_set() and (callback is None or callback(step, t, x) is not False)

        self.begun = self.number + 1
        generator = torch.Generator().manual_seed(self.asked.seed + self.number)
        null, text = self._texts()
        latents = self._paint(null, text, generator, go_on)
        sound = self._play(latents)
        self._text, self._latents, self.number = text, latents, self.number + 1
        return sound

    @torch.no_grad()
    def rehearse(self, clock: Callable[[], float] = time.perf_counter, callback: StepCallback | None = None) -> float:
        """Seconds of music that this machine makes in a second; below 1 it is slower than the music. Nothing of the jam is used up."""
        other = replace(self, asked=replace(self.asked))
        other.next_clip(callback)  # compiles what is compiled, and is what the next goes on from
        began = clock()
        other.next_clip(callback)
        return self.clip_seconds / max(clock() - began, 1e-9)

    def _texts(self) -> tuple[Tensor, Tensor]:
        """Null text and text, a step further from what was played last to what is asked."""
        null, asked = self.pipeline.read_prompts(self.asked.negative_prompt, self.asked.prompt)
        if self._text is None or self._left <= 0 or self._text.shape != asked.shape:
            return null, asked
        way = 1 / self._left
        self._left -= 1
        return null, lerp(self._text, asked, way)

    def _paint(self, null: Tensor, text: Tensor, generator: torch.Generator, callback: StepCallback) -> Tensor:
        """The clip's latents, painted after the last bar of the clip before, from what that clip has in the same place."""
        noise = self.pipeline.noise(self.grid, generator)
        if self._latents is None:
            return self.pipeline.denoise(null, text, noise, self._how, False, None, generator, callback)
        columns = self.grid.frames_of(CONTEXT_BARS * BEATS_A_BAR) // spectrogram_vae.factor_of(self.pipeline.vae)
        before = self._latents[..., -columns:]
        picture = torch.cat([before, self._latents], -1)
        whole_noise = torch.cat([torch.randn(before.shape, generator=generator).to(noise), noise], -1)
        mask = torch.ones_like(picture[:, :1])
        mask[..., :columns] = 0
        start = Start(picture, TYPICAL_MAX, strength_of(self.asked.strength), mask)
        return self.pipeline.denoise(null, text, whole_noise, self._how, False, start, generator, callback)[..., columns:]

    def _play(self, latents: Tensor) -> Stretch:
        """The clip's samples: the last frames of the clip before are decoded again before it, and lead into it."""
        params, factor = self.grid.params, spectrogram_vae.factor_of(self.pipeline.vae)
        columns = math.ceil(phase.context(params) / factor)
        overlap = columns * factor * params.hop_length
        seen = latents if self._latents is None else torch.cat([self._latents[..., -columns:], latents], -1)
        mel = self.pipeline.mel(seen, self.grid, loop=False)
        if self._tail is None:
            samples = phase.decode(mel, params)
        else:
            samples = phase.go_on(mel, params, self._tail, self._held)[..., overlap - self._held :]
        self._tail = samples[..., -overlap:]
        return self._levelled(samples.cpu().numpy())

    @property
    def _held(self) -> int:
        """Samples that a clip holds back, for the next to take over in."""
        return round(OVERLAP * self.grid.params.sample_rate)

    def _levelled(self, samples: np.ndarray) -> Stretch:
        """A clip's decoded samples (1, n) at the jam's loudness, approached by GAIN_RATE, and at its exact tempo.

        The limiter and the resampling go on from the clip before, in what it held back too.
        """
        rate = self.grid.params.sample_rate
        gains = self._gains(Waveform(samples, rate))
        whole, whole_gains, before = samples, gains, 0
        if self._past is not None:
            before = len(self._past[1])
            whole, whole_gains = np.concatenate([self._past[0], samples], axis=1), np.concatenate([self._past[1], gains])
        level = limited(whole, whole_gains, rate)
        ends = [self._decoded, self._decoded + samples.shape[1] - self._held, self._decoded + samples.shape[1]]
        first, last, after = (math.ceil(end / self.grid.step) for end in ends)
        positions = np.arange(first, after) * self.grid.step - self._decoded + before
        played = tempo.read_at(level, positions)
        kept = whole.shape[1] - self._held
        self._past = whole[:, :kept][:, -round(PAST * rate) :], whole_gains[:kept][-round(PAST * rate) :]
        self._gain, self._decoded = float(gains[-self._held]), ends[1]
        heard = np.interp(positions[: last - first] - before, np.arange(len(gains)), gains)
        return Stretch(played[:, : last - first], rate, played[:, last - first :], heard)

    def _gains(self, clip: Waveform) -> np.ndarray:
        """The gain (n,) in dB of each sample of a clip: from that of the clip before towards the one this needs; silence needs none."""
        own = gain_for(clip, self.loudness) if math.isfinite(loudness_of(clip)) else self._gain or 0.0
        if self._gain is None:
            return np.full(clip.samples.shape[1], own)
        reach = GAIN_RATE / clip.sample_rate * np.arange(clip.samples.shape[1])
        return self._gain + np.clip(own - self._gain, -reach, reach)


def crossfaded(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """From a to b, (channels, n) each. Along the line: where both are the same music in phase, equal power would swell."""
    way = np.linspace(0, 1, a.shape[1], dtype=np.float32)
    return (1 - way) * a + way * b


def made_for(jam: Jam, seconds: float, prompts: Sequence[str] = (), clips_each: int = 4,
             on_clip: Callable[[float], object] = lambda done: None) -> Clip:  # fmt: skip
    """`seconds` of a jam that walks through `prompts` and back to the first, each for so many clips. on_clip: told the seconds made.

    With a fresh jam the clip's record says all that made it, and `replay` makes it again.
    """
    asked, settings = jam.asked, {
        "prompts": list(prompts) or [jam.asked.prompt], "seconds": seconds, "clips_each": clips_each,
        "negative_prompt": jam.asked.negative_prompt, "strength": jam.asked.strength,
        **{name: getattr(jam, name) for name in ("bars", "walk", "bpm", "loudness")}, **asdict(jam._how),
    }  # fmt: skip
    made = {**record.made(jam.pipeline, "jam", settings, Heard(), None, None), "seed": asked.seed}
    parts, done = [], 0.0
    while done < seconds:
        walk_on(jam, jam.number, prompts, clips_each)
        parts.append(jam.next_clip())
        done += parts[-1].seconds
        on_clip(done)
    sound = levelled(joined(parts).clip(0, seconds), jam.loudness)
    params = jam.grid.params
    return Clip(sound.samples, sound.sample_rate, jam.grid.bpm, False, to_image(mel_spectrogram(sound, params), params), made)


def again(pipeline: MusicComponents, seed: int, prompts: Sequence[str], seconds: float, clips_each: int, **settings: Any) -> Clip:
    """A jam made by `made_for`, from its record."""
    how = Sampling(*(settings.pop(field.name) for field in fields(Sampling)))
    asked = Asked(prompts[0], settings.pop("negative_prompt"), settings.pop("strength"), seed)
    return made_for(Jam(pipeline, asked, how=how, **settings), seconds, prompts, clips_each)


def walk_on(jam: Jam, number: int, prompts: Sequence[str], clips_each: int) -> None:
    """Steers to the next prompt, or back to the first, where clip `number` is the first of another `clips_each`."""
    if len(prompts) > 1 and number and number % clips_each == 0:
        jam.steer(prompt=prompts[number // clips_each % len(prompts)])
