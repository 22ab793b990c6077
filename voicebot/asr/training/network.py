"""The acoustic network: a factorised time-delay network (TDNN-F) over filter banks, small enough for one slow core.

Each layer squeezes two moments into a bottleneck, widens two of those again, and adds the result to what it came
from; Kaldi's nnet3 computes the same once batch normalisation is folded in (`folded`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from voicebot.asr.training.features import INPUTS
from voicebot.asr.training.labels import SUBSAMPLING
from voicebot.asr.training.nnet3 import Affine
from voicebot.asr.training.phones import TONES, UNITS

STATES = 2 * len(UNITS)


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes: the first layer's, the others' and their bottlenecks' width. `ahead`: for each factorised layer whether
    it looks 30 ms ahead; all look 30 ms back. What is ahead delays the ear: 50 ms and 30 ms for each such layer.
    """

    front: int = 160
    width: int = 384
    bottleneck: int = 96
    ahead: tuple[bool, ...] = (True, True, True, True, True, False, False, True, False)

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


def _tone_groups() -> torch.Tensor:
    """For every state its row in the table of tones: none (0) for silence, initials and speech of no words."""
    tones = [int(unit[-1]) if unit[-1] in TONES and unit[:-1] else 0 for unit in UNITS]
    return torch.tensor([2 * tone + half if tone else 0 for tone in tones for half in (0, 1)])


class Output(nn.Module):
    """From the last layer to the states; what tells tones apart is learned once for all finals, and a rest for each."""

    groups: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.each = nn.Conv1d(width, STATES, 1)
        self.tones = nn.Parameter(torch.zeros(2 * len(TONES) + 2, width))
        self.register_buffer("groups", _tone_groups(), persistent=False)

    @property
    def weight(self) -> torch.Tensor:
        """(STATES, width, 1)."""
        shared = self.tones[self.groups] * (self.groups > 0)[:, None]
        whole: torch.Tensor = self.each.weight + shared[:, :, None]
        return whole

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(batch, width, time) → (batch, STATES, time)."""
        return nn.functional.conv1d(x, self.weight, self.each.bias)


class Network(nn.Module):
    """(batch, INPUTS, input frames) → (batch, STATES, output frames): unnormalised log probabilities of states."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, shape: Shape, mean: torch.Tensor, deviation: torch.Tensor) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)
        self.first = nn.Conv1d(INPUTS, shape.front, 5)
        self.first_norm = nn.BatchNorm1d(shape.front)
        self.second = nn.Conv1d(shape.front, shape.width, 3, stride=SUBSAMPLING)
        self.second_norm = nn.BatchNorm1d(shape.width)
        self.layers = nn.ModuleList(Factorised(shape.width, shape.bottleneck, ahead=ahead) for ahead in shape.ahead)
        self.last = Output(shape.width)

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


def folded(network: Network, scale: float = 1.0) -> list[Affine]:
    """The network as nnet3 has it: affine layers on spliced frames, normalisation folded in; `scale`: its log
    probabilities are multiplied by this (take the priors to the same power).
    """
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
    layers.append(
        Affine.of(scale * _array(network.last.weight), scale * _array(network.last.each.bias), (0,), relu=False)
    )
    return layers


def take_over(network: Network, layers: Sequence[Affine]) -> None:
    """Set a network's weights from a model's layers (see `folded`), normalisation doing nothing; call `calibrate` next.

    A last layer of other states is left as it is. Raises `ValueError` for layers of another shape.
    """
    modules: list[Any] = [(network.first, network.first_norm), (network.second, network.second_norm)]
    layer: Any
    for layer in network.layers:
        modules += [(layer.narrow, None), (layer.wide, layer.norm)]
    modules.append((network.last.each, None))
    if len(layers) != len(modules):
        raise ValueError(f"the model has {len(layers)} layers, this recipe's has {len(modules)}")
    with torch.no_grad():
        for index, (given, (conv, norm)) in enumerate(zip(layers, modules, strict=True)):
            out, inputs, kernel = conv.weight.shape
            if given.weight.shape != (out, inputs * kernel):
                if conv is network.last.each:
                    continue
                raise ValueError(f"layer {index} of the model is {given.weight.shape}, not {(out, inputs * kernel)}")
            weight = torch.from_numpy(given.weight.reshape(out, kernel, inputs).transpose(0, 2, 1).copy())
            bias = torch.from_numpy(given.bias.copy())
            if index == 0:  # the model has the features' mean and deviation folded in
                bias = bias + (weight * network.mean[None, :, None]).sum((1, 2))
                weight = weight * network.deviation[None, :, None]
            conv.weight.copy_(weight)
            if norm is None:
                if conv.bias is not None:
                    conv.bias.copy_(bias)
                continue
            conv.bias.zero_()
            norm.running_mean.zero_()
            norm.running_var.fill_(1 - norm.eps)
            norm.weight.fill_(1)
            norm.bias.copy_(bias)


def calibrate(network: Network, batches: Sequence[torch.Tensor]) -> None:
    """Give normalisations that do nothing the statistics of real features, so that the network computes the same and
    can be trained on.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    sums: dict[Any, list[torch.Tensor]] = {norm: [] for norm in norms}

    def note(norm: Any, inputs: Any) -> None:
        x = inputs[0].transpose(0, 1).reshape(inputs[0].shape[1], -1)
        sums[norm].append(torch.stack([x.mean(1), (x**2).mean(1)]))

    hooks: list[Any] = [norm.register_forward_pre_hook(note) for norm in norms]
    network.eval()
    with torch.no_grad():
        for batch in batches:
            network(batch)
        for hook in hooks:
            hook.remove()
        norm: Any
        for norm in norms:
            mean, square = torch.stack(sums[norm]).mean(0)
            variance = (square - mean**2).clamp_min(1e-4)
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.bias.add_(mean)  # what came in unshifted and unscaled …
            norm.weight.copy_((variance + norm.eps).sqrt())  # … goes out so
    network.train()
