"""Unpacking a model's archive (zip, tar.bz2, tar.gz) as if its maker meant harm."""

from __future__ import annotations

import posixpath
import stat
import tarfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from voicebot.asr.download import disk_fault
from voicebot.asr.recognizer import AsrFault

_BLOCK = 1 << 20
_MOST_FILES = 10_000  # a model has some dozens
_ZIP, _TARS = b"PK", (b"BZh", b"\x1f\x8b")  # how they begin; the tars are bzip2 and gzip
_DAMAGED = (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, NotImplementedError, RuntimeError, ValueError)


class _Unusable(Exception):
    """What is wrong with the archive."""


def unpack(archive: Path, into: Path, *, at_most: int) -> None:
    """Unpack into the new folder `into`.

    Only plain files and folders come out, all of them below `into`: absolute names, `..`, devices, links that lead
    out, more than `at_most` bytes or 10,000 files are refused. A link inside becomes a copy. On a fault `into` is left
    as far as it came. Raises `AsrFault` with one line, which names the archive.
    """
    try:
        into.mkdir(parents=True)
        with archive.open("rb") as file:
            magic = file.read(4)
        room = _Room(at_most)
        if magic.startswith(_ZIP):
            _unzip(archive, into, room)
        elif magic.startswith(_TARS):
            _untar(archive, into, room)
        else:
            raise _Unusable("is no zip, tar.bz2 or tar.gz archive; check the address or the mirror")
    except _Unusable as wrong:
        raise AsrFault(f"{archive.name}: {wrong}", permanent=True) from wrong
    except _DAMAGED as error:
        raise AsrFault(f"{archive.name}: is damaged or cut off; fetch it again", permanent=True) from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise AsrFault(f"{archive.name}: holds one name twice; fetch it again", permanent=True) from error
    except OSError as error:
        if error.errno is None:  # how bz2 tells of damage
            raise AsrFault(f"{archive.name}: is damaged or cut off; fetch it again", permanent=True) from error
        raise disk_fault(into, error) from error


class _Room:
    """Counts what comes out, whatever the archive's own figures say."""

    def __init__(self, at_most: int) -> None:
        self._bytes, self._files, self._at_most = 0, 0, at_most

    def copy(self, source: IO[bytes], target: Path) -> None:
        self._files += 1
        if self._files > _MOST_FILES:
            raise _Unusable(f"holds more than {_MOST_FILES} files, so it is no model")
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while block := source.read(_BLOCK):
                self._bytes += len(block)
                if self._bytes > self._at_most:
                    raise _Unusable(f"unpacks to more than {self._at_most / 1e6:.0f} MB, so it is no model")
                file.write(block)


def _unzip(archive: Path, into: Path, room: _Room) -> None:
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            target = _inside(into, entry.filename)
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _Unusable(f"holds a link or device ({entry.filename!r}); models need none")
            if entry.is_dir():
                target.mkdir(parents=True, exist_ok=True)
            elif not _clutter(entry.filename):
                with opened.open(entry) as source:
                    room.copy(source, target)


def _untar(archive: Path, into: Path, room: _Room) -> None:
    links: list[tuple[Path, Path]] = []
    with tarfile.open(archive) as opened:
        for entry in opened:
            target = _inside(into, entry.name)
            if entry.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif entry.issym() or entry.islnk():
                beside = posixpath.dirname(entry.name) if entry.issym() else ""
                links.append((_inside(into, posixpath.normpath(posixpath.join(beside, entry.linkname))), target))
            elif not entry.isreg():
                raise _Unusable(f"holds a device ({entry.name!r}); models need none")
            elif not _clutter(entry.name) and (source := opened.extractfile(entry)) is not None:
                with source:
                    room.copy(source, target)
    for origin, target in links:
        if not origin.is_file():
            raise _Unusable(f"holds a link to {origin.relative_to(into).as_posix()!r}, which is not in it")
        with origin.open("rb") as source:
            room.copy(source, target)


def _inside(into: Path, name: str) -> Path:
    """Where `name` of the archive goes; refuses names that lead out."""
    pure = PurePosixPath(name)
    if not name or pure.is_absolute() or ".." in pure.parts or "\\" in name or "\0" in name:
        raise _Unusable(f"holds the name {name!r}, which leads out of its folder; do not use this archive")
    return into.joinpath(*pure.parts)


def _clutter(name: str) -> bool:
    """What macOS leaves in archives beside the files."""
    pure = PurePosixPath(name)
    return pure.name.startswith("._") or pure.name == ".DS_Store" or "__MACOSX" in pure.parts
