"""The app as a person meets it: the shipped models behind it, a real browser before it, clicks, keys, uploads, sound that plays."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from waiting import PATIENCE, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; `make test` installs it where apt-get can"),
]
EXAMPLES = Path(__file__).parents[2] / "examples"
REMEMBER = """() => { window.said = []; const look = () => {
  const told = [...document.querySelectorAll('.status, [data-testid=toast-body]')].filter((each) => each.checkVisibility());
  const text = told.map((each) => each.innerText).join(' ');
  if (text !== said.at(-1)) said.push(text);
}; look(); new MutationObserver(look).observe(document.body, {childList: true, subtree: true, characterData: true, attributes: true}); }"""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from sonicdiff.ui import serving

    app = serving.start(port=None)
    yield app.address
    app.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        with closing(playwright.chromium.launch(executable_path=CHROMIUM, args=flags)) as started:
            yield started


@pytest.fixture
def visit(browser: Any, address: str) -> Iterator[Callable[..., Page]]:
    """Opens the app in a window of its own; at the end no window may have seen an error."""
    opened: list[Page] = []

    def open_page(query: str = "", width: int = 1280, height: int = 900) -> Page:
        page = Page(browser.new_context(viewport={"width": width, "height": height}, accept_downloads=True).new_page())
        opened.append(page)
        page.open(address + query)
        return page

    yield open_page
    errors = [error for page in opened for error in page.errors]  # before they close: the server then forgets files that still load
    for page in opened:
        page.page.context.close()
    assert errors == []


class Page:
    """What a person sees and does."""

    def __init__(self, page: Any) -> None:
        self.page, self.errors, self.heard = page, [], 0
        page.set_default_timeout(1000 * PATIENCE)
        page.on("console", lambda told: self.errors.append(f"{told.text} {told.location['url']}") if told.type == "error" else None)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, address: str) -> None:
        self.page.goto(address)
        self.look()

    def reload(self) -> None:
        self.page.reload()
        self.look()

    def look(self) -> None:
        """Waits for the page, and remembers from then on what it says: some of it is soon replaced."""
        self.page.wait_for_selector(".go-button:visible")
        self.page.evaluate(REMEMBER)
        self.heard = 0

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def go(self) -> None:
        self.page.locator(".go-button:visible").click()

    def stop(self) -> None:
        self.page.locator(".stop-button:visible").click()

    def until(self, words: str) -> str:
        """Waits until the page says so, or has said so after what was last waited for; what matches is a regular expression."""

        def found() -> str:
            said = self.page.evaluate("window.said")
            match = next((place for place in range(self.heard, len(said)) if re.search(words, said[place])), None)
            if match is None:
                return ""
            self.heard = match
            return said[match]

        return until(found, lambda: f"{words!r} is not in what the page said: {self.page.evaluate('window.said')[self.heard :]}")

    def load(self, settings: dict[str, Any], page: str, folder: Path) -> None:
        """Settings from a file, as a person drops it."""
        file = folder / "settings.json"
        file.write_text(json.dumps({"page": page, "settings": settings}))
        self.page.get_by_role("button", name="Save or load settings").locator("visible=true").click()
        # The input is put into the page when the section has opened: a file may not go to another's in the meantime.
        self.page.locator(".tabitem:visible .block:has-text('Load: settings') input[type=file]").set_input_files(file)
        until(lambda: self.page.get_by_text("Settings loaded").locator("visible=true").count())


def pictures(page: Page, inside: str) -> list[int]:
    """The widths in pixels of the pictures that are shown."""
    return page.page.evaluate(f"[...document.querySelectorAll('{inside} img')].filter(i => i.offsetParent).map(i => i.naturalWidth)")


def test_the_first_click_edits(visit: Callable[..., Page]) -> None:
    page = visit()
    until(lambda: page.page.get_by_text("splashing water").locator("visible=true").count())  # what is heard, before any click
    page.go()
    page.until("s left")
    page.until("Done: 1 picture")
    until(lambda: len([width for width in pictures(page, ".result") if width > 100]) == 2)
    with page.page.expect_download() as download:
        page.page.locator(".result a[download]:visible, .result button[aria-label='Download']:visible").first.click()
    assert download.value.suggested_filename == "valley-splash.png"


def test_uploads_stop_and_go_on(visit: Callable[..., Page], photo: Path, sound: Path, tmp_path: Path) -> None:
    page = visit()
    page.page.locator(".tabitem:visible button[aria-label='Clear'], .tabitem:visible button[aria-label='Remove Image']").first.click()
    page.page.locator(".tabitem:visible input[type=file]").first.set_input_files(photo)
    until(lambda: page.page.locator(f".tabitem:visible img[src*='{photo.stem}']").count())  # until then there is no photo to edit
    page.page.locator(".tabitem:visible button[aria-label='Clear']").last.click()
    page.page.locator(".tabitem:visible input[type=file][accept*=audio]").first.set_input_files(sound)
    until(lambda: page.page.get_by_text("16000 Hz").count() or page.page.locator(".heard img[alt*='16000 Hz']").count())
    page.go()
    page.until("step")
    page.stop()
    page.until("Stopped")
    page.page.keyboard.press("Control+Enter")
    page.until("step")
    page.page.keyboard.press("Control+Alt+Enter")
    page.until("Stopped")
    page.load({"num_inference_steps": 5, "seed": "7"}, "edit", tmp_path)
    page.go()
    page.until("Done: 1 picture, coast-hiss-seed-7")


def test_a_page_that_is_loaded_again_finds_its_run_its_tab_and_what_it_held(visit: Callable[..., Page]) -> None:
    page = visit("#generate")
    words = page.page.locator(".tabitem:visible textarea").first
    until(lambda: page.page.get_by_role("button", name="Make images").is_visible())
    words.fill("a harbour")
    page.go()
    page.until("step")
    page.reload()
    page.errors.clear()  # the page that was left complains of its broken connection
    page.until("Done: 1 image")
    assert page.page.url.endswith("#generate") and words.input_value() == "a harbour"
    page.reload()
    page.errors.clear()
    page.until("Done: 1 image")


def test_refusals_are_shown_where_they_are_looked_for_and_stay(visit: Callable[..., Page], tmp_path: Path) -> None:
    page = visit()
    page.page.get_by_role("button", name="Send the result to Edit").click()
    page.until("There is nothing to send yet")
    (tmp_path / "silent.mp4").write_bytes(b"no video")
    page.page.locator(".tabitem:visible input[type=file][accept*=video]").first.set_input_files(tmp_path / "silent.mp4")
    until(lambda: "silent.mp4" in page.page.locator("#refusal").inner_text())
    page.errors.clear()  # the browser itself notes an answer that is a refusal


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(visit: Callable[..., Page], theme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = visit(f"?__theme={theme}")
    for name in ("Edit", "Generate", "Music", "Jam", "Models"):
        page.tab(name)
        until(lambda: page.page.locator("div.empty[aria-label]:not([role])").count() == 0)
        found = Axe().run(page.page, options={"resultTypes": ["violations"]}).response["violations"]
        serious = [(each["id"], node["target"]) for each in found if each["impact"] in ("serious", "critical") for node in each["nodes"]]
        assert serious == [], name


def test_the_page_on_programs_offers_what_runs(browser: Any, address: str) -> None:
    """No MCP server does: the constraints have a newer pydantic than Gradio's extra for it takes.

    In a window whose errors do not count: Gradio's page asks for what is not run, whatever it is.
    """
    with closing(browser.new_context()) as window:
        page = window.new_page()
        page.set_default_timeout(1000 * PATIENCE)
        page.goto(address)
        page.locator("footer button", has_text="API").click()
        snippets = page.locator(".snippet")
        snippets.first.wait_for()
        shown = [snippet.inner_text().strip() for snippet in snippets.all() if snippet.is_visible()]
    assert "Python" in shown and "MCP" not in shown


def test_music_plays_and_is_sent_on(visit: Callable[..., Page]) -> None:
    page = visit()
    page.tab("Music")
    page.go()
    page.until("bpm, a loop")
    until(lambda: page.page.locator("#music-clip time").last.inner_text() not in ("0:00", ""))  # it has been fetched and decoded
    until(lambda: page.page.evaluate(PLAYS))
    page.page.get_by_role("button", name="Send to Generate").click()
    until(lambda: page.page.get_by_role("button", name="Make images").is_visible())
    until(lambda: page.page.locator(".tabitem:visible .heard img[alt*='44100 Hz']").count())


PLAYS = """() => { const play = document.querySelector("#music-clip button[aria-label='Play']");
  if (play) play.click();  // a player that is not ready takes no click
  return !["0:00", ""].includes(document.querySelector("#music-clip time").innerText); }"""
PLAYED = "(seconds) => [...document.querySelectorAll('audio')].some((each) => !each.paused && each.currentTime > seconds)"
STRETCHES = """() => [...document.querySelectorAll('audio')].filter((each) => each.currentTime > 0).map(({buffered}) =>
  Array.from({length: buffered.length}, (_, which) => [buffered.start(which), buffered.end(which)]))"""


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
def test_a_jam_plays_without_a_gap_and_is_steered(visit: Callable[..., Page]) -> None:
    page = visit()
    page.tab("Jam")
    page.go()
    page.until(r"Clip \d")
    words = page.page.locator(".tabitem:visible textarea, .tabitem:visible input[type=text]").first
    words.fill("rock electric guitar, 84 bpm")
    words.press("Enter")
    until(lambda: page.page.get_by_text("Heard from clip").count())
    until(lambda: page.page.evaluate(PLAYED, 12))
    ((stretch,),) = page.page.evaluate(STRETCHES)  # one player, and in it clip upon clip without a gap
    assert stretch[0] < 0.1 and stretch[1] > 12
    page.stop()
    page.until("Stopped")
    until(lambda: page.page.get_by_text("What was played (").is_visible())


@pytest.mark.parametrize("width", [390, 320])
def test_on_a_phone_nothing_is_cut_off(visit: Callable[..., Page], width: int) -> None:
    page = visit("?__theme=dark", width, 844)
    paper = page.page.evaluate("getComputedStyle(document.querySelector('.gradio-container')).backgroundColor")
    assert max(int(value) for value in re.findall(r"\d+", paper)[:3]) < 60  # dark
    tops = [page.page.locator(f".tabitem:visible {what}").first.bounding_box()["y"] for what in (".go-button", ".result", ".heard")]
    assert tops == sorted(tops)
    for name in ("Generate", "Music", "Jam", "Models"):
        page.tab(name)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width, name
