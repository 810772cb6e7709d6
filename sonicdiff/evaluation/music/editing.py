"""Clips edited towards another caption: is it heard, and is the rhythm kept? Plug-and-play against what it competes with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sonicdiff.audio.compilation import import_librosa
from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.music.judge import MusicJudge, heard
from sonicdiff.evaluation.music.scores import named, wins
from sonicdiff.evaluation.report import Table
from sonicdiff.evaluation.scores import bootstrap
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.synthetic.music.dataset import MusicRow

Edit = Callable[[Clip, str, int], Waveform]


def methods(pipeline: MusicPipeline, steps: int) -> dict[str, Edit]:
    quiet: dict[str, Any] = {"num_inference_steps": steps, "show_progress": False}

    def held(share: float) -> Edit:
        shares = {"feature_injection": 0.8 * share, "attention_injection": 0.5 * share}
        return lambda clip, prompt, seed: pipeline.edit(clip, prompt, audio_bpm=clip.bpm, bpm=clip.bpm, **shares, **quiet)

    def riffed(strength: float) -> Edit:
        return lambda clip, prompt, seed: pipeline.riff(
            clip, prompt, audio_bpm=clip.bpm, bpm=clip.bpm, strength=strength, seed=seed, **quiet
        )

    return {
        "plug-and-play": held(1.0),
        "plug-and-play, half as long": held(0.5),
        "inversion alone": held(0.0),
        "noise of strength 0.55": riffed(0.55),
        "noise of strength 0.75": riffed(0.75),
    }


def editing(
    pipeline: MusicPipeline, judge: MusicJudge, rows: list[MusicRow], clips: list[Clip], steps: int, log: Callable[[str], None]
) -> Table:
    """Each clip becomes what the next row's caption says, at its own tempo."""
    targets = [*rows[1:], rows[0]]
    captions, briefs = [row.said[0].caption for row in targets], [row.brief for row in targets]
    table = Table("Edits", "clips of the model's own, each edited towards the next one's caption; rhythm: correlation of onset strengths")
    untouched = judge.judge([heard(clip) for clip in clips])
    table.rows["not edited"] = {**scored(judge, untouched, captions, briefs), "rhythm": 1.0}
    for name, edit in methods(pipeline, steps).items():
        edited = [edit(clip, caption, number) for number, (clip, caption) in enumerate(zip(clips, captions, strict=True))]
        features = judge.judge([heard(clip) for clip in edited])
        kept = [rhythm_kept(before, after) for before, after in zip(clips, edited, strict=True)]
        table.rows[name] = {**scored(judge, features, captions, briefs), "rhythm": bootstrap(kept)}
        log(f"edited: {name}")
    others = [rhythm_kept(a, b) for a, b in zip(clips, [*clips[1:], clips[0]], strict=True)]
    table.rows["another clip"] = {"rhythm": bootstrap(others)}
    return table


def scored(judge: MusicJudge, features: Any, captions: list[str], briefs: list[Any]) -> dict[str, Any]:
    right = named(judge, features, briefs)
    return {
        "caption wins": bootstrap(wins(judge, features, captions)),
        "genre": bootstrap(right["genre"].astype(float)),
        "family": bootstrap(right["family"].astype(float)),
    }


def rhythm_kept(before: Waveform, after: Waveform) -> float:
    """The correlation of the onset strengths of two sounds, from -1 to 1."""
    librosa = import_librosa()

    rate, envelopes = 22_050, []
    for sound in (before, after):
        samples = sound.mono().resampled(rate).samples[0]
        envelopes.append(librosa.onset.onset_strength(y=samples, sr=rate, hop_length=512))
    count = min(map(len, envelopes))
    a, b = (envelope[:count] for envelope in envelopes)
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0
