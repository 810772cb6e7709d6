"""Text to music as a diffusers pipeline: Riffusion's procedure on any Stable Diffusion that was trained on mel spectrograms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from sonicdiff.audio.image import TYPICAL_MAX
from sonicdiff.audio.waveform import MOST_SECONDS, Waveform
from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.interpolation import lerp, slerp
from sonicdiff.diffusion.reuse import reused
from sonicdiff.pipelines.common import image_loading, record
from sonicdiff.pipelines.common.audio_conditioning import Heard, Sound
from sonicdiff.pipelines.common.picture_vae import Generator, generators_for, seeds_for
from sonicdiff.pipelines.common.run import OnStepEnd, Progress, exclusive
from sonicdiff.pipelines.riffusion import init_audio, spectrogram_vae, tempo
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.components import MusicComponents
from sonicdiff.pipelines.riffusion.loudness import LOUDNESS, loudness_of
from sonicdiff.pipelines.riffusion.tempo import Grid
from sonicdiff.pipelines.sonic_diffusion import plug_and_play
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import Source


class MusicPipeline(MusicComponents):
    """`music` makes clips from a prompt, `riff` plays any sound anew, `edit` keeps a clip's rhythm, `interpolate` walks between prompts.

    All take these arguments:
        prompt, negative_prompt: with weights, see `sonicdiff.pipelines.common.prompt_encoder.parse`; up to 225 tokens; words that a
            model with a vocabulary of its own does not know are named in a `sonicdiff.pipelines.riffusion.vocabulary.PromptWarning`.
        bpm: the tempo, exact: by default the one in the prompt ("110 bpm"), that of what the clip starts from, or the model's.
        scheduler: a name in `sonicdiff.diffusion.schedulers.SCHEDULERS`.
        guidance_scale: how far to follow the prompt, by default as far as suits the checkpoint.
        loudness: LUFS, reached by a limiter that keeps the true peak under -1 dBTP; None: the level stays, but for such peaks.
        seed: of the noise, the same on every device; drawn at random where there is none. generator: instead of it.
        callback_on_step_end: called with (pipeline, step, timestep, {"latents", "total", "phase"}); returning False, or setting
            `pipeline._interrupt`, stops the run, which then raises `sonicdiff.diffusion.ddim.Stopped`.
    """

    @exclusive
    @torch.no_grad()
    def music(
        self,
        prompt: str,
        *,
        negative_prompt: str = "",
        seconds: float | None = None,
        bars: int | None = None,
        bpm: float | None = None,
        loop: bool | None = None,
        seed_image: init_audio.SeedImage | None = None,
        seed_bpm: float | None = None,
        seed_picture: str = "riffusion",
        strength: float | str = 0.75,
        mask: image_loading.Photo | None = None,
        stereo: bool | None = None,
        num_inference_steps: int = 30,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        scheduler: str = "dpm",
        loudness: float | None = LOUDNESS,
        num_clips: int = 1,
        seed: int | None = None,
        generator: Generator = None,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
    ) -> list[Clip]:
        """Clips of music for a prompt. Returns a list of them; clip i is made from the noise of seed + i.

        Args (others above):
            seconds, bars: the length. `seconds` is exact unless the clip is to be a loop, which is whole bars of 4/4. By default the
                length the model was trained on, as a loop.
            seed_image: what to start from: a name in `sonicdiff.pipelines.riffusion.init_audio.SEEDS`, a sound, or a spectrogram; its
                tempo is `seed_bpm`, by default known or estimated. strength: how far to leave it, 0 to 1 or a name in `STRENGTHS`.
            seed_picture: the settings of a spectrogram that carries none: "riffusion", 100 columns a second up to 10 kHz, or "model",
                this model's.
            mask: a picture, white where the seed is repainted and black where it stays; grey stays for that part of the run.
            stereo: both channels of a stereo seed; by default where it is one.
        """
        settings = record.settings({**locals(), "seed_image": seed_image if init_audio.is_name(seed_image) else None})
        how = self.sampling(num_inference_steps, guidance_scale, guidance_rescale, scheduler)
        null, text = self.read_prompts(negative_prompt, prompt)
        self.warn_of(prompt)
        source = (
            None
            if seed_image is None
            else init_audio.read(seed_image, seed_bpm, untagged=init_audio.settings_of_untagged(seed_picture, self.params))
        )
        if source is None and (mask is not None or stereo):
            raise ValueError("got a mask or stereo without a seed; expected a seed_image for them (the model itself makes mono)")
        bpm = float(bpm or tempo.asked(prompt) or (source.bpm if source else self.config["bpm"]))
        loop = loop if loop is not None else seconds is None
        grid = self.grid(bpm, seconds, bars, loop)
        picture = None if mask is None else image_loading.load(mask)
        start = None
        if source is not None:
            painted = None if picture is None else self.mask(picture, grid)
            start = self.begin(source, grid, strength, stereo, loop, painted)
        made = record.made(self, "music", settings, source.heard if source else Heard(), picture, mask)
        cut = None if loop or seconds is None else slice(0, round(seconds * self.params.sample_rate))
        numbers = seeds_for(num_clips, seed, generator)
        clips = []
        with Progress(self, self.steps(how, start) * num_clips, callback_on_step_end, show_progress) as progress:
            for number, (noises, seeded) in enumerate(zip(generators_for(numbers, generator), numbers, strict=True), 1):
                progress.begin(f"clip {number} of {num_clips}")
                latents = self.denoise(null, text, self.noise(grid, noises), how, loop, start, noises, progress)
                loudest = start.loudest if start else TYPICAL_MAX
                clips.append(self.play(latents, grid, loop, loudest, loudness, {**made, "seed": seeded}, cut))
        self.maybe_free_model_hooks()
        return clips

    __call__ = music

    @exclusive
    @torch.no_grad()
    def riff(
        self,
        audio: Sound,
        prompt: str,
        *,
        negative_prompt: str = "",
        strength: float | str = 0.55,
        bpm: float | None = None,
        audio_bpm: float | None = None,
        sound_start: float = 0.0,
        sound_length: float | None = None,
        stereo: bool | None = None,
        num_inference_steps: int = 30,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        scheduler: str = "dpm",
        loudness: float | None = None,
        seed: int | None = None,
        generator: Generator = None,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
    ) -> Clip:
        """A sound of up to ten minutes played anew as the prompt says, as long as it is, in overlapping windows.

        Args (others above):
            strength: how far to leave the sound, 0 to 1 or a name in `STRENGTHS`.
            audio_bpm: the sound's tempo, by default estimated. bpm: the tempo to play it at, by default its own; else its length changes.
            sound_start, sound_length: the part of it to take, in seconds.
            stereo: both channels, by default where it has them. loudness: by default the sound's own.
        """
        settings = record.settings(locals())
        how = self.sampling(num_inference_steps, guidance_scale, guidance_rescale, scheduler)
        null, text = self.read_prompts(negative_prompt, prompt)
        self.warn_of(prompt)
        source, grid, kept = self._whole(audio, audio_bpm, bpm or tempo.asked(prompt), sound_start, sound_length)
        start = self.begin(source, grid, strength, stereo, loop=False)
        (number,) = seeds_for(1, seed, generator)
        (noises,) = generators_for([number], generator)
        made = {**record.made(self, "riff", settings, source.heard, None, None), "seed": number}
        with Progress(self, self.steps(how, start), callback_on_step_end, show_progress) as progress:
            latents = self.denoise(null, text, self.noise(grid, noises), how, False, start, noises, progress)
        clip = self.play(latents, grid, False, start.loudest, loudness_of(source.sound) if loudness is None else loudness, made, kept)
        self.maybe_free_model_hooks()
        return clip

    @exclusive
    @torch.no_grad()
    def edit(
        self,
        audio: Sound,
        prompt: str,
        *,
        source_prompt: str = "",
        negative_prompt: str = "",
        bpm: float | None = None,
        audio_bpm: float | None = None,
        sound_start: float = 0.0,
        sound_length: float | None = None,
        stereo: bool | None = None,
        feature_injection: float = 0.8,
        attention_injection: float = 0.5,
        inversion_refinements: int = 1,
        num_inference_steps: int = 30,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        loudness: float | None = None,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
    ) -> Clip:
        """A clip with another sound and its own rhythm and structure: DDIM inversion and plug-and-play injection, as photos are edited.

        Args (others above, or as `riff`):
            source_prompt: what the clip is, for its inversion; empty is fine.
            feature_injection, attention_injection: the fractions of the schedule in which the clip's residual features and its
                self-attention are held; less keeps less. inversion_refinements: see `sonicdiff.diffusion.ddim.invert`.
        """
        plug_and_play.check_fractions(feature_injection=feature_injection, attention_injection=attention_injection)
        settings = record.settings(locals())
        how = self.sampling(num_inference_steps, guidance_scale, guidance_rescale)
        null, text, was = self.read_prompts(negative_prompt, prompt, source_prompt)
        self.warn_of(prompt)
        source, grid, kept = self._whole(audio, audio_bpm, bpm or tempo.asked(prompt), sound_start, sound_length)
        start = self.begin(source, grid, 1.0, stereo, loop=False)
        made = record.made(self, "edit-music", settings, source.heard, None, None)
        schedule = ddim.make_schedule(self.scheduler.alphas_cumprod, num_inference_steps)
        plan = plug_and_play.injection_plan(self._stock_unet, schedule, feature_injection, attention_injection)
        guided = self.guided(null, text, how)  # without windows, so that what is recorded fits where it is injected
        total = len(start.latents) * (2 * len(schedule) + len(plan))
        results = []
        with Progress(self, total, callback_on_step_end, show_progress) as progress, reused(self._stock_unet, schedule.timesteps):
            for latents in start.latents.split(1):
                progress.begin("inversion")
                plain = plug_and_play.plain_model(self._stock_unet, was)
                trajectory = ddim.invert(plain, latents, schedule, "target", inversion_refinements, progress)
                kept_latents = Source(dict(zip(schedule.timesteps, trajectory, strict=True)))
                progress.begin("features")
                plug_and_play.record_features(self._stock_unet, plain, kept_latents, plan, progress)
                progress.begin("edit")
                noise = kept_latents.latents[schedule.timesteps[0]]
                results.append(plug_and_play.resample(self._stock_unet, guided, kept_latents, noise, schedule, plan, progress))
        level = loudness_of(source.sound) if loudness is None else loudness
        clip = self.play(torch.cat(results), grid, False, start.loudest, level, made, kept)
        self.maybe_free_model_hooks()
        return clip

    @exclusive
    @torch.no_grad()
    def interpolate(
        self,
        prompt_a: str,
        prompt_b: str,
        clips: int = 5,
        *,
        negative_prompt: str = "",
        seed_a: int = 0,
        seed_b: int | None = None,
        curve: float = 1.0,
        bpm: float | None = None,
        bars: int | None = None,
        seed_image: init_audio.SeedImage | None = None,
        strength: float | str = 0.75,
        num_inference_steps: int = 30,
        guidance_scale: float | None = None,
        guidance_rescale: float = 0.0,
        scheduler: str = "dpm",
        loudness: float | None = LOUDNESS,
        callback_on_step_end: OnStepEnd | None = None,
        show_progress: bool = True,
    ) -> list[Clip]:
        """Loops on the way from one prompt to another, both included: the texts along the line, the noise along the great circle.

        Args (others above, or as `music`):
            seed_a, seed_b: of the noise at either end, by default the same.
            curve: clip i of n is at (i / (n - 1)) ** curve of the way: above 1 stays longer with the first.
        """
        if clips < 2 or not curve > 0:
            raise ValueError(f"got {clips} clips and a curve of {curve}; expected at least 2, and a number above 0")
        settings = record.settings({**locals(), "seed_image": seed_image if init_audio.is_name(seed_image) else None})
        how = self.sampling(num_inference_steps, guidance_scale, guidance_rescale, scheduler)
        null, a, b = self.read_prompts(negative_prompt, prompt_a, prompt_b)
        self.warn_of(prompt_a, prompt_b)
        source = None if seed_image is None else init_audio.read(seed_image)
        bpm = float(bpm or tempo.asked(prompt_a) or tempo.asked(prompt_b) or (source.bpm if source else self.config["bpm"]))
        grid = self.grid(bpm, bars=bars)
        start = None if source is None else self.begin(source, grid, strength, False, loop=True)
        made = record.made(self, "interpolate-music", settings, source.heard if source else Heard(), None, None)
        noise_a, noise_b = (
            self.noise(grid, torch.Generator().manual_seed(seed)) for seed in (seed_a, seed_a if seed_b is None else seed_b)
        )
        made_clips = []
        with Progress(self, clips * self.steps(how, start), callback_on_step_end, show_progress) as progress:
            for number in range(clips):
                progress.begin(f"clip {number + 1} of {clips}")
                way = (number / (clips - 1)) ** curve
                generator = torch.Generator().manual_seed(seed_a)  # of the samplers that add noise: the same for all
                noise = noise_a if torch.equal(noise_a, noise_b) else slerp(noise_a, noise_b, way)
                latents = self.denoise(null, lerp(a, b, way), noise, how, True, start, generator, progress)
                loudest = start.loudest if start else TYPICAL_MAX
                made_clips.append(self.play(latents, grid, True, loudest, loudness, {**made, "seed": seed_a, "clip": number}))
        self.maybe_free_model_hooks()
        return made_clips

    def mask(self, picture: image_loading.Image.Image, grid: Grid) -> torch.Tensor:
        """(1, 1, h, w) of latents, from 0, keep, to 1, repaint."""
        factor = spectrogram_vae.factor_of(self.vae)
        return init_audio.read_mask(picture, (grid.params.mel_bins // factor, grid.frames // factor)).to(self._execution_device)

    def _whole(
        self, audio: Sound, audio_bpm: float | None, bpm: float | None, start: float, length: float | None
    ) -> tuple[init_audio.Seed, Grid, slice]:
        """All of a sound on a grid whose bars are the sound's: silence stands before it so that its first beat begins one.

        The slice is of the samples that are the sound again.
        """
        source = init_audio.read(audio, audio_bpm, start, length)
        if length is None and source.sound.seconds >= MOST_SECONDS:
            raise ValueError(
                f"got {MOST_SECONDS:.0f} s of sound or more; expected less: give the part to take, sound_start and sound_length"
            )
        beat = 60 / source.bpm
        before = (-source.first_beat) % beat if source.first_beat else 0.0
        sound = source.sound.resampled(self.params.sample_rate)
        silence = round(before * sound.sample_rate)
        padded = Waveform(np.pad(sound.samples, ((0, 0), (silence, 0))), sound.sample_rate)
        tempo_now = bpm or source.bpm
        beats = padded.seconds / beat
        if beats * 60 / tempo_now > MOST_SECONDS + 1:
            raise ValueError(f"got {sound.seconds:.0f} s at {tempo_now:g} bpm; expected at most {MOST_SECONDS:.0f} s: give a sound_length")
        grid = tempo.fit(beats, tempo_now, self.params, self.config["frames_a_beat"], self.multiple)
        rate = grid.seconds / (grid.beats * beat)  # how much longer it will be
        first = round(silence * rate)
        wanted = round(sound.samples.shape[1] * rate)
        room = np.zeros(
            (len(sound.samples), max(0, round(grid.seconds / rate * sound.sample_rate) - padded.samples.shape[1] + 1)), np.float32
        )
        filled = Waveform(np.concatenate([padded.samples, room], axis=1), sound.sample_rate)
        return replace(source, sound=filled, first_beat=0.0), grid, slice(first, first + wanted)
