"""Training the listener: `train_judge` makes `checkpoints/evaluators/music`, with its own scores: the ceiling of every model's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor

from sonicdiff.evaluation.frechet import frechet_distance
from sonicdiff.evaluation.music.judge import MusicJudge
from sonicdiff.evaluation.music.material import WAYS, clip_of, material
from sonicdiff.evaluation.music.scores import named, tempo_right, wins
from sonicdiff.synthetic.music.dataset import MusicRow
from sonicdiff.synthetic.music.genres import GENRES, INSTRUMENTS

TEMPERATURE = 0.1


@dataclass(frozen=True)
class Effort:
    """How much is composed and how long is learnt; the default is about forty core-minutes."""

    clips: int = 3072
    tests: int = 192  # in each way, and as many again as reference for the Frechet distance
    steps: int = 1000
    batch_size: int = 48
    learning_rate: float = 2e-3
    seed: int = 0


def train_judge(output: Path, vae: Path, cache: Path = Path("runs/music-judge"), effort: Effort | None = None,
                log: Callable[[str], None] = print) -> MusicJudge:  # fmt: skip
    """Compose (into `cache`), train, score on the split "test", save in `output`. vae: what the clips of one third went through."""
    effort = effort or Effort()
    torch.manual_seed(effort.seed)
    model = AutoencoderKL.from_pretrained(vae).eval()
    rows, clips = material(cache, "evaluators", effort.clips, WAYS, model, log)
    judge = MusicJudge()
    fit(judge, rows, clips, effort, log)
    about, held_out = ceilings(judge.eval(), cache, model, effort, log)
    judge.save(output, about, held_out)
    return judge


def fit(judge: MusicJudge, rows: list[MusicRow], clips: np.ndarray, effort: Effort, log: Callable[[str], None]) -> None:
    labels = {
        "genre": torch.tensor([list(GENRES).index(row.brief.genre) for row in rows]),
        "lead": torch.tensor([list(INSTRUMENTS).index(row.brief.lead) for row in rows]),
        "drums": torch.tensor([int(row.brief.drums) for row in rows]),
    }
    optimizer = torch.optim.AdamW(judge.parameters(), effort.learning_rate, weight_decay=0.02)
    rates = torch.optim.lr_scheduler.OneCycleLR(optimizer, effort.learning_rate, effort.steps)
    rng = np.random.default_rng(effort.seed)
    for step in range(effort.steps):
        chosen = rng.integers(0, len(rows), effort.batch_size)
        x = augmented(clips[chosen].astype(np.float32), rng)
        with torch.autocast("cpu", torch.bfloat16):
            features = judge(torch.from_numpy(x)).float()
        losses = {name: F.cross_entropy(judge.heads[name](features), of[torch.from_numpy(chosen)], label_smoothing=0.05)
                  for name, of in labels.items()}  # fmt: skip
        captions = [rows[i].said[rng.integers(len(rows[i].said))].caption for i in chosen]
        losses["caption"] = contrast(judge.listen(features), judge.caption(captions))
        optimizer.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        optimizer.step()
        rates.step()
        if step % 50 == 0:
            log(f"step {step}  " + "  ".join(f"{name} {float(loss.detach()):.3f}" for name, loss in losses.items()))


def contrast(a: Tensor, b: Tensor) -> Tensor:
    """InfoNCE both ways between rows of unit vectors."""
    similar = a @ b.T / TEMPERATURE
    target = torch.arange(len(a))
    return (F.cross_entropy(similar, target) + F.cross_entropy(similar.T, target)) / 2


def augmented(clips: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turned in time, with another level in each band, a little noise, and a band or a moment missing."""
    count, bands, frames = clips.shape
    out = np.stack([np.roll(clip, rng.integers(frames), 1) for clip in clips])
    tilt = np.cumsum(rng.normal(0, 0.008, (count, bands, 1)), axis=1) + rng.normal(0, 0.02, (count, 1, 1))
    out = out + tilt.astype(np.float32) + rng.normal(0, 0.02, out.shape).astype(np.float32)
    for clip in out:
        band, moment = rng.integers(bands - 8), rng.integers(frames - 16)
        clip[band : band + rng.integers(9)] = 0
        clip[:, moment : moment + rng.integers(17)] = 0
    return np.clip(out, 0, 1.2)


def ceilings(judge: MusicJudge, cache: Path, vae: AutoencoderKL, effort: Effort, log: Callable[[str], None]) -> tuple[dict, Tensor]:
    """What compositions of the split "test" score, in each way, against others of that split, whose features are given back."""
    rows, clips = material(cache, "test", 2 * effort.tests, WAYS[:1], vae, log)
    held_out = judge.judge(list(clips[effort.tests :]))
    scores = {}
    for way in WAYS:
        rows, clips = material(cache, "test", effort.tests, (way,), vae, log)
        features = judge.judge(list(clips))
        right = named(judge, features, [row.brief for row in rows])
        tempi = [tempo_right(clip_of(row, way, vae, index), row.brief.bpm) for index, row in enumerate(rows[:96])]
        scores[way] = {
            **{name: float(np.mean(values)) for name, values in right.items()},
            "caption": float(np.mean(wins(judge, features, [row.said[0].caption for row in rows]))),
            "tempo": float(np.mean(tempi)),
            "frechet distance": frechet_distance(features.numpy(), held_out.numpy()),
        }
        log(f"{way}: " + ", ".join(f"{name} {value:.3f}" for name, value in scores[way].items()))
    return {"ceilings": scores, "n": effort.tests, "clips": effort.clips, "steps": effort.steps}, held_out
