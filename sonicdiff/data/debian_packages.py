"""Files out of Debian packages, fetched by apt and unpacked: recordings and photographs whose authors and licences are on record."""

from __future__ import annotations

import fnmatch
import struct
import subprocess
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from sonicdiff.data import qt_resources

GROUP = ".ocg/"  # in a path: what follows lies inside an OpenClonk archive
RESOURCE = ".rcc/"  # and here in a Qt resource file


def unpacked(package: str, work: Path) -> Path:
    """The folder under `work` with the files of `package`, downloaded by `apt-get download` unless it is there.

    Raises OSError, one sentence, where apt is missing or has no such package.
    """
    folder = work / package
    if not folder.exists():
        work.mkdir(parents=True, exist_ok=True)
        partial = work / f"{package}.partial"
        try:
            if not list(work.glob(f"{package}_*.deb")):
                subprocess.run(["apt-get", "download", package], cwd=work, check=True, capture_output=True)
            subprocess.run(["dpkg", "-x", str(next(work.glob(f"{package}_*.deb"))), str(partial)], check=True, capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError, StopIteration) as error:
            raise OSError(f"the Debian package {package} could not be had ({error}); expected a Debian 12 on which apt-get works") from None
        partial.rename(folder)
    return folder


def fetch(package: str, path: str, work: Path) -> bytes:
    """The bytes of `path` in a package, in an OpenClonk archive (`Name.ocg/member`) or in a Qt resource file (`name.rcc/member`) of it.

    FileNotFoundError where it is not there.
    """
    folder = unpacked(package, work)
    if RESOURCE in path:
        archive, _, member = path.partition(RESOURCE)
        found = resources(folder / f"{archive}.rcc")
        if member not in found:
            raise FileNotFoundError(f"{package} has no {path}; {archive}.rcc holds {', '.join(sorted(found)[:8])}, ...")
        return found[member]
    if GROUP in path and not (folder / path).exists():
        archive, _, member = path.partition(GROUP)
        found = dict(members(unpack((folder / f"{archive}.ocg").read_bytes())))
        if member not in found:
            raise FileNotFoundError(f"{package} has no {path}; {archive}.ocg holds {', '.join(sorted(found)[:8])}, ...")
        return found[member]
    return (folder / path).read_bytes()


@lru_cache(maxsize=2)
def resources(file: Path) -> dict[str, bytes]:
    return dict(qt_resources.members(file.read_bytes()))


def matching(package: str, pattern: str, work: Path) -> list[str]:
    """The paths in a package, or in an OpenClonk archive of it, that a pattern with * and ? names. FileNotFoundError where none does."""
    folder = unpacked(package, work)
    archive, group, member = pattern.partition(GROUP)
    if group and (folder / f"{archive}.ocg").is_file():
        names = fnmatch.filter((name for name, _ in members(unpack((folder / f"{archive}.ocg").read_bytes()))), member)
        found = [f"{archive}{GROUP}{name}" for name in names]
    else:
        found = [path.relative_to(folder).as_posix() for path in folder.glob(pattern) if path.is_file()]
    if not found:
        raise FileNotFoundError(f"{package} has nothing that {pattern} names")
    return sorted(found)


def unpack(archive: bytes) -> bytes:
    """An OpenClonk group is a gzip stream under another magic number."""
    return zlib.decompressobj(31).decompress(b"\x1f\x8b" + archive[2:])


def members(group: bytes, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Files of an unpacked OpenClonk group: a scrambled 204-byte header, 316 bytes an entry, then the contents."""
    header = bytearray(byte ^ 237 for byte in group[:204])
    for i in range(0, 202, 3):
        header[i], header[i + 2] = header[i + 2], header[i]
    count = struct.unpack("<i", header[36:40])[0]
    contents = 204 + 316 * count
    for start in range(204, contents, 316):
        entry = group[start : start + 316]
        name = prefix + entry[:257].split(b"\0")[0].decode("latin1")
        _, nested, size, _, offset = struct.unpack("<5i", entry[260:280])
        content = group[contents + offset : contents + offset + size]
        yield from members(content, f"{name}/") if nested else [(name, content)]
