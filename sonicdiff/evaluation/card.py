"""The evaluators' card: their ceiling on true images and sounds of seeds they have not seen, which every score is to be read against."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from diffusers import AutoencoderKL

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.data import CAUSES, RATE, Labels, evaluator_row, labels, made, picture, reduced, sound
from sonicdiff.evaluation.degrade import coarser
from sonicdiff.evaluation.features import Evaluators, Heard, Seen, to_tensor
from sonicdiff.evaluation.reconstruction import digest, reconstruct
from sonicdiff.evaluation.scores import audio_image_similarity, bootstrap, image_image_similarity, rank_correlation

HEAD = """# Evaluators

Two small networks that judge what a model makes: one looks at images (ten causes and calm, intensity, place, light),
one listens to sounds, and both give one embedding. They were made by `sonicdiff evaluate train-evaluators` from renders
and sounds of seeds that no generator is trained on, and from worse copies of them (coarse, compressed, noisy{reconstructed}).
float16 safetensors; `sonicdiff.evaluation.features.Evaluators.load` reads them. They know the synthetic world only: on real
photographs and recordings they are a hint, not a measure. `pairs/` holds what they learned to read besides, materials and voices;
`music/` holds the judge of music.

Ceilings on {n} true renders and sounds of `evaluator-test`. AIC: the class is right, among ten (calm ones left out);
with calm: among all eleven. AIS, IIS: win rates against the other sounds and renders (chance 0.50). Intensity: rank correlation
with the true one within a class, the mean of the ten.
"""


def write_card(output: Path, evaluators: Evaluators, cache: Path, vae: Path | None, tests: int, log: Callable[[str], None] = print) -> None:
    """Test the evaluators on their own test seeds and write `output/README.md`."""
    rows = [evaluator_row(index, "evaluator-test") for index in range(tests)]
    truth = labels(rows)
    pictures = made(cache / "pictures-test", rows, picture, log)
    copies = {"true renders": pictures, "a quarter of the resolution": [blurred(image) for image in pictures]}
    if vae is not None:
        model = AutoencoderKL.from_pretrained(vae).eval()
        folder = cache / f"reconstructions-test-{digest(vae)}"
        copies["VAE reconstructions at 128 pixels"] = made(folder, rows, lambda r: reconstruct(model, reduced(pictures[r.index])), log)
    sounds = made(cache / "sounds-test", rows, lambda r: sound(r, augmented=False), log)
    worse = made(cache / "sounds-test-augmented", rows, lambda r: sound(r, augmented=True), log)
    heard, heard_worse = (evaluators.hear(Waveform(s[None].astype(np.float32), RATE) for s in group) for group in (sounds, worse))
    seen = {name: evaluators.see(images) for name, images in copies.items()}

    reference = seen["true renders"]
    lines = [HEAD.format(n=tests, reconstructed=", through a VAE" if vae else "")]
    lines += ["| images | AIC | with calm | AIS | IIS | intensity | place |", "|---|---|---|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(ceilings(judged, heard, reference, truth))} |" for name, judged in seen.items()]
    lines += ["", "| sounds | class | with calm | intensity |", "|---|---|---|---|"]
    lines += [f"| {name} | {' | '.join(recognised(judged, truth))} |" for name, judged in (("as made", heard), ("augmented", heard_worse))]
    lines += ["", f"| class right, of eleven | {' | '.join((*seen, 'sounds', 'augmented sounds'))} |", "|---" * (len(seen) + 3) + "|"]
    judged = (*seen.values(), heard, heard_worse)
    for number, cause in enumerate(CAUSES):
        mine = truth.cause == number
        if not mine.any():
            continue
        lines.append(f"| {cause} | {' | '.join(f'{(j.cause(with_calm=True)[mine] == number).mean():.2f}' for j in judged)} |")
    (output / "README.md").write_text("\n".join(lines) + "\n")
    log((output / "README.md").read_text())


def blurred(image: np.ndarray) -> np.ndarray:
    x = coarser(to_tensor(image[None]), 4.0)[0]
    return x.add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy()


def recognised(judged: Seen | Heard, truth: Labels) -> list[str]:
    """The class among ten and eleven, and the rank correlation of the intensity."""
    loud = truth.cause < len(CAUSES) - 1
    right = bootstrap(judged.cause()[loud] == truth.cause[loud])
    with_calm = (judged.cause(with_calm=True) == truth.cause).mean()
    return [f"{right.mean:.3f} [{right.low:.2f}, {right.high:.2f}]", f"{with_calm:.3f}", f"{within_classes(judged.intensity, truth):.2f}"]


def within_classes(intensity: np.ndarray, truth: Labels) -> float:
    """Rank correlation with the true intensity, the mean over the ten classes."""
    groups = [np.flatnonzero(truth.cause == cause) for cause in range(len(CAUSES) - 1)]
    return float(np.mean([rank_correlation(intensity[rows], truth.intensity[rows]) for rows in groups if len(rows) > 2]))


def ceilings(judged: Seen, heard: Heard, reference: Seen, truth: Labels) -> list[str]:
    loud = truth.cause < len(CAUSES) - 1
    aic, with_calm, intensity = recognised(judged, truth)
    ais = audio_image_similarity(judged.embeds, heard.embeds, heard.embeds)[loud].mean()
    iis = image_image_similarity(judged.embeds, reference.embeds, reference.embeds)[loud].mean()
    place = (judged.place == truth.place).mean()
    return [aic, with_calm, f"{ais:.3f}", f"{iis:.3f}", intensity, f"{place:.2f}"]
