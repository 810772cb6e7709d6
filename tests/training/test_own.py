"""One's own training from a folder of pairs to a model that loads: both stages, in one process or two, resumed exactly."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import traceback
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from accelerate import PartialState
from PIL import Image
from safetensors.torch import load_file
from tiny import save_base

from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.training.config import ConfigError
from sonicdiff.training.own import plan
from sonicdiff.training.own import run as own
from sonicdiff.training.own.config import OwnConfig
from sonicdiff.training.own.watch import Watch

TOML = """
base = "{base}"
output = "{folder}/model"
folder = "{folder}/run"
features = "{folder}/features"
[data]
where = "{folder}/data"
max_skipped = 0.2
[projector]
width = 32
heads = 4
blocks = 1
[align]
steps = 2
batch_size = 4
learning_rate = 1e-3
[adapt]
steps = 4
batch_size = 4
accumulate = 2
learning_rate = 1e-3
log_every = 1
save_every_s = 0.0
[watch]
validate_every = 2
validation_batches = 1
sample_every = 4
samples = 2
sample_steps = 1
"""


def make_pairs(folder: Path) -> None:
    """Six noises of two classes with pictures in train and two in validation, and one pair whose sound is cut short."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 3), ("validation", 1)):
        for label in ("rain", "wind_noise"):
            place = folder / split / label
            place.mkdir(parents=True)
            for number in range(count):
                soundfile.write(place / f"{number}.wav", rng.normal(0, 0.1, 20_000), 16_000)
                Image.fromarray(rng.integers(0, 255, (70, 90, 3), np.uint8)).save(place / f"{number}.png")
    (folder / "train" / "rain" / "0.txt").write_text("rain on a roof")
    shutil.copy(folder / "train" / "rain" / "0.png", folder / "train" / "rain" / "cut.png")
    (folder / "train" / "rain" / "cut.wav").write_bytes((folder / "train" / "rain" / "0.wav").read_bytes()[:30])


def write_toml(folder: Path, base: Path, **changed: str) -> Path:
    text = TOML.format(base=base, folder=folder)
    for old, new in changed.items():
        assert old in text
        text = text.replace(old, new)
    file = folder / "mine.toml"
    file.write_text(text)
    return file


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_directory: Path) -> Path:
    folder = tmp_path_factory.mktemp("own")
    make_pairs(folder / "data")
    own.train_own(write_toml(folder, tiny_directory), "cpu")
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    parts = (f"{part}/diffusion_pytorch_model.safetensors" for part in ("projector", "adapter"))
    return {f"{part}: {name}": tensor for part in parts for name, tensor in load_file(folder / part).items()}


def test_the_model_loads_and_its_sounds_have_names(made: Path) -> None:
    pipeline = load_pictures(made / "model", "cpu")
    sound = made / "data" / "train" / "rain" / "0.wav"
    image = pipeline.generate(sound, num_inference_steps=2, seed=0, show_progress=False)[0]
    assert image.size == (64, 64)
    assert pipeline.heard(sound)[0][0] in ("rain", "wind noise")
    assert len(pipeline.adapter.paths) == 10


def test_the_base_is_taken_over_as_it_is(made: Path, tiny_directory: Path) -> None:
    name = "unet/diffusion_pytorch_model.safetensors"
    before, after = load_file(tiny_directory / name), load_file(made / "model" / name)
    assert before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)


def test_a_model_beside_its_base_may_share_it(made: Path, tmp_path: Path, tiny_directory: Path) -> None:
    shutil.copytree(tiny_directory, tmp_path / "base")
    toml = tmp_path / "mine.toml"
    toml.write_text(TOML.format(base=tmp_path / "base", folder=made).replace("[data]", "share = true\n[data]"))
    own.train_own(toml, "cpu", folder=tmp_path / "run", output=tmp_path / "other")
    assert {path.name for path in (tmp_path / "other").iterdir() if path.is_dir()} == {"projector", "adapter", "labels", "scheduler"}
    settings = {"num_inference_steps": 2, "seed": 0, "show_progress": False, "output_type": "np"}
    sound = made / "data" / "train" / "rain" / "0.wav"
    images = [load_pictures(place, "cpu").generate(sound, **settings)[0] for place in (tmp_path / "other", made / "model")]
    assert np.allclose(*images, atol=2e-3)
    with pytest.raises(ConfigError, match=r"needs a base that is a directory beside the output"):
        own.train_own(toml, "cpu", folder=tmp_path / "run", output=tmp_path / "elsewhere" / "other")


def test_what_cannot_be_read_is_counted_and_listed(made: Path) -> None:
    listed = (made / "run" / "skipped.txt").read_text().splitlines()
    assert len(listed) == 1 and "cut" in listed[0]
    card = (made / "model" / "README.md").read_text()
    assert "6 pairs" in card and "could not be read: 1" in card and "rain, wind noise" in card


def test_scores_and_samples_are_kept(made: Path) -> None:
    run = made / "run" / "adapt"
    rows = [json.loads(line) for line in (run / "validation.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [2, 4] and all(row["squared"] > 0 for row in rows)
    assert Image.open(run / "samples" / "00000004.png").size == (128, 64)
    assert list((run / "tensorboard").glob("events.*"))


def losses(run: Path, stage: str) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (run / stage / "log.jsonl").read_text().splitlines()]
    return [(row["step"], row["loss"]) for row in rows]


def test_two_processes_learn_what_one_does(made: Path, tmp_path: Path) -> None:
    """The same batches, curves and weights but for the rounding of sums; and together they make the features."""
    text = (
        (made / "mine.toml")
        .read_text()
        .replace(f"{made}/features", f"{tmp_path}/features")
        .replace("validate_every = 2", "validate_every = 0")
        .replace("sample_every = 4", "")
    )
    file = tmp_path / "mine.toml"
    file.write_text(text)
    children = [forked(rank, free_port, file, tmp_path) for free_port in [port()] for rank in range(2)]
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert len(list((tmp_path / "features").rglob("*.safetensors"))) >= 6
    for stage in ("align", "adapt"):
        np.testing.assert_allclose(losses(tmp_path / "run", stage), losses(made / "run", stage), rtol=1e-5)
    ours, theirs = weights(tmp_path / "model"), weights(made / "model")
    assert max(float((ours[name].float() - theirs[name].float()).abs().max()) for name in ours) < 2e-3  # of 16 bits


def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def forked(rank: int, port: int, file: Path, folder: Path) -> int:
    """A process as `accelerate launch` starts them; it is ended after two minutes, whatever it waits for."""
    if child := os.fork():
        return child
    try:
        signal.alarm(120)
        torch.set_num_threads(1)
        os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        os.environ["GLOO_SOCKET_IFNAME"] = "lo"
        PartialState._reset_state()
        own.train_own(file, "cpu", folder / "run", folder / "model")
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


class Interrupted(Exception):
    pass


def test_an_interrupted_run_goes_on_to_the_same_model(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And takes the features that are there already."""
    file = tmp_path / "mine.toml"
    file.write_text((made / "mine.toml").read_text().replace("validate_every = 2", "validate_every = 0").replace("sample_every = 4", ""))
    before = {shard: shard.stat().st_mtime_ns for shard in (made / "features").rglob("*")}

    def interrupt(watch: Watch, step: int, means: dict[str, float]) -> None:
        if step == 3 and watch.run_dir.name == "adapt":
            raise Interrupted

    with monkeypatch.context() as patched, pytest.raises(Interrupted):
        patched.setattr(Watch, "logged", interrupt)
        own.train_own(file, "cpu", tmp_path / "run", tmp_path / "model")
    assert not (tmp_path / "model").exists()
    own.train_own(file, "cpu", tmp_path / "run", tmp_path / "model")
    ours, theirs = weights(tmp_path / "model"), weights(made / "model")
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert losses(tmp_path / "run", "adapt") == losses(made / "run", "adapt")
    assert {shard: shard.stat().st_mtime_ns for shard in (made / "features").rglob("*")} == before


def test_a_run_goes_on_with_nothing_else_than_it_began_with(made: Path, tiny_directory: Path) -> None:
    with pytest.raises(ConfigError, match=r"another data;.*another folder"):
        own.train_own(write_toml(made, tiny_directory, **{"max_skipped = 0.2": "max_skipped = 0.2\nflip = false"}), "cpu")


def test_too_many_that_cannot_be_read_are_an_error(made: Path, tiny_directory: Path) -> None:
    with pytest.raises(ConfigError, match=r"1 of 7 pairs .*cut.*max_skipped"):
        own.train_own(write_toml(made, tiny_directory, **{"max_skipped = 0.2": ""}), "cpu")


def test_a_place_that_is_taken_is_refused_before_anything_is_done(made: Path, tmp_path: Path, tiny_directory: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match="choose another output"):
        own.train_own(write_toml(made, tiny_directory), "cpu", output=tmp_path)


def test_a_dry_run_says_what_would_be_and_writes_nothing(tmp_path: Path, tiny_directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_pairs(tmp_path / "data")
    file = write_toml(tmp_path, tiny_directory)
    before = sorted(tmp_path.rglob("*"))
    assert own.train_own(file, "cpu", dry_run=True) is None
    said = capsys.readouterr().out
    assert "7 pairs to train on, 2 to validate with, 2 classes" in said and "adapt: " in said and "GB of memory" in said
    assert sorted(tmp_path.rglob("*")) == before
    assert "MB are free" in said


def test_a_dry_run_compares_what_it_takes_with_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert plan.disk_room({str(tmp_path / "new"): 3e6, str(tmp_path): 4e6}).startswith("disk: 7 MB in ")
    monkeypatch.setattr(plan, "free_bytes", lambda folder: 5 * 10**6)
    with pytest.raises(OSError, match="will take 7 MB, and 5 MB are free"):
        plan.disk_room({str(tmp_path / "new"): 3e6, str(tmp_path): 4e6})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[adapt]\nsteps", "[adapt]\nstepz", "stepz"),
        ("[watch]", "[wotch]", "wotch"),
        ("steps = 4", 'steps = "four"', "'four'.*int"),
        ("accumulate = 2", 'mixed_precision = "fp8"', "bf16"),
        ('base = "', 'bass = "', "says nothing of base"),
        ("learning_rate = 1e-3\n[adapt]", "[adapt]", "learning_rate must be said"),
        ("width = 32", "width = true", "True.*int"),
        ("[adapt]", "[projector.adapt]", "adapt"),
    ],
)
def test_a_mistake_in_the_file_is_one_sentence(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OwnConfig.read(write_toml(tmp_path, tmp_path, **{old: new}))


def test_the_example_is_read_and_names_every_key() -> None:
    file = Path(__file__).parents[2] / "examples" / "training.toml"
    config, text = OwnConfig.read(file), file.read_text()
    assert config.base == "mini" and config.align is not None and config.adapt is not None
    for table in (config, config.data, config.projector, config.adapter, config.watch):
        assert [name for name in vars(table) if f"{name} =" not in text and f"[{name}]" not in text and name != "validation_batches"] == []


def test_a_plain_stable_diffusion_hears_through_an_encoder_of_its_own(made: Path, tmp_path: Path, tiny_directory: Path) -> None:
    """Stage 2 alone, with a noise schedule that ends in pure noise."""
    base = save_base(tmp_path / "base")
    changed = {"[data]": f'audio_encoder = "{tiny_directory}"\n[data]\nvalidation = false', "accumulate = 2": "zero_terminal_snr = true"}
    file = write_toml(made, base, **changed, **{"steps = 4": "steps = 1"})
    text = file.read_text()
    file.write_text(text[: text.index("[align]")] + text[text.index("[adapt]") :])
    model = load_pictures(own.train_own(file, "cpu", tmp_path / "run", tmp_path / "model") or "", "cpu")
    assert model.scheduler.config["rescale_betas_zero_snr"] and float(model.scheduler.alphas_cumprod[-1]) == pytest.approx(0, abs=1e-6)
    assert losses(tmp_path / "run", "adapt")[0][1] > 0
    assert model.heard(made / "data" / "train" / "rain" / "0.wav")[0][0] in ("rain", "wind noise")


def test_a_base_without_ears_says_what_to_set(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no ears; set audio_encoder"):
        own.train_own(write_toml(made, save_base(tmp_path / "base")), "cpu")


def test_a_projector_or_layers_that_the_base_has_not_are_refused(made: Path, tmp_path: Path, tiny_directory: Path) -> None:
    from sonicdiff.training.own.parts import Parts

    config = OwnConfig.read(write_toml(made, tiny_directory))
    with pytest.raises(ConfigError, match="heads do not divide"):
        Parts.load(replace(config, projector=replace(config.projector, width=30)), torch.device("cpu"))
