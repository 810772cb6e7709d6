"""Sound on a photo: plug-and-play editing over DDIM inversion (SonicDiffusion, section 3.4), one sound or several at once."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.guidance import Branch
from sonicdiff.diffusion.interpolation import slerp
from sonicdiff.diffusion.reuse import reused
from sonicdiff.models.block import AudioScale
from sonicdiff.pipelines.common import audio_conditioning, image_loading, picture_vae, record
from sonicdiff.pipelines.common.device import falls_back
from sonicdiff.pipelines.common.picture_vae import OutputType, seeds_for
from sonicdiff.pipelines.common.run import OnStepEnd, Progress, exclusive
from sonicdiff.pipelines.sonic_diffusion import plug_and_play, second_stage
from sonicdiff.pipelines.sonic_diffusion.components import SonicComponents
from sonicdiff.pipelines.sonic_diffusion.detail import carry_over
from sonicdiff.pipelines.sonic_diffusion.guided_unet import Conditions, Guided, guided_model
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import Source
from sonicdiff.pipelines.sonic_diffusion.second_stage import PhotoLatents, SecondStage


@dataclass(frozen=True)
class Walk:
    """How a photo is inverted."""

    schedule: ddim.Schedule
    inversion: ddim.Inversion
    refinements: int
    solver: ddim.Solver

    @property
    def aligned(self) -> bool:
        """Whether the UNet is asked at the very latents that it leads to, but for the last."""
        return self.inversion == "current"

    def ahead(self, source: Source | None, plan: plug_and_play.Plan, deaf: bool) -> int:
        """The steps before the edit itself: inversion and features, as far as they are not there. deaf: features hear nothing."""
        if source is not None:
            return len(source.missing(plan))
        return len(self.schedule) + (self.schedule.timesteps[0] in plan if self.aligned and deaf else len(plan))


class SonicEditing(SonicComponents):
    """`edit` and `edit_many`; the arguments that they share with `generate` are told at `SonicDiffusionPipeline`."""

    @torch.no_grad()
    def edit(
        self,
        image: image_loading.Photo,
        audio: audio_conditioning.Sounds | None = None,
        prompt: str = "",
        *,
        negative_prompt: str = "",
        num_inference_steps: int = 50,
        guidance_scale: float | None = None,
        audio_guidance_scale: float = 7.5,
        guidance_rescale: float | None = None,
        beta: AudioScale = 1.0,
        audio_start: float = 0.0,
        audio_end: float = 1.0,
        sound_start: float = 0.0,
        sound_length: float | None = None,
        audio_embeds: Tensor | None = None,
        structure: float = 0.5,
        feature_injection: float | None = None,
        attention_injection: float | None = None,
        focus: float | None = None,
        solver: ddim.Solver = "ddim",
        inversion: ddim.Inversion | None = None,
        inversion_refinements: int | None = None,
        detail: float | None = None,
        variation: float = 0.0,
        seed: int | None = None,
        height: int | None = None,
        width: int | None = None,
        super_resolution_steps: int = second_stage.STEPS,
        super_resolution_noise: float = second_stage.NOISE,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
        output_type: OutputType = "pil",
    ) -> Any:
        """A photo changed by a sound (and a text) with its layout kept: DDIM inversion, plug-and-play, focus. Returns it in its own size.

        The inversion reads the empty prompt and hears nothing. It is kept: another sound on the same photo starts from it.

        Args (others above):
            structure: 0 to 1, how much of the photo's structure to keep. At 0.5 the next three are what suits this checkpoint (its
                configuration says; the paper's 0.8, 0.5 and no focus where it does not), at 0 nothing, at 1 twice that.
            feature_injection, attention_injection: the fractions of the schedule, from its start, in which the photo's residual
                features and its self-attention queries and keys are injected; less keeps less of the photo.
            focus: how far the edit keeps to where the sound and the text change most: 0 acts everywhere alike, 2 leaves alone what they
                hardly change. See `sonicdiff.diffusion.guidance.focused`. guidance_rescale: by default what suits this checkpoint.
            solver: "ddim", or "dpm" (DPM-Solver++, 2M), for inversion and edit; "dpm" does with 20 to 25 steps.
            inversion, inversion_refinements: see `sonicdiff.diffusion.ddim.invert`; by default "target" with the refinements that suit
                this checkpoint for "ddim", "current" without any for "dpm".
            detail: 0 to 1, how much of the photo's fine detail is carried over where the edit left the picture alone. By default what
                suits this checkpoint: all, but nothing for the paper's weights, as in the paper's code, whose pictures they then give.
            variation: 0 to 1, how far the photo's noise is turned towards that of `seed` (drawn at random without one): another edit
                of the same kind, a little further from the photo. At 0 the edit is always the same, and the seed means nothing.
        """
        (result,) = self._edits(SimpleNamespace(**locals()), [audio])
        return result

    def reconstruct(self, image: image_loading.Photo, **options: Any) -> Any:
        """What inversion alone gives back of a photo, the paper's code's `recon.jpg`: an edit that hears, reads and keeps nothing.

        The closer it is to the photo, the more of that an edit can keep. options: those of `edit` that say how to invert and what to give
        (num_inference_steps, solver, inversion, inversion_refinements, height, width, callback_on_step_end, show_progress, output_type).
        """
        return self.edit(image, structure=0.0, focus=0.0, detail=0.0, guidance_rescale=0.0, **options)

    def edit_many(
        self, image: image_loading.Photo, audios: Sequence[audio_conditioning.Sounds], prompt: str = "", **options: Any
    ) -> list[Any]:
        """`edit` of one photo by each of several sounds, computed together; options: any of `edit` but audio_embeds."""
        if not audios or "audio_embeds" in options:
            raise ValueError("edit_many takes a list of at least one sound, and no audio_embeds")
        bound = inspect.signature(self.edit).bind(image, None, prompt, **options)
        bound.apply_defaults()
        return self._edits(SimpleNamespace(**bound.arguments), audios)

    @exclusive
    @falls_back
    @torch.no_grad()
    def _edits(self, given: SimpleNamespace, audios: Sequence[audio_conditioning.Sounds | None]) -> list[Any]:
        """What `edit` was given, for each of the sounds."""
        self._fill_in(given)
        settings = record.settings(vars(given))
        photo = image_loading.load(given.image)
        size = self.size(photo, given.height, given.width)
        heard = [self._hear(audio, given.audio_embeds, given.sound_start, given.sound_length) for audio in audios]
        acting = {name: getattr(given, name) for name in ("beta", "audio_start", "audio_end", "focus", "guidance_rescale")}
        embeds = None if heard[0].embeds is None else torch.cat([each.embeds for each in heard if each.embeds is not None])
        scales = given.guidance_scale, given.audio_guidance_scale
        conditions = self._conditions(embeds, given.prompt, given.negative_prompt, *scales, **acting)
        schedule = self._schedule(given.num_inference_steps)
        plan = plug_and_play.injection_plan(self._stock_unet, schedule, given.feature_injection, given.attention_injection)
        (number,) = seeds_for(1, given.seed, None) if given.variation else (None,)
        walk = Walk(schedule, given.inversion, given.inversion_refinements, given.solver)
        silence = None if conditions.null_audio is None else conditions.null_audio[:1]
        key = (image_loading.sha256(photo), size, walk, silence is None, self.unet.dtype, self._fingerprint())
        source = self.sources.get(key)
        ahead = walk.ahead(source, plan, silence is None)
        second = self._second_stage(given.super_resolution_steps, given.super_resolution_noise, given.output_type)
        with (
            Progress(
                self, ahead + len(schedule) + (second.steps * len(heard) if second else 0), given.callback_on_step_end, given.show_progress
            ) as progress,
            self.adapter.attached(self._stock_unet),
            reused(self._stock_unet, schedule.timesteps),
        ):
            source = self._complete(source, photo, size, walk, plan, silence, progress)
            if ahead:
                self.sources.put(key, source)
            progress.begin("edit")
            start = source.latents[schedule.timesteps[0]]
            if number is not None:
                start = slerp(start, self._noise(size, torch.Generator().manual_seed(number)), given.variation)
            start = start.expand(len(heard), -1, -1, -1)
            eps_model = guided_model(self._stock_unet, schedule, conditions, self._shares_encoder)
            latents = list(
                plug_and_play.resample(self._stock_unet, eps_model, source, start, schedule, plan, progress, given.solver).split(1)
            )
            if second is not None:
                latents = self._detailed(second, latents, photo, size, conditions, heard, number, progress)
        assert source.reconstruction is not None
        finish = partial(carry_over, photo, reconstruction=source.reconstruction, amount=given.detail)
        made = [{**record.made(self, "edit", settings, each, photo, given.image), "seed": number} for each in heard]
        results = [self._output(latent, given.output_type, each, finish) for latent, each in zip(latents, made, strict=True)]
        self.maybe_free_model_hooks()
        return results

    def _complete(self, source: Source | None, photo: Image.Image, size: tuple[int, int], walk: Walk, plan: plug_and_play.Plan,
                  silence: Tensor | None, progress: Progress) -> Source:  # fmt: skip
        """A photo's source with all that the plan needs: inverted by what hears nothing, its features from what hears `silence`."""
        nothing = self.encode_prompt("")
        deaf = plug_and_play.plain_model(self._stock_unet, nothing)
        if source is None:
            progress.begin("inversion")
            x0 = self._encode(photo, size)
            on_the_way = plan if walk.aligned and silence is None else {}
            how = walk.schedule, walk.inversion, walk.refinements
            source = plug_and_play.invert(self._stock_unet, deaf, x0, *how, on_the_way, progress, walk.solver, self.sources.device)
            source.reconstruction = self._reconstruct(photo, size)
        source.latents = {t: latent.to(self._execution_device) for t, latent in source.latents.items()}  # a kept one's were on the disk
        if missing := source.missing(plan):
            progress.begin("features")
            silent = deaf if silence is None else Guided(self._stock_unet, [Branch(nothing, silence, 1.0)])
            plug_and_play.record_features(self._stock_unet, silent, source, missing, progress, self.sources.device)
        return source

    def _detailed(self, second: SecondStage, latents: Sequence[Tensor], photo: Image.Image, size: tuple[int, int], conditions: Conditions,
                  heard: Sequence[audio_conditioning.Heard], seed: int | None, progress: Progress) -> list[Tensor]:  # fmt: skip
        """Each edit's latents through the second stage, with the photo's own where the edit left it alone."""
        progress.begin("super-resolution")
        given = PhotoLatents(self._encode(photo, size), self._encode_large(photo, size))
        results = []
        for small, each in zip(latents, heard, strict=True):
            embeds = each.embeds if conditions.hears else None
            generator = torch.Generator().manual_seed(seed or 0)
            results.append(second(small, conditions.text, embeds, generator, given, progress))
        return results

    def _fill_in(self, given: SimpleNamespace) -> None:
        """Checks what an edit was given, and fills in what suits this checkpoint."""
        picture_vae.check(given.output_type)
        for name in ("guidance_scale", "guidance_rescale", "detail"):
            value = getattr(given, name)
            setattr(given, name, float(self.config[name] if value is None else value))
        plug_and_play.check_fractions(structure=given.structure, detail=given.detail, variation=given.variation)
        for name, most in (("feature_injection", 1.0), ("attention_injection", 1.0), ("focus", math.inf)):
            value = getattr(given, name)
            setattr(given, name, self._kept(name, given.structure, most) if value is None else float(value))
        plug_and_play.check_fractions(feature_injection=given.feature_injection, attention_injection=given.attention_injection)
        plain = given.solver == "ddim" and given.inversion != "current"
        given.inversion = given.inversion or ("target" if plain else "current")
        if given.inversion_refinements is None:
            given.inversion_refinements = int(self.config["inversion_refinements"]) if plain else 0

    def _kept(self, name: str, structure: float, most: float = math.inf) -> float:
        """This checkpoint's setting of that name, scaled by the structure to keep."""
        return min(most, 2 * structure * float(self.config[name]))
