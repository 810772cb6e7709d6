"""Pictures that a stopped evaluation left behind: each says in its record what it was made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sonicdiff.pipelines import replay


def is_kept(file: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether `file` is a whole picture whose record says all that is wanted."""
    try:
        return says(replay.read(file), wanted)
    except replay.ReplayError:
        return False


def says(made: Any, wanted: Mapping[str, Any]) -> bool:
    """Whether the table `made` has every entry of `wanted`, tables in it likewise."""
    if not isinstance(made, Mapping) or not wanted.keys() <= made.keys():
        return False
    return all(says(made[name], value) if isinstance(value, Mapping) else made[name] == value for name, value in wanted.items())
