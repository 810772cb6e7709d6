"""The readers: what the judges make of materials and voices, which they were not made for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sonicdiff.data.synthetic_pairs import open_synthetic
from sonicdiff.evaluation import extractors
from sonicdiff.evaluation.evaluate import evaluators_folder
from sonicdiff.evaluation.readers import Reader
from sonicdiff.evaluation.reconstruction import digest
from sonicdiff.evaluation.scores import audio_image_similarity
from sonicdiff.evaluation.train_readers import Effort, read, train_readers
from sonicdiff.pipelines.loading import resolve
from sonicdiff.synthetic import pairs as making
from sonicdiff.synthetic.pairs import LABELS, open_pairs


@pytest.mark.parametrize("name", ["materials", "voices"])
def test_the_shipped_readers_know_pairs_they_have_not_seen(name: str) -> None:
    own = extractors.load("own", where=f"synthetic:{name}")
    samples, labels = open_synthetic(name, "test"), list(LABELS[name])
    chosen = [samples[i] for i in range(3 * len(labels))]
    looked = extractors.Looked.together([own.look(np.asarray(sample.picture())) for sample in chosen])
    heard = np.concatenate([own.listen(sample.sound()) for sample in chosen])
    truth = np.array([labels.index(str(sample.label)) for sample in chosen])
    named = own.named(looked, labels, bare=True)
    assert named is not None and (named.argmax(1) == truth).mean() > (0.85 if name == "materials" else 0.45)
    assert audio_image_similarity(looked.shared, heard, heard).mean() > 0.75
    assert own.named(looked, ["thunder", labels[0]], bare=True) is None and name in own.about


def test_other_data_are_judged_as_before() -> None:
    own = extractors.load("own", where="synthetic:landscape")
    looked = own.look(np.zeros((64, 64, 3), np.uint8))
    assert own.named(looked, ["thunder", "raining"], bare=True) is not None and own.named(looked, ["wood", "metal"], bare=True) is None


def test_readers_are_learnt_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    effort, vae = Effort(pairs=20, tests=10, copies=1, steps=120, batch_size=16), resolve("mini") / "vae"
    monkeypatch.setattr(
        making, "picture_speaking", lambda speaking: np.full((256, 256, 3), 25 * making.EMOTIONS.index(speaking.emotion), np.uint8)
    )
    monkeypatch.setattr(making, "render_voice", lambda speaking: np.random.default_rng(speaking.seed).normal(0, 0.1, 16_000))
    judges = evaluators_folder()
    train_readers(tmp_path / "out", vae, judges, tmp_path / "cache", effort, log=lambda text: None)
    kept = {folder.name for folder in (tmp_path / "cache" / "materials" / "train").iterdir()}
    assert kept == {"sounds", f"pictures-1-{digest(vae)}-{digest(judges)}"}  # of other judges they are seen anew
    assert "| materials |" in (tmp_path / "out" / "README.md").read_text()
    reader = Reader.load(tmp_path / "out", "materials")
    half = len(open_pairs("materials")) // 2
    learnt = read("materials", open_pairs("materials")[half : half + 20], judges, vae, tmp_path / "cache" / "materials" / "train", 1, print)
    assert (reader.name_pictures(learnt.pictures[0].numpy()).argmax(1) == learnt.labels.numpy()).mean() > 0.8
    assert (reader.name_sounds(learnt.sounds[0].numpy()).argmax(1) == learnt.labels.numpy()).mean() > 0.8
    with pytest.raises(FileNotFoundError, match="train-readers"):
        Reader.load(tmp_path, "materials")
