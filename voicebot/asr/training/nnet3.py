"""Kaldi's binary acoustic model (`am/final.mdl`): a transition model and an nnet3 network, written and read back.

The format was learned from Kaldi's public sources (io-funcs, transition-model, nnet3). Positions in words are told
apart in the phones (B, E, I, S) but share their states.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_TRANSITION = 0.5
_LEARNING_RATE = 0.001  # read by Kaldi, used by nobody


@dataclass(frozen=True, slots=True)
class Affine:
    """One layer: `weight` (out, len(offsets)·in) on the inputs at t + offset (10 ms frames), `bias` (out).

    `relu`: rectified. `bypass`: add the result of that many layers before (0: none).
    """

    weight: np.ndarray
    bias: np.ndarray
    offsets: tuple[int, ...]
    relu: bool
    bypass: int = 0

    @classmethod
    def of(
        cls, convolution: np.ndarray, bias: np.ndarray, offsets: tuple[int, ...], *, relu: bool, bypass: int = 0
    ) -> Affine:
        """From a convolution's weight (out, in, kernel)."""
        weight = convolution.transpose(0, 2, 1).reshape(len(convolution), -1)
        return cls(weight.astype(np.float32), bias.astype(np.float32), offsets, relu, bypass)


def phone_of(unit: int, position: int) -> int:
    """Kaldi's phone number (1, 2, …) of a unit at a word's beginning, end, inside, or alone (0–3); silence is 1."""
    return 1 if unit == 0 else 2 + 4 * (unit - 1) + position


def phone_count(units: int) -> int:
    """How many phones there are for so many units, silence among them."""
    return 1 + 4 * (units - 1)


def unit_of(phone: int) -> int:
    """The unit that a phone is a position of."""
    return 0 if phone == 1 else 1 + (phone - 2) // 4


class _Writer:
    """Kaldi's binary tokens and numbers."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        self.buffer.write(b"\0B")

    def token(self, *tokens: str) -> None:
        for token in tokens:
            self.buffer.write(token.encode() + b" ")

    def int32(self, *values: int) -> None:
        for value in values:
            self.buffer.write(b"\x04" + struct.pack("<i", value))

    def float32(self, value: float) -> None:
        self.buffer.write(b"\x04" + struct.pack("<f", value))

    def double(self, value: float) -> None:
        self.buffer.write(b"\x08" + struct.pack("<d", value))

    def int_vector(self, values: Sequence[int]) -> None:
        self.int32(len(values))
        self.buffer.write(np.asarray(values, "<i4").tobytes())

    def vector(self, values: np.ndarray | Sequence[float]) -> None:
        self.token("FV")
        self.int32(len(values))
        self.buffer.write(np.asarray(values, "<f4").tobytes())

    def matrix(self, matrix: np.ndarray, *, compressed: bool) -> None:
        """A matrix in float, or in 16 bits over its range (Kaldi's CM2), which halves the model."""
        rows, columns = matrix.shape
        if compressed:
            least = float(matrix.min())
            span = float(matrix.max()) - least or 1e-5
            self.token("CM2")
            self.buffer.write(struct.pack("<ffii", least, span, rows, columns))
            self.buffer.write(np.clip(np.round((matrix - least) / span * 65535), 0, 65535).astype("<u2").tobytes())
        else:
            self.token("FM")
            self.int32(rows, columns)
            self.buffer.write(np.ascontiguousarray(matrix, "<f4").tobytes())


def write_model(path: Path, layers: Sequence[Affine], priors: np.ndarray, units: int, inputs: int) -> None:
    """Write a model of `units` (two states each, in the order of the network's outputs) over `inputs` features.

    `priors`: of the states; vosk subtracts their logarithm.
    """
    writer = _Writer()
    _write_transitions(writer, units)
    writer.token("<Nnet3>")
    writer.buffer.write(b"\n" + "\n".join(_config(layers, inputs)).encode() + b"\n\n")
    writer.token("<NumComponents>")
    writer.int32(len(layers) + sum(layer.relu + (layer.bypass > 0) for layer in layers) + 1)
    for index, layer in enumerate(layers):
        writer.token("<ComponentName>", f"affine{index}", "<AffineComponent>", "<LearningRate>")
        writer.float32(_LEARNING_RATE)
        writer.token("<LinearParams>")
        # The first layer sees unnormalised log energies: its weights stay exact.
        writer.matrix(layer.weight, compressed=index > 0)
        writer.token("<BiasParams>")
        writer.vector(layer.bias)
        writer.token("</AffineComponent>")
        if layer.relu:
            _write_nonlinearity(writer, f"relu{index}", "RectifiedLinearComponent", len(layer.bias))
        if layer.bypass:
            writer.token("<ComponentName>", f"sum{index}", "<NoOpComponent>", "<Dim>")
            writer.int32(len(layer.bias))
            writer.token("<BackpropScale>")
            writer.float32(1.0)
            writer.token("</NoOpComponent>")
    _write_nonlinearity(writer, "softmax", "LogSoftmaxComponent", len(layers[-1].bias))
    writer.token("</Nnet3>", "<LeftContext>")
    writer.int32(0)  # Kaldi computes both contexts anew
    writer.token("<RightContext>")
    writer.int32(0)
    writer.token("<Priors>")
    writer.vector(priors)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(writer.buffer.getvalue())


def _write_transitions(writer: _Writer, units: int) -> None:
    phones = phone_count(units)
    writer.token("<TransitionModel>", "<Topology>")
    writer.int_vector(range(1, phones + 1))
    writer.int_vector([-1] + [0] * phones)
    writer.int32(-1, 1)  # one entry, with forward and self-loop classes apart
    writer.int32(2)
    writer.int32(0, 1, 2)  # forward class 0, self-loop class 1, two transitions
    for destination in (0, 1):
        writer.int32(destination)
        writer.float32(_TRANSITION)
    writer.int32(-1, -1, 0)  # the final state
    writer.token("</Topology>", "<Tuples>")
    writer.int32(phones)
    for phone in range(1, phones + 1):
        unit = unit_of(phone)
        writer.int32(phone, 0, 2 * unit, 2 * unit + 1)
    writer.token("</Tuples>", "<LogProbs>")
    writer.vector([0.0] + [float(np.log(_TRANSITION))] * (2 * phones))
    writer.token("</LogProbs>", "</TransitionModel>")


def _config(layers: Sequence[Affine], inputs: int) -> Iterable[str]:
    yield f"input-node name=input dim={inputs}"
    results = ["input"]  # the node that ends each layer
    for index, layer in enumerate(layers):
        source = results[-1]
        spliced = [source if offset == 0 else f"Offset({source}, {offset})" for offset in layer.offsets]
        joined = spliced[0] if len(spliced) == 1 else f"Append({', '.join(spliced)})"
        yield f"component-node name=affine{index} component=affine{index} input={joined}"
        name = f"affine{index}"
        if layer.relu:
            yield f"component-node name=relu{index} component=relu{index} input={name}"
            name = f"relu{index}"
        if layer.bypass:
            yield f"component-node name=sum{index} component=sum{index} input=Sum({results[-layer.bypass]}, {name})"
            name = f"sum{index}"
        results.append(name)
    yield f"component-node name=softmax component=softmax input={results[-1]}"
    yield "output-node name=output input=softmax objective=linear"


def _write_nonlinearity(writer: _Writer, name: str, kind: str, size: int) -> None:
    writer.token("<ComponentName>", name, f"<{kind}>", "<Dim>")
    writer.int32(size)
    for statistic in ("<ValueAvg>", "<DerivAvg>"):
        writer.token(statistic)
        writer.vector([])
    writer.token("<Count>")
    writer.double(0.0)
    writer.token("<OderivRms>")
    writer.vector([])
    for statistic in ("<OderivCount>", "<NumDimsSelfRepaired>", "<NumDimsProcessed>"):
        writer.token(statistic)
        writer.double(0.0)
    writer.token(f"</{kind}>")


def read_layers(path: Path) -> tuple[list[Affine], np.ndarray]:
    """The layers and the priors of a model that `write_model` wrote. Raises `ValueError` for any other."""
    data = path.read_bytes()
    begin, end = data.find(b"<Nnet3> \n"), data.find(b"<NumComponents> ")
    if begin < 0 or end < 0:
        raise ValueError(f"{path} is no acoustic model of ours")
    config = data[begin + len(b"<Nnet3> \n") : end].decode().splitlines()
    layers: list[Affine] = []
    at = end
    for line in config:
        name = re.search(r"name=affine(\d+) .* input=(.*)", line)
        if name is None:
            continue
        index = int(name[1])
        at = data.index(f"<ComponentName> affine{index} ".encode(), at)
        at = data.index(b"<LinearParams> ", at) + len(b"<LinearParams> ")
        weight, at = _read_matrix(data, at)
        bias, at = _read_vector(data, data.index(b"<BiasParams> ", at) + len(b"<BiasParams> "))
        offsets = _offsets(name[2])
        relu = any(f"name=relu{index} " in other for other in config)
        bypassed = [re.search(rf"name=sum{index} .* input=Sum\((?:sum|relu|affine)(\d+), ", other) for other in config]
        bypass = next((index - int(found[1]) for found in bypassed if found), 0)
        layers.append(Affine(weight, bias, offsets, relu, bypass))
    priors, _ = _read_vector(data, data.rindex(b"<Priors> ") + len(b"<Priors> "))
    return layers, priors


def _offsets(descriptor: str) -> tuple[int, ...]:
    """The frames that a descriptor splices: "Append(Offset(a, -3), a)" → (-3, 0)."""
    parts = re.findall(r"Offset\(\w+, (-?\d+)\)|(\w+)", descriptor.removeprefix("Append"))
    return tuple(int(offset) if offset else 0 for offset, _ in parts)


def _read_vector(data: bytes, at: int) -> tuple[np.ndarray, int]:
    if data[at : at + 3] != b"FV ":
        raise ValueError("no vector where one was expected")
    (count,) = struct.unpack_from("<i", data, at + 4)
    return np.frombuffer(data, "<f4", count, at + 8), at + 8 + 4 * count


def _read_matrix(data: bytes, at: int) -> tuple[np.ndarray, int]:
    if data[at : at + 3] == b"FM ":
        rows, columns = struct.unpack_from("<xixi", data, at + 3)
        matrix = np.frombuffer(data, "<f4", rows * columns, at + 13).reshape(rows, columns)
        return matrix, at + 13 + 4 * rows * columns
    if data[at : at + 4] == b"CM2 ":
        least, span, rows, columns = struct.unpack_from("<ffii", data, at + 4)
        steps = np.frombuffer(data, "<u2", rows * columns, at + 20).reshape(rows, columns)
        return (least + span / 65535 * steps).astype(np.float32), at + 20 + 2 * rows * columns
    raise ValueError("no matrix where one was expected")
