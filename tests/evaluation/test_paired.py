"""AIS, IIS, AIC, KID and FID against cases worked out by hand and against torchmetrics; what is tried and what it is compared with."""

# pyright: reportArgumentType=false
from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
import torch
from PIL import Image
from torchmetrics.classification import MulticlassAccuracy
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance

from sonicdiff.audio.waveform import Waveform
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.evaluation.choosing import Judged, divided, fingerprint, judged
from sonicdiff.evaluation.extractors import Looked
from sonicdiff.evaluation.frechet import frechet_distance, kernel_distance, kernel_interval
from sonicdiff.evaluation.paired import Case, as_released, by_class, chance, repaired, right
from sonicdiff.evaluation.paired_tables import note, tables_of
from sonicdiff.evaluation.report import Table
from sonicdiff.evaluation.scores import Estimate, bootstrap


class Corners:
    """Pictures and sounds that say where they point: a picture's first three pixels, a sound's first three samples, in hundredths."""

    about = distances = "corners"

    def __init__(self, known: Sequence[str] = ()) -> None:
        self.known = list(known)

    def look(self, picture: np.ndarray) -> Looked:
        vector = picture.reshape(-1)[:3][None] / 100.0
        return Looked(vector, vector, np.pad(vector, ((0, 0), (0, 1))))

    def listen(self, sound: Waveform) -> np.ndarray:
        return sound.samples[:, :3].astype(float)

    def listen_as_released(self, sounds: Iterable[Waveform]) -> np.ndarray:
        return -np.concatenate([self.listen(sound) for sound in sounds])

    def named(self, looked: Looked, labels: Sequence[str], bare: bool) -> np.ndarray | None:
        if not set(labels) <= set(self.known):
            return None
        fits = looked.pictures[:, [self.known.index(label) for label in labels]]
        return fits if bare else -fits


def sample(key: str, label: str | None = None, group: str = "", pixel: int = 0, broken: bool = False) -> Sample:
    def picture() -> Image.Image:
        if broken:
            raise SampleError(f"{key}: torn")
        return Image.new("RGB", (2, 2), (pixel, 0, 0))

    return Sample(key, picture, lambda: Waveform(np.zeros((1, 4), np.float32), 4), lambda: key * 2, None, label, group or key)


def judged_as(vectors: Sequence[Sequence[float]], labels: Sequence[str | None], side: str) -> Judged:
    looked = np.array(vectors, float)
    samples = [sample(f"{side}{number}", label) for number, label in enumerate(labels)]
    return Judged(samples, Looked(looked, looked, np.pad(looked, ((0, 0), (0, 1)))), looked, -looked)


EAST, NORTH, UP = (1, 0, 0), (0, 1, 0), (0, 0, 1)


@pytest.fixture
def case() -> Case:
    """Four sounds, of east and of north; a pool of two of each and an opposite one."""
    tried = judged_as([EAST, EAST, NORTH, NORTH], ["e", "e", "n", "n"], "tried")
    pool = judged_as([EAST, EAST, NORTH, NORTH, (-1, 0, 0)], ["e", "e", "n", "n", "n"], "pool")
    return Case(Corners(["e", "n"]), tried, pool)


def mean(cell: object) -> float:
    return cell.mean if isinstance(cell, Estimate) else float("nan")


def test_ties_are_halves_repaired_and_losses_as_released(case: Case) -> None:
    of = np.arange(4)
    scores, released = repaired(case, case.tried.looked, of), as_released(case, case.tried.looked, of)
    # East ties with two of five and beats three; north ties with two and beats three.
    assert mean(scores["AIS"]) == mean(scores["IIS"]) == pytest.approx((3 + 2 / 2) / 5)
    assert mean(released["IIS"]) == pytest.approx(3 / 5)
    assert mean(released["AIS"]) == 0  # the released way of hearing turns its sounds round: nothing is further than one's own
    assert mean(scores["AIS cosine"]) == 1 and mean(scores["IIS cosine"]) == 1


def test_pictures_of_nothing_in_particular_score_one_half_or_nothing(case: Case) -> None:
    nothing = Looked(0 * case.tried.looked.shared, 0 * case.tried.looked.pictures, case.tried.looked.features)
    assert mean(repaired(case, nothing, np.arange(4))["AIS"]) == 0.5
    assert mean(as_released(case, nothing, np.arange(4))["AIS"]) == 0


def test_classes_are_named_bare_as_released_and_in_a_sentence_repaired(case: Case) -> None:
    """The corners answer a sentence with the opposite of what they answer a bare name."""
    assert mean(as_released(case, case.tried.looked, np.arange(4))["AIC"]) == 1
    assert mean(repaired(case, case.tried.looked, np.arange(4))["AIC"]) == 0
    assert chance(case)["AIC"] == 0.5 and not case.by_prototypes


def test_unknown_classes_are_what_their_pictures_have_in_common() -> None:
    tried = judged_as([EAST, UP, NORTH, NORTH, EAST], ["e", "e", "n", "n", "only here"], "tried")
    case = Case(Corners(), tried, judged_as([EAST, EAST, NORTH, NORTH], ["e", "e", "n", "n"], "pool"))
    assert case.by_prototypes and case.classes == ["e", "n"] and "mean of the pool's pictures" in note(case, np.arange(5))
    found = right(case, tried.looked, np.arange(5), bare=False)
    assert found is not None and found[1].tolist() == [0, 1, 2, 3] and found[0].tolist() == [True, True, True, True]
    assert by_class(case, tried.looked[np.array([2, 1, 2, 3])], np.array([0, 1, 2, 3]))["e"] == {"right": 0.5, "n": 2, "else mostly": "n"}


def test_pairs_without_classes_have_no_class_score(case: Case) -> None:
    bare = Case(case.extractors, judged_as([EAST, NORTH, UP, EAST], [None] * 4, "tried"), case.pool)
    assert bare.classes is None and "AIC" not in repaired(bare, bare.tried.looked, np.arange(4)) and "No AIC" in note(bare, np.arange(4))


def test_the_class_score_is_torchmetrics_accuracy() -> None:
    rng = np.random.default_rng(0)
    names, answers = ["a", "b", "c"], rng.integers(0, 3, 30)
    tried = judged_as(rng.normal(size=(30, 3)), [names[i] for i in answers], "tried")
    case = Case(Corners(names), tried, judged_as(rng.normal(size=(9, 3)), names * 3, "pool"))
    wanted = MulticlassAccuracy(3, average="micro")(torch.from_numpy(tried.looked.pictures), torch.from_numpy(answers))
    assert mean(as_released(case, tried.looked, np.arange(30))["AIC"]) == pytest.approx(float(wanted))


class Pixels(torch.nn.Module):
    """Takes what it is given for features already."""

    num_features = 8

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_frechet_and_kernel_distance_are_torchmetrics() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(60, 8)), rng.normal(0.4, 1.3, size=(60, 8))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fid = FrechetInceptionDistance(feature=Pixels(), input_img_size=(8,)).set_dtype(torch.float64)
        kid = KernelInceptionDistance(feature=Pixels(), subsets=1, subset_size=60).set_dtype(torch.float64)
    for metric in (fid, kid):
        metric.update(torch.from_numpy(a), real=True)
        metric.update(torch.from_numpy(b), real=False)
    assert frechet_distance(a, b) == pytest.approx(float(fid.compute()), rel=1e-4)
    assert kernel_distance(a, b) == pytest.approx(float(kid.compute()[0]), rel=1e-4)


def test_the_jackknife_covers_the_truth_and_leaves_out_whole_groups() -> None:
    rng = np.random.default_rng(2)
    b = rng.normal(size=(60, 4))
    drawn = [kernel_interval(rng.normal(size=(20, 4)), b, [str(i) for i in range(20)]) for _ in range(60)]
    truth = np.mean([kernel_distance(rng.normal(size=(200, 4)), b) for _ in range(40)])
    assert np.mean([each.low <= truth <= each.high for each in drawn]) > 0.85
    a = rng.normal(size=(5, 4))
    fourfold = np.repeat(a, 4, 0)
    wide = kernel_interval(fourfold, b, [str(i // 4) for i in range(20)])
    narrow = kernel_interval(fourfold, b, [str(i) for i in range(20)])
    assert wide.mean == narrow.mean and wide.high - wide.low > 1.5 * (narrow.high - narrow.low)


def test_kid_is_left_out_where_a_class_has_too_few(case: Case) -> None:
    assert repaired(case, case.tried.looked, np.arange(4))["KID"] is None
    tried, pool = judged_as([EAST, UP, EAST, NORTH, UP], ["e"] * 5, "tried"), judged_as([EAST, UP, NORTH, UP], ["e"] * 4, "pool")
    one = Case(Corners(["e"]), tried, pool)
    assert isinstance(repaired(one, tried.looked, np.arange(5))["KID"], Estimate)
    assert repaired(one, tried.looked[np.arange(4)], np.arange(4))["KID"] is None


def test_values_of_one_recording_are_resampled_together() -> None:
    values, groups = [0.0] * 4 + [1.0] * 4, ["a"] * 4 + ["b"] * 4
    together = bootstrap(values, groups=groups)
    assert (together.mean, together.low, together.high, together.n) == (0.5, 0.0, 1.0, 8)
    assert bootstrap(values).low > 0
    assert bootstrap(values, groups=[str(i) for i in range(8)]) == bootstrap(values)
    assert bootstrap([1.0, 0.0, 0.0], groups=["a", "b", "b"]).mean == pytest.approx(1 / 3)


def test_no_recording_is_on_both_sides_and_the_classes_come_in_turn() -> None:
    """Speakers, each with every class; and a class with twice as many recordings as the other."""
    speakers = [sample(f"{who}-{what}", what, who) for who in "abcdefghij" for what in ("calm", "happy", "sad")]
    first, second = divided(speakers, seed=3)
    assert {each.group for each in first} & {each.group for each in second} == set() and len(first) + len(second) == 30
    assert [each.label for each in first[:6]] == ["calm", "happy", "sad"] * 2 and len({each.group for each in first[::3][:5]}) == 5
    uneven = [sample(f"{label}{i}", label) for label, many in (("x", 16), ("y", 8)) for i in range(many)]
    sides = divided(uneven, seed=0)
    assert [Counter(each.label for each in side) for side in sides] == [{"x": 8, "y": 4}] * 2
    assert [each.label for each in sides[0]][:8] == ["x", "y"] * 4
    assert [each.key for each in divided(uneven, seed=1)[0]] != [each.key for each in sides[0]]
    with pytest.raises(ValueError, match="got 7 separate recordings, at least 8"):
        divided(uneven[:7], seed=0)
    assert all(len(side) == 4 for side in divided([sample(str(i), str(i)) for i in range(8)], 0))


def test_what_cannot_be_read_is_left_out_and_told() -> None:
    told: list[str] = []
    found = judged(Corners(), [sample(str(i), "x", broken=i % 2 == 0, pixel=10 * i) for i in range(12)], 5, told.append)
    assert [each.key for each in found.samples] == ["1", "3", "5", "7", "9"] and len(told) == 5 and found.left_out[0] == "0: torn"
    assert found.looked.shared[:, 0].tolist() == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    with pytest.raises(ValueError, match="0 pairs could be read; expected at least 4: 0: torn"):
        judged(Corners(), [sample(str(i), broken=True) for i in range(9)], 5, told.append)


def test_a_pools_fingerprint_is_of_its_samples_in_any_order() -> None:
    some = [sample("a"), sample("b"), sample("c")]
    assert fingerprint(some) == fingerprint(some[::-1]) != fingerprint(some[:2]) and len(fingerprint(some)) == 16


def test_the_tables_have_a_ceiling_a_floor_and_chance(case: Case) -> None:
    of = np.repeat(np.arange(4), 2)
    tables: list[Table] = tables_of(case, case.tried.looked[of], of, "Title")
    assert list(tables[0].rows) == list(tables[1].rows) == ["model", "true pictures", "pictures of other sounds", "chance"]
    cell = tables[0].rows["model"]["AIS"]
    assert isinstance(cell, Estimate) and cell.n == 8 and tables[1].rows["chance"] == {"AIS": 0.5, "IIS": 0.5, "AIC": 0.5}
    assert mean(tables[0].rows["pictures of other sounds"]["IIS cosine"]) == pytest.approx(0.5)
