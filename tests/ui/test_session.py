"""What is kept for a visitor, and for how long."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicdiff.ui import session
from sonicdiff.ui.session import Sessions, place, plain


def visitor(name: str) -> SimpleNamespace:
    return SimpleNamespace(session_hash=name)


def test_visitors_have_folders_of_their_own_that_go_with_them(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path)
    a, b = sessions.of(visitor("a")), sessions.of(visitor("b"))
    assert a.folder != b.folder and sessions.of(visitor("a")) is a
    for each in (a, b):
        place(each.folder, ".png", "x").write_bytes(b"picture")
    assert a.folder.stat().st_mode & 0o077 == 0
    a.close()
    assert not a.folder.exists() and b.folder.exists()
    sessions.leave(visitor("nobody"))


def test_a_page_that_is_loaded_again_has_its_session_and_one_that_is_closed_loses_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def now_is(seconds: float) -> None:
        monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: seconds))

    now_is(0)
    sessions, token = Sessions(tmp_path), "0123456789abcdef" * 2
    first = sessions.adopt(visitor("a"), token)
    place(first.folder, ".png", "x").write_bytes(b"picture")
    sessions.leave(visitor("a"))
    stranger = sessions.adopt(visitor("c"), "f" * 32)
    sessions.of(visitor("b"))  # an event of the new page that was quicker
    assert sessions.adopt(visitor("b"), token) is first and sessions.of(visitor("b")) is first and stranger is not first
    assert all(sessions.adopt(visitor("d"), token) is not first for token in ("", None, "0" * 31, 7))
    now_is(session.AWAY + 5)
    sessions.sweep()
    assert first.folder.exists()
    sessions.leave(visitor("b"))
    now_is(2 * session.AWAY + 10)
    sessions.sweep()
    assert not first.folder.exists()


def test_nothing_is_kept_longer_than_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def now_is(seconds: float) -> None:
        monkeypatch.setattr(session, "time", SimpleNamespace(monotonic=lambda: seconds))

    now_is(0)
    sessions = Sessions(tmp_path)
    old, new = sessions.of(visitor("old")), sessions.of(visitor("new"))
    place(old.folder, ".png", "x").write_bytes(b"picture")
    now_is(session.KEPT - 60)
    new.keep("a.png", "a.png", "a")  # what is still used stays
    now_is(session.KEPT + 60)
    sessions.sweep()
    assert not old.folder.exists() and list(sessions.open) == ["new"]


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MOST_OPEN", 3)
    sessions = Sessions(tmp_path)
    for name in "abcda":
        sessions.of(visitor(name))
    assert list(sessions.open) == ["c", "d", "a"]


@given(st.text())
def test_a_name_is_a_files_name_wherever_it_comes_from(text: str) -> None:
    name = plain(text)
    assert plain(name) == name and len(name) <= 40 and name.isascii() and not set(name) & set("./\\\0 ")


def test_names_are_not_taken_twice(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        path = place(tmp_path, ".png", "coast", "../rain", "", "seed-7")
        path.touch()
        names.append(path.name)
    assert names == ["coast-rain-seed-7.png", "coast-rain-seed-7-2.png", "coast-rain-seed-7-3.png"]
