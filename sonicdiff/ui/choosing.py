"""The menus of models, one on each page, which agree; and what a page offers for the model that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr

from sonicdiff.hub import model_directory
from sonicdiff.hub.registry import CHECKPOINTS
from sonicdiff.pipelines import pulling
from sonicdiff.ui.controls import Control
from sonicdiff.ui.widgets import INSTANT, App


@dataclass(frozen=True)
class Samples:
    """For a model of pictures: photos with sounds to edit them by, and words that Generate begins with. Files are in `examples/`."""

    pairs: tuple[tuple[str, str], ...]
    prompt: str = ""

    @property
    def sounds(self) -> list[str]:
        return list(dict.fromkeys(sound for _, sound in self.pairs))


PLACES = Samples(
    (
        ("valley", "sounds/splash"),
        ("brook", "sounds/campfire"),
        ("mountains", "sounds/thunder-near"),
        ("hilltop", "sounds/wind"),
        ("riverside", "sounds/wading"),
        ("palace", "sounds/fire"),
    ),
    "a forest path",
)
HITS = Samples((("palace", "made/glass"), ("rocket", "made/metal"), ("dandelions", "made/water")))
FACES = Samples((("valley", "made/happy"), ("hilltop", "made/angry"), ("palace", "made/surprised")))
SAMPLES = {"mini-hits": HITS, "greatest-hits": HITS, "mini-faces": FACES}
"""Of models that were not taught the sounds of places."""

PROMPTS = {"riffusion": "funky synth solo", "": "jazz piano, brushed drums, 110 bpm"}
KNOWN = {
    "riffusion": "`riffusion` was trained on many captions of music: genres, instruments, moods, scenes; try any words.",
    "": """`mini-music` knows these genres: ambient, blues, bossa nova, classical, folk, funk, house, jazz, lo-fi, reggae, rock; and these
instruments: piano, electric piano, organ, accordion, vibraphone, marimba, acoustic guitar, electric guitar, violin, cello, trumpet,
trombone, saxophone, clarinet, flute, synth. "With drums" and "without drums" it knows too, and moods such as dreamy, energetic, warm.""",
}
"""Of music models: words to begin with, and what a person is told that they know."""


def samples_of(model: str) -> Samples:
    return SAMPLES.get(Path(model).name, PLACES)


def of_music(table: dict[str, str], model: str) -> str:
    return table.get(Path(model).name, table[""])


def file_of(app: App, name: str) -> str:
    """The path of a sample: "valley" is a photo, "sounds/rain" a sound."""
    return str(app.examples / (f"{name}.ogg" if "/" in name else f"photos/{name}.jpg"))


def at_hand(music: bool) -> list[str]:
    """The models that are here, of one kind."""
    return [name for name, one in CHECKPOINTS.items() if (one.kind == "music") == music and pulling.at_hand(name)]


@dataclass
class Menus:
    """Menus of one kind of model, as many as there are pages for it. first: the model that the app was started with."""

    music: bool
    first: str
    menus: list[gr.Dropdown] = field(default_factory=list)

    def names(self) -> list[str]:
        return [self.first, *(name for name in at_hand(self.music) if name != self.first)]

    def menu(self) -> gr.Dropdown:
        """Another page's, which the page renders where it belongs."""
        label = "Model for music" if self.music else "Model for pictures"
        self.menus.append(gr.Dropdown(self.names(), value=self.first, label=label, render=False))
        return self.menus[-1]

    def agree(self) -> None:
        """What is chosen in one is chosen in all."""

        def same(model: str) -> list[str]:
            return [model] * (len(self.menus) - 1)

        for menu in self.menus:
            menu.input(same, menu, [each for each in self.menus if each is not menu], **INSTANT)

    def updated(self) -> list[Any]:
        """All of them with the models that are here by now."""
        return [gr.update(choices=self.names()) for _ in self.menus]


def has_second_stage(model: str) -> bool:
    """Whether a model here has a second stage, whose settings a page then shows."""
    place = Path(model) if (Path(model) / "model_index.json").is_file() else pulling.at_hand(model) if model in CHECKPOINTS else None
    return place is not None and (model_directory.index_of(place).get("super_resolution") or [None])[0] is not None


def suited(model: str, controls: Sequence[Control], names: Sequence[str]) -> dict[str, Any]:
    """Those settings of `names` that suit a model: its own, else the page's."""
    own = CHECKPOINTS[model].defaults if model in CHECKPOINTS else {}
    return {control.name: own.get(control.name, getattr(control, "default", None)) for control in controls if control.name in names}


OWN = sorted({name for checkpoint in CHECKPOINTS.values() for name in checkpoint.defaults})
"""Settings that some model has a default of its own for."""


def samples(app: App, sound: Any, photo: Any = None) -> dict[Samples, Any]:
    """A table of samples for each kind of model, of which those of the chosen one are seen."""
    groups: dict[Samples, Any] = {}
    for each in dict.fromkeys([PLACES, *SAMPLES.values()]):
        with gr.Column(visible=each == samples_of(app.models["pictures"].first)) as groups[each]:
            rows = [[file_of(app, name) for name in pair] for pair in each.pairs] if photo else [[file_of(app, one)] for one in each.sounds]
            gr.Examples(rows, [photo, sound] if photo else [sound], label="Examples", examples_per_page=6, api_visibility="private")
    return groups


def changes_with_model(app: App, model: Any, sound: Any, groups: dict[Samples, Any], second_stage: Any, controls: Sequence[Control],
                       shown: dict[str, Any], keeps_words: bool) -> None:  # fmt: skip
    """A page of pictures for the model that is chosen: its samples, words and defaults. A person's own sound and words stay.

    groups: of samples. second_stage: what is hidden where the model has none. keeps_words: the page begins with none.
    """
    every = list(groups)
    known = {Path(file_of(app, name)).name for each in every for name in each.sounds}
    own, prompt = [name for name in OWN if name in shown], shown["prompt"]

    def change(name: str, sound_file: str | None, words: str) -> Any:
        chosen = samples_of(name)
        mine = {Path(file_of(app, each)).name for each in chosen.sounds}
        foreign = sound_file is None or (Path(sound_file).name in known - mine)
        values = suited(name, controls, own)
        return [
            file_of(app, chosen.sounds[0]) if foreign else gr.skip(),
            gr.skip() if keeps_words or words not in {each.prompt for each in every} else chosen.prompt,
            gr.update(visible=has_second_stage(name)),
            *(gr.update(visible=each == chosen) for each in every),
            *(values[each] for each in own),
        ]

    outputs = [sound, prompt, second_stage, *groups.values(), *(shown[name] for name in own)]
    model.change(change, [model, sound, prompt], outputs, **INSTANT)
