"""Music to a spectrogram and back: our decoder beside Riffusion's own procedure, in one run.

`python -m bench.codec [FILE ...]`, by default the pieces in `examples/music`; each is cut to 5.12 s and made a loop. Riffusion's procedure
is torchaudio's InverseMelScale (least squares) and 32 iterations of its GriffinLim on 17,640 points, from random phases, then a gain to
-12 dBFS and peaks to -0.1 dBFS, with hard clipping; restated here, since torchaudio is not needed otherwise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch import Tensor

from sonicdiff.audio.image import from_image, to_image
from sonicdiff.audio.phase import decode, preview
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_filters, mel_spectrogram, stft
from sonicdiff.audio.waveform import Waveform, load

PARAMS = SpectrogramParams()
FRAMES = 512
HIGHEST = 10_000  # Hz: errors are counted below
Decoder = Callable[[Tensor], Tensor]


def riffusions(mel: Tensor) -> Tensor:
    """(1, mel_bins, frames) -> (1, (frames - 1) * hop_length), its level lost, as Riffusion does it."""
    filters = mel_filters(PARAMS).float()
    magnitudes = torch.linalg.lstsq(filters[None], mel, driver="gels").solution.clamp(min=0)
    window, sizes = torch.hann_window(PARAMS.win_length), (PARAMS.n_fft, PARAMS.hop_length, PARAMS.win_length)
    angles = torch.randn(magnitudes.shape, dtype=torch.complex64)
    before = torch.zeros_like(angles)
    for _ in range(32):
        rebuilt = stft(torch.istft(magnitudes * angles, *sizes, window), *sizes)
        ahead = rebuilt - 0.99 / 1.99 * before
        angles, before = ahead / (ahead.abs() + 1e-16), rebuilt
    return torch.istft(magnitudes * angles, *sizes, window)


def filtered(samples: Tensor) -> tuple[Tensor, float]:
    """Riffusion's last steps, and the share of samples they clip."""
    loud = samples / samples.abs().max()
    loud = loud * 10 ** (-12 / 20) / loud.square().mean().sqrt()
    clipped = float((loud.abs() > 1).float().mean())
    loud = loud.clamp(-1, 1)
    return loud / loud.abs().max() * 10 ** (-0.1 / 20), clipped


def spectral_error(truth: Tensor, found: Tensor) -> float:
    """The mean over FFT sizes 512 to 4096 of |difference of magnitudes| / |magnitudes| below 10 kHz, at the best common level."""
    length = min(truth.shape[-1], found.shape[-1])
    errors = []
    for size in (512, 1024, 2048, 4096):
        below = int(HIGHEST / PARAMS.sample_rate * size)
        a, b = (stft(x[..., :length], size, size // 4, size)[:, :below].abs() for x in (truth, found))
        b = b * (a * b).sum() / (b * b).sum()
        errors.append(float((a - b).norm() / a.norm()))
    return float(np.mean(errors))


def seam(samples: Tensor) -> float:
    """The largest change of the spectrum where a loop closes, against the 99th percentile inside."""
    size, hop = 2048, 441
    frames = stft(torch.cat([samples, samples], -1), size, hop, size).abs()
    change = frames.diff(dim=-1).norm(dim=1)[0]
    joint, reach = samples.shape[-1] // hop, size // hop + 1
    inside = change[reach : joint - reach]
    return float(change[joint - reach : joint + reach].max() / inside.quantile(0.99))


def looped(waveform: Waveform, overlap: int = 22_050) -> Waveform:
    """FRAMES hops of mono, its end faded with equal power into what came before its beginning."""
    samples, length = waveform.mono().resampled(PARAMS.sample_rate).samples, FRAMES * PARAMS.hop_length
    before, piece = samples[:, :overlap], samples[:, overlap : overlap + length].copy()
    if piece.shape[1] < length:
        raise SystemExit(f"got {waveform.seconds:.1f} s; expected at least {(length + overlap) / PARAMS.sample_rate:.2f} s")
    fade = np.linspace(0, np.pi / 2, overlap, dtype=np.float32)
    piece[:, -overlap:] = piece[:, -overlap:] * np.cos(fade) + before * np.sin(fade)
    return Waveform(piece, PARAMS.sample_rate)


def through_a_model(mel: Tensor) -> Tensor:
    """What eight bits and a blur of one pixel and noise of two grey levels, standing in for an autoencoder, leave of a spectrogram."""
    image = to_image(mel, PARAMS)
    blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(1)), np.float64)[..., :1]
    noisy = blurred + np.random.default_rng(0).normal(0, 2, blurred.shape)
    blurry = Image.fromarray(np.round(noisy).clip(0, 255).astype(np.uint8).repeat(3, axis=2))
    blurry.info.update(image.info)
    return from_image(blurry)[0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    examples = sorted((Path(__file__).parents[1] / "examples" / "music").glob("*.ogg"))
    parser.add_argument("files", nargs="*", type=Path, default=examples)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    decoders: dict[str, Decoder] = {
        "Riffusion": riffusions,
        "ours": lambda mel: decode(mel, PARAMS, circular=True),
        "ours, preview": lambda mel: preview(mel, PARAMS, circular=True),
    }
    loops = [looped(load(file)) for file in given.files]
    decoders["ours, preview"](mel_spectrogram(loops[0], PARAMS, circular=True))  # compiled and cached
    print(f"n = {len(loops)} loops; means\n| | error | error, degraded | s | seam | length s | clipped % |\n|---|---|---|---|---|---|---|")
    for name, run in decoders.items():
        rows = np.array([measured(run, loop, name == "Riffusion") for loop in loops])
        error, degraded, seconds, jump, length, clipped = rows.mean(0)
        worst = f"{jump:.2f} (at most {rows[:, 3].max():.2f})"
        print(f"| {name} | {error:.3f} | {degraded:.3f} | {seconds:.2f} | {worst} | {length:.4f} | {100 * clipped:.2f} |")


def measured(run: Decoder, loop: Waveform, with_filters: bool) -> tuple[float, ...]:
    truth = torch.from_numpy(loop.samples)
    mel = mel_spectrogram(loop, PARAMS, circular=True)
    began = time.perf_counter()
    found = run(mel)
    seconds = time.perf_counter() - began
    degraded = spectral_error(truth, run(through_a_model(mel)))
    last, clipped = filtered(found) if with_filters else (found, float((found.abs() > 1).float().mean()))
    return spectral_error(truth, found), degraded, seconds, seam(last), found.shape[-1] / PARAMS.sample_rate, clipped


if __name__ == "__main__":
    main()
