"""Every rival learns from a handful of rows and leaves the base alone; each way from a sound to the UNet is what it is said to be."""

# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportCallIssue=false
# pyright: reportOptionalMemberAccess=false, reportOptionalCall=false, reportOptionalSubscript=false
from __future__ import annotations

import json

import numpy as np
import pytest
import tiny
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from sonicdiff.models.adapter import AudioAdapter, stock_blocks
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.rivals.decoupled import DecoupledAdapter
from sonicdiff.models.rivals.gluenet import Discriminator
from sonicdiff.models.rivals.joint import JointSpace
from sonicdiff.models.rivals.reading import BEFORE, Reader
from sonicdiff.pipelines.common.prompt_encoder import encode_prompt
from sonicdiff.synthetic.dataset import row
from sonicdiff.training.adapt import AdaptOptions, AdaptTask
from sonicdiff.training.cache import fill
from sonicdiff.training.config import StageConfig
from sonicdiff.training.draw import Draw
from sonicdiff.training.recipe import find, run, stages_of
from sonicdiff.training.rivals.material import Material
from sonicdiff.training.rivals.train import TRAININGS
from sonicdiff.training.workspace import Workspace

ROWS, STEPS = 18, 1
LOOP = 'stage = "{}"\n[loop]\nsteps = 1\nbatch_size = 2\nlearning_rate = 1e-3\nlog_every = 1\nmixed_precision = "bf16"\n'


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """What a finished run leaves, of random weights and numbers."""
    recipe, folder = tmp_path_factory.mktemp("recipe"), tmp_path_factory.mktemp("run")
    (recipe / "data.toml").write_text(f'family = "rivals"\npictures = {ROWS}\nsounds = {ROWS}\n')
    for stage in ("rival", "align", "adapt"):
        (recipe / f"{stage}.toml").write_text(LOOP.format(stage))
    tokenizer, unet = tiny.make_tokenizer(folder / "clap" / "tokenizer"), tiny.make_unet()
    unet.register_to_config(sample_size=16)
    unet.save_pretrained(folder / "unet")
    tokenizer.save_pretrained(folder / "clap" / "tokenizer")
    tiny.make_text_encoder(tokenizer).save_pretrained(folder / "clap" / "text_encoder")
    tiny.make_audio_encoder().save_pretrained(folder / "clap" / "audio_encoder")
    rng = np.random.default_rng(0)
    for name, shape in (("latents-128", (4, 16, 16)), ("latents-128-mirrored", (4, 16, 16)), ("mels", (101, 16))):
        fill(folder / name, ROWS, lambda index, shape=shape: rng.standard_normal(shape).astype(np.float16))
    return Workspace(folder, recipe)


@pytest.fixture(scope="module")
def material(space: Workspace) -> Material:
    return Material(space, AdaptOptions())


@pytest.mark.parametrize("name", TRAININGS)
def test_a_rival_learns_and_the_base_does_not(name: str, space: Workspace, material: Material, monkeypatch: pytest.MonkeyPatch) -> None:
    unet, before = material.unet(), material.unet().state_dict()
    text = {key: value.clone() for key, value in material.reader.text_encoder.state_dict().items()}
    monkeypatch.setattr(Material, "unet", lambda self: unet)
    TRAININGS[name](material, name)
    after = unet.state_dict()  # of the stock UNet again: nothing of the rival is left in it
    assert list(after) == list(before) and all(torch.equal(after[key], before[key]) for key in before)
    assert all(torch.equal(text[key], value) for key, value in material.reader.text_encoder.state_dict().items())
    assert not any(parameter.requires_grad for parameter in unet.parameters())
    folder = space.path("rivals", name)
    facts = json.loads((folder / "facts.json").read_text())
    weights = [tensor for file in folder.glob("*/diffusion_pytorch_model.safetensors") for tensor in load_file(file).values()]
    assert facts["parameters"] > 0 and sum(tensor.numel() for tensor in weights) > 0 and facts["steps"] in (STEPS, 2 * STEPS)
    logs = [json.loads(line) for log in folder.glob("run-*/log.jsonl") for line in log.read_text().splitlines()]
    assert len(logs) == facts["steps"] and all(line["grad_norm"] > 0 for line in logs)


def test_the_recipe_trains_those_that_are_named_once(space: Workspace) -> None:
    run(space.recipe, ("gluegen",), folder=space.folder, device="cpu")
    written = space.path("rivals", "gluegen", "facts.json").stat().st_mtime_ns
    run(space.recipe, ("gluegen",), folder=space.folder, device="cpu")
    assert space.path("rivals", "gluegen", "facts.json").stat().st_mtime_ns == written
    assert stages_of(space.recipe) == list(TRAININGS)


def test_all_learn_for_as_many_steps_of_the_same_batch() -> None:
    loops = {stage: StageConfig.read(find("mini-rivals") / f"{stage}.toml").loop for stage in ("rival", "align", "adapt")}
    assert loops["align"].steps + loops["adapt"].steps == loops["rival"].steps
    assert len({(loop.batch_size, loop.learning_rate, loop.decay_fraction, loop.seed) for loop in loops.values()}) == 1


def test_rivals_see_and_hear_what_ours_does(material: Material) -> None:
    heard: list[Tensor] = []

    class Listening(AudioProjector):
        def forward(self, audio_embeds: Tensor) -> Tensor:
            heard.append(audio_embeds)
            return super().forward(audio_embeds)

    unet = material.unet()
    projector, adapter = Listening(tiny.EMBED_DIM, tiny.TEXT_DIM, width=32, heads=4), AudioAdapter.from_unet(unet)
    adapter.attach(unet)
    task = AdaptTask(unet, adapter, projector, material.options, material.pairs)
    seen: list[Tensor] = []
    task.loss = lambda model, latents, draw: seen.append(latents)
    task.losses(Draw.of(3, 5, 6))
    batch = material.draw(Draw.of(3, 5, 6))
    assert torch.equal(heard[0], batch.heard.embeds) and torch.equal(seen[0], batch.latents)
    assert all(row(int(r)).scene.cause == row(int(s)).scene.cause for r, s in zip(batch.rows, batch.sounds, strict=True))


def test_tokens_that_are_words_read_as_the_words(material: Material) -> None:
    reader: Reader = material.reader
    embed = reader.text_encoder.get_input_embeddings()
    for word in ("x", "storm"):
        ids = torch.tensor([reader.tokenizer(word).input_ids[1:-1]])
        with torch.no_grad():
            states = reader(embed(ids))
            assert torch.allclose(states, encode_prompt(reader.tokenizer, reader.text_encoder, f"{BEFORE} {word}"), atol=1e-5)
    assert torch.equal(embed(ids), embed(ids))  # the hook is gone


def test_decoupled_layers_begin_as_the_text_and_answer_as_it(material: Material) -> None:
    """Given a prompt's states as audio tokens, they add what the text attention says of them."""
    unet, states = material.unet(), material.prompts[1:2].float()
    adapter = DecoupledAdapter.beside(unet)
    path = adapter.paths[-1]
    block = stock_blocks(unet)[path]
    x = torch.randn(1, 16, block.dim, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = block.norm2(x)
        said = block.attn2(y, states)
        layer: nn.Module = adapter.layers[path.replace(".", "_")]
        assert torch.allclose(layer(block.attn2, y, states), said - block.attn2.to_out[0].bias, atol=1e-5)


def test_decoupled_attention_acts_on_the_rows_that_hear_and_leaves_with_the_adapter(material: Material) -> None:
    unet = material.unet()
    adapter = DecoupledAdapter.beside(unet)
    x, text = torch.randn(2, 4, 16, 16, generator=torch.Generator().manual_seed(0)), material.prompts[:2].float()
    tokens = torch.randn(1, 4, tiny.TEXT_DIM, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        stock = unet(x, 500, text).sample
        with adapter.attached(unet):
            deaf = unet(x, 500, text).sample
            one = unet(x, 500, text, cross_attention_kwargs={"audio_tokens": tokens, "audio_rows": slice(-1, None)}).sample
        assert torch.equal(deaf, stock) and torch.equal(unet(x, 500, text).sample, stock)
    assert torch.allclose(one[0], stock[0], atol=1e-6) and not torch.allclose(one[1], stock[1], atol=1e-3)


def test_the_judge_teaches_the_opposite() -> None:
    judge = Discriminator(8, reversal=0.1).eval()
    x = torch.randn(5, 8, requires_grad=True)
    (reversed_,) = torch.autograd.grad(judge(x).sum(), x)
    (plain,) = torch.autograd.grad(judge.net(x).sum(), x)
    assert torch.allclose(reversed_, -0.1 * plain)


def test_a_sound_finds_the_pictures_next_to_it() -> None:
    space = JointSpace(4, tiny.EMBED_DIM, tiny.TEXT_DIM, pictures=5, nearest=2)
    embeds = torch.nn.functional.normalize(torch.randn(1, tiny.EMBED_DIM, generator=torch.Generator().manual_seed(0)), dim=-1)
    with torch.no_grad():
        own = space.listen(embeds)
        other = torch.nn.functional.normalize(torch.randn_like(own) - own, dim=-1)
        space.bank.copy_(torch.cat([own, -own, -own, other, -own]))
        found = space.retrieve(embeds)
    assert torch.allclose(found, torch.nn.functional.normalize((own + other) / 2, dim=-1), atol=1e-5)
