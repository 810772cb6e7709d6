"""Guidance as weighted branches equals the formula of the two scales, with no branch too many; focused, it acts where it is strong."""

from __future__ import annotations

import pytest
import torch

from sonicdiff.diffusion.guidance import branches, focused, rescaled, text_and_audio
from sonicdiff.diffusion.interpolation import lerp, slerp

NULL, TEXT, SOUND = (torch.full((1, 2, 3), value) for value in (0.0, 1.0, 2.0))


@pytest.mark.parametrize(
    ("text", "audio", "scales", "expected"),
    [
        (TEXT, SOUND, (3.0, 5.0), 3),
        (TEXT, SOUND, (5.0, 5.0), 2),  # the text alone cancels out
        (NULL, SOUND, (3.0, 5.0), 2),  # nothing to read
        (TEXT, None, (3.0, 5.0), 2),
        (TEXT, None, (1.0, 5.0), 1),
        (NULL, None, (3.0, 5.0), 1),
        (NULL, SOUND, (3.0, 1.0), 1),
        (TEXT, SOUND, (3.0, 0.0), 2),  # a sound that does not count is not heard
    ],
)
def test_branches_sum_to_the_formula(text: torch.Tensor, audio: torch.Tensor | None, scales: tuple[float, float], expected: int) -> None:
    def eps(read: torch.Tensor, heard: torch.Tensor | None) -> torch.Tensor:
        return read * 7 + (0.0 if heard is None else heard * 11)

    made = branches(NULL, text, audio, None, *scales)
    found = sum(branch.weight * eps(branch.text, branch.audio) for branch in made)
    torch.testing.assert_close(found, text_and_audio(eps(NULL, None), eps(text, None), eps(text, audio), *scales))
    assert len(made) == expected
    assert all(branch.audio is None for branch in made[:-1])


def test_null_audio_is_heard_by_every_branch() -> None:
    silence = torch.full((1, 2, 3), 9.0)
    assert [branch.audio is not None for branch in branches(NULL, TEXT, SOUND, silence, 2.0, 3.0)] == [True] * 3


def test_the_null_branch_can_be_kept() -> None:
    assert [branch.weight for branch in branches(NULL, NULL, SOUND, None, 3.0, 1.0, keep_null=True)] == [0.0, 1.0]


def test_focus_spares_what_hardly_changes() -> None:
    null, guided = torch.randn(2, 2, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    guided = null.clone()
    guided[0, :, :8] += 2.0  # the upper half of one image changes much,
    guided[0, :, 8:] += 0.5  # the lower a quarter as much,
    guided[1] += 0.5  # the other image the same everywhere
    assert torch.equal(focused(null, null, 2.0), null)
    torch.testing.assert_close(focused(null, guided, 0.0), guided)
    found = focused(null, guided, 2.0) - null
    torch.testing.assert_close(found[0, :, :7], torch.full((4, 7, 16), 2.0))
    torch.testing.assert_close(found[0, :, 9:], torch.full((4, 7, 16), 0.5 / 4**2))
    torch.testing.assert_close(found[1], torch.full((4, 16, 16), 0.5))


def test_rescaling_narrows_the_spread_of_each_image() -> None:
    both = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    guided = both * torch.tensor([3.0, 0.5]).view(2, 1, 1, 1)
    torch.testing.assert_close(rescaled(guided, both, 1.0), both)
    assert torch.equal(rescaled(guided, both, 0.0), guided)
    torch.testing.assert_close(rescaled(guided, both, 0.5)[0], 2 * both[0])


def test_slerp() -> None:
    a, b = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])
    torch.testing.assert_close(slerp(a, b, 0.5), torch.tensor([0.5**0.5, 0.5**0.5, 0.0]))
    assert torch.equal(slerp(a, b, 0.0), a)
    torch.testing.assert_close(slerp(a, b, 1.0), b)
    torch.testing.assert_close(slerp(a, a, 0.3), a)
    torch.testing.assert_close(lerp(a, b, 0.25), torch.tensor([0.75, 0.25, 0.0]))
