"""Wide pictures through windows, and pictures without ends."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sonicdiff.diffusion.windows import window_columns, windowed


def local(x: Tensor, t: int) -> Tensor:
    return 2 * x + t


def bordered(x: Tensor, t: int) -> Tensor:
    """A model that knows where its picture ends."""
    return torch.nn.functional.conv1d(x.flatten(0, 2)[:, None], torch.ones(1, 1, 3), padding=1).view(x.shape)


@given(st.integers(1, 60), st.sampled_from([4, 8, 16]), st.booleans())
def test_what_depends_on_nothing_around_is_exact(wide: int, width: int, circular: bool) -> None:
    x = torch.randn(2, 3, 4, wide, generator=torch.Generator().manual_seed(0))
    model = windowed(local, width, circular)
    for _ in range(2):
        torch.testing.assert_close(model(x, 5), 2 * x + 5)


@given(st.integers(9, 80), st.booleans())
def test_every_column_is_seen_and_windows_are_whole(wide: int, circular: bool) -> None:
    columns = window_columns(wide, 8, circular)
    assert {c for part in columns for c in part} == set(range(wide))
    assert all(len(part) == 8 for part in columns)
    if not circular:
        assert all(part == list(range(part[0], part[0] + 8)) for part in columns)


def test_a_circle_has_no_seam() -> None:
    x = torch.randn(1, 1, 1, 32, generator=torch.Generator().manual_seed(0))
    whole = sum(x.roll(shift, -1) for shift in (-1, 0, 1))
    once, turned = (windowed(bordered, 8, circular=True)(x.roll(by, -1), 0).roll(-by, -1) for by in (0, 4))
    torch.testing.assert_close(once, turned)
    seam = (once - whole)[..., [0, -1]].abs().max()
    assert float(seam) < 0.5 * float((windowed(bordered, 8)(x, 0) - whole)[..., [0, -1]].abs().max())


def test_a_narrow_circle_is_turned_at_every_second_call() -> None:
    x = torch.randn(1, 1, 1, 8, generator=torch.Generator().manual_seed(0))
    model = windowed(bordered, 8, circular=True)
    first, second = model(x, 0), model(x, 0)
    torch.testing.assert_close(first, bordered(x, 0))
    torch.testing.assert_close(second, bordered(x.roll(4, -1), 0).roll(-4, -1))


@pytest.mark.parametrize("wide", [8, 20])
def test_the_model_is_asked_once_a_window_at_most(wide: int) -> None:
    rows = []

    def count(x: Tensor, t: int) -> Tensor:
        rows.append(len(x))
        return x

    windowed(count, 8)(torch.zeros(1, 1, 1, wide), 0)
    assert sum(rows) == (1 if wide == 8 else len(window_columns(20, 8, False)))
