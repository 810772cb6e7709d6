"""The audio projector: shapes, the scale of its tokens, a chain in which every block counts, exact keys."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from sonicdiff.models.projector import AudioProjector


def make_projector(**changes: int) -> AudioProjector:
    torch.manual_seed(0)
    return AudioProjector(**{"embed_dim": 64, "context_dim": 48, "width": 32, "heads": 4, **changes}).eval()


def vectors(count: int, dim: int) -> torch.Tensor:
    return F.normalize(torch.randn(count, dim, generator=torch.Generator().manual_seed(1)), dim=-1)


@pytest.mark.parametrize(
    ("embed_dim", "context_dim", "tokens"), [(256, 192, 77), (512, 768, 77), (1024, 768, 77), (64, 48, 1), (64, 48, 7)]
)
@torch.no_grad()
def test_shape_and_scale(embed_dim: int, context_dim: int, tokens: int) -> None:
    audio_tokens = make_projector(embed_dim=embed_dim, context_dim=context_dim, tokens=tokens, heads=4)(vectors(2, embed_dim))
    assert audio_tokens.shape == (2, tokens, context_dim)
    assert 0.9 < audio_tokens.std() < 1.1


@torch.no_grad()
def test_other_sounds_give_other_tokens() -> None:
    flat = F.normalize(make_projector()(vectors(4, 64)).flatten(1), dim=1)
    assert ((flat @ flat.T) - torch.eye(4)).abs().max() < 0.5


def test_every_block_gets_a_gradient_and_feeds_the_next() -> None:
    projector = make_projector()
    projector(vectors(2, 64)).square().sum(-1).std().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in projector.parameters())
    with torch.no_grad():
        before = projector(vectors(2, 64))
        for block in projector.attention:
            weight = block.to_out[2].weight.clone()
            block.to_out[2].weight.zero_()
            assert not torch.equal(projector(vectors(2, 64)), before)
            block.to_out[2].weight.copy_(weight)


@torch.no_grad()
def test_alone_or_in_a_batch() -> None:
    projector, embeds = make_projector(), vectors(3, 64)
    torch.testing.assert_close(projector(embeds)[1:2], projector(embeds[1:2]), atol=1e-5, rtol=0)


def test_mini_has_one_to_two_million_parameters() -> None:
    assert 1e6 < sum(parameter.numel() for parameter in AudioProjector(256, 192).parameters()) < 2e6


def test_saved_keys_and_round_trip(tmp_path: Path) -> None:
    projector = make_projector(blocks=1)
    mapper = {f"mapper.{index}.{kind}" for index in (0, 2, 4, 5, 7, 8, 10, 12) for kind in ("weight", "bias")}
    block = {"norm.weight", "norm.bias", "to_q.weight", "to_k.weight", "to_v.weight"}
    block |= {f"to_out.{index}.{kind}" for index in (0, 2) for kind in ("weight", "bias")}
    ends = {"positions", "norm.weight", "norm.bias", "to_out.weight", "to_out.bias"}
    assert set(projector.state_dict()) == mapper | {f"attention.0.{name}" for name in block} | ends
    projector.save_pretrained(tmp_path)
    loaded = AudioProjector.from_pretrained(tmp_path)
    assert torch.equal(loaded(vectors(1, 64)), projector(vectors(1, 64)))


def test_errors() -> None:
    with pytest.raises(ValueError, match=r"got audio_embeds of shape \(2, 63\); expected \(batch, 64\)"):
        make_projector()(torch.zeros(2, 63))
    with pytest.raises(ValueError, match="context_dim must divide 3 x embed_dim = 192"):
        make_projector(context_dim=50)
