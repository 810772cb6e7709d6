"""`evaluate_music_data`: any model of music on any data set with captions: clips for its captions, against its sounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonicdiff.audio.waveform import Waveform
from sonicdiff.data.data_set import DataSet
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.evaluation.choosing import LEAST, divided, fingerprint
from sonicdiff.evaluation.frechet import frechet_distance
from sonicdiff.evaluation.music.ears import Ear
from sonicdiff.evaluation.music.scores import TEMPO_ERROR, tempo_of
from sonicdiff.evaluation.progress import Clock
from sonicdiff.evaluation.report import Cell, Table, sheet, write
from sonicdiff.evaluation.scores import bootstrap, win_rate
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.loudness import loudness_of
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

SECONDS = 10.0  # heard of each of the data's sounds


@dataclass(frozen=True)
class MusicTrial:
    n: int = 54
    pool: int = 180
    steps: int = 30
    seed: int = 0


@dataclass(frozen=True)
class Listened:
    """n sounds: their features (n, f), their unit vectors (n, d), their loudness in LUFS (n,)."""

    features: np.ndarray
    vectors: np.ndarray
    loudness: np.ndarray


def evaluate_music_data(
    pipeline: MusicPipeline, data: DataSet, ear: Ear, trial: MusicTrial, output: Path, log: Callable[[str], None] = print
) -> list[Table]:
    """Judge a model on `trial.n` captions (or class names) of a data set; writes scores.json, scores.md, spectrograms and the clips.

    The clips' own sounds and the pool share no recording. Raises ValueError where pairs are too few or have no words.
    """
    sides = divided([sample for sample in data if said(sample)], trial.seed)
    left_out: list[str] = []
    (tried, truths), (pool, others) = (
        readable(ear, side, count, left_out, log) for side, count in zip(sides, (trial.n, trial.pool), strict=True)
    )
    captions = [said(sample) for sample in tried]
    clips = play(pipeline, captions, trial, output / "clips", log)
    texts, groups = ear.read(captions), [sample.group or sample.key for sample in tried]
    heard = {"model": listened(ear, clips), "the data's own sounds": truths}
    table = Table(
        "Text to music",
        f"n = {len(tried)} captions from {len(set(groups))} recordings, pool of {len(pool)} sounds; 95 % intervals over recordings. "
        f"Ear: {ear.about}. Wins: the share of the other captions that fit less well. FAD to the pool's sounds falls as n grows.",
    )
    for name, each in heard.items():
        table.rows[name] = fitting(each, texts, groups) | {
            "FAD": frechet_distance(each.features, others.features),
            "loudness (LUFS)": float(np.median(each.loudness)),
        }
    table.rows["model"] |= kept_tempo(clips, groups)
    table.rows["chance"] = {
        "caption wins": 0.5,
        "caption cosine": float((truths.vectors @ texts.T)[~np.eye(len(texts), dtype=bool)].mean()),
    }
    sheet_of(clips, captions, output / "spectrograms.png")
    facts = {
        **record.origin(pipeline), "data": data.where, "layout": data.layout, "split": data.split, **asdict(trial), "n": len(tried),
        "pool": f"{len(pool)} of {data.where}, {data.split}, {fingerprint(pool)}",
        "tried": f"{len(tried)} of the same, {fingerprint(tried)}", "extractors": ear.about, "left out": left_out,
    }  # fmt: skip
    log(write([table], facts, output))
    return [table]


def said(sample: Sample) -> str:
    return sample.caption or sample.label or ""


def readable(
    ear: Ear, candidates: Sequence[Sample], count: int, left_out: list[str], log: Callable[[str], None]
) -> tuple[list[Sample], Listened]:
    """The first `count` samples whose sound can be read, and what is heard of them."""
    kept, parts = [], []
    for sample in candidates:
        if len(kept) == count:
            break
        try:
            sound = sample.sound().clip(0, SECONDS)
        except SampleError as error:
            left_out.append(str(error))
            log(f"left out: {error}")
            continue
        kept.append(sample)
        parts.append(listened(ear, [sound]))
    if len(kept) < LEAST:
        raise ValueError(f"{len(kept)} sounds could be read, at least {LEAST} are needed: {left_out[0] if left_out else 'take more data'}")
    return kept, Listened(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("features", "vectors", "loudness")))


def listened(ear: Ear, sounds: Sequence[Waveform]) -> Listened:
    features, vectors = (np.concatenate(column) for column in zip(*(ear.hear(sound) for sound in sounds), strict=True))
    return Listened(features, vectors, np.array([loudness_of(sound) for sound in sounds]))


def play(pipeline: MusicPipeline, captions: Sequence[str], trial: MusicTrial, folder: Path, log: Callable[[str], None]) -> list[Clip]:
    """A clip for each caption, saved with its record."""
    folder.mkdir(parents=True, exist_ok=True)
    clock, clips = Clock(len(captions) * trial.steps, log), []
    for number, caption in enumerate(captions):
        options: dict[str, Any] = {"seed": trial.seed + number, "num_inference_steps": trial.steps, "show_progress": False}
        clips.append(pipeline.music(caption, **options)[0])
        clips[-1].save(folder / f"{number:05d}.ogg", picture=False)
        clock.advance(trial.steps, "playing")
    return clips


def fitting(heard: Listened, texts: np.ndarray, groups: Sequence[str]) -> dict[str, Cell]:
    """How well n sounds fit their captions: the cosine (with CLAP, the CLAP score), and the share of other captions that fit less well."""
    similar = heard.vectors @ texts.T
    others = ~np.eye(len(texts), dtype=bool)
    wins = [win_rate(similar[i, i : i + 1], similar[i : i + 1, others[i]])[0] for i in range(len(texts))]
    return {"caption cosine": bootstrap(np.diag(similar), groups=groups), "caption wins": bootstrap(wins, groups=groups)}


def kept_tempo(clips: Sequence[Clip], groups: Sequence[str]) -> dict[str, Cell]:
    """How far the clips' tempo, as librosa hears it, is from the one they were made at; half and double count as wrong."""
    errors = np.array([abs(tempo_of(clip) / clip.bpm - 1) for clip in clips])
    return {"tempo within 4 %": bootstrap(errors < TEMPO_ERROR, groups=groups), "tempo error, median": float(np.median(errors))}


def sheet_of(clips: Sequence[Clip], captions: Sequence[str], path: Path) -> None:
    labelled = [(np.asarray(clip.image.convert("RGB")), caption) for clip, caption in zip(clips[:24], captions, strict=False)]
    sheet([labelled[i : i + 6] for i in range(0, len(labelled), 6)], path, size=200)
