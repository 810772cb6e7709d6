"""The command-line program and its commands; a failure that is the input's and not the program's is one sentence and exit code 1."""

from __future__ import annotations

import traceback
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sonicdiff import __version__
from sonicdiff.cli import converting, data, doctor, making, many, models, playing, trying, web, work
from sonicdiff.cli.errors import is_expected, sentence


class Program(TyperGroup):
    """The commands, in the order written, with expected failures told in one sentence."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if not is_expected(error):
                raise
            if ctx.params.get("show_traceback"):
                traceback.print_exc()
            else:
                typer.echo(f"sonicdiff: {sentence(error)}", err=True)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=Program,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def program(
    show_traceback: Annotated[bool, typer.Option("--traceback", help="Show where an error arose, not only what it is.")] = False,
    version: Annotated[bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and stop.")] = False,
) -> None:
    """Images from sounds, photos edited by sounds, and music from text."""


PICTURES, SOUNDS = (making.edit, making.reconstruct, making.generate, making.interpolate), (playing.music, playing.riff, playing.jam)
for command in (*PICTURES, *SOUNDS, making.replay):
    app.command()(command)
for command in (many.sweep, many.batch):
    app.command(context_settings=many.ANY)(command)
app.command("app")(web.app)
app.command("models")(models.list_models)
app.command()(models.pull)
app.command()(trying.demo)
app.command()(data.data)
app.command()(work.train)
app.add_typer(work.evaluating, name="evaluate")
app.add_typer(converting.converting, name="convert")
app.command()(doctor.doctor)


def main() -> None:
    app(prog_name="sonicdiff")
