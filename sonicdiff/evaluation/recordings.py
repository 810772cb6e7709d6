"""Real recordings and real photographs: the class that is heard, and a contact sheet of edits. There is no score for these but the eye."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sonicdiff.audio import waveform
from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.data import CAUSES
from sonicdiff.evaluation.judging import Session
from sonicdiff.evaluation.material import balanced_rows, causes, sound_of
from sonicdiff.evaluation.report import Table, sheet
from sonicdiff.evaluation.scores import bootstrap
from sonicdiff.synthetic.classes import CLASSES

SECONDS = 10.0  # heard of each recording
REFERENCE, NEIGHBOURS = 90, 7  # synthetic sounds that a recording is compared with, and how many of them vote
PHOTO_SIDE = 256


def said_classes(sources: Path) -> dict[str, str]:
    """The class that `examples/SOURCES.md` gives each recording, by file name."""
    lines = re.findall(r"^\| ([\w.-]+\.\w+) \| [^|]* \| ([^|]*) \|", sources.read_text(), re.MULTILINE)
    return {name: said.strip() for name, said in lines if said.strip() in CLASSES}


def recordings(session: Session, examples: Path = Path("examples"), photos: int = 5, edits: int | None = None) -> list[Table]:
    """Hear every recording under `examples`, and edit its photos by the first `edits` (default: all) of them."""
    said = said_classes(examples / "SOURCES.md")
    files = [file for file in sorted(examples.rglob("*")) if file.name in said]
    if not files:
        raise FileNotFoundError(f"{examples} holds no recording that its SOURCES.md lists with a class")
    sounds = [waveform.load(file, length=SECONDS) for file in files]
    table = listened(session, files, sounds, said)
    pictures = [
        np.asarray(ImageOps.contain(Image.open(file).convert("RGB"), (PHOTO_SIDE, PHOTO_SIDE))) for file in chosen(examples, photos)
    ]
    columns = [[session.edit(picture, sound) for sound in sounds[:edits]] for picture in pictures]
    rows = [[(picture, "photo") for picture in pictures]]
    rows += [[(column[i], f"{file.stem} ({said[file.name]})") for column in columns] for i, file in enumerate(files[:edits])]
    sheet(rows, session.output / "recordings.png", size=192)
    return [table]


def chosen(examples: Path, count: int) -> list[Path]:
    """Photographs of open country first: what the model was made for."""
    files = sorted((examples / "photos").glob("*.jpg")) + sorted((examples / "copyleft").glob("*.jpg"))
    return sorted(files, key=lambda file: file.stem in ("rocket", "palace", "riverside"))[:count]


def listened(session: Session, files: Sequence[Path], sounds: Sequence[Waveform], said: dict[str, str]) -> Table:
    """The class that the model hears, by its own labels and by its nearest synthetic sounds, and the one the audio evaluator hears."""
    pipeline, known = session.pipeline, balanced_rows(REFERENCE)
    embeds = np.concatenate([pipeline.embed_audio(sound_of(r)).cpu().numpy() for r in known])
    note = f"n = {len(files)}. Model: its own labels. Nearest: voted by the {NEIGHBOURS} nearest of {REFERENCE} synthetic sounds."
    table, right = Table("Real recordings", note), {}
    for file, sound, evaluator in zip(files, sounds, session.evaluators.hear(sounds).cause(with_calm=True), strict=True):
        votes = voted(embeds @ pipeline.embed_audio(sound).cpu().numpy()[0], causes(known))
        answers = {"nearest": (CLASSES[int(votes.argmax())], float(votes.max())), "evaluator": (CAUSES[evaluator], None)}
        if pipeline.labels is not None:
            answers = {"model": pipeline.heard(sound, top=1)[0], **answers}
        table.rows[file.name] = {"said": said[file.name], **{who: answered(*answer) for who, answer in answers.items()}}
        for who, (name, _) in answers.items():
            right.setdefault(who, []).append(name == said[file.name])
    table.rows["right"] = {who: bootstrap(column) for who, column in right.items()}
    return table


def answered(name: str, sureness: float | None) -> str:
    return name if sureness is None else f"{name} {sureness:.2f}"


def voted(similarity: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Shares of the classes among the NEIGHBOURS most similar, weighted by similarity: (classes,)."""
    nearest = np.argsort(-similarity)[:NEIGHBOURS]
    votes = np.bincount(classes[nearest], np.clip(similarity[nearest], 1e-6, None), minlength=len(CLASSES))
    return votes / votes.sum()
