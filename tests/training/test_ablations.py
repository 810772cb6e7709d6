"""An ablation that needs another says so, and unknown ones list the known."""

from __future__ import annotations

from pathlib import Path

import pytest

from sonicdiff.training.ablations import ablate
from sonicdiff.training.config import ConfigError
from sonicdiff.training.recipe import find
from sonicdiff.training.workspace import Workspace


def test_they_learn_from_the_data_of_mini() -> None:
    assert Workspace(Path(), find("mini-ablations")).data == Workspace(Path(), find("mini")).data


def test_what_cannot_be_trained_is_said(tmp_path: Path) -> None:
    space = Workspace(tmp_path, find("mini-ablations"))
    with pytest.raises(ConfigError, match="one-token"):
        ablate(space, "nosuch")
    with pytest.raises(ConfigError, match="'full'"):
        ablate(space, "decoder")
