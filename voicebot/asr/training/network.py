"""The acoustic network: a factorised time-delay network (TDNN-F) over filter banks, small enough for one slow core.

Each layer squeezes two moments into a bottleneck, widens two of those again, and adds the result to what it came
from; Kaldi's nnet3 computes the same once batch normalisation is folded in (`folded`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from voicebot.asr.training.features import BINS
from voicebot.asr.training.labels import SUBSAMPLING
from voicebot.asr.training.nnet3 import Affine
from voicebot.asr.training.phones import UNITS

STATES = 2 * len(UNITS)


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes: the first layer's, the others' and their bottlenecks' width. `ahead`: for each factorised layer whether
    it looks 30 ms ahead; all look 30 ms back. What is ahead delays the ear: 50 ms and 30 ms for each such layer.
    """

    front: int = 160
    width: int = 384
    bottleneck: int = 96
    ahead: tuple[bool, ...] = (True, True, True, True, True, False, False)

    @property
    def left(self) -> int:
        """Input frames needed before the one of an output."""
        return 3 + SUBSAMPLING * len(self.ahead)

    @property
    def right(self) -> int:
        """Input frames needed after the one of an output."""
        return 3 + SUBSAMPLING * sum(self.ahead)


class Factorised(nn.Module):
    """x + ReLU(BN(wide(narrow(x)))) on the output frames' clock."""

    def __init__(self, width: int, bottleneck: int, *, ahead: bool) -> None:
        super().__init__()
        self.ahead = ahead
        self.narrow = nn.Conv1d(width, bottleneck, 2, bias=False)
        self.wide = nn.Conv1d(bottleneck, width, 2 if ahead else 1)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, width, time) → the same, shorter by the context."""
        change = torch.relu(self.norm(self.wide(self.narrow(x))))
        return x[:, :, 1 : x.shape[2] - int(self.ahead)] + change


class Network(nn.Module):
    """(batch, BINS, input frames) → (batch, STATES, output frames): unnormalised log probabilities of states."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, shape: Shape, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.first = nn.Conv1d(BINS, shape.front, 5)
        self.first_norm = nn.BatchNorm1d(shape.front)
        self.second = nn.Conv1d(shape.front, shape.width, 3, stride=SUBSAMPLING)
        self.second_norm = nn.BatchNorm1d(shape.width)
        self.layers = nn.ModuleList(Factorised(shape.width, shape.bottleneck, ahead=ahead) for ahead in shape.ahead)
        self.last = nn.Conv1d(shape.width, STATES, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """See the class."""
        x = (x - self.mean[:, None]) / self.deviation[:, None]
        x = torch.relu(self.first_norm(self.first(x)))
        x = torch.relu(self.second_norm(self.second(x)))
        for layer in self.layers:
            x = layer(x)
        result: torch.Tensor = self.last(x)
        return result


def _array(tensor: Any) -> np.ndarray:
    """A parameter or buffer, for which PyTorch's modules promise no type."""
    return np.asarray(tensor.detach().cpu().double().numpy())


def _folded(conv: Any, norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """Weight (out, in, kernel) and bias of a convolution with its batch normalisation."""
    gain = _array(norm.weight) / np.sqrt(_array(norm.running_var) + norm.eps)
    bias = _array(conv.bias) if conv.bias is not None else np.zeros(conv.out_channels)
    return _array(conv.weight) * gain[:, None, None], (bias - _array(norm.running_mean)) * gain + _array(norm.bias)


def folded(network: Network) -> list[Affine]:
    """The network as nnet3 has it: affine layers on spliced frames, normalisation folded in."""
    weight, bias = _folded(network.first, network.first_norm)
    weight = weight / _array(network.deviation)[None, :, None]
    bias = bias - (weight * _array(network.mean)[None, :, None]).sum((1, 2))
    layers = [Affine.of(weight, bias, (-2, -1, 0, 1, 2), relu=True)]
    layers.append(Affine.of(*_folded(network.second, network.second_norm), (-1, 0, 1), relu=True))
    layer: Any
    for layer in network.layers:
        narrow = _array(layer.narrow.weight)
        layers.append(Affine.of(narrow, np.zeros(len(narrow)), (-SUBSAMPLING, 0), relu=False))
        offsets = (0, SUBSAMPLING) if layer.ahead else (0,)
        layers.append(Affine.of(*_folded(layer.wide, layer.norm), offsets, relu=True, bypass=2))
    layers.append(Affine.of(_array(network.last.weight), _array(network.last.bias), (0,), relu=False))
    return layers
