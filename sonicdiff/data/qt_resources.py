"""Qt resource files (.rcc): a tree of names over stored or zlib-packed contents, as `rcc --binary` writes it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

COMPRESSED, FOLDER, ZSTD = 1, 2, 4  # flags of a node
NODE_SIZES = {1: 14, 2: 22, 3: 22}  # bytes, by the format's version


def members(resource: bytes) -> Iterator[tuple[str, bytes]]:
    """The files by their path. Raises ValueError where it is no resource file, or one that is packed by zstd."""
    if resource[:4] != b"qres":
        raise ValueError(f"a Qt resource file begins with 'qres'; this begins with {resource[:4]!r}")
    version, tree, contents, names = struct.unpack(">4I", resource[4:20])

    def walk(number: int, folder: str) -> Iterator[tuple[str, bytes]]:
        node = tree + number * NODE_SIZES[version]
        name_at, flags = struct.unpack(">IH", resource[node : node + 6])
        path = folder + name(names + name_at) if number else folder  # the root has none
        if flags & FOLDER:
            count, first = struct.unpack(">2I", resource[node + 6 : node + 14])
            for child in range(first, first + count):
                yield from walk(child, f"{path}/" if number else "")
        else:
            yield path, content(contents + struct.unpack(">I", resource[node + 10 : node + 14])[0], flags)

    def name(at: int) -> str:
        length = struct.unpack(">H", resource[at : at + 2])[0]
        return resource[at + 6 : at + 6 + 2 * length].decode("utf-16-be")

    def content(at: int, flags: int) -> bytes:
        packed = resource[at + 4 : at + 4 + struct.unpack(">I", resource[at : at + 4])[0]]
        if flags & ZSTD:
            raise ValueError("this Qt resource file is packed by zstd; expected zlib or none")
        return zlib.decompress(packed[4:]) if flags & COMPRESSED else packed

    yield from walk(0, "")
