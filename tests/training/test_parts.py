"""The pieces of the stages: standardising changes no picture, losses are what their papers say, pools match like with like."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from sonicdiff.training.base import DenoisingLoss, make_scheduler
from sonicdiff.training.clap import matches, soft_contrast
from sonicdiff.training.draw import Draw
from sonicdiff.training.kernels import PlainKernels
from sonicdiff.training.pool import nearest
from sonicdiff.training.text import Labels
from sonicdiff.training.tokenizer import make_tokenizer
from sonicdiff.training.vae import VaeOptions, decode, encode, make_vae, standardise


def some_labels(cause: list[int], intensity: list[float]) -> Labels:
    zeros = np.zeros(len(cause), np.int64)
    return Labels(np.array(cause), zeros, zeros, np.array(intensity))


def test_standardising_makes_unit_latents_and_the_same_pictures() -> None:
    torch.manual_seed(0)
    vae = make_vae(VaeOptions(channels=(8, 8, 16, 16), latent_channels=4, norm_groups=4)).eval()
    images = torch.randn(8, 3, 64, 64).cumsum(2).div(8)
    with torch.no_grad():
        before, latents = vae.encode(images).latent_dist, encode(vae, images)
    pictures = decode(vae, latents)
    standardise(vae, latents)
    with torch.no_grad():
        after = vae.encode(images).latent_dist
    assert torch.allclose(after.mean.mean((0, 2, 3)), torch.zeros(4), atol=1e-3)
    assert float(after.mean.square().mean()) == pytest.approx(1, abs=1e-3)
    assert torch.allclose(
        after.std / after.mean.std(), before.std / (before.mean - before.mean.mean((0, 2, 3), keepdim=True)).std(), rtol=1e-3
    )
    assert torch.allclose(decode(vae, after.mean), pictures, atol=1e-3)


def test_plain_attention_is_attention() -> None:
    """Its values and gradients; a mask is left to PyTorch's own."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, n, 8, requires_grad=True) for n in (16, 7, 7))
    mask = torch.rand(16, 7) < 0.7
    cases: list[dict[str, Any]] = [{}, {"attn_mask": mask}, {"is_causal": True}, {"scale": 0.1}]
    for arguments in cases:
        expected = F.scaled_dot_product_attention(q, k, v, **arguments)
        with PlainKernels():
            got = F.scaled_dot_product_attention(q, k, v, **arguments)
        assert torch.allclose(got, expected, atol=1e-5)
        gradients = (torch.autograd.grad(y.square().sum(), (q, k, v)) for y in (got, expected))
        assert all(torch.allclose(a, b, atol=1e-4) for a, b in zip(*gradients, strict=True))


def test_plain_group_norm_is_group_norm() -> None:
    """Its values and gradients, in any memory format."""
    torch.manual_seed(0)
    weight, bias = (torch.randn(12, requires_grad=True) for _ in range(2))
    for maps in (torch.randn(3, 12, 6, 5) + 1, torch.randn(3, 12, 6, 5).contiguous(memory_format=torch.channels_last)):
        inputs = (maps.requires_grad_(), weight, bias)
        expected = F.group_norm(maps, 4, weight, bias, 1e-3)
        with PlainKernels():
            got = F.group_norm(maps, 4, weight, bias, 1e-3)
        assert torch.allclose(got, expected, atol=1e-5)
        gradients = (torch.autograd.grad(y.exp().sum(), inputs) for y in (got, expected))
        assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(*gradients, strict=True))


def test_min_snr_weights_the_error() -> None:
    """For a model that answers zero the error is the noise's variance, so the loss is the mean weight min(1, gamma / snr)."""
    loss = DenoisingLoss(make_scheduler(), gamma=5.0)
    latents = torch.zeros(4000, 1, 8, 8)
    got = loss(lambda x, t: torch.zeros_like(x), latents, Draw.of(0, 0, len(latents)))
    alpha = make_scheduler().alphas_cumprod
    assert float(got["squared"]) == pytest.approx(1, abs=0.02)
    assert float(got["loss"]) == pytest.approx(float((5 * (1 - alpha) / alpha).clamp(max=1).mean()), abs=0.02)


def test_a_perfect_model_has_no_loss() -> None:
    loss = DenoisingLoss(make_scheduler(), gamma=5.0, offset_noise=0.1)
    alpha = make_scheduler().alphas_cumprod

    def exact(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:  # the latents are zero: what is there is noise
        return x / (1 - alpha[t])[:, None, None, None].sqrt()

    assert float(loss(exact, torch.zeros(16, 2, 4, 4), Draw.of(0, 0, 16))["loss"]) < 1e-9


def test_sounds_match_captions_of_their_class_near_in_intensity() -> None:
    a, b = some_labels([1, 2], [0.5, 0.5]), some_labels([1, 1, 2], [0.5, 0.9, 0.5])
    rows = matches(a, np.array([0, 1]), b, np.array([0, 1, 2]), width=0.15)
    assert rows[0, 0] == 1 and rows[1, 2] == 1 and rows[0, 2] == 0
    assert 0 < rows[0, 1] < 0.1
    right, wrong = soft_contrast(10 * rows, rows), soft_contrast(10 * rows.flip(0), rows)
    assert right < wrong
    assert float(soft_contrast(rows, torch.zeros_like(rows))) == 0  # a small batch in which nothing has a partner


def test_the_pool_gives_the_nearest_of_a_class() -> None:
    pool = some_labels([0, 0, 0, 1], [0.1, 0.5, 0.9, 0.5])
    found = nearest(some_labels([0, 1], [0.55, 0.9]), pool, 2)
    assert found[0].tolist() == [1, 2] and found[1].tolist() == [3, 3]
    with pytest.raises(ValueError, match="class 7"):
        nearest(some_labels([7], [0.5]), pool, 1)


TOKENIZER = make_tokenizer(["heavy rain over a forest at night", "a calm lake"], 600)


@given(st.text(max_size=60))
@settings(max_examples=150)
def test_any_text_has_tokens_between_its_ends(text: str) -> None:
    ids = TOKENIZER(text).input_ids
    assert ids[0] == TOKENIZER.bos_token_id and ids[-1] == TOKENIZER.eos_token_id
    assert TOKENIZER.eos_token_id not in ids[1:-1] or "endoftext" in text


def test_known_words_are_one_token() -> None:
    assert len(TOKENIZER("heavy rain").input_ids) == 4
