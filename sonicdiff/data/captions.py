"""Captions for pictures that have none: written by BLIP-2 (Li et al. 2023), or made of the class; and the file they are kept in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonicdiff.data.reading import one_line
from sonicdiff.data.sample import Sample, SampleError

if TYPE_CHECKING:
    from PIL import Image

NAME = "captions.jsonl"
TEMPLATE = "a photo of {}"
LONGEST = 40  # tokens


def beside(where: str | os.PathLike[str]) -> Path:
    """The file for the captions of what lies at `where`: in a folder, or beside a file."""
    path = Path(where)
    return path / NAME if path.is_dir() else path.with_name(f"{path.name}.{NAME}")


def read(file: Path) -> dict[str, str]:
    """Captions by key; none where there is no file. A last line that was not finished counts for nothing."""
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8").split("\n")
    captions = {}
    for number, line in enumerate(lines[:-1], 1):
        try:
            entry = json.loads(line)
            captions[str(entry["key"])] = str(entry["caption"])
        except (ValueError, KeyError, TypeError):
            raise ValueError(f"{file.name}, line {number}: expected an object with key and caption; correct or remove the line") from None
    return captions


def with_captions(samples: Iterable[Sample], captions: dict[str, str]) -> list[Sample]:
    """The samples; those that have no caption of their own get theirs of `captions`."""
    return [replace(sample, caption=captions[sample.key]) if wanting(sample, captions) else sample for sample in samples]


def wanting(sample: Sample, captions: dict[str, str]) -> bool:
    return sample.caption is None and sample.key in captions


def of_class(sample: Sample) -> str | None:
    """The caption to learn with: its own, else 'a photo of' its class, else None."""
    return sample.caption or (TEMPLATE.format(sample.label) if sample.label else None)


class Captioner:
    """BLIP-2 by transformers, such as Salesforce/blip2-opt-2.7b: from a folder, or from the hub's cache, never from the network.

    device: cpu, cuda ..., by default a GPU if there is one, where it computes in half precision. Raises ValueError where there is no
    such model.
    """

    def __init__(self, model: str, device: str | None = None) -> None:
        import torch
        from transformers import Blip2ForConditionalGeneration, Blip2Processor

        from sonicdiff.pipelines.common.device import usable_device

        device = str(usable_device(device))
        self.name = Path(model).name if Path(model).is_dir() else model
        dtype = torch.float32 if device == "cpu" else torch.float16
        known: dict[str, Any] = {"local_files_only": True}
        try:
            self.processor: Any = Blip2Processor.from_pretrained(model, **known)
            network: Any = Blip2ForConditionalGeneration.from_pretrained(model, dtype=dtype, use_safetensors=True, **known)
        except (OSError, ValueError, TypeError, KeyError) as error:
            reason = " ".join(str(error).split())[:160]
            raise ValueError(
                f"{model} is no BLIP-2 that is here ({reason}); expected a folder of it, or fetch it: hf download {model}"
            ) from error
        self.network = network.to(device).eval()

    def __call__(self, pictures: Sequence[Image.Image]) -> list[str]:
        """A caption a picture, the likeliest by beam search over five: the same each time."""
        import torch

        inputs = self.processor(images=list(pictures), return_tensors="pt").to(self.network.device, self.network.dtype)
        with torch.inference_mode():
            tokens = self.network.generate(**inputs, num_beams=5, do_sample=False, max_new_tokens=LONGEST)
        return [one_line(text) or "" for text in self.processor.batch_decode(tokens, skip_special_tokens=True)]


def write(
    samples: Iterable[Sample],
    captioner: Captioner,
    file: Path,
    batch: int = 8,
    log: Callable[[str], None] | None = None,
) -> int:
    """Caption the pictures of the samples that have no caption, into `file`, a line of JSON each; return how many were made.

    Begun anew, it goes on where it was. A picture that cannot be read, or of which nothing is said, is left out, and log told of it.
    """
    tell = log or (lambda _: None)
    done = read(file)
    _finish(file)
    made, waiting = 0, []
    todo = [sample for sample in samples if sample.caption is None and sample.key not in done]
    for number, sample in enumerate(todo, 1):
        try:
            waiting.append((sample.key, sample.picture()))
        except SampleError as error:
            tell(f"skipped {error}")
        if waiting and (len(waiting) == batch or number == len(todo)):
            made += _append(file, captioner, waiting, tell)
            waiting = []
    return made


def _append(file: Path, captioner: Captioner, pictures: list[tuple[str, Image.Image]], tell: Callable[[str], None]) -> int:
    texts = captioner([picture for _, picture in pictures])
    lines = []
    for (key, _), text in zip(pictures, texts, strict=True):
        if text:
            lines.append(json.dumps({"key": key, "caption": text, "model": captioner.name}, ensure_ascii=False))
        else:
            tell(f"skipped {key}: {captioner.name} says nothing of it")
    with file.open("a", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for line in lines)
    return len(lines)


def _finish(file: Path) -> None:
    """Cut off a last line that was not finished."""
    if file.is_file():
        whole = file.read_bytes()
        if not whole.endswith(b"\n"):
            with file.open("r+b") as stream:
                stream.truncate(whole.rfind(b"\n") + 1)
