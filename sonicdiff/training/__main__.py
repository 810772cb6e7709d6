"""`accelerate launch -m sonicdiff.training RECIPE`: the same command on one process or many machines."""

from __future__ import annotations

import typer

from sonicdiff.cli import train

if __name__ == "__main__":
    typer.run(train)
