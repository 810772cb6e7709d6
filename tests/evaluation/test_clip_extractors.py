"""CLIP and Wav2CLIP from tiny random files of the released formats, and what is said where files are missing or of another kind."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from tiny import make_tokenizer
from torch import nn
from transformers import CLIPConfig, CLIPModel

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation import extractors, wav2clip
from sonicdiff.evaluation.clip import DEVIATION, MEAN, Clip, prepared
from sonicdiff.evaluation.extractors import Own
from sonicdiff.evaluation.features import AudioEvaluator, Evaluators, ImageEvaluator
from sonicdiff.evaluation.inception import FILE as INCEPTION
from sonicdiff.evaluation.inception import Inception
from sonicdiff.evaluation.wav2clip import Encoder, Transform, Wav2Clip, as_fed, log_power
from sonicdiff.synthetic.classes import CLASSES


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tiny CLIPs, and Wav2CLIP as its checkpoint is: a trained state with a head and a window that nothing reads."""
    place = tmp_path_factory.mktemp("weights")
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    for seed, (name, dim) in enumerate((("clip-vit-base-patch32", 512), ("clip-vit-large-patch14", 24))):
        torch.manual_seed(seed)
        tokenizer = make_tokenizer(place / name)
        ends = {"vocab_size": len(tokenizer), "bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
        vision = {**layers, "image_size": 32, "patch_size": 16}
        CLIPModel(CLIPConfig(text_config={**layers, **ends}, vision_config=vision, projection_dim=dim)).save_pretrained(place / name)
        tokenizer.save_pretrained(place / name)
    torch.manual_seed(2)
    state = {f"audio_encoder.{name}": value for name, value in Encoder().state_dict().items()}
    state |= {f"audio_transform.{name}": value for name, value in Transform().state_dict().items()}
    state |= {"audio_encoder.spectrogram.window": torch.hann_window(512), "audio_encoder.fc.weight": torch.zeros(1000, 512)}
    torch.save(state, place / "Wav2CLIP.pt")
    return place


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    found = extractors.load(f"clip:{folder}")
    assert isinstance(found, Clip)
    return found


def noise(seed: int, seconds: float = 0.5, level: float = 0.1) -> Waveform:
    return Waveform(np.random.default_rng(seed).normal(0, level, (1, round(16_000 * seconds))).astype(np.float32), 16_000)


def test_pictures_are_prepared_as_clip_was_trained() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (48, 100, 3), dtype=np.uint8)
    found = prepared(picture, 32)[0].permute(1, 2, 0) * torch.tensor(DEVIATION) + torch.tensor(MEAN)
    wanted = np.asarray(Image.fromarray(picture).resize((66, 32), Image.Resampling.BICUBIC))[:, 17:49]
    assert found.shape == (32, 32, 3) and np.abs(found.numpy() * 255 - wanted).max() < 0.01
    assert prepared(picture[:, :, :1].repeat(3, 2), 32).shape == prepared(picture[:9], 32).shape


def test_each_metric_has_its_own_clip(clip: Clip) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    looked = clip.look(picture)
    assert looked.shared.shape == (1, 512) and looked.pictures.shape == (1, 24)
    assert np.allclose([np.linalg.norm(each) for each in (looked.shared, looked.pictures)], 1, atol=1e-5)
    inputs = {"pixel_values": prepared(picture, 32), "input_ids": torch.tensor([[1, 2, 3]])}
    with torch.no_grad():
        wanted = clip.large.model(**inputs).image_embeds
    assert np.allclose(looked.pictures, wanted.numpy(), atol=1e-5)
    names = ["rain", "wind"]
    bare, sentence = clip.named(looked, names, bare=True), clip.named(looked, names, bare=False)
    assert bare is not None and sentence is not None and bare.shape == (1, 2)
    assert np.allclose(sentence, looked.pictures @ clip.large.read([f"a photo of {name}" for name in names]).T)
    assert not np.allclose(bare, sentence)


def test_a_sound_alone_is_normalised_by_itself(clip: Clip) -> None:
    """So that its level and its company change nothing."""
    quiet, loud = noise(0, level=0.01), Waveform(20 * noise(0, level=0.01).samples, 16_000)
    assert float((clip.listen(quiet) * clip.listen(loud)).sum()) > 0.9999
    with torch.no_grad():
        spectrogram = log_power(quiet.samples[0])  # at 16 kHz, the rate it was trained at
        wanted = clip.ear.embed((spectrogram - spectrogram.mean()) / spectrogram.std())
    assert np.allclose(clip.listen(quiet), wanted, atol=1e-6)
    assert clip.listen(quiet).shape == (1, 512) and np.linalg.norm(clip.listen(quiet)) == pytest.approx(1, abs=1e-5)
    assert float((clip.listen(noise(0).resampled(48_000)) * clip.listen(noise(0))).sum()) > 0.99
    assert np.isfinite(clip.listen(noise(3, seconds=0.01))).all()


def test_the_released_script_normalises_over_the_whole_batch(clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    assert as_fed(noise(0)).shape == as_fed(noise(0, seconds=11)).shape == (442_763,)
    monkeypatch.setattr(wav2clip, "RELEASED_SAMPLES", 22_050)  # quicker
    sounds = [noise(0), noise(1, level=0.9)]
    found = clip.listen_as_released(sounds)
    batch = torch.stack([log_power(as_fed(sound)) for sound in sounds])[:, None]
    with torch.no_grad():
        x = (batch - batch.mean()) / (batch.std() + 1e-9)
        wanted = nn.functional.normalize(clip.ear.audio_transform(clip.ear.audio_encoder(x)), dim=-1).numpy()
    assert found is not None and np.allclose(found, wanted, atol=1e-5)
    alone = clip.listen_as_released(sounds[:1])
    assert alone is not None and np.abs(alone - found[:1]).max() > 2e-4


def test_the_spectrogram_is_that_of_a_hann_window_of_512() -> None:
    samples = noise(4).samples[0]
    padded = np.pad(samples, 256, mode="reflect")
    third = padded[3 * 353 :][:512] * np.hanning(513)[:-1]
    assert np.allclose(log_power(samples)[:, 3], np.log(np.abs(np.fft.rfft(third)) ** 2 + 1e-7), atol=1e-3)


def test_what_is_missing_is_named_with_what_to_fetch(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"Wav2CLIP.pt; fetch it once: curl"):
        extractors.load("clip")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "Wav2CLIP.pt").symlink_to(folder / "Wav2CLIP.pt")
    with pytest.raises(FileNotFoundError, match=r"fetch it once: hf download openai/clip-vit-base-patch32"):
        extractors.load("clip")
    with pytest.raises(FileNotFoundError, match="there is no"):
        extractors.load(f"clip:{tmp_path}")
    with pytest.raises(ValueError, match="unknown extractors 'resnet'; expected own, clip or clip:FOLDER"):
        extractors.load("resnet")


def test_weights_that_are_not_whole_are_refused(folder: Path, tmp_path: Path) -> None:
    torch.save({"state_dict": {"audio_encoder.conv1.weight": torch.zeros(64, 1, 7, 7)}}, tmp_path / "Wav2CLIP.pt")
    with pytest.raises(ValueError, match="does not hold Wav2CLIP's tensors"):
        Wav2Clip.load(tmp_path / "Wav2CLIP.pt")
    (tmp_path / "Wav2CLIP.pt").unlink()
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "clip-vit-large-patch14").unlink()
    (tmp_path / "clip-vit-large-patch14").mkdir()
    for path in (folder / "clip-vit-large-patch14").iterdir():
        (tmp_path / "clip-vit-large-patch14" / path.name).symlink_to(path)
    weights = tmp_path / "clip-vit-large-patch14" / "model.safetensors"
    state = load_file(weights)
    weights.unlink()
    save_file({name: value for name, value in state.items() if name != "visual_projection.weight"}, weights, {"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks 1 tensors of a CLIPModel, visual_projection.weight among them"):
        extractors.load(f"clip:{tmp_path}")


def test_inception_is_fids(folder: Path, clip: Clip, tmp_path: Path) -> None:
    """Its size, its pools, its resizing; a file with a head and without counters is read, one with another shape is not."""
    torch.manual_seed(3)
    model = Inception().eval()
    assert sum(each.numel() for each in model.parameters()) == 21_785_568
    assert [model.Mixed_7b.pool, model.Mixed_7c.pool, model.Mixed_6a.pool] == ["mean", "max", "halve"]
    ones = torch.ones(1, 192, 3, 3)
    block = model.Mixed_5b
    assert torch.allclose(block(ones)[:, -32:], block.branch_pool(ones), atol=1e-6)  # the padding does not count
    state = {name: value for name, value in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    torch.save({**state, "fc.weight": torch.zeros(1008, 2048)}, tmp_path / INCEPTION)
    seeing = Clip(clip.small, clip.large, clip.ear, Inception.load(tmp_path / INCEPTION))
    found = seeing.look(np.random.default_rng(0).integers(0, 256, (48, 60, 3), dtype=np.uint8)).features
    assert found.shape == (1, 2048) and np.isfinite(found).all() and found.std() > 0
    assert "Inception" in seeing.distances and "there is no pt_inception" in clip.distances
    torch.save({**state, "Mixed_7c.branch1x1.conv.weight": torch.zeros(1)}, tmp_path / INCEPTION)
    with pytest.raises(ValueError, match="does not hold the tensors of FID's Inception"):
        Inception.load(tmp_path / INCEPTION)


def test_our_own_evaluators_know_their_classes_and_no_other() -> None:
    torch.manual_seed(0)
    own = Own(Evaluators(ImageEvaluator(), AudioEvaluator()))
    looked = own.look(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    fits, wanted = own.named(looked, CLASSES[:3], bare=True), own.evaluators.see([np.zeros((64, 64, 3), np.uint8)]).probabilities.shape
    assert fits is not None and fits.shape == (1, 3) and wanted == (1, 11)
    assert own.named(looked, [CLASSES[0], "a drill"], bare=True) is None and own.listen_as_released([noise(0)]) is None
    assert own.listen(noise(0)).shape == looked.shared.shape
