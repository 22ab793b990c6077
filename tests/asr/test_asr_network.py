"""From PyTorch's network to Kaldi's file and back."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from voicebot.asr.training.nnet3 import Affine, phone_count, phone_of, read_layers, unit_of, write_model

UNITS = 5
INPUTS = 43


def layers(rng: np.random.Generator) -> list[Affine]:
    def weight(rows: int, columns: int) -> np.ndarray:
        return rng.standard_normal((rows, columns)).astype(np.float32)

    bias = rng.standard_normal(8).astype(np.float32)
    return [
        Affine(weight(8, 40 * 3), bias, (-1, 0, 1), relu=True),
        Affine(weight(4, 16), np.zeros(4, np.float32), (-3, 0), relu=False),
        Affine(weight(8, 8), bias, (0, 3), relu=True, bypass=2),
        Affine(weight(2 * UNITS, 8), rng.standard_normal(2 * UNITS).astype(np.float32), (0,), relu=False),
    ]


def test_phones_and_units() -> None:
    assert phone_of(0, 3) == 1
    assert unit_of(1) == 0
    phones = [phone_of(unit, position) for unit in range(1, UNITS) for position in range(4)]
    assert phones == list(range(2, phone_count(UNITS) + 1))
    assert [unit_of(phone) for phone in phones] == [unit for unit in range(1, UNITS) for _ in range(4)]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = layers(np.random.default_rng(0))
    priors = np.full(2 * UNITS, 0.1)
    write_model(tmp_path / "am" / "final.mdl", written, priors, UNITS, 40)
    read, read_priors = read_layers(tmp_path / "am" / "final.mdl")
    assert np.allclose(read_priors, priors)
    assert len(read) == len(written)
    for index, (one, other) in enumerate(zip(written, read, strict=True)):
        span = float(np.ptp(one.weight))
        assert np.abs(one.weight - other.weight).max() <= (span / 65535 if index else 0)
        assert np.array_equal(one.bias, other.bias)
        assert (one.offsets, one.relu, one.bypass) == (other.offsets, other.relu, other.bypass)


def test_the_header_is_kaldis(tmp_path: Path) -> None:
    write_model(tmp_path / "final.mdl", layers(np.random.default_rng(0)), np.ones(10), UNITS, 40)
    data = (tmp_path / "final.mdl").read_bytes()
    assert data.startswith(b"\0B<TransitionModel> <Topology> \x04" + struct.pack("<i", phone_count(UNITS)))
    assert b"output-node name=output input=softmax objective=linear\n\n<NumComponents> " in data


def test_folding_keeps_what_the_network_computes() -> None:
    torch = pytest.importorskip("torch", reason="belongs to the extra `train`")
    from voicebot.asr.training.network import STATES, Network, Shape, folded

    torch.manual_seed(0)
    shape = Shape(front=16, width=24, bottleneck=8, ahead=(True, False))
    network = Network(shape, torch.full((INPUTS,), 8.0), torch.full((INPUTS,), 3.0))
    features = torch.randn(4, INPUTS, 61) * 3 + 8
    for _ in range(5):
        network(features)  # gives the normalisations statistics of their own
    network.eval()
    with torch.no_grad():
        wanted = network(features)[0].numpy()
    assert wanted.shape[0] == STATES
    assert wanted.shape[1] == (61 - shape.left - shape.right - 1) // 3 + 1
    inputs = features[0].numpy().T
    for output in range(wanted.shape[1]):
        given = computed(folded(network), inputs, shape.left + 3 * output)
        assert np.abs(given - wanted[:, output]).max() < 1e-3


def test_a_network_that_took_over_computes_the_same_and_can_learn_on() -> None:
    torch = pytest.importorskip("torch", reason="belongs to the extra `train`")
    from voicebot.asr.training.network import Network, Shape, calibrate, folded, take_over

    torch.manual_seed(0)
    shape = Shape(front=16, width=24, bottleneck=8, ahead=(True, False))
    one, other = (Network(shape, torch.full((INPUTS,), mean), torch.full((INPUTS,), 3.0)) for mean in (8.0, 7.0))
    features = torch.randn(16, INPUTS, 61) * 3 + 8
    for _ in range(5):
        one(features)
    one.eval()
    take_over(other, folded(one))
    calibrate(other, [features])
    with torch.no_grad():
        wanted, learning = one(features), other(features)
        known = other.eval()(features)
    assert (known - wanted).abs().max() < 1e-2
    # In training the normalisation takes the batch's own statistics, which are those of the calibration here.
    assert (learning - wanted).abs().max() < 0.05 * wanted.abs().max()
    with pytest.raises(ValueError, match="layers"):
        take_over(Network(Shape(ahead=(True,)), torch.zeros(INPUTS), torch.ones(INPUTS)), folded(one))


def computed(network: list[Affine], inputs: np.ndarray, at: int) -> np.ndarray:
    """What nnet3 computes for the frame `at`: every layer's value where the next one wants it."""

    def value(index: int, time: int) -> np.ndarray:
        if index < 0:
            return inputs[time]
        layer = network[index]
        spliced = np.concatenate([value(index - 1, time + offset) for offset in layer.offsets])
        result = layer.weight @ spliced + layer.bias
        result = np.maximum(result, 0) if layer.relu else result
        return result + value(index - layer.bypass, time) if layer.bypass else result

    return value(len(network) - 1, at)
