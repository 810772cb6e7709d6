"""Who is for training and who is not: the same for ever, and never one group in two splits."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicdiff.data.reading import broken
from sonicdiff.data.splitting import SHARES, SPLITS, chosen, drawn, named


def test_shares_are_kept_and_nobody_moves_when_others_come() -> None:
    few = drawn((f"video {number}" for number in range(1000)), SHARES)
    counts = Counter(few.values())
    assert abs(counts["train"] - 800) < 40 and abs(counts["validation"] - 100) < 30 and abs(counts["test"] - 100) < 30
    many = drawn((f"video {number}" for number in range(2000)), SHARES)
    assert all(many[group] == split for group, split in few.items())
    assert [few[f"video {number}"] for number in (0, 1, 2, 3, 4, 5)] == GOLDEN


GOLDEN = ["train", "train", "train", "train", "validation", "train"]


@given(st.lists(st.tuples(st.text(max_size=3), st.integers(0, 5)), min_size=3, max_size=40))
def test_each_sample_is_in_one_split_with_all_of_its_group(pairs: list[tuple[str, int]]) -> None:
    samples = [broken(f"{number}", "", group=f"group {group}{copy}") for number, (group, copy) in enumerate(pairs)]
    parts = {split: chosen([(sample, None) for sample in samples], split) for split in SPLITS}
    assert sorted(int(sample.key) for part in parts.values() for sample in part) == list(range(len(pairs)))
    groups = [{sample.group for sample in part} for part in parts.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))
    if sum(map(len, groups)) >= 3:
        assert all(groups)


def test_a_tenth_of_a_given_train_becomes_the_validation_that_is_not() -> None:
    placed = [(broken(f"{number}", "", group=f"g{number % 100}"), "train" if number % 100 < 90 else "test") for number in range(300)]
    train, validation, test = (chosen(placed, split) for split in SPLITS)
    assert len(train) + len(validation) == 270 and 6 <= len(validation) <= 60 and len(test) == 30
    assert not {sample.group for sample in train} & {sample.group for sample in validation}


@pytest.mark.parametrize(
    ("name", "split"), [("val", "validation"), ("Train", "train"), (" dev ", "validation"), ("rain", None), ("", None)]
)
def test_names_of_splits(name: str, split: str | None) -> None:
    assert named(name) == split
