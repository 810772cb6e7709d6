"""Which failures are the input's or the machine's, and each of them in one sentence."""

from __future__ import annotations

import errno

EXPECTED = (ValueError, OSError, ImportError, MemoryError, FloatingPointError)
"""What bad input raises: AudioError, ImageError, ReplayError and ConfigError are ValueErrors; a missing file or extra is another."""
FULL = ("No space left on device", "code: 28,", "PytorchStreamWriter failed writing", "Disk quota exceeded")
"""What the libraries that write weights say of a full disk, in errors of their own."""


def is_expected(error: BaseException) -> bool:
    """Whether a sentence says it all, and a traceback would say nothing more."""
    return isinstance(error, EXPECTED) or disk_is_full(error)


def disk_is_full(error: BaseException) -> bool:
    return getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or any(words in str(error) for words in FULL)


def full_disk(error: BaseException) -> str:
    """A full disk in a sentence, with the file where the error has one."""
    file = getattr(error, "filename", None)
    where = f" ({file})" if file else ""
    return f"the disk is full{where}: free some of it and start again, what was finished is kept; or write elsewhere"


def sentence(error: BaseException) -> str:
    """What went wrong, on one line."""
    if disk_is_full(error):
        return full_disk(error)
    told = error.format_message() if hasattr(error, "format_message") else str(error)  # pyright: ignore[reportAttributeAccessIssue]
    return " ".join(told.split()) or type(error).__name__
