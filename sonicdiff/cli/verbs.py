"""The verbs as `sweep` and `batch` run them: a command line made of named values, what it asks for, and whether that is done already."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import typer

from sonicdiff.cli import making, options, playing

VERBS = {"edit": making.edit, "generate": making.generate, "music": playing.music}
OWN = ("output", "paths", "quiet", "request", "clips")  # what sweep and batch decide themselves
NOT_ASKED = (*OWN, "device", "memory", "keep_photo")  # these change how a thing is made, not what
NAMING = ("sounds", "lora", "seed_image")  # text that may name files, with or without a weight
YES, NO = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


@lru_cache
def command(verb: str) -> Any:
    """The verb's own command. ValueError for a verb that is not known."""
    if verb not in VERBS:
        raise ValueError(f"unknown verb {verb!r}; expected one of {', '.join(VERBS)}")
    program = typer.Typer(add_completion=False, rich_markup_mode=None)
    program.command(verb)(VERBS[verb])
    return typer.main.get_command(program)


def parameter(verb: str, name: str) -> Any:
    """An argument or option of the verb by its name. ValueError, with the names there are, for another."""
    known = {each.name: each for each in command(verb).params if each.name not in OWN}
    wanted = {"sound": "sounds"}.get(name, name)
    if wanted not in known:
        raise ValueError(f"{verb} has no argument {name!r}; expected one of {', '.join(sorted(known))}")
    return known[wanted]


def line(verb: str, values: Mapping[str, Any], rest: Sequence[str] = ()) -> list[str]:
    """The command line of named values (text, numbers, lists, true and false) beside the arguments in `rest`, over which they win."""
    first: list[str] = []
    last: list[str] = []
    chosen: list[str] = []
    for name, value in values.items():
        of = parameter(verb, name)
        texts = [f"{key}={each}" for key, each in value.items()] if isinstance(value, Mapping) else listed(value)
        if of.param_type_name == "argument":
            (first if of is command(verb).params[0] and of.nargs == 1 else last).extend(texts)
        elif of.is_flag:
            chosen += switched(name, of, texts)
        else:
            if of.multiple and any(each.split("=")[0] in of.opts for each in rest):
                raise ValueError(f"{name} is given twice, for one and for all; leave out {of.opts[0]}")
            chosen += [f"{of.opts[0]}={text}" for text in texts]
    return [*first, *rest, *last, *chosen]


def listed(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else [str(value)]


def switched(name: str, of: Any, texts: Sequence[str]) -> list[str]:
    """A flag turned on or off."""
    said = texts[0].lower() if len(texts) == 1 else ""
    if said not in (*YES, *NO):
        raise ValueError(f"got {', '.join(texts)!r} for {name}; expected true or false")
    return of.opts[:1] if said in YES else of.secondary_opts[:1]


def parsed(verb: str, arguments: Sequence[str]) -> dict[str, Any]:
    """The values of a command line, checked as the verb checks them; typer's own errors for those that are not possible."""
    with command(verb).make_context(verb, list(arguments)) as context:
        return dict(context.params)


def request(verb: str, params: Mapping[str, Any]) -> str:
    """64 hex digits of what is asked for: all values, the contents of the files among them, the model's revision."""
    from sonicdiff.pipelines.common import record
    from sonicdiff.pipelines.loading import resolve

    asked = {name: contents(value, name in NAMING) for name, value in params.items() if name not in NOT_ASKED}
    asked |= {"verb": verb, "model": record.revision(resolve(params["model"]))}
    return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()


def contents(value: Any, naming: bool) -> Any:
    """A value with a hash in the place of each file, wherever that lies. naming: text may be the name of one."""
    from sonicdiff.pipelines.common.record import file_hash

    if isinstance(value, (list, tuple)):
        return [contents(each, naming) for each in value]
    if isinstance(value, Path) or (naming and isinstance(value, str)):
        ((path, weight),) = options.weighted([str(value)])
        return [file_hash(Path(path)), weight] if Path(path).is_file() else str(value)
    return value


def finished(path: Path, asked: str) -> bool:
    """Whether a file is what was asked for, by its record."""
    from sonicdiff.pipelines import replay

    try:
        return path.is_file() and replay.read(path).get("request") == asked
    except replay.ReplayError:
        return False


def run(verb: str, arguments: Sequence[str], path: Path, asked: str) -> None:
    """Runs the verb; `path` (and before it, for music, the picture beside it) appears whole or not at all."""
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    own = [f"--output={partial}", f"--request={asked}", "--quiet"]
    endings = dict.fromkeys((".png", path.suffix) if verb == "music" else (path.suffix,))
    try:
        with contextlib.redirect_stdout(io.StringIO()), command(verb).make_context(verb, [*arguments, *own]) as context:
            command(verb).invoke(context)
        for ending in endings:
            partial.with_suffix(ending).replace(path.with_suffix(ending))
    finally:
        for ending in endings:
            partial.with_suffix(ending).unlink(missing_ok=True)
