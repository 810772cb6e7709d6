"""The whole recipe on a handful of rows: every stage runs, a second run does nothing again, and the result is a model that loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import load as load_sound
from sonicdiff.pipelines.loading import load
from sonicdiff.synthetic.pairs import LABELS, open_pairs
from sonicdiff.synthetic.two_causes import COMBINATIONS
from sonicdiff.training import stages
from sonicdiff.training.cache import Chunks, fill
from sonicdiff.training.clap import make_feature_extractor
from sonicdiff.training.config import ConfigError
from sonicdiff.training.recipe import find, run, stages_of
from sonicdiff.training.workspace import CAUSES, Workspace, labels

LOOP = 'stage = "{}"\n[loop]\nsteps = 2\nbatch_size = 4\nlearning_rate = 1e-4\nlog_every = 1\n'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recipe")
    recipe = folder / "tiny"
    recipe.mkdir()
    data = "pictures = 16\ntextures = 4\nsounds = 16\nseconds = 1.0\ncaptions = 64\n"
    (recipe / "data.toml").write_text(data + 'beside = ["materials", "two-causes"]\npairs = 4\n')
    for stage in ("text", "clap", "vae", "upscale", "words", "base", "base-256", "align", "adapt", "super-resolution"):
        (recipe / f"{stage}.toml").write_text(LOOP.format(stage))
    (recipe / "model.toml").write_text("feature_injection = 0.25\n")
    run(recipe, folder=folder / "work", output=folder / "model", device="cpu")
    return folder


def test_the_model_loads_and_makes_an_image(made: Path) -> None:
    pipeline = load(made / "model", device="cpu")
    samples = np.random.default_rng(0).standard_normal(24_000).astype(np.float32) * 0.1
    image = pipeline.generate((samples, 48_000), num_inference_steps=2, seed=0, show_progress=False)[0]
    assert image.size == (512, 512)  # 256 of the UNet, doubled
    assert (pipeline.config["feature_injection"], pipeline.config["attention_injection"]) == (0.25, 0.5)
    assert pipeline.tokenizer.tokenize("a drumstick") == ["a</w>", "drumstick"]  # a word of the materials
    names = [name for name, _ in pipeline.heard((samples, 48_000))]
    assert len(names) == 3 and set(names) <= set(pipeline.labels.config.names)


def test_every_shard_is_small_and_in_16_bit(made: Path) -> None:
    from safetensors.torch import load_file

    files = list((made / "model").rglob("*.safetensors"))
    assert len(files) >= 6
    for file in files:
        assert file.stat().st_size < 15 * 2**20
        assert all(tensor.element_size() <= 2 or not tensor.is_floating_point() for tensor in load_file(file).values()), file


def test_a_second_run_changes_nothing(made: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in (made / "work").rglob("*.npy")}
    log = (made / "work" / "run-base" / "log.jsonl").read_text()
    run(made / "tiny", ("data", "latents", "base"), folder=made / "work", output=made / "model", device="cpu")
    assert {file: file.stat().st_mtime_ns for file in (made / "work").rglob("*.npy")} == before
    assert (made / "work" / "run-base" / "log.jsonl").read_text() == log


def test_it_goes_on_from_a_model(made: Path) -> None:
    """From weights that no seed gives, two steps at a small rate stay near them."""
    moved, parts = load(made / "model", device="cpu"), ("audio_encoder", "unet", "projector", "adapter", "super_resolution")
    with torch.no_grad():
        for parameter in [p for part in parts for p in getattr(moved, part).parameters()]:
            parameter.mul_(1.03)
    moved.save_pretrained(made / "moved")
    known = stages_of(made / "tiny", going_on=True)
    run(made / "tiny", known, folder=made / "again", output=made / "again-model", device="cpu", start=made / "moved")
    result = load(made / "again-model", device="cpu")
    for part in ("vae", "text_encoder", "audio_encoder", *parts):
        before, after = (getattr(pipeline, part).parameters() for pipeline in (moved, result))
        apart = max(float((a - b).detach().abs().max()) for a, b in zip(before, after, strict=True))
        assert apart < 2e-3, part  # 16 bits, and what two steps move
        assert (apart > 0) == (part in parts), part


def test_the_ears_hear_the_sets_beside(made: Path) -> None:
    """Their sounds stand behind the landscapes', as they are and then augmented, under classes of their own."""
    space = Workspace(made / "work", made / "tiny")
    heard = stages.labels_beside(space, labels(space.sound_rows()), stages.VERSIONS, ["materials"])
    pairs = open_pairs("materials")[:4]
    assert [*heard.cause[16:]] == 2 * [len(CAUSES) + LABELS["materials"].index(pair.label) for pair in pairs]
    assert np.allclose(heard.intensity[16:], 2 * [pair.intensity for pair in pairs])
    both = stages.labels_beside(space, labels(space.sound_rows()), stages.VERSIONS)
    first = len(CAUSES) + len(LABELS["materials"])
    assert [*both.cause[24:]] == 2 * [first + COMBINATIONS.index(pair.label) for pair in open_pairs("two-causes")[:4]]
    mels = space.chunks("mels-materials")
    assert len(mels) == 8
    front_end = ClapFrontEnd.from_extractor(make_feature_extractor())
    plain = front_end.features(front_end.windows(load_sound(pairs[3].sound()).mono().resampled(48_000))[0])[0, 0].numpy()
    assert np.allclose(mels[np.array([3])][0], plain, atol=0.1)
    assert not np.allclose(mels[np.array([7])][0], plain, atol=3.0)


def test_unknown_recipes_and_stages_list_the_known() -> None:
    with pytest.raises(ConfigError, match="mini"):
        find("nosuch")
    with pytest.raises(ConfigError, match="adapt"):
        run("mini", ("base", "nosuch"))
    assert all((find("mini") / f"{stage}.toml").is_file() for stage in stages_of("mini") if stage not in ("latents", "export"))


def test_chunks_can_be_filled_by_several_and_holes_are_named(tmp_path: Path) -> None:
    for worker in (1, 0):
        fill(tmp_path, 150, lambda index: np.array([index]), worker, 2)
    chunks = Chunks(tmp_path)
    assert len(chunks) == 150
    assert chunks[np.array([149, 3, 70])].ravel().tolist() == [149, 3, 70]
    (tmp_path / "00001.npy").unlink()
    with pytest.raises(FileNotFoundError, match="misses chunks"):
        Chunks(tmp_path)
