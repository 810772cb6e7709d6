"""Memory that an edit at full size takes on a device in the mode `low`, counted without one: every tensor that lives, on the meta device.

    python -m bench.device_memory

Stable Diffusion 1.5 with audio layers at 512 x 512 in bfloat16, four steps (only one step's features are on the device at a time). Each
component is counted alone with its weights, as the mode has them. Attention is counted as a GPU's own kernels do it, without its weights
laid out; what CUDA and its libraries take for themselves is not counted. No GPU has been measured.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import diffusers
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from bench import flops

AUTOENCODER: Any = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
}


class Living(TorchDispatchMode):
    """The bytes of the storages that are alive, and the most that there have been."""

    def __init__(self) -> None:
        super().__init__()
        self.storages: dict[int, tuple[StorageWeakRef, int]] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        new = [leaf.untyped_storage() for leaf in tree_leaves(result) if isinstance(leaf, Tensor)]
        self.storages = {key: kept for key, kept in self.storages.items() if not kept[0].expired()}
        self.storages |= {storage._cdata: (StorageWeakRef(storage), storage.nbytes()) for storage in new}
        self.most = max(self.most, sum(size for _, size in self.storages.values()))
        return result


def attended(q: Tensor, k: Tensor, v: Tensor, *_: Any, **__: Any) -> Tensor:
    """What attention leaves in the memory."""
    return q.new_empty(*q.shape[:-1], v.shape[-1])


def most(run: Callable[[], Any]) -> tuple[float, Any]:
    """GB that what is run makes live at most, and its result."""
    with patch.object(F, "scaled_dot_product_attention", attended), Living() as living:
        result = run()
    return living.most / 1e9, result


def weights(*models: nn.Module) -> float:
    return sum(p.nbytes for model in models for p in model.parameters()) / 1e9


@torch.no_grad()
def main() -> None:
    diffusers.utils.logging.set_verbosity_error()
    for null, rule in ((False, "no audio layers"), (True, "silence through the projector")):
        scene = flops.Scene(flops.FULL, null, 4, torch.bfloat16, "meta")
        fixed = weights(scene.unet, scene.adapter)
        photo, source = most(scene.prepare)
        step = max(sum(value.nbytes for value in each.values()) for each in source.features.values()) / 1e9
        kept = source.nbytes / 1e9
        sound, _ = most(lambda scene=scene, source=source: scene.edit(source))
        print(f"null audio = {rule}: weights {fixed:.2f} GB, a step's features {step:.2f} GB")
        print(f"  photo {fixed + photo - kept + step:.2f} GB, next sound {fixed + sound + step:.2f} GB")
    with torch.device("meta"):
        vae: Any = AutoencoderKL.from_config(AUTOENCODER)
        vae.bfloat16()
        picture, latents = torch.empty(1, 3, 512, 512, dtype=torch.bfloat16), torch.empty(1, 4, 64, 64, dtype=torch.bfloat16)
    encoding, decoding = most(lambda: vae.encode(picture))[0], most(lambda: vae.decode(latents))[0]
    print(f"autoencoder: weights {weights(vae):.2f} GB, encode {weights(vae) + encoding:.2f} GB, decode {weights(vae) + decoding:.2f} GB")


if __name__ == "__main__":
    main()
