"""What previews cost, on `mini`: seconds of each way to see latents, and how near it comes to the autoencoder's own decoder.

    python -m bench.previews [--steps 400]

A decoder of TAESD's kind (diffusers' AutoencoderTiny, 24 channels wide) is distilled here from the one of `mini`, on renders of the
training split, which takes a few minutes; it is measured on held-out renders and on the photographs of examples/. At full size it is TAESD
itself (`sonicdiff pull taesd`), whose weights cannot be had everywhere: what is counted of it is its work.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL, AutoencoderTiny
from PIL import Image
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from sonicdiff.evaluation.scores import psnr
from sonicdiff.pipelines.common import image_loading, latent_preview
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.synthetic.dataset import row
from sonicdiff.synthetic.scenes import render

PHOTOS = sorted(Path(__file__).parents[1].glob("examples/photos/*.jpg"))
ONE = (1, 1, 1, 1)
PICTURES = 512  # to learn from


def tiny(width: int, channels: int) -> AutoencoderTiny:
    """AutoencoderTiny with a decoder of that width; its encoder, which is of no use here, as small as can be."""
    return AutoencoderTiny(
        latent_channels=channels, encoder_block_out_channels=(4,) * 4, decoder_block_out_channels=(width,) * 4,
        num_encoder_blocks=ONE, num_decoder_blocks=ONE,
    )  # fmt: skip


def latents_of(vae: AutoencoderKL, pictures: Iterator[Image.Image]) -> Tensor:
    return torch.cat([vae.encode(vae, picture, (128, 128)) for picture in pictures])


def renders(split: str, count: int) -> Iterator[Image.Image]:
    return (Image.fromarray(render(row(index, split).scene)) for index in range(count))


def distilled(vae: AutoencoderKL, steps: int) -> AutoencoderTiny:
    torch.manual_seed(0)
    latents = latents_of(vae, renders("train", PICTURES))
    targets = torch.cat([vae.decode(part / vae.config["scaling_factor"], return_dict=False)[0] for part in latents.split(16)])
    student = tiny(24, latents.shape[1])
    optimizer = torch.optim.Adam(student.decoder.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    for _ in range(steps):
        chosen = torch.randint(len(latents), (8,))
        with torch.enable_grad():
            loss = F.mse_loss(student.decode(latents[chosen], return_dict=False)[0], targets[chosen])
            optimizer.zero_grad()
            loss.backward()
        optimizer.step()
        schedule.step()
    return student.eval()


def milliseconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(7):
        began = time.perf_counter()
        run()
        times.append(1000 * (time.perf_counter() - began))
    return float(np.median(times))


def work() -> float:
    """GFLOP of TAESD's decoder at 512 x 512; the autoencoder's takes 2,515 (`python -m bench.flops`)."""
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        AutoencoderTiny().decode(torch.empty(1, 4, 64, 64))
    return counter.get_total_flops() / 1e9


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=400)
    given = parser.parse_args()
    pipeline = load_pictures("mini")
    vae, student = pipeline.vae, distilled(pipeline.vae, given.steps)
    colours = latent_preview.fitted_colours(vae)
    ways: dict[str, Callable[[Tensor], Image.Image]] = {
        "decoder": lambda latents: vae.to_image(vae.decode(vae, latents)),
        "small decoder": lambda latents: latent_preview.decoded(student, latents),
        "a pixel a latent": lambda latents: latent_preview.mapped(latents, colours),
    }
    sets = {"renders": list(renders("test", 27)), "photographs": [image_loading.load(path) for path in PHOTOS]}
    print(
        f"small decoder: {sum(p.numel() for p in student.decoder.parameters()):,} parameters; at 512 x 512 TAESD's takes {work():.0f} GFLOP"
    )
    for name, way in ways.items():
        found = []
        for pictures in sets.values():
            latents = latents_of(vae, iter(pictures)).split(1)
            pairs = [(way(each).resize((128, 128), Image.Resampling.BICUBIC), ways["decoder"](each)) for each in latents]
            found.append(np.mean([psnr(np.asarray(seen), np.asarray(exact)) for seen, exact in pairs]))
        took = milliseconds(partial(way, latents[0]))
        print(
            f"{name:17} {took:6.1f} ms; of the decoder's picture: "
            + ", ".join(f"{value:.1f} dB on {of}" for of, value in zip(sets, found, strict=True))
        )


if __name__ == "__main__":
    main()
