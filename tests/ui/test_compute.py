"""The thread that computes: one task at a time, told of step by step, stopped at the next step; and what is seen of a run meanwhile."""

from __future__ import annotations

import io
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from waiting import PATIENCE, until

from sonicdiff.diffusion import ddim
from sonicdiff.pipelines.riffusion.jam import Jam
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.ui import compute, jamming, ongoing, previews
from sonicdiff.ui.compute import Step, Tell, Waiting, perform
from sonicdiff.ui.ongoing import Ongoing
from sonicdiff.ui.session import Sessions
from sonicdiff.ui.tasks import Edit, Made


@dataclass
class Work:
    """A task that waits for its events, so that a test says when what happens."""

    log: list[str]
    name: str = "a"
    go: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None
    gpu_seconds: float = 1.0

    def __call__(self, tell: Tell) -> None:
        self.log.append(f"{self.name} begins")
        tell("begun")
        self.go.wait(PATIENCE)
        try:
            tell.check()
            if self.error:
                raise self.error
            tell("done")
        finally:
            self.log.append(f"{self.name} ends")


def first(updates: Any) -> Any:
    return next(update for update in updates if update is not None)


def test_one_task_at_a_time_in_the_order_they_came() -> None:
    log: list[str] = []
    a, b = Work(log, "a"), Work(log, "b")
    updates_a, updates_b = perform(a), perform(b)
    assert first(updates_a) == "begun" and next(updates_b) is None  # b waits, and says so
    a.go.set()
    b.go.set()
    assert [update for update in updates_a if update] == ["done"] and [update for update in updates_b if update] == ["begun", "done"]
    assert log == ["a begins", "a ends", "b begins", "b ends"]


def test_closing_stops_the_task_and_lets_the_next_one_in() -> None:
    log: list[str] = []
    a, b = Work(log, "a"), Work(log, "b")
    never, updates = Work(log, "never"), perform(a)
    assert first(updates) == "begun"
    waiting = perform(never)
    assert next(waiting) is None
    waiting.close()
    updates.close()
    a.go.set()
    b.go.set()
    assert [update for update in perform(b) if isinstance(update, str)] == ["begun", "done"]
    assert log == ["a begins", "a ends", "b begins", "b ends"]


def test_what_waits_says_how_many_come_first() -> None:
    tasks = [Work([], name) for name in "abc"]
    running, *others = [perform(task) for task in tasks]
    assert first(running) == "begun"
    assert [next(each) for each in others] == [None, None] and [next(each) for each in others] == [Waiting(1), Waiting(2)]
    for task in tasks:
        task.go.set()
    assert [update for update in others[1] if isinstance(update, str)] == ["begun", "done"]
    assert list(running)[-1] == "done" and list(others[0])[-1] == "done"


def test_a_run_goes_on_while_its_page_is_loaded_again_and_ends_when_nobody_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    task, kept = Work([]), list[Any]()
    run = Ongoing(perform, task, keep=kept.append)
    page = run.follow()
    assert first(page) == "begun"
    page.close()  # and the page is loaded again
    again = run.follow()
    assert first(again) == "begun"
    task.go.set()
    assert [told for told in again if told] == ["done"] and [told for told in run.follow() if told] == ["begun", "done"]
    assert kept == ["begun", "done"] and not run.stopped.is_set()
    monkeypatch.setattr(ongoing, "AWAY", 0.0)
    left = Work([])
    run = Ongoing(perform, left)
    until(run.stopped.is_set)
    left.go.set()
    assert list(run.follow())[-1:] in ([], [None], ["begun"])


def test_an_error_is_the_callers_and_the_thread_goes_on() -> None:
    broken = Work([], error=ValueError("no"))
    broken.go.set()
    with pytest.raises(ValueError, match="no"):
        list(perform(broken))
    assert compute.in_turn(lambda: 7) == 7


def test_progress_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(np.arange(0, 100, 0.5))
    monkeypatch.setattr(compute, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    sent: list[Step] = []
    tell = Tell(sent.append, threading.Event(), preview=lambda *_: None)
    tell.begin(1, 3, 10)
    for step in range(10):
        assert tell.on_step(None, step, 0, {"total": 10, "phase": "image 1 of 1", "latents": None})
    assert (sent[-1].done, sent[-1].total, sent[-1].part, sent[-1].parts) == (10, 10, 1, 3)
    assert sent[0].left is None and sent[-1].left == pytest.approx(20 * 0.5)  # two more pictures of ten steps, half a second each
    tell.cancelled.set()
    assert tell.on_step(None, 10, 0, {"total": 10, "phase": "", "latents": None}) is False


def test_a_preview_sees_the_picture_under_the_noise(tiny: SonicDiffusionPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = ddim.make_schedule(tiny.scheduler.alphas_cumprod, 10)
    clean, noise = torch.randn(2, 1, tiny.unet.config.in_channels, 8, 8, generator=torch.Generator().manual_seed(0))
    found: list[torch.Tensor] = []
    monkeypatch.setattr(previews, "preview", lambda pipeline, latents: found.append(latents) or Image.new("RGB", (8, 8)))
    preview = previews.Preview()
    ddim.sample(
        lambda x, t: noise, ddim.add_noise(clean, noise, schedule.alphas[0]), schedule,
        lambda step, t, x: preview(tiny, t, {"latents": x, "phase": "edit"}, True) is not False,
    )  # fmt: skip
    assert len(found) == 9 and all(torch.allclose(each, clean, atol=2e-3) for each in found[:-1])
    assert preview(tiny, 900, {"latents": clean, "phase": "inversion"}, True) is None


def test_an_edit_shows_its_previews_and_keeps_its_results(tiny_directory: Path, photo: Path, sound: Path, tmp_path: Path) -> None:
    settings = {control.name: control.checked(getattr(control, "default", None)) for control in tasks_controls()}
    task = Edit(str(tiny_directory), ((str(sound), 1.0),), {**settings, "num_inference_steps": 5, "count": 3}, tmp_path, photo=str(photo))
    task = pickle.loads(pickle.dumps(task))  # noqa: S301  as on its way to another process
    told = [update for update in perform(task) if update is not None]
    made = [update for update in told if isinstance(update, Made)]
    assert [each.seed is None for each in made] == [True, False, False] and made[2].seed == (made[1].seed or 0) + 1
    assert len({Path(each.path).read_bytes() for each in made}) == 3 and Path(made[0].path).name == "coast-hiss.png"
    steps = [update for update in told if isinstance(update, Step)]
    assert {(step.part, step.parts) for step in steps} <= {(1, 3), (2, 3), (3, 3)} and steps
    for step in steps:
        if step.preview:
            Image.open(io.BytesIO(step.preview)).load()
    silent = replace(task, keep_record=False, settings={**task.settings, "count": 1})
    (path,) = [update.path for update in perform(silent) if isinstance(update, Made)]
    with Image.open(path) as image:
        assert image.info == {}


def tasks_controls() -> Any:
    from sonicdiff.ui import controls

    return controls.EDIT


def test_a_jam_goes_on_in_another_process(tiny_music: MusicPipeline, tiny_music_directory: Path) -> None:
    settings = {"prompt": "jazz, 120 bpm", "negative_prompt": "", "strength": 0.9, "seed": 3, "bpm": None, "bars": 1, "walk": 2}
    settings["num_inference_steps"] = 2
    here, there = (jamming.jam_of(str(tiny_music_directory), settings) for _ in range(2))
    for number in range(3):
        if number == 1:
            here.steer(prompt="rock, 120 bpm")
            there.steer(prompt="rock, 120 bpm")
        task = pickle.loads(pickle.dumps(jamming.NextClip(str(tiny_music_directory), settings, there.asked, there.state)))  # noqa: S301
        stretch, state = pickle.loads(pickle.dumps(jamming.next_clip(task)))  # noqa: S301
        there.go_on_from(state)
        assert np.array_equal(stretch.samples, here.next_clip().samples), number
    assert isinstance(there, Jam)


def test_a_recording_holds_what_was_played(tmp_path: Path, tiny_music_directory: Path) -> None:
    from sonicdiff.audio import waveform

    session = Sessions(tmp_path).of(None)
    settings = {
        "prompt": "x",
        "negative_prompt": "",
        "strength": 0.9,
        "seed": 3,
        "bpm": 120,
        "bars": 1,
        "walk": 2,
        "num_inference_steps": 1,
    }
    record = jamming.begin(session, jamming.jam_of(str(tiny_music_directory), settings), settings)
    tone = waveform.Waveform(np.sin(np.arange(22_050, dtype=np.float32) / 20)[None] / 2, 44_100)
    assert sum(part.seconds for part in jamming.parts(tone)) == pytest.approx(0.5)
    record.add(tone)
    path = record.finish()
    record.add(tone)  # too late
    assert path is not None and path == record.finish()
    heard = waveform.load(path)
    assert heard.samples.shape == (1, 22_050) and np.abs(heard.samples - tone.samples).max() < 2**-14
    session.close()
    assert not session.folder.exists()


LENT = """
import pickle, sys, types
asked = []
def GPU(duration):
    def decorate(work):
        def lent(task):
            asked.append(duration(task))
            yield from (pickle.loads(pickle.dumps(told)) for told in work(pickle.loads(pickle.dumps(task))))
        return lent
    return decorate
sys.modules["spaces"] = types.SimpleNamespace(GPU=GPU)
from pathlib import Path
from sonicdiff.ui import controls
from sonicdiff.ui.tasks import Generate, Made
from sonicdiff.ui.widgets import computed
settings = {control.name: control.checked(getattr(control, "default", None)) for control in controls.GENERATE}
model, folder = sys.argv[1:]
told = list(computed(Generate(model, (), {**settings, "num_inference_steps": 5, "count": 2}, Path(folder))))
made = [each for each in told if isinstance(each, Made)]
assert len(made) == 2 and all(Path(each.path).is_file() for each in made)
assert len(asked) == 1 and isinstance(asked[0], int) and 1 <= asked[0] <= 60, asked
"""


def test_where_gpus_are_lent_a_task_asks_for_one_and_says_for_how_long(tiny_directory: Path, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", LENT, str(tiny_directory), str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
