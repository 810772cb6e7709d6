"""A clip of music: a sound that carries its spectrogram, its tempo and the record of what made it, and saves all three."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sonicdiff.audio import image as spectrogram_image
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.record import KEY, relative_to


@dataclass(frozen=True, eq=False)
class Clip(Waveform):
    """bpm: of its beats. loop: its end leads into its beginning. image: its mel spectrogram. made: its record, see `pipelines.record`."""

    bpm: float
    loop: bool
    image: Image.Image
    made: dict[str, Any] = field(repr=False)

    def save(self, path: str | os.PathLike[str], bits: int = 16, picture: bool = True, with_paths: bool = False, **_: Any) -> Path:
        """Write wav, flac, ogg or mp3 with the record as a tag and, unless `picture` is off, the spectrogram as a PNG beside it.

        with_paths: also where the files it was made from are, relative to it, for `replay`.
        """
        path = Path(path)
        made = {name: value for name, value in self.made.items() if name != "files"}
        if with_paths:
            made["files"] = relative_to(path.parent, self.made["files"])
        record = json.dumps(made, sort_keys=True)  # in ASCII: an mp3 tag keeps nothing else
        super().save(path, bits, comment=record)
        if picture:
            spectrogram_image.save(self.image, path.with_suffix(".png"), {KEY: record})
        return path


def joined(clips: Sequence[Waveform]) -> Waveform:
    """Sounds of one rate, one after the other."""
    return Waveform(np.concatenate([clip.samples for clip in clips], axis=1), clips[0].sample_rate)
