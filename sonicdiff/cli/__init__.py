"""The command `sonicdiff`: one thin command a task, each importing what it needs only when it runs."""

from sonicdiff.cli.app import app, main
from sonicdiff.cli.work import train

__all__ = ["app", "main", "train"]
