"""numba's compiled functions, ours and librosa's: kept on the disk where a folder can be written, else compiled for this process alone."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

NO_FOLDER = "no locator available"  # in the words of numba's RuntimeError


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function compiled at its first call, which numba is not imported before."""

    def run(*args: Any) -> Any:
        try:
            return of(function, True)(*args)
        except (OSError, EOFError):  # the folder is full, or what lies in it is damaged
            return of(function, False)(*args)

    return run


@lru_cache
def of(function: Callable[..., Any], cached: bool) -> Callable[..., Any]:
    """numba's function for ours, without a cache where it finds no folder for one."""
    from numba import njit

    try:
        return njit(cache=cached)(function)
    except RuntimeError as error:
        if NO_FOLDER not in str(error):
            raise
        return njit(function)


def import_librosa() -> Any:
    """librosa, whose functions ask for a cache as they are imported: one in a temporary folder where there is no other.

    OSError where not even that can be written.
    """
    try:
        return loaded()
    except RuntimeError as error:
        if NO_FOLDER not in str(error):
            raise
    for name in [name for name in sys.modules if name.split(".")[0] == "librosa"]:
        del sys.modules[name]
    from numba import config

    config.CACHE_DIR = temporary_folder().name  # pyright: ignore[reportAttributeAccessIssue]
    return loaded()


def loaded() -> ModuleType:
    """librosa with the parts that it would load at their first use."""
    for part in ("onset", "feature"):
        importlib.import_module(f"librosa.{part}")
    return importlib.import_module("librosa")


@lru_cache
def temporary_folder() -> tempfile.TemporaryDirectory[str]:
    """A folder that lives as long as the process."""
    try:
        return tempfile.TemporaryDirectory(prefix="sonicdiff-")
    except OSError:
        raise OSError("a sound's tempo is heard by librosa, which needs a folder it can write: set NUMBA_CACHE_DIR to one") from None
