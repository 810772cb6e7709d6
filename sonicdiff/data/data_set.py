"""The samples of one split of a data set, and what they were taken for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from sonicdiff.data.sample import Sample


@dataclass(frozen=True)
class DataSet(Sequence[Sample]):
    """What `open_data` gives: a sequence of samples that knows where it is from."""

    samples: Sequence[Sample]
    where: str
    layout: str  # never auto: as what it was recognised
    split: str
    licence: str

    def __len__(self) -> int:
        return len(self.samples)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        return self.samples[index]

    def __iter__(self) -> Iterator[Sample]:
        return iter(self.samples)
