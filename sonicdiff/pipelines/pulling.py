"""Models by name: where each one is, and having it here: fetched from the hub, and put together where it comes in pieces."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from sonicdiff.hub import model_directory
from sonicdiff.hub.download.cache import HubError, cached, is_repository, own_cache, pinned
from sonicdiff.hub.download.fetch import check_room, fetch
from sonicdiff.hub.download.fetch import verify as differing
from sonicdiff.hub.download.resumable_download import Tell
from sonicdiff.hub.registry import BASES, CHECKPOINTS, PARTS, Checkpoint, Repository

PACKAGE = Path(__file__).resolve().parents[1]


def folders() -> list[Path]:
    """Where embedded models are looked for: SONICDIFF_CHECKPOINTS alone if set, else the repository, then the installed package."""
    moved = os.environ.get("SONICDIFF_CHECKPOINTS")
    return [Path(moved)] if moved else [PACKAGE.parent / "checkpoints", PACKAGE / "checkpoints"]


def examples() -> Path:
    """The folder of example photos and sounds: in the repository, or in the installed package."""
    return next((folder for folder in (PACKAGE.parent / "examples", PACKAGE / "examples") if (folder / "SOURCES.md").is_file()),
                PACKAGE / "examples")  # fmt: skip


def at_hand(name: str, cache_dir: str | os.PathLike[str] | None = None, revision: str | None = None) -> Path | None:
    """The directory of a known model or part: one of `folders`, our own cache, or the hub's. Touches no network."""
    if name in PARTS:
        return cached(pinned(PARTS[name].repository, revision), cache_dir)
    checkpoint = CHECKPOINTS[name]
    for folder in folders():
        if (folder / name / "model_index.json").is_file():
            return folder / name
    if checkpoint.base is not None:
        built = own_cache() / name
        return built if not model_directory.faults(built) else None
    return None if isinstance(checkpoint.source, str) else cached(pinned(checkpoint.source[0], revision), cache_dir)


def pull(
    name: str, tell: Tell | None = None, *, cache_dir: str | os.PathLike[str] | None = None, revision: str | None = None,
    token: str | bool | None = None,
) -> Path:  # fmt: skip
    """The directory of a known model or part, or of a repository owner/name, fetched where it is not here. Touches no network where it is.

    revision: not of a model in pieces, which are pinned to each other. Raises ValueError for a name that is none, and what `fetch` does.
    """
    if name in PARTS:
        return fetch(pinned(PARTS[name].repository, revision), cache_dir, token, tell)
    if name not in CHECKPOINTS:
        return pull_repository(name, tell, cache_dir, revision, token)
    checkpoint = CHECKPOINTS[name]
    if (found := at_hand(name, cache_dir, revision)) is not None:
        return found
    if isinstance(checkpoint.source, str):
        looked = ", ".join(str(folder / name) for folder in folders())
        raise FileNotFoundError(
            f"the weights of {name!r} are in none of {looked}; set SONICDIFF_CHECKPOINTS to the folder that holds {name!r}"
        )
    if checkpoint.base is not None and revision:
        raise ValueError(f"{name!r} is put together from several repositories; it takes no revision")
    try:
        if checkpoint.base is None:
            return fetch(pinned(checkpoint.source[0], revision), cache_dir, token, tell)
        return build(checkpoint, checkpoint.source, tell, cache_dir, token)
    except HubError as error:
        raise HubError(f"the model {name!r} is not here and was not fetched: {error}; or put its directory into {folders()[0]}") from None


def pull_repository(
    name: str, tell: Tell | None, cache_dir: str | os.PathLike[str] | None, revision: str | None, token: str | bool | None
) -> Path:
    if not is_repository(name):
        known = ", ".join(CHECKPOINTS)
        raise ValueError(
            f"there is no model {name!r}; known are {known}, and the path of a saved pipeline or a repository owner/name of the hub"
        )
    try:
        return fetch(Repository(name, revision), cache_dir, token, tell)
    except HubError as error:
        raise HubError(f"there is no directory {name!r} here, and {error}") from None


def verify(name: str, *, cache_dir: str | os.PathLike[str] | None = None, revision: str | None = None) -> list[str]:
    """The fetched files that differ from their hash, of whatever `pull` takes; they are removed, so that it brings them anew."""
    if name in PARTS:
        repositories = [pinned(PARTS[name].repository, revision)]
    elif name in CHECKPOINTS:
        source, base = CHECKPOINTS[name].source, CHECKPOINTS[name].base
        repositories = [] if isinstance(source, str) else [pinned(source[0], revision), *source[1:]]
        repositories += [BASES[base].repository] if base else []
    else:
        repositories = [Repository(name, revision)] if is_repository(name) else []
    return [file for repository in repositories for file in differing(repository, cache_dir)]


def build(
    checkpoint: Checkpoint,
    pieces: Sequence[Repository],
    tell: Tell | None,
    cache_dir: str | os.PathLike[str] | None,
    token: str | bool | None,
) -> Path:
    """One of the paper's models: its gates, projector, audio encoder and base fetched, and converted into our own cache."""
    room = checkpoint.built_mb * 10**6
    check_room(own_cache(), room, checkpoint.name)
    pair = fetch(pieces[0], cache_dir, token, tell, room)
    from sonicdiff.hub.weights import sonicdiffusion_checkpoint
    from sonicdiff.pipelines.convert import convert_sonicdiffusion

    gates, projector = (pair / file for file in pieces[0].files)
    sonicdiffusion_checkpoint.check_pair(gates, projector)  # 140 MB, before 4.5 GB are fetched for them
    clap = fetch(pieces[1], cache_dir, token, tell, room)
    base = fetch(BASES[str(checkpoint.base)].repository, cache_dir, token, tell, room)
    own_cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=own_cache(), prefix=f".{checkpoint.name}-") as folder:
        built = convert_sonicdiffusion(gates, projector, Path(folder, checkpoint.name), base=base, clap=clap / pieces[1].files[0])
        settle(built, checkpoint)
        return moved(built, own_cache() / checkpoint.name)


def settle(built: Path, checkpoint: Checkpoint) -> None:
    """Writes the checkpoint's null audio and defaults into the pipeline's configuration."""
    index = {**model_directory.index_of(built), "null_audio": checkpoint.null_audio, **checkpoint.defaults}
    (built / "model_index.json").write_text(json.dumps(index, indent=2, sort_keys=True) + "\n")
    model_directory.check(built)


def moved(built: Path, target: Path) -> Path:
    """`built` in the place of `target`, at once; another process may have been first."""
    if not model_directory.faults(target):
        return target
    if target.exists():
        target.rename(built.with_name("damaged"))  # goes with the temporary folder
    return built.rename(target)
