"""RAVDESS as published: actors who speak and sing with eight emotions (Livingstone & Russo 2018, Zenodo 1188976, CC BY-NC-SA 4.0).

Files are `Actor_12/01-01-06-01-02-01-12.mp4`: modality (01 picture and sound, 02 picture, 03 sound), channel (01 speech, 02 song),
emotion, intensity, statement, repetition, actor. An archive unpacked anywhere under the root is found; the actor is the group.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sonicdiff.data.folder import files
from sonicdiff.data.reading import broken
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.data.splitting import Placed
from sonicdiff.data.videos import Cutting, cut, duration

NAME = re.compile(r"(0[1-3])-(0[12])-(0[1-8])-(0[12])-(0[12])-(0[12])-(\d\d)\.(mp4|wav)")
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
FACES = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgusted", "surprised")
LONGEST = 60.0  # seconds; the recordings last about four


def found(root: Path) -> bool:
    return any(NAME.fullmatch(file.name) for file in root.rglob("*-*-*-*-*-*-*.*"))


def read(root: Path, cutting: Cutting) -> Iterator[Placed]:
    """A sample a recording: one frame of the video, and the sound of the .wav where it is there, else the video's.

    The class is the emotion; the caption says what is seen. Raises ValueError where there are sounds alone.
    """
    recordings: dict[str, dict[str, Path]] = defaultdict(dict)
    for file in files(root):
        match = NAME.fullmatch(file.name)
        if match is not None:
            recordings[file.stem[3:]][match[1]] = file
    if not any(modalities.keys() & {"01", "02"} for modalities in recordings.values()):
        raise ValueError(
            f"there is no RAVDESS video in {root}; expected Video_Speech_Actor_01.zip or others, unpacked, not the sounds alone"
        )
    for name, modalities in sorted(recordings.items()):
        yield _sample(name, modalities, cutting), None


def _sample(name: str, modalities: dict[str, Path], cutting: Cutting) -> Sample:
    channel, emotion, _, _, _, actor = name.split("-")
    # Actors of odd numbers are men, of even ones women.
    who, does = "woman" if int(actor) % 2 == 0 else "man", "singing" if channel == "02" else "speaking"
    caption = f"a {who} with {_article(FACES[int(emotion) - 1])} face, {does}"
    described = {"label": EMOTIONS[int(emotion) - 1], "caption": caption, "group": f"Actor_{actor}"}
    video, sound = modalities.get("01", modalities.get("02")), modalities.get("03", modalities.get("01"))
    if video is None or sound is None:
        return broken(name, f"there is no {'video' if video is None else 'sound'} of this recording", **described)
    try:
        return cut(name, video, 0.0, LONGEST, cutting.at * duration(video), sound, **described)
    except SampleError as error:
        return broken(name, str(error), **described)


def _article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
