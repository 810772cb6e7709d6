"""Sound to image and sound on a photo with Stable Diffusion's architecture: SonicDiffusion (Biner et al. 2024) as a diffusers pipeline."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor, CLIPTextModel, CLIPTokenizer

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.interpolation import slerp_weights
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.block import AudioScale
from sonicdiff.models.labels import SoundLabels
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.upscaler import FACTOR, Upscaler
from sonicdiff.pipelines import codec, editing, photos, record, sounds
from sonicdiff.pipelines.codec import OutputType
from sonicdiff.pipelines.conditioning import encode_prompt
from sonicdiff.pipelines.denoiser import Conditions, guided_model
from sonicdiff.pipelines.detail import carry_over
from sonicdiff.pipelines.noise import Generator, generators_for, seeds_for
from sonicdiff.pipelines.progress import OnStepEnd, Progress
from sonicdiff.pipelines.source import Source, SourceCache


class SonicDiffusionPipeline(DiffusionPipeline):
    """`generate` makes images from sound, text or both; `edit` changes a photo by a sound; `interpolate` goes from one sound to another.

    null_audio says what "no sound" is to this checkpoint: "off" skips the audio layers (the unconditional model is the pretrained
    base), "zeros" gives them the projector's tokens of a zero vector (the paper's released weights). feature_injection,
    attention_injection: how much of a photo `edit` holds with this checkpoint unless it is told otherwise.

    All three take these arguments:
        audio: a sound, or a list of (sound, weight) mixed as embeddings; `sound_start`, `sound_length` (s) choose a part of each.
        audio_embeds: instead of `audio`, a vector (1, dim) from `embed_audio`.
        guidance_scale, audio_guidance_scale: how far to go from nothing to the text, and from the text to the sound.
        beta: the audio layers' weight, a number or numbers by layer-name pattern, for example {"*": 0.5, "mid_block*": 1.0}.
        audio_start, audio_end: the fractions of the schedule between which the sound acts.
        height, width: in multiples of `multiple`; by default the model's native area, in the photo's shape where there is a photo.
        callback_on_step_end: called with (pipeline, step, timestep, {"latents", "total", "phase"}); returning False, or setting
            `pipeline._interrupt`, stops the run, which then raises `sonicdiff.diffusion.ddim.Stopped`.
        output_type: "pil" (images whose `.info` holds their record), "np" ((height, width, 3) from 0 to 1), "latent" ((1, channels, h, w)).
    """

    model_cpu_offload_seq = "text_encoder->audio_encoder->projector->unet->vae->upscaler"
    _optional_components: ClassVar[list[str]] = ["labels", "upscaler"]
    _exclude_from_cpu_offload: ClassVar[list[str]] = ["adapter"]  # while attached its layers are the UNet's, and move with it

    def __init__(
        self,
        vae: AutoencoderKL,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        audio_encoder: ClapAudioModelWithProjection,
        feature_extractor: ClapFeatureExtractor,
        projector: AudioProjector,
        adapter: AudioAdapter,
        labels: SoundLabels | None = None,
        upscaler: Upscaler | None = None,
        null_audio: str = "off",
        feature_injection: float = 0.8,
        attention_injection: float = 0.5,
    ) -> None:
        super().__init__()
        if null_audio not in ("off", "zeros"):
            raise ValueError(f"got null_audio {null_audio!r}; expected 'off' or 'zeros'")
        self.register_modules(
            vae=vae,
            text_encoder=text_encoder,
            tokenizer=tokenizer,
            unet=unet,
            scheduler=scheduler,
            audio_encoder=audio_encoder,
            feature_extractor=feature_extractor,
            projector=projector,
            adapter=adapter,
            labels=labels,
            upscaler=upscaler,
        )
        editing.check_fractions(feature_injection=feature_injection, attention_injection=attention_injection)
        self.register_to_config(null_audio=null_audio, feature_injection=feature_injection, attention_injection=attention_injection)
        self.sources = SourceCache(max_bytes=2**31)
        self._interrupt = False

    @torch.no_grad()
    def generate(
        self,
        audio: sounds.Sounds | None = None,
        prompt: str = "",
        *,
        negative_prompt: str = "",
        image: photos.Photo | None = None,
        strength: float = 0.6,
        num_inference_steps: int = 50,
        guidance_scale: float = 5.0,
        audio_guidance_scale: float = 7.5,
        beta: AudioScale = 1.0,
        audio_start: float = 0.0,
        audio_end: float = 1.0,
        sound_start: float = 0.0,
        sound_length: float | None = None,
        audio_embeds: Tensor | None = None,
        num_images_per_prompt: int = 1,
        seed: int | None = None,
        generator: Generator = None,
        height: int | None = None,
        width: int | None = None,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
        output_type: OutputType = "pil",
    ) -> list[Any]:
        """Images from a sound, a text, or both; with `image`, from a photo by noise of `strength` and back. Returns a list of them.

        Args (others above):
            image: a photo to start from; the results have its size. strength: 0 to 1, the share of the schedule that is run.
            seed: image i is made from the CPU noise of seed + i, the same alone or in a batch; drawn at random where there is none.
            generator: instead of a seed, one generator for all images or one an image.
        """
        codec.check(output_type)
        settings = record.settings(locals())
        seeds = seeds_for(num_images_per_prompt, seed, generator)
        noises = generators_for(seeds, generator)
        photo = None if image is None else photos.load(image)
        size = self.size(photo, height, width)
        heard = self._hear(audio, audio_embeds, sound_start, sound_length)
        acting = {"beta": beta, "audio_start": audio_start, "audio_end": audio_end}
        conditions = self._conditions(heard.embeds, prompt, negative_prompt, guidance_scale, audio_guidance_scale, **acting)
        schedule = self._schedule(num_inference_steps)
        clean = None
        if photo is not None:
            schedule = schedule.last(ddim.steps_of(strength, len(schedule)))
            clean = self._encode(photo, size)
        finish = partial(in_size_of, photo)
        made = record.made(self, "generate", settings, heard, photo, image)
        results = []
        with Progress(self, len(schedule) * len(seeds), callback_on_step_end, show_progress) as progress, self.adapter.attached(self.unet):
            eps_model = guided_model(self.unet, schedule, conditions, self._shares_encoder)
            for number, (noise, seed) in enumerate(zip(noises, seeds, strict=True), start=1):
                progress.begin(f"image {number} of {len(seeds)}")
                x = self._noise(size, noise)
                x = x if clean is None else ddim.add_noise(clean, x, schedule.alphas[0])
                latents = ddim.sample(eps_model, x, schedule, progress)
                results.append(self._output(latents, output_type, {**made, "seed": seed}, finish))
        self.maybe_free_model_hooks()
        return results

    __call__ = generate

    @torch.no_grad()
    def edit(
        self,
        image: photos.Photo,
        audio: sounds.Sounds | None = None,
        prompt: str = "",
        *,
        negative_prompt: str = "",
        num_inference_steps: int = 50,
        guidance_scale: float = 5.0,
        audio_guidance_scale: float = 7.5,
        beta: AudioScale = 1.0,
        audio_start: float = 0.0,
        audio_end: float = 1.0,
        sound_start: float = 0.0,
        sound_length: float | None = None,
        audio_embeds: Tensor | None = None,
        feature_injection: float | None = None,
        attention_injection: float | None = None,
        inversion: Literal["target", "current"] = "target",
        inversion_refinements: int = 1,
        detail: float = 1.0,
        height: int | None = None,
        width: int | None = None,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
        output_type: OutputType = "pil",
    ) -> Any:
        """A photo changed by a sound (and a text) with its layout kept: DDIM inversion, then plug-and-play. Returns it in its own size.

        The inversion reads the empty prompt and hears nothing. It is kept: another sound on the same photo starts from it.

        Args (others above):
            feature_injection, attention_injection: the fractions of the schedule, from its start, in which the photo's residual
                features and its self-attention queries and keys are injected; less keeps less of the photo. By default what
                suits this checkpoint (its configuration says; the paper's 0.8 and 0.5 where it does not).
            inversion, inversion_refinements: see `sonicdiff.diffusion.ddim.invert`.
            detail: 0 to 1, how much of the photo's fine detail is carried over where the edit left the picture alone.
        """
        codec.check(output_type)
        feature_injection = float(self.config["feature_injection"] if feature_injection is None else feature_injection)
        attention_injection = float(self.config["attention_injection"] if attention_injection is None else attention_injection)
        editing.check_fractions(feature_injection=feature_injection, attention_injection=attention_injection, detail=detail)
        settings = record.settings(locals())
        photo = photos.load(image)
        size = self.size(photo, height, width)
        heard = self._hear(audio, audio_embeds, sound_start, sound_length)
        acting = {"beta": beta, "audio_start": audio_start, "audio_end": audio_end}
        conditions = self._conditions(heard.embeds, prompt, negative_prompt, guidance_scale, audio_guidance_scale, **acting)
        schedule = self._schedule(num_inference_steps)
        plan = editing.injection_plan(self.unet, schedule, feature_injection, attention_injection)
        key = (photos.sha256(photo), size, schedule, inversion, inversion_refinements, self._execution_device, self.unet.dtype)
        source = self.sources.get(key)
        steps = len(schedule) + (len(source.missing(plan)) if source else len(plan) + len(schedule))
        with Progress(self, steps, callback_on_step_end, show_progress) as progress:
            nothing = self.encode_prompt("")
            if source is None:
                progress.begin("inversion")
                x0 = self._encode(photo, size)
                trajectory = ddim.invert(editing.plain_model(self.unet, nothing), x0, schedule, inversion, inversion_refinements, progress)
                latents = dict(zip(schedule.timesteps, trajectory, strict=True))
                source = Source(latents, self._decode(x0))
            progress.begin("features")
            editing.record_features(self.unet, nothing, source, source.missing(plan), progress)
            self.sources.put(key, source)
            progress.begin("edit")
            with self.adapter.attached(self.unet):
                eps_model = guided_model(self.unet, schedule, conditions, self._shares_encoder)
                latents = editing.resample(self.unet, eps_model, source, schedule, plan, progress)
        finish = partial(carry_over, photo, reconstruction=source.reconstruction, amount=detail)
        result = self._output(latents, output_type, record.made(self, "edit", settings, heard, photo, image), finish)
        self.maybe_free_model_hooks()
        return result

    def interpolate(
        self, sound_a: sounds.Sound, sound_b: sounds.Sound, frames: int = 8, prompt: str = "", *, seed: int | None = None, **options: Any
    ) -> list[Any]:
        """A strip of images from one sound to another, both ends included, all from the same noise. options: any of `generate`.

        The embeddings turn along the great circle between the two; each frame is a `generate` of the two sounds with its weights.
        """
        if frames < 2 or "generator" in options or "num_images_per_prompt" in options:
            raise ValueError("interpolate makes one image a frame, all from one seed, for at least two frames")
        (seed,) = seeds_for(1, seed, None)
        part = {name: options[name] for name in ("sound_start", "sound_length") if name in options}
        a, b = (self.embed_audio(sound, **part) for sound in (sound_a, sound_b))
        strip = []
        for frame in range(frames):
            weights = slerp_weights(a, b, frame / (frames - 1))
            strip += self.generate(list(zip((sound_a, sound_b), weights, strict=True)), prompt, seed=seed, **options)
        return strip

    @torch.no_grad()
    def embed_audio(self, audio: sounds.Sounds, sound_start: float = 0.0, sound_length: float | None = None) -> Tensor:
        """CLAP's vector (1, dim) of a sound, or of several mixed."""
        embeds = self._hear(audio, None, sound_start, sound_length).embeds
        assert embeds is not None
        return embeds

    def heard(
        self, audio: sounds.Sounds, top: int = 3, sound_start: float = 0.0, sound_length: float | None = None
    ) -> list[tuple[str, float]]:
        """The names this model has for a sound, the `top` most probable with their probabilities. ValueError if it has no names."""
        if self.labels is None:
            raise ValueError("this model has no names for sounds (no component 'labels'); 'mini' has")
        return self.labels.heard(self.embed_audio(audio, sound_start, sound_length), top)

    @torch.no_grad()
    def encode_prompt(self, prompt: str) -> Tensor:
        """The text encoder's states (1, 77, dim)."""
        return encode_prompt(self.tokenizer, self.text_encoder, prompt)

    @torch.no_grad()
    def reconstruct(self, image: photos.Photo) -> Image.Image:
        """What the autoencoder alone makes of a photo at the size that `generate` and `edit` work at: no edit can be sharper."""
        photo = photos.load(image)
        return in_size_of(photo, self._decode(self._encode(photo, self.size(photo))))

    @property
    def multiple(self) -> int:
        """Pixels that height and width must be multiples of: those of a latent times the UNet's factor."""
        return self.latent_pixels * 2 ** (len(self.unet.config.block_out_channels) - 1)

    @property
    def latent_pixels(self) -> int:
        """The pixels of a picture along the side of one latent: the autoencoder's factor, times the upscaler's if there is one."""
        return self.vae_scale_factor * (1 if self.upscaler is None else FACTOR)

    @property
    def vae_scale_factor(self) -> int:
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    def size(self, photo: Image.Image | None = None, height: int | None = None, width: int | None = None) -> tuple[int, int]:
        """The (width, height) to work at: the one asked for, else the model's native area in the shape of the photo."""
        native = self.unet.config.sample_size * self.latent_pixels
        if height is None and width is None:
            return (native, native) if photo is None else photos.fit(*photo.size, native**2, self.multiple)
        if height is None or width is None or min(height, width) < 1 or height % self.multiple or width % self.multiple:
            raise ValueError(f"got height {height} and width {width}; expected two multiples of {self.multiple}, or neither")
        return width, height

    @property
    def _shares_encoder(self) -> bool:
        return not any(path.startswith("down_blocks") for path in self.adapter.paths)

    def _schedule(self, num_inference_steps: int) -> ddim.Schedule:
        return ddim.make_schedule(self.scheduler.alphas_cumprod, num_inference_steps)

    def _hear(self, audio: sounds.Sounds | None, embeds: Tensor | None, start: float, length: float | None) -> sounds.Heard:
        if audio is not None and embeds is not None:
            raise ValueError("got both audio and audio_embeds; expected one of them")
        if embeds is not None:
            return sounds.from_embeds(embeds.to(self._execution_device))
        if audio is None:
            return sounds.Heard()
        return sounds.hear(self.audio_encoder, ClapFrontEnd.from_extractor(self.feature_extractor), audio, start, length)

    def _conditions(
        self, embeds: Tensor | None, prompt: str, negative_prompt: str, guidance_scale: float, audio_guidance_scale: float, **acting: Any
    ) -> Conditions:
        texts = self.encode_prompt(negative_prompt), self.encode_prompt(prompt)
        tokens = null_tokens = None
        if embeds is not None:
            tokens = self.projector(embeds.to(self.projector.dtype))
            if self.config["null_audio"] == "zeros":
                null_tokens = self.projector(torch.zeros_like(embeds, dtype=self.projector.dtype))
        return Conditions(*texts, tokens, null_tokens, guidance_scale, audio_guidance_scale, **acting)

    def _noise(self, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        width, height = (side // self.latent_pixels for side in size)
        shape = (1, self.unet.config.in_channels, height, width)
        return torch.randn(shape, generator=generator, device=generator.device).to(self._execution_device)

    def _encode(self, photo: Image.Image, size: tuple[int, int]) -> Tensor:
        shrunk = self.latent_pixels // self.vae_scale_factor
        return codec.encode(self.vae, photo, (size[0] // shrunk, size[1] // shrunk))

    def _decode(self, latents: Tensor) -> Image.Image:
        return codec.to_image(codec.decode(self.vae, latents, self.upscaler))

    def _output(self, latents: Tensor, output_type: OutputType, made: dict[str, Any], finish: Callable[[Image.Image], Image.Image]) -> Any:
        if output_type == "latent":
            return latents
        image = finish(self._decode(latents))
        return record.put(image, made) if output_type == "pil" else np.asarray(image) / np.float32(255)


def in_size_of(photo: Image.Image | None, image: Image.Image) -> Image.Image:
    return image if photo is None else image.resize(photo.size, Image.Resampling.BICUBIC)
