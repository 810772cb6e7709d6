"""Exact work only: what an edit saves, that it changes nothing, and what is kept where."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from bench import flops
from sonicdiff.diffusion.reuse import Kept, reused
from sonicdiff.pipelines.common.device import set_memory
from sonicdiff.pipelines.sonic_diffusion import plug_and_play
from sonicdiff.pipelines.sonic_diffusion.guided_unet import Conditions, guided_model
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import SourceCache, fingerprint
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 4, "show_progress": False}


def phases_of(pipeline: SonicDiffusionPipeline, *args: Any, **options: Any) -> tuple[list[str], Any]:
    phases: list[str] = []
    result = pipeline.edit(*args, **FAST, **options, callback_on_step_end=lambda pipe, step, t, state: phases.append(state["phase"]))
    return phases, result


@pytest.mark.parametrize("null", [False, True])
def test_equals_the_plain_loops_in_double_precision(null: bool) -> None:
    assert flops.difference(null, torch.float64, 10) < 1e-12


def test_no_work_is_done_twice() -> None:
    """On Stable Diffusion's topology, four steps, in passes of the UNet; at full size the figures are bench/flops.py's."""
    scene = flops.Scene(flops.NARROW, False, 4, device="meta")
    with torch.no_grad():
        once, _ = flops.counted(lambda: scene.unet(scene.x0, 1, encoder_hidden_states=scene.nothing))
    photo, source = flops.counted(scene.prepare)
    sound, _ = flops.counted(lambda: scene.edit(source))
    assert photo / once < 4 + 2.7  # the passes for features end where these are
    assert sound / once < 4 * 1.58  # two branches, one encoder, nothing that injection overwrites in three steps; the plain loop's are 12.2
    aligned, source = flops.counted(lambda: scene.prepare("current"))
    assert 4 < aligned / once < 5 and not source.missing(scene.plan)


class Watch(TorchDispatchMode):
    """Notes what makes the host wait for the device, or sends the device something from the host."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(word in str(func) for word in ("_local_scalar_dense", "is_nonzero", "aten.equal", "nonzero", "masked_select", "lift_fresh")):
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("null", [False, True])
def test_host_and_device_do_not_wait_for_each_other_in_a_step(null: bool) -> None:
    scene = flops.Scene(flops.NARROW, null, 4)
    source, steps = scene.prepare(), scene.schedule.timesteps
    conditions = Conditions(
        scene.nothing, scene.nothing, scene.tokens, scene.null_tokens, 7.5, 7.5, 1.0, 0.0, 1.0, focus=2.0, guidance_rescale=0.7
    )
    with torch.no_grad(), scene.adapter.attached(scene.unet), reused(scene.unet, steps):
        model = guided_model(scene.unet, scene.schedule, conditions, share_encoder=True)
        with Watch() as watch:
            plug_and_play.resample(scene.unet, model, source, source.latents[steps[0]], scene.schedule, scene.plan, flops.ignore)
    assert watch.found == []


def test_features_come_with_an_aligned_inversion(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    phases, found = phases_of(tiny, photo, sound, inversion="current", output_type="latent")
    assert phases == ["inversion"] * 4 + ["features"] + ["edit"] * 4
    tiny.sources = SourceCache(2**31)
    tiny.edit(photo, sound, **FAST, inversion="current", feature_injection=0.0, attention_injection=0.0)
    phases, again = phases_of(tiny, photo, sound, inversion="current", output_type="latent")  # and the same when they come afterwards
    assert phases == ["features"] * 3 + ["edit"] * 4  # injected in .8 of four steps, rounded down
    torch.testing.assert_close(found, again, atol=1e-4, rtol=1e-4)


def test_several_sounds_at_once(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, other_sound: Path) -> None:
    both = tiny.edit_many(photo, [sound, other_sound], "rain", **FAST, output_type="latent")
    for one, found in zip((sound, other_sound), both, strict=True):
        torch.testing.assert_close(found, tiny.edit(photo, one, "rain", **FAST, output_type="latent"), atol=1e-4, rtol=1e-4)
    assert (both[0] - both[1]).abs().max() > 1e-3
    names = [image.info["sonicdiff"] for image in tiny.edit_many(photo, [sound, other_sound], **FAST)]
    assert '"hiss.wav"' in names[0] and '"hum.wav"' in names[1]
    with pytest.raises(ValueError, match="at least one sound"):
        tiny.edit_many(photo, [])


def test_a_photo_is_found_again_on_the_disk(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, tmp_path: Path) -> None:
    tiny.sources = SourceCache(2**31, tmp_path)
    first = tiny.edit(photo, sound, **FAST)
    (file,) = tmp_path.iterdir()
    tiny.sources = SourceCache(2**31, tmp_path)
    phases, second = phases_of(tiny, photo, sound)
    assert phases == ["edit"] * 4 and np.array_equal(np.asarray(first), np.asarray(second))
    tiny.sources = SourceCache(2**31, tmp_path)
    file.write_bytes(file.read_bytes()[:1000])  # a damaged file is made anew
    phases, third = phases_of(tiny, photo, sound)
    assert phases[0] == "inversion" and np.array_equal(np.asarray(first), np.asarray(third))
    tiny.sources = SourceCache(2**31, tmp_path, max_disk_bytes=1)
    tiny.edit(photo, sound, **FAST, inversion_refinements=0)
    assert len(list(tmp_path.iterdir())) == 1 and not file.exists()


def test_a_disk_that_cannot_be_written_costs_no_edit(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    tiny.sources = SourceCache(2**31, tmp_path / "file")
    with pytest.warns(UserWarning, match="could not be kept"):
        tiny.edit(photo, sound, **FAST)


def test_other_weights_are_another_photo(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    tiny.edit(photo, sound, **FAST)
    before = fingerprint(tiny.unet)
    with torch.no_grad():
        tiny.unet.mid_block.resnets[0].conv1.weight.mul_(1.01)
    assert fingerprint(tiny.unet) != before
    phases, _ = phases_of(tiny, photo, sound)
    assert phases[0] == "inversion"


def test_features_that_hear_silence_are_not_those_that_hear_nothing(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    tiny.register_to_config(null_audio="zeros")
    expected = tiny.edit(photo, sound, **FAST, output_type="latent")
    tiny.sources = SourceCache(2**31)
    tiny.edit(photo, None, "rain", **FAST)
    assert torch.equal(tiny.edit(photo, sound, **FAST, output_type="latent"), expected)


def test_constant_contexts_are_read_once(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    counted: list[int] = []
    path = "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k"
    tiny.unet.get_submodule(path).register_forward_hook(lambda *_: counted.append(1))
    kept = tiny.generate(sound, seed=1, **FAST, output_type="latent")
    assert len(counted) == 1
    assert not any(isinstance(module, Kept) for module in tiny.unet.modules())
    assert torch.equal(kept[0], tiny.generate(sound, seed=1, **FAST, output_type="latent")[0])


@torch.no_grad()
def test_a_kept_layer_tells_tensors_apart() -> None:
    layer = nn.Linear(3, 3)
    kept, (a, b) = Kept(layer), torch.randn(2, 4, 3)
    assert torch.equal(kept(a), layer(a)) and torch.equal(kept(b), layer(b)) and kept(a) is kept(a)
    assert torch.equal(kept(a.clone()), layer(a))


@torch.no_grad()
def test_time_embeddings_of_other_timesteps(tiny: SonicDiffusionPipeline) -> None:
    x, text = torch.randn(1, 4, 8, 8), tiny.encode_prompt("")

    def eps(t: int) -> Tensor:
        return tiny.unet(x, t, encoder_hidden_states=text).sample

    expected = [eps(t) for t in (981, 1, 500)]
    with reused(tiny.unet, [981, 1]):
        for t, value in zip((981, 1, 500), expected, strict=True):
            torch.testing.assert_close(eps(t), value, atol=1e-5, rtol=1e-5)
    assert torch.equal(eps(981), expected[0])


class Fails:
    """Memory that runs out in the n-th pass of a UNet."""

    def __init__(self, unet: nn.Module, at: int, error: BaseException) -> None:
        self.passes, self.at, self.error = 0, at, error
        unet.register_forward_pre_hook(self)

    def __call__(self, *_: Any) -> None:
        self.passes += 1
        if self.passes == self.at:
            raise self.error


@pytest.mark.parametrize(
    "error", [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_starts_again_in_the_next_mode(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, error: Exception) -> None:
    expected = tiny.edit(photo, sound, **FAST)
    tiny.sources = SourceCache(2**31)
    Fails(tiny.unet, 6, error)
    with pytest.warns(UserWarning, match="not enough in the mode 'full'.*again in 'low'"):
        found = tiny.edit(photo, sound, **FAST)
    assert tiny.memory == "low" and np.array_equal(np.asarray(found), np.asarray(expected))


def test_other_errors_are_not_taken_for_it(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    Fails(tiny.unet, 2, RuntimeError("something else"))
    with pytest.raises(RuntimeError, match="something else"):
        tiny.edit(photo, sound, **FAST)


def test_memory_that_never_suffices_is_told(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    tiny.memory = "very-low"
    Fails(tiny.unet, 1, torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(MemoryError, match=r"not enough even in the mode 'very-low'.*smaller picture"):
        tiny.edit(photo, sound, **FAST)


@pytest.mark.parametrize("mode", ["auto", "low", "very-low"])
def test_memory_modes_give_the_same_edit(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, other_sound: Path, mode: Any) -> None:
    expected = [tiny.edit(photo, one, **FAST, output_type="latent") for one in (sound, other_sound)]
    set_memory(tiny, mode, "cpu")
    for one, value in zip((sound, other_sound), expected, strict=True):
        assert torch.equal(tiny.edit(photo, one, **FAST, output_type="latent"), value)
    assert tiny.memory == ("full" if mode == "auto" else mode)
    with pytest.raises(ValueError, match="expected one of auto, full, low, very-low"):
        set_memory(tiny, "tiny", "cpu")


def test_the_second_order_solver_edits_in_fewer_steps(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    phases, found = phases_of(tiny, photo, sound, solver="dpm", output_type="latent")
    assert phases == ["inversion"] * 4 + ["features"] + ["edit"] * 4
    assert not torch.equal(found, tiny.edit(photo, sound, **FAST, inversion="current", output_type="latent"))
    with pytest.raises(ValueError, match="solver 'euler'; expected one of ddim, dpm"):
        tiny.edit(photo, sound, **FAST, solver="euler")
