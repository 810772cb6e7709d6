"""A batch is the same however it is divided; the frozen encoder costs no backward pass; checkpointing changes no gradient."""

# diffusers types its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from tiny import EMBED_DIM, TEXT_DIM, make_adapter, make_unet

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.training.adapt import AdaptOptions, AdaptTask, Pairs
from sonicdiff.training.align import AlignOptions, AlignTask, token_weights
from sonicdiff.training.config import LoopConfig
from sonicdiff.training.draw import Draw
from sonicdiff.training.loop import Task
from sonicdiff.training.own.config import OwnAdaptOptions
from sonicdiff.training.own.stages import attach

ROWS, BATCH = 6, 4


def projector() -> AudioProjector:
    torch.manual_seed(0)
    return AudioProjector(EMBED_DIM, TEXT_DIM, width=32, heads=4, blocks=1)


def align_task() -> Task:
    torch.manual_seed(1)
    embeds = torch.nn.functional.normalize(torch.randn(ROWS, EMBED_DIM), dim=-1)
    said = np.array([0, 1, -1, 2, 0, -1])[:, None]
    return AlignTask(projector(), AlignOptions(token_falloff=9.0), embeds, np.array([0, 0, 1, 2, 1, 3]), torch.randn(3, 77, TEXT_DIM), said)


class Drawn:
    def __init__(self, latents: torch.Tensor) -> None:
        self.latents = latents.numpy()

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return self.latents[indices]


def adapt_task(unet: UNet2DConditionModel, adapter: AudioAdapter) -> AdaptTask:
    torch.manual_seed(2)
    versions = [Drawn(torch.randn(ROWS, 4, 8, 8)) for _ in range(2)]
    embeds, text = torch.nn.functional.normalize(torch.randn(ROWS, EMBED_DIM), dim=-1), torch.randn(4, 77, TEXT_DIM)
    rows = np.arange(ROWS)
    pairs = Pairs(versions, rows, embeds, rows[:, None], text, rows % 4, text[:1])
    return AdaptTask(unet, adapter, projector(), AdaptOptions(offset_noise=0.1), pairs)


def attached(**options: bool) -> AdaptTask:
    unet = make_unet().requires_grad_(False)
    adapter = make_adapter(unet)
    task = adapt_task(unet, adapter)
    attach(type("Parts", (), {"unet": unet, "adapter": adapter})(), OwnAdaptOptions(**options), LoopConfig(1, BATCH, 1e-3))
    return task


def gradients(task: Task, slices: list[slice]) -> tuple[float, list[torch.Tensor]]:
    """The mean loss and the gradient of a batch worked through in parts."""
    total = 0.0
    parameters = [p for module in task.modules().values() for p in module.parameters()]
    for p in parameters:
        p.grad = None
    for rows in slices:
        loss = task.losses(Draw.of(0, 3, BATCH, rows))["loss"] / len(slices)
        loss.backward()
        total += float(loss.detach())
    return total, [p.grad.clone() for p in parameters if p.grad is not None]


@pytest.mark.parametrize("make", [align_task, attached], ids=["align", "adapt"])
def test_the_parts_of_a_batch_are_the_batch(make: Callable[[], Task]) -> None:
    task = make()
    whole, parts = gradients(task, [slice(0, BATCH)]), gradients(task, [slice(start, start + 2) for start in range(0, BATCH, 2)])
    assert whole[0] == pytest.approx(parts[0], rel=1e-5)
    assert len(whole[1]) == len(parts[1]) > 10
    for one, other in zip(whole[1], parts[1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_checkpointing_computes_the_decoder_again_for_the_same_gradients() -> None:
    found, computed = [], []
    for checkpointing in (False, True):
        task, calls = attached(checkpointing=checkpointing), Counter()
        for name in ("down_blocks.1.resnets.0", "mid_block.resnets.1", "up_blocks.1.resnets.0"):
            task.unet.get_submodule(name).register_forward_pre_hook(lambda *_, name=name, calls=calls: calls.update([name]))
        found.append(gradients(task, [slice(0, 2)]))
        computed.append([*calls.values()])
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
    assert computed == [[1, 1, 1], [1, 2, 2]]


def test_the_encoder_has_no_backward_pass() -> None:
    task = attached()
    seen = {}
    for name in ("down_blocks.3", "mid_block", "up_blocks.0"):
        task.unet.get_submodule(name).register_forward_hook(lambda _, __, out, name=name: seen.__setitem__(name, out))
    task.losses(Draw.of(0, 0, BATCH))
    encoder = [seen["down_blocks.3"][0], *seen["down_blocks.3"][1]]
    assert not any(tensor.requires_grad for tensor in encoder)
    assert seen["mid_block"].requires_grad and seen["up_blocks.0"].requires_grad


def test_the_weights_of_tokens_fall_and_have_mean_one() -> None:
    weights = token_weights(77, 20.0)
    assert float(weights.mean()) == pytest.approx(1) and bool((weights.diff() < 0).all())
    assert float(weights[20] / weights[0]) == pytest.approx(0.5, abs=0.02)
    assert torch.equal(token_weights(5, 0.0), torch.ones(5))


def test_a_sound_without_words_is_in_the_contrast_alone() -> None:
    task = align_task()
    tokens = torch.zeros(2, 77, TEXT_DIM)
    with_words, without = (task.squared(tokens, torch.tensor([1, other])) for other in (1, -1))
    assert float(with_words) == pytest.approx(2 * float(without))
