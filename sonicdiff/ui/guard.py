"""What stands between the network and the app: hosts, origins, sizes, and addresses that nobody should ask this server to fetch.

Gradio's own limits are per file; its check of origins believes the Host header; a path that is an address is fetched. So: here.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.responses import PlainTextResponse

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

MOST_UPLOADED = 64 * 2**20  # bytes of a request that uploads files
MOST_ASKED = 512 * 2**10  # bytes of any other request
FETCHING = ("/proxy=", "file=http:", "file=https:", "file=//")
"""Parts of a path with which Gradio would fetch from elsewhere on a visitor's behalf."""


class Guard:
    """ASGI middleware. hosts: the names this server answers to, without ports; "*.example.org" for all below one."""

    def __init__(self, app: Any, hosts: Sequence[str]) -> None:
        self.app, self.hosts = app, tuple(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]}
        refusal = self.refusal(scope, headers)
        if refusal is not None or scope["type"] == "websocket":
            await PlainTextResponse(*(refusal or ("This server has no websockets.", 403)))(scope, receive, send)
            return
        upload = scope["path"].rstrip("/").endswith("/upload")
        limit = MOST_UPLOADED if upload else MOST_ASKED
        if not headers.get("content-length", "0").isdigit() or int(headers.get("content-length", "0")) > limit:
            await too_large(limit)(scope, receive, send)
            return
        if scope["method"] == "POST" and not upload:
            await self.checked(scope, receive, send)
            return
        await self.app(scope, counted(receive, limit), send)

    def refusal(self, scope: Scope, headers: dict[str, str]) -> tuple[str, int] | None:
        """Why a request is not let in, by its first lines."""
        if not self.known(host_of(headers.get("host", ""))):
            return "This server does not answer to that name.", 400
        origin = headers.get("origin", "")
        if origin and not self.known(host_of(urlsplit(origin).netloc)):
            return "Requests from other sites are not let in.", 403
        path = unquote(unquote(scope["path"])).lower().replace("\\", "/")
        if any(part in path for part in FETCHING):
            return "This server fetches nothing for its visitors.", 403
        return None

    def known(self, host: str) -> bool:
        return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in self.hosts)

    async def checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A request with a body that is not an upload: read whole, since it is small, and looked through for addresses."""
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            if len(body) > MOST_ASKED:
                await too_large(MOST_ASKED)(scope, receive, send)
                return
            if not message.get("more_body"):
                break
        if refusal := refused_body(body):
            await PlainTextResponse(*refusal)(scope, receive, send)
            return
        sent = False

        async def replay() -> dict[str, Any]:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self.app(scope, replay, send)


def refused_body(body: bytes) -> tuple[str, int] | None:
    """Why JSON is not let in: a file in it that is an address, not an upload; or nested deeper than anything meant well."""
    try:
        data = json.loads(body) if body.strip() else None
    except ValueError:
        return None  # the route itself says what it expected
    except RecursionError:
        return "That is nested too deeply.", 400
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            path = value.get("path")
            if isinstance(path, str) and is_address(path):
                return "This server fetches nothing for its visitors; upload the file.", 400
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return None


def is_address(path: str) -> bool:
    """Whether a path of a file is an address: anything with a scheme, or that begins as one without."""
    cleaned = path.strip().lower()
    return "://" in cleaned or cleaned.startswith(("//", "\\\\", "http:", "https:", "data:", "ftp:", "file:"))


def host_of(netloc: str) -> str:
    """The name in a Host header or an origin, without user and port."""
    name = netloc.rsplit("@", 1)[-1].lower()
    if name.startswith("["):
        return name[: name.find("]") + 1]
    return name.rsplit(":", 1)[0] if ":" in name else name


def counted(receive: Receive, limit: int) -> Receive:
    """`receive` that ends a body that is longer than its header said it would be, or that said nothing."""
    got = 0

    async def inner() -> dict[str, Any]:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        return {"type": "http.disconnect"} if got > limit else message

    return inner


def too_large(limit: int) -> PlainTextResponse:
    return PlainTextResponse(f"That is too large; expected at most {limit // 2**10} KB in one request.", 413)
