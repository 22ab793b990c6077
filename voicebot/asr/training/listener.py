"""A network at work: what it scores in a recording, and the network of a finished model to train on from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from voicebot.asr.manifest import read_manifest
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.training.features import INPUTS, features
from voicebot.asr.training.network import STATES, Network, Shape, folded, take_over
from voicebot.asr.training.nnet3 import Affine, read_layers

_LEVEL = 2000.0  # RMS of what it listens to (−24 dBFS), in the middle of what it was trained on


@dataclass(frozen=True, slots=True)
class Listener:
    """Layers (see `network.folded`), priors of the states, sizes: nothing that another process could not take."""

    layers: tuple[Affine, ...]
    priors: np.ndarray
    shape: Shape

    @classmethod
    def of(cls, network: Network, priors: np.ndarray) -> Listener:
        """A network as it is now."""
        return cls(tuple(folded(network)), priors, network.shape)

    @property
    def knows_our_sounds(self) -> bool:
        """Whether its states are those of today's units; an earlier model may have had others."""
        return len(self.layers[-1].bias) == STATES

    def network(self) -> Network:
        """The network, for listening. Raises `ValueError` for layers that do not fit the shape."""
        network = Network(self.shape, torch.zeros(INPUTS), torch.ones(INPUTS))
        take_over(network, self.layers)
        network.eval()
        return network


def log_posteriors(network: Network, samples: np.ndarray) -> np.ndarray:
    """(output frames, STATES) of a recording (s16, 8000 Hz), its edges repeated as Kaldi does; no frames for one too
    short.
    """
    wave = samples.astype(np.float64)
    heard = features(np.clip(wave * (_LEVEL / (np.sqrt(np.mean(wave**2)) + 1e-9)), -32768, 32767))
    if not len(heard):
        return np.zeros((0, STATES), np.float32)
    padded = np.pad(heard.T, ((0, 0), (network.shape.left, network.shape.right)), mode="edge")
    with torch.no_grad():
        scores = torch.log_softmax(network(torch.from_numpy(padded[None])), 1)[0]
    return np.asarray(scores.numpy().T)


def load_start(model: Path, shape: Shape) -> Listener:
    """The network of a model that `train-asr` made, without the decoder's scale, to train on from.

    Raises `AsrFault` for a folder that is no such model or whose network has other sizes than `shape`.
    """
    path = model / "am" / "final.mdl"
    try:
        layers, priors = read_layers(path)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise AsrFault(f"{path}: {why}; --start-from names the folder of a model of ours", permanent=True) from error
    except (ValueError, AttributeError, TypeError) as error:
        raise AsrFault(
            f"{model} is no model of ours; only what train-asr made can be trained on", permanent=True
        ) from error
    manifest = read_manifest(model)
    scale = float(manifest.made.get("recipe", {}).get("acoustic_scale", 1.0)) if manifest else 1.0
    listener = Listener(_unscaled(layers, scale), priors ** (1 / scale), shape)
    try:
        listener.network()
    except ValueError as error:
        raise AsrFault(f"{model} cannot be trained on: {error}", permanent=True) from error
    return listener


def _unscaled(layers: Sequence[Affine], scale: float) -> tuple[Affine, ...]:
    *others, last = layers
    return (*others, Affine(last.weight / scale, last.bias / scale, last.offsets, relu=last.relu, bypass=last.bypass))
