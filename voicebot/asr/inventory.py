"""What models there are: those in the models' folder, and those that could be pulled. Loads none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicebot.asr.catalogue import OfficialModel
from voicebot.asr.layout import engine_of
from voicebot.asr.manifest import read_manifest, verify_files
from voicebot.asr.recognizer import AsrFault


@dataclass(frozen=True, slots=True)
class Shelved:
    """One model. `bytes`: on disk, or of the archive that would be fetched. `fault`: what is wrong with a damaged one.

    `synthetic`: trained on synthetic speech only, None where nothing says it. `verified`: the archive it came in had
    the digest that was expected (None: not pulled). `note`: for people.
    """

    name: str
    state: Literal["installed", "damaged", "available"]
    engine: str = ""
    version: str = ""
    language: str = ""
    licence: str = ""
    synthetic: bool | None = None
    verified: bool | None = None
    bytes: int = 0
    fault: str = ""
    note: str = ""


def inventory(models: Path, catalogue: Sequence[OfficialModel], *, contents: bool = False) -> list[Shelved]:
    """The folders of `models` by name, then the official models that are not among them.

    A damaged folder is a row like others. `contents`: read every file and hold it against its digest (seconds a GB).
    Raises `AsrFault` if the folder itself cannot be read.
    """
    official = {model.name: model for model in catalogue}
    rows = [_row(folder, official.get(folder.name), contents=contents) for folder in _folders(models)]
    here = {row.name for row in rows}
    return rows + [_available(model) for model in catalogue if model.name not in here]


def _folders(models: Path) -> list[Path]:
    try:
        return sorted(path for path in models.iterdir() if path.is_dir() and not path.name.startswith("."))
    except FileNotFoundError:
        return []  # nothing was pulled yet
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise AsrFault(f"{models}: {why}; VOICEBOT_ASR_MODELS_DIR names the models' folder", permanent=True) from error


def _available(model: OfficialModel) -> Shelved:
    return Shelved(
        name=model.name,
        state="available",
        engine=model.engine,
        version=model.version,
        language=model.language,
        licence=model.licence,
        synthetic=False,
        bytes=model.bytes,
        note=model.note,
    )


def _row(folder: Path, official: OfficialModel | None, *, contents: bool) -> Shelved:
    try:
        manifest = read_manifest(folder)
    except AsrFault as unreadable:
        return Shelved(folder.name, "damaged", fault=str(unreadable))
    if manifest is None:
        return _without_manifest(folder, official)
    fault = ""
    try:
        verify_files(folder, manifest, contents=contents)
    except AsrFault as damage:
        fault = str(damage)
    except OSError as error:
        fault = f"{folder}: cannot be read ({error.strerror})"
    return Shelved(
        # The folder's name, because that is what the settings take.
        name=folder.name,
        state="damaged" if fault else "installed",
        engine=manifest.engine,
        version=manifest.version,
        language=manifest.language,
        licence=manifest.licence,
        synthetic=manifest.synthetic,
        verified=manifest.archive.verified if manifest.archive else None,
        bytes=sum(file.bytes for file in manifest.files.values()),
        fault=fault,
        note=manifest.description,
    )


def _without_manifest(folder: Path, official: OfficialModel | None) -> Shelved:
    """A model that somebody unpacked by hand: only its name and the names of its files tell what it is."""
    try:
        engine = engine_of(folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    except OSError as error:
        return Shelved(folder.name, "damaged", fault=f"{folder}: cannot be read ({error.strerror})")
    if engine is None:
        inner = [path.name for path in folder.iterdir() if path.is_dir() and engine_of(path)]
        hint = f"the model lies in {inner[0]}/ below it: move it up" if inner else "pull it again or remove it"
        return Shelved(folder.name, "damaged", fault=f"{folder}: no vosk or sherpa-onnx model; {hint}")
    if official is None or official.engine != engine:
        return Shelved(folder.name, "installed", engine=engine, bytes=size)
    row = _available(official)
    return Shelved(
        name=row.name,
        state="installed",
        engine=engine,
        version=row.version,
        language=row.language,
        licence=row.licence,
        synthetic=False,
        bytes=size,
        note=row.note,
    )
