"""What is here: the models known by name, fetching one, and a check of the installation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sonicdiff.cli import options


def list_models(
    as_json: options.Json = False, quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the names.")] = False
) -> None:
    """List the models known by name, and what else can be fetched."""
    from sonicdiff.hub.registry import CHECKPOINTS, PARTS
    from sonicdiff.pipelines.pulling import at_hand

    listed = []
    for one in (*CHECKPOINTS.values(), *PARTS.values()):
        here = at_hand(one.name)
        embedded = one.name in CHECKPOINTS and CHECKPOINTS[one.name].embedded
        place = here or ("not found" if embedded else f"not here; `sonicdiff pull {one.name}` fetches it")
        size = size_mb(here) if here else one.size_mb
        listed.append({
            "name": one.name, "description": one.description, "licence": one.licence, "megabytes": round(size, 1),
            "directory": str(here) if here else None,
        })  # fmt: skip
        if quiet:
            typer.echo(one.name)
        elif not as_json:
            typer.echo(f"{one.name:14} {size:5.0f} MB  {one.licence}\n{'':14} {one.description}\n{'':14} {place}\n")
    if as_json:
        typer.echo(json.dumps(listed, indent=2))


def pull(
    name: Annotated[str, typer.Argument(help="A name that `sonicdiff models` lists, or a repository owner/name of the Hugging Face Hub.")],
    cache_dir: Annotated[Path | None, typer.Option(help="The hub's cache.  [default: HF_HUB_CACHE, or hub/ in HF_HOME]")] = None,
    revision: Annotated[str | None, typer.Option(help="A branch, tag or commit.  [default: the one known to work]")] = None,
    token: Annotated[str | None, typer.Option(help="For what is not public.  [default: HF_TOKEN, or that of `hf auth login`]")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare what is here with its hashes, and fetch what differs anew.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Fetch a model, so that it loads without the network from then on. A download that was broken off goes on."""
    from sonicdiff.pipelines import pulling

    if verify:
        for damaged in pulling.verify(name, cache_dir=cache_dir, revision=revision):
            typer.echo(f"{damaged} differed from its hash, and is fetched anew")
    with bar(quiet) as tell:
        folder = pulling.pull(name, tell, cache_dir=cache_dir, revision=revision, token=token)
    typer.echo(f"{folder}  ({size_mb(folder):.0f} MB)")


@contextmanager
def bar(quiet: bool) -> Iterator[Any]:
    """A progress bar in bytes, as something to tell of a download."""
    from tqdm import tqdm

    with tqdm(unit="B", unit_scale=True, disable=quiet or None, leave=False) as drawn:

        def tell(name: str, done: int, total: int) -> None:
            if drawn.total != total:  # the next repository
                drawn.reset(total)
            drawn.set_description_str(name[-40:], refresh=False)
            drawn.update(done - drawn.n)

        yield tell


def size_mb(folder: Path) -> float:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 1e6
