"""Requests that mean no good, by kind, for the tests of the app and its load bench: each is to be refused, and to be given no file."""

from __future__ import annotations

import io
import json
import math
import socket
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import soundfile
from PIL import Image
from visitor import API, Visitor
from waiting import PATIENCE

ROOT = Path(__file__).parents[1]
FILES = ("/etc/passwd", str(ROOT / "pyproject.toml"), str(ROOT / "checkpoints/mini/model_index.json"), "/proc/self/environ")
HEAD = str(ROOT / ".git/HEAD")
MARKS = ("root:x:", "[build-system]", "_diffusers_version", "PATH=", "Traceback", "site-packages", "sonicdiff-app-", str(ROOT))
"""What is in those files, and what says too much of the server."""


@dataclass(frozen=True)
class Attack:
    """go: does it, and returns the answer: of HTTP, or the last message of a run."""

    kind: str
    name: str
    go: Callable[[Visitor], httpx.Response | dict[str, Any]]
    harmless: bool = False  # an answer that gives nothing away is as good as a refusal


@dataclass(frozen=True)
class Verdict:
    refused: bool
    leaked: bool
    text: str


def judged(answer: httpx.Response | dict[str, Any]) -> Verdict:
    """Refused: 4xx, 503 or 507 with a text, or an error of a run with one (which Gradio's /run sends as a 500)."""
    if isinstance(answer, httpx.Response):
        text, refused = answer.text, answer.status_code in (503, 507) or 400 <= answer.status_code < 500
        if answer.status_code == 500 and text.startswith('{"error":'):
            text, refused = str(answer.json()["error"] or ""), True
    else:
        text, refused = str(answer["output"].get("error") or ""), not answer["success"]
    everything = text if isinstance(answer, httpx.Response) else json.dumps(answer)
    for asked in (*FILES, HEAD):
        everything = everything.replace(asked, "")  # what was asked for may be said again
    return Verdict(refused and bool(text.strip()), any(mark in everything for mark in MARKS), text[:200])


def everything(trap: int, visitor: Visitor) -> list[Attack]:
    """About two hundred. trap: a port of this machine to which nobody may be made to connect."""
    return [
        *traversals(), *paths_as_inputs(), *fetches(trap), *oversized(), *numbers(visitor), *texts(), *bodies(visitor),
        *strangers(), *closed_routes(), *bombs(), *pages(visitor),
    ]  # fmt: skip


def get(kind: str, path: str, **headers: str) -> Attack:
    return Attack(kind, f"GET {path}"[:100], lambda visitor: raw(visitor, path, headers))


def raw(visitor: Visitor, path: str, headers: dict[str, str]) -> httpx.Response:
    """A path as it is written, dots and all."""
    url = visitor.http.base_url.copy_with(raw_path=path.encode())
    return visitor.http.send(visitor.http.build_request("GET", url, headers=headers))


def run(kind: str, name: str, endpoint: str, **arguments: Any) -> Attack:
    return Attack(kind, f"{endpoint}: {name}"[:100], lambda visitor: ran(visitor, endpoint, arguments))


def ran(visitor: Visitor, endpoint: str, arguments: dict[str, Any]) -> httpx.Response | dict[str, Any]:
    """A run that may be refused at once. Arguments that can be called make their value with the visitor's help."""
    made = {name: value(visitor) if callable(value) else value for name, value in arguments.items()}
    try:
        return visitor.ask(endpoint, **made)
    except httpx.HTTPStatusError as error:
        return error.response


def file_data(path: str) -> dict[str, Any]:
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def traversals() -> Iterator[Attack]:
    climbs = ("../" * 9, "..%2f" * 9, "%2e%2e/" * 9, "..%252f" * 9, "..%5c" * 9, "....//" * 9)
    for route in ("file=", "file/"):
        for file in FILES:
            yield get("traversal", f"{API}/{route}{file}")
        for climb in climbs:
            yield get("traversal", f"{API}/{route}{climb}etc/passwd")
    for route in ("static/", "assets/", "svelte/", f"{API}/custom_component/x/client/component/"):
        for climb in climbs[:3]:
            yield get("traversal", f"{'' if route.startswith('/') else '/'}{route}{climb}etc/passwd")
    yield get("traversal", f"{API}/file={HEAD}")
    yield get("traversal", f"{API}/file=pyproject.toml")


def paths_as_inputs() -> Iterator[Attack]:
    for file in (*FILES, "../../../../etc/passwd", "pyproject.toml", "/dev/zero", "/", ""):
        yield run("a path as an input", file, "edit", photo=file_data(file), prompt="rain")
        yield run("a path as an input", file, "generate", sound=file_data(file))
    yield run("a path as an input", "plain text", "edit", photo="/etc/passwd", prompt="rain")


def fetches(trap: int) -> Iterator[Attack]:
    hosts = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "me@127.0.0.1")
    addresses = [f"http://{host}:{trap}/a.png" for host in hosts]
    addresses += [f"HTTPS://127.0.0.1:{trap}/a.png", f"//127.0.0.1:{trap}/a.png", f" http://127.0.0.1:{trap}/a.png", "file:///etc/passwd"]
    for address in addresses:
        yield run("an address to fetch", address, "edit", photo=file_data(address), prompt="rain")
        yield get("an address to fetch", f"{API}/file={address.replace(' ', '%20')}")
    for address in addresses[:3]:
        yield get("an address to fetch", f"{API}/proxy={address}")
        yield get("an address to fetch", f"{API}/file/{address}")
        yield get("an address to fetch", f"{API}/file={address.replace(':', '%3a')}")
        yield run("an address to fetch", f"url {address}", "generate", sound={**file_data("a.wav"), "url": address})
    yield run("an address to fetch", "data:", "edit", photo=file_data("data:image/png;base64,aaaa"), prompt="rain")
    yield run("an address to fetch", "url data:", "edit", photo={**file_data("a.png"), "url": "data:image/png;base64,aaaa"}, prompt="rain")


def oversized() -> Iterator[Attack]:
    def chunks(size: int) -> Iterator[bytes]:
        for _ in range(size // 2**16):
            yield b"x" * 2**16

    def post(route: str, **options: Any) -> Callable[[Visitor], httpx.Response]:
        return lambda visitor: visitor.http.post(f"{API}{route}", **options)

    form = {"content-type": "multipart/form-data; boundary=x"}
    for route in ("/queue/join", "/call/edit", "/call/v2/edit", "/cancel", "/stream/x", "/reset"):
        yield Attack("too large", f"chunked {route}", lambda visitor, route=route: post(route, content=chunks(2**20))(visitor))
    for route in ("/queue/join", "/run/edit"):
        yield Attack("too large", f"JSON {route}", post(route, json={"data": ["x" * 600_000], "session_hash": "x"}))
    start = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    body = lambda: (part for each in ((start,), chunks(66 * 2**20)) for part in each)  # noqa: E731
    yield Attack("too large", "chunked upload", lambda visitor: post("/upload", content=body(), headers=form)(visitor))
    for length in ("99999999999", "-1", "1e9", "0x10"):
        yield Attack("too large", f"length {length}", lambda visitor, length=length: claimed(visitor, length))


def claimed(visitor: Visitor, length: str) -> httpx.Response:
    """An upload whose header says that it is so long, and which never comes."""
    address = visitor.http.base_url
    with socket.create_connection((address.host, address.port or 80), timeout=PATIENCE) as connection:
        form = "Connection: close\r\nContent-Type: multipart/form-data; boundary=x"
        connection.sendall(f"POST {API}/upload HTTP/1.1\r\nHost: {address.host}\r\n{form}\r\nContent-Length: {length}\r\n\r\n".encode())
        first, _, rest = connection.makefile("rb").read().partition(b"\r\n")
        return httpx.Response(int(first.split()[1]), content=rest)


def numbers(visitor: Visitor) -> Iterator[Attack]:
    bad = (math.nan, math.inf, -1e9, 10**400, "seven", True, [7], {"a": 1})
    for endpoint, needed in (("generate", {"prompt": "rain"}), ("edit", {"prompt": "rain", "photo": photo}), ("music", {"prompt": "jazz"})):
        for name, default in visitor.parameters(endpoint).items():
            if name in ("seed", "bpm") or (isinstance(default, (int, float)) and not isinstance(default, bool)):
                for value in bad if endpoint == "generate" else bad[:3]:
                    yield run("a bad number", f"{name}={str(value)[:12]}", endpoint, **{**needed, name: value})


def photo(visitor: Visitor) -> dict[str, Any]:
    file = io.BytesIO()
    Image.new("RGB", (32, 32)).save(file, "PNG")
    return visitor.upload("grey.png", file.getvalue())


def texts() -> Iterator[Attack]:
    for value in ("x" * 2001, "\N{PILE OF POO}" * 3000):
        yield run("a bad text", str(value)[:12], "generate", prompt=value)
    for name, value in (
        ("seed_image", "/etc/passwd"),
        ("seed_image", "your sound"),
        ("ending", "../x.wav"),
        ("ending", "exe"),
        ("loop", "no"),
    ):
        yield run("a bad text", f"{name}={value}", "music", prompt="jazz", **{name: value})
    yield run("a bad text", "nothing at all", "generate")


def bodies(visitor: Visitor) -> Iterator[Attack]:
    function = visitor.functions()["generate"]
    whole = {"data": list(visitor.parameters("generate").values()), "fn_index": function, "session_hash": "x"}

    def send(name: str, route: str, content: str | bytes) -> Attack:
        headers = {"content-type": "application/json"}
        return Attack("a bad body", f"{route} {name}", lambda visitor: visitor.http.post(API + route, content=content, headers=headers))

    for name, change in {
        "no function": {"fn_index": None}, "function -1": {"fn_index": -1}, "function 9999": {"fn_index": 9999},
        "function x": {"fn_index": "x"}, "no data": {"data": None}, "data of text": {"data": "x"},
        "no visitor": {"session_hash": None}, "a visitor of lists": {"session_hash": [1]},
    }.items():  # fmt: skip
        yield send(name, "/queue/join", json.dumps({**whole, **change}))
    for name, content in (
        ("not JSON", "{"),
        ("empty", ""),
        ("a list", "[]"),
        ("binary", b"\xff\x00"),
        ("surrogate", '"\\ud800"'),
        ("null", "null"),
    ):
        yield send(name, "/queue/join", content)
        yield send(name, "/call/edit", content)
    for depth in (60, 900, 100_000):
        yield send(f"{depth} deep", "/queue/join", '{"session_hash": "x", "data": ' + "[" * depth + "]" * depth + "}")
    yield send("digits", "/queue/join", '{"session_hash": "x", "fn_index": ' + "9" * 10_000 + "}")
    for route in ("/call/nope", "/call/v2/nope", "/run/nope", "/run/edit", "/api/edit", "/run/generate", "/api/music"):
        yield send("direct or unknown", route, '{"data": []}')
    yield Attack("a bad body", "upload that is no form", lambda visitor: visitor.http.post(f"{API}/upload", content=b"x"))
    for data in ([], [None], whole["data"] + [1]):
        yield Attack("a bad body", f"{len(data)} inputs", lambda visitor, data=data: joined(visitor, function, data))


def joined(visitor: Visitor, function: int, data: list[Any]) -> httpx.Response | dict[str, Any]:
    answer = visitor.join(function, data)
    return visitor.until("process_completed") if answer.status_code == 200 else answer


def strangers() -> Iterator[Attack]:
    for host in (
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "169.254.169.254",
        "",
        "x@evil.example",
        "[::2]",
    ):
        yield get("a stranger", "/config", host=host)
        yield get("a stranger", "/config", host=host, origin=f"http://{host}")
    for origin in ("http://evil.example", "https://localhost.evil.example", "null", "http://localhost@evil.example", "file://"):
        yield get("a stranger", "/config", origin=origin)


def closed_routes() -> Iterator[Attack]:
    for path in ("/monitoring", "/monitoring/summary", "/monitoring/x", f"{API}/runs", f"{API}/run-history/buckets", f"{API}/vibe-code",
                 f"{API}/deep_link?session_hash=x", f"{API}/dev/reload", f"{API}/profiling/summary", "/docs", "/redoc"):  # fmt: skip
        yield get("a closed route", path)
    for route in ("/component_server", "/process_recording", "/vibe-edit", "/vibe-code", "/undo-vibe-edit", "/run-history/connect"):
        yield Attack("a closed route", f"POST {route}", lambda visitor, route=route: visitor.post(route, {"data": [], "session_hash": "x"}))


def bombs() -> Iterator[Attack]:
    """Files that are far larger inside than outside, or are not what they are called."""

    def sound(name: str, content: Callable[[], bytes]) -> Attack:
        return run("a bad file", name, "generate", sound=lambda visitor: visitor.upload(name, content()))

    def picture(name: str, content: Callable[[], bytes]) -> Attack:
        return run("a bad file", name, "edit", photo=lambda visitor: visitor.upload(name, content()), prompt="rain")

    for name, content in (
        ("empty", b""),
        ("page", b"<html><script>alert(1)</script>"),
        ("random", bytes(range(256)) * 8),
        ("zip", b"PK\3\4" + b"\0" * 99),
    ):
        yield sound(f"{name}.wav", lambda content=content: content)
        yield picture(f"{name}.png", lambda content=content: content)
    yield picture("drawing.svg", lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>')
    yield picture("script.eps", lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) (r) file\n")
    yield picture("large.png", large_picture)
    yield sound("slow.wav", slow_sound)
    yield sound("silence.flac", long_sound)
    yield sound("list.mp3", lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n")


def large_picture() -> bytes:
    """144 million pixels in 18 KB."""
    file = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(file, "PNG", compress_level=9)
    return file.getvalue()


def slow_sound() -> bytes:
    """Says that it has 100 samples a second."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(100)
        sound.writeframes(b"\0\1" * 20_000)
    return file.getvalue()


def long_sound() -> bytes:
    """Three hours of silence in less than a megabyte."""
    file = io.BytesIO()
    with soundfile.SoundFile(file, "w", 8000, 1, "PCM_16", format="FLAC") as sound:
        for _ in range(180):
            sound.write(np.zeros(8000 * 60, np.int16))
    return file.getvalue()


def pages(visitor: Visitor) -> Iterator[Attack]:
    """The pages' own events, which no list of endpoints has but which anybody can name: every input a path, an object, a number."""
    for each in visitor.http.get("/config").json()["dependencies"]:
        if each["api_visibility"] == "private" and each["inputs"] and each["backend_fn"]:
            for junk in ("/etc/passwd", file_data("/etc/passwd"), math.nan):
                data = [junk] * len(each["inputs"])
                name = f"{each['api_name']} {each['id']} {str(junk)[:6]}"
                yield Attack("a page's event", name, lambda visitor, each=each, data=data: page(visitor, each, data), harmless=True)


def page(visitor: Visitor, event: dict[str, Any], data: list[Any]) -> httpx.Response | dict[str, Any]:
    if event["queue"] is False:
        return visitor.post("/run/predict", {"data": data, "fn_index": event["id"], "session_hash": visitor.name})
    return joined(visitor, event["id"], data)
