"""The command `sonicdiff`: one thin command a task, each importing what it needs only when it runs."""

from sonicdiff.cli.app import app, main

__all__ = ["app", "main"]
