"""Fetching a repository into the hub's cache: only what is needed, into room that is there, resumed where it stopped, checked by hash."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonicdiff.hub.download.cache import File, HubError, Listing, cached, endpoint, explained, from_network, hub_cache, listing, snapshot
from sonicdiff.hub.download.file_selection import wanted
from sonicdiff.hub.download.resumable_download import FULL, NoBar, Progress, Tell, blob, fetched, hash_of, resume, storage_name
from sonicdiff.hub.registry import Repository

KEPT_FREE = 2**28  # bytes left on the disk, for what else runs there


def fetch(
    repository: Repository, cache_dir: str | os.PathLike[str] | None = None, token: str | bool | None = None, tell: Tell | None = None,
    room: int = 0,
) -> Path:  # fmt: skip
    """The repository's folder in the hub's cache, fetched where it is not whole there.

    room: bytes that must be free besides. Raises HubError, one sentence, when the hub cannot be reached (within 15 s), has not what is
    wanted, or sends something else, and OSError when the disk has not the room.
    """
    if (here := cached(repository, cache_dir)) is not None:
        return here
    found = listing(repository, token)
    files = wanted(repository, found)
    folder = hub_cache(cache_dir) / storage_name(repository)
    drop_damaged(repository, files, cache_dir)
    missing = [file for file in files if not blob(folder, file).exists()]
    check_room(hub_cache(cache_dir), sum(file.size - fetched(folder, file) for file in missing) + room, repository.repo_id)
    progress = Progress(tell, sum(file.size for file in files), sum(file.size for file in files if file not in missing))
    for file in missing:
        if file.sha256 is not None:  # the hub's own library takes a big file from its start again
            resume(repository, found.commit, file, folder, token, progress)
    place(repository, found, files, cache_dir, token)
    if (whole := cached(repository, cache_dir)) is None:
        raise HubError(f"{repository.repo_id} lacks files that its model_index.json names; it cannot be loaded")
    return whole


def drop_damaged(repository: Repository, files: Sequence[File], cache_dir: str | os.PathLike[str] | None) -> None:
    """Removes files of another size than the hub's from the cache, so that they are fetched again."""
    folder = hub_cache(cache_dir) / storage_name(repository)
    here = snapshot(repository, cache_dir)
    for file in files:
        for path in [blob(folder, file)] + ([here / file.path] if here else []):
            if path.exists() and path.stat().st_size != file.size:
                path.resolve().unlink()
            if path.is_symlink() and not path.exists():
                path.unlink()


def check_room(folder: Path, needed: int, what: str) -> None:
    """OSError unless the disk of `folder` has `needed` bytes to spare."""
    free = free_bytes(folder)
    if needed and free < needed + KEPT_FREE:
        raise OSError(
            f"{what} needs {needed / 1e6:.0f} MB on the disk of {folder}, and {free / 1e6:.0f} MB are free; make room, "
            "or set HF_HOME to a larger disk",
        )


def free_bytes(folder: Path) -> int:
    """On the disk that a folder is on, or will be."""
    return shutil.disk_usage(next(each for each in (folder, *folder.parents) if each.exists())).free


def place(repository: Repository, found: Listing, files: Sequence[File], cache_dir: str | os.PathLike[str] | None, token: Any) -> Path:
    """The hub's own library fetches the small files, links all of them, and notes branch and commit."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError
    from huggingface_hub.utils.sha import git_hash

    names = [file.path for file in files]
    try:
        folder = Path(
            snapshot_download(
                repository.repo_id, repo_type=repository.repo_type, revision=repository.revision, allow_patterns=names, token=token,
                cache_dir=hub_cache(cache_dir), endpoint=endpoint(), tqdm_class=NoBar, max_workers=4,
            )
        )  # fmt: skip
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise OSError(f"the disk of {hub_cache(cache_dir)} is full; make room, or set HF_HOME to a larger disk") from None
        if not from_network(error):
            raise
        cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception) else error
        raise HubError(explained(repository, cause)) from None
    for file in files:
        if file.sha256 is None and file.git_sha1 and git_hash((folder / file.path).read_bytes()) != file.git_sha1:
            (folder / file.path).resolve().unlink()
            raise HubError(f"{file.path} of {repository.repo_id} arrived damaged (its hash is not the hub's); try again")
    return folder


def verify(repository: Repository, cache_dir: str | os.PathLike[str] | None = None) -> list[str]:
    """The files in the cache whose contents are not what their hash says; each is removed, so that the next fetch brings it anew."""
    folder, damaged = snapshot(repository, cache_dir), []
    for path in sorted(folder.rglob("*")) if folder else ():
        if path.is_symlink() and path.exists() and len(name := path.readlink().name) == 64 and hash_of(path) != name:
            path.resolve().unlink()
            path.unlink()
            damaged.append(path.name)
    return damaged
