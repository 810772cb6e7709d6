"""The command that serves the app."""

from __future__ import annotations

import importlib.util
import os
from contextlib import nullcontext
from typing import Annotated

import typer

from sonicdiff.cli.options import silence


def app(
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="[default: the first that is free from 7860 on]")] = None,
    host: Annotated[str, typer.Option(help="The address to listen on; 0.0.0.0 serves the network.")] = "127.0.0.1",
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="A name or address that others reach this machine by, repeatable; with --host 0.0.0.0."),
    ] = None,
    auth: Annotated[str | None, typer.Option(metavar="USER:PASSWORD", help="Lets in those only who know it.")] = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="For pictures.  [default: $SONICDIFF_MODEL, else mini]")] = None,
    music_model: Annotated[str | None, typer.Option(help="For music.  [default: $SONICDIFF_MUSIC_MODEL, else mini-music]")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the address.")] = False,
) -> None:
    """Serve the app in the browser: edit, generate, music, jam."""
    if importlib.util.find_spec("gradio") is None:
        raise ImportError('the app needs gradio: pip install "sonicdiff[app]"')
    user = None
    if auth is not None:
        name, colon, password = auth.partition(":")
        if not (name and colon and password):
            raise typer.BadParameter("expected USER:PASSWORD", param_hint="--auth")
        user = (name, password)
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    from sonicdiff.pipelines.loading import resolve
    from sonicdiff.ui import serving

    for chosen in serving.chosen(model, music_model):
        resolve(chosen)  # what cannot be loaded is said here, not with the first click
    with silence() if quiet else nullcontext():
        served = serving.start(host, port, model, music_model, names or (), user)
    if quiet:
        typer.echo(served.address)
    served.wait()
