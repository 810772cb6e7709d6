"""What numba compiles, on a machine that has no folder for its cache: a read-only installation without a home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numba import config

from sonicdiff.audio import compilation, heap

WITHOUT = """
from numba.core import caching
caching.CacheImpl._locator_classes = [each for each in caching.CacheImpl._locator_classes if "UserProvided" in each.__name__]
import sonicdiff.pipelines.sonic_diffusion.pipeline, sonicdiff.pipelines.riffusion.pipeline
from sonicdiff.audio import compilation
twice = compilation.compiled(lambda x: 2 * x)
print(twice(21))
"""


def test_without_a_folder_for_a_cache_all_is_imported_and_computed() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=300)
    assert done.stdout.split() == ["42"], done.stderr


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(function: object, cached: bool) -> object:
        if cached:
            raise OSError("No space left on device")
        return function

    monkeypatch.setattr(compilation, "of", refused)
    magnitudes = np.random.default_rng(0).random((4, 5))
    zeros = np.zeros_like(magnitudes)
    assert heap.integrate(magnitudes, zeros + 1, zeros, zeros, False).shape == (4, 5)


def test_librosa_is_given_a_temporary_cache_where_it_finds_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_it() -> ModuleType:
        if not config.CACHE_DIR:  # pyright: ignore[reportAttributeAccessIssue]
            raise RuntimeError("cannot cache function '_localmax': no locator available for file 'librosa/util/utils.py'")
        return pytest

    monkeypatch.setattr(config, "CACHE_DIR", "")
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    monkeypatch.setattr(compilation, "loaded", import_it)
    assert compilation.import_librosa() is pytest
    (Path(config.CACHE_DIR) / "writable").touch()  # pyright: ignore[reportAttributeAccessIssue]
