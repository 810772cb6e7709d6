"""One big file into the hub's cache: from where an earlier try stopped, and under its name only when its hash is right."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from sonicdiff.hub.download.cache import PATIENCE, File, HubError, answered, endpoint, explained, from_network
from sonicdiff.hub.registry import Repository

Tell = Callable[[str, int, int], None]
"""Called with a file's name, and the bytes of all that is being fetched: here, and in all."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass
class Progress:
    tell: Tell | None
    total: int
    done: int = 0

    def add(self, name: str, count: int) -> None:
        self.done += count
        if self.tell is not None:
            self.tell(name, self.done, self.total)


def storage_name(repository: Repository) -> str:
    return f"{repository.repo_type}s--{repository.repo_id.replace('/', '--')}"


def blob(folder: Path, file: File) -> Path:
    return folder / "blobs" / (file.sha256 or file.git_sha1 or "unknown")


def partial(folder: Path, file: File) -> Path:
    return blob(folder, file).with_suffix(".partial")


def fetched(folder: Path, file: File) -> int:
    """Bytes of a file that an earlier try left."""
    return partial(folder, file).stat().st_size if partial(folder, file).exists() else 0


def resume(repository: Repository, commit: str, file: File, folder: Path, token: str | bool | None, progress: Progress) -> None:
    """Fetches one LFS file into the cache's blobs, from where an earlier try stopped; it gets its name when its hash is right."""
    from huggingface_hub.utils import WeakFileLock

    lock = folder.parent / ".locks" / folder.name / f"{file.sha256}.lock"  # the hub's own library takes the same
    lock.parent.mkdir(parents=True, exist_ok=True)
    with WeakFileLock(lock):
        if blob(folder, file).exists():  # by another process, meanwhile
            progress.add(file.path, file.size)
        else:
            complete(repository, commit, file, folder, token, progress)


def complete(repository: Repository, commit: str, file: File, folder: Path, token: str | bool | None, progress: Progress) -> None:
    path = partial(folder, file)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if fetched(folder, file) < file.size:
            transfer(repository, commit, file, path, token, progress)
        right = hash_of(path) == file.sha256
    except OSError as error:
        if error.errno in FULL:
            path.unlink(missing_ok=True)
            raise OSError(f"the disk of {folder} is full; make room, or set HF_HOME to a larger disk") from None
        raise
    if not right:
        path.unlink()
        raise HubError(f"{file.path} of {repository.repo_id} arrived damaged (its SHA-256 is not the hub's); try again")
    path.replace(blob(folder, file))


def transfer(repository: Repository, commit: str, file: File, path: Path, token: str | bool | None, progress: Progress) -> None:
    """Appends to `path` what it lacks of the file."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository.repo_id, file.path, repo_type=repository.repo_type, revision=commit, endpoint=endpoint())
    headers = build_hf_headers(token=token)
    found = answered(repository, lambda: get_hf_file_metadata(url, token=token, timeout=PATIENCE - 1, endpoint=endpoint()))
    address = url if found.xet_file_data is not None else found.location
    if address.split("/")[2] != url.split("/")[2]:
        headers.pop("authorization", None)  # a signed address elsewhere; the token is for the hub alone
    start = path.stat().st_size if path.exists() else 0
    progress.add(file.path, start)
    with path.open("r+b" if start else "wb") as out:
        out.seek(start)
        try:
            http_get(
                address, Told(out, file.path, progress), resume_size=start, headers=headers, expected_size=file.size,  # pyright: ignore
                tqdm_class=NoBar,
            )  # fmt: skip
        except Exception as error:  # the HTTP library has several of its own
            if not from_network(error) or getattr(error, "errno", None) in FULL:
                raise
            raise HubError(broken(repository, file, error)) from None


def broken(repository: Repository, file: File, error: Exception) -> str:
    from huggingface_hub.errors import HfHubHTTPError

    if isinstance(error, HfHubHTTPError):
        return explained(repository, error)
    return f"the connection broke while {file.path} of {repository.repo_id} came ({type(error).__name__}); try again, it goes on from there"


class NoBar(tqdm):
    """What the hub's library draws where we tell the progress."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.pop("name", None)
        super().__init__(*args, **{**kwargs, "disable": True})


class Told:
    """A file being written, that says how much."""

    def __init__(self, out: Any, name: str, progress: Progress) -> None:
        self.out, self.name, self.progress = out, name, progress

    def write(self, data: bytes) -> int:
        self.progress.add(self.name, len(data))
        return self.out.write(data)

    def tell(self) -> int:
        return self.out.tell()

    def seek(self, position: int) -> int:
        self.progress.done -= self.out.tell() - position
        return self.out.seek(position)

    def truncate(self) -> int:
        return self.out.truncate()


def hash_of(path: Path) -> str:
    from huggingface_hub.utils.sha import sha_fileobj

    with path.open("rb") as file:
        return sha_fileobj(file).hex()
