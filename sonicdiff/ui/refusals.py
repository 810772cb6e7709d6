"""What the app says no to inside a request: bodies that are too large or name addresses, and inputs of the wrong kind."""

from __future__ import annotations

import html
import json
import logging
import os
import re
import shutil
import tempfile
import traceback
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import gradio as gr
from starlette.types import Message, Receive

Refusal = tuple[str, int]
NOT_UNDERSTOOD: Refusal = "That request was not understood.", 400
DEEPEST = 40  # lists and objects inside each other; the pages' own requests have 8

log = logging.getLogger(__name__)


class Excess(Exception):
    """A body is longer than its request may be."""

    def __init__(self, limit: int) -> None:
        self.refusal: Refusal = f"That is too large; expected at most {limit // 2**10} KB in one request.", 413


def too_large(headers: dict[str, str], limit: int) -> Refusal | None:
    length = headers.get("content-length", "0")
    return None if length.isdigit() and int(length) <= limit else Excess(limit).refusal


def no_room(least: int) -> Refusal | None:
    if shutil.disk_usage(tempfile.gettempdir()).free > least:
        return None
    return "This server's disk is full; try again later.", 507


def counted(receive: Receive, limit: int) -> Receive:
    """`receive` that raises Excess for a body that is longer than its header said, or whose header said nothing."""
    got = 0

    async def inner() -> Message:
        nonlocal got
        message = await receive()
        got += len(message.get("body", b""))
        if got > limit:
            raise Excess(limit)
        return message

    return inner


async def looked_through(receive: Receive, limit: int, pending: Mapping[str, set[str]] | None = None) -> tuple[Receive, Refusal | None]:
    """A body that is no upload: read whole, since it is small. Returns a `receive` that gives it again, and why it is not let in.

    pending: where it asks for a run to be cancelled, see `foreign_run`.
    """
    read, body, more = counted(receive, limit), b"", True
    try:
        while more:
            message = await read()
            body, more = body + message.get("body", b""), message.get("more_body", False)
    except Excess as error:
        return receive, error.refusal
    whole: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return whole.pop() if whole else await receive()

    return again, refused_body(body) or (None if pending is None else foreign_run(body, pending))


def foreign_run(body: bytes, pending: Mapping[str, set[str]]) -> Refusal | None:
    """Why a run is not cancelled: it is another visitor's, whom Gradio does not ask. pending: the runs' names by session."""
    try:
        asked = json.loads(body)
        session, run = str(asked["session_hash"]), str(asked["event_id"])
    except (ValueError, KeyError, TypeError):
        return None  # the route itself says what it expected
    others = any(run in runs for name, runs in pending.items() if name != session)
    return ("That run is another visitor's.", 403) if others else None


def refused_body(body: bytes) -> Refusal | None:
    """Why JSON is not let in: a file in it that is an address, not an upload; or nested deeper than anything meant well."""
    try:
        waiting = [(json.loads(body) if body.strip() else None, 0)]
    except RecursionError:
        return "That is nested too deeply.", 400
    except ValueError:
        return None  # the route itself says what it expected
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            return "That is nested too deeply.", 400
        if isinstance(value, dict):
            path, url = value.get("path"), value.get("url")
            if (isinstance(path, str) and is_address(path)) or (isinstance(url, str) and url.strip().lower().startswith("data:")):
                return "This server fetches nothing for its visitors; upload the file.", 400
        inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend((each, depth + 1) for each in inside)
    return None


def is_address(path: str) -> bool:
    """Whether a path of a file is an address: anything with a scheme, or that begins as one without."""
    cleaned = path.strip().lower()
    return "://" in cleaned or cleaned.startswith(("//", "\\\\", "http:", "https:", "data:", "ftp:", "file:"))


def plain_refusals(process: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Blocks.process_api, which answers an input of the wrong kind with nothing, or with what is inside: here, with a sentence."""

    async def inner(block_fn: Any, *rest: Any, **options: Any) -> Any:
        try:
            return await process(block_fn, *rest, **options)
        except gr.Error as error:
            if not error.print_exception:
                error.message = shown(error.message)  # a sentence of ours
                raise
            text = str(error.message).partition(" (type:")[0].partition(": [")[0]  # not the list of all that would have been right
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            log.warning("an event was refused: %s in %s:%s", type(error).__name__, where.filename, where.lineno)
            number = re.search(r"input component at index (\d+)", str(error))
            name = getattr(block_fn.inputs[int(number[1])], "label", None) if number else None
            text = f"{name or 'An input'} could not be read: it is not of the kind expected there, or a file that was not uploaded first."
        raise gr.Error(shown(text[:300]), print_exception=False)

    return inner


def shown(text: str) -> str:
    """A sentence without markup, which the page would show, and without the folders that uploads and results are in."""
    text, folder = html.unescape(text), os.environ.get("GRADIO_TEMP_DIR")
    if folder:
        text = re.sub(re.escape(folder) + r"(/\w{32,64}|/visitors)*/?", "", text)
    return html.escape(text, quote=False)
