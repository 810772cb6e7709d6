"""A torchaudio built for another torch makes diffusers and transformers fail at import, though nothing here needs it: hide a broken one."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
import warnings
from collections.abc import Sequence


class TorchaudioGuard(importlib.abc.MetaPathFinder):
    """Finds nothing; it waits for the first import of diffusers or transformers, and tries torchaudio just before it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname in ("diffusers", "transformers"):
            sys.meta_path.remove(self)
            hide_if_broken()
        return None


def install() -> None:
    """Sets the guard where there is a torchaudio that nobody has imported yet."""
    if "torchaudio" not in sys.modules and importlib.util.find_spec("torchaudio") is not None:
        sys.meta_path.insert(0, TorchaudioGuard())


def hide_if_broken() -> None:
    """Imports torchaudio; where that fails, makes it look not installed (None in sys.modules) and says so once."""
    try:
        importlib.import_module("torchaudio")
    except Exception as error:  # a mismatched build raises OSError, RuntimeError, ImportError or AttributeError
        sys.modules["torchaudio"] = None  # pyright: ignore[reportArgumentType]
        warnings.warn(f"the installed torchaudio does not fit the installed torch and is ignored: {error}", RuntimeWarning, stacklevel=2)
