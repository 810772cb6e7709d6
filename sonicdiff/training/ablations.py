"""The paper's ablations: stages 1 and 2 trained again with one thing changed, from the same base model.

`sonicdiff train mini-ablations --folder runs/mini --ablation NAME` trains one, shorter than mini's own stages.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sonicdiff.training.config import ConfigError
from sonicdiff.training.stages import train_adapt, train_align
from sonicdiff.training.workspace import Workspace

ENCODER, MIDDLE, DECODER = "down_blocks", "mid_block", "up_blocks"

# What each ablation changes: the training of stage 1 (None: that of "full" is used) and of stage 2.
ABLATIONS: dict[str, tuple[Callable[..., None] | None, Callable[..., None]]] = {
    "full": (train_align, train_adapt),  # nothing: what the others, trained as long, are to be compared with
    "no-contrast": (partial(train_align, contrast_weight=0.0), train_adapt),
    "no-mse": (partial(train_align, squared_weight=0.0), train_adapt),
    "no-stage-1": (partial(train_align, contrast_weight=0.0, squared_weight=0.0), train_adapt),
    "frozen-projector": (None, partial(train_adapt, projector_rate=0.0)),
    "one-token": (partial(train_align, tokens=1), train_adapt),
    "encoder": (None, partial(train_adapt, where=(ENCODER,))),
    "decoder": (None, partial(train_adapt, where=(DECODER,))),
    "everywhere": (None, partial(train_adapt, where=(ENCODER, MIDDLE, DECODER))),
}


def ablate(space: Workspace, name: str) -> None:
    """Train one ablation; `sonicdiff evaluate --part ablations --variants FOLDER` then compares all that the workspace holds."""
    if name not in ABLATIONS:
        raise ConfigError(f"there is no ablation {name!r}; known are {', '.join(ABLATIONS)}")
    stage_1, stage_2 = ABLATIONS[name]
    if stage_1 is None and not space.path("projector-full-1").exists():
        raise ConfigError(f"the ablation {name!r} goes on from stage 1 of the ablation 'full'; train that first")
    if stage_1 is not None:
        stage_1(space, f"{name}-1")
    stage_2(space, name, start="full-1" if stage_1 is None else f"{name}-1")
