"""The ear on sherpa-onnx: streaming transducers, CTC models and paraformers from their published model folders.

All of them are made for 16 kHz and 80 filter banks, so telephone audio is resampled. The package `sherpa-onnx` is
optional (the extra `sherpa`) and imported when an ear is loaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.metadata import version
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from voicebot.asr.manifest import existing, read_manifest, verify_files
from voicebot.asr.recognizer import AsrFault, EarInfo, Transcript, Word
from voicebot.asr.sherpa_model import SherpaModel, find_model
from voicebot.asr.token_times import Token, words_of
from voicebot.asr.trial import load_on_trial
from voicebot.asr.writing import UNKNOWN, squeeze

SAMPLE_RATE = 8000
MODEL_RATE = 16000
# Only transducers tell how sure they are; for others a constant stands, below every "sure" of the scripts.
CTC_CONFIDENCE = 0.8

# Ends of an utterance. vosk's rules with our settings end it after 0.5, 0.8 or 1.2 s of silence by how final it sounds;
# sherpa-onnx has one rule, and counts from the last token, which is somewhat before the sound ends.
_SILENCE_S = 0.8
_SILENCE_WITHOUT_SPEECH_S = 5.0  # as vosk's rule 1: nothing was said, the network starts afresh
_LONGEST_S = 20.0  # as vosk's rule 5
# A hot word's bonus for each token in log probability, sherpa-onnx's own default.
_HOT_WORD_SCORE = 1.5
_PATHS = 4  # of the beam search, sherpa-onnx's own default
_TAIL_S = 0.3  # silence behind a turn's end, beyond what one step of the network takes in, so that all is decoded
_PARAFORMER_STEP_MS = 600  # sherpa-onnx's online-recognizer-paraformer-impl.h: 60 frames a step,
_PARAFORMER_LAG_MS = 180  # whose last 3 groups of 60 ms are left to the next one
_TEST_LOAD = """\
import json, sys, sherpa_onnx
options = json.loads(sys.argv[1])
engine = getattr(sherpa_onnx.OnlineRecognizer, options.pop("make"))(**options)
stream = engine.create_stream()
stream.accept_waveform(16000, [0.0] * 48000)
while engine.is_ready(stream):
    engine.decode_stream(stream)
engine.get_result_all(stream)
"""


class SherpaEar:
    """A loaded streaming model for sherpa-onnx.

    `directory`: the model's folder: `tokens.txt` beside encoder, decoder and joiner (transducer), encoder and decoder
    (paraformer), or one CTC model (Zipformer2, NeMo, WeNet); the files' metadata says which, int8 is preferred. With a
    manifest every file is held against its digest before the engine sees it; without one the model is first loaded and
    tried in a child process, because sherpa-onnx ends the process on a model it does not like. `trusted=True` skips
    both. `threads`: of one step of the network; calls share them. Raises `AsrFault(permanent=True)` for a model that
    cannot work or a missing package.
    """

    def __init__(self, directory: Path, *, trusted: bool = False, threads: int = 1) -> None:
        manifest = read_manifest(existing(directory))
        if manifest is not None and not trusted:
            verify_files(directory, manifest)
        self._model = find_model(directory)
        sherpa_onnx = _package()
        options = _options(self._model, threads)
        if manifest is None and not trusted:
            load_on_trial("sherpa-onnx", directory, _TEST_LOAD, json.dumps(options))
        make = getattr(sherpa_onnx.OnlineRecognizer, str(options.pop("make")))
        try:
            self._engine = make(**options)
        except Exception as error:  # onnxruntime's errors come as RuntimeError, wrong files as AssertionError
            message = f"{directory}: sherpa-onnx cannot load this model; fetch or make it again"
            raise AsrFault(message, permanent=True) from error
        if manifest is not None:
            self.info = EarInfo("sherpa", manifest.name, manifest.version, manifest.licence, manifest.synthetic)
        else:
            release = f"sherpa-onnx {version('sherpa-onnx')}"
            self.info = EarInfo("sherpa", directory.resolve().name, release, "unknown", synthetic=False)

    @property
    def kind(self) -> str:
        """The kind of model, such as "transducer"."""
        return self._model.kind

    def open(self, phrases: Sequence[str] = ()) -> SherpaRecognizer:
        """A new stream. `phrases` are hot words of a transducer (of icefall's kinds) whose tokens are Hanzi: those
        written only in its tokens count, others and other models ignore them.
        """
        return SherpaRecognizer(self._engine, self._model, _hot_words(self._model, phrases))


class SherpaRecognizer:
    """One call's stream through a sherpa-onnx model; see `voicebot.asr.recognizer.Recognizer`.

    An endpoint resets the engine's stream; a turn's end (`finish`) uses it up, for its end must be told to the engine,
    and a new one goes on from there on the same audio clock.
    """

    def __init__(self, engine: Any, model: SherpaModel, hot_words: str) -> None:
        self._engine: Any = engine
        self._model = model
        self._hot_words = hot_words
        self._half_sample = b""
        self._accepted = 0  # samples at 8000 Hz, the audio clock
        self._partial = ""
        self._stream: Any = None
        self._start_stream()

    def accept(self, pcm: bytes) -> Transcript | None:
        """See `Recognizer.accept`. Raises `AsrFault` on a closed stream."""
        self._check_open()
        pcm = self._half_sample + pcm
        whole = len(pcm) & ~1
        pcm, self._half_sample = pcm[:whole], pcm[whole:]
        if not pcm:
            return None
        self._accepted += len(pcm) // 2
        self._hear(np.frombuffer(pcm, "<i2").astype(np.float32) / 32768)
        stepped = False
        while self._engine.is_ready(self._stream):
            self._step()
            stepped = True
            if self._engine.is_endpoint(self._stream):
                # What was heard behind the endpoint waits for the next piece: a piece gives one final at most.
                return self._endpoint()
        if not stepped:
            return None
        partial = _text(self._engine.get_result_all(self._stream).text)
        if partial == self._partial:
            return None
        self._partial = partial
        return Transcript(partial, final=False)

    def finish(self) -> Transcript:
        """See `Recognizer.finish`. Raises `AsrFault` on a closed stream."""
        self._check_open()
        self._partial = ""
        if self._accepted == self._origin:
            return Transcript("", final=True)
        self._hear(np.zeros(0, np.float32), last=True)
        silence = int(MODEL_RATE * (self._model.chunk_frames / 100 + _TAIL_S))
        self._stream.accept_waveform(MODEL_RATE, [0.0] * silence)
        self._stream.input_finished()
        while self._engine.is_ready(self._stream):
            self._step()
        final = self._final()
        self._start_stream()
        return final

    def close(self) -> None:
        """Free the stream. Idempotent."""
        self._engine = None
        self._stream = None

    def _check_open(self) -> None:
        if self._engine is None:
            raise AsrFault("this recogniser is closed; open another from the ear", permanent=True)

    def _start_stream(self) -> None:
        # Beam searches take hot words; other models have no such argument.
        self._stream = self._engine.create_stream(self._hot_words or None)
        self._origin = self._accepted
        self._steps = 0  # of the network in this stream; only a paraformer's times need them
        self._estimated: list[float] = []

    def _hear(self, samples: np.ndarray, *, last: bool = False) -> None:
        wide: np.ndarray = self._resampler.resample_chunk(samples, last=last)
        if len(wide):
            self._stream.accept_waveform(MODEL_RATE, wide.tolist())
        if last:
            del self._resampler  # the next turn starts with a fresh one

    @cached_property
    def _resampler(self) -> soxr.ResampleStream:
        return soxr.ResampleStream(SAMPLE_RATE, MODEL_RATE, 1, dtype="float32", quality="MQ")

    def _step(self) -> None:
        self._engine.decode_stream(self._stream)
        if self._model.kind == "paraformer":
            self._estimate()

    def _estimate(self) -> None:
        """A paraformer tells no times: a step's new tokens are spread evenly over the sound they are from."""
        begin = self._steps * _PARAFORMER_STEP_MS - _PARAFORMER_LAG_MS
        self._steps += 1
        new = len(self._engine.get_result_all(self._stream).tokens) - len(self._estimated)
        self._estimated += [max(0.0, begin + i * _PARAFORMER_STEP_MS / new) for i in range(new)]

    def _endpoint(self) -> Transcript | None:
        final = self._final()
        self._engine.reset(self._stream)
        self._estimated = []
        said, self._partial = self._partial, ""
        if final.text:
            return final
        # Seconds of silence: nothing to tell, unless a partial must be taken back.
        return Transcript("", final=False) if said else None

    def _final(self) -> Transcript:
        result = self._engine.get_result_all(self._stream)
        text = _text(result.text)
        origin_ms = self._origin * 1000 / SAMPLE_RATE
        if self._model.kind == "paraformer":
            times = [origin_ms + place for place in self._estimated]
        else:
            begin_ms = origin_ms + result.start_time * 1000
            times = [begin_ms + stamp * 1000 * self._model.time_scale for stamp in result.timestamps]
        tokens = [
            Token(symbol, time, CTC_CONFIDENCE if log_prob is None else min(1.0, math.exp(log_prob)))
            for symbol, time, log_prob in zip_longest(
                result.tokens[: len(times)], times[: len(result.tokens)], result.ys_probs[: len(times)]
            )
        ]
        words = words_of(text, tokens, self._accepted * 1000 // SAMPLE_RATE)
        return Transcript(text, final=True, words=words, confidence=_confidence(words))


def _text(text: str) -> str:
    return squeeze(text.replace("<unk>", UNKNOWN))


def _confidence(words: Sequence[Word]) -> float:
    """Mean over the words, where an unknown one counts as nothing known."""
    return sum(word.confidence for word in words) / len(words) if words else 0.0


def _hot_words(model: SherpaModel, phrases: Sequence[str]) -> str:
    """Phrases as the engine takes them, "甲/乙". One that is not spelt in the model's tokens is left out here, because
    the engine would write it to stderr, and it may be a client's name.
    """
    if not model.beam:
        return ""
    squeezed = ("".join(phrase.split()) for phrase in phrases)
    known = [p for p in squeezed if p and all(c in model.alphabet and c not in "/:#@" for c in p)]
    return "/".join(dict.fromkeys(known))


def _package() -> Any:
    try:
        import sherpa_onnx  # here: it is optional, and a vosk installation need not load it
    except ImportError as error:
        message = "this model needs the package sherpa-onnx: run `pip install sherpa-onnx`, or choose a vosk model"
        raise AsrFault(message, permanent=True) from error
    return sherpa_onnx


def _options(model: SherpaModel, threads: int) -> dict[str, Any]:
    """What the engine is made with: "make" is the name of its constructor, the rest its arguments (JSON values)."""
    files: Mapping[str, str] = {name: str(path) for name, path in model.files.items()}
    options: dict[str, Any] = {
        "make": f"from_{model.kind.replace('-', '_')}",
        "tokens": str(model.tokens),
        **files,
        "num_threads": threads,
        "sample_rate": MODEL_RATE,
        "feature_dim": 80,
        "enable_endpoint_detection": True,
        # The engine counts silence in outputs of 40 ms, whatever the model's are.
        "rule1_min_trailing_silence": _SILENCE_WITHOUT_SPEECH_S / model.time_scale,
        "rule2_min_trailing_silence": _SILENCE_S / model.time_scale,
        "rule3_min_utterance_length": _LONGEST_S,
    }
    if model.beam:
        options |= {
            "decoding_method": "modified_beam_search",
            "max_active_paths": _PATHS,
            "hotwords_score": _HOT_WORD_SCORE,
            "modeling_unit": "cjkchar",
            "model_type": model.model_type,
        }
    return options
