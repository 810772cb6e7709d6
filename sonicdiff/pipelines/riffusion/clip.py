"""A clip of music: a sound that carries its spectrogram, its tempo and the record of what made it, and saves all three."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sonicdiff.audio import image as spectrogram_image
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.common.record import KEY, relative_to
from sonicdiff.pipelines.riffusion.tempo import BEATS_A_BAR
from sonicdiff.pipelines.riffusion.vocabulary import GENRES


@dataclass(frozen=True, eq=False)
class Clip(Waveform):
    """bpm: of its beats. loop: its end leads into its beginning. image: its mel spectrogram. made: its record, see `pipelines.record`."""

    bpm: float
    loop: bool
    image: Image.Image
    made: dict[str, Any] = field(repr=False)

    def save(self, path: str | os.PathLike[str], bits: int = 16, picture: bool = True, with_paths: bool = False, **_: Any) -> Path:
        """Write wav, flac, ogg or mp3 with the record, the prompt (as title) and the genre as tags; its spectrogram as a PNG beside it.

        picture: off, no PNG is written. A wav also tells samplers its tempo and loop points. with_paths: also where the files it was
        made from are, relative to it, for `replay`.
        """
        path = Path(path)
        made = {name: value for name, value in self.made.items() if name != "files"}
        if with_paths:
            made["files"] = relative_to(path.parent, self.made["files"])
        record = json.dumps(made, sort_keys=True)  # in ASCII: an mp3 tag keeps nothing else
        prompt = str(made.get("settings", {}).get("prompt") or "")
        genre = next((genre for genre in GENRES if genre in prompt.lower()), "")
        super().save(path, bits, record, prompt[:200], genre, self.chunks())
        if picture:
            spectrogram_image.save(self.image, path.with_suffix(".png"), {KEY: record})
        return path

    def chunks(self) -> bytes:
        """What samplers read from a wav: its tempo and beats (`acid`) and, of a loop, its ends (`smpl`)."""
        count, rate = self.samples.shape[1], self.sample_rate
        beats = round(self.seconds * self.bpm / 60)
        flags = 0 if self.loop else 1  # 1: played once
        acid = struct.pack("<4sIIHHfIHHf", b"acid", 24, flags, 60, 0x8000, 0.0, beats, BEATS_A_BAR, 4, self.bpm)
        if not self.loop:
            return acid
        head = (0, 0, round(1e9 / rate), 60, 0, 0, 0, 1, 0)  # a sample's nanoseconds, middle C, one loop
        return acid + struct.pack("<4sI9I6I", b"smpl", 60, *head, 0, 0, 0, count - 1, 0, 0)


def joined(clips: Sequence[Waveform]) -> Waveform:
    """Sounds of one rate, one after the other."""
    return Waveform(np.concatenate([clip.samples for clip in clips], axis=1), clips[0].sample_rate)
