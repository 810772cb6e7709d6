"""Released weights as directories of safetensors: SonicDiffusion's with its base and its CLAP as a pipeline, LAION's CLAP as a model."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import SafetensorError
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from sonicdiff.hub.base_models import scheduler_of
from sonicdiff.hub.weights import laion_clap, sd15_directory, sonicdiffusion_checkpoint
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.cnn14 import Cnn14AudioEncoder
from sonicdiff.models.released_projector import ReleasedProjector
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


def convert_sonicdiffusion(gates: Path, projector: Path, output: Path, *, base: Path, clap: Path) -> Path:
    """Makes a complete pipeline directory `output` of the paper's released files; returns it.

    gates, projector: `landscape.pt` and `audio_projector_landscape.pth`, or the pair of Greatest Hits. base: the directory of a Stable
    Diffusion 1.x, whose weights are linked, not copied, where the file system allows. clap: `CLAP_weights_2022.pth`. ValueError or
    OSError, one sentence, for files that do not fit or cannot be read or written; `output` is then not there.
    """
    check_output(output)
    sd15_directory.check(base)
    unet = unfilled(UNet2DConditionModel, base / "unet")
    parts = (
        sonicdiffusion_checkpoint.gates(gates, unet),
        sonicdiffusion_checkpoint.projector(projector),
        sonicdiffusion_checkpoint.clap(clap),
    )
    check_fit(*parts)
    pipeline = assemble(base, unet, *parts)
    with new_directory(output) as folder:
        for name in ("adapter", "projector", "audio_encoder", "feature_extractor", "scheduler"):
            getattr(pipeline, name).save_pretrained(folder / name)
        for name in (*sd15_directory.MODELS, "tokenizer"):
            sd15_directory.take_over(base / name, folder / name)
        pipeline.save_config(folder)
    return output


def convert_laion(checkpoint: Path, output: Path) -> Path:
    """Makes a directory of transformers' ClapAudioModelWithProjection of LAION's `.pt`, with its front end; returns it. Errors as above."""
    check_output(output)
    model, front_end = laion_clap.audio_encoder(checkpoint)
    with new_directory(output) as folder:
        model.save_pretrained(folder)
        front_end.save_pretrained(folder)
    return output


def assemble(
    base: Path, unet: UNet2DConditionModel, adapter: AudioAdapter, projector: ReleasedProjector, audio_encoder: Cnn14AudioEncoder
) -> SonicDiffusionPipeline:
    """The pipeline with the released weights; the base's models are without theirs."""
    with torch.device("meta"):
        text_encoder = CLIPTextModel(CLIPTextConfig.from_pretrained(base / "text_encoder"))
    return SonicDiffusionPipeline(
        vae=unfilled(AutoencoderKL, base / "vae"),
        text_encoder=text_encoder,
        tokenizer=CLIPTokenizer.from_pretrained(base / "tokenizer"),
        unet=unet,
        scheduler=scheduler_of(base),
        audio_encoder=audio_encoder,
        feature_extractor=sonicdiffusion_checkpoint.CLAP_FRONT_END.extractor(),
        projector=projector,
        adapter=adapter,
        null_audio="zeros",
        feature_injection=0.8,
        attention_injection=0.8,
        inversion_refinements=0,
        detail=0.0,
        guidance_scale=7.5,
        sampler="pndm",
    )


def unfilled(model: Any, folder: Path) -> Any:
    """A model of diffusers of the configuration in `folder`, without weights."""
    with torch.device("meta"):
        return model.from_config(model.load_config(folder))


def check_fit(adapter: AudioAdapter, projector: ReleasedProjector, audio_encoder: Cnn14AudioEncoder) -> None:
    """ValueError unless the CLAP's vectors fit the projector, and its tokens the gates."""
    heard, read = audio_encoder.config["embed_dim"], projector.config["embed_dim"]
    if heard != read:
        raise ValueError(f"the CLAP gives vectors of {heard}, the projector reads {read}; expected files that were released together")
    given, attended = projector.config["context_dim"], adapter.config["context_dim"]
    if given != attended:
        raise ValueError(f"the projector gives tokens of {given}, the gates read {attended}; expected files that were released together")


def check_output(output: Path) -> None:
    """OSError unless `output` is free: not there, or an empty directory."""
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise FileExistsError(f"{output} is there already and not empty; choose another place, or remove it first")


@contextmanager
def new_directory(output: Path) -> Iterator[Path]:
    """A directory to write into, which becomes `output` if all goes well and is gone if anything does not."""
    folder = output.parent / f".{output.name}.{uuid.uuid4().hex[:8]}.partial"
    try:
        folder.mkdir(parents=True)
        yield folder
        check_output(output)
        folder.replace(output)  # an empty directory of that name gives way
    except (OSError, SafetensorError) as error:
        raise OSError(f"could not write {output} ({error}); make room, or choose another place: nothing was left behind") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
