"""What a person can set, each said once: how it looks, and what is taken of whatever the web sends for it.

A component checks little (a slider takes NaN, a text any length), so every value goes through `checked` before it reaches a model.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from sonicdiff.diffusion.schedulers import SCHEDULERS
from sonicdiff.pipelines.riffusion.init_audio import SEEDS

MOST_CHARACTERS = 2000
MOST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Control:
    """name: the argument it stands for; label and info: what a person reads."""

    name: str
    label: str
    info: str = ""

    def widget(self) -> Any:
        raise NotImplementedError

    def checked(self, value: Any) -> Any:
        """The value as the models take it. ValueError, in one sentence, for what the control does not allow."""
        raise NotImplementedError

    def written(self, value: Any) -> Any:
        """A value that was taken, as the page's component shows it."""
        return value

    def refused(self, value: Any, expected: str) -> ValueError:
        return ValueError(f"{self.label} is {str(value)[:40]!r}; expected {expected}")


@dataclass(frozen=True)
class Number(Control):
    """A slider; whole where its step is. `default` None: nothing is chosen until somebody does."""

    default: float = 0.0
    low: float = field(kw_only=True)
    high: float = field(kw_only=True)
    step: float = field(default=0.05, kw_only=True)

    def widget(self) -> gr.Slider:
        return gr.Slider(self.low, self.high, self.default, step=self.step, label=self.label, info=self.info or None)

    def checked(self, value: Any) -> float:
        expected = f"a number from {self.low:.10g} to {self.high:.10g}"
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise self.refused(value, expected)
        if not self.low <= value <= self.high:
            raise self.refused(value, expected)
        if self.step < 1:
            return float(value)
        if value != int(value):
            raise self.refused(value, f"a whole number from {self.low:.10g} to {self.high:.10g}")
        return int(value)


@dataclass(frozen=True)
class Perhaps(Control):
    """A number that may be left empty (None); whole if `whole`. A line of text on the page: Gradio's own field sends 0 when empty."""

    low: float = field(kw_only=True)
    high: float = field(kw_only=True)
    whole: bool = field(default=False, kw_only=True)
    random: bool = field(default=False, kw_only=True)  # -1 stands for None, and is shown for it

    def widget(self) -> gr.Textbox:
        shown = {"label": self.label, "info": self.info or None, "placeholder": "empty"}
        return gr.Textbox(self.written(None), max_lines=1, max_length=20, **shown)

    def written(self, value: Any) -> str:
        if value in (None, ""):
            return "-1" if self.random else ""
        return str(value)

    def checked(self, value: Any) -> float | None:
        if isinstance(value, str):
            value = value.strip()
            with contextlib.suppress(ValueError):
                value = float(value)
        if value is None or value == "" or (self.random and not isinstance(value, bool) and value == -1):
            return None
        return Number(self.name, self.label, low=self.low, high=self.high, step=1 if self.whole else 0.5).checked(value)


@dataclass(frozen=True)
class Text(Control):
    """A line of text, or several."""

    default: str = ""
    placeholder: str = ""
    lines: int = 1

    def widget(self) -> gr.Textbox:
        shown = {"label": self.label, "info": self.info or None, "placeholder": self.placeholder or None}
        return gr.Textbox(self.default, lines=self.lines, max_lines=8, max_length=MOST_CHARACTERS, **shown)

    def checked(self, value: Any) -> str:
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.refused(value, "text")
        if len(value) > MOST_CHARACTERS:
            raise ValueError(f"{self.label} has {len(value)} characters; expected at most {MOST_CHARACTERS}")
        return value.encode("utf-8", "replace").decode().strip()  # half a surrogate pair is no text that a file or a log could hold


@dataclass(frozen=True)
class Choice(Control):
    """One of several, in a menu or side by side. choices: the values, or (what is shown, value)."""

    default: str = ""
    choices: Sequence[str | tuple[str, str]] = ()
    menu: bool = True

    def widget(self) -> gr.Dropdown | gr.Radio:
        kind = gr.Dropdown if self.menu else gr.Radio
        return kind(list(self.choices), value=self.default, label=self.label, info=self.info or None)

    def checked(self, value: Any) -> str:
        values = [choice if isinstance(choice, str) else choice[1] for choice in self.choices]
        if not isinstance(value, str) or value not in values:
            raise self.refused(value, f"one of {', '.join(values)}")
        return value


@dataclass(frozen=True)
class Switch(Control):
    default: bool = False

    def widget(self) -> gr.Checkbox:
        return gr.Checkbox(self.default, label=self.label, info=self.info or None)

    def checked(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise self.refused(value, "yes or no")
        return value


@dataclass(frozen=True)
class Weights(Text):
    """Numbers by layer-name pattern, "mid_block*=1.5, up_blocks.1*=0.5", as a dictionary."""

    def checked(self, value: Any) -> dict[str, float]:
        weights = {}
        for part in filter(None, (part.strip() for part in super().checked(value).split(","))):
            pattern, _, number = part.rpartition("=")
            try:
                weights[pattern.strip()] = Number(self.name, self.label, low=0, high=4).checked(float(number))
            except ValueError:
                raise self.refused(part, "PATTERN=NUMBER, from 0 to 4, with commas between them") from None
            if not pattern.strip():
                raise self.refused(part, "PATTERN=NUMBER")
        return weights

    @staticmethod
    def joined(weights: dict[str, float]) -> str:
        return ", ".join(f"{pattern}={weight:g}" for pattern, weight in weights.items())


def checked(controls: Sequence[Control], values: Sequence[Any]) -> dict[str, Any]:
    """Each control's value by name."""
    return {control.name: control.checked(value) for control, value in zip(controls, values, strict=True)}


SEED = Perhaps(
    "seed",
    "Seed (-1 = random)",
    "The one used is shown; the same seed gives the same result.",
    low=0,
    high=MOST_SEED,
    whole=True,
    random=True,
)
PROMPT = Text("prompt", "Prompt", "What else to show, in words, if anything.", placeholder="a harbour at night")
NEGATIVE = Text("negative_prompt", "Negative prompt", "Words to avoid.")
STEPS = Number("num_inference_steps", "Steps", "More is finer and slower.", 50, low=5, high=100, step=1)
COUNT = Number("count", "Variations", "How many pictures.", 1, low=1, high=8, step=1)
AUDIO_GUIDANCE = Number(
    "audio_guidance_scale", "Guidance scale: sound", "How closely the sound is followed.", 7.5, low=0, high=20, step=0.5
)
GUIDANCE = Number("guidance_scale", "Guidance scale: prompt", "How closely the words are followed.", 5.0, low=0, high=20, step=0.5)
BETA = Number("beta", "Sound strength", "0 is deaf, 1 is as trained.", 1.0, low=0, high=2)
LAYERS = Weights("layers", "Weights by layer", "For example `mid_block*=1.5, up_blocks.1*=0`: times the sound strength.")
START = Number("audio_start", "The sound acts from", "As a part of the run: 0 is its beginning.", 0.0, low=0, high=1)
END = Number("audio_end", "The sound acts until", "As a part of the run: 1 is its end.", 1.0, low=0, high=1)
SECOND_STAGE = (
    Number("super_resolution_steps", "Steps of the second stage", "Of a model that has one.", 10, low=1, high=50, step=1),
    Number("super_resolution_noise", "Freedom of the second stage", "More mends more of the first one's picture.", 0.1, low=0, high=0.5),
)
MIX = (
    Number("weight_2", "Weight of the second sound", default=0.5, low=0, high=2),
    Number("weight_3", "Weight of the third sound", default=0.5, low=0, high=2),
)
FRAMES = Number("frames", "Strip", "From 2 on: so many images on the way from the first sound to the second.", 1, low=1, high=12, step=1)

EDIT = (
    BETA,
    Number("structure", "Keep the photo's structure", "0.5 is what suits the model.", 0.5, low=0, high=1),
    PROMPT,
    NEGATIVE,
    COUNT,
    SEED,
    Number("variation", "How far variations differ", "From the edit that has no seed.", 0.3, low=0.05, high=1),
    AUDIO_GUIDANCE,
    GUIDANCE,
    STEPS,
    START,
    END,
    Number("detail", "The photo's fine detail", "Carried over where the edit left the picture alone.", 1.0, low=0, high=1),
    Choice("solver", "Sampler", "DPM-Solver++ does with 20 to 25 steps.", "ddim", (("DDIM", "ddim"), ("DPM-Solver++", "dpm")), menu=False),
    LAYERS,
    Switch("reconstruct", "Only what inversion gives back", "The photo as an edit starts from it: the closer, the more can be kept."),
    *SECOND_STAGE,
    *MIX,
)
GENERATE = (
    BETA,
    replace(PROMPT, default="a forest path"),
    NEGATIVE,
    COUNT,
    SEED,
    AUDIO_GUIDANCE,
    GUIDANCE,
    STEPS,
    START,
    END,
    LAYERS,
    *SECOND_STAGE,
    *MIX,
    FRAMES,
)

SEED_IMAGES = ("none", "your sound", *SEEDS)
WAYS = (("make music from the words", "music"), ("play my sound anew", "riff"), ("keep my sound's rhythm", "edit"))
MUSIC = (
    Choice("way", "What to do", default="music", choices=WAYS, menu=False),
    Text("prompt", "Prompt", "(piano:1.5) counts 1.5 times, [drums] less.", "jazz piano, brushed drums, 110 bpm", lines=2),
    NEGATIVE,
    Choice("seed_image", "Start from", "A loop of ours, or your own sound.", "none", SEED_IMAGES),
    Number("strength", "Denoising strength", "Of a start: 0.35 touches up, 0.55 varies, 0.75 remixes, 0.9 hints.", 0.75, low=0, high=1),
    Perhaps("bpm", "Tempo", "Beats a minute; empty: that of the words, or of what it starts from.", low=40, high=240),
    Number("seconds", "Seconds", "How long, unless bars are given.", 10, low=1, high=60, step=0.5),
    Perhaps("bars", "Bars", "Whole bars make a loop.", low=1, high=16, whole=True),
    Switch("loop", "Loop", "The nearest number of whole bars, its end leading into its beginning.", default=True),
    SEED,
    Number("num_inference_steps", "Steps", "More is finer and slower.", 30, low=5, high=100, step=1),
    Perhaps("guidance_scale", "Guidance scale", "How closely the words are followed; empty: what suits the model.", low=0, high=20),
    Choice("scheduler", "Sampler", default="dpm", choices=tuple(SCHEDULERS)),
    Perhaps("loudness", "Loudness", "LUFS; empty: as your sound, or -16.", low=-40, high=-6),
    Perhaps("audio_bpm", "Tempo of your sound", "Empty: it is estimated.", low=40, high=240),
    Choice("ending", "File", default="wav", choices=("wav", "flac", "ogg", "mp3"), menu=False),
)
JAM = (
    Text("prompt", "Prompt", "Change it while it plays: it says from which clip on it is heard.", "lo-fi piano, 84 bpm"),
    NEGATIVE,
    Number("strength", "Denoising strength", "How far a clip may leave the one before.", default=0.9, low=0.1, high=1),
    SEED,
    Perhaps("bpm", "Tempo", "Of the whole jam; empty: that of the first words.", low=40, high=240),
    Number("bars", "Bars in a clip", default=2, low=1, high=8, step=1),
    Number("walk", "Clips from one prompt to the next", default=2, low=1, high=8, step=1),
    Number("num_inference_steps", "Steps", "More is finer and slower.", 12, low=5, high=50, step=1),
)
