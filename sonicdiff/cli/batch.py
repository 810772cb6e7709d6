"""A batch: every row of a table through one verb, resumable, failures listed, the rows divided over however many processes run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from sonicdiff.cli import options, verbs
from sonicdiff.cli.errors import disk_is_full, sentence
from sonicdiff.cli.table import FILES, output_of, placed, rows_of, surveyed

FAILURES = "failures.jsonl"


@dataclass(frozen=True)
class Share:
    """This process among those that work: rows i with i % count == rank are its own."""

    rank: int = 0
    count: int = 1
    state: Any = None  # accelerate's, where it started this process

    def wait(self) -> None:
        if self.state is not None:
            self.state.wait_for_everyone()


@dataclass
class Outcome:
    """What became of the rows of one process."""

    by: Share
    made: int = 0
    kept: int = 0
    failed: int = 0
    any_failed: bool = False  # in any of the processes

    def __str__(self) -> str:
        told = f"{self.made} made, {self.kept} were there, {self.failed} failed"
        return told if self.by.count == 1 else f"process {self.by.rank + 1} of {self.by.count}: {told}"


def share() -> Share:
    """What accelerate (or torchrun) made this process; alone where neither started it."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Share()
    from datetime import timedelta

    import torch
    from accelerate import PartialState

    # One process may have much more to do than another, and waits for it in the end.
    state = PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(days=30))
    return Share(state.process_index, state.num_processes, state)


def run(table: Path, folder: Path, verb: str | None, rest: Sequence[str], seed: int = 0, quiet: bool = False) -> Outcome:
    """Makes what is not there yet. Row i (from 0) has the seed `seed` + i unless it names one. Raises OSError when the disk is full."""
    verb, count = surveyed(table, verb)
    verbs.line(verb, {}, rest)
    mine = share()
    if mine.state is not None and mine.state.device.type != "cpu" and "--device" not in rest:
        rest = [*rest, f"--device={mine.state.device}"]
    options.writable(folder)
    own, outcome = folder / f".failures-{mine.rank}.jsonl", Outcome(mine)
    total = len(range(mine.rank, count, mine.count))
    with (
        gathered(folder, mine),
        own.open("w") as failures,
        tqdm(total=total, unit="picture", disable=quiet or mine.rank > 0 or None) as bar,
    ):
        for number, row in enumerate(rows_of(table)):
            if number % mine.count != mine.rank:
                continue
            try:
                path = folder / output_of(row, number + 1)
                if done(verb, {"seed": seed + number, **row}, table.parent, path, rest):
                    outcome.made += 1
                else:
                    outcome.kept += 1
            except Exception as error:  # whatever a row leads to, the others are made
                if disk_is_full(error):
                    raise
                outcome.failed += 1
                told = {"row": number + 1, "output": output_of(row, number + 1), "error": sentence(error)}
                failures.write(json.dumps(told) + "\n")
                failures.flush()
            bar.set_postfix(kept=outcome.kept, failed=outcome.failed, refresh=False)
            bar.update()
    outcome.any_failed = (folder / FAILURES).exists() or outcome.failed > 0
    return outcome


@contextmanager
def gathered(folder: Path, mine: Share) -> Iterator[None]:
    """After the block, in whatever way it is left, the failures of all processes are in one file."""
    try:
        yield
        mine.wait()
    finally:
        if mine.rank == 0:
            gather(folder)
    mine.wait()


def done(verb: str, row: dict[str, Any], beside: Path, path: Path, rest: Sequence[str]) -> bool:
    """Makes a row's picture; False if it is there already."""
    values = {name: placed(value, beside) if name in FILES else value for name, value in row.items() if name != "output"}
    arguments = verbs.line(verb, values, rest)
    asked = verbs.request(verb, verbs.parsed(verb, arguments))
    if verbs.finished(path, asked):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    verbs.run(verb, arguments, path, asked)
    return True


def gather(folder: Path) -> None:
    """One `failures.jsonl` of those of all processes, in the order of the rows; none where nothing failed."""
    parts = sorted(folder.glob(".failures-*.jsonl"))
    lines = [line for part in parts for line in part.read_text().splitlines()]
    whole = folder / FAILURES
    if lines:
        partial = folder / f".{FAILURES}.partial"
        partial.write_text("".join(f"{line}\n" for line in sorted(lines, key=lambda line: json.loads(line)["row"])))
        partial.replace(whole)
    else:
        whole.unlink(missing_ok=True)
    for part in parts:
        part.unlink()
