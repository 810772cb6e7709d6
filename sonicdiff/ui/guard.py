"""What stands between the network and the app: hosts, origins, sizes, and addresses that nobody should ask this server to fetch.

Gradio's own limits are per file; its check of origins believes the Host header; a path that is an address is fetched. So: here.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sonicdiff.ui.refusals import NOT_UNDERSTOOD, Excess, Refusal, counted, looked_through, no_room, too_large
from sonicdiff.ui.session import Listeners

MOST_UPLOADED = 64 * 2**20  # bytes of a request that uploads files
MOST_ASKED = 512 * 2**10  # bytes of any other request
LEAST_ROOM = 2**30  # bytes that uploads leave free on the disk
FETCHING = ("/proxy=", "http:", "https:", "ftp:", "file=//", "file///")
"""Parts of a path with which Gradio would fetch from elsewhere on a visitor's behalf."""
CLOSED = ("deep_link", "component_server", "process_recording", "vibe", "undo-vibe", "dev", "monitoring", "run-", "runs", "profiling")
"""Beginnings of Gradio's routes that this app does not use: some write files, some work for whoever asks."""

log = logging.getLogger(__name__)


class Guard:
    """ASGI middleware. hosts: the names this server answers to, without ports; "*" for any. origins: the sites whose pages may call it."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self.app, self.hosts, self.origins = app, {name.lower() for name in hosts}, {name.lower() for name in origins}
        self.listeners = Listeners()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]}
        upload = scope["path"].rstrip("/").endswith("/upload")
        limit = MOST_UPLOADED if upload else MOST_ASKED
        refusal = self.refusal(scope, headers) or too_large(headers, limit) or (no_room(LEAST_ROOM) if upload else None)
        if refusal is None and scope["method"] == "POST" and not upload:
            cancels = scope["path"].rstrip("/").endswith("/cancel")
            pending = scope["app"].get_blocks()._queue.pending_event_ids_session if cancels else None
            receive, refusal = await looked_through(receive, MOST_ASKED, pending)
        if refusal is not None:
            await PlainTextResponse(*refusal)(scope, receive, send)
        else:
            await self.let_in(scope, counted(receive, limit), send)

    def refusal(self, scope: Scope, headers: dict[str, str]) -> Refusal | None:
        """Why a request is not let in, by its first lines."""
        if scope["type"] == "websocket":
            return "This server has no websockets.", 403
        if "*" not in self.hosts and host_of(headers.get("host", "")) not in self.hosts:
            return "This server does not answer to that name.", 400
        origin = headers.get("origin", "")
        if origin and host_of(urlsplit(origin).netloc) not in self.origins:
            return "Requests from other sites are not let in.", 403
        path = unquote(unquote(scope["path"])).lower().replace("\\", "/")
        if any(part in path for part in FETCHING):
            return "This server fetches nothing for its visitors.", 403
        if path.removeprefix("/gradio_api").lstrip("/").split("/")[0].startswith(CLOSED):
            return "There is nothing here.", 404
        return None

    async def let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        """To the app. Gradio looks things up by what a request names: what it does not find is no fault of the server."""
        begun = False
        listens = scope["method"] == "GET" and ("/queue/data" in scope["path"] or "/call/" in scope["path"])
        client = parse_qs(scope["query_string"].decode("latin1")).get("session_hash", [""])[0]
        if listens:
            self.listeners.began(client)

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if begun or not (isinstance(error, Excess) or scope["method"] == "POST"):
                raise
            log.warning("%s was not understood (%s)", scope["path"][:100], type(error).__name__)
            await PlainTextResponse(*(error.refusal if isinstance(error, Excess) else NOT_UNDERSTOOD))(scope, receive, send)
        finally:
            if listens:
                self.listeners.ended(client, scope["app"].get_blocks()._queue)


def host_of(netloc: str) -> str:
    """The name in a Host header or an origin, without user and port."""
    name = netloc.rsplit("@", 1)[-1].lower()
    if name.startswith("["):
        return name[: name.find("]") + 1]
    return name.rsplit(":", 1)[0] if ":" in name else name
