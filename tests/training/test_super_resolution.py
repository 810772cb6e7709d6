"""The second stage's training: it learns, resumes exactly, gives each row the same however a batch is divided, and masks as it says."""

# pyright: reportArgumentType=false
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiff.training.config import LoopConfig
from sonicdiff.training.draw import Draw
from sonicdiff.training.loop import train
from sonicdiff.training.super_resolution import (
    SILENT,
    CascadePictures,
    SuperResolutionOptions,
    SuperResolutionTask,
    known_masks,
    make_scheduler,
    make_unet,
)

OPTIONS = SuperResolutionOptions(channels=(16, 32), heads=(2, 2), layers=1)
LOOP = LoopConfig(steps=60, batch_size=8, learning_rate=3e-3, warmup_steps=5, ema_decay=0.9, log_every=1)


def task(options: SuperResolutionOptions = OPTIONS) -> SuperResolutionTask:
    """Twelve smooth pictures whose detail is a checkerboard as strong as their first channel, the last four of them photographs."""
    rng = np.random.default_rng(0)
    small = np.repeat(np.repeat(rng.standard_normal((12, 4, 2, 2)), 4, 2), 4, 3).astype(np.float32)
    board = np.where(np.indices((16, 16)).sum(0) % 2, 0.5, -0.5)
    large = np.repeat(np.repeat(small, 2, 2), 2, 3) * (1 + board)
    text, embeds = torch.zeros(1, 7, 12).half(), torch.nn.functional.normalize(torch.ones(5, 8), dim=-1)
    sound_of = rng.integers(0, 5, (12, 3))
    sound_of[8:] = SILENT
    text_of, versions = np.zeros((2, 12), int), [(small, large), (small[..., ::-1], large[..., ::-1])]
    pictures = CascadePictures(versions, text, text_of, text[:1] + 1, embeds, sound_of, photographs=4)
    torch.manual_seed(0)
    return SuperResolutionTask(make_unet(4, 12, 8, options), options, pictures)


def test_it_learns(tmp_path: Path) -> None:
    train(task(), LOOP, tmp_path)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:3])


def test_stopped_it_resumes_exactly(tmp_path: Path) -> None:
    whole, parts = task(), task()
    train(whole, LOOP, tmp_path / "whole", stop_after=6)
    train(task(), LOOP, tmp_path / "parts", stop_after=3)
    train(parts, LOOP, tmp_path / "parts", stop_after=3)
    for a, b in zip(whole.unet.parameters(), parts.unet.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_row_is_the_same_however_the_batch_is_divided() -> None:
    learner = task()
    with torch.no_grad():
        whole = learner.losses(Draw.of(0, 3, 8))["squared"]
        halves = [learner.losses(Draw.of(0, 3, 8, rows))["squared"] for rows in (slice(0, 4), slice(4, 8))]
    torch.testing.assert_close(whole, torch.stack(halves).mean())


def test_photographs_are_their_share_and_silent_and_dropout_drops() -> None:
    learner = task(SuperResolutionOptions(channels=(16, 32), heads=(2, 2), layers=1, photograph_share=0.25))
    rows = learner.rows(np.random.default_rng(0), 4000)
    assert (rows >= 8).mean() == pytest.approx(0.25, abs=0.03) and len(np.unique(rows)) == 12
    text, embeds = learner.said(rows, np.zeros(4000, int), Draw.of(0, 0, 4000))
    heard, read = embeds.norm(dim=-1).numpy() > 0, text[:, 0, 0].numpy() == 0
    assert not heard[rows >= 8].any()
    assert heard[rows < 8].mean() == pytest.approx(0.8 * 0.9, abs=0.03) and read.mean() == pytest.approx(0.8 * 0.9, abs=0.03)
    assert np.allclose(embeds.norm(dim=-1).numpy()[heard], 1, atol=1e-5)


def test_masks_cover_what_they_say() -> None:
    masks = known_masks(np.random.default_rng(0), 400, 0.5, 16)
    covered = masks.mean((1, 2, 3))
    assert masks.shape == (400, 1, 16, 16) and set(np.unique(masks)) == {0.0, 1.0}
    assert (covered > 0).mean() == pytest.approx(0.5, abs=0.07)
    given = covered[covered > 0]
    assert given.min() >= 0.05 and given.max() <= 0.95 and given.std() > 0.15


def test_the_noise_ends_at_nothing_but_noise() -> None:
    scheduler = make_scheduler()
    assert float(scheduler.alphas_cumprod[-1]) == 0 and scheduler.config["prediction_type"] == "v_prediction"


def test_the_recipes_network_is_small() -> None:
    assert sum(p.numel() for p in make_unet(8, 192, 256, SuperResolutionOptions()).parameters()) < 6e6
