"""A small Hugging Face Hub on this machine: repositories from folders, LFS files with ranges, and the faults that real networks have."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LFS = (".safetensors", ".pt", ".pth", ".bin", ".ckpt")


class Hub:
    """repositories: folders by "models/owner/name" or "spaces/owner/name". requests: "METHOD path [range]" of all that was asked."""

    def __init__(self, repositories: dict[str, Path]) -> None:
        self.repositories, self.requests = repositories, []
        self.cut: int | None = None  # bytes of an LFS file after which the connection breaks, and the hub with it
        self.corrupt: str | None = None  # a file whose contents arrive wrong
        self.commits: dict[str, str] = {}  # of repositories that are not at COMMIT
        self.claimed: dict[str, int] = {}  # sizes that are not the files' own
        self.status: int | None = None  # answers everything with it
        self.url = ""

    def entries(self, folder: Path) -> Iterator[dict[str, Any]]:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            name, data = file.relative_to(folder).as_posix(), file.read_bytes()
            size = self.claimed.get(name, len(data))
            oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
            lfs = {"oid": hashlib.sha256(data).hexdigest(), "size": size, "pointerSize": 130} if name.endswith(LFS) else None
            yield {"type": "file", "path": name, "size": size, "oid": oid, **({"lfs": lfs} if lfs else {})}

    def commit(self, repository: str) -> str:
        return self.commits.get(repository, COMMIT)

    def info(self, kind: str, name: str) -> dict[str, Any]:
        siblings = []
        for entry in self.entries(self.repositories[f"{kind}/{name}"]):
            lfs = {**entry["lfs"], "sha256": entry["lfs"]["oid"]} if "lfs" in entry else None
            siblings.append({"rfilename": entry["path"], "size": entry["size"], "blobId": entry["oid"], **({"lfs": lfs} if lfs else {})})
        return {
            "id": name,
            "sha": self.commit(f"{kind}/{name}"),
            "siblings": siblings,
            "private": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
        }


class Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path} {self.headers.get('Range', '')}".strip())
        if self.hub.status is not None:
            return self.send(b"{}", self.hub.status)
        if found := re.fullmatch(r"/api/(models|spaces)/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?", path):
            kind, name, what, revision = found.groups()
            if f"{kind}/{name}" not in self.hub.repositories:
                return self.send(b'{"error": "Repository not found"}', 404, {"X-Error-Code": "RepoNotFound"})
            if revision not in (None, "main", self.hub.commit(f"{kind}/{name}")):
                return self.send(b'{"error": "Invalid rev id"}', 404, {"X-Error-Code": "RevisionNotFound"})
            listed = list(self.hub.entries(self.hub.repositories[f"{kind}/{name}"])) if what == "tree" else self.hub.info(kind, name)
            return self.send(json.dumps(listed).encode())
        if found := re.fullmatch(r"/(spaces/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            space, name, _, file = found.groups()
            return self.file(f"{'spaces' if space else 'models'}/{name}", file)
        return self.send(b"{}", 404)

    def file(self, repository: str, name: str) -> None:
        folder, commit = self.hub.repositories[repository], self.hub.commit(repository)
        entry = next((entry for entry in self.hub.entries(folder) if entry["path"] == name), None)
        if entry is None:
            return self.send(b"", 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        data = (folder / name).read_bytes()
        if self.hub.corrupt == name:
            data = bytes(byte ^ 255 for byte in data)
        headers = {
            "X-Repo-Commit": commit,
            "ETag": f'"{entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]}"',
            "Accept-Ranges": "bytes",
        }
        start = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if start and self.command == "GET":
            first, whole = int(start[1]), len(data)
            return self.send(data[first:], 206, {**headers, "Content-Range": f"bytes {first}-{whole - 1}/{whole}"}, "lfs" in entry)
        return self.send(data, 200, headers, "lfs" in entry)

    def send(self, data: bytes, status: int = 200, headers: dict[str, str] | None = None, breakable: bool = False) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if breakable and self.hub.cut is not None and self.hub.cut < len(data):
            self.wfile.write(data[: self.hub.cut])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection, self.hub.status = True, 503
            return
        self.wfile.write(data)


@contextmanager
def serving(repositories: dict[str, Path]) -> Iterator[Hub]:
    hub = Hub(repositories)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def silence() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
