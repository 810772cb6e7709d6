"""Sound to image and sound on a photo with Stable Diffusion's architecture: SonicDiffusion (Biner et al. 2024) as a diffusers pipeline."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.interpolation import slerp_weights
from sonicdiff.diffusion.reuse import reused
from sonicdiff.diffusion.schedulers import Sampler, check_sampler, sample_pndm
from sonicdiff.models.block import AudioScale
from sonicdiff.pipelines.common import audio_conditioning, image_loading, picture_vae, record
from sonicdiff.pipelines.common.device import falls_back
from sonicdiff.pipelines.common.picture_vae import Generator, OutputType, generators_for, seeds_for
from sonicdiff.pipelines.common.run import OnStepEnd, Progress, exclusive
from sonicdiff.pipelines.sonic_diffusion import second_stage
from sonicdiff.pipelines.sonic_diffusion.components import in_size_of
from sonicdiff.pipelines.sonic_diffusion.edit import SonicEditing
from sonicdiff.pipelines.sonic_diffusion.guided_unet import guided_model


class SonicDiffusionPipeline(SonicEditing):
    """`generate` makes images from sound, text or both; `edit` changes a photo by a sound; `interpolate` goes from one sound to another.

    All three take these arguments:
        audio: a sound, or a list of (sound, weight) mixed as embeddings; `sound_start`, `sound_length` (s) choose a part of each.
        audio_embeds: instead of `audio`, a vector (1, dim) from `embed_audio`.
        guidance_scale, audio_guidance_scale: how far to go from nothing to the text (by default as far as suits this checkpoint), and
            from the text to the sound. With the same number for both they are the one scale of the paper's code.
        guidance_rescale: 0 to 1, against the glaring colours of strong guidance. See `sonicdiff.diffusion.guidance.rescaled`.
        beta: the audio layers' weight, a number or numbers by layer-name pattern, for example {"*": 0.5, "mid_block*": 1.0}.
        audio_start, audio_end: the fractions of the schedule between which the sound acts.
        height, width: in multiples of `multiple`; by default the model's native area, in the photo's shape where there is a photo.
        callback_on_step_end: called with (pipeline, step, timestep, {"latents", "total", "phase"}); returning False, or setting
            `pipeline._interrupt`, stops the run, which then raises `sonicdiff.diffusion.ddim.Stopped`.
        super_resolution_steps, super_resolution_noise: of the second stage, where the model has one: its steps, and how much noise (0 to
            0.5, of latents of unit variance) it is given the first stage's latents with; more lets it mend, and change, more of them.
        output_type: "pil" (images whose `.info` holds their record), "np" ((height, width, 3) from 0 to 1), "latent" ((1, channels, h, w),
            the first stage's).
    """

    @exclusive
    @falls_back
    @torch.no_grad()
    def generate(
        self,
        audio: audio_conditioning.Sounds | None = None,
        prompt: str = "",
        *,
        negative_prompt: str = "",
        image: image_loading.Photo | None = None,
        strength: float = 0.6,
        solver: Sampler | None = None,
        num_inference_steps: int = 50,
        guidance_scale: float | None = None,
        audio_guidance_scale: float = 7.5,
        guidance_rescale: float = 0.0,
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
        super_resolution_steps: int = second_stage.STEPS,
        super_resolution_noise: float = second_stage.NOISE,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
        output_type: OutputType = "pil",
    ) -> list[Any]:
        """Images from a sound, a text, or both; with `image`, from a photo by noise of `strength` and back. Returns a list of them.

        Args (others above):
            image: a photo to start from; the results have its size. strength: 0 to 1, the share of the schedule that is run.
            solver: "ddim", or "pndm" (Liu et al. 2022; one step more), by default what suits this checkpoint.
            seed: image i is made from the CPU noise of seed + i, the same alone or in a batch; drawn at random where there is none.
            generator: instead of a seed, one generator for all images or one an image.
        """
        picture_vae.check(output_type)
        guidance_scale = float(self.config["guidance_scale"] if guidance_scale is None else guidance_scale)
        solver = self.config["sampler"] if solver is None else solver
        check_sampler(str(solver))
        settings = record.settings(locals())
        second = self._second_stage(super_resolution_steps, super_resolution_noise, output_type)
        seeds = seeds_for(num_images_per_prompt, seed, generator)
        noises = generators_for(seeds, generator)
        photo = None if image is None else image_loading.load(image)
        size = self.size(photo, height, width)
        heard = self._hear(audio, audio_embeds, sound_start, sound_length)
        acting = {"beta": beta, "audio_start": audio_start, "audio_end": audio_end, "guidance_rescale": guidance_rescale}
        conditions = self._conditions(heard.embeds, prompt, negative_prompt, guidance_scale, audio_guidance_scale, **acting)
        schedule = self._schedule(num_inference_steps)
        if photo is not None:
            schedule = schedule.last(ddim.steps_of(strength, len(schedule)))
        clean = None if photo is None else self._encode(photo, size)
        steps = len(schedule) + (solver == "pndm" and len(schedule) > 1)
        finish = partial(in_size_of, photo)
        made = record.made(self, "generate", settings, heard, photo, image)
        results = []
        with (
            Progress(self, (steps + (second.steps if second else 0)) * len(seeds), callback_on_step_end, show_progress) as progress,
            self.adapter.attached(self._stock_unet),
            reused(self._stock_unet, schedule.timesteps),
        ):
            eps_model = guided_model(self._stock_unet, schedule, conditions, self._shares_encoder)
            for number, (noise, seed) in enumerate(zip(noises, seeds, strict=True), start=1):
                progress.begin(f"image {number} of {len(seeds)}")
                x = self._noise(size, noise)
                x = x if clean is None else ddim.add_noise(clean, x, schedule.alphas[0])
                if solver == "ddim":
                    latents = ddim.sample(eps_model, x, schedule, progress)
                else:
                    latents = sample_pndm(eps_model, x, schedule, num_inference_steps, self.scheduler, progress)
                if second is not None:
                    progress.begin("super-resolution")
                    latents = second(latents, conditions.text, heard.embeds if conditions.hears else None, noise, callback=progress)
                results.append(self._output(latents, output_type, {**made, "seed": seed}, finish))
        self.maybe_free_model_hooks()
        return results

    __call__ = generate

    @exclusive
    def interpolate(
        self,
        sound_a: audio_conditioning.Sound,
        sound_b: audio_conditioning.Sound,
        frames: int = 8,
        prompt: str = "",
        *,
        seed: int | None = None,
        **options: Any,
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
