"""The ear on the vosk engine (Kaldi): any vosk model directory, official or our own.

Official models are made for 16 kHz and fail on 8 kHz input, so telephone audio is resampled for them; a model whose
features are configured for 8000 Hz takes it as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soxr
import vosk

from voicebot.asr.confidence import Calibration, read_calibration
from voicebot.asr.doubt import believed
from voicebot.asr.manifest import existing, read_manifest, verify_files
from voicebot.asr.recognizer import AsrFault, EarInfo, Transcript, Word
from voicebot.asr.trial import load_on_trial
from voicebot.asr.writing import UNKNOWN, squeeze

SAMPLE_RATE = 8000
_LONGEST_CHARACTER_S = 0.9  # slow speech takes 0.45 s a character (the slowest voice at three quarters of its pace)

_FST_MAGIC = bytes.fromhex("d6fdb27e")  # OpenFst's kFstMagicNumber, little endian
_MODEL_MAGIC = b"\0B<TransitionModel> "  # Kaldi's binary mark and the first token of an acoustic model
_KALDI_DEFAULT_RATE = 16000  # Kaldi's own default for --sample-frequency
_TEST_LOAD = (
    "import sys, vosk; vosk.SetLogLevel(-1); vosk.KaldiRecognizer(vosk.Model(sys.argv[1]), 16000).AcceptWaveform(b'')"
)


class VoskEar:
    """A loaded vosk model.

    `directory`: the model (with `am/`, `conf/`, `graph/`). With a manifest every file is held against its digest before
    vosk sees it; without one (official models) the essential files' headers are checked and the model is first loaded
    in a child process, because vosk may abort the process on damaged files. `trusted=True` skips both, for a worker
    whose parent has checked already. Raises `AsrFault(permanent=True)` for a model that cannot work.
    """

    def __init__(self, directory: Path, *, trusted: bool = False) -> None:
        manifest = read_manifest(existing(directory))
        if not trusted:
            if manifest is not None:
                verify_files(directory, manifest)
            _check_essential_files(directory)
            if manifest is None:
                load_on_trial("vosk", directory, _TEST_LOAD, str(directory))
        vosk.SetLogLevel(-1)  # its own log goes to stderr and would show what was said
        try:
            self._model = vosk.Model(str(directory))
        except Exception as error:  # vosk raises bare Exception
            raise AsrFault(
                f"{directory}: vosk cannot load this model; fetch or make it again", permanent=True
            ) from error
        if self._model.vosk_model_find_word("是") < 0:
            raise AsrFault(f"{directory}: this model knows no Chinese; choose a Mandarin model", permanent=True)
        self._calibration = read_calibration(directory)
        self._input_rate = SAMPLE_RATE if _feature_rate(directory) == SAMPLE_RATE else 16000
        if manifest is not None:
            self.info = EarInfo("vosk", manifest.name, manifest.version, manifest.licence, manifest.synthetic)
        else:
            self.info = EarInfo("vosk", directory.resolve().name, f"vosk {version('vosk')}", "unknown", synthetic=False)

    def open(self, phrases: Sequence[str] = ()) -> VoskRecognizer:
        """A new stream (about 0.5 ms and 2 MB). `phrases` are ignored: vosk's grammar would restrict to them, not
        bias towards them.
        """
        return VoskRecognizer(self._model, self._input_rate, self._calibration)


class VoskRecognizer:
    """One call's stream through a vosk model; see `voicebot.asr.recognizer.Recognizer`."""

    def __init__(self, model: Any, input_rate: int, calibration: Calibration | None = None) -> None:
        self._input_rate = input_rate
        self._calibration = calibration
        self._kaldi: Any = vosk.KaldiRecognizer(model, input_rate)
        self._kaldi.SetWords(True)
        self._half_sample = b""
        self._partial = ""

    def accept(self, pcm: bytes) -> Transcript | None:
        """See `Recognizer.accept`. Raises `AsrFault` on a closed stream."""
        kaldi = self._opened
        pcm = self._half_sample + pcm
        whole = len(pcm) & ~1
        pcm, self._half_sample = pcm[:whole], pcm[whole:]
        if not pcm:
            return None
        if self._input_rate != SAMPLE_RATE:
            pcm = self._resampled(pcm)
        if kaldi.AcceptWaveform(pcm):
            final = _final(kaldi.Result(), self._calibration)
            said, self._partial = self._partial, ""
            if final.text:
                return final
            # Rule 1 fires after seconds of silence: nothing to tell, unless a partial must be taken back.
            return Transcript("", final=False) if said else None
        partial = squeeze(json.loads(kaldi.PartialResult())["partial"])
        if partial == self._partial:
            return None
        self._partial = partial
        return Transcript(partial, final=False)

    def finish(self) -> Transcript:
        """See `Recognizer.finish`. Raises `AsrFault` on a closed stream."""
        kaldi = self._opened
        if self._input_rate != SAMPLE_RATE:
            kaldi.AcceptWaveform(self._resampled(b"", last=True))
            del self._resampler  # the next turn starts with a fresh one
        self._partial = ""
        return _final(kaldi.FinalResult(), self._calibration)

    def close(self) -> None:
        """Free the stream. Idempotent."""
        self._kaldi = None

    @property
    def _opened(self) -> Any:
        if self._kaldi is None:
            raise AsrFault("this recogniser is closed; open another from the ear", permanent=True)
        return self._kaldi

    @cached_property
    def _resampler(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(SAMPLE_RATE, self._input_rate, 1, dtype="int16", quality="MQ")

    def _resampled(self, pcm: bytes, *, last: bool = False) -> bytes:
        samples: np.ndarray = self._resampler.resample_chunk(np.frombuffer(pcm, np.int16), last=last)
        return samples.tobytes()


def _final(result: str, calibration: Calibration | None = None) -> Transcript:
    """A final from vosk's JSON `{"text", "result": [{"word", "start", "end", "conf"}]}` (seconds)."""
    parsed = json.loads(result)

    heard = believed([
        Word(_plausible(word), round(word["start"] * 1000), round(word["end"] * 1000), min(1.0, float(word["conf"])))
        for word in parsed.get("result", ())
    ])  # fmt: skip
    apply = calibration.apply if calibration is not None else float
    words = tuple(replace(word, confidence=apply(word.confidence)) for word in heard)
    text = " ".join(word.text for word in words) if words else parsed["text"]
    return Transcript(squeeze(text), final=True, words=words, confidence=_confidence(words))


def _plausible(word: dict[str, Any]) -> str:
    """The word, or `[unk]` for one that lasts longer than anybody speaks: a hum taken for 嗯."""
    return word["word"] if word["end"] - word["start"] <= _LONGEST_CHARACTER_S * len(word["word"]) else UNKNOWN


def _confidence(words: Sequence[Word]) -> float:
    """Mean over the speaking time, where an unknown word counts as nothing known."""
    spoken = sum(word.end_ms - word.start_ms for word in words)
    if not spoken:
        return 0.0
    return sum((word.end_ms - word.start_ms) * word.confidence for word in words if word.text != UNKNOWN) / spoken


def _feature_config(directory: Path) -> Path | None:
    found = (directory / "conf" / name for name in ("mfcc.conf", "fbank.conf"))
    return next((path for path in found if path.is_file()), None)


def _feature_rate(directory: Path) -> int:
    """The sample frequency in Hz that the model's features are made for."""
    config = _feature_config(directory)
    text = config.read_text(encoding="utf-8", errors="replace") if config else ""
    match = re.search(r"^\s*--sample-frequency\s*=\s*(\d+)", text, re.MULTILINE)
    return int(match.group(1)) if match else _KALDI_DEFAULT_RATE


def _check_essential_files(directory: Path) -> None:
    """Refuse what vosk would crash on or answer with a riddle: missing or empty files, and wrong headers."""

    def refuse(path: Path, what: str) -> AsrFault:
        return AsrFault(f"{path} {what}: no usable vosk model; fetch or make it again", permanent=True)

    graph = directory / "graph"
    fsts = [graph / "HCLG.fst"] if (graph / "HCLG.fst").exists() else [graph / "HCLr.fst", graph / "Gr.fst"]
    headers = {directory / "am" / "final.mdl": _MODEL_MAGIC, **dict.fromkeys(fsts, _FST_MAGIC)}
    texts = [directory / "conf" / "model.conf"]
    if len(fsts) > 1:
        texts.append(graph / "disambig_tid.int")
    if (directory / "ivector").is_dir():
        headers[directory / "ivector" / "final.ie"] = b"\0B<IvectorExtractor> "
        texts += [directory / "ivector" / name for name in ("final.dubm", "final.mat", "global_cmvn.stats")]
    for path in [*headers, *texts]:
        if not path.is_file():
            raise refuse(path, "is missing")
        if not path.stat().st_size:
            raise refuse(path, "is empty")
    for path, magic in headers.items():
        with path.open("rb") as file:
            if file.read(len(magic)) != magic:
                raise refuse(path, "is not what its name says")
    if _feature_config(directory) is None:
        raise refuse(directory / "conf" / "mfcc.conf", "is missing")
