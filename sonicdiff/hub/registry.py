"""The models known by name and the bases they stand on: what each is, where its files are, its size, its licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Repository:
    """Files of one repository of the Hugging Face Hub.

    revision: a commit in 40 hexadecimal digits, or None: the repository's head on the day of the first download, which is then kept (the
    cache notes the commit). files: those wanted; none means a diffusers pipeline's configurations and one set of its safetensors.
    """

    repo_id: str
    revision: str | None = None
    repo_type: Literal["model", "space"] = "model"
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """What is no model by itself: a Stable Diffusion 1.x that audio layers can be set into, or a decoder. size_mb: what is fetched."""

    name: str
    description: str
    repository: Repository
    licence: str
    size_mb: int


@dataclass(frozen=True)
class Checkpoint:
    """One set of weights.

    source: "embedded" (a folder beside the code), or the files on the Hub. base: the name of the base whose weights it needs besides;
    such a model is put together once, from its files and its base, into `sonicdiff.pipelines.hub.own_cache()`, which takes built_mb more.
    size_mb: what is on the disk, or what is fetched, base included. defaults: the settings that suit it, where they are not the code's.
    """

    name: str
    description: str
    kind: Literal["pictures", "music"]
    source: Literal["embedded"] | tuple[Repository, ...]
    licence: str
    size_mb: int
    null_audio: Literal["off", "zeros"] | None  # None: it makes music and hears nothing
    base: str | None = None
    built_mb: int = 0
    defaults: Mapping[str, Any] = field(default_factory=dict)

    @property
    def embedded(self) -> bool:
        return self.source == "embedded"


# Both commits are those that public code pins these very repositories to. No published commit was found of riffusion-model-v1 with its
# safetensors, of the authors' Space, of msclap or TAESD: their heads are taken, and what was fetched is what stays.
BASES = {
    base.name: base
    for base in (
        Part(
            "sd-1.5",
            "Stable Diffusion 1.5, the mirror of the deleted original",
            Repository("stable-diffusion-v1-5/stable-diffusion-v1-5", "451f4fe16113bff5a5d2269ed5ad43b0592e9a14"),
            "OpenRAIL-M",
            2140,
        ),
        Part(
            "sd-1.4",
            "Stable Diffusion 1.4, which the paper's weights were trained on",
            Repository("CompVis/stable-diffusion-v1-4", "133a221b8aa7292a167afc5127cb63fb5005638b"),
            "OpenRAIL-M",
            2140,
        ),
    )
}

TAESD = Repository("madebyollin/taesd", files=("config.json", "diffusion_pytorch_model.safetensors"))
PARTS = {**BASES, "taesd": Part("taesd", "a small decoder: previews in colour and shape at full size", TAESD, "MIT", 10)}
"""What else can be fetched by name."""

SPACE = "burakcanbiner/SonicDiffusion"
CLAP_2022 = Repository("microsoft/msclap", files=("CLAP_weights_2022.pth",))


def released(name: str, sounds: str, gates: str, projector: str) -> Checkpoint:
    """One of the paper's two released pairs: gate file, projector, Microsoft CLAP 2022, on Stable Diffusion 1.4."""
    pair = Repository(SPACE, repo_type="space", files=(f"ckpts/{gates}", f"ckpts/{projector}"))
    return Checkpoint(
        name,
        f"the paper's weights for the {sounds} sounds, on Stable Diffusion 1.4 with Microsoft CLAP 2022",
        "pictures",
        (pair, CLAP_2022),
        "OpenRAIL-M base, MS-PL audio encoder",
        4610,
        "zeros",
        base="sd-1.4",
        built_mb=2600,
        # The sliders of the authors' demo, its sampler (Stable Diffusion 1.4's), and its code, which carries nothing of the photo over.
        defaults={"feature_injection": 0.8, "attention_injection": 0.8, "guidance_scale": 7.5, "sampler": "pndm", "detail": 0.0},
    )


def beside_mini(name: str, sounds: str) -> Checkpoint:
    """Audio layers on mini's base, which lies beside them: 1 MB of their own."""
    return Checkpoint(name, f"{sounds}; on mini's base", "pictures", "embedded", "Apache-2.0", 1, "off")


CHECKPOINTS = {
    checkpoint.name: checkpoint
    for checkpoint in (
        Checkpoint(
            "mini", "the small model trained by this project; runs on a laptop CPU", "pictures", "embedded", "Apache-2.0", 39, "off"
        ),
        beside_mini("mini-hits", "ten materials struck and scraped"),
        beside_mini("mini-faces", "eight emotions of voices, shown as faces"),
        Checkpoint("mini-music", "music from text, trained by this project, for CPUs", "music", "embedded", "Apache-2.0", 14, None),
        Checkpoint(
            "riffusion",
            "music from text: riffusion-model-v1",
            "music",
            (Repository("riffusion/riffusion-model-v1"),),
            "OpenRAIL-M",
            2200,
            None,
        ),
        released("landscape", "Landscape", "landscape.pt", "audio_projector_landscape.pth"),
        released("greatest-hits", "Greatest Hits", "greatest_hits.pt", "audio_projector_gh.pth"),
    )
}
