"""The gated audio layers on a stock UNet: nothing changes that should not, and what is saved is exactly they."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportReturnType=false
from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.models.attention import BasicTransformerBlock
from tiny import TEXT_DIM, make_adapter, make_text_encoder, make_tokenizer, make_unet, make_vae
from torch import Tensor

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.block import AudioTransformerBlock

SUFFIXES = {"gate", "norm.weight", "norm.bias", "to_q.weight", "to_k.weight", "to_v.weight", "to_out.weight", "to_out.bias"}


@pytest.fixture(scope="module")
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Latents, text and audio tokens of two rows."""
    torch.manual_seed(2)
    return torch.randn(2, 4, 8, 8), torch.randn(2, 77, TEXT_DIM), torch.randn(2, 77, TEXT_DIM)


@torch.no_grad()
def answer(unet: UNet2DConditionModel, inputs: tuple[Tensor, Tensor, Tensor], **kwargs: object) -> Tensor:
    return unet(inputs[0], 500, encoder_hidden_states=inputs[1], cross_attention_kwargs=kwargs or None).sample


def test_silent_cases_are_bitwise_stock(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    adapter, stock = make_adapter(unet), answer(unet, inputs)
    with adapter.attached(unet):
        assert torch.equal(answer(unet, inputs), stock)
        assert torch.equal(answer(unet, inputs, audio_tokens=inputs[2], audio_scale=0), stock)
        assert torch.equal(answer(unet, inputs, audio_tokens=inputs[2], audio_scale={"*": 0.0}), stock)
        assert not torch.equal(answer(unet, inputs, audio_tokens=inputs[2]), stock)
    with make_adapter(unet, gate=0.0).attached(unet):
        assert torch.equal(answer(unet, inputs, audio_tokens=inputs[2]), stock)


def test_detached_unet_is_bitwise_the_one_before(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    stock, shape, keys, processors = answer(unet, inputs), repr(unet), list(unet.state_dict()), list(unet.attn_processors)
    adapter = make_adapter(unet)
    for _ in range(2):
        adapter.attach(unet)
        assert set(keys) < set(unet.state_dict()) and list(unet.attn_processors) == processors
        assert not any(isinstance(module, BasicTransformerBlock) for module in unet.modules())
        adapter.detach(unet)
    assert repr(unet) == shape and list(unet.state_dict()) == keys
    assert torch.equal(answer(unet, inputs), stock)


def test_detaches_when_the_body_fails() -> None:
    unet = make_unet()
    with pytest.raises(KeyError), make_adapter(unet).attached(unet):
        raise KeyError
    assert not any(isinstance(module, AudioTransformerBlock) for module in unet.modules())


def test_layer_equals_the_formula(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    layer = next(iter(make_adapter(make_unet()).layers.values()))
    torch.manual_seed(3)
    x, audio = torch.randn(2, 9, layer.to_q.in_features), inputs[2]
    heads = [t.unflatten(-1, (layer.heads, -1)) for t in (layer.to_q(layer.norm(x)), layer.to_k(audio), layer.to_v(audio))]
    weights = torch.einsum("bihd,bjhd->bhij", heads[0], heads[1]).div(heads[0].shape[-1] ** 0.5).softmax(-1)
    heard = torch.einsum("bhij,bjhd->bihd", weights, heads[2]).flatten(2)
    expected = x + 0.7 * torch.tanh(layer.gate) * layer.to_out(heard)
    torch.testing.assert_close(layer(x, audio, 0.7), expected)


def test_scale_by_layer(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    adapter = make_adapter(unet)
    with adapter.attached(unet):
        one = answer(unet, inputs, audio_tokens=inputs[2])
        each = answer(unet, inputs, audio_tokens=inputs[2], audio_scale=dict.fromkeys(adapter.paths, 1.0))
        mid = answer(unet, inputs, audio_tokens=inputs[2], audio_scale={"*": 0.0, "mid_block*": 1.0})
        assert torch.equal(one, each) and not torch.equal(one, mid)
        adapter.layers["mid_block_attentions_0_transformer_blocks_0"].gate.data.zero_()
        assert torch.equal(answer(unet, inputs, audio_tokens=inputs[2], audio_scale={"up_blocks.*": 0.0}), answer(unet, inputs))
        with pytest.raises(ValueError, match=r"'down_blocks\.\*'.*up_blocks\.1\.attentions\.0"):
            answer(unet, inputs, audio_tokens=inputs[2], audio_scale={"down_blocks.*": 1.0})


def test_layer_at_scale_zero_does_no_work(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    adapter, called = make_adapter(unet), []
    for name, layer in adapter.layers.items():
        layer.register_forward_hook(lambda *_, name=name: called.append(name))
    with adapter.attached(unet):
        answer(unet, inputs, audio_tokens=inputs[2], audio_scale={"*": 0.0, "mid_block*": 0.5})
    assert called == ["mid_block_attentions_0_transformer_blocks_0"]


def test_rows(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    with make_adapter(unet).attached(unet):
        silent, heard = answer(unet, inputs), answer(unet, inputs, audio_tokens=inputs[2])
        second = answer(unet, inputs, audio_tokens=inputs[2][1:], audio_rows=slice(-1, None))
        torch.testing.assert_close(second, torch.cat([silent[:1], heard[1:]]), atol=1e-5, rtol=0)
        with pytest.raises(ValueError, match="1 rows of a batch of 2"):
            answer(unet, inputs, audio_tokens=inputs[2][:1])


def test_where() -> None:
    unet = make_unet()
    assert len(AudioAdapter.from_unet(unet).paths) == 10
    assert len(AudioAdapter.from_unet(unet, where=("down_blocks", "mid_block", "up_blocks")).paths) == 16
    assert AudioAdapter.from_unet(unet, where=["mid_block"]).paths == ("mid_block.attentions.0.transformer_blocks.0",)
    with pytest.raises(ValueError, match="expected one or more of down_blocks"):
        AudioAdapter.from_unet(unet, where=("decoder",))


def test_attach_refuses_what_does_not_fit() -> None:
    unet = make_unet()
    adapter = make_adapter(unet)
    with adapter.attached(unet), pytest.raises(ValueError, match="already"):
        adapter.attach(unet)
    with pytest.raises(ValueError, match="the UNet has none there"):
        AudioAdapter(TEXT_DIM, {"mid_block.attentions.7.transformer_blocks.0": (64, 4)}).attach(unet)
    with pytest.raises(ValueError, match="the UNet has one 64 wide there"):
        AudioAdapter(TEXT_DIM, {"mid_block.attentions.0.transformer_blocks.0": (32, 4)}).attach(unet)


def test_saved_keys_and_round_trip(tmp_path: Path, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    adapter = make_adapter(unet)
    names = {path.replace(".", "_") for path in adapter.paths}
    assert set(adapter.state_dict()) == {f"layers.{name}.{suffix}" for name in names for suffix in SUFFIXES}
    adapter.save_pretrained(tmp_path)
    loaded = AudioAdapter.from_pretrained(tmp_path)
    assert loaded.paths == adapter.paths
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in adapter.state_dict().items())
    with adapter.attached(unet):
        before = answer(unet, inputs, audio_tokens=inputs[2])
    with loaded.attached(unet):
        assert torch.equal(answer(unet, inputs, audio_tokens=inputs[2]), before)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_gradients_reach_the_adapter_only(checkpointing: bool, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet().train().requires_grad_(False)
    adapter = make_adapter(unet).train()
    if checkpointing:
        unet.enable_gradient_checkpointing()
    tokens = inputs[2].clone().requires_grad_()
    with adapter.attached(unet):
        eps = unet(inputs[0], 500, encoder_hidden_states=inputs[1], cross_attention_kwargs={"audio_tokens": tokens}).sample
        eps.square().mean().backward()
    gradients = [parameter.grad for parameter in adapter.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
    assert tokens.grad is not None and tokens.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in unet.parameters())


def test_stock_pipeline_takes_the_tokens(tmp_path: Path, inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    tokenizer, unet = make_tokenizer(tmp_path), make_unet()
    parts = {"vae": make_vae(), "text_encoder": make_text_encoder(tokenizer), "tokenizer": tokenizer, "unet": unet}
    pipeline = StableDiffusionPipeline(
        **parts, scheduler=DDIMScheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )
    pipeline.set_progress_bar_config(disable=True)

    def image(**kwargs: object) -> Tensor:
        generator = torch.Generator().manual_seed(0)
        return pipeline("rain", num_inference_steps=2, generator=generator, output_type="latent", cross_attention_kwargs=kwargs).images

    stock = image()
    with make_adapter(unet).attached(unet):
        assert torch.equal(image(audio_tokens=inputs[2], audio_scale=0.0), stock)
        assert not torch.equal(image(audio_tokens=inputs[2], audio_scale={"mid_block*": 2.0}), stock)


def test_golden(inputs: tuple[Tensor, Tensor, Tensor]) -> None:
    unet = make_unet()
    with make_adapter(unet).attached(unet):
        corner = answer(unet, inputs, audio_tokens=inputs[2])[0, -1, -3:, -3:].flatten()
    expected = torch.tensor([-0.0815, -0.6435, 0.0170, -0.1333, -0.5722, 0.2558, 0.5246, 0.4613, 0.2855])
    torch.testing.assert_close(corner, expected, atol=1e-3, rtol=0)


def test_layers_that_begin_as_copies_hear_as_the_text_is_read() -> None:
    unet = make_unet()
    adapter = AudioAdapter.from_unet(unet, gate=0.55)
    adapter.copy_text(unet)
    for path, (dim, _) in adapter.config["blocks"].items():
        x, tokens, block = torch.randn(2, 9, dim), torch.randn(2, 5, TEXT_DIM), unet.get_submodule(path)
        read = block.attn2(block.norm2(x), tokens)
        heard = adapter.layers[path.replace(".", "_")](x, tokens) - x
        torch.testing.assert_close(heard, math.tanh(0.55) * read, atol=1e-5, rtol=1e-4)


def test_a_unet_with_grounding_layers_is_refused() -> None:
    unet = make_unet()
    settings = {name: value for name, value in unet.config.items() if not name.startswith("_")}
    gated = UNet2DConditionModel(**{**settings, "attention_type": "gated"})
    with pytest.raises(ValueError, match="gated attention"):
        make_adapter(unet).attach(gated)
