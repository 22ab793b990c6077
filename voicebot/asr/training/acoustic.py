"""Training the acoustic network: every epoch hears the same speech through other telephones."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from voicebot.asr.training.augmentation import augment, non_speech
from voicebot.asr.training.features import BINS, INPUTS, features
from voicebot.asr.training.labels import SUBSAMPLING, states_of
from voicebot.asr.training.network import STATES, Network, Shape, calibrate, take_over
from voicebot.asr.training.nnet3 import Affine
from voicebot.asr.training.phones import GARBAGE, SILENCE
from voicebot.asr.training.synthesis import read_chunk

_CHUNKS_A_SHARD = 4  # 1,200 utterances are shuffled together
_PASSES_A_SHARD = 2  # each distortion is heard twice, in other pieces: making it costs half as much as learning it
_PIECE = 50  # output frames (1.5 s) a training example
_BATCH = 32
_NON_SPEECH_SHARE = 0.2
_BACKWARDS_SHARE = 0.03  # speech played backwards: it sounds like a voice and is no word
_LEAST_PRIOR = 2e-5  # an unseen state's prior must not lift it above those that were seen
_IGNORED = -100
_MASKED_BINS = 7  # at most, of 40, are blotted out of each batch
_PITCHLESS_SHARE = 0.04  # of the batches hear no pitch: a tracker that is lost must not take the sounds along


@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of training: speech, how many quarters of it are gone through (4 make an epoch), and the learning
    rate from the first to the last.
    """

    name: str
    chunks: tuple[Path, ...]
    quarters: int
    first_rate: float
    last_rate: float


@dataclass(frozen=True, slots=True)
class Frames:
    """Utterances end to end: features (3·n, INPUTS) float16 and states (n) int16."""

    features: np.ndarray
    states: np.ndarray


def make_frames(paths: Sequence[Path], seed: str) -> Frames:
    """Augmented features of some chunks, with a share of non-speech."""
    rng = np.random.default_rng(list(seed.encode()))
    heard: list[np.ndarray] = []
    states: list[np.ndarray] = []

    def add(samples: np.ndarray, segments: np.ndarray) -> None:
        frames = features(samples).astype(np.float16)
        whole = len(frames) // SUBSAMPLING * SUBSAMPLING
        heard.append(frames[:whole])
        states.append(states_of(segments, whole))

    for path in paths:
        speeches = list(read_chunk(path))
        others = [speech.samples for speech in speeches]
        for speech in speeches:
            add(*augment(speech.samples, speech.segments, others, rng))
        for _ in range(int(len(speeches) * _NON_SPEECH_SHARE)):
            add(non_speech(others, rng), np.array([[SILENCE, 0, 1]]))
        for _ in range(int(len(speeches) * _BACKWARDS_SHARE)):
            backwards = others[int(rng.integers(len(others)))][::-1]
            add(*augment(backwards, np.array([[GARBAGE, 0, len(backwards)]], np.int32), others, rng))
    return Frames(np.concatenate(heard), np.concatenate(states))


def train_network(
    stages: Sequence[Stage],
    dev: Sequence[Path],
    workdir: Path,
    *,
    seed: int,
    shape: Shape,
    begin_with: Sequence[Affine],
    threads: int,
    progress: Callable[[str], None],
    after_quarter: Callable[[Network, np.ndarray, str], None],
) -> tuple[Network, np.ndarray]:
    """Train through `stages`; gives the network and the states' priors. `begin_with`: the layers of an earlier model of
    this shape (none: from nothing). Resumes after the last finished quarter of an
    epoch; `after_quarter(network, priors, name)` is called after each, to export what is there.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    workdir.mkdir(parents=True, exist_ok=True)
    # Its small matrix products gain nothing from threads, which would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    context = multiprocessing.get_context("spawn")  # a fork would inherit PyTorch's threads
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        # In the child too: there alone libvosk, which tracks pitch, is loaded.
        dev_frames = pool.submit(make_frames, dev, f"{seed}:dev").result()
        network, counts = _start(stages[0], pool, seed, shape, begin_with)
        optimizer = torch.optim.AdamW(network.parameters(), lr=stages[0].first_rate, weight_decay=1e-3)
        done = _resume(workdir, network, optimizer, counts, progress)
        quarters = [(stage, quarter) for stage in stages for quarter in range(stage.quarters)]
        for number, (stage, quarter) in enumerate(quarters):
            if number < done:
                continue
            began = time.monotonic()
            torch.manual_seed(seed * 1000 + number)
            shards = _shards(stage, quarter, pool, seed)
            loss = _train_quarter(network, optimizer, shards, counts, stage, quarter)
            dev_loss, accuracy = judge(network, dev_frames)
            progress(
                f"{stage.name} {(quarter + 1) / 4}/{stage.quarters / 4} epochs: loss {loss:.3f}, "
                f"dev loss {dev_loss:.3f}, dev frames right {accuracy:.2%}, {time.monotonic() - began:.0f} s"
            )
            state = {
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "counts": counts.tolist(),
                "done": number + 1,
                "shape": json.dumps(asdict(shape)),
            }
            part = workdir / "network.part"
            torch.save(state, part)
            part.rename(workdir / "network.pt")
            after_quarter(network, priors_of(counts), f"{stage.name}-{quarter + 1}")
    return network, priors_of(counts)


def priors_of(counts: np.ndarray) -> np.ndarray:
    """The states' priors of their counts."""
    return np.asarray(np.maximum(counts / counts.sum(), _LEAST_PRIOR))


def load_network(workdir: Path) -> tuple[Network, np.ndarray]:
    """The network and the priors of the last finished quarter."""
    state = torch.load(workdir / "network.pt", weights_only=True)
    stored = json.loads(state["shape"])
    shape = Shape(**{**stored, "ahead": tuple(stored["ahead"])})
    network = Network(shape, torch.zeros(INPUTS), torch.ones(INPUTS))
    network.load_state_dict(state["network"])
    counts = np.array(state["counts"])
    return network.eval(), priors_of(counts)


def judge(network: Network, frames: Frames) -> tuple[float, float]:
    """Mean cross-entropy and share of right states on `frames`."""
    network.eval()
    total, right, loss = 0, 0, 0.0
    with torch.no_grad():
        for inputs, states in _batches(frames, network.shape, np.random.default_rng(0)):
            scores = network(inputs)
            known = states >= 0
            loss += float(cross_entropy(scores, states, ignore_index=_IGNORED, reduction="sum"))
            right += int(((scores.argmax(1) == states) & known).sum())
            total += int(known.sum())
    network.train()
    return loss / total, right / total


def _rate(stage: Stage, quarter: int, share: float) -> float:
    """The learning rate at a share of a quarter: linear along the stage, after a warm-up."""
    done = (quarter + share) / stage.quarters
    rate = stage.first_rate + (stage.last_rate - stage.first_rate) * done
    return rate * min(1.0, (share + 0.005) / 0.1) if quarter == 0 else rate


def _start(
    stage: Stage, pool: ProcessPoolExecutor, seed: int, shape: Shape, begin_with: Sequence[Affine]
) -> tuple[Network, np.ndarray]:
    frames = pool.submit(make_frames, stage.chunks[:1], f"{seed}:statistics").result()
    inputs = frames.features.astype(np.float32)
    # Digital silence (log of the smallest float) would blow up the spread.
    heard = inputs[inputs[:, BINS // 2] > -10]
    network = Network(shape, torch.from_numpy(heard.mean(0)), torch.from_numpy(heard.std(0)))
    if begin_with:
        take_over(network, begin_with)
        sample = _batches(frames, shape, np.random.default_rng(0))
        calibrate(network, [inputs for inputs, _ in itertools.islice(sample, 20)])
    return network, np.ones(STATES)


def _resume(
    workdir: Path,
    network: Network,
    optimizer: torch.optim.Optimizer,
    counts: np.ndarray,
    progress: Callable[[str], None],
) -> int:
    path = workdir / "network.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    counts[:] = state["counts"]
    done = int(state["done"])
    progress(f"going on after {done / 4} epochs")
    return done


def _shards(stage: Stage, quarter: int, pool: ProcessPoolExecutor, seed: int) -> Iterator[tuple[float, Frames]]:
    """Shards of one quarter of an epoch, each with the share of the quarter done before it; two are made ahead."""
    epoch, part = divmod(quarter, 4)
    order = list(stage.chunks)
    random.Random(f"{seed}:{stage.name}:{epoch}").shuffle(order)  # noqa: S311 - reproducible, not secret
    size = max(1, min(_CHUNKS_A_SHARD, len(order) // 4))  # a tiny corpus still has four quarters
    shards = [order[start : start + size] for start in range(0, len(order), size)]
    groups = shards[part::4] or shards[:1]
    waiting: deque[Future[Frames]] = deque()
    for index in range(len(groups)):
        while len(waiting) < 3 and index + len(waiting) < len(groups):
            ahead = index + len(waiting)
            waiting.append(pool.submit(make_frames, groups[ahead], f"{seed}:{stage.name}:{quarter}:{ahead}"))
        yield index / len(groups), waiting.popleft().result()


def _train_quarter(
    network: Network,
    optimizer: torch.optim.Optimizer,
    shards: Iterator[tuple[float, Frames]],
    counts: np.ndarray,
    stage: Stage,
    quarter: int,
) -> float:
    """Go through the shards once; gives the mean loss. `counts` of states grow along."""
    network.train()
    halved = _multiplies_halves()
    losses: list[float] = []
    rng = np.random.default_rng(quarter)
    for share, frames in shards:
        for group in optimizer.param_groups:
            group["lr"] = _rate(stage, quarter, share)
        counts += np.bincount(frames.states, minlength=STATES)
        passes = (_batches(frames, network.shape, rng) for _ in range(_PASSES_A_SHARD))
        for inputs, states in itertools.chain.from_iterable(passes):
            width = int(rng.integers(0, _MASKED_BINS + 1))
            first = int(rng.integers(0, BINS - width + 1))
            inputs[:, first : first + width] = network.mean[first : first + width, None]
            if rng.random() < _PITCHLESS_SHARE:
                inputs[:, BINS:] = network.mean[BINS:, None]
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=halved):
                scores = network(inputs)
            loss = cross_entropy(scores.float(), states, ignore_index=_IGNORED, label_smoothing=0.02)
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            losses.append(loss.item())
    return float(np.mean(losses))


@lru_cache(maxsize=1)
def _multiplies_halves() -> bool:
    """Whether this processor multiplies 16-bit floats itself, which learns 1.8 times as fast (measured)."""
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and "avx512_bf16" in cpu.read_text(encoding="utf-8")


def _batches(frames: Frames, shape: Shape, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Shuffled pieces with their context, cut anywhere from the utterances put end to end: each begins and ends in
    silence, as in a call.
    """
    outputs = len(frames.states)
    starts = np.arange(-int(rng.integers(_PIECE)), outputs, _PIECE)
    reach = np.arange(-shape.left, SUBSAMPLING * (_PIECE - 1) + 1 + shape.right)
    span = np.arange(_PIECE)
    order = rng.permutation(len(starts))
    for first in range(0, len(order), _BATCH):
        chosen = starts[order[first : first + _BATCH], None]
        places = np.clip(SUBSAMPLING * chosen + reach, 0, len(frames.features) - 1)
        wanted = chosen + span
        inside = (wanted >= 0) & (wanted < outputs)
        targets = np.where(inside, frames.states[np.clip(wanted, 0, outputs - 1)], _IGNORED)
        inputs = np.swapaxes(frames.features[places].astype(np.float32), 1, 2)
        yield torch.from_numpy(np.ascontiguousarray(inputs)), torch.from_numpy(targets.astype(np.int64))
