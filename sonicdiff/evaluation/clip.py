"""The published metrics' own extractors: CLIP ViT-B/32 with Wav2CLIP for AIS, CLIP ViT-L/14 for IIS and AIC, from weights that are here."""

# transformers types its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor
from transformers import CLIPModel, CLIPTokenizer, PreTrainedModel

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.extractors import Looked
from sonicdiff.evaluation.inception import FILE as INCEPTION
from sonicdiff.evaluation.inception import Inception
from sonicdiff.evaluation.wav2clip import Wav2Clip
from sonicdiff.hub.download.cache import hub_cache

T = TypeVar("T", bound=PreTrainedModel)
SMALL, LARGE = "openai/clip-vit-base-patch32", "openai/clip-vit-large-patch14"
WAV2CLIP = "Wav2CLIP.pt"
WAV2CLIP_FROM = "https://github.com/descriptinc/lyrebird-wav2clip/releases/download/v0.1.0-alpha/Wav2CLIP.pt"
MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)  # of CLIP's pictures
SENTENCE = "a photo of {}"


class Tower:
    """One CLIP model: pictures and texts into one space."""

    def __init__(self, folder: Path) -> None:
        self.model = strictly(CLIPModel, folder)
        self.size: int = self.model.vision_model.config.image_size
        self.tokenizer = CLIPTokenizer.from_pretrained(folder, local_files_only=True)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)

    @torch.no_grad()
    def look(self, picture: np.ndarray) -> np.ndarray:
        """A uint8 picture (h, w, 3) to (1, d), not normalised."""
        pixels = prepared(picture, self.size).to(self.device)
        return self.model.visual_projection(self.model.vision_model(pixel_values=pixels).pooler_output).cpu().numpy()

    @torch.no_grad()
    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors (texts, d)."""
        tokens = self.tokenizer(list(texts), padding="max_length", truncation=True, max_length=77, return_tensors="pt").to(self.device)
        found = self.model.text_projection(self.model.text_model(**tokens).pooler_output)
        return F.normalize(found, dim=-1).cpu().numpy()


class Clip:
    """All of them together."""

    about = "CLIP ViT-B/32 with Wav2CLIP (AIS), CLIP ViT-L/14 (IIS, AIC)"

    def __init__(self, small: Tower, large: Tower, ear: Wav2Clip, eye: Inception | None = None) -> None:
        self.small, self.large, self.ear, self.eye = small, large, ear, eye

    @property
    def distances(self) -> str:
        if self.eye is None:
            return f"CLIP ViT-B/32's projected features, for there is no {INCEPTION}"
        return "FID's Inception-v3, pictures resized as by clean-fid"

    @classmethod
    def load(cls, folder: Path | None = None) -> Clip:
        """From `folder` (clip-vit-base-patch32, clip-vit-large-patch14 and Wav2CLIP.pt in it), else from the caches of Hub and torch.

        Raises FileNotFoundError with what to fetch, and how, where one of them is not there. FID's Inception beside Wav2CLIP.pt is
        used if it is there.
        """
        files = folder or Path(torch.hub.get_dir()) / "checkpoints"
        ear, eye = files / WAV2CLIP, files / INCEPTION
        if not ear.is_file():
            raise FileNotFoundError(f"there is no {ear}; fetch it once: curl -L --create-dirs -o {ear} {WAV2CLIP_FROM}")
        towers = Tower(found(SMALL, folder)), Tower(found(LARGE, folder))
        return cls(*towers, Wav2Clip.load(ear), Inception.load(eye) if eye.is_file() else None)

    def look(self, picture: np.ndarray) -> Looked:
        features = self.small.look(picture)
        return Looked(unit(features), unit(self.large.look(picture)), features if self.eye is None else self.eye.look(picture))

    def listen(self, sound: Waveform) -> np.ndarray:
        return self.ear.listen(sound)

    def listen_as_released(self, sounds: Iterable[Waveform]) -> np.ndarray | None:
        return self.ear.listen_as_released(sounds)

    def named(self, looked: Looked, labels: Sequence[str], bare: bool) -> np.ndarray | None:
        return looked.pictures @ self.large.read([label if bare else SENTENCE.format(label) for label in labels]).T


def found(repository: str, folder: Path | None = None) -> Path:
    """The folder of a model in `folder`, or in the Hub's cache. FileNotFoundError with what to fetch where it is not there."""
    from huggingface_hub import try_to_load_from_cache

    if folder is not None:
        place = folder / repository.split("/")[1]
        if not (place / "config.json").is_file():
            raise FileNotFoundError(f"there is no model in {place}; fetch it once: hf download {repository} --local-dir {place}")
        return place
    config = try_to_load_from_cache(repository, "config.json", hub_cache())
    if not isinstance(config, str):
        raise FileNotFoundError(f"{repository} is not in the cache {hub_cache()}; fetch it once: hf download {repository}")
    return Path(config).parent


def strictly(kind: type[T], folder: Path) -> T:
    """A model of transformers, in eval mode. ValueError where its weights are not all in the folder: they would be drawn at random."""
    loaded: Any = kind.from_pretrained(folder, local_files_only=True, output_loading_info=True)
    model, told = loaded
    if missing := sorted(told["missing_keys"]):
        raise ValueError(f"{folder} lacks {len(missing)} tensors of a {kind.__name__}, {missing[0]} among them; fetch it anew")
    return model.eval()


def prepared(picture: np.ndarray, size: int) -> Tensor:
    """As CLIP was trained: the short side to `size`, bicubic, the middle square, CLIP's mean and deviation: (1, 3, size, size)."""
    image = Image.fromarray(picture).convert("RGB")
    scale = size / min(image.size)
    width, height = (max(size, int(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    left, top = (width - size) // 2, (height - size) // 2
    pixels = torch.from_numpy(np.array(image.crop((left, top, left + size, top + size)))).permute(2, 0, 1).float() / 255
    return ((pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(DEVIATION)[:, None, None])[None]


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
