"""What happens to a sound on its way into a file (time, room, noise, microphone, codec, level), for training CLAP to hear real ones."""

from __future__ import annotations

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import Generator
from scipy.fft import next_fast_len

from sonicdiff.synthetic.noise import Points, grow, rms

NOISES: dict[str, Points] = {
    "white": [(20, 0), (20000, 0)],
    "pink": [(20, 0), (20000, -30)],
    "brown": [(20, 0), (20000, -60)],
    "traffic": [(20, 0), (120, 0), (900, -14), (4000, -34), (20000, -60)],
    "babble": [(60, -40), (200, -4), (500, 0), (1500, -8), (3500, -16), (8000, -34), (20000, -60)],
    "hiss": [(20, -40), (1000, -16), (6000, 0), (20000, 0)],
}


def augment(samples: np.ndarray, sample_rate: int, rng: Generator, background: np.ndarray | None = None) -> np.ndarray:
    """A random recording of `samples` (n,): float32 (n,), finite, |x| <= 1, the same for the same state of `rng`.

    About one in eight comes back changed in level alone. `background`, another sound of the same rate, is mixed in 6 to 30 dB below.
    """
    x = np.asarray(samples, dtype=np.float32)
    if x.ndim != 1 or x.size < 2:
        raise ValueError(f"got samples of shape {x.shape}; expected a mono sound (n,) of at least 2 samples")
    if rng.uniform() < 0.88:
        x = _retimed(x, sample_rate, rng)
        if background is not None and background.size > 1 and rng.uniform() < 0.5:
            x = _add(x, np.resize(background, x.size), rng.uniform(6, 30))
        x = _coloured(x, sample_rate, rng)
        x = _noisy(x, sample_rate, rng)
        x = _stored(x, sample_rate, rng)
        x = _edited(x, sample_rate, rng)
    peak = float(np.abs(x).max(initial=0.0))
    x = x * np.float32(10.0 ** (rng.uniform(-25, 15) / 20.0) * min(1.0, 4.0 / max(peak, 1e-9)))
    return np.nan_to_num(np.clip(x, -1.0, 1.0), copy=False).astype(np.float32, copy=False)


def _chance(rng: Generator, probability: float) -> bool:
    return bool(rng.uniform() < probability)


def _add(x: np.ndarray, other: np.ndarray, below: float) -> np.ndarray:
    """`x` plus `other` at `below` dB under it."""
    loud = rms(x)
    return x if loud == 0 else x + other * np.float32(loud * 10.0 ** (-below / 20.0) / max(rms(other), 1e-9))


def _retimed(x: np.ndarray, rate: int, rng: Generator) -> np.ndarray:
    """Faster or slower (pitch with it), started elsewhere, or a short stretch of it repeated."""
    n = x.size
    if _chance(rng, 0.4):
        speed = rng.uniform(0.82, 1.2)
        x = np.interp(np.arange(int(n / speed), dtype=np.float64) * speed, np.arange(n), x).astype(np.float32)
    if _chance(rng, 0.25):
        length = int(min(x.size, rng.uniform(1.0, 6.0) * rate))
        start = int(rng.integers(0, x.size - length + 1))
        x = _softened(x[start : start + length].copy(), rate // 100)
    if x.size < n:
        x = np.resize(x, n)
    if _chance(rng, 0.5):
        x = np.roll(x, int(rng.integers(x.size)))
    return x[:n].copy()


def _softened(x: np.ndarray, edge: int) -> np.ndarray:
    """Both ends faded over `edge` samples, in place."""
    edge = min(edge, x.size // 2)
    if edge:
        fade = np.linspace(0, 1, edge, dtype=np.float32)
        x[:edge] *= fade
        x[-edge:] *= fade[::-1]
    return x


def _coloured(x: np.ndarray, rate: int, rng: Generator) -> np.ndarray:
    """Room, equaliser and band limits in one multiplication of spectra."""
    wet, shaped, limited, cut = _chance(rng, 0.4), _chance(rng, 0.7), _chance(rng, 0.35), _chance(rng, 0.2)
    if not (wet or shaped or limited or cut):
        return x
    impulse = _room(rate, rng) if wet else np.ones(1, dtype=np.float32)
    size = next_fast_len(x.size + impulse.size, real=True)
    spectrum = rfft(x, size)
    if wet:
        spectrum *= rfft(impulse, size)
    grid = np.linspace(0, rate / 2, 1024)
    decibels = _equaliser(grid, rng) if shaped else np.zeros(grid.size)
    if limited:
        decibels = decibels + _band_limit(grid, rng)
    if cut:  # a recorder's filter against wind and handling
        decibels = decibels - 18 * np.maximum(np.log2(grow(60, 700, rng.uniform())) - np.log2(np.maximum(grid, 10.0)), 0)
    gain = np.interp(np.linspace(0, grid.size - 1, spectrum.size), np.arange(grid.size), 10.0 ** (decibels / 20.0))
    spectrum *= gain.astype(np.float32)
    return irfft(spectrum, size)[: x.size]


def _room(rate: int, rng: Generator) -> np.ndarray:
    """Impulse response: direct sound, early reflections, and a diffuse tail whose treble dies first (two bands of noise)."""
    decay, wet = np.exp(rng.uniform(np.log(0.12), np.log(2.2))), rng.uniform(0.1, 0.9)
    n = max(64, int(min(decay, 1.6) * rate))
    t = np.arange(n, dtype=np.float32) / rate
    bright = rng.standard_normal(n, dtype=np.float32)
    dull = np.convolve(bright, np.full(12, 0.3, dtype=np.float32))[:n]
    tail = np.exp(-6.9 * t / decay) * dull + rng.uniform(0.1, 1) * np.exp(-14.0 * t / decay) * bright
    tail *= np.float32(wet / np.sqrt(np.sum(tail**2)))
    early = rng.integers(1, max(2, min(n, int(0.05 * rate))), 8)
    tail[early] += rng.uniform(-0.4, 0.4, 8).astype(np.float32) * np.float32(wet)
    tail[0] = 1.0
    return tail


def _equaliser(grid: np.ndarray, rng: Generator) -> np.ndarray:
    """Two shelves and up to four bells, dB at `grid` (Hz)."""
    octave = np.log2(np.maximum(grid, 10.0))
    low = rng.uniform(-12, 9) / (1 + np.exp(3 * (octave - np.log2(rng.uniform(80, 500)))))
    high = rng.uniform(-18, 9) / (1 + np.exp(-3 * (octave - np.log2(rng.uniform(1500, 8000)))))
    bells = np.zeros(grid.size)
    for _ in range(rng.integers(5)):
        gain, away = rng.normal(0, 5), octave - np.log2(rng.uniform(100, 9000))
        bells += gain * np.exp(-0.5 * (away / rng.uniform(0.15, 1.0)) ** 2)
    return low + high + bells


def _band_limit(grid: np.ndarray, rng: Generator) -> np.ndarray:
    """Telephone, small loudspeaker, 8 to 16 kHz files, or the low-pass of a lossy codec, dB at `grid` (Hz)."""
    kind = rng.integers(4)
    low = [rng.uniform(200, 400), rng.uniform(100, 300), 20.0, 20.0][kind]
    high = [rng.uniform(3000, 3800), rng.uniform(6000, 12000), rng.choice([3900.0, 5400.0, 7900.0]), rng.uniform(9000, 16500)][kind]
    slope = [48, 24, 200, 300][kind]
    octave = np.log2(np.maximum(grid, 10.0))
    return -slope * np.maximum(octave - np.log2(high), 0).clip(0, 1) - 24 * np.maximum(np.log2(low) - octave, 0)


def _noisy(x: np.ndarray, rate: int, rng: Generator) -> np.ndarray:
    """Steady noise, mains hum, and the rumble of wind and handling on the microphone."""
    if _chance(rng, 0.55):
        x = _add(x, _noise(x.size, rate, rng), np.clip(rng.normal(24, 10), 3, 50))
    if _chance(rng, 0.12):
        t = np.arange(x.size, dtype=np.float32) / rate
        mains = rng.choice([50, 60])
        hum = sum(rng.uniform(0, 1) / k * np.sin(2 * np.pi * mains * k * t) for k in (1, 2, 3, 5))
        x = _add(x, np.asarray(hum), rng.uniform(8, 35))
    if _chance(rng, 0.3):
        # Made at a sixteenth of the rate: nothing in it is above a few hundred Hz.
        cut = np.exp(rng.uniform(np.log(25), np.log(300)))
        coarse = np.convolve(rng.standard_normal(x.size // 16 + 64), np.hanning(int(rate / 16 / cut) + 3), "same")
        puffs = np.interp(np.linspace(0, 30, coarse.size), np.arange(31), rng.uniform(0, 1, 31) ** rng.uniform(0, 3))
        rumble = np.interp(np.arange(x.size) / 16, np.arange(coarse.size), coarse * puffs).astype(np.float32)
        x = _add(x, rumble, rng.uniform(-8, 20))
    return x


def _noise(n: int, rate: int, rng: Generator) -> np.ndarray:
    """One of NOISES, float32 (n,): a few seconds, repeated."""
    name = list(NOISES)[rng.integers(len(NOISES))]
    hertz, decibels = zip(*NOISES[name], strict=True)
    size = 1 << 17
    f = np.geomspace(10, rate / 2, 256)
    gain = 10.0 ** (np.interp(np.log(f), np.log(hertz), decibels) / 20.0)
    spectrum = rng.standard_normal(size + 2, dtype=np.float32).view(np.complex64)
    spectrum *= np.interp(np.linspace(0, rate / 2, spectrum.size), f, gain).astype(np.float32)
    noise = irfft(spectrum, size)
    if name == "babble":
        # Syllables: loudness that comes and goes four times a second.
        knots = max(4, int(4 * size / rate))
        syllables = rng.uniform(0.1, 1, knots) ** 2
        noise *= np.interp(np.linspace(0, knots, size), np.arange(knots + 1), np.append(syllables, syllables[0])).astype(np.float32)
    return np.resize(np.roll(noise, int(rng.integers(size))), n)


def _stored(x: np.ndarray, rate: int, rng: Generator) -> np.ndarray:
    """What the recorder and the file make of it: overload, few bits, mu-law, careless decimation, a lossy codec."""
    peak = float(np.abs(x).max(initial=0.0))
    if peak < 1e-6:
        return x
    if _chance(rng, 0.2):
        limit = peak * 10.0 ** (-rng.uniform(3, 20) / 20.0)
        x = np.clip(x, -limit, limit) if _chance(rng, 0.6) else limit * np.tanh(x / limit)
    kind = rng.uniform()
    if kind < 0.08:
        steps = 2.0 ** rng.integers(6, 11)
        return (np.round(x / peak * steps) / steps * peak).astype(np.float32)
    if kind < 0.16:
        small = np.log1p(255 * np.abs(x) / peak) / np.log(256)
        return (np.sign(x) * np.expm1(np.round(small * 127) / 127 * np.log(256)) / 255 * peak).astype(np.float32)
    if kind < 0.24:
        step = int(rng.integers(2, 7))
        return np.interp(np.arange(x.size), np.arange(0, x.size, step), x[::step]).astype(np.float32)
    if kind < 0.5:
        return _lossy(x, rate, rng)
    return x


def _lossy(x: np.ndarray, rate: int, rng: Generator) -> np.ndarray:
    """Spectral holes: in blocks of 1024, bins far under the level of their band are dropped and the rest is coarsely rounded."""
    frame, bands = 1024, 16
    hop = frame // 2
    window = np.sin(np.pi * (np.arange(frame, dtype=np.float32) + 0.5) / frame)
    padded = np.pad(x, (hop, hop + (-x.size) % hop))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop] * window
    spectrum = rfft(blocks, axis=1)[:, :hop]
    parts = spectrum.reshape(-1, bands, hop // bands)
    size = np.abs(parts)
    loudest = size.max(axis=2, keepdims=True)
    floor = loudest.max(axis=1, keepdims=True) * 10.0 ** (-rng.uniform(30, 60) / 20.0)
    holes = (size < loudest * rng.uniform(0.1, 0.45)) | (loudest < floor)
    step = loudest * rng.uniform(0.02, 0.2) + 1e-12
    parts = np.where(holes, 0, parts * (np.maximum(np.round(size / step), 1) * step / (size + 1e-12)))
    kept = parts.reshape(spectrum.shape).astype(np.complex64)
    kept[:, int(rng.uniform(5000, 18000) / rate * frame) :] = 0
    grains = irfft(kept, n=frame, axis=1) * window
    out = np.zeros((grains.shape[0] + 1, hop), dtype=np.float32)
    out[:-1] += grains[:, :hop]
    out[1:] += grains[:, hop:]
    return out.reshape(-1)[hop : hop + x.size]


def _edited(x: np.ndarray, rate: int, rng: Generator) -> np.ndarray:
    """Silence cut in or left at an end, fades."""
    if _chance(rng, 0.15):
        start, length = int(rng.integers(x.size)), int(rng.uniform(0.1, 0.4) * x.size)
        x = x.copy()
        x[start : start + length] *= np.float32(10.0 ** (-rng.uniform(30, 90) / 20.0))
    if _chance(rng, 0.2):
        x = _softened(x.copy(), int(rng.uniform(0.005, 0.3) * x.size))
    return x
