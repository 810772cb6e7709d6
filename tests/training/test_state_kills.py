"""SIGKILL at a hundred random moments of saving: what is found afterwards is always a whole state, and never an older one than was done."""

from __future__ import annotations

import os
import random
import select
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from sonicdiff.training.state import TENSORS, DamagedState, newest, save_state, states


def save_for_ever(run_dir: Path, step: int, done: int) -> None:
    while True:
        step += 1
        tensors = {"weight": torch.full((16, 1024), float(step)), "moment": torch.full((8,), -float(step))}
        save_state(run_dir, step, tensors, {"names": ["weight"]})
        os.write(done, b".")


def killed_while_saving(run_dir: Path, step: int, after: float) -> int:
    """The number of saves that a child finished before it was killed, `after` seconds into one."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            save_for_ever(run_dir, step, writing)
        finally:
            os._exit(1)
    os.close(writing)
    finished = len(os.read(reading, 1))  # it is at work
    nothing, _ = os.pipe()
    select.select([nothing], [], [], after)
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    finished += len(os.read(reading, 1000))
    for end in (reading, nothing, _):
        os.close(end)
    return finished


@pytest.fixture
def run_dir() -> Iterator[Path]:
    """In memory where there is such a place: a disk would be waited for three hundred times."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        yield Path(folder)


def test_a_hundred_kills_leave_the_last_state_whole(run_dir: Path) -> None:
    rng, step = random.Random(0), 0
    for _ in range(100):
        finished = killed_while_saving(run_dir, step, rng.uniform(0, 0.003))
        found = newest(run_dir)
        assert found is not None
        tensors, meta = found
        assert step + finished <= meta["step"] <= step + finished + 1  # it may have been killed between saving and saying so
        step = meta["step"]
        assert torch.equal(tensors["weight"], torch.full((16, 1024), float(step)))
        assert torch.equal(tensors["moment"], torch.full((8,), -float(step)))
        assert len(states(run_dir)) <= 3
    assert step > 100


def saved(folder: Path, count: int = 2) -> Path:
    for step in range(1, count + 1):
        save_state(folder, step, {"weight": torch.full((4,), float(step))}, {})
    return folder


@pytest.mark.parametrize("what", ["flipped", "cut", "missing"])
def test_a_damaged_state_gives_way_to_the_one_before(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    file = states(saved(tmp_path))[-1] / TENSORS
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.unlink() if what == "missing" else file.write_bytes(content[:-2] if what == "cut" else content)
    found = newest(tmp_path)
    assert found is not None and found[1]["step"] == 1
    assert "state-00000002" in capsys.readouterr().out


def test_no_whole_state_is_an_error_and_no_state_is_none(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    (states(saved(tmp_path, 1))[0] / TENSORS).write_bytes(b"")
    with pytest.raises(DamagedState, match="begin anew"):
        newest(tmp_path)


def test_what_a_kill_left_is_swept(tmp_path: Path) -> None:
    rest = saved(tmp_path) / "state-00000001"
    (rest / "state.json").unlink()
    save_state(tmp_path, 3, {"weight": torch.zeros(4)}, {})
    assert [folder.name for folder in states(tmp_path)] == ["state-00000002", "state-00000003"] and not rest.exists()
