"""What the app keeps for one visitor: a private folder with what was made, until the tab is closed or KEPT seconds have passed."""

from __future__ import annotations

import atexit
import os
import re
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

KEPT = 2 * 3600  # seconds that an upload, or anything made for a visitor who did not close the tab, stays on the server
MOST_SHOWN = 60  # results in a visitor's gallery
MOST_OPEN = 500  # visitors; one more, and the one who has been idle longest is forgotten
MOST_PASSING = 64  # results of programs
GRACE = 60.0  # seconds that a page may be between two streams
AWAY = 60.0  # seconds that the session of a closed page is kept: one that is loaded again comes back to it
TOKEN = re.compile(r"[0-9a-f]{32,64}")


@dataclass(slots=True)
class Session:
    """folder: nobody else's, with a name nobody guesses. made: (path of a picture, what it is), newest first. jam: the one that plays."""

    folder: Path
    used: float = field(default_factory=time.monotonic)
    made: list[tuple[str, str]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    stopped: dict[str, float] = field(default_factory=dict)  # when Stop was last clicked on a page, by the browser's clock (ms)
    runs: dict[str, Any] = field(default_factory=dict)  # of each page, the last one: `Ongoing`
    seen: dict[str, Any] = field(default_factory=dict)  # of each page, the result that it shows
    jam: Any = None
    recording: Any = None  # of that jam
    left: float | None = None  # when its page was closed, and not loaded again

    def is_over(self, now: float) -> bool:
        return now - self.used > KEPT or (self.left is not None and now - self.left > AWAY)

    def begin(self, page: str, run: Any) -> Any:
        """The page's run from now on; the one before ends."""
        before = self.runs.get(page)
        self.runs[page] = run
        if before is not None:
            before.stopped.set()
        return run

    def keep_made(self, made: Any) -> None:
        """A task's result for the gallery."""
        self.keep(made.path, made.picture, made.text)

    def keep(self, file: str, picture: str, caption: str) -> None:
        """Something for the gallery: a file, and the picture that stands for it."""
        self.used = time.monotonic()
        self.made[:] = [(picture, caption), *self.made][:MOST_SHOWN]
        self.files[:] = [file, *self.files][:MOST_SHOWN]

    def close(self) -> None:
        for run in self.runs.values():
            run.stopped.set()
        if self.jam is not None:
            self.jam.cancel()
            self.recording.finish()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sessions:
    """The visitors' sessions, by the hash that their browsers send."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lock = folder, threading.Lock()
        self.open: dict[str, Session] = {}
        self.tokens: dict[str, str] = {}  # of each open session that has one: what only its browser's tab knows
        self.passing: deque[Path] = deque()

    def of(self, request: Any) -> Session:
        """The visitor's, made when it is first asked for; those that nobody used for KEPT seconds are closed."""
        key, now = str(getattr(request, "session_hash", None)), time.monotonic()
        with self.lock:
            session = self.open.pop(key, None) or Session(self.folder / secrets.token_hex(16))
            session.used = now
            self.open[key] = session  # last: the dictionary is in the order of use
        self.sweep()
        return session

    def sweep(self) -> None:
        """Closes the sessions that nobody used for KEPT seconds, and the longest unused of more than MOST_OPEN."""
        now = time.monotonic()
        with self.lock:
            old = [self.open.pop(name) for name, each in list(self.open.items()) if each.is_over(now)]
            old += [self.open.pop(next(iter(self.open))) for _ in range(len(self.open) - MOST_OPEN)]
            self.tokens = {token: name for token, name in self.tokens.items() if name in self.open}
        for each in old:
            each.close()

    def adopt(self, request: Any, token: Any) -> Session:
        """The session of the tab that knows `token`, which its browser drew: also where the page was loaded again and has another hash."""
        session, key = self.of(request), str(getattr(request, "session_hash", None))
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            return session
        with self.lock:
            before = self.tokens.get(token, "")
            if before != key and before in self.open:
                self.open[f"{key} before"] = session  # what was made before it was known whose it is
                session.left = time.monotonic()
                session = self.open[key] = self.open.pop(before)
            self.tokens[token], session.left = key, None
        return session

    def leave(self, request: Any) -> None:
        """The visitor's page was closed; within AWAY seconds it may be loaded again. A jam, which nobody hears any more, ends."""
        with self.lock:
            session = self.open.get(str(getattr(request, "session_hash", None)))
        if session is not None:
            session.left = time.monotonic()
            if session.jam is not None:
                session.jam.cancel()

    def keep_swept(self, every: float = 20.0) -> None:
        """Sweeps from now on, also while nobody comes."""

        def sweeping() -> None:
            while True:
                time.sleep(every)
                self.sweep()

        threading.Thread(target=sweeping, daemon=True).start()

    def for_program(self) -> Path:
        """A folder for one result, which a program fetches at once: it has no tab to close, and calls again as another visitor."""
        folder = self.folder / secrets.token_hex(16)
        with self.lock:
            self.passing.append(folder)
            old = self.passing.popleft() if len(self.passing) > MOST_PASSING else None
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        return folder


class Listeners:
    """Which clients listen to their runs, and since when not; what Gradio's queue keeps for ever of the others is taken from it.

    A page opens its next stream before or just after the last one has ended; without its list of messages it breaks off.
    """

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()  # streams
        self.left: dict[str, float] = {}

    def began(self, client: str) -> None:
        self.open[client] += 1

    def ended(self, client: str, queue: Any) -> None:
        """Forgets lists of messages and of runs that were all heard by clients who have been away for GRACE seconds."""
        now = time.monotonic()
        self.open -= Counter((client,))
        self.left[client] = now
        self.left = {name: since for name, since in self.left.items() if now - since < GRACE}
        for key, runs in list(queue.pending_event_ids_session.items()):
            gone = key not in queue.pending_messages_per_session and not any(run in queue.event_ids_to_events for run in runs)
            if (gone or not runs) and key not in self.open and key not in self.left:
                queue.pending_event_ids_session.pop(key, None)
                queue.pending_messages_per_session.pop(key, None)


def private_folder() -> Path:
    """A new folder that only this user may read, for uploads and results; it is gone when the program ends. Gradio is told to use it."""
    folder = Path(tempfile.mkdtemp(prefix="sonicdiff-app-"))  # mkdtemp's mode is 0700
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def place(folder: Path, ending: str, *parts: str) -> Path:
    """Where a result goes: a name made of `parts` that is not taken yet in `folder`, which is made."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stem = "-".join(filter(None, (plain(part) for part in parts)))[:80] or "sonicdiff"
    names = (f"{stem}{number}{ending}" for number in ("", *(f"-{n}" for n in range(2, 100_000))))
    return folder / next(name for name in names if not (folder / name).exists())


def plain(text: str) -> str:
    """Text as a part of a file's name: letters, digits and hyphens."""
    return re.sub(r"[^\w]+", "-", text, flags=re.ASCII).strip("-_")[:40].strip("-_")


def names_of(paths: Sequence[str]) -> list[str]:
    return [plain(Path(path).stem) for path in paths]
