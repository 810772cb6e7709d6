"""What hears clips and reads captions into one space: our own listener, or LAION's CLAP for music from weights that are here."""

# transformers types its models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from transformers import AutoTokenizer, ClapAudioModelWithProjection, ClapModel

from sonicdiff.audio.clap import ClapFrontEnd, embed
from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.clip import found, strictly
from sonicdiff.evaluation.music.judge import MusicJudge, heard

CLAP = "laion/larger_clap_music"


class Ear(Protocol):
    @property
    def about(self) -> str: ...

    def hear(self, clip: Waveform) -> tuple[np.ndarray, np.ndarray]:
        """A clip as features (1, f), for FAD, and as a unit vector (1, d), to compare with captions."""
        ...

    def read(self, captions: Sequence[str]) -> np.ndarray:
        """Unit vectors (n, d)."""
        ...


class Listener:
    """The listener that this project trains on its own compositions."""

    about = "this project's own listener, which knows its own compositions only (FAD on its 192 features)"

    def __init__(self, judge: MusicJudge) -> None:
        self.judge = judge

    @torch.no_grad()
    def hear(self, clip: Waveform) -> tuple[np.ndarray, np.ndarray]:
        features = self.judge.judge([heard(clip)])
        return features.numpy(), self.judge.listen(features).numpy()

    @torch.no_grad()
    def read(self, captions: Sequence[str]) -> np.ndarray:
        return self.judge.caption(list(captions)).numpy()


class LaionClap:
    """Both towers of LAION's CLAP; the sound's by our own front end, which always hears a clip alike."""

    about = f"LAION's CLAP ({CLAP}): caption cosine is the CLAP score, FAD on its 512-d embeddings"

    def __init__(self, folder: Path) -> None:
        whole = strictly(ClapModel, folder)
        self.audio = ClapAudioModelWithProjection(whole.config.audio_config).eval()
        self.audio.audio_model, self.audio.audio_projection = whole.audio_model, whole.audio_projection
        self.text_model, self.text_projection = whole.text_model, whole.text_projection
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self.front_end = ClapFrontEnd.from_pretrained(folder)

    def hear(self, clip: Waveform) -> tuple[np.ndarray, np.ndarray]:
        vector = embed(self.audio, self.front_end, clip).cpu().numpy()
        return vector, vector

    @torch.no_grad()
    def read(self, captions: Sequence[str]) -> np.ndarray:
        tokens = self.tokenizer(list(captions), padding=True, truncation=True, max_length=77, return_tensors="pt")
        return F.normalize(self.text_projection(self.text_model(**tokens).pooler_output), dim=-1).numpy()


def load(kind: str) -> Ear:
    """`own` (the listener beside the embedded models), `clap` (from the Hub's cache) or `clap:FOLDER`.

    Raises ValueError for another kind, FileNotFoundError, with what to fetch, where the weights are not here.
    """
    name, _, folder = kind.partition(":")
    if name not in ("own", "clap") or (folder and name == "own"):
        raise ValueError(f"unknown extractors {kind!r} for music; expected own, clap or clap:FOLDER")
    if name == "clap":
        return LaionClap(found(CLAP, Path(folder) if folder else None))
    from sonicdiff.evaluation.evaluate import evaluators_folder

    return Listener(MusicJudge.load(evaluators_folder() / "music")[0])
