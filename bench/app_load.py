"""The app under load, over HTTP: many users at once, cancels and lost connections, hostile requests, memory over thousands of requests.

`python -m bench.app_load [--part users|cancels|hostile|soak|all] [--model mini] [--music mini-music]`; soak takes the tests' tiny models
unless told others. The app runs in a process of its own, which this module starts (`--serve`) and in which the tasks' own `__call__` is
bracketed: every task writes when it began and ended to computing, by the system's monotonic clock, whatever thread it is in and whatever
the queue believes. What is computed at once, and when a slot is free, is read from there.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))  # the visitor, the hostile requests and the tiny models are shared with the tests
from hostile import everything, judged  # noqa: E402
from visitor import Visitor, trap  # noqa: E402

PHOTO, SOUND = ROOT / "examples/photos/valley.jpg", ROOT / "examples/sounds/splash.ogg"
STEPS = {"num_inference_steps": 5}


@dataclass(frozen=True)
class App:
    """The app in its process, and its journal of tasks."""

    address: str
    process: int
    journal: Path

    def tasks(self) -> list[tuple[float, float]]:
        """(began, ended) of every task so far; infinity while it lasts."""
        spans: dict[str, list[float]] = {}
        for line in self.journal.read_text().splitlines():
            task, when = line.split()
            spans.setdefault(task, []).append(float(when))
        return [(span[0], span[1] if len(span) > 1 else float("inf")) for span in spans.values()]

    def idle(self) -> bool:
        return all(ended < float("inf") for _, ended in self.tasks())

    def memory(self) -> int:
        """KB that the process holds."""
        return int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{self.process}/status").read_text())[1])  # type: ignore[index]

    def handles(self) -> tuple[int, int]:
        """Its threads, and its open files and connections."""
        return len(list(Path(f"/proc/{self.process}/task").iterdir())), len(list(Path(f"/proc/{self.process}/fd").iterdir()))


def serve(port: int, pictures: str, music: str, journal: Path) -> None:
    """The app, whose tasks keep a journal."""
    from sonicdiff.ui import serving, tasks

    lock = threading.Lock()

    def note(task: int) -> None:
        with lock, journal.open("a") as file:
            file.write(f"{task} {time.monotonic():.6f}\n")

    def bracketed(original: Callable[..., None], numbers: Iterator[int]) -> Callable[..., None]:
        def call(task: Any, tell: Any) -> None:
            number = next(numbers)
            note(number)
            try:
                original(task, tell)
            finally:
                note(number)

        return call

    numbers = iter(range(10**9))
    for kind in (tasks.Edit, tasks.Generate, tasks.Strip, tasks.Music, tasks.Listen):
        kind.__call__ = bracketed(kind.__call__, numbers)  # type: ignore[method-assign]
    journal.touch()
    serving.start(port=port, pictures=pictures, music=music, measure=False).wait()


@contextmanager
def served(pictures: str, music: str) -> Iterator[App]:
    with socket.socket() as free, tempfile.TemporaryDirectory() as folder:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        journal = Path(folder) / "tasks"
        command = [
            sys.executable,
            "-m",
            "bench.app_load",
            "--serve",
            str(port),
            "--model",
            pictures,
            "--music",
            music,
            "--journal",
            journal,
        ]
        with (Path(folder) / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env={**os.environ, "GRADIO_ANALYTICS_ENABLED": "False"})
        try:
            wait_for(lambda: answers(f"http://127.0.0.1:{port}"), 120)
            yield App(f"http://127.0.0.1:{port}", process.pid, journal)
        finally:
            process.terminate()
            process.wait(30)


def answers(address: str) -> bool:
    try:
        with Visitor(address, 5) as visitor:
            return visitor.http.get("/config").status_code == 200
    except httpx.HTTPError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"nothing happened for {seconds} s")
        time.sleep(0.02)


def at_once(spans: Sequence[tuple[float, float]]) -> int:
    """The most spans that share a moment."""
    changes = sorted((when, step) for began, ended in spans for when, step in ((began, 1), (ended, -1)))
    return max(np.cumsum([step for _, step in changes]), default=0)


def arguments(visitor: Visitor, number: int) -> tuple[str, dict[str, Any]]:
    """A user's own request: endpoints in turn, with a seed and words that nobody else has."""
    endpoint = ("edit", "generate", "music")[number % 3]
    given: dict[str, Any] = {"prompt": f"user {number}", "seed": number, **STEPS}
    if endpoint == "edit":
        given |= {"photo": visitor.upload_file(PHOTO), "sound": visitor.upload_file(SOUND)}
    elif endpoint == "generate":
        given |= {"sound": visitor.upload_file(SOUND)}
    else:
        given |= {"seconds": 2}
    return endpoint, given


def asked(app: App, number: int, refused: list[str]) -> bytes:
    """A user's result; who is refused asks again a little later."""
    with Visitor(app.address, 600) as visitor:
        endpoint, given = arguments(visitor, number)
        while True:
            try:
                answer = visitor.ask(endpoint, **given)
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 503:
                    raise
                refused.append(error.response.text)
                time.sleep(0.5)
                continue
            if not answer["success"]:
                raise RuntimeError(f"user {number}: {answer['output']}")
            return visitor.fetched(answer)[0]


def own(content: bytes, number: int, folder: Path) -> bool:
    """Whether a result's record says that it is this user's."""
    from sonicdiff.pipelines import replay

    path = folder / f"{number}{'.wav' if number % 3 == 2 else '.png'}"
    path.write_bytes(content)
    record = replay.read(path)
    return record["seed"] == number and record["settings"]["prompt"] == f"user {number}"


def users(app: App, count: int = 20) -> dict[str, Any]:
    """Users who all ask at once; then each request once more, alone: its bytes must be the same."""
    refused: list[str] = []
    for number in range(3):
        asked(app, number, refused)  # the models are loaded
    before, began = len(app.tasks()), time.monotonic()
    with ThreadPoolExecutor(count) as pool:
        results = list(pool.map(lambda number: asked(app, number, refused), range(count)))
    seconds, spans = time.monotonic() - began, app.tasks()[before:]
    with tempfile.TemporaryDirectory() as folder:
        mine = sum(own(content, number, Path(folder)) for number, content in enumerate(results))
    alone = [asked(app, number, []) for number in range(count)]
    return {
        "users": count, "answers": len(results), "their own": mine, "the same bytes when alone": sum(map(bytes.__eq__, results, alone)),
        "computed at once, at most": int(at_once(spans)), "refused with 503": len(refused), "said": sorted(set(refused)),
        "seconds": round(seconds, 1),
    }  # fmt: skip


def cancels(app: App, count: int = 50) -> dict[str, Any]:
    """Runs that are cancelled, and connections that are dropped, at random moments: seconds until nothing computes.

    A minute of music is the longest step there is: what else computes on the machine lengthens it, so its load is in the figures too.
    """
    chance = random.Random(0)
    for number in range(3):
        asked(app, number, [])  # the models are loaded
    figures: dict[str, Any] = {}
    for way in ("cancelled", "dropped"):
        free, following = [], []
        for number in range(count):
            free.append(given_up(app, number, way, chance.uniform(0, 2.5)))
            began = time.monotonic()
            with Visitor(app.address) as next_one:
                next_one.start("generate", prompt="next", **STEPS)
                known = len(app.tasks())
                wait_for(lambda known=known: len(app.tasks()) > known or not app.idle(), 30)
                following.append(time.monotonic() - began)
                next_one.until("process_completed")
        figures[way] = {
            "n": count, "free after s, median": round(float(np.median(free)), 2), "most": round(max(free), 2),
            "over 2 s": sum(each > 2 for each in free), "next began after s, median": round(float(np.median(following)), 2),
            "next, most": round(max(following), 2),
        }  # fmt: skip
    return {**figures, "computed at once, at most": int(at_once(app.tasks())), "the machine's load": round(os.getloadavg()[1], 1)}


def given_up(app: App, number: int, way: str, after: float) -> float:
    """Seconds from giving up a run that computes to its end."""
    with Visitor(app.address) as visitor:
        endpoint, given = arguments(visitor, number)
        before = len(app.tasks())
        function, run = visitor.start(endpoint, **given | {"num_inference_steps": 100} | ({"seconds": 60} if endpoint == "music" else {}))
        stream = visitor.messages()
        next(stream)
        wait_for(lambda: len(app.tasks()) > before, 30)
        time.sleep(after)
        gone = time.monotonic()
        if way == "cancelled":
            visitor.cancel(function, run)
        else:
            stream.close()  # and with it the connection
    wait_for(app.idle, 60)
    return max(0.0, app.tasks()[-1][1] - gone)


def hostile(app: App) -> dict[str, Any]:
    """The tests' hostile requests: how many were refused, got a file, or found no server any more."""
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    with trap() as (port, came), Visitor(app.address) as visitor:
        attacks = everything(port, visitor)
        for attack in attacks:
            began = time.monotonic()
            with Visitor(app.address) as each:
                verdict = judged(attack.go(each))
            count = table[attack.kind]
            count["requests"] += 1
            count["refused"] += verdict.refused
            count["harmless"] += attack.harmless and not verdict.refused and not verdict.leaked
            count["leaked"] += verdict.leaked
            count["slower than 2 s"] += time.monotonic() - began > 2
            count["crashed"] += not answers(app.address)
    columns = ("requests", "refused", "harmless", "leaked", "slower than 2 s", "crashed")
    print(f"{'kind':20}", *(f"{column:>16}" for column in columns))
    total: collections.Counter[str] = collections.Counter()
    for kind, count in table.items():
        total.update(count)
        print(f"{kind:20}", *(f"{count[column]:16}" for column in columns))
    return {**{column: total[column] for column in columns}, "connections made for visitors": len(came)}


def soak(app: App, count: int = 2000, every: int = 50) -> dict[str, Any]:
    """Runs with uploads and without, results fetched, refusals, runs given up: the memory after each `every`."""
    points = []
    handles = (0, 0)
    for number in range(count + 1):
        if number % every == 0:
            wait_for(app.idle, 60)
            points.append((number, app.memory()))
            print(f"{number} requests: {points[-1][1] / 1024:.1f} MB", flush=True)
        if number == count // 10:
            handles = app.handles()
        passing(app, number)
    second = np.array(points[len(points) // 2 :], float)
    slope = np.polyfit(second[:, 0], second[:, 1] * 1024, 1)[0]
    return {
        "requests": count, "bytes a request, last half": round(float(slope)), "MB at first": points[0][1] // 1024,
        "MB after a tenth": points[len(points) // 10][1] // 1024, "MB at last": points[-1][1] // 1024,
        "threads and files after a tenth": handles, "at last": app.handles(),
    }  # fmt: skip


def passing(app: App, number: int) -> None:
    """One request of a long day: of eight, five give a result, one is refused, one is cancelled, one lost."""
    with Visitor(app.address) as visitor:
        if number % 8 < 5:
            endpoint, given = arguments(visitor, number)
            visitor.fetched(visitor.ask(endpoint, **given))
        elif number % 8 == 5:
            visitor.ask("generate", prompt="", sound=None)
        else:
            function, run = visitor.start("generate", prompt="given up", num_inference_steps=50)
            next(visitor.messages())
            if number % 8 == 6:
                visitor.cancel(function, run)


@contextmanager
def tiny_models() -> Iterator[tuple[str, str]]:
    """The tests' random models, as directories."""
    from tiny import make_music_pipeline, make_pipeline

    with tempfile.TemporaryDirectory() as folder:
        paths = Path(folder) / "tiny", Path(folder) / "tiny-music"
        make_pipeline(Path(folder) / "words").save_pretrained(paths[0])
        make_music_pipeline(Path(folder) / "words").save_pretrained(paths[1])
        yield str(paths[0]), str(paths[1])


PARTS: dict[str, Callable[[App], dict[str, Any]]] = {"users": users, "cancels": cancels, "hostile": hostile, "soak": soak}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=[*PARTS, "all"], default="all")
    parser.add_argument("--model", help="for pictures: a name or a directory (mini; for soak the tests' tiny one)")
    parser.add_argument("--music", help="for music (mini-music; for soak the tests' tiny one)")
    parser.add_argument("--serve", type=int, metavar="PORT", help=argparse.SUPPRESS)
    parser.add_argument("--journal", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.serve:
        serve(given.serve, given.model, given.music, given.journal)
        return
    for name, part in PARTS.items():
        if given.part not in (name, "all"):
            continue
        with tiny_models() as tiny:
            models = tiny if name == "soak" else ("mini", "mini-music")
            with served(given.model or models[0], given.music or models[1]) as app:
                print(name, json.dumps(part(app), indent=1), flush=True)


if __name__ == "__main__":
    main()
