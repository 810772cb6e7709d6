"""The list of photographs to learn from, the Qt resource files that some lie in, and the folder they are gathered into."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from examples import collect
from sonicdiff.data import photographs, qt_resources

MADE = '[[photograph]]\npackage = "p"\npath = "a/b.png"\nauthor = "A"\nlicence = "{}"\ncaption = "a meadow"\n'


def test_the_list_names_free_licences_and_keeps_some_apart() -> None:
    listed = photographs.read_list()
    assert len(listed) > 100 and sum(photograph.validation for photograph in listed) == 6
    assert all(photograph.author and photograph.caption for photograph in listed)
    assert max(Counter(photograph.path for photograph in listed).values()) == 1
    assert len({photograph.file_name for photograph in listed}) == len(listed)


def test_no_photo_that_judges_is_in_it() -> None:
    judged = {Path(source).name for source in collect.PHOTOS.values()} | {"2560x1600.jpg"}
    judged |= {"astronaut", "chelsea", "coffee", "rocket", "china.jpg", "flower.jpg"}
    assert not [p.path for p in photographs.read_list() if Path(p.path).name in judged or Path(p.path).stem in judged]


def test_the_models_page_credits_every_author() -> None:
    page = (Path(__file__).parents[2] / "checkpoints/mini/PHOTOGRAPHS.md").read_text()
    for photograph in photographs.read_list():
        assert f"| {photograph.author} | {photograph.licence} | {photograph.package}" in page


@pytest.mark.parametrize("licence", ["GPL-2+", "CC BY-NC 4.0", "CC BY-ND 4.0"])
def test_another_licence_is_refused(tmp_path: Path, licence: str) -> None:
    (tmp_path / "list.toml").write_text(MADE.format(licence))
    with pytest.raises(ValueError, match=re.escape(licence)):
        photographs.read_list(tmp_path / "list.toml")


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(MADE.format("CC0 1.0") + 'colour = "red"\n')
    with pytest.raises(ValueError, match="colour"):
        photographs.read_list(tmp_path / "list.toml")


def resource_file(name: str, content: bytes, packed: bool) -> bytes:
    """A Qt resource file, version 1, with one file in its root."""
    stored = struct.pack(">I", len(content)) + zlib.compress(content) if packed else content
    names = struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    contents = struct.pack(">I", len(stored)) + stored
    tree = struct.pack(">IH2I", 0, 2, 1, 1) + struct.pack(">IH2HI", 0, int(packed), 0, 0, 0)
    return struct.pack(">4s4I", b"qres", 1, 20, 20 + len(tree), 20 + len(tree) + len(contents)) + tree + contents + names


@pytest.mark.parametrize("packed", [True, False])
def test_photographs_are_gathered_out_of_resource_files(tmp_path: Path, packed: bool) -> None:
    buffer = io.BytesIO()
    pixels = np.full((600, 1200, 3), (250, 20, 5), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "all.rcc").write_bytes(resource_file("b.png", buffer.getvalue(), packed))
    (tmp_path / "list.toml").write_text(MADE.replace("a/b.png", "all.rcc/b.png").format("public domain"))
    listed = photographs.read_list(tmp_path / "list.toml")
    assert photographs.gather(tmp_path / "to", tmp_path, listed) == 1
    assert photographs.gather(tmp_path / "to", tmp_path, listed) == 0
    made = np.asarray(Image.open(tmp_path / "to" / "000-b.png"))
    assert made.shape == (512, 1024, 3) and (made == pixels[0, 0]).all()


def test_what_is_no_resource_file_is_refused() -> None:
    with pytest.raises(ValueError, match="qres"):
        list(qt_resources.members(b"PK\x03\x04"))


def test_a_folder_without_them_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="sonicdiff data photographs"):
        photographs.load(tmp_path)
