"""Saving a pipeline where one lies already, perhaps the very one it was loaded from: whole, and without touching what links to it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

WEIGHTS = ("*.safetensors", "*.safetensors.index*.json", "*.bin")
TO_HUB = ("repo_id", "commit_message", "private", "create_pr", "token")


class Saving:
    """diffusers' `save_pretrained`, into a new directory whose files then take the places of the old ones.

    Written in place, weights would go into files that are mapped into memory, or are links into the Hub's cache; and shards of an older
    model would stay beside a newer one's single file.
    """

    def save_pretrained(self, save_directory: str | os.PathLike[str], *, push_to_hub: bool = False, **options: Any) -> None:
        """As diffusers has it, with all its arguments."""
        with self.lock:  # pyright: ignore[reportAttributeAccessIssue]
            to_hub = {name: options.pop(name) for name in TO_HUB if name in options}
            target = Path(save_directory)
            target.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=target, prefix=".saving-") as staging:
                super().save_pretrained(staging, **options)  # pyright: ignore[reportAttributeAccessIssue]
                for folder in [*(path for path in Path(staging).iterdir() if path.is_dir()), Path(staging)]:  # the index last
                    take_places(folder, target / folder.relative_to(staging))
            if push_to_hub:
                to_hub.setdefault("repo_id", target.name)
                self.push_to_hub(**to_hub)  # pyright: ignore[reportAttributeAccessIssue]


def take_places(folder: Path, target: Path) -> None:
    """Moves the files of one folder to `target`; weights there that it has none of are gone."""
    target.mkdir(exist_ok=True)
    files = [path for path in folder.iterdir() if path.is_file()]
    for file in files:
        file.replace(target / file.name)
    if any(file.match(pattern) for file in files for pattern in WEIGHTS):
        new = {file.name for file in files}
        for old in [path for pattern in WEIGHTS for path in target.glob(pattern) if path.name not in new]:
            old.unlink()
