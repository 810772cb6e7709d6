"""The work of an edit on Stable Diffusion 1.5 at 512 x 512, counted on the meta device, and that ours gives what the plain loops give.

    python -m bench.flops [--steps 50]

Counted by torch's own counter (matrix products and convolutions, 2 per multiplication and addition): the UNet of 50 steps, residual
features injected in the first 80 % of them, self-attention in the first half; the autoencoder is named apart. Takes about five minutes.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from torch.utils.flop_counter import FlopCounterMode

from bench import plain
from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.ddim import Inversion, Schedule
from sonicdiff.diffusion.guidance import Branch
from sonicdiff.diffusion.reuse import reused
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.pipelines.sonic_diffusion import plug_and_play
from sonicdiff.pipelines.sonic_diffusion.guided_unet import Conditions, Guided, guided_model
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import Source

FULL = {"sample_size": 64, "cross_attention_dim": 768, "attention_head_dim": 8}
NARROW = {"sample_size": 16, "cross_attention_dim": 64, "attention_head_dim": 8, "block_out_channels": (32, 64, 128, 128)}
FEATURES, ATTENTION, SCALE = 0.8, 0.5, 7.5


class Scene:
    """A random model, photo, text and sound. null: whether "no sound" is the projector's answer to silence (else: no audio layers)."""

    def __init__(self, shape: dict[str, Any], null: bool, steps: int, dtype: torch.dtype = torch.float32, device: str = "cpu") -> None:
        with torch.device(device):
            torch.manual_seed(0)
            self.unet: Any = UNet2DConditionModel(**shape).to(dtype).eval()
            self.adapter = AudioAdapter.from_unet(self.unet).to(dtype).eval()
            self.x0 = torch.randn(1, 4, shape["sample_size"], shape["sample_size"], dtype=dtype)
            self.nothing, self.tokens, self.null_tokens = torch.randn(3, 1, 77, shape["cross_attention_dim"], dtype=dtype).split(1)
            self.nothing, self.tokens, self.null_tokens = self.nothing[0], self.tokens[0], self.null_tokens[0] if null else None
        scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
        self.schedule: Schedule = ddim.make_schedule(scheduler.alphas_cumprod, steps)
        self.plan = plug_and_play.injection_plan(self.unet, self.schedule, FEATURES, ATTENTION)

    def plain_inversion(self) -> list[torch.Tensor]:
        return plain.invert(self.unet, self.x0, self.nothing, self.schedule)

    def plain_edit(self, trajectory: list[torch.Tensor]) -> torch.Tensor:
        heard = self.tokens, self.null_tokens
        return plain.edit(
            self.unet, self.adapter, trajectory, self.schedule, self.nothing, self.nothing, *heard, SCALE, FEATURES, ATTENTION
        )

    @torch.no_grad()
    def prepare(self, inversion: Inversion = "target") -> Source:
        """What is done once a photo: the inversion and the features."""
        deaf = plug_and_play.plain_model(self.unet, self.nothing)
        silent = deaf if self.null_tokens is None else Guided(self.unet, [Branch(self.nothing, self.null_tokens, 1.0)])
        aligned = inversion == "current" and silent is deaf
        with self.adapter.attached(self.unet), reused(self.unet, self.schedule.timesteps):
            source = plug_and_play.invert(self.unet, deaf, self.x0, self.schedule, inversion, 0, self.plan if aligned else {}, ignore)
            plug_and_play.record_features(self.unet, silent, source, source.missing(self.plan), ignore)
        return source

    @torch.no_grad()
    def edit(self, source: Source) -> torch.Tensor:
        """What is done for every sound."""
        conditions = Conditions(self.nothing, self.nothing, self.tokens, self.null_tokens, SCALE, SCALE, 1.0, 0.0, 1.0)
        with self.adapter.attached(self.unet), reused(self.unet, self.schedule.timesteps):
            model = guided_model(self.unet, self.schedule, conditions, share_encoder=True)
            start = source.latents[self.schedule.timesteps[0]]
            return plug_and_play.resample(self.unet, model, source, start, self.schedule, self.plan, ignore)

    @torch.no_grad()
    def generate(self, share: bool) -> torch.Tensor:
        conditions = Conditions(self.nothing, self.nothing, self.tokens, self.null_tokens, SCALE, SCALE, 1.0, 0.0, 1.0)
        with self.adapter.attached(self.unet), reused(self.unet, self.schedule.timesteps):
            return ddim.sample(guided_model(self.unet, self.schedule, conditions, share), self.x0, self.schedule)


def ignore(*_: Any) -> None:
    pass


def counted(run: Callable[[], Any]) -> tuple[float, Any]:
    """TFLOP of what is run, and its result."""
    with FlopCounterMode(display=False) as counter:
        result = run()
    return counter.get_total_flops() / 1e12, result


def autoencoder() -> tuple[float, float]:
    """TFLOP of encoding and of decoding a photo."""
    blocks = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
    with torch.device("meta"), torch.no_grad():
        vae: Any = AutoencoderKL(3, 3, *blocks, block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4)
        encoding, _ = counted(lambda: vae.encode(torch.randn(1, 3, 512, 512)))
        decoding, _ = counted(lambda: vae.decode(torch.randn(1, 4, 64, 64)))
    return encoding, decoding


def difference(null: bool, dtype: torch.dtype, steps: int) -> float:
    """Of ours from the plain loops' result, relative, on a small random model of Stable Diffusion's topology."""
    scene = Scene(NARROW, null, steps, dtype)
    expected, found = scene.plain_edit(scene.plain_inversion()), scene.edit(scene.prepare())
    return float((found - expected).norm() / expected.norm())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=50)
    steps = parser.parse_args().steps
    diffusers.utils.logging.set_verbosity_error()
    for dtype in (torch.float64, torch.float32):
        for null in (False, True):
            rule = "silence through the projector" if null else "no audio layers"
            print(f"ours against the plain loops, {str(dtype)[6:]}, null audio = {rule}: {difference(null, dtype, steps):.1e}")
    scene = Scene(FULL, True, steps, device="meta")
    with torch.no_grad():
        forward, _ = counted(lambda: scene.unet(scene.x0, 1, encoder_hidden_states=scene.nothing))
    print(f"UNet, once          {1000 * forward:7.1f} GFLOP")
    inversion, trajectory = counted(scene.plain_inversion)
    sampling, _ = counted(partial(scene.plain_edit, trajectory))
    print(f"plain               inversion {inversion:.1f}, next sound {sampling:.1f}, first edit {inversion + sampling:.1f} TFLOP")
    for null in (False, True):
        scene = Scene(FULL, null, steps, device="meta")
        name = "null audio by projector" if null else "ours"
        once, source = counted(scene.prepare)
        each, _ = counted(partial(scene.edit, source))
        print(f"{name:19} photo {once:.1f}, next sound {each:.1f}, first edit {once + each:.1f} TFLOP")
    scene = Scene(FULL, False, steps, device="meta")
    aligned, source = counted(partial(scene.prepare, "current"))
    print(f"aligned inversion   photo {aligned:.1f}, first edit {aligned + counted(partial(scene.edit, source))[0]:.1f} TFLOP")
    print(f"features            {source.nbytes / 2e6:.0f} MB a photo in 16 bit")
    apart, shared = (counted(partial(scene.generate, share))[0] for share in (False, True))
    print(f"generation          each branch its encoder {apart:.1f}, shared {shared:.1f} TFLOP")
    print("autoencoder         encode {:.2f}, decode {:.2f} TFLOP".format(*autoencoder()))


if __name__ == "__main__":
    main()
