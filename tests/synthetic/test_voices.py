"""Voices and faces with emotions: prosody that can be measured, a person who stays the same, faces and voices told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import find_peaks

from sonicdiff.synthetic.voices.captions import FEELING_WORDS, caption, caption_without
from sonicdiff.synthetic.voices.emotions import EMOTIONS, EXPRESSIONS, Manner, Speaking
from sonicdiff.synthetic.voices.glottis import RATE, Speaker
from sonicdiff.synthetic.voices.person import person_of, speaker_of
from sonicdiff.synthetic.voices.phones import PHONES, SENTENCES, spoken
from sonicdiff.synthetic.voices.pictures import picture_speaking
from sonicdiff.synthetic.voices.sounds import render_voice, sentence
from sonicdiff.synthetic.voices.speech import speak

STEADY = Manner(accent=0, fall=0, end=0, jitter=0, breath=0)
MAN = Speaker(pitch=110, tract=1.0, tempo=1.0, breath=0.0, tilt=0.0, open=0.55)


def pitch(samples: np.ndarray) -> np.ndarray:
    """Hz of the loud frames, by autocorrelation."""
    blocks = np.lib.stride_tricks.sliding_window_view(samples, 1200)[::960]
    blocks = blocks[(loud := np.std(blocks, axis=1)) > 0.4 * loud.max()]
    power = np.abs(np.fft.rfft(blocks * np.hanning(1200), 4096)) ** 2
    lags = (
        np.fft.irfft(power)[:, RATE // 600 : RATE // 65]
        / np.correlate(np.hanning(1200), np.hanning(1200), "full")[1199:][RATE // 600 : RATE // 65]
    )
    return RATE / (RATE // 600 + lags.argmax(axis=1))


def sketch(samples: np.ndarray) -> np.ndarray:
    """Mean, spread and unrest over time of the sound in 16 bands (dB), its length, level, pitch and how the pitch moves."""
    blocks = np.lib.stride_tricks.sliding_window_view(samples, 512)[::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    bands = 10 * np.log10(np.add.reduceat(power, np.geomspace(2, 257, 17).astype(int)[:-1], axis=1) + 1e-9)
    tones = 12 * np.log2(pitch(samples))
    line = [
        12 * samples.size / RATE,
        20 * np.log10(np.std(samples)),
        tones.mean(),
        2 * tones.std(),
        2 * (tones[-5:].mean() - tones.mean()),
    ]
    return np.concatenate([0.5 * (bands.mean(axis=0) - bands.mean()), 0.5 * bands.std(axis=0), line])


def formants(name: str) -> np.ndarray:
    """The first two peaks of a steady vowel's spectrum, Hz, smoothed over the harmonics."""
    vowel = replace(PHONES[name], seconds=0.6)
    sound = speak(np.random.default_rng(0), replace(MAN, pitch=50), STEADY, [(vowel, False)])
    middle = sound[sound.size // 2 - 3000 : sound.size // 2 + 3000]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(6000)))
    smooth = np.convolve(spectrum, np.hanning(60), "same") * np.fft.rfftfreq(6000, 1 / RATE)  # 6 dB an octave against the source's slope
    peaks, _ = find_peaks(20 * np.log10(smooth + 1e-9), prominence=4)
    return np.fft.rfftfreq(6000, 1 / RATE)[peaks[:2]]


@pytest.mark.parametrize("name", ("AE", "EH", "IH"))
def test_vowels_have_their_formants(name: str) -> None:
    expected = np.array((PHONES[name].f1, PHONES[name].f2))
    np.testing.assert_allclose(formants(name), expected, rtol=0.16)


def test_the_pitch_is_the_speakers() -> None:
    vowel = replace(PHONES["AE"], seconds=0.6)
    for hertz in (100.0, 210.0):
        sound = speak(np.random.default_rng(0), replace(MAN, pitch=hertz), STEADY, [(vowel, False)])
        assert np.median(pitch(sound)) == pytest.approx(hertz, rel=0.04)


def test_prosody_follows_the_emotion() -> None:
    """Means over people: fear is high and quick, sadness slow and soft, anger loud, surprise ends high."""
    sounds = {e: [render_voice(Speaking(seed, e, 1.0)) for seed in range(4)] for e in ("neutral", "sad", "angry", "fearful", "surprised")}
    length = {e: np.mean([s.size for s in line]) for e, line in sounds.items()}
    level = {e: np.mean([20 * np.log10(np.std(s)) for s in line]) for e, line in sounds.items()}
    tone = {e: np.mean([np.log2(np.median(pitch(s))) for s in line]) for e, line in sounds.items()}
    assert length["sad"] > 1.2 * length["neutral"] > 1.2 * length["fearful"]
    assert level["angry"] > level["neutral"] + 6 > level["sad"] + 12
    assert tone["fearful"] > tone["neutral"] + 0.4
    rise = {e: np.mean([np.log2(np.median((p := pitch(s))[-4:]) / np.median(p)) for s in sounds[e]]) for e in ("surprised", "neutral")}
    assert rise["surprised"] > rise["neutral"] + 0.2


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_voices_are_whole_and_the_same_every_time(emotion: str) -> None:
    speaking = Speaking(12, emotion, 1.0)
    sound = render_voice(speaking)
    assert sound.dtype == np.float32 and np.isfinite(sound).all() and 0.01 < np.abs(sound).max() <= 0.99
    assert 1.2 < sound.size / RATE < 6
    np.testing.assert_array_equal(sound, render_voice(speaking))
    # Quiet before the first word and after the last.
    assert max(np.std(sound[: RATE // 20]), np.std(sound[-RATE // 20 :])) < 0.1 * np.std(sound)


def test_voices_can_be_told_apart() -> None:
    """Nearest neighbour on a coarse sketch, of people never heard before: a floor under what an encoder must be able to hear."""

    def sketches(seeds: range) -> list[tuple[str, np.ndarray]]:
        return [(e, sketch(render_voice(Speaking(seed, e, 1.0)))) for seed in seeds for e in EMOTIONS]

    known, asked = sketches(range(5)), sketches(range(100, 102))
    points = np.stack([point for _, point in known])
    right = [known[int(np.square(points - point).sum(axis=1).argmin())][0] == label for label, point in asked]
    assert np.mean(right) > 0.5  # chance 0.125


def test_the_person_stays() -> None:
    """What is around the face is the same with every emotion; the face is not."""
    pictures = {e: picture_speaking(Speaking(3, e, 1.0), 128).astype(int) for e in EMOTIONS}
    for emotion, picture in pictures.items():
        apart = np.abs(picture - pictures["neutral"]).max(2)
        assert apart[:14].max() <= 1 and apart[:, :14].max() <= 1 and apart[:, 114:].max() <= 1
        assert emotion == "neutral" or np.mean(apart[40:110, 35:95] > 12) > 0.05
    assert len({sentence(3)} | {sentence(Speaking(3, e, 1.0).seed) for e in EMOTIONS}) == 1


def test_without_intensity_every_face_is_still() -> None:
    still = picture_speaking(Speaking(5, "neutral", 0.0), 96)
    for emotion in EMOTIONS:
        np.testing.assert_array_equal(still, picture_speaking(Speaking(5, emotion, 0.0), 96))


def test_an_expression_grows_with_intensity() -> None:
    still = picture_speaking(Speaking(5, "neutral", 0.0), 64).astype(float)
    for emotion in EMOTIONS[1:]:
        change = [np.abs(picture_speaking(Speaking(5, emotion, x), 64) - still).mean() for x in (0.3, 0.7, 1.0)]
        assert 0 < change[0] < change[1] < change[2], (emotion, change)


def test_people_are_of_every_kind_and_look_as_they_sound() -> None:
    people = [person_of(seed) for seed in range(60)]
    assert len({person.style for person in people}) == 7 and 15 < sum(person.man for person in people) < 45
    assert all(person.man == (speaker_of(seed).pitch < 155) for seed, person in enumerate(people))
    assert not any(person.beard for person in people if not person.man)


def test_sentences_are_made_of_known_sounds() -> None:
    for words in SENTENCES:
        sounds = spoken(words)
        assert len(sounds) > 15 and sum(stressed for _, stressed in sounds) >= 2
    assert set(EXPRESSIONS) == set(EMOTIONS) == set(FEELING_WORDS)


@pytest.mark.parametrize("emotion", EMOTIONS)
def test_captions_name_the_feeling_or_leave_it_out(emotion: str) -> None:
    for seed in range(12):
        for strong, intensity in enumerate((0.7, 1.0)):
            speaking = Speaking(seed, emotion, intensity)
            assert any(words in caption(speaking, seed) for words in FEELING_WORDS[emotion][strong])
            assert ("woman" not in caption(speaking, seed)) == person_of(seed).man
        bare = caption_without(Speaking(seed, emotion, 1.0), seed)
        assert bare == caption_without(Speaking(seed, "neutral", 1.0), seed)
        assert "man" not in bare.split() and "woman" not in bare


@pytest.mark.parametrize(("change", "message"), [({"emotion": "bored"}, "expected one of neutral"), ({"intensity": -0.1}, "out of range")])
def test_unknown_emotions_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Speaking(0, "sad", 0.5), **change)
