"""The tables of rivals: who is in them, that text through a reading pipeline is text, that guidance is chosen on the validation split."""

# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tiny as parts
import torch

from sonicdiff.evaluation import material, rivals
from sonicdiff.evaluation.evaluate import evaluate
from sonicdiff.evaluation.features import AudioEvaluator, Evaluators, ImageEvaluator
from sonicdiff.evaluation.judging import Options
from sonicdiff.evaluation.rivals import guidance
from sonicdiff.evaluation.rivals_contenders import Contender, ReadingPipeline, contenders, like
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.rivals.decoupled import AudioMlp, DecoupledAdapter
from sonicdiff.models.rivals.tokens import PooledTokens
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound

if TYPE_CHECKING:
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """Three rivals of random weights."""
    unet, made = parts.make_unet(), tmp_path / "run" / "rivals"
    AudioProjector(parts.EMBED_DIM, parts.TEXT_DIM, width=32, heads=4).save_pretrained(made / "sonicdiffusion" / "projector")
    AudioAdapter.from_unet(unet).save_pretrained(made / "sonicdiffusion" / "adapter")
    AudioMlp(parts.EMBED_DIM, parts.TEXT_DIM).save_pretrained(made / "decoupled" / "projector")
    DecoupledAdapter.beside(unet).save_pretrained(made / "decoupled" / "decoupled")
    PooledTokens(16, parts.TEXT_DIM, (2,)).save_pretrained(made / "tempo-tokens" / "tokens")
    for folder in made.iterdir():
        (folder / "facts.json").write_text(json.dumps({"parameters": 1_500_000, "minutes": 2.5, "steps": 4}))
    return tmp_path / "run"


def test_both_tables_of_a_tiny_run(tiny: SonicDiffusionPipeline, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    Evaluators(ImageEvaluator(), AudioEvaluator()).save(tmp_path / "evaluators")
    monkeypatch.setattr(Options, "quick", classmethod(lambda cls, seed=0: cls(n=4, pool=4, steps=1, seed=seed)))
    monkeypatch.setattr(Options, "half", 1)
    monkeypatch.setattr(Options, "third", 1)
    some = {"sonicdiffusion", "decoupled", "no text"}
    monkeypatch.setattr(rivals, "contenders", lambda *given: [c for c in contenders(*given) if c.name in some])
    monkeypatch.setattr(rivals, "SCALES", (2.0,))
    monkeypatch.setattr(material, "render", lambda scene: render(scene, 64))
    monkeypatch.setattr(material, "render_sound", lambda *given, sample_rate: render_sound(*given, seconds=1, sample_rate=16_000))
    monkeypatch.setattr(material, "RATE", 16_000)
    given = {"output": tmp_path / "out", "parts": ("rivals",), "quick": True, "evaluators": tmp_path / "evaluators"}
    evaluate(tiny, variants=trained, log=lambda line: None, **given)
    tables = json.loads((tmp_path / "out" / "scores.json").read_text())["tables"]
    for title in ("Rivals: generation", "Rivals: editing, plug-and-play", "Rivals: editing, focused"):
        rows = tables[title]["rows"]
        assert set(rows) == some
        above = rows["decoupled"]["ours above: AIC"]["mean"]
        assert above == pytest.approx(rows["sonicdiffusion"]["AIC"]["mean"] - rows["decoupled"]["AIC"]["mean"])
    assert tables["Rivals: generation"]["rows"]["decoupled"]["trained"] == "1.50 M"
    assert "structure" in tables["Rivals: editing, focused"]["rows"]["no text"]
    with pytest.raises(ValueError, match="--variants"):
        evaluate(tiny, **given)
    with pytest.raises(FileNotFoundError, match="mini-rivals"):
        evaluate(tiny, variants=tmp_path, **given)


def test_states_of_a_prompt_make_what_the_prompt_makes(tiny: SonicDiffusionPipeline) -> None:
    how = {"seed": 3, "num_inference_steps": 2, "show_progress": False, "output_type": "np"}
    reading = like(tiny, ReadingPipeline)
    spoken = tiny.generate(prompt="a storm", guidance_scale=4.0, **how)[0]
    read = reading.generate(audio_embeds=tiny.encode_prompt("a storm"), audio_guidance_scale=4.0, **how)[0]
    assert np.array_equal(read, spoken)
    with pytest.raises(ValueError, match="no prompt"):
        reading.generate(audio_embeds=tiny.encode_prompt("a storm"), prompt="a field", **how)


def test_contenders_keep_the_models_settings_and_their_own_silence(tiny: SonicDiffusionPipeline, trained: Path) -> None:
    known = {contender.name: contender.pipeline for contender in contenders(tiny, trained)}
    untrained = {"text: class name", "text: caption of the class", "no text", "the model, trained longer"}
    assert set(known) == {"sonicdiffusion", "decoupled", "tempo-tokens", *untrained}
    assert known["decoupled"].config["null_audio"] == "zeros" and known["sonicdiffusion"].config["null_audio"] == "off"
    assert all(pipeline.config["focus"] == tiny.config["focus"] and pipeline.unet is tiny.unet for pipeline in known.values())
    assert known["sonicdiffusion"].adapter is not tiny.adapter


def test_guidance_is_what_suits_each_on_the_validation_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """A contender whose images are best at 6 and one whose are best at 10; an image is here how far its guidance is from that."""
    likes = {"a": 6.0, "b": 11.0}
    monkeypatch.setattr(rivals, "generated", lambda session, contender, trials, scale: [-abs(scale - likes[contender.name])] * 2)
    monkeypatch.setattr(rivals, "values", lambda seen, trials, pool: dict.fromkeys(("AIC", "AIS", "IIS"), np.array(seen)))
    session = SimpleNamespace(evaluators=SimpleNamespace(see=list), pool=None, log=lambda line: None)
    assert [guidance(session, Contender(name, None, None), None) for name in likes] == [6.0, 10.0]
