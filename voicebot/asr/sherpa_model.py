"""Which streaming model a folder for sherpa-onnx holds, and whether its files may be shown to the engine.

sherpa-onnx ends the whole process on a model it does not like, so everything is looked at before: which files there
are, whether they are whole ONNX files, what their metadata says, and the tokens.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from voicebot.asr.onnx_file import read_metadata
from voicebot.asr.recognizer import AsrFault

Kind = Literal["transducer", "paraformer", "zipformer2-ctc", "nemo-ctc", "wenet-ctc"]

TOKENS = "tokens.txt"
# Transducers of icefall, which sherpa-onnx decodes with a beam and hot words; others (NeMo's) only greedily.
_BEAM_TYPES = frozenset({"conformer", "ebranchformer", "lstm", "zipformer", "zipformer2"})
# What the metadata of each CTC model must have (sherpa-onnx's online-*-ctc-model.cc): without it the process ends.
_CTC_MARKS: dict[Kind, frozenset[str]] = {
    "zipformer2-ctc": frozenset({"T", "decode_chunk_len", "query_head_dims", "left_context_len"}),
    "nemo-ctc": frozenset({"window_size", "chunk_shift", "subsampling_factor", "cache_last_time_dim1"}),
    "wenet-ctc": frozenset({"head", "num_blocks", "output_size", "cnn_module_kernel", "right_context"}),
}
_PARAFORMER_MARKS = frozenset({"lfr_window_size", "lfr_window_shift", "encoder_output_size", "neg_mean"})
_TRANSDUCER_MARKS = (frozenset({"T", "decode_chunk_len"}), frozenset({"window_size", "chunk_shift"}))
_BLANKS = ("<blk>", "<eps>", "<blank>")  # a CTC model's tokens name one of them
_WENET_CHUNK, _PARAFORMER_CHUNK = 16, 61  # outputs, frames: sherpa-onnx's own constants
# Hanzi; or, in byte-wise BPE tokens, letters that stand for the bytes of one (sherpa-onnx's bbpe.cc).
_CHINESE = re.compile("[\u4e00-\u9fff]|[\u0100-\u024f]|<0xE[4-9]>")
_TOKEN = re.compile(r"(.*)[ \t](\d+)")  # the symbol may be a space
_ENGINES_SUBSAMPLING = 4  # frames of 10 ms an output, which sherpa-onnx assumes for every model's time stamps


@dataclass(frozen=True, slots=True)
class SherpaModel:
    """The files of one streaming model and what the recogniser needs to know of it.

    `files`: by the engine's names ("encoder", "decoder", "joiner", or "model"). `beam`: a beam search with hot words is
    possible. `chunk_frames`: frames of 10 ms that one step of the network takes in. `time_scale`: by which the engine's
    time stamps are multiplied to be true. `model_type`: the metadata's. `alphabet`: the tokens.
    """

    kind: Kind
    files: dict[str, Path]
    tokens: Path
    beam: bool
    chunk_frames: int
    time_scale: float
    model_type: str
    alphabet: frozenset[str]


def is_sherpa(directory: Path) -> bool:
    """Whether the folder looks like one for sherpa-onnx: `tokens.txt` beside ONNX files."""
    return (directory / TOKENS).is_file() and any(directory.glob("*.onnx"))


def find_model(directory: Path) -> SherpaModel:
    """The streaming model in `directory`. Raises `AsrFault(permanent=True)` saying what is missing or wrong."""
    parts = {name: _pick(directory, name) for name in ("encoder", "decoder", "joiner")}
    encoder, decoder, joiner = parts["encoder"], parts["decoder"], parts["joiner"]
    if encoder is not None:
        if decoder is None:
            raise _refuse(directory, "has an encoder but no decoder*.onnx")
        if joiner is not None:
            return _transducer(directory, {"encoder": encoder, "decoder": decoder, "joiner": joiner})
        return _paraformer(directory, {"encoder": encoder, "decoder": decoder})
    if decoder is not None or joiner is not None:
        raise _refuse(directory, "has no encoder*.onnx")
    return _ctc(directory)


def _refuse(directory: Path, what: str) -> AsrFault:
    return AsrFault(f"{directory} {what}: no streaming model for sherpa-onnx; choose or fetch another", permanent=True)


def _pick(directory: Path, part: str) -> Path | None:
    """The file of one part: int8 where there is one, but for the decoder, which is tiny and loses by it.

    Folders with several exports (chunk lengths) have the same names in each part, so that sorting picks the same one.
    """
    found = sorted(path for path in directory.glob("*.onnx") if re.match(rf"{part}\b", path.name))
    quantised = [path for path in found if "int8" in path.name]
    plain = [path for path in found if "int8" not in path.name]
    first, second = (plain, quantised) if part == "decoder" else (quantised, plain)
    return next(iter([*first, *second]), None)


def _transducer(directory: Path, files: dict[str, Path]) -> SherpaModel:
    metadata = read_metadata(files["encoder"])
    for part in ("decoder", "joiner"):
        read_metadata(files[part])
    if not any(marks <= metadata.keys() for marks in _TRANSDUCER_MARKS):
        raise _refuse(directory, f"holds a transducer that does not stream ({files['encoder'].name})")
    chunk = _number(files["encoder"], metadata, "T" if "T" in metadata else "window_size")
    return _model("transducer", files, directory, chunk, metadata, beam=metadata.get("model_type") in _BEAM_TYPES)


def _paraformer(directory: Path, files: dict[str, Path]) -> SherpaModel:
    metadata = read_metadata(files["encoder"])
    read_metadata(files["decoder"])
    if not metadata.keys() >= _PARAFORMER_MARKS:
        raise _refuse(directory, "has no joiner*.onnx, and its encoder is no paraformer")
    return _model("paraformer", files, directory, _PARAFORMER_CHUNK, metadata)


def _ctc(directory: Path) -> SherpaModel:
    # int8 first; WeNet's folders hold a model that does not stream beside the one that does.
    candidates = sorted(directory.glob("*.onnx"), key=lambda path: ("int8" not in path.name, path.name))
    if not candidates:
        raise _refuse(directory, "holds no *.onnx")
    for path in candidates:
        metadata = read_metadata(path)
        for kind, marks in _CTC_MARKS.items():
            if not marks <= metadata.keys():
                continue
            if kind == "wenet-ctc":
                outputs, right = _WENET_CHUNK - 1, _number(path, metadata, "right_context")
                chunk = outputs * _number(path, metadata, "subsampling_factor") + right + 1
            else:
                chunk = _number(path, metadata, "T" if kind == "zipformer2-ctc" else "window_size")
            return _model(kind, {"model": path}, directory, chunk, metadata)
    names = ", ".join(path.name for path in candidates)
    raise _refuse(directory, f"holds only models that do not stream, or of an unknown kind ({names})")


def _model(
    kind: Kind, files: dict[str, Path], directory: Path, chunk: int, metadata: dict[str, str], *, beam: bool = False
) -> SherpaModel:
    alphabet = _alphabet(directory / TOKENS)
    if kind.endswith("-ctc") and not alphabet.intersection(_BLANKS):
        raise _refuse(directory, f"names none of {', '.join(_BLANKS)} in {TOKENS}")
    if not any(_CHINESE.search(symbol) for symbol in alphabet):
        raise AsrFault(f"{directory}: this model knows no Chinese; choose a Mandarin model", permanent=True)
    scale = 1.0
    if "subsampling_factor" in metadata:
        scale = _number(files["encoder" if "encoder" in files else "model"], metadata, "subsampling_factor")
        scale /= _ENGINES_SUBSAMPLING
    model_type = metadata.get("model_type", "")
    return SherpaModel(kind, files, directory / TOKENS, beam, chunk, scale, model_type, alphabet)


def _number(path: Path, metadata: dict[str, str], key: str) -> int:
    value = metadata.get(key, "")
    if not value.isdecimal() or not 0 < int(value) < 10_000:
        raise AsrFault(f"{path} says {key}={value!r}, where a count is expected; fetch it again", permanent=True)
    return int(value)


def _alphabet(path: Path) -> frozenset[str]:
    """The symbols of `tokens.txt` (lines `symbol id`)."""

    def refuse(what: str) -> AsrFault:
        return AsrFault(f"{path} {what}; fetch or make the model again", permanent=True)

    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise refuse("is missing") from error
    except (OSError, UnicodeDecodeError) as error:
        raise refuse("cannot be read as text") from error
    symbols = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        token = _TOKEN.fullmatch(line.rstrip())
        if token is None:
            raise refuse(f"is no list of tokens (line {number})")
        symbols.add(token[1])
    if not symbols:
        raise refuse("is empty")
    return frozenset(symbols)
