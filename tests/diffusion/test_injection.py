"""Injection by hooks against slow versions written out here, and the encoder shared by branches against a plain batch."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOptionalCall=false, reportOptionalSubscript=false
from __future__ import annotations

import pytest
import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from tiny import TEXT_DIM, make_unet
from torch import Tensor

from sonicdiff.diffusion.injection import attention_layers, conv_layers, injected, recorded
from sonicdiff.diffusion.sharing import shared_encoder


class SlowAttention:
    """Self-attention of a batch [source | others] with the source's queries and keys in every row, written out."""

    def __call__(self, attn: Attention, x: Tensor, encoder_hidden_states: Tensor | None = None, **_: object) -> Tensor:
        q, k, v = (layer(x).unflatten(-1, (attn.heads, -1)) for layer in (attn.to_q, attn.to_k, attn.to_v))
        q, k = q[:1].expand_as(q), k[:1].expand_as(k)
        weights = torch.einsum("bihd,bjhd->bhij", q, k).mul(q.shape[-1] ** -0.5).softmax(-1)
        return attn.to_out[0](torch.einsum("bhij,bjhd->bihd", weights, v).flatten(2))


@torch.no_grad()
def answer(unet: UNet2DConditionModel, x: Tensor, text: Tensor) -> Tensor:
    return unet(x, 500, encoder_hidden_states=text).sample


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    torch.manual_seed(2)
    return torch.randn(3, 4, 8, 8), torch.randn(3, 77, TEXT_DIM)


def test_layers_are_those_of_the_paper() -> None:
    unet = make_unet()
    assert conv_layers(unet) == ["up_blocks.1.resnets.1.conv2", "up_blocks.1.resnets.2.conv2"]
    places = [(1, 1), (1, 2), (2, 0), (2, 1), (2, 2), (3, 0), (3, 1), (3, 2)]
    paths = [f"up_blocks.{up}.attentions.{index}.transformer_blocks.0.attn1" for up, index in places]
    assert attention_layers(unet) == [f"{path}.{layer}" for path in paths for layer in ("to_q", "to_k")]


@pytest.mark.parametrize(("conv", "attention"), [(True, False), (False, True), (True, True)])
def test_equals_the_slow_version(conv: bool, attention: bool, batch: tuple[Tensor, Tensor]) -> None:
    unet, slow = make_unet(), make_unet()
    layers = conv_layers(unet) * conv + attention_layers(unet) * attention
    with recorded(unet, layers) as features:
        answer(unet, batch[0][:1], batch[1][:1])
    with injected(unet, features):
        found = answer(unet, batch[0][1:], batch[1][1:])
    if conv:
        for resnet in slow.up_blocks[1].resnets[1:]:
            plain = resnet.conv2.forward
            resnet.conv2.forward = lambda x, plain=plain: plain(x[:1]).expand(len(x), -1, -1, -1)
    if attention:
        for path in {layer.rsplit(".", 1)[0] for layer in attention_layers(unet)}:
            slow.get_submodule(path).set_processor(SlowAttention())
    expected = answer(slow, *batch)[1:]
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (expected - answer(unet, *batch)[1:]).abs().max() > 1e-3


def test_stock_afterwards_even_after_an_error(batch: tuple[Tensor, Tensor]) -> None:
    unet = make_unet()
    stock = answer(unet, *batch)
    with recorded(unet, conv_layers(unet)) as features:
        assert torch.equal(answer(unet, *batch), stock)
    with pytest.raises((RuntimeError, ValueError)), injected(unet, {layer: torch.zeros(1, 1, 1, 1, 2) for layer in features}):
        answer(unet, *batch)
    assert torch.equal(answer(unet, *batch), stock)


def test_shared_encoder_equals_a_plain_batch(batch: tuple[Tensor, Tensor]) -> None:
    unet = make_unet()
    x, text = batch[0][:2], batch[1][:2]
    counted = []
    handle = unet.down_blocks[0].register_forward_pre_hook(lambda module, args: counted.append(len(args[0]) if args else None))
    with shared_encoder(unet, 3, torch.cat([text] * 3)):
        found = answer(unet, x, text)
    handle.remove()
    torch.testing.assert_close(found, answer(unet, torch.cat([x] * 3), torch.cat([text] * 3)), atol=1e-5, rtol=0)
    assert torch.equal(answer(unet, x, text), answer(make_unet(), x, text))
