"""A model directory's `manifest.json`: what the model is, how it was made, and the digest of every file in it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from voicebot.asr.recognizer import AsrFault

MANIFEST_NAME = "manifest.json"
_BLOCK = 1 << 20


class FileDigest(BaseModel):
    """One file of the model: its length in bytes and the SHA-256 of its content (hexadecimal)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int
    sha256: str


class ArchiveReceipt(BaseModel):
    """The archive a pulled model came in.

    `sha256`: what was seen; `verified`: it was the one that the catalogue or the operator had named. `fetched`: when,
    ISO 8601.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bytes: int
    sha256: str
    verified: bool
    fetched: str


class ModelManifest(BaseModel):
    """What a model directory says of itself.

    `synthetic`: trained on synthetic speech only, so it does not hear people; or with a firm's recordings that have not
    shown yet that it does. `files`: path inside the directory → digest, all files but the manifest. `made`: how to make
    it again (seed, corpus hash, tools); `measured`: figures and what they were measured on. Both are for people: the
    robot does not act on them. `archive`: of pulled models.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    engine: str
    language: str
    licence: str
    synthetic: bool
    description: str = ""
    source: str = ""
    files: dict[str, FileDigest]
    made: dict[str, Any] = {}
    measured: dict[str, Any] = {}
    archive: ArchiveReceipt | None = None


def existing(directory: Path) -> Path:
    """`directory`, if there is one; otherwise raises `AsrFault` with what to do."""
    if not directory.is_dir():
        hint = (
            "unpack it first" if directory.is_file() else "see `voicebot models list`, or `voicebot models pull NAME`"
        )
        raise AsrFault(f"no model directory at {directory}: {hint}", permanent=True)
    return directory


def digest(path: Path) -> FileDigest:
    """Length and SHA-256 of a file, read in blocks."""
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            sha.update(block)
    return FileDigest(bytes=path.stat().st_size, sha256=sha.hexdigest())


def digests(directory: Path) -> dict[str, FileDigest]:
    """The digest of every file under `directory` but the manifest, in the order of their names."""
    return {
        path.relative_to(directory).as_posix(): digest(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }


def read_manifest(directory: Path) -> ModelManifest | None:
    """The manifest of a model directory, None where there is none. Raises `AsrFault` for one that cannot be read."""
    path = directory / MANIFEST_NAME
    try:
        return ModelManifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else {"loc": (), "msg": str(error)}
        where = ".".join(str(part) for part in first["loc"])
        message = f"{path}: not a model manifest ({where}: {first['msg']}); restore it or delete it to load unchecked"
        raise AsrFault(message, permanent=True) from error


def verify_files(directory: Path, manifest: ModelManifest, *, contents: bool = True) -> None:
    """Hold every file against the manifest; raises `AsrFault` naming the first that is missing or differs.

    Without `contents` only their lengths are looked at, which reads nothing.
    """
    advice = f"the model {manifest.name} is damaged: fetch or make it again"
    for name, wanted in manifest.files.items():
        path = directory / name
        if not path.is_file():
            raise AsrFault(f"{path} is missing; {advice}", permanent=True)
        size = path.stat().st_size
        if size != wanted.bytes:
            raise AsrFault(f"{path} has {size} bytes instead of {wanted.bytes}; {advice}", permanent=True)
        try:
            differs = contents and digest(path).sha256 != wanted.sha256
        except OSError as error:
            raise AsrFault(f"{path} cannot be read ({error.strerror}); see its rights and the disk") from error
        if differs:
            raise AsrFault(f"{path} has another content than its manifest says; {advice}", permanent=True)
