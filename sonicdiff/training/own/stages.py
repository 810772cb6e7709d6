"""The two stages as tasks over examples: of the training split, which learn, and of the validation split, which are scored."""

# diffusers and transformers type their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportReturnType=false
from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import checkpoint

from sonicdiff.training.adapt import AdaptTask
from sonicdiff.training.align import AlignTask
from sonicdiff.training.config import LoopConfig
from sonicdiff.training.loop import Task
from sonicdiff.training.own.config import OwnAdaptOptions, OwnConfig
from sonicdiff.training.own.examples import Examples
from sonicdiff.training.own.parts import Parts


@dataclass(frozen=True)
class Prepared:
    """A stage that can run: how, and its task over given examples. ready, done: before its first step, after its last."""

    name: str
    loop: LoopConfig
    task: Callable[[Examples], Task]
    ready: Callable[[], None] = lambda: None
    done: Callable[[], None] = lambda: None


def stages_of(config: OwnConfig, parts: Parts) -> list[Prepared]:
    """Those that the configuration has, in order."""
    found = []
    if config.align is not None:
        options = config.align.options

        def align(examples: Examples) -> Task:
            embeds, classes, said = examples.sounds()
            return AlignTask(parts.projector, options, embeds, classes, examples.text, said)

        found.append(Prepared("align", config.align.loop, align))
    if config.adapt is not None:
        loop, chosen, scheduler = config.adapt.loop, config.adapt.options, scheduler_of(config, parts)
        found.append(
            Prepared(
                "adapt",
                loop,
                lambda examples: AdaptTask(parts.unet, parts.adapter, parts.projector, chosen, examples.pairs(), scheduler),
                lambda: attach(parts, chosen, loop),
                lambda: parts.adapter.detach(parts.unet),
            )
        )
    return found


def scheduler_of(config: OwnConfig, parts: Parts) -> DDIMScheduler:
    """The noise schedule that stage 2 learns with and the finished model is sampled with."""
    if config.adapt is None or not config.adapt.options.zero_terminal_snr:
        return parts.scheduler
    return DDIMScheduler.from_config(parts.scheduler.config, rescale_betas_zero_snr=True)


def attach(parts: Parts, options: OwnAdaptOptions, loop: LoopConfig) -> None:
    """Sets the audio layers into the UNet, frozen but for them, in half precision where the stage computes in it."""
    if loop.mixed_precision == "bf16":
        for module in parts.unet.modules():
            if isinstance(module, (nn.Linear, nn.Conv2d)):  # what autocast would otherwise convert again every time
                module.to(torch.bfloat16)
    if options.checkpointing:
        parts.unet.enable_gradient_checkpointing(computed_again)
        if not any(path.startswith("down_blocks") for path in parts.adapter.paths):  # nothing in the encoder has a gradient
            for module in parts.unet.down_blocks.modules():
                if hasattr(module, "gradient_checkpointing"):
                    module.gradient_checkpointing = False
    parts.adapter.attach(parts.unet)


def computed_again(module: nn.Module, *args: Any) -> Any:
    """Checkpointing that attends with the same kernel the second time, which is after the loss has left its choice."""
    is_plain = not torch.backends.cuda.flash_sdp_enabled()  # the flag of CPUs too

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), sdpa_kernel(SDPBackend.MATH) if is_plain else nullcontext()

    return checkpoint(module, *args, use_reentrant=False, context_fn=contexts)
