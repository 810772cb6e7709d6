"""The recipe for music on a handful of pictures: every stage runs, stops and goes on, and the result is a model that plays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiff.pipelines.loading import load_music
from sonicdiff.synthetic.music.composer import BEATS
from sonicdiff.synthetic.music.dataset import FRAMES_A_BEAT, PARAMS, music_row
from sonicdiff.synthetic.music.genres import GENRES, INSTRUMENTS
from sonicdiff.training import music
from sonicdiff.training.cache import Chunks, fill
from sonicdiff.training.config import ConfigError
from sonicdiff.training.recipe import find, run, stages_of
from sonicdiff.training.text import UNSAID

LOOP = 'stage = "{}"\n[loop]\nsteps = 2\nbatch_size = 4\nlearning_rate = 1e-4\nlog_every = 1\n[options]\n{}'
PIECES = 6
OPTIONS = {
    "text": "width = 64\nlayers = 1",
    "vae": "channels = [8, 8, 8, 8]\nlatent_channels = 4\ntexture_share = 0.0\nhalf_share = 0.0",
    "base-short": "channels = [16, 16, 16, 16]\nheads = [2, 2, 2, 2]\nlayers = 1\nattention = [false, true, true, false]\nbeats = 4",
    "base": "beats = 8",
}


def stripes(index: int) -> np.ndarray:
    """A picture that takes no FluidSynth: a tone and a beat."""
    picture = np.full((PARAMS.mel_bins, BEATS * FRAMES_A_BEAT, 1), 230, np.uint8)
    picture[40 + 10 * index, :] = 60
    picture[:, ::FRAMES_A_BEAT] = 120
    return picture


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("music")
    recipe = folder / "tiny"
    recipe.mkdir()
    (recipe / "data.toml").write_text(f'family = "music"\npieces = {PIECES}\ncaptions = 2\n')
    for stage, options in OPTIONS.items():
        (recipe / f"{stage}.toml").write_text(LOOP.format(stage, options))
    fill(folder / "work" / "spectrograms", PIECES, stripes)  # the data stage finds them made
    run(recipe, folder=folder / "work", output=folder / "model", device="cpu")
    return folder


def test_the_model_plays(made: Path) -> None:
    pipeline = load_music(made / "model", "cpu")
    clip = pipeline.music("jazz piano, 120 bpm", num_inference_steps=2, seed=0, show_progress=False)[0]
    assert clip.bpm == pytest.approx(120, rel=1e-3) and clip.image.size == (256, 256)
    assert pipeline.params == PARAMS and pipeline.config["frames_a_beat"] == FRAMES_A_BEAT


def test_it_is_small_and_in_16_bit(made: Path) -> None:
    from safetensors.torch import load_file

    for file in (made / "model").rglob("*.safetensors"):
        assert all(tensor.element_size() <= 2 or not tensor.is_floating_point() for tensor in load_file(file).values()), file


def test_latents_are_those_of_a_loop(made: Path) -> None:
    """Where the ends meet, a loop is encoded about as it is in the middle of the turned loop, and not as at an edge."""
    from diffusers import AutoencoderKL

    from sonicdiff.training import vae

    model = AutoencoderKL.from_pretrained(made / "work" / "vae")
    joint = [62, 63, 0, 1]
    with torch.no_grad():
        turned = vae.encode(model, music.as_pixels(np.roll(stripes(2), 256, 1)[None]))[0].roll(32, -1)[..., joint]
        edged = vae.encode(model, music.as_pixels(stripes(2)[None]))[0][..., joint]
    latents = Chunks(made / "work" / "latents")[np.array([2])][0]
    assert latents.shape == (4, 32, 64)
    ours = torch.from_numpy(latents[..., joint]).float()
    assert float((ours - turned).norm()) < 0.6 * float((edged - turned).norm())


def test_crops_begin_with_a_bar_and_have_their_own_captions(made: Path) -> None:
    loops = Chunks(made / "work" / "latents")
    text = torch.arange(2 * PIECES).float()[:, None, None].expand(-1, 77, 3)
    unet = torch.nn.Conv2d(4, 4, 1)
    task = music.MusicTask(unet, music.MusicBaseOptions(beats=8), loops, text, text[:1])  # pyright: ignore[reportArgumentType]
    latents, states = task.batch(np.random.default_rng(0), 32)
    assert latents.shape == (32, 4, 32, 32)
    bars = set()
    for crop, state in zip(latents.numpy(), states, strict=True):
        loop = loops[np.array([int(state[0, 0]) // 2])][0].astype(np.float32)
        starts = [bar for bar in range(4) if np.array_equal(np.roll(loop, -16 * bar, -1)[..., :32], crop)]
        assert starts
        bars.add(starts[0])
    assert len(bars) > 1


def test_labels_are_what_captions_say() -> None:
    rows = [music_row(index, captions=3) for index in range(40)]
    said, captions = music.said_of(rows), music.captions_of(rows)
    assert len(captions) == 120 == len(said.labels["genre"][0])
    for number, caption in enumerate(captions):
        brief = rows[number // 3].brief
        assert list(GENRES)[said.labels["genre"][0][number]] == brief.genre
        assert list(INSTRUMENTS)[said.labels["lead"][0][number]] == brief.lead
        assert (said.labels["tonic"][0][number] == UNSAID) == (" in " not in caption or said.labels["mode"][0][number] == UNSAID)
        if "bpm" in caption:
            assert np.isfinite(said.numbers["tempo"][number])


def test_a_second_run_changes_nothing(made: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in (made / "work").rglob("*.npy")}
    run(made / "tiny", folder=made / "work", output=made / "model-again", device="cpu")
    assert {file: file.stat().st_mtime_ns for file in (made / "work").rglob("*.npy")} == before
    a, b = (file.read_bytes() for file in (next((made / name / "unet").glob("*.safetensors")) for name in ("model", "model-again")))
    assert a == b


def test_it_goes_on_from_a_model(made: Path) -> None:
    fill(made / "again" / "spectrograms", PIECES, stripes)
    run(made / "tiny", stages_of(made / "tiny", going_on=True), made / "again", made / "again-model", "cpu", start=made / "model")
    before, after = (load_music(made / name, "cpu").unet.state_dict() for name in ("model", "again-model"))
    assert 0 < max(float((before[name] - after[name]).abs().max()) for name in before) < 2e-3


def test_the_shipped_recipe_is_whole() -> None:
    assert stages_of("mini-music") == ["data", "text", "vae", "latents", "base", "export"]
    assert all((find("mini-music") / f"{stage}.toml").is_file() for stage in ("text", "vae", "base"))
    with pytest.raises(ConfigError, match="latents"):
        run("mini-music", ["align"])


def test_an_unknown_family_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.toml").write_text('family = "smells"\n')
    with pytest.raises(ConfigError, match="pictures, music"):
        run(tmp_path)
