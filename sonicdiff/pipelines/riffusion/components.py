"""The components of a music pipeline and what each does alone: read a prompt, fit a tempo, denoise latents, play them."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from sonicdiff.audio import phase
from sonicdiff.audio.image import TYPICAL_MAX, to_image
from sonicdiff.audio.spectrogram import SpectrogramParams
from sonicdiff.audio.waveform import Waveform
from sonicdiff.diffusion.ddim import EpsModel, StepCallback
from sonicdiff.diffusion.guidance import branches
from sonicdiff.diffusion.schedulers import SCHEDULERS, make_scheduler, prepare, sample
from sonicdiff.diffusion.windows import windowed
from sonicdiff.hub.save import Saving
from sonicdiff.pipelines.common import prompt_encoder
from sonicdiff.pipelines.common.run import Exclusive
from sonicdiff.pipelines.riffusion import spectrogram_vae, tempo, vocabulary
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.init_audio import Seed
from sonicdiff.pipelines.riffusion.loudness import levelled
from sonicdiff.pipelines.riffusion.tempo import BEATS_A_BAR, Grid
from sonicdiff.pipelines.sonic_diffusion.guided_unet import Guided

STRENGTHS = {"hint": 0.9, "remix": 0.75, "vary": 0.55, "touch up": 0.35}
FADE = 0.01  # seconds, at the end of a clip that is cut off
MOST_SECONDS = 600.0


@dataclass(frozen=True)
class Sampling:
    """How latents are denoised. scheduler: a name in `sonicdiff.diffusion.schedulers.SCHEDULERS`."""

    num_inference_steps: int = 30
    guidance_scale: float = 7.0
    guidance_rescale: float = 0.0
    scheduler: str = "dpm"

    def __post_init__(self) -> None:
        if not math.isfinite(self.guidance_scale):
            raise ValueError(f"got guidance_scale {self.guidance_scale}; expected a finite number")
        if not 0 <= self.guidance_rescale <= 1:
            raise ValueError(f"got guidance_rescale {self.guidance_rescale}; expected a fraction from 0 to 1")


@dataclass(frozen=True)
class Start:
    """The latents to start from, the magnitude of their loudest grey value, how far to leave them, and where (a mask, 1 repaints)."""

    latents: Tensor
    loudest: float
    strength: float
    mask: Tensor | None = None


class MusicComponents(Exclusive, Saving, DiffusionPipeline):
    """What `music`, `riff`, `edit` and `interpolate` are made of.

    A checkpoint's configuration says: spectrogram, the settings of its pictures; frames_a_beat, how wide a beat is in the pictures it
    was trained on (None: any, the tempo is in the picture); bpm and guidance_scale, its own where nobody asks for one.
    """

    model_cpu_offload_seq = "text_encoder->unet->vae"

    def __init__(
        self,
        vae: AutoencoderKL,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        spectrogram: dict[str, Any] | None = None,
        frames_a_beat: int | None = None,
        bpm: float = 93.75,
        guidance_scale: float = 7.0,
    ) -> None:
        super().__init__()
        self.register_modules(vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, unet=unet, scheduler=scheduler)
        params = SpectrogramParams(**(spectrogram or {}))
        if params.stereo:
            raise ValueError("got stereo spectrogram settings; expected mono: a stereo sound is two pictures")
        self.register_to_config(spectrogram=asdict(params), frames_a_beat=frames_a_beat, bpm=bpm, guidance_scale=guidance_scale)
        self.preview_decoder: AutoencoderTiny | None = None  # see `sonicdiff.pipelines.common.latent_preview`
        self._interrupt = False

    @property
    def params(self) -> SpectrogramParams:
        return SpectrogramParams(**self.config["spectrogram"])

    @property
    def multiple(self) -> int:
        """Frames that a picture's width is a multiple of."""
        return spectrogram_vae.factor_of(self.vae) * 2 ** (len(self.unet.config["block_out_channels"]) - 1)

    @property
    def window(self) -> int:
        """The latent columns that the UNet was trained on."""
        return int(self.unet.config["sample_size"])

    def native_beats(self, bpm: float) -> float:
        """The beats of a picture as wide as those that the UNet was trained on."""
        frames_a_beat = self.config["frames_a_beat"] or self.params.frames_per_second * 60 / bpm
        return self.window * spectrogram_vae.factor_of(self.vae) / frames_a_beat

    def grid(self, bpm: float, seconds: float | None = None, bars: int | None = None, loop: bool = True) -> Grid:
        """Where the beats lie of a clip of that length, by default the native one; a loop is whole bars."""
        bpm = tempo.checked(bpm)
        if seconds is not None and bars is not None:
            raise ValueError("got both seconds and bars; expected one of them")
        beats = self.native_beats(bpm) if seconds is None else seconds * bpm / 60
        if bars is not None:
            beats = float(bars * BEATS_A_BAR)
        elif loop:
            beats = float(BEATS_A_BAR * max(1, round(beats / BEATS_A_BAR)))
        if not 0.4 <= beats * 60 / bpm <= MOST_SECONDS:
            raise ValueError(f"got {bars} bars or {seconds} s at {bpm:g} bpm; expected 0.4 to {MOST_SECONDS:.0f} s of music")
        return tempo.fit(beats, bpm, self.params, self.config["frames_a_beat"], self.multiple)

    def sampling(
        self, num_inference_steps: int, guidance_scale: float | None, guidance_rescale: float = 0.0, scheduler: str = "dpm"
    ) -> Sampling:
        """How to denoise; without a guidance scale with the checkpoint's."""
        own = self.config["guidance_scale"] if guidance_scale is None else guidance_scale
        self._check_parts(f"scheduler= ({', '.join(SCHEDULERS)})")
        return Sampling(num_inference_steps, float(own), guidance_rescale, scheduler)

    def read_prompts(self, *texts: str) -> list[Tensor]:
        """The states that the UNet reads, (1, chunks * 77, dim) each."""
        for text in texts:
            if not isinstance(text, str):
                raise TypeError(f"got a prompt of type {type(text).__name__}; expected one string")
        return [states.to(self._execution_device) for states in prompt_encoder.encode(self.tokenizer, self.text_encoder, *texts)]

    def not_understood(self, prompt: str) -> str:
        """What the model does not know of a prompt, in a sentence; "" where it knows all of it."""
        return vocabulary.sentence(self.tokenizer, prompt)

    def warn_of(self, *texts: str) -> None:
        """A `PromptWarning` for each prompt that the model does not wholly know."""
        for text in filter(None, map(self.not_understood, dict.fromkeys(texts))):
            warnings.warn(text, vocabulary.PromptWarning, stacklevel=4)

    def noise(self, grid: Grid, generator: torch.Generator) -> Tensor:
        factor = spectrogram_vae.factor_of(self.vae)
        shape = (1, self.unet.config["in_channels"], grid.params.mel_bins // factor, grid.frames // factor)
        return torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32).to(self._execution_device)

    def begin(self, seed: Seed, grid: Grid, strength: float | str, stereo: bool | None, loop: bool, mask: Tensor | None = None) -> Start:
        """A seed as latents (channels, c, h, w): one picture a channel."""
        channels = 1 if stereo is False else min(2, len(seed.sound.samples))
        if stereo and channels == 1:
            raise ValueError("got stereo of a sound with one channel; expected two")
        heights, loudest = spectrogram_vae.heights_of(seed.mel(grid, channels == 2, loop).to(self._execution_device), grid.params)
        return Start(spectrogram_vae.encode(self.vae, heights, loop), loudest, strength_of(strength), mask)

    def guided(self, null: Tensor, text: Tensor, how: Sampling) -> EpsModel:
        """The guided noise for any number of pictures."""
        read = branches(null, text, None, None, how.guidance_scale, 0.0)
        return Guided(self._stock_unet, read, guidance_rescale=how.guidance_rescale)

    def steps(self, how: Sampling, start: Start | None) -> int:
        """How many times the UNet is asked for one clip."""
        sampler = make_scheduler(how.scheduler, self.scheduler)
        return len(prepare(sampler, how.num_inference_steps, start.strength if start else 1.0, self._execution_device))

    def denoise(self, null: Tensor, text: Tensor, noise: Tensor, how: Sampling, loop: bool, start: Start | None = None,
                generator: torch.Generator | None = None, callback: StepCallback | None = None) -> Tensor:  # fmt: skip
        """Latents (channels, c, h, w) from noise (1, c, h, w), the same for both channels of a stereo start."""
        sampler = make_scheduler(how.scheduler, self.scheduler)
        timesteps = prepare(sampler, how.num_inference_steps, start.strength if start else 1.0, self._execution_device)
        eps_model = windowed(self.guided(null, text, how), self.window, loop)
        if start is None:
            return sample(sampler, timesteps, eps_model, noise, generator=generator, callback=callback)
        return sample(sampler, timesteps, eps_model, noise.expand_as(start.latents), start.latents, start.mask, generator, callback)

    def mel(self, latents: Tensor, grid: Grid, loop: bool, loudest: float = TYPICAL_MAX) -> Tensor:
        """Mel magnitudes (channels, mel_bins, frames) of latents (channels, c, h, w)."""
        return spectrogram_vae.mel_of(spectrogram_vae.decode(self.vae, latents, loop), grid.params, loudest)

    def play(self, latents: Tensor, grid: Grid, loop: bool, loudest: float, loudness: float | None, made: dict[str, Any],
             samples: slice | None = None) -> Clip:  # fmt: skip
        """The music that latents are, brought to `loudness`. samples: those to keep; where that cuts off the end, it is faded out."""
        params = replace(grid.params, stereo=len(latents) == 2)
        mel = self.mel(latents, grid, loop, loudest)
        sound = phase.decode(mel, params, circular=True) if loop else phase.decode_in_blocks(mel, params)
        sound = tempo.retimed(sound.cpu().numpy(), grid, loop)
        if samples is not None:
            cut_off = samples.stop < sound.shape[1]
            sound = sound[:, samples].copy()
            if cut_off:
                fade = min(round(FADE * params.sample_rate), sound.shape[1])
                sound[:, -fade:] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
        level = levelled(Waveform(np.ascontiguousarray(sound), params.sample_rate), loudness, loop)
        return Clip(level.samples, params.sample_rate, grid.bpm, loop, to_image(mel, params), made)


def strength_of(strength: float | str) -> float:
    """A strength from 0 to 1, or the one of that name."""
    if isinstance(strength, str):
        if strength not in STRENGTHS:
            raise ValueError(f"got strength {strength!r}; expected 0 to 1 or one of {', '.join(STRENGTHS)}")
        return STRENGTHS[strength]
    if not 0 <= strength <= 1:
        raise ValueError(f"got strength {strength}; expected 0 to 1")
    return float(strength)
