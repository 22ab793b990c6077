"""Which engine a model folder is for: what its manifest says, otherwise what lies in it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from voicebot.asr.manifest import existing, read_manifest
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.sherpa_model import is_sherpa

EngineName = Literal["vosk", "sherpa"]

_NAMES: dict[str, EngineName] = {"vosk": "vosk", "sherpa": "sherpa", "sherpa-onnx": "sherpa"}
_VOSK_PARTS = ("am", "conf", "graph")


def engine_for(directory: Path) -> EngineName:
    """The engine for the model in `directory`. Raises `AsrFault(permanent=True)` for a folder that is for none."""
    manifest = read_manifest(existing(directory))
    if manifest is not None:
        if manifest.engine not in _NAMES:
            message = f"{directory} is made for the engine {manifest.engine}; there are {', '.join(_NAMES)}"
            raise AsrFault(message, permanent=True)
        return _NAMES[manifest.engine]
    if is_sherpa(directory):
        return "sherpa"
    if any((directory / part).is_dir() for part in _VOSK_PARTS):
        return "vosk"
    message = f"{directory} holds neither a vosk model (am/, conf/, graph/) nor a sherpa-onnx one (tokens.txt, *.onnx)"
    raise AsrFault(f"{message}; name the folder that holds the files", permanent=True)
