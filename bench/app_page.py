"""The app before a browser: `python -m bench.app_page [--output outputs/app]` times it and takes a picture of every page.

Prints how long the server takes until it answers, the page until its button can be clicked, the first click until the edit is there, a
second sound on the same photo, and ten seconds of music; then how a jam of a minute plays: the wall clock against the media element.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
PAGES = ("Edit", "Generate", "Music", "Jam", "Models")
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
LISTEN = """() => { window.played = []; setInterval(() => {
  const audio = [...document.querySelectorAll('audio')].find((each) => each.readyState > 0 && !each.paused);
  if (audio) played.push([performance.now() / 1000, audio.currentTime]);
}, 10); }"""


@contextmanager
def served() -> Iterator[tuple[str, float]]:
    """The app's address, and the seconds until it answered."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env={**os.environ, "GRADIO_SERVER_PORT": str(port)})
    address = f"http://127.0.0.1:{port}/"
    try:
        until(lambda: answers(address), 60)
        yield address, time.perf_counter() - began
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        return urllib.request.urlopen(address, timeout=5).status == 200
    except OSError:
        return False


def until(found: Callable[[], Any], within: float = 120.0) -> float:
    """Seconds until it is found."""
    began = time.perf_counter()
    while not found():
        if time.perf_counter() - began > within:
            raise TimeoutError(f"not within {within:.0f} s")
        time.sleep(0.05)
    return time.perf_counter() - began


def status(page: Any) -> str:
    return " ".join(page.locator(".status:visible").all_inner_texts())


def run(page: Any, said: str = "Done") -> float:
    """Clicks the button of the page that is seen; seconds until it says so."""
    page.locator(".go-button:visible").click()
    until(lambda: "tep" in status(page) or "Making" in status(page) or "Clip" in status(page), 30)
    return until(lambda: said in status(page))


def choose(page: Any, tab: str) -> None:
    page.get_by_role("tab", name=tab, exact=True).click()


def jam(page: Any, seconds: float) -> str:
    """How a jam plays: what the clock and the media element say."""
    choose(page, "Jam")
    page.evaluate(LISTEN)
    began = time.perf_counter()
    page.locator(".go-button:visible").click()
    until(lambda: page.evaluate("played.some((each) => each[1] > 0.05)"))
    first = time.perf_counter() - began
    time.sleep(seconds)
    played = [each for each in page.evaluate("played") if each[1] > 0.05]
    page.locator(".stop-button:visible").click()
    (start, at), (end, to) = played[0], played[-1]
    apart = 1000 * abs(end - start - to + at)
    return f"heard after {first:.1f} s; {end - start:.2f} s by the clock, {to - at:.2f} s of music: {apart:.0f} ms apart"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("outputs/app"))
    parser.add_argument("--jam", type=float, default=60.0, help="seconds of a jam to listen to; 0 for none")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    with served() as (address, seconds), sync_playwright() as playwright:
        print(f"server up after {seconds:.1f} s")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        errors: list[str] = []
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
            began = time.perf_counter()
            page.goto(address)
            page.wait_for_selector(".go-button:visible")
            page.locator(".go-button:visible").click(trial=True)
            print(f"{name}: page ready after {time.perf_counter() - began:.2f} s")
            if name == "desktop":
                until(lambda page=page: page.get_by_text("splashing water").count())
                print(f"first edit {run(page):.1f} s")
                page.get_by_text("campfire.ogg").click()
                page.locator("img[alt='The photo to edit']").wait_for()
                print(f"another photo {run(page):.1f} s, and once more {run(page):.1f} s")
            else:
                run(page)
            page.wait_for_timeout(800)
            page.screenshot(path=given.output / f"{name}-edit.png", full_page=name == "phone")
            for tab in PAGES[1:]:
                choose(page, tab)
                if tab in ("Generate", "Music") and name == "desktop":
                    print(f"{tab.lower()} {run(page):.1f} s")
                page.wait_for_timeout(800)
                page.screenshot(path=given.output / f"{name}-{tab.lower()}.png", full_page=name == "phone")
            if name == "desktop" and given.jam:
                print(f"jam: {jam(page, given.jam)}")
                page.screenshot(path=given.output / f"{name}-jam.png")
            page.close()
        print(f"console errors: {errors or 'none'}")


if __name__ == "__main__":
    main()
