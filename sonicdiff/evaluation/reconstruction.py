"""What the VAE alone makes of an image: reconstructions, and PSNR on real photographs."""

# diffusers and transformers type their models loosely.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image, ImageOps

from sonicdiff.evaluation.scores import psnr

# Every colour photograph inside the scikit-image package: `skimage.data` needs no download for these (color.png is a drawing).
PHOTOS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "immunohistochemistry", "retina", "rocket", "stereo_motorcycle")


@torch.no_grad()
def reconstruct(vae: AutoencoderKL, image: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3), sides in multiples of the VAE's factor, through its mean latent and back."""
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].to(vae.device, vae.dtype) / 127.5 - 1
    decoded = vae.decode(vae.encode(x).latent_dist.mode()).sample[0].float()
    return np.asarray(decoded.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).permute(1, 2, 0).cpu())


def squared(image: Image.Image, size: int) -> np.ndarray:
    """The central square, Lanczos-resized: uint8 (size, size, 3)."""
    return np.asarray(ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.LANCZOS))


def photographs(size: int = 256) -> dict[str, np.ndarray]:
    """PHOTOS by name, each squared; needs the extra `eval`."""
    try:
        from skimage import data
    except ImportError as error:
        raise ImportError("the test photographs come with scikit-image; install sonicdiff[eval]") from error
    loaded = {name: getattr(data, name)() for name in PHOTOS}
    return {name: squared(Image.fromarray(photo[0] if isinstance(photo, tuple) else photo), size) for name, photo in loaded.items()}


def reconstruction_psnr(vae: AutoencoderKL, images: Iterable[np.ndarray]) -> list[float]:
    return [psnr(reconstruct(vae, image), image) for image in images]


def digest(folder: Path) -> str:
    """Eight hexadecimal digits of the weights in `folder`."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise FileNotFoundError(f"{folder} holds no safetensors; give the directory of an AutoencoderKL")
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]
