"""The components of a SonicDiffusion pipeline and what each does alone: hear, name, read, encode, decode, and the sizes they fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, DDIMScheduler, DiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor
from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor, CLIPTextModel, CLIPTokenizer

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.schedulers import check_sampler
from sonicdiff.hub.save import Saving
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.cnn14 import Cnn14AudioEncoder
from sonicdiff.models.labels import SoundLabels, SoundNames
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.released_projector import ReleasedProjector
from sonicdiff.models.upscaler import FACTOR, Upscaler
from sonicdiff.pipelines.common import audio_conditioning, image_loading, picture_vae, record
from sonicdiff.pipelines.common.loras import AudioLoraMixin
from sonicdiff.pipelines.common.picture_vae import OutputType
from sonicdiff.pipelines.common.prompt_encoder import encode_prompt
from sonicdiff.pipelines.common.run import Exclusive, exclusive
from sonicdiff.pipelines.sonic_diffusion import plug_and_play, second_stage
from sonicdiff.pipelines.sonic_diffusion.guided_unet import Conditions
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import SourceCache, fingerprint
from sonicdiff.pipelines.sonic_diffusion.second_stage import SecondStage

STABLE_DIFFUSION = 512  # pixels: the side that Stable Diffusion 1.x was trained at


class SonicComponents(Exclusive, AudioLoraMixin, Saving, DiffusionPipeline):
    """What `generate`, `edit` and `interpolate` are made of.

    null_audio says what "no sound" is to this checkpoint: "off" skips the audio layers (the unconditional model is the pretrained
    base), "zeros" gives them the projector's tokens of a zero vector (the paper's released weights). feature_injection,
    attention_injection, focus, guidance_rescale, inversion_refinements, detail: how `edit` treats a photo with this checkpoint unless it is
    told otherwise. guidance_scale: of both verbs. sampler: of `generate`.
    """

    model_cpu_offload_seq = "text_encoder->audio_encoder->projector->unet->super_resolution->vae->upscaler"
    _optional_components: ClassVar[list[str]] = ["labels", "upscaler", "super_resolution", "super_resolution_scheduler"]
    _exclude_from_cpu_offload: ClassVar[list[str]] = ["adapter"]  # while attached its layers are the UNet's, and move with it

    def __init__(
        self,
        vae: AutoencoderKL,
        text_encoder: CLIPTextModel,
        tokenizer: CLIPTokenizer,
        unet: UNet2DConditionModel,
        scheduler: DDIMScheduler,
        audio_encoder: ClapAudioModelWithProjection | Cnn14AudioEncoder,
        feature_extractor: ClapFeatureExtractor,
        projector: AudioProjector | ReleasedProjector,
        adapter: AudioAdapter,
        labels: SoundLabels | None = None,
        upscaler: Upscaler | None = None,
        super_resolution: UNet2DConditionModel | None = None,
        super_resolution_scheduler: DDIMScheduler | None = None,
        null_audio: str = "off",
        feature_injection: float = 0.8,
        attention_injection: float = 0.5,
        focus: float = 0.0,
        guidance_rescale: float = 0.0,
        inversion_refinements: int = 1,
        detail: float = 1.0,
        guidance_scale: float = 5.0,
        sampler: str = "ddim",
    ) -> None:
        super().__init__()
        if null_audio not in ("off", "zeros"):
            raise ValueError(f"got null_audio {null_audio!r}; expected 'off' or 'zeros'")
        if (super_resolution is None) != (super_resolution_scheduler is None) or (super_resolution is not None and upscaler is not None):
            raise ValueError("expected an upscaler, or super_resolution with its super_resolution_scheduler, or none of these")
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
            super_resolution=super_resolution,
            super_resolution_scheduler=super_resolution_scheduler,
        )
        plug_and_play.check_fractions(feature_injection=feature_injection, attention_injection=attention_injection, detail=detail)
        check_sampler(sampler)
        self.register_to_config(
            null_audio=null_audio,
            feature_injection=feature_injection,
            attention_injection=attention_injection,
            focus=focus,
            guidance_rescale=guidance_rescale,
            inversion_refinements=inversion_refinements,
            detail=detail,
            guidance_scale=guidance_scale,
            sampler=sampler,
        )
        self.sources = SourceCache(max_bytes=2**31)
        self.preview_decoder: AutoencoderTiny | None = None  # see `sonicdiff.pipelines.common.latent_preview`
        self._interrupt = False
        self.memory = "full"  # see `sonicdiff.pipelines.common.device`
        self.base: str | None = None  # where it is not its directory's own

    @exclusive
    @torch.no_grad()
    def embed_audio(self, audio: audio_conditioning.Sounds, sound_start: float = 0.0, sound_length: float | None = None) -> Tensor:
        """CLAP's vector (1, dim) of a sound, or of several mixed."""
        embeds = self._hear(audio, None, sound_start, sound_length).embeds
        assert embeds is not None
        return embeds

    @exclusive
    def heard(
        self, audio: audio_conditioning.Sounds, top: int = 3, sound_start: float = 0.0, sound_length: float | None = None
    ) -> SoundNames:
        """The names this model has for a sound, the `top` most probable with their probabilities, and whether it is none of them.

        ValueError if the model has no names.
        """
        if self.labels is None:
            raise ValueError("this model has no names for sounds (no component 'labels'); 'mini' has")
        return self.labels.heard(self.embed_audio(audio, sound_start, sound_length), top)

    @exclusive
    @torch.no_grad()
    def encode_prompt(self, prompt: str) -> Tensor:
        """The text encoder's states (1, 77, dim)."""
        return encode_prompt(self.tokenizer, self.text_encoder, prompt)

    @exclusive
    @torch.no_grad()
    def autoencode(self, image: image_loading.Photo) -> Image.Image:
        """What the autoencoder alone makes of a photo at the size that `generate` and `edit` work at: no edit can be sharper."""
        photo = image_loading.load(image)
        return in_size_of(photo, self._reconstruct(photo, self.size(photo)))

    @property
    def multiple(self) -> int:
        """Pixels that height and width must be multiples of: those of a latent times the UNet's factor."""
        return self.latent_pixels * 2 ** (len(self.unet.config.block_out_channels) - 1)

    @property
    def latent_pixels(self) -> int:
        """The pixels of a picture along the side of one of the UNet's latents: the autoencoder's factor, twice that with an upscaler or a
        second stage."""
        return self.vae_scale_factor * (1 if self.upscaler is None and self.super_resolution is None else FACTOR)

    @property
    def vae_scale_factor(self) -> int:
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    def size(self, photo: Image.Image | None = None, height: int | None = None, width: int | None = None) -> tuple[int, int]:
        """The (width, height) to work at: the one asked for, else the model's native size in the shape of the photo.

        Of models of Stable Diffusion's size the photo's shorter side is the native one, as in the paper's code, where the pipeline need
        not save memory (see `sonicdiff.pipelines.common.device`); of others, and there, its area is the native one.
        """
        native = self.unet.config.sample_size * self.latent_pixels
        if height is None and width is None:
            if photo is None:
                return native, native
            if native >= STABLE_DIFFUSION and self.memory == "full":
                return image_loading.with_short_side(*photo.size, native, self.multiple)
            return image_loading.fit(*photo.size, native**2, self.multiple)
        if height is None or width is None or min(height, width) < 1 or height % self.multiple or width % self.multiple:
            raise ValueError(f"got height {height} and width {width}; expected two multiples of {self.multiple}, or neither")
        return width, height

    @property
    def _shares_encoder(self) -> bool:
        return not any(path.startswith("down_blocks") for path in self.adapter.paths)

    def _schedule(self, num_inference_steps: int) -> ddim.Schedule:
        self._check_parts("solver= (edit: 'ddim' or 'dpm'; generate: 'ddim' or 'pndm')")
        return ddim.make_schedule(self.scheduler.alphas_cumprod, num_inference_steps)

    def _hear(
        self, audio: audio_conditioning.Sounds | None, embeds: Tensor | None, start: float, length: float | None
    ) -> audio_conditioning.Heard:
        if audio is not None and embeds is not None:
            raise ValueError("got both audio and audio_embeds; expected one of them")
        if embeds is not None:
            return audio_conditioning.from_embeds(embeds.to(self._execution_device))
        if audio is None:
            return audio_conditioning.Heard()
        return audio_conditioning.hear(self.audio_encoder, ClapFrontEnd.from_extractor(self.feature_extractor), audio, start, length)

    def _conditions(
        self, embeds: Tensor | None, prompt: str, negative_prompt: str, guidance_scale: float, audio_guidance_scale: float, **acting: Any
    ) -> Conditions:
        texts = self.encode_prompt(negative_prompt), self.encode_prompt(prompt)
        tokens = null_tokens = None
        if embeds is not None:
            tokens = self.projector(embeds.to(self.projector.dtype))
            if self.config["null_audio"] == "zeros":
                null_tokens = self.projector(torch.zeros_like(embeds, dtype=self.projector.dtype))
        if tokens is not None and not tokens.isfinite().all():
            raise ValueError("the sound's tokens are not finite; expected audio_embeds, and weights of the projector, that are")
        return Conditions(*texts, tokens, null_tokens, guidance_scale, audio_guidance_scale, **acting)

    def _fingerprint(self) -> str:
        """Of what a photo's inversion and features depend on."""
        second = [] if self.super_resolution is None else [self.super_resolution]
        return fingerprint(self.vae, self.text_encoder, self._stock_unet, self.projector, self.adapter, *second)

    def _noise(self, size: tuple[int, int], generator: torch.Generator) -> Tensor:
        width, height = (side // self.latent_pixels for side in size)
        shape = (1, self.unet.config.in_channels, height, width)
        return torch.randn(shape, generator=generator, device=generator.device, dtype=torch.float32).to(self._execution_device)

    def _encode(self, photo: Image.Image, size: tuple[int, int]) -> Tensor:
        shrunk = self.latent_pixels // self.vae_scale_factor
        return picture_vae.encode(self.vae, photo, (size[0] // shrunk, size[1] // shrunk), self._execution_device)

    def _reconstruct(self, photo: Image.Image, size: tuple[int, int]) -> Image.Image:
        """The photo through the autoencoder, at the latents that are decoded in the end."""
        latents = self._encode(photo, size) if self.super_resolution is None else self._encode_large(photo, size)
        return self._decode(latents)

    def _encode_large(self, photo: Image.Image, size: tuple[int, int]) -> Tensor:
        """The latents that the second stage leads to."""
        return picture_vae.encode(self.vae, photo, size, self._execution_device)

    def _second_stage(self, steps: int, noise: float, output_type: OutputType) -> SecondStage | None:
        """None where there is none, or where the first stage's latents are what is asked for. ValueError for settings out of range."""
        second_stage.check(steps, noise)
        if self.super_resolution is None or output_type == "latent":
            return None
        return SecondStage(self.super_resolution, self.super_resolution_scheduler, steps, noise, self._execution_device)

    def _decode(self, latents: Tensor) -> Image.Image:
        return picture_vae.to_image(picture_vae.decode(self.vae, latents, self.upscaler))

    def _output(self, latents: Tensor, output_type: OutputType, made: dict[str, Any], finish: Callable[[Image.Image], Image.Image]) -> Any:
        if output_type == "latent":
            return latents
        image = finish(self._decode(latents))
        return record.put(image, made) if output_type == "pil" else np.asarray(image) / np.float32(255)


def in_size_of(photo: Image.Image | None, image: Image.Image) -> Image.Image:
    return image if photo is None else image.resize(photo.size, Image.Resampling.BICUBIC)
