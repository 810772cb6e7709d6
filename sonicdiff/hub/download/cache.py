"""The Hugging Face Hub: where its cache is, what of a repository is in it, and what the repository holds, asked once and not for long."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sonicdiff.hub import model_directory
from sonicdiff.hub.registry import Repository

PATIENCE = 7.0
"""Seconds after which the hub counts as out of reach, whatever hangs: a name server, a proxy, a connection that never answers."""

COMMIT = re.compile(r"[0-9a-f]{40}")
T = TypeVar("T")


class HubError(OSError):
    """The hub, or what it holds, cannot be had; one sentence that says what to do."""


@dataclass(frozen=True)
class File:
    """A file of a repository. sha256: of one kept in LFS; git_sha1: git's own hash of any other."""

    path: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Listing:
    """The files of a repository at a commit."""

    commit: str
    files: tuple[File, ...]


def hub_cache(cache_dir: str | os.PathLike[str] | None = None) -> Path:
    """The hub's own cache: `cache_dir`, else HF_HUB_CACHE, else HF_HOME/hub, else ~/.cache/huggingface/hub, as they are set now."""
    return Path(cache_dir or os.environ.get("HF_HUB_CACHE") or hub_home() / "hub").expanduser()


def hub_home() -> Path:
    general = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return Path(os.environ.get("HF_HOME") or Path(general, "huggingface")).expanduser()


def own_cache() -> Path:
    """Where models are kept that are put together from several downloads: SONICDIFF_CACHE, else HF_HOME/sonicdiff."""
    return Path(os.environ.get("SONICDIFF_CACHE") or hub_home() / "sonicdiff").expanduser()


def is_offline() -> bool:
    """HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE, as the hub's library has it) is set now."""
    return any(os.environ.get(name, "").upper() in ("1", "ON", "YES", "TRUE") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def cached(repository: Repository, cache_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """The repository's folder in the cache if all that is wanted of it is there and whole. Touches no network."""
    folder = snapshot(repository, cache_dir)
    if folder is None:
        return None
    if repository.files:
        return folder if all((folder / name).is_file() for name in repository.files) else None
    return None if model_directory.faults(folder) else folder


def snapshot(repository: Repository, cache_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """The folder in the cache of the wanted commit, or of the branch's last one, whatever it holds."""
    from huggingface_hub import try_to_load_from_cache

    first = repository.files[0] if repository.files else "model_index.json"
    found = try_to_load_from_cache(
        repository.repo_id, first, hub_cache(cache_dir), repository.revision, repo_type=repository.repo_type
    )  # fmt: skip
    return Path(found).parents[first.count("/")] if isinstance(found, str) else None


def listing(repository: Repository, token: str | bool | None = None) -> Listing:
    """What the hub has of a repository, in one request. HubError within PATIENCE seconds if it cannot be had."""
    from huggingface_hub import HfApi

    if is_offline():
        raise HubError(f"{repository.repo_id} is not in the cache, and HF_HUB_OFFLINE forbids to fetch it; unset it once")
    api = HfApi(endpoint=endpoint(), token=token)

    def ask() -> Any:
        return api.repo_info(
            repository.repo_id, revision=repository.revision, repo_type=repository.repo_type, timeout=PATIENCE - 1, files_metadata=True
        )

    info = answered(repository, ask)
    found = [File(each.rfilename, each.size or 0, each.lfs and each.lfs.sha256, each.blob_id) for each in info.siblings or ()]
    return Listing(str(info.sha), tuple(found))


def answered(repository: Repository, ask: Callable[[], T], patience: float = PATIENCE) -> T:
    """What `ask` returns, in at most `patience` seconds; what it raises as a HubError."""
    done: list[T] = []
    failed: list[Exception] = []

    def work() -> None:
        try:
            done.append(ask())
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)  # a name server that hangs cannot be interrupted, only left behind
    thread.start()
    thread.join(patience)
    if failed and not from_network(failed[0]):
        raise failed[0]
    if failed:
        raise HubError(explained(repository, failed[0])) from None
    if not done:
        raise HubError(out_of_reach(f"no answer in {patience:.0f} s"))
    return done[0]


def from_network(error: Exception) -> bool:
    """Whether the connection or the hub is to blame, and not the program. (The hub's library changes its HTTP library now and then.)"""
    libraries = ("httpx", "httpcore", "requests", "huggingface_hub")
    return isinstance(error, OSError) or type(error).__module__.split(".")[0].startswith(libraries)


def explained(repository: Repository, error: Exception) -> str:
    """One sentence for what came back instead of a repository."""
    from huggingface_hub import errors

    name = repository.repo_id
    if isinstance(error, errors.GatedRepoError) or status(error) in (401, 403):
        page = f"{endpoint()}/{'spaces/' if repository.repo_type == 'space' else ''}{name}"
        return f"the hub does not give {name} to everyone: accept its terms at {page}, then run `hf auth login` or set HF_TOKEN"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name} has no revision {repository.revision!r} on the hub; leave the revision out to take its newest"
    if isinstance(error, (errors.RepositoryNotFoundError, errors.HFValidationError)):
        return f"there is no repository {name!r} on the hub that can be read from here; check its name, and HF_TOKEN if it is private"
    if status(error) is not None:
        return f"the hub answered {name} with HTTP {status(error)}; try again later, or set HF_ENDPOINT to a mirror of it"
    return out_of_reach(type(error).__name__)


def out_of_reach(why: str) -> str:
    return f"the Hugging Face Hub cannot be reached at {endpoint()} ({why}); connect, or set HF_ENDPOINT or HTTPS_PROXY, and try again"


def status(error: Exception) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def is_repository(name: str) -> bool:
    """Whether it reads as owner/name, and is no path here."""
    return re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", name) is not None and not Path(name).exists()


def pinned(repository: Repository, revision: str | None) -> Repository:
    """The repository at another revision, if one is asked for."""
    return replace(repository, revision=revision) if revision else repository
