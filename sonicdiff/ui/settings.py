"""Settings out of the app as JSON, and back from it or from anything that sonicdiff saved: a picture or a clip says how it was made."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonicdiff import __version__
from sonicdiff.audio.waveform import FORMATS
from sonicdiff.pipelines import replay
from sonicdiff.pipelines.riffusion.components import strength_of
from sonicdiff.ui.controls import Control, Weights

MOST_BYTES = 32_768  # of JSON
TASKS = {
    "edit": "edit",
    "generate": "generate",
    "strip": "generate",
    "music": "music",
    "riff": "music",
    "edit-music": "music",
    "jam": "jam",
    "live-jam": "jam",
}
"""The page that each task of a record belongs to."""


def export(page: str, controls: Sequence[Control], values: Sequence[Any]) -> str:
    """The settings of a page as JSON."""
    settings = {control.name: value for control, value in zip(controls, values, strict=True)}
    return json.dumps({"sonicdiff": __version__, "page": page, "settings": settings}, indent=2)


def restore(page: str, controls: Sequence[Control], file: str) -> tuple[dict[str, Any], str]:
    """What a file says of this page's settings, by name, and what a person should know of it.

    Names that are not settings are passed over; values go through the same checks as typed ones. Raises ValueError.
    """
    path = Path(file)
    if path.suffix.lower() not in (".json", *replay.PICTURES, *FORMATS):
        raise ValueError(f"{path.name} holds no settings; expected .json, or a picture or a sound that sonicdiff saved")
    found, from_page, note = of_json(path) if path.suffix.lower() == ".json" else of_record(path)
    if from_page != page:
        raise ValueError(f"{path.name} holds settings of the page {from_page!r}; expected some of {page!r}: drop it there")
    known = {control.name: control for control in controls}
    settings, left = {}, []
    for name, value in found.items():
        if name not in known:
            continue
        try:
            known[name].checked(value)
        except ValueError as error:
            if path.suffix.lower() == ".json":
                raise
            left.append(str(error))  # a result from elsewhere may lie outside what this page offers
            continue
        settings[name] = known[name].written(value)
    if not settings:
        raise ValueError(f"{path.name} holds none of the settings of this page")
    return settings, " ".join([note, *(f"Left as it was: {each}." for each in left)])


def of_json(path: Path) -> tuple[dict[str, Any], str, str]:
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes; expected at most {MOST_BYTES} of settings")
    try:
        stored = json.loads(path.read_text("utf-8"))
        settings, page = stored["settings"], stored["page"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ValueError(f"{path.name} is no settings file; expected JSON that this app saved") from None
    if not isinstance(settings, dict):
        raise ValueError(f"{path.name} is no settings file; its settings are no object")
    return settings, str(page)[:20], "Settings loaded."


def of_record(path: Path) -> tuple[dict[str, Any], str, str]:
    """The settings in a result's record, as the pages have them."""
    made = replay.read(path)
    if len(json.dumps(made)) > MOST_BYTES or not isinstance(made["settings"], dict):
        raise ValueError(f"{path.name} holds a record that is none of sonicdiff's")
    settings = {name: value for name, value in made["settings"].items() if value is not None}
    settings["seed"] = made["seed"]
    beta = settings.get("beta")
    if isinstance(beta, dict):
        whole = beta.get("*", 1.0)
        settings["beta"] = whole
        settings["layers"] = Weights.joined({name: weight / (whole or 1.0) for name, weight in beta.items() if name != "*"})
    if settings.get("prompts"):
        settings["prompt"] = settings["prompts"][0]
    if made["task"] == "music" and "seed_image" not in settings and made["sounds"]:
        settings["seed_image"] = "your sound"
    if settings.get("variation") == 0:
        del settings["variation"]  # the edit itself, of which there is one, however far others are
    for number, sound in list(enumerate(made["sounds"], 1))[1:3]:
        settings[f"weight_{number}"] = sound.get("weight", 1.0)
    if isinstance(settings.get("strength"), str):
        settings["strength"] = strength_of(settings["strength"])
    if made["task"] in ("edit", "generate", "strip"):
        settings |= {"count": 1, "frames": made.get("frames", 1), "reconstruct": bool(made.get("reconstruct"))}
    settings["way"] = {"riff": "riff", "edit-music": "edit"}.get(made["task"], "music")
    names = [entry.get("name") for entry in [*made["sounds"], made["photo"] or {}] if isinstance(entry, dict)]
    files = ", ".join(str(name)[:60] for name in names if name)
    return settings, TASKS.get(str(made["task"]), str(made["task"])[:20]), f"Settings loaded. It was made from {files or 'words alone'}."
