"""A whole evaluation of the tiny pipeline, and the material it draws from."""

# pyright: reportCallIssue=false
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from sonicdiff.evaluation import generation, material
from sonicdiff.evaluation.ablations import found_variants
from sonicdiff.evaluation.editing import kept_at, shared_levels
from sonicdiff.evaluation.evaluate import evaluate
from sonicdiff.evaluation.features import AudioEvaluator, Evaluators, ImageEvaluator
from sonicdiff.evaluation.judging import Options
from sonicdiff.evaluation.material import balanced_rows, edit_sources, place_prompt
from sonicdiff.evaluation.recordings import said_classes, voted
from sonicdiff.evaluation.report import Table, sheet
from sonicdiff.synthetic.classes import CALM, CLASSES, HELD_OUT, SPLIT_SIZE, SPLITS
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound

if TYPE_CHECKING:
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


@pytest.fixture
def judges(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    Evaluators(ImageEvaluator(), AudioEvaluator()).save(tmp_path / "evaluators")
    return tmp_path / "evaluators"


def test_a_tiny_evaluation(tiny: SonicDiffusionPipeline, judges: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Options, "quick", classmethod(lambda cls, seed=0: cls(n=5, pool=6, steps=1, seed=seed)))
    monkeypatch.setattr(Options, "half", 4)
    monkeypatch.setattr(material, "render", lambda scene: render(scene, 64))
    monkeypatch.setattr(material, "render_sound", lambda *given, sample_rate: render_sound(*given, seconds=1, sample_rate=16_000))
    monkeypatch.setattr(material, "RATE", 16_000)
    monkeypatch.setattr(generation, "LEVELS", (0.2, 1.0))
    said: list[str] = []
    parts = ("generation", "combinations", "editing", "intensity")
    tables = evaluate(tiny, output=tmp_path / "out", parts=parts, quick=True, evaluators=judges, log=said.append)
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["about"]["n"] == 5
    aic = scores["tables"]["Generation from held-out sounds"]["rows"]["model"]["AIC"]
    assert aic["n"] == 5 and 0 <= aic["low"] <= aic["mean"] <= aic["high"] <= 1
    editing = scores["tables"]["Editing"]["rows"]
    assert editing["the photo itself"]["structure"]["mean"] == pytest.approx(1)
    assert {"model", "plain inversion", "plug-and-play by text", "true counterfactuals"} <= set(editing)
    ahead = editing["model"]["structure"]["mean"] - editing["plain inversion"]["structure"]["mean"]
    assert editing["model less plain inversion"]["structure"]["mean"] == pytest.approx(ahead)
    assert tables[0].markdown() in said[-1]
    assert Image.open(tmp_path / "out" / "editing.png").height > 4 * 160


def test_unknown_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\['weather'\]; known are vae, generation"):
        evaluate("mini", parts=("weather",))


def test_rows_are_held_out_balanced_and_never_the_same_twice() -> None:
    rows = balanced_rows(20)
    causes = [r.scene.cause for r in rows]
    assert causes[:10] == list(CLASSES) and len(rows) == 20
    assert {r.scene.seed // SPLIT_SIZE for r in rows} == {SPLITS["test"]} and len({r.scene.seed for r in rows}) == 20
    assert all((r.scene.cause, r.scene.place) in HELD_OUT for r in balanced_rows(10, held_out=True))


def test_sources_of_edits_are_of_another_class_and_every_second_one_calm() -> None:
    for n in (9, 12, 27):
        rows = balanced_rows(n)
        sources = edit_sources(rows)
        assert all(source.cause != r.scene.cause and source.seed != r.scene.seed for source, r in zip(sources, rows, strict=True))
        assert [source.cause == CALM for source in sources] == [number % 2 == 1 for number in range(n)]


def test_the_place_prompt_does_not_name_the_cause() -> None:
    for r in balanced_rows(18, held_out=True):
        assert not set(r.scene.cause.split()) & set(place_prompt(r).split())


def test_structure_at_equal_class() -> None:
    assert kept_at([(0.4, 0.9), (0.8, 0.5)], 0.6) == pytest.approx(0.7)
    assert kept_at([(0.9, 0.3), (0.9, 0.4)], 0.6) == pytest.approx(0.4)
    assert shared_levels([[(0.4, 0.9), (0.8, 0.5)], [(0.9, 0.1), (0.2, 0.9)]]) == pytest.approx([0.4, 0.6, 0.8])
    assert shared_levels([[(0.1, 0.9), (0.2, 0.5)], [(0.5, 0.1), (0.9, 0.9)]], 1) == pytest.approx([0.2])


def test_votes_of_the_nearest() -> None:
    similarity, classes = np.array([0.9, 0.8, 0.1, *[0.0] * 20]), np.array([3, 3, 1, *[0] * 20])
    assert voted(similarity, classes).argmax() == 3


def test_the_examples_say_their_classes() -> None:
    said = said_classes(Path(__file__).parents[2] / "examples" / "SOURCES.md")
    assert len(said) >= 10 and said["rain.ogg"] == "raining" and set(said.values()) <= set(CLASSES)


def test_variants_are_found_in_pairs(tmp_path: Path) -> None:
    for name in ("projector-a", "adapter-a", "adapter-b", "projector-c"):
        (tmp_path / name).mkdir()
    assert [variant.name for variant in found_variants(tmp_path)] == ["a"]


def test_tables_and_sheets(tmp_path: Path) -> None:
    table = Table("Title", rows={"one": {"a": 1.0, "b": None}, "two": {"c": "x"}})
    assert table.markdown().splitlines()[2:] == ["| | a | b | c |", "|---|---|---|---|", "| one | 1 |  |  |", "| two |  |  | x |"]
    picture = np.zeros((50, 80, 3), np.uint8)
    sheet([[(picture, "a rather long label that must be cut")], [(picture, ""), (picture, "b")]], tmp_path / "sheet.png", 40)
    assert Image.open(tmp_path / "sheet.png").size == (86, 2 + 2 * 56)
