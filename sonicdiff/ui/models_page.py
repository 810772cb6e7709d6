"""The page of the models: which are here, which can be had, how much is kept in memory, and how long things take on this machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr
import torch

from sonicdiff.hub.registry import CHECKPOINTS, PARTS
from sonicdiff.pipelines import pulling
from sonicdiff.pipelines.common.device import Memory
from sonicdiff.pipelines.loading import LOADED, load_music, load_pictures
from sonicdiff.pipelines.riffusion.jam import Asked, Jam
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import SourceCache
from sonicdiff.pipelines.sonic_diffusion.second_stage import STEPS
from sonicdiff.ui.choosing import Menus
from sonicdiff.ui.compute import TICK, Tell
from sonicdiff.ui.widgets import COMPUTING, INSTANT, computed, explained, refused

MEMORY: dict[str, tuple[int, Memory]] = {  # how many models stay loaded, and how
    "Both models stay loaded": (2, "auto"),
    "Only the one in use stays loaded": (1, "auto"),
    "One part of it at a time on the device": (1, "low"),
    "One layer at a time (slow)": (1, "very-low"),
}
DECODER = "taesd"
FETCHED = [*(name for name, one in CHECKPOINTS.items() if not one.embedded), DECODER]
FEW = 4  # steps of a measurement


@dataclass(frozen=True)
class Measure:
    """How long the usual things take here, from a few steps of each. Tells pairs (what, seconds)."""

    pictures: str
    music: str
    photo: str
    sound: str
    jam: bool = True
    gpu_seconds: float = 30.0

    def __call__(self, tell: Tell) -> None:
        pipeline, options = load_pictures(self.pictures), {"num_inference_steps": FEW, "show_progress": False}
        clock = Stopwatch(tell)
        with nothing_inverted(pipeline):
            pipeline.edit(self.photo, self.sound, callback_on_step_end=clock, **options)
        inversion, edit = 50 * clock.each("inversion"), 50 * clock.each("edit") + STEPS * clock.each("super-resolution", 0.0)
        tell(("An edit, 50 steps", inversion + 50 * clock.each("features", 0.0) + edit))
        tell(("Another sound on the same photo", edit))
        clock = Stopwatch(tell)
        pipeline.generate(self.sound, callback_on_step_end=clock, **options)
        tell(("An image from a sound, 50 steps", 50 * clock.each("image 1 of 1") + STEPS * clock.each("super-resolution", 0.0)))
        player, began = load_music(self.music), time.perf_counter()
        clock = Stopwatch(tell)
        player.music("piano, 110 bpm", seconds=5, loop=False, callback_on_step_end=clock, **options)
        rest = time.perf_counter() - began - clock.each("clip 1 of 1") * FEW
        tell(("Five seconds of music, 30 steps", 30 * clock.each("clip 1 of 1") + rest))
        if not self.jam:
            return
        factor = Jam(player, Asked("piano, 110 bpm")).rehearse(callback=lambda *_: not tell.cancelled.is_set())
        tell(("A second of a jam", 1 / factor))


@contextmanager
def nothing_inverted(pipeline: Any) -> Iterator[None]:
    """A pipeline that has met no photo yet, so that an edit shows what the inversion takes."""
    met = pipeline.sources
    pipeline.sources = SourceCache(met.max_bytes, device=met.device)
    try:
        yield
    finally:
        pipeline.sources = met


class Stopwatch:
    """A callback_on_step_end that takes the time of each phase's steps."""

    def __init__(self, tell: Tell) -> None:
        self.tell, self.last = tell, time.perf_counter()
        self.steps: dict[str, list[float]] = {}

    def __call__(self, pipeline: Any, step: int, timestep: int, state: dict[str, Any]) -> bool:
        now = time.perf_counter()
        self.steps.setdefault(state["phase"], []).append(now - self.last)
        self.last = now
        return not self.tell.cancelled.is_set()

    def each(self, phase: str, default: float | None = None) -> float:
        """Seconds of one step of a phase: the quickest, since the first ones compile and wait."""
        return min(self.steps[phase]) if default is None or phase in self.steps else default


class Speeds:
    """What was measured here, for all visitors."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def line(self) -> str:
        """For the foot of the page."""
        if not self.seconds:
            return "How long things take here is measured on the page Models."
        first = next(iter(self.seconds.values()))
        return f"An edit takes about {first:.0f} s here; the page Models has more."

    def table(self) -> str:
        rows = [[what, f"{seconds:.2f} s"] for what, seconds in self.seconds.items() if not what.startswith("A second")]
        jam = self.seconds.get("A second of a jam")
        rows += [["A jam", f"{1 / jam:.1f} s of music a second"]] if jam else []
        return "\n".join(f"| {' | '.join(row)} |" for row in [["what", "how long"], ["---", "---"], *rows])


def listed() -> str:
    """The known models and the decoder for previews, a line each."""
    lines = []
    for name, one in {**CHECKPOINTS, DECODER: PARTS[DECODER]}.items():
        here = pulling.at_hand(name)
        size = sum(file.stat().st_size for file in here.rglob("*") if file.is_file()) / 1e6 if here else one.size_mb
        state = "here" if here else "to be fetched" if name in FETCHED else "missing"
        lines.append(f"- **{name}**: {one.description}. {size:.0f} MB, {one.licence}, **{state}**")
    return "\n".join(lines)


def machine() -> str:
    if torch.cuda.is_available():
        return f"It computes on {torch.cuda.get_device_name()}, with torch {torch.__version__}."
    return f"It computes on the processor, {torch.get_num_threads()} threads, with torch {torch.__version__}."


def models_page(menus: dict[str, Menus], speeds: Speeds, example: tuple[str, str], public: bool) -> gr.Markdown:
    """Gives the table of what was measured. public: visitors are strangers, who choose no more than a model."""
    gr.Markdown("### Models\nA model that is 'here' can be chosen below and on its pages; our cards are in `checkpoints/`.")
    known = gr.Markdown(listed())
    with gr.Row():
        chosen = [each.menu() for each in menus.values()]
        for menu in chosen:
            with gr.Column(min_width=240):
                menu.render()
    if not public:
        with gr.Row():
            with gr.Column(min_width=240):
                name = gr.Dropdown(FETCHED, value=FETCHED[0], label="Fetch from the Hugging Face Hub")
                fetch = gr.Button("Fetch", size="sm")
            with gr.Column(min_width=240):
                memory = gr.Radio(list(MEMORY), value=next(iter(MEMORY)), label="Memory")
        status = gr.Markdown(elem_classes="status", container=False)

        def here() -> list[Any]:
            return [listed(), *(update for each in menus.values() for update in each.updated())]

        every = [menu for each in menus.values() for menu in each.menus]
        fetched = fetch.click(fetching, name, status, api_visibility="private", show_progress="hidden")
        fetched.then(here, None, [known, *every], **INSTANT)
        memory.input(lambda choice: LOADED.keep(*MEMORY[choice]), memory, None, **INSTANT)
    gr.Markdown(f"### This machine\n{machine()}")
    times = gr.Markdown(speeds.table())
    measure = gr.Button("Measure again", size="sm")
    went = gr.Markdown(elem_classes="status", container=False)

    def measured(pictures: str, music: str) -> Any:
        yield gr.skip(), "Measuring."
        try:
            for told in computed(Measure(pictures, music, *example)):
                if isinstance(told, tuple):
                    speeds.seconds[told[0]] = told[1]
                yield speeds.table() if isinstance(told, tuple) else gr.skip(), gr.skip()
            yield gr.skip(), "Measured."
        except Exception as error:
            yield gr.skip(), refused(explained(error))

    measure.click(measured, chosen, [times, went], show_progress="hidden", api_visibility="private", **COMPUTING)
    return times


def fetching(name: str) -> Generator[str, None, None]:
    """Fetches a model and says how far it is."""
    if name not in FETCHED:
        yield refused(f"{str(name)[:40]!r} is nothing that can be fetched")
        return
    said, failed = [f"Fetching {name}."], []

    def tell(file: str, done: int, total: int) -> None:
        said.append(f"Fetching {name}: {file}, {done / 1e6:.0f} of {total / 1e6:.0f} MB.")
        del said[:-1]

    def work() -> None:
        try:
            pulling.pull(name, tell)
        except Exception as error:
            failed.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(TICK)
        yield said[-1]
    yield refused(f"It could not be fetched: {' '.join(str(failed[0]).split())}") if failed else f"{name} is here."
