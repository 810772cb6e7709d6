"""The app as the network sees it: the real server with tiny models, its endpoints, its queue, and those who mean no good."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import soundfile
from gradio_client import Client, handle_file
from hostile import Attack, everything, judged, long_sound
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from visitor import API, Visitor, trap
from waiting import PATIENCE, until

from sonicdiff.audio.waveform import DEFAULT_SECONDS
from sonicdiff.pipelines import replay
from sonicdiff.ui import compute, guard, serving, session, tasks

KINDS = (tasks.Edit, tasks.Generate, tasks.Music)
STEPS: dict[str, Any] = {"num_inference_steps": 5}


class Work:
    """What computes, seen from inside the tasks themselves: how many at once, at most how many, and how many steps all made.

    A task whose prompt is "endless" is done again and again until it is stopped: no machine is so fast, or test so slow, that it ends.
    """

    def __init__(self) -> None:
        self.lock, self.now, self.most, self.begun, self.steps = threading.Lock(), 0, 0, 0, 0

    def watched(self, original: Callable[..., None]) -> Callable[..., None]:
        def call(task: Any, tell: Any) -> None:
            with self.lock:
                self.now, self.begun = self.now + 1, self.begun + 1
                self.most = max(self.most, self.now)
            on_step = tell.on_step
            tell.on_step = lambda *told: self.step() or on_step(*told)
            try:
                original(task, tell)
                while task.settings["prompt"] == "endless":
                    original(task, tell)
            finally:
                with self.lock:
                    self.now -= 1

        return call

    def step(self) -> None:
        self.steps += 1

    def goes_on(self) -> bool:
        """Whether so many more steps are made that a stop would have come in between."""
        enough = self.steps + 60
        return until(lambda: self.steps >= enough or not self.now) and bool(self.now)

    def begins(self) -> bool:
        return until(lambda: self.now == 1)

    def ends(self) -> bool:
        return until(lambda: self.now == 0)


@pytest.fixture(scope="module")
def work() -> Iterator[Work]:
    work = Work()
    with pytest.MonkeyPatch.context() as patch:
        for kind in KINDS:
            patch.setattr(kind, "__call__", work.watched(kind.__call__))
        yield work


@pytest.fixture(scope="module")
def served(tiny_directory: Path, tiny_music_directory: Path, work: Work) -> Iterator[serving.Served]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = serving.start(port=port, pictures=str(tiny_directory), music=str(tiny_music_directory), measure=False)
    yield served
    served.close()


@pytest.fixture(scope="module")
def address(served: serving.Served) -> str:
    return served.address


@pytest.fixture
def visitor(address: str) -> Iterator[Visitor]:
    with Visitor(address) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def trapped() -> Iterator[tuple[int, list[Any]]]:
    with trap() as (port, came):
        yield port, came


def test_programs_are_answered_with_files_that_say_how_they_were_made(address: str, photo: Path, sound: Path, tmp_path: Path) -> None:
    client = Client(address, verbose=False, download_files=str(tmp_path), httpx_kwargs={"timeout": PATIENCE})
    given: dict[str, dict[str, Any]] = {
        "edit": {"photo": handle_file(str(photo)), "sound": handle_file(str(sound)), "structure": 0.3, **STEPS},
        "generate": {"sound": handle_file(str(sound)), "prompt": "rain", "guidance_scale": 2.5, **STEPS},
        "music": {"prompt": "jazz", "seconds": 2, "bpm": 120, "seed_image": "none", "ending": "wav", **STEPS},
    }
    for task, arguments in given.items():
        (first, seed), (again, same) = (client.predict(**arguments, seed=7, api_name=f"/{task}") for _ in range(2))
        record = replay.read(Path(first))
        assert (record["task"], record["seed"], seed, same) == (task, 7, 7, 7)
        assert Path(first).read_bytes() == Path(again).read_bytes()
        assert Path(first).suffix == (".wav" if task == "music" else ".png")
        assert str(tmp_path) not in Path(first).read_bytes().decode("latin1")
    other, drawn = client.predict(**given["generate"], api_name="/generate")
    assert replay.read(Path(other))["seed"] == drawn
    assert client.predict(**given["edit"], api_name="/edit")[1] is None  # the edit itself has no seed
    client.close()


def test_a_program_that_names_only_what_it_must_gets_a_result_of_just_that(address: str, sound: Path, tmp_path: Path) -> None:
    client = Client(address, verbose=False, download_files=str(tmp_path), httpx_kwargs={"timeout": PATIENCE})
    path, _ = client.predict(handle_file(str(sound)), num_inference_steps=5, api_name="/generate")
    settings = replay.read(Path(path))["settings"]
    assert not settings.get("prompt") and settings["guidance_scale"] == 5
    client.predict(prompt="rain", num_inference_steps=5, api_name="/generate")
    client.close()


def test_every_parameter_is_described(address: str, photo: Path, sound: Path, tmp_path: Path) -> None:
    """To programs that ask what an endpoint takes; and three sounds are mixed."""
    client = Client(address, verbose=False, download_files=str(tmp_path), httpx_kwargs={"timeout": PATIENCE})
    told: Any = client.view_api(return_format="dict", print_info=False)
    endpoints = told["named_endpoints"]
    assert {"/edit", "/generate", "/music"} <= endpoints.keys()
    for name in ("/edit", "/generate", "/music"):
        for parameter in endpoints[name]["parameters"]:
            assert parameter["label"] and parameter["label"] != parameter["parameter_name"], parameter
    file = handle_file(str(sound))
    mixed, _ = client.predict(
        photo=handle_file(str(photo)), sound=file, second_sound=file, third_sound=file, weight_3=0.2, **STEPS, api_name="/edit"
    )
    assert [one["weight"] for one in replay.read(Path(mixed))["sounds"]] == [1.0, 0.5, 0.2]
    client.close()


def test_programs_reach_strips_riffs_and_models(address: str, sound: Path, tmp_path: Path) -> None:
    client = Client(address, verbose=False, download_files=str(tmp_path), httpx_kwargs={"timeout": PATIENCE})
    file = handle_file(str(sound))
    strip, _ = client.predict(sound=file, second_sound=file, frames=2, seed=3, **STEPS, api_name="/generate")
    assert replay.read(Path(strip))["task"] == "strip"
    riff, _ = client.predict(prompt="jazz", sound=file, way="riff", seed=3, **STEPS, api_name="/music")
    assert replay.read(Path(riff))["task"] == "riff"
    with pytest.raises(Exception, match="expected one of"):
        client.predict(prompt="rain", model="../elsewhere", **STEPS, api_name="/generate")
    client.close()


def test_eight_at_once_are_computed_one_by_one_and_each_gets_its_own(address: str, photo: Path, work: Work, tmp_path: Path) -> None:
    work.most = 0

    def one(seed: int) -> tuple[int, int | None, str, str]:
        prompt = f"visitor {seed}"
        endpoint = ("edit", "generate", "music")[seed % 3]
        with Visitor(address) as visitor:
            more: dict[str, Any] = {"photo": visitor.upload_file(photo)} if endpoint == "edit" else {}
            more |= {"seconds": 1} if endpoint == "music" else {}
            content, said = visitor.fetched(visitor.ask(endpoint, prompt=prompt, seed=seed, **more, **STEPS))
        path = tmp_path / f"{seed}.{'wav' if endpoint == 'music' else 'png'}"
        path.write_bytes(content)
        record = replay.read(path)
        return record["seed"], said, record["task"], record["settings"]["prompt"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(1, 9)))
    assert answers == [(seed, seed, ("edit", "generate", "music")[seed % 3], f"visitor {seed}") for seed in range(1, 9)]
    assert work.most == 1


def long_run(visitor: Visitor) -> tuple[int, str]:
    return visitor.start("music", prompt="endless", seconds=5, num_inference_steps=100)


def test_the_slot_is_free_after_a_cancel(visitor: Visitor, work: Work) -> None:
    function, run = long_run(visitor)
    assert visitor.until("process_generating")["success"] and work.begins()
    visitor.cancel(function, run)
    assert work.ends()


def test_a_run_that_is_cancelled_as_it_begins_is_not_lost(visitor: Visitor, work: Work) -> None:
    function, run = long_run(visitor)
    listening = visitor.messages()  # and it goes on listening
    assert next(listening) and work.begins()
    visitor.cancel(function, run)
    assert work.ends()


def test_the_slot_is_free_after_a_connection_is_dropped(address: str, work: Work) -> None:
    with Visitor(address) as gone:
        long_run(gone)
        gone.until("process_generating")
        assert work.begins()
    assert work.ends()


def test_a_cancel_stops_nobody_else(visitor: Visitor, address: str, work: Work) -> None:
    function, run = long_run(visitor)
    assert work.begins()
    with Visitor(address) as other:
        for _ in range(20):
            with pytest.raises(httpx.HTTPStatusError, match="403"):
                other.cancel(function, run)
        waiting, theirs = long_run(other)
        other.cancel(waiting, theirs)
        assert work.goes_on()
    visitor.cancel(function, run)
    assert work.ends()


def test_a_full_queue_says_so(address: str, work: Work) -> None:
    before, stay = work.begun, Visitor(address)
    function, _ = long_run(stay)
    assert work.begins()
    data = list((stay.parameters("generate") | {"prompt": "rain"} | STEPS).values())
    crowd = [Visitor(address) for _ in range(serving.WAITING + 3)]
    joined = [each.join(function=stay.functions()["generate"], data=data) for each in crowd]
    assert [answer.status_code for answer in joined] == [200] * serving.WAITING + [503] * 3
    assert "Queue is full" in joined[-1].text
    for each, answer in zip(crowd, joined, strict=True):
        if answer.status_code == 200:
            each.cancel(stay.functions()["generate"], answer.json()["event_id"])
    stay.cancel(function, "")
    assert work.ends()
    assert stay.ask("generate", prompt="rain", **STEPS)["success"] and work.begun == before + 2


def test_nothing_goes_round_the_queue(visitor: Visitor) -> None:
    for endpoint in ("edit", "generate", "music"):
        for route in ("run", "api"):
            body = {"data": list(visitor.parameters(endpoint).values())}
            assert visitor.post(f"/{route}/{endpoint}", body).status_code == 404
            assert visitor.post(f"/{route}/x", {**body, "fn_index": visitor.functions()[endpoint]}).status_code == 404


def test_every_attack_is_refused_and_the_app_goes_on(address: str, trapped: tuple[int, list[Any]]) -> None:
    port, came = trapped
    with Visitor(address) as visitor:
        attacks = everything(port, visitor)
    assert len(attacks) > 200
    with ThreadPoolExecutor(4) as pool:  # fewer than wait in the queue
        found = list(pool.map(lambda attack: (attack, attempt(attack, address)), attacks))
    wrong = [(attack.kind, attack.name, verdict) for attack, verdict in found if verdict.leaked or not (verdict.refused or attack.harmless)]
    assert wrong == [] and came == []
    with Visitor(address) as visitor:
        assert visitor.ask("generate", prompt="rain", **STEPS)["success"]


def attempt(attack: Attack, address: str) -> Any:
    with Visitor(address) as visitor:
        return judged(attack.go(visitor))


@pytest.mark.parametrize(
    "path", ["file=https://example.org/a", "file/http://example.org/a", "proxy=https://example.org/a", "file=http:%252f%252fx"]
)
def test_no_address_out_there_is_even_tried(visitor: Visitor, path: str) -> None:
    assert "fetches nothing" in visitor.http.get(f"{API}/{path}").text


def test_bodies_that_name_addresses_or_are_very_deep_do_not_reach_gradio(visitor: Visitor) -> None:
    for file in ({"path": "http://example.org/a.png"}, {"path": " //example.org"}, {"path": "a.png", "url": "data:image/png;base64,aa"}):
        assert "fetches nothing" in visitor.join(visitor.functions()["edit"], [{"deeper": [file]}]).text
    nested: Any = 1
    for _ in range(45):
        nested = [nested]
    assert "too deeply" in visitor.join(0, [nested]).text


def test_own_names_are_let_in(address: str) -> None:
    port = address.rstrip("/").rsplit(":", 1)[-1]
    for host in (f"127.0.0.1:{port}", f"localhost:{port}", "LOCALHOST", f"[::1]:{port}"):
        for headers in ({"host": host}, {"host": host, "origin": f"http://{host}"}):
            assert httpx.get(f"{address}config", headers=headers, timeout=PATIENCE).status_code == 200


def test_a_space_answers_to_any_name_but_not_to_pages_of_other_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPACE_ID", "me/it")
    monkeypatch.setenv("SPACE_HOST", "me-it.hf.space")
    (middleware,) = serving.launch_options()["app_kwargs"]["middleware"]
    client = TestClient(middleware.cls(PlainTextResponse("in"), **middleware.kwargs), "http://10.0.0.7:7860")
    assert client.get("/").status_code == 200
    for origin, status in (("me-it.hf.space", 200), ("huggingface.co", 200), ("other.hf.space", 403), ("me-it.hf.space.example.org", 403)):
        assert client.get("/", headers={"origin": f"https://{origin}"}).status_code == status, origin


def test_many_small_files_are_too_large_together(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MOST_UPLOADED", 200_000)
    files = [("files", (f"{number}.wav", b"x" * 30_000)) for number in range(9)]
    told = visitor.http.build_request("POST", f"{API}/upload", files=files)
    body, form = told.read(), told.headers["content-type"]
    assert visitor.http.send(told).status_code == 413
    halves = (body[start : start + 10_000] for start in range(0, len(body), 10_000))
    untold = visitor.http.post(f"{API}/upload", content=halves, headers={"content-type": form})
    assert untold.status_code == 413 and "too large" in untold.text


def test_uploads_leave_room_on_the_disk(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "LEAST_ROOM", 2**80)
    answer = visitor.http.post(f"{API}/upload", files={"files": ("a.wav", b"x")})
    assert answer.status_code == 507 and "full" in answer.text


def test_of_three_hours_of_silence_a_minute_is_read(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    content, read = long_sound(), list[float]()
    assert len(content) < 2**20

    class Counted(soundfile.SoundFile):
        def read(self, *args: Any, **options: Any) -> Any:
            frames = super().read(*args, **options)
            read.append(len(frames) / self.samplerate)
            return frames

    monkeypatch.setattr(soundfile, "SoundFile", Counted)
    answer = visitor.ask("generate", sound=visitor.upload("silence.flac", content), prompt="rain", **STEPS)
    assert "silent" in answer["output"]["error"] and 0 < sum(read) <= DEFAULT_SECONDS


def test_what_fails_inside_is_told_without_what_is_inside(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"{Path.home()}/secret and {__file__}")

    monkeypatch.setattr(tasks.Generate, "__call__", fail)
    answer = visitor.ask("generate", prompt="rain")
    assert not answer["success"] and "RuntimeError" in answer["output"]["error"] and "secret" not in str(answer)


def test_errors_read_well_for_programs_and_are_no_markup(visitor: Visitor) -> None:
    answer = visitor.ask("music", prompt="jazz", seed_image="<img src=x onerror=alert(1)>")
    assert not answer["success"] and "<" not in answer["output"]["error"]
    assert "&#" not in visitor.ask("generate", prompt="rain", seed=-2)["output"]["error"]


def test_gradio_forgets_clients_that_have_heard_everything(
    served: serving.Served, address: str, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "GRACE", 0.0)
    queue = served.demo._queue
    visitor.ask("generate", prompt="rain", **STEPS)
    assert until(lambda: visitor.name not in queue.pending_event_ids_session and visitor.name not in queue.pending_messages_per_session)
    with Visitor(address) as gone:
        long_run(gone)
        gone.until("process_generating")
    visitor.ask("generate", prompt="rain", **STEPS)
    assert until(lambda: gone.name not in queue.pending_event_ids_session)


def test_a_page_between_two_streams_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: dict[str, set[str]] = {"page": set()}
    queue = SimpleNamespace(pending_event_ids_session=heard, pending_messages_per_session={"page": None}, event_ids_to_events={})
    listeners = session.Listeners()
    listeners.began("page")
    listeners.began("page")
    listeners.ended("page", queue)
    listeners.ended("page", queue)
    listeners.ended("another", queue)
    assert "page" in heard and "page" in queue.pending_messages_per_session
    monkeypatch.setattr(session, "GRACE", 0.0)
    listeners.began("page")
    listeners.ended("another", queue)
    assert "page" in heard
    listeners.ended("page", queue)
    assert not heard and not queue.pending_messages_per_session


def test_gradio_itself_is_closed_behind_the_guard(served: serving.Served) -> None:
    demo = served.demo
    assert not (demo.enable_monitoring or demo.run_history or demo.show_error or demo.api_open or demo.share or demo.allowed_paths)
    assert demo.max_file_size and demo.max_file_size < guard.MOST_UPLOADED


def test_gradio_keeps_little_of_visitors(served: serving.Served) -> None:
    queue = served.demo._queue
    assert served.demo.app.state_holder.capacity == serving.REMEMBERED
    assert queue.pending_messages_per_session.max_size == serving.UNHEARD and queue.ANALYTICS_MAX_EVENTS == 50


def test_results_of_programs_and_of_visitors_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = session.Sessions(tmp_path)
    folders = [sessions.for_program() for _ in range(session.MOST_PASSING)]
    for folder in folders:
        session.place(folder, ".png", "result").write_bytes(b"x")
    newest = sessions.for_program()
    assert not folders[0].exists() and folders[1].exists() and newest not in folders
    monkeypatch.setattr(session, "MOST_OPEN", 3)
    visitors = [type("Request", (), {"session_hash": name}) for name in "abcd"]
    for each in (*visitors[:3], visitors[0], visitors[3]):
        sessions.of(each)
    assert list(sessions.open) == ["c", "a", "d"]


def test_a_task_that_nobody_waits_for_is_not_begun() -> None:
    begun, blocked = [], threading.Event()
    first: Any = compute.perform(lambda tell: tell(blocked.wait(PATIENCE)))  # type: ignore[arg-type]
    second: Any = compute.perform(lambda tell: begun.append(1))  # type: ignore[arg-type]
    assert [next(task) for task in (first, first, second, second)] == [None, None, None, compute.Waiting(1)]
    second.close()
    blocked.set()
    assert list(first) == [True]
    compute.in_turn(lambda: None)
    assert begun == []
