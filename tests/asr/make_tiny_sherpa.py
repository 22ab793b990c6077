"""Makes the tiny models of `tests/asr/data`, on which the sherpa-onnx ear is tested: no real weights are needed then.

They hear the phrases below in espeak-ng's voices and nothing else. One small network of convolutions is trained with
the CTC criterion on synthetic speech, each character held to its place, and written in layouts that sherpa-onnx loads:
as a streaming CTC model, and as a transducer that is none: its decoder and joiner only take the last character, said
again, for a blank, which is CTC's rule. That suffices to drive the engine's beam search and hot words truly; it says
nothing of real models' accuracy.

    python -m tests.asr.make_tiny_sherpa WORKDIR      # minutes on one core; needs the extras `train` and `dev`

The same machine and versions give the same files; elsewhere the last bits of the weights may differ.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import soxr

from voicebot.asr.manifest import MANIFEST_NAME, digests
from voicebot.asr.telephone import through_alaw

from .conftest import DATA, PHRASES
from .tiny_onnx import (
    BINS,
    DILATIONS,
    HOMOPHONES,
    LEFT,
    Weights,
    tokens_text,
    transducer,
    window,
    zipformer2_ctc,
)

SEED = 1
MORE_PHRASES = (
    *("你打错了", "我知道了", "明天再说", "没听清楚", "我要投诉", "你们是哪里", "听不清楚", "谢谢", "再见", "不用了"),
    *("我没时间", "晚上再打", "可以的", "好的", "不行", "是的", "我不需要", "什么时候", "多少钱", "明白了"),
    *("我会补钱", "下周再说", "先这样", "稍等一下", "你说", "请讲", "我找王丽", "我是王丽"),
)
RARER = 0.2  # how often the other of two homophones is written
# f2 and victor are left out: espeak-ng never says the same twice with them.
VOICES = (*[""] * 8, "f1", "m1", "m2", "m3", "m5", "Andy", "Mike", "klatt2", "paul", "steph")
TAKES = 90  # of every phrase

RATE = 16000
CHANNELS = 96
SPIKE = 0.7  # the part of a character, from its start, in which the network may say it
MISPLACED = -12.0  # log probability taken from a path that says a character elsewhere
BLANK = "<blk>"


def progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201 - for whoever waits


def features(samples: np.ndarray) -> np.ndarray:
    """(frames, 80) as sherpa-onnx computes them, of float samples at 16 kHz within ±1."""
    import kaldi_native_fbank as native

    options = native.FbankOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = False
    options.mel_opts.num_bins = BINS
    options.mel_opts.low_freq = 20
    options.mel_opts.high_freq = -400
    bank = native.OnlineFbank(options)
    bank.accept_waveform(RATE, samples.tolist())
    bank.input_finished()
    return np.stack([bank.get_frame(index) for index in range(bank.num_frames_ready)])


# ---------------------------------------------------------------- training


def speech(workdir: Path) -> list[tuple[str, np.ndarray, list[tuple[float, float]]]]:
    """Every take: its text, s16 samples at 8 kHz, and each character's start and end in ms."""
    from pypinyin import Style, lazy_pinyin

    from voicebot.asr.training.phones import UNITS_OF
    from voicebot.asr.training.synthesis import Utterance, read_chunk, speak_all

    def utterance(text: str) -> Utterance:
        return Utterance((text,), (tuple(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)),))

    phrases = sorted({*PHRASES, *MORE_PHRASES}) * TAKES
    random.Random(SEED).shuffle(phrases)
    chunks = speak_all([utterance(p) for p in phrases], VOICES, workdir, seed=SEED, processes=1, progress=progress)
    takes = []
    for chunk in chunks:
        for spoken in read_chunk(chunk):
            sounds = [(start / 8, end / 8) for unit, start, end in spoken.segments if unit]
            places, at = [], 0
            for syllable in spoken.syllables:
                units = len(UNITS_OF[syllable])
                places.append((sounds[at][0], sounds[at + units - 1][1]))
                at += units
            assert len(places) == len(spoken.text)
            takes.append((spoken.text, spoken.samples, places))
    return takes


def train(workdir: Path) -> tuple[Weights, list[str]]:
    """The network's weights and its tokens (blank first)."""
    import torch

    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    rng = np.random.default_rng(SEED)
    takes = speech(workdir)
    tokens = [BLANK, *sorted({*"".join(text for text, _, _ in takes), *HOMOPHONES.values()})]
    ids = {token: index for index, token in enumerate(tokens)}

    inputs, targets, spans = [], [], []
    for text, samples, places in takes:
        before, after = rng.integers(0, 8000), rng.integers(2400, 8000)
        loud = samples / np.abs(samples).max() * 32768 * 10 ** (rng.uniform(-26, -6) / 20)
        pcm = np.concatenate([np.zeros(before), loud, np.zeros(after)])
        if rng.random() < 0.6:
            pcm += rng.standard_normal(len(pcm)) * 10 ** rng.uniform(0, 1.8)
        pcm16 = np.clip(np.round(pcm), -32768, 32767).astype(np.int16)
        if rng.random() < 0.5:
            pcm16 = through_alaw(pcm16)
        wide = soxr.resample(pcm16.astype(np.float32) / 32768, 8000, RATE, "MQ")
        frames = features(wide)
        rare = rng.random() < RARER
        targets.append([ids[HOMOPHONES.get(character, character) if rare else character] for character in text])
        starts = [(before / 8 + start - 5) / 40 for start, _ in places]
        ends = [(before / 8 + start + SPIKE * (end - start) - 5) / 40 for start, end in places]
        spans.append(
            [(round(start), max(round(start) + 2, round(end))) for start, end in zip(starts, ends, strict=True)]
        )
        inputs.append(frames.astype(np.float32))
    stacked = np.concatenate(inputs)
    mean, deviation = stacked.mean(axis=0), stacked.std(axis=0) + 1.0

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            conv = torch.nn.Conv1d
            self.down1 = conv(BINS, CHANNELS, 3, stride=2)
            self.down2 = conv(CHANNELS, CHANNELS, 3, stride=2)
            self.context = torch.nn.ModuleList([conv(CHANNELS, CHANNELS, 3, dilation=d) for d in DILATIONS])
            self.out = conv(CHANNELS, len(tokens), 1)
            self.dropout = torch.nn.Dropout(0.1)

        def forward(self, x):
            x = torch.relu(self.down2(torch.relu(self.down1(x))))
            for dilation, layer in zip(DILATIONS, self.context, strict=True):
                x = torch.relu(layer(x)) + x[:, :, dilation:-dilation]
            return self.out(self.dropout(x))

    network = Network()
    batch, steps = 64, 24 * (len(inputs) // 64)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps)
    for step in range(steps):
        chosen = rng.choice(len(inputs), batch, replace=False)
        lengths = [(len(inputs[c]) - window(1)) // 4 for c in chosen]
        longest = max(lengths)
        x = np.zeros((batch, BINS, LEFT + window(longest)), np.float32)  # 0: the mean, as in an empty cache
        misplaced = np.full((longest, batch, len(tokens)), MISPLACED, np.float32)
        misplaced[:, :, 0] = 0
        for row, c in enumerate(chosen):
            whole = (inputs[c] - mean) / deviation
            usable = min(len(whole), window(longest))
            x[row, :, LEFT : LEFT + usable] = whole[:usable].T
            for token, (first, last) in zip(targets[c], spans[c], strict=True):
                misplaced[first:last, row, token] = 0
        scores = network(torch.from_numpy(x)).permute(2, 0, 1).log_softmax(2) + torch.from_numpy(misplaced)
        wanted = torch.tensor([token for c in chosen for token in targets[c]])
        counts = torch.tensor([len(targets[c]) for c in chosen])
        loss = torch.nn.functional.ctc_loss(scores, wanted, torch.tensor(lengths), counts)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 20 == 0:
            progress(f"step {step} of {steps}: loss {loss.item():.4f}")
    weights = {name: value.detach().numpy() for name, value in network.state_dict().items()}
    return {**weights, "mean": mean.astype(np.float32), "deviation": deviation.astype(np.float32)}, tokens


def write(directory: Path, models: Mapping[str, onnx.ModelProto], tokens: Sequence[str]) -> None:
    """A model folder with its manifest."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, model in models.items():
        onnx.save(model, directory / f"{name}.onnx")
    (directory / "tokens.txt").write_text(tokens_text(tokens), encoding="utf-8")
    packages = ("torch", "onnx", "kaldi_native_fbank", "espeakng-loader", "numpy", "soxr", "pypinyin")
    manifest = {
        "name": directory.name,
        "version": "1",
        "engine": "sherpa-onnx",
        "language": "zh",
        "licence": "Apache-2.0",
        "synthetic": True,
        "description": "A test vehicle for the sherpa-onnx ear: hears a few dozen phrases in espeak-ng's voices, no "
        "people. Not for calls.",
        "source": "python -m tests.asr.make_tiny_sherpa",
        "files": {name: file.model_dump() for name, file in digests(directory).items()},
        "made": {
            "seed": SEED,
            "from": "espeak-ng speech of the script's own phrases",
            "phrases": sorted({*PHRASES, *MORE_PHRASES}),
            "versions": {package: version(package) for package in packages},
        },
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=1) + "\n"
    (directory / MANIFEST_NAME).write_text(text, encoding="utf-8")


def main(workdir: Path) -> None:
    weights, tokens = train(workdir)
    write(DATA / "sherpa-ctc", {"model": zipformer2_ctc(weights)}, tokens)
    write(DATA / "sherpa-transducer", transducer(weights, tokens), tokens)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
