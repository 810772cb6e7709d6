"""Windows cut out of videos, and the published sets, each as a small tree of exactly its layout."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from trees import RATE, colour, picture, sound, tone, video

from sonicdiff.data import splitting, videos
from sonicdiff.data.opening import open_data, placed
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.data.videos import Cutting
from sonicdiff.training.own.config import DataConfig
from sonicdiff.training.own.examples import open_split


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return video(tmp_path_factory.mktemp("videos") / "clip.mp4")


def everything(root: Path, layout: str = "auto", cutting: Cutting = Cutting()) -> dict[str, tuple[Sample, str | None]]:  # noqa: B008
    """Every sample at `root`, with the split its layout gives it."""
    layout = open_data(root).layout if layout == "auto" else layout
    return {sample.key: (sample, place) for sample, place in placed([root], layout, cutting)}


def test_windows_have_their_own_frame_and_sound(clip: Path) -> None:
    found = [sample for sample, _ in videos.read(clip, Cutting(1.0, at=0.5))]
    assert [sample.key for sample in found] == ["clip@0", "clip@1", "clip@2", "clip@3"]
    assert {sample.group for sample in found} == {"clip"} and len({sample.fingerprint() for sample in found}) == 4
    assert [colour(sample.picture()) for sample in found] == [0, 1, 2, 3]
    for sample, expected in zip(found, (300, 600, 1200, 2400), strict=True):
        heard = sample.sound()
        assert abs(heard.seconds - 1) < 0.01 and heard.sample_rate == RATE and abs(tone(heard) - expected) < 15
    late = [sample for sample, _ in videos.read(clip, Cutting(1.0, at=1.0))]
    assert [colour(sample.picture()) for sample in late] == [1, 2, 3, 3]
    assert late[0].fingerprint() != found[0].fingerprint()


@pytest.mark.parametrize(("seconds", "windows"), [(10.0, [4.0]), (2.5, [2.5, 1.5]), (3.0, [3.0])])
def test_a_rest_of_half_a_window_is_kept(clip: Path, seconds: float, windows: list[float]) -> None:
    lengths = [sample.sound().seconds for sample, _ in videos.read(clip, Cutting(seconds))]
    assert lengths == pytest.approx(windows, abs=0.1)


def test_a_turned_video_is_upright(tmp_path: Path) -> None:
    data = bytearray(video(tmp_path / "turned.mp4", 1, halves=True).read_bytes())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8  # version, times and numbers, reserved, layer to volume: then the matrix
    clockwise = (0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in clockwise)
    (tmp_path / "turned.mp4").write_bytes(data)
    image = videos.read_frame("turned", tmp_path / "turned.mp4", 0.5)
    assert image.size == (48, 64)
    assert colour(image.crop((0, 0, 48, 30))) == 0 and colour(image.crop((0, 34, 48, 64))) == 2  # its left half is on top


def test_a_header_that_lies_about_the_length_is_no_endless_list(tmp_path: Path) -> None:
    data = bytearray(video(tmp_path / "long.mkv", 1).read_bytes())
    at = data.index(b"\x44\x89\x88") + 3  # Matroska's element of the duration, in milliseconds
    data[at : at + 8] = struct.pack(">d", 1e12)
    (tmp_path / "long.mkv").write_bytes(data)
    (sample,) = [sample for sample, _ in videos.read(tmp_path, Cutting(1.0))]
    with pytest.raises(SampleError, match="lasts 1000000000 s; expected at most 86400"):
        sample.sound()


def test_folders_of_videos(clip: Path, tmp_path: Path) -> None:
    for number in range(12):
        file = tmp_path / "heavy_rain" / f"{number}.mp4"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(clip.read_bytes())
    (tmp_path / "heavy_rain" / "3.txt").write_text("a wet street")
    (tmp_path / "heavy_rain" / "cut.mp4").write_bytes(clip.read_bytes()[:900])
    video(tmp_path / "heavy_rain" / "silent.mp4", 1, with_sound=False)
    (tmp_path / "heavy_rain" / "list.mp4").write_text("#EXTM3U\nfile:///etc/passwd\n")
    parts = {split: open_data(tmp_path, split=split, cutting=Cutting(2.0)) for split in splitting.SPLITS}
    groups = [{sample.group for sample in part} for part in parts.values()]
    assert parts["train"].layout == "videos" and not (groups[0] & groups[1] | groups[0] & groups[2] | groups[1] & groups[2])
    samples = {sample.key: sample for part in parts.values() for sample in part}
    assert len(samples) == 12 * 2 + 3 and all(sample.label == "heavy rain" for sample in samples.values())
    assert samples["heavy_rain/3@2"].caption == "a wet street" and colour(samples["heavy_rain/3@2"].picture()) == 3
    for key, said in (("silent@0", "without a sound track"), ("list", "no video that can be read"), ("cut", "cannot be decoded")):
        with pytest.raises(SampleError, match=f"^heavy_rain/{key}: .*{said}"):
            samples[f"heavy_rain/{key}"].sound()


def test_a_training_says_how_videos_are_cut(clip: Path, tmp_path: Path) -> None:
    place = tmp_path / "train" / "rain"
    place.mkdir(parents=True)
    (place / "0.mp4").write_bytes(clip.read_bytes())
    samples, _ = open_split(DataConfig(str(tmp_path), window=1.0, frame_at=1.0), "train")
    assert [colour(sample.picture()) for sample in samples] == [1, 2, 3, 3]
    with pytest.raises(ValueError, match="frame at 3 of the window; expected 0 to 1"):
        open_split(DataConfig(str(tmp_path), frame_at=3), "train")


def test_ravdess(clip: Path, tmp_path: Path) -> None:
    """Names as in Video_Speech_Actor_12.zip and Audio_Speech_Actors_01-24.zip."""
    for actor in (11, 12, 13, 14):
        for name in (f"01-01-06-01-02-01-{actor}.mp4", f"02-01-06-01-02-01-{actor}.mp4", f"01-02-03-02-01-01-{actor}.mp4"):
            (tmp_path / f"Actor_{actor}").mkdir(exist_ok=True)
            (tmp_path / f"Actor_{actor}" / name).write_bytes(clip.read_bytes())
        sound(tmp_path / "audio" / f"Actor_{actor}" / f"03-01-06-01-02-01-{actor}.wav", 700.0)
    sound(tmp_path / "audio" / "Actor_12" / "03-01-05-01-02-01-12.wav")
    found = everything(tmp_path)
    assert open_data(tmp_path).layout == "ravdess" and "CC BY-NC-SA 4.0" in open_data(tmp_path).licence
    assert len(found) == 9 and {place for _, place in found.values()} == {None}
    fearful, singing = found["01-06-01-02-01-12"][0], found["02-03-02-01-01-11"][0]
    assert (fearful.label, fearful.group, fearful.caption) == ("fearful", "Actor_12", "a woman with a fearful face, speaking")
    assert (singing.label, singing.group, singing.caption) == ("happy", "Actor_11", "a man with a happy face, singing")
    assert abs(tone(fearful.sound()) - 700) < 5 and fearful.sound().seconds == 0.5  # the .wav, not the video's
    assert abs(singing.sound().seconds - 4) < 0.1 and colour(singing.picture()) == 2
    with pytest.raises(SampleError, match="no video of this recording"):
        found["01-05-01-02-01-12"][0].picture()


def test_greatest_hits(clip: Path, tmp_path: Path) -> None:
    root = tmp_path / "vis-data-256"
    root.mkdir()
    (tmp_path / "vis-data").mkdir()
    for name in ("2015-02-16-16-49-06", "2015-02-21-17-12-09", "2015-03-24-01-02-03"):
        (root / f"{name}_denoised.mp4").write_bytes(clip.read_bytes())
        (root / f"{name}_times.txt").write_text("0.500000 metal hit static\n1.500000 None None None\n3.5 plastic-bag scratch deform\n")
    sound(root / "2015-02-16-16-49-06_denoised.wav", 900.0, 4.0)
    (root / "2015-03-24-01-02-03_times.txt").write_text("soon metal hit static\n")
    (tmp_path / "vis-data" / "2015-02-21-17-12-09_times.txt").write_text((root / "2015-02-21-17-12-09_times.txt").read_text())
    (tmp_path / "vis-data" / "2015-02-21-17-12-09_denoised.mp4").write_bytes(clip.read_bytes())
    (root / "train.txt").write_text("2015-02-16-16-49-06\n2015-03-24-01-02-03\n")
    (root / "test.txt").write_text("2015-02-21-17-12-09\n")
    found = everything(tmp_path)
    assert open_data(tmp_path).layout == "greatest-hits" and "Greatest Hits" in open_data(tmp_path).licence
    assert [(key, place) for key, (_, place) in found.items()] == [
        ("2015-02-16-16-49-06@0.500", "train"),
        ("2015-02-16-16-49-06@3.500", "train"),
        ("2015-02-21-17-12-09@0.500", "test"),
        ("2015-02-21-17-12-09@3.500", "test"),
        ("2015-03-24-01-02-03", "train"),
    ]
    bag = found["2015-02-16-16-49-06@3.500"][0]
    assert (bag.label, bag.group, bag.caption) == ("plastic bag", "2015-02-16-16-49-06", "a drumstick scratching plastic bag")
    assert colour(bag.picture()) == 3 and abs(tone(bag.sound()) - 900) < 5
    metal = found["2015-02-21-17-12-09@0.500"][0]
    assert colour(metal.picture()) == 0 and abs(metal.sound().seconds - 2) < 0.01
    last = found["2015-02-21-17-12-09@3.500"][0].sound()
    assert abs(tone(last) - 2400) < 15 and abs(last.seconds - 0.75) < 0.1  # from a quarter of a second before
    with pytest.raises(SampleError, match=r"_times\.txt cannot be read"):
        found["2015-03-24-01-02-03"][0].sound()
    assert {sample.group for sample in open_data(tmp_path, split="test")} == {"2015-02-21-17-12-09"}


def test_landscape_by_the_lists_of_the_authors(tmp_path: Path) -> None:
    names = {"train": ["0012_3889", "0012_4244", "0588_220"], "val": ["1130_4509"]}
    for split, listed in names.items():
        (tmp_path / f"image_{split}_landscape.txt").write_text("\n".join(f"landscape-images/{name}.png" for name in listed))
        (tmp_path / f"audio_{split}_landscape.txt").write_text("\n".join(f"landscape-audios/{name}.wav" for name in listed))
        for name in listed:
            picture(tmp_path / "images" / "landscape-images" / f"{name}.png")
            sound(tmp_path / "audios" / "landscape-audios" / f"{name}.wav")
    (tmp_path / "labels.csv").write_text("filename,label\n0012_3889.png,wind noise\n0012_4244.png,wind noise\n0588_220.png,explosion\n")
    found = open_data(tmp_path)
    assert found.layout == "landscape" and "unverified" in found.licence
    assert [(sample.key, sample.label, sample.group) for sample in found] == [
        ("landscape-images/0012_3889", "wind noise", "0012"),
        ("landscape-images/0012_4244", "wind noise", "0012"),
        ("landscape-images/0588_220", "explosion", "0588"),
    ]
    assert found[0].picture().size == (24, 16) and found[0].sound().seconds == 0.5
    assert [sample.key for sample in open_data(tmp_path, split="validation")] == ["landscape-images/1130_4509"]
    (tmp_path / "audio_val_landscape.txt").write_text("")
    with pytest.raises(ValueError, match="has 1 lines and audio_val_landscape"):
        open_data(tmp_path)


def test_landscape_and_into_the_wild_as_videos(clip: Path, tmp_path: Path) -> None:
    for name in ("landscape/fire_crackling/A_Long_Evening_7", "landscape/fire_crackling/A_Long_Evening_8", "into-the-wild/snow/walk_2",
                 "train/raining_145_3_37", "train/raining_145_4_1"):  # fmt: skip
        file = tmp_path / f"{name}.mp4"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(clip.read_bytes())
    found = {key: (sample.label, sample.group, place) for key, (sample, place) in everything(tmp_path, "landscape").items()}
    assert found == {
        "into-the-wild/snow/walk_2@0": ("snow", "into-the-wild/snow/walk", None),
        "landscape/fire_crackling/A_Long_Evening_7@0": ("fire crackling", "landscape/fire_crackling/A_Long_Evening", None),
        "landscape/fire_crackling/A_Long_Evening_8@0": ("fire crackling", "landscape/fire_crackling/A_Long_Evening", None),
        "train/raining_145_3_37@0": ("raining", "raining_145", "train"),
        "train/raining_145_4_1@0": ("raining", "raining_145", "train"),
    }
    assert open_data(tmp_path).layout == "videos"  # two classes of nine might be anybody's
    for name in ("thunder", "wind_noise", "explosion"):
        video(tmp_path / "landscape" / name / "one_1.mp4", 1)
    assert open_data(tmp_path).layout == "landscape"
