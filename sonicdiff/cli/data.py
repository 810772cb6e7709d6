"""The command `data`: what a data set holds, what of it cannot be read, captions for it, a sheet to look at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonicdiff.cli import options

if TYPE_CHECKING:
    from sonicdiff.data.checking import Checked
    from sonicdiff.data.data_set import DataSet
    from sonicdiff.data.sample import Sample


def data(
    where: Annotated[
        str,
        typer.Argument(
            help="A folder or file, 'data/train-{000..012}.tar', hf:OWNER/NAME, or synthetic:landscape; or photographs, or "
            "recordings: what mini's decoder and its ears learn from is then fetched out of Debian packages."
        ),
    ],
    layout: Annotated[
        str, typer.Option(help="folder, manifest, videos, webdataset, huggingface, landscape, greatest-hits, ravdess, or auto: seen.")
    ] = "auto",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "train",
    limit: Annotated[int | None, typer.Option("-n", min=1, help="Read only so many pairs, drawn from all.  [default: every one]")] = None,
    window: Annotated[float, typer.Option(help="Seconds of a window cut out of a video.")] = 10.0,
    frame_at: Annotated[float, typer.Option(help="Where in its window a frame is taken, from 0 to 1.")] = 0.5,
    skipped: Annotated[Path | None, typer.Option(help="A file for the list of what is skipped, a line of JSON each.")] = None,
    captions: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Caption what has no caption by this BLIP-2: a folder, or a fetched OWNER/NAME.")
    ] = None,
    sheet: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw up to 24 pairs, with spectrograms.")] = None,
    to: Annotated[Path | None, typer.Option(help="Where photographs or recordings are gathered.  [default: runs/<which>]")] = None,
    clips: Annotated[
        list[Path] | None,
        typer.Option("--with", help="With recordings: a folder of clips, authors in its README.md; repeatable."),
    ] = None,
    packages: Annotated[Path, typer.Option(help="Where their packages are downloaded and unpacked.")] = Path("runs/packages"),
    device: options.Device = None,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Read a data set once: count its pairs, classes and seconds, and list what cannot be read."""
    if where == "photographs":
        from sonicdiff.data import photographs

        to = to or Path("runs/photographs")
        added = photographs.gather(to, packages)
        typer.echo(f"{to}: {len(photographs.read_list())} photographs, {added} of them new; authors and licences: {photographs.LIST}")
        return
    if where == "recordings":
        from sonicdiff.data import recordings

        to = to or Path("runs/recordings")
        found = recordings.gather(to, packages, recordings.read_list(), clips or (), typer.echo)
        typer.echo(f"{to}: {len(found)} recordings of {len({one.source for one in found})} sources; authors: {to / recordings.MANIFEST}")
        return
    if clips:
        raise ValueError("--with goes with recordings")
    if sheet is not None:
        options.destination(sheet)
    from tqdm import tqdm

    from sonicdiff.data.checking import checked
    from sonicdiff.data.opening import open_data
    from sonicdiff.data.sheet import sheet as draw
    from sonicdiff.data.sheet import spread
    from sonicdiff.data.videos import Cutting

    found = open_data(where, layout, split, Cutting(window, frame_at))
    if not as_json:
        typer.echo(f"{where}: {len(found)} pairs for {split}, in the layout {found.layout}")
    chosen = found if limit is None else spread(found, limit)
    result = checked(tqdm(chosen, disable=quiet or None, leave=False), lambda line: typer.echo(line, err=True), skipped)
    samples = result.samples if captions is None else captioned(where, result.samples, captions, device)
    if as_json:
        typer.echo(
            json.dumps(
                {"data": where, "layout": found.layout, "split": split, "pairs": len(found), **facts(found, result, samples)}, indent=2
            )
        )
    else:
        tell(found, result, samples)
    if sheet is not None:
        draw(spread(samples, 24)).save(sheet)
        typer.echo(str(sheet), err=as_json)


def captioned(where: str, samples: list[Sample], model: str, device: str | None) -> list[Sample]:
    """The samples with their captions, which are written beside the data."""
    from sonicdiff.data import captions

    if not Path(where).exists():
        raise ValueError(f"captions are written beside the data, and {where} is no folder or file here; give a copy on the disk")
    file = captions.beside(where)
    made = captions.write(samples, captions.Captioner(model, device), file, log=lambda line: typer.echo(line, err=True))
    typer.echo(f"{made} captions written to {file}", err=True)
    return captions.with_captions(samples, captions.read(file))


def facts(found: DataSet, result: Checked, samples: list[Sample]) -> dict[str, Any]:
    """What was read, for programs."""
    return {
        "read": len(result.samples), "skipped": len(result.skipped), "twins": result.twins, "seconds": round(result.seconds, 1),
        "groups": result.groups, "classes": dict(result.classes), "captions": sum(sample.caption is not None for sample in samples),
        "licence": found.licence,
    }  # fmt: skip


def tell(found: DataSet, result: Checked, samples: list[Sample]) -> None:
    """What was read, as a table."""
    told = sum(sample.caption is not None for sample in samples)
    rows = {
        "read": f"{len(result.samples)} pairs, {len(result.skipped)} skipped, {result.twins} of the same content as another",
        "sound": f"{result.seconds:.1f} s",
        "groups": str(result.groups),
        "classes": ", ".join(f"{name} ({count})" for name, count in result.classes.items()) or "none given",
        "captions": f"{told} of {len(samples)}",
        "licence": found.licence,
    }
    for name, text in rows.items():
        typer.echo(f"{name:10}{text}")
