"""`evaluate_music`: a model's clips for captions of compositions it has not heard, against such compositions themselves."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sonicdiff.evaluation.frechet import frechet_distance
from sonicdiff.evaluation.music.editing import editing
from sonicdiff.evaluation.music.judge import MusicJudge, heard
from sonicdiff.evaluation.music.scores import TEMPO_ERROR, named, seam, tempo_of, wins
from sonicdiff.evaluation.report import Table, sheet, write
from sonicdiff.evaluation.scores import Estimate, bootstrap
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.loudness import LOUDNESS, loudness_of
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.synthetic.music.dataset import MusicRow, music_row

NAMES = ("genre", "instrument", "family")
QUIET = 1e-3  # of full scale: a clip whose loudest tenth of a second is below is silent


@dataclass(frozen=True)
class Played:
    rows: list[MusicRow]
    clips: list[Clip]
    seconds: list[float]  # that each took


def evaluate_music(
    pipeline: MusicPipeline, judges: Path, n: int = 192, seed: int = 0, steps: int = 30, guidance_scale: float | None = None,
    output: Path = Path("outputs/evaluation/music"), split: str = "test", log: Callable[[str], None] = print,
) -> list[Table]:  # fmt: skip
    """Judge `n` clips; writes scores.json, scores.md, the spectrograms and some clips to `output`, logs the tables.

    judges: the directory that `train_judge` made. Each clip is asked for by a caption of a composition of `split`, at its tempo.
    """
    judge, about, held_out = MusicJudge.load(judges)
    options: dict[str, Any] = {} if guidance_scale is None else {"guidance_scale": guidance_scale}
    played = play(pipeline, n, seed, steps, split, options, log)
    features = judge.judge([heard(clip) for clip in played.clips])
    briefs, captions = [row.brief for row in played.rows], [row.said[0].caption for row in played.rows]
    right = named(judge, features, briefs)
    cells: dict[str, Any] = {name: bootstrap(right[name].astype(float)) for name in NAMES}
    asked = np.array([row.said[0].drums for row in played.rows])
    cells["drums, where asked"] = bootstrap(right["drums"][asked].astype(float)) if asked.any() else None
    cells["caption wins"] = bootstrap(wins(judge, features, captions))
    errors = np.array([abs(tempo_of(clip) / brief.bpm - 1) for clip, brief in zip(played.clips, briefs, strict=True)])
    cells["tempo"] = bootstrap(errors < TEMPO_ERROR)
    cells["tempo error, median"] = float(np.median(errors))
    cells["frechet distance"] = frechet_distance(features.numpy(), held_out.numpy())
    scores = Table("Music", f"n {n}, 95 % intervals; frechet distance: FAD on the listener's features; "
                   f"its and librosa's own ceilings on {about['n']} compositions below", {})  # fmt: skip
    scores.rows["this model"] = cells
    for way, ceiling in about["ceilings"].items():
        scores.rows[way] = {"caption wins" if name == "caption" else name: float(value) for name, value in ceiling.items()}
    tables = [scores, by_group("By genre", [b.genre for b in briefs], right, "genre"),
              by_group("By instrument", [b.lead for b in briefs], right, "instrument", "family"), sound(played)]  # fmt: skip
    edits = min(n, max(4, n // 8))
    tables.append(editing(pipeline, judge, played.rows[:edits], played.clips[:edits], steps, log))
    facts = {"model": str(pipeline.config.get("_name_or_path")), "n": n, "seed": seed, "steps": steps, "split": split, **options}
    keep(played, output)
    log(write(tables, facts, output))
    return tables


def play(pipeline: MusicPipeline, n: int, seed: int, steps: int, split: str, options: dict[str, Any], log: Callable[[str], None]) -> Played:
    rows = [music_row(index, split) for index in range(n)]
    clips, seconds = [], []
    for index, row in enumerate(rows):
        began = time.perf_counter()
        more = {"seed": seed + index, "num_inference_steps": steps, "show_progress": False, **options}
        clips.append(pipeline.music(row.said[0].caption, bpm=row.brief.bpm, **more)[0])
        seconds.append(time.perf_counter() - began)
        if (index + 1) % 16 == 0:
            log(f"{index + 1} of {n} clips, {np.mean(seconds):.1f} s each")
    return Played(rows, clips, seconds)


def by_group(title: str, groups: list[str], right: dict[str, np.ndarray], *names: str) -> Table:
    of = np.array(groups)
    table = Table(title)
    for group in sorted(set(groups)):
        shares = {name: float(right[name][of == group].mean()) for name in names}
        table.rows[group] = {**shares, "n": int((of == group).sum())}
    return table


def sound(played: Played) -> Table:
    """What can be measured of the sound itself."""
    levels = [loudness_of(clip) for clip in played.clips]
    peaks = [float(np.abs(clip.samples).max()) for clip in played.clips]
    seams = [seam(clip) for clip in played.clips if clip.loop]
    cells: dict[str, float | int | str | Estimate | None] = {
        "loudness (LUFS)": float(np.median(levels)),
        f"within 1 LU of {LOUDNESS:g}": float(np.mean(np.abs(np.array(levels) - LOUDNESS) < 1)),
        "highest peak": max(peaks),
        "clipped samples": int(sum((np.abs(clip.samples) >= 1).sum() for clip in played.clips)),
        "silent clips": int(sum(peak < QUIET for peak in peaks)),
        "seam, median": float(np.median(seams)),
        "seam, 95 %": float(np.quantile(seams, 0.95)),
        "seconds of music": float(np.mean([clip.seconds for clip in played.clips])),
        "made in (s)": float(np.mean(played.seconds)),
    }
    return Table("Sound", "a seam is the spectral jump at a loop's joint over the 99th percentile inside", {"clips": cells})


def keep(played: Played, folder: Path) -> None:
    """The first clips as sounds, and the spectrograms of more of them on a sheet."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, (row, clip) in enumerate(zip(played.rows[:8], played.clips, strict=False)):
        clip.save(folder / f"{index:02d}-{row.brief.genre}-{row.brief.lead}.ogg".replace(" ", "-"))
    labelled = [(np.asarray(clip.image), f"{row.brief.genre}, {row.brief.lead}, {row.brief.bpm:.0f}")
                for row, clip in zip(played.rows[:24], played.clips, strict=False)]  # fmt: skip
    sheet([labelled[i : i + 6] for i in range(0, len(labelled), 6)], folder / "spectrograms.png", size=200)
