"""Training the readers: `train_readers` makes `checkpoints/evaluators/pairs` in about twenty minutes of one processor core."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from sonicdiff.audio.waveform import load as load_sound
from sonicdiff.evaluation.data import RATE, made, reduced
from sonicdiff.evaluation.degrade import degraded
from sonicdiff.evaluation.features import Evaluators, mel_filters, to_tensor
from sonicdiff.evaluation.readers import Heads, Reader, statistics
from sonicdiff.evaluation.reconstruction import digest, reconstruct
from sonicdiff.evaluation.scores import audio_image_similarity, bootstrap, image_image_similarity
from sonicdiff.evaluation.train import SAME_INTENSITY, TEMPERATURE, contrast
from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.pairs import LABELS, SIZES, Pair, open_pairs

Log = Callable[[str], None]
CARD = """# Readers

Small heads over what the evaluators see and over the statistics of a mel spectrogram, one file for each set of pairs that the evaluators
were not made for: the class of a picture and of a sound, and one embedding of both. `sonicdiff evaluate train-readers` made them from the
second half of `train`, which no model learns from: {pairs} pairs as they are, through the autoencoder of `mini`, and in worse copies.
float16 safetensors; `sonicdiff.evaluation.readers.Reader.load` reads them. They know the synthetic world only.

Ceilings on {tests} true pairs of `validation`, with 95 % intervals. AIS and IIS: win rates against the other pairs (chance 0.50).

| | picture's class | through the autoencoder | sound's class | AIS | IIS, autoencoder | chance of a class |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Effort:
    """How much is rendered and how long is learnt; the default is about twenty core-minutes."""

    pairs: int = 2048
    tests: int = SIZES["validation"]
    copies: int = 3  # worse copies of each picture
    steps: int = 1500
    batch_size: int = 128
    learning_rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True)
class Read:
    """n pairs: features of the versions of their pictures (v, n, 256), of their sounds (w, n, 256), classes and intensities (n,)."""

    pictures: Tensor
    sounds: Tensor
    labels: Tensor
    intensities: Tensor


def train_readers(output: Path, vae: Path, evaluators: Path, cache: Path, effort: Effort | None = None, log: Log = print) -> None:
    """Render (into `cache`), train a reader for each set of pairs over the frozen evaluators, save them with their card in `output`."""
    effort, lines = effort or Effort(), []
    for name, labels in LABELS.items():
        half = len(open_pairs(name)) // 2
        learnt = read(name, open_pairs(name)[half : half + effort.pairs], evaluators, vae, cache / name / "train", effort.copies, log)
        torch.manual_seed(effort.seed)  # here: what is read before, or was kept, draws as well
        reader = Reader(name, labels, fit(Heads(len(labels)), learnt, effort, name, log))
        reader.save(output)
        tests = read(name, open_pairs(name, "validation")[: effort.tests], evaluators, vae, cache / name / "validation", 0, log)
        lines.append(ceilings(Reader.load(output, name), tests))
        log(lines[-1])
    (output / "README.md").write_text(CARD.format(pairs=effort.pairs, tests=effort.tests) + "\n".join(lines) + "\n")


def read(name: str, pairs: Sequence[Pair], evaluators: Path, vae: Path, folder: Path, copies: int, log: Log) -> Read:
    """What is seen in pictures as painted, through the autoencoder and in worse copies; what is heard of sounds as made, and elsewhere."""
    model, judges = AutoencoderKL.from_pretrained(vae).eval(), Evaluators.load(evaluators)

    def pictures(pair: Pair) -> np.ndarray:
        image = reduced(pair.picture())
        worse = degraded(np.stack([image] * copies), generator(pair)) if copies else torch.empty(0, 3, *image.shape[:2])
        seen = torch.cat([to_tensor(np.stack([image, reconstruct(model, image)])), worse])
        with torch.no_grad():
            return judges.image(seen).numpy()

    seen = made(folder / f"pictures-{copies}-{digest(vae)}-{digest(evaluators)}", pairs, pictures, log)
    heard = made(folder / "sounds", pairs, sound_statistics, log)
    classes = torch.tensor([LABELS[name].index(pair.label) for pair in pairs])
    intensities = torch.tensor([pair.intensity for pair in pairs])
    return Read(torch.from_numpy(seen).transpose(0, 1), torch.from_numpy(heard).transpose(0, 1), classes, intensities)


def sound_statistics(pair: Pair) -> np.ndarray:
    """Of the sound as made, and of the same heard elsewhere: (2, 256)."""
    sound, filters = load_sound(pair.sound()).mono().resampled(RATE).samples[0], mel_filters()
    return np.stack([statistics(sound, filters), statistics(augment(sound, RATE, generator(pair)), filters)])


def generator(pair: Pair) -> np.random.Generator:
    """Of a pair's own: what is made of it is the same wherever a stopped run goes on."""
    return np.random.default_rng(zlib.crc32(pair.key.encode()))


def fit(heads: Heads, of: Read, effort: Effort, name: str, log: Log) -> Heads:
    """AdamW under a one-cycle learning rate: classes by cross-entropy, embeddings by graded InfoNCE between pictures, and to sounds."""
    optimizer = torch.optim.AdamW(heads.parameters(), lr=effort.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, effort.learning_rate, total_steps=effort.steps, pct_start=0.15)
    count = len(of.labels)
    for step in range(effort.steps):
        rng = np.random.default_rng((effort.seed, step))
        rows, others = (torch.from_numpy(rng.integers(0, count, effort.batch_size)) for _ in range(2))
        seen = of.pictures[torch.from_numpy(rng.integers(0, len(of.pictures), effort.batch_size)), rows]
        heard = of.sounds[torch.from_numpy(rng.integers(0, len(of.sounds), effort.batch_size)), others]
        picture, sound = (F.normalize(x, dim=1) for x in (heads.picture_embed(seen), heads.sound_embed(heard)))
        named = F.cross_entropy(heads.picture_class(seen), of.labels[rows]) + F.cross_entropy(heads.sound_class(heard), of.labels[others])
        logits, alike = picture @ sound.T / TEMPERATURE, agreement(of, rows, others)
        pairs = contrast(logits, alike) + contrast(logits.T, alike.T)
        peers = contrast((picture @ picture.T / TEMPERATURE).fill_diagonal_(-1e4), agreement(of, rows, rows).fill_diagonal_(0))
        optimizer.zero_grad(set_to_none=True)
        loss = named + 0.5 * pairs + 0.5 * peers
        loss.backward()
        nn.utils.clip_grad_norm_(heads.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if (step + 1) % 250 == 0:
            log(f"reader of {name}: step {step + 1} of {effort.steps}  loss {loss.item():.3f}")
    return heads.eval()


def agreement(of: Read, a: Tensor, b: Tensor) -> Tensor:
    """(len(a), len(b)): 0 between classes, within one falling with the distance of the intensities."""
    apart = (of.intensities[a][:, None] - of.intensities[b][None]) / SAME_INTENSITY
    return (of.labels[a][:, None] == of.labels[b][None]) * torch.exp(-0.5 * apart**2)


def ceilings(reader: Reader, tests: Read) -> str:
    """A row of the card."""
    truth = tests.labels.numpy()
    painted, coded = (x.numpy() for x in tests.pictures[:2])
    sounds = tests.sounds[0].numpy()
    seen, again, heard = reader.see(painted), reader.see(coded), reader.hear(sounds)
    scores = [
        reader.name_pictures(painted).argmax(1) == truth,
        reader.name_pictures(coded).argmax(1) == truth,
        reader.name_sounds(sounds).argmax(1) == truth,
        audio_image_similarity(seen, heard, heard),
        image_image_similarity(again, seen, seen),
    ]
    cells = [f"{score.mean:.3f} [{score.low:.2f}, {score.high:.2f}]" for score in map(bootstrap, scores)]
    return f"| {reader.name} | {' | '.join(cells)} | {1 / len(reader.labels):.3f} |"
