"""The paper's released files as our modules, every tensor accounted for: gates, projector, and the CLAP they hear with.

The formats are those of burakcanbiner/SonicDiffusion's `ckpts` and of microsoft/msclap's CLAP_weights_2022.pth.
"""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import UNet2DConditionModel

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.hub.weights import strict_load
from sonicdiff.models.adapter import AudioAdapter, key
from sonicdiff.models.cnn14 import Cnn14AudioEncoder
from sonicdiff.models.released_projector import ReleasedProjector

HEADS = 8  # of every attention in the released weights, whatever its width

GATE_NAMES = {
    "norm.weight": "norm_adapter.weight",
    "norm.bias": "norm_adapter.bias",
    "to_q.weight": "attn_adapter.to_q.weight",
    "to_k.weight": "attn_adapter.to_k.weight",
    "to_v.weight": "attn_adapter.to_v.weight",
    "to_out.weight": "attn_adapter.to_out.0.weight",
    "to_out.bias": "attn_adapter.to_out.0.bias",
    "gate": "gate_adapter",
}
"""Of one audio layer: our names, and those of the released file."""

GATED = tuple(
    f"{place}.transformer_blocks.0"
    for place in ("mid_block.attentions.0", *(f"up_blocks.{up}.attentions.{layer}" for up in (1, 2, 3) for layer in (0, 1, 2)))
)
"""Where the released gates stand in Stable Diffusion's UNet."""

PROJECTOR_NAMES = {
    "mapper": "audio_emb_projection",
    "to_q": "cross_attention.3.to_q_adapter",
    "to_k": "cross_attention.3.to_k_adapter",
    "to_v": "cross_attention.3.to_v_adapter",
    "between": "between_attention.3",
    "to_out": "to_out_adapter.0",
}
DEAD = ("cross_attention.[012].to_[qkv]_adapter.weight", "between_attention.[012].[02].weight", "between_attention.[012].[02].bias")
"""21 tensors of the first three attention blocks, which never had an effect nor a gradient: in the file, and dropped."""

CLAP_DROPPED = (
    "audio_encoder.base.spectrogram_extractor.stft.conv_real.weight",  # torchlibrosa keeps its front end among the weights
    "audio_encoder.base.spectrogram_extractor.stft.conv_imag.weight",
    "audio_encoder.base.logmel_extractor.melW",
    "audio_encoder.base.fc_audioset.*",  # AudioSet's classes
)
CLAP_FRONT_END = ClapFrontEnd(sampling_rate=44_100, hop_length=320, padding="repeat", resampler="sinc")


def gates(path: Path, unet: UNet2DConditionModel) -> AudioAdapter:
    """The gated layers of `landscape.pt` or `greatest_hits.pt` for a UNet of the topology that they were trained on."""
    tensors = strict_load.read(path, "the gates of SonicDiffusion")
    with torch.device("meta"):
        blocks = {place: (dim, HEADS) for place, (dim, _) in AudioAdapter.from_unet(unet).config["blocks"].items()}
        adapter = AudioAdapter(unet.config["cross_attention_dim"], blocks)
    names = gate_names(adapter)
    strict_load.check_names(path, tensors, names.values(), (), others=True)
    strict_load.fill(path, adapter, tensors, names, measure="the base's UNet")
    return adapter


def check_pair(gates: Path, projector_path: Path) -> None:
    """ValueError for a gate file or a projector that is not the released one, as far as that shows without base and CLAP."""
    tensors = strict_load.read(gates, "the gates of SonicDiffusion")
    strict_load.check_names(gates, tensors, (f"{place}.{name}" for place in GATED for name in GATE_NAMES.values()), tensors)
    projector(projector_path)


def gate_names(adapter: AudioAdapter) -> dict[str, str]:
    """The released name of each tensor of the adapter."""
    return {f"layers.{key(path)}.{ours}": f"{path}.{theirs}" for path in adapter.paths for ours, theirs in GATE_NAMES.items()}


def projector(path: Path) -> ReleasedProjector:
    """The projector of `audio_projector_*.pth`; its dead tensors are dropped."""
    tensors = strict_load.read(path, "the projector of SonicDiffusion")
    with torch.device("meta"):
        names = projector_names(ReleasedProjector())
    strict_load.check_names(path, tensors, names.values(), DEAD)
    tokens, embed_dim = strict_load.shape(path, tensors, "audio_emb_projection.4.weight", 2)
    width, context_dim = strict_load.shape(path, tensors, "cross_attention.3.to_q_adapter.weight", 2)
    with torch.device("meta"):
        model = ReleasedProjector(embed_dim, context_dim, tokens, width, HEADS)
    strict_load.fill(path, model, tensors, names)
    return model


def projector_names(model: ReleasedProjector) -> dict[str, str]:
    """The released name of each tensor of the projector."""
    parts = {name: name.partition(".") for name in model.state_dict()}
    return {name: f"{PROJECTOR_NAMES[first]}.{rest}" for name, (first, _, rest) in parts.items()}


def clap(path: Path) -> Cnn14AudioEncoder:
    """The audio tower of CLAP_weights_2022.pth. What stands outside `audio_encoder` (the caption encoder, the logit scale) is not read."""
    tensors = strict_load.read(path, "Microsoft CLAP 2022", wrapped_in="model")
    tensors = {name: value for name, value in tensors.items() if name.startswith("audio_encoder.")}
    with torch.device("meta"):
        names = clap_names(Cnn14AudioEncoder())
    for name in names.values():
        if name.endswith("num_batches_tracked"):  # a counter for training that older files lack
            tensors.setdefault(name, torch.tensor(0))
    strict_load.check_names(path, tensors, names.values(), CLAP_DROPPED)
    convolutions = [f"audio_encoder.base.conv_block{number}.conv2.weight" for number in range(1, 7)]
    widths = [strict_load.shape(path, tensors, name, 4)[0] for name in convolutions]
    (mels,) = strict_load.shape(path, tensors, "audio_encoder.base.bn0.weight", 1)
    embed_dim, hidden = strict_load.shape(path, tensors, "audio_encoder.projection.linear1.weight", 2)
    with torch.device("meta"):
        model = Cnn14AudioEncoder(widths, mels, hidden, embed_dim)
    strict_load.fill(path, model, tensors, names)
    strict_load.check_filters(path, CLAP_FRONT_END, tensors.get("audio_encoder.base.logmel_extractor.melW"))
    return model


def clap_names(model: Cnn14AudioEncoder) -> dict[str, str]:
    """The released name of each tensor of the audio tower."""
    names = {}
    for name in model.state_dict():
        first, _, rest = name.partition(".")
        if first == "blocks":
            number, _, rest = rest.partition(".")
            names[name] = f"audio_encoder.base.conv_block{int(number) + 1}.{rest}"
        else:
            names[name] = f"audio_encoder.{name}" if first == "projection" else f"audio_encoder.base.{name}"
    return names
