"""What an ONNX file says of itself, read without any engine: its metadata, and whether the file is whole.

A file is a protobuf message (`ModelProto`, onnx.proto in the ONNX repository); only its outermost fields are walked, so
a model of any size costs nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from voicebot.asr.recognizer import AsrFault

_GRAPH, _METADATA = 7, 14  # fields of ModelProto
_KEY, _VALUE = 1, 2  # fields of StringStringEntryProto
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # protobuf's wire types
_LONGEST_ENTRY = 1 << 20


class _Broken(Exception):
    pass


def read_metadata(path: Path) -> dict[str, str]:
    """The file's metadata (`metadata_props`). Raises `AsrFault(permanent=True)` for a file that is missing, empty, cut
    off or no ONNX model.
    """

    def refuse(what: str) -> AsrFault:
        return AsrFault(f"{path} {what}; fetch or make the model again", permanent=True)

    try:
        size = path.stat().st_size
        if not size:
            raise refuse("is empty")
        with path.open("rb") as file:
            return _walk(file, size)
    except FileNotFoundError as error:
        raise refuse("is missing") from error
    except _Broken as error:
        raise refuse(f"is no whole ONNX model ({error})") from error
    except OSError as error:
        raise AsrFault(f"{path} cannot be read ({error.strerror})", permanent=True) from error


def _walk(file: BinaryIO, size: int) -> dict[str, str]:
    found: dict[str, str] = {}
    has_graph = False
    while file.tell() < size:
        number, kind = divmod(_varint(file), 8)
        if kind == _VARINT:
            _varint(file)
            continue
        length = {_FIXED64: 8, _FIXED32: 4}.get(kind) if kind != _BYTES else _varint(file)
        if not number or length is None:
            raise _Broken("it holds something else")
        if file.tell() + length > size:
            raise _Broken("it is cut off")
        has_graph |= number == _GRAPH
        if number == _METADATA and length <= _LONGEST_ENTRY:
            key, value = _entry(file.read(length))
            found[key] = value
        else:
            file.seek(length, os.SEEK_CUR)
    if not has_graph:
        raise _Broken("it has no graph")
    return found


def _varint(file: BinaryIO) -> int:
    value = shift = 0
    while True:
        byte = file.read(1)
        if not byte or shift > 63:
            raise _Broken("it is cut off" if not byte else "it holds something else")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
        shift += 7


def _entry(data: bytes) -> tuple[str, str]:
    """Key and value of one StringStringEntryProto."""
    parts = {_KEY: "", _VALUE: ""}
    at = 0
    while at < len(data):
        number, kind = divmod(data[at], 8)
        at += 1
        length = shift = 0
        while at < len(data):
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        if kind != _BYTES or number not in parts or at + length > len(data):
            raise _Broken("its metadata cannot be read")
        parts[number] = data[at : at + length].decode("utf-8", "replace")
        at += length
    return parts[_KEY], parts[_VALUE]
