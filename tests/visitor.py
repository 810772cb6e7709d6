"""One visitor of the app as HTTP sees it: uploads, runs, cancels; what the tests of the app and its load bench share."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
from waiting import PATIENCE

API = "/gradio_api"


@lru_cache(maxsize=4)
def endpoints(address: str) -> dict[str, tuple[int, dict[str, Any]]]:
    """What an app offers to programs, asked once: each endpoint's number, and its parameters with their defaults."""
    told = httpx.get(f"{address}{API[1:]}/info", timeout=PATIENCE).json()["named_endpoints"]
    listed = httpx.get(f"{address}config", timeout=PATIENCE).json()["dependencies"]
    numbers = {each["api_name"]: each["id"] for each in listed if each["api_visibility"] == "public"}
    defaults = {name: {each["parameter_name"]: each["parameter_default"] for each in told[f"/{name}"]["parameters"]} for name in numbers}
    return {name: (numbers[name], defaults[name]) for name in numbers}


class Visitor:
    """address: of the app. name: the session hash that a browser would draw."""

    def __init__(self, address: str, timeout: float = PATIENCE) -> None:
        self.http = httpx.Client(base_url=address.rstrip("/") + "/", timeout=timeout, verify=False, trust_env=False)
        self.name = secrets.token_hex(8)

    def __enter__(self) -> Visitor:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def parameters(self, endpoint: str) -> dict[str, Any]:
        """An endpoint's parameters by name, with their defaults."""
        return dict(endpoints(str(self.http.base_url))[endpoint][1])

    def functions(self) -> dict[str, int]:
        """The endpoints' numbers by name."""
        return {name: number for name, (number, _) in endpoints(str(self.http.base_url)).items()}

    def upload(self, name: str, content: bytes) -> dict[str, Any]:
        """A file as inputs name it."""
        answer = self.http.post(f"{API}/upload", files={"files": (name, content)}).raise_for_status()
        return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def upload_file(self, path: Path) -> dict[str, Any]:
        return self.upload(path.name, path.read_bytes())

    def post(self, route: str, body: Any) -> httpx.Response:
        """JSON, in which NaN and Infinity are let through as they are."""
        return self.http.post(f"{API}{route}", content=json.dumps(body), headers={"content-type": "application/json"})

    def join(self, function: int, data: list[Any]) -> httpx.Response:
        return self.post("/queue/join", {"data": data, "fn_index": function, "session_hash": self.name})

    def start(self, endpoint: str, **arguments: Any) -> tuple[int, str]:
        """A run of an endpoint: its function's index, and the run's name. httpx.HTTPStatusError where it is refused at once."""
        function = self.functions()[endpoint]
        joined = self.join(function, list((self.parameters(endpoint) | arguments).values()))
        return function, joined.raise_for_status().json()["event_id"]

    def messages(self) -> Iterator[dict[str, Any]]:
        """What the server says of this visitor's runs."""
        with self.http.stream("GET", f"{API}/queue/data", params={"session_hash": self.name}) as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    yield json.loads(line[5:])

    def until(self, kind: str) -> dict[str, Any]:
        """The first message of a kind. Leaving the stream there is what a browser does that is closed."""
        for message in self.messages():
            if message["msg"] == kind:
                return message
        raise EOFError(f"the server ended before any {kind}")

    def ask(self, endpoint: str, **arguments: Any) -> dict[str, Any]:
        """A run from its start to its last message."""
        self.start(endpoint, **arguments)
        return self.until("process_completed")

    def cancel(self, function: int, run: str) -> None:
        self.post("/cancel", {"session_hash": self.name, "fn_index": function, "event_id": run}).raise_for_status()

    def fetched(self, message: dict[str, Any]) -> tuple[bytes, int | None]:
        """The file that an endpoint made, and the seed that it says."""
        file, seed = message["output"]["data"]
        return self.http.get(f"{API}/file={file['path']}").raise_for_status().content, seed


@contextmanager
def trap() -> Iterator[tuple[int, list[Any]]]:
    """A port of this machine, and who connected to it."""
    came: list[Any] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait() -> None:
            while True:
                try:
                    connection, whence = server.accept()
                except OSError:
                    return
                came.append(whence)
                connection.close()

        threading.Thread(target=wait, daemon=True).start()
        yield server.getsockname()[1], came
