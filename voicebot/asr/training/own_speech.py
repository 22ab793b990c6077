"""A firm's recordings made into training speech: gathered into chunk files, cut up in rounds of training and alignment,
and mixed with the synthetic speech. Every finished step is kept.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from voicebot.asr.recognizer import AsrFault
from voicebot.asr.training.acoustic import Stage, load_network, train_network
from voicebot.asr.training.alignment import align, cut_evenly, possible_readings
from voicebot.asr.training.lexicon import words_of
from voicebot.asr.training.listener import Listener, log_posteriors
from voicebot.asr.training.network import Shape
from voicebot.asr.training.recordings import MANIFEST, Entry, digest, read_entries, sound_of, split
from voicebot.asr.training.synthesis import CHUNK, Speech, read_chunk, seconds_of, write_chunk

_WORST_SHARE = 0.05  # of the aligned recordings, those with the lowest scores, do not train in a round
_MOST_REPEATS = 20  # in an epoch: little speech, heard too often, is learned by heart
_TOLD = 20  # lines that are left out are told one by one up to here; a file has them all


@dataclass(frozen=True, slots=True)
class Gathered:
    """What was made of the folder. `by`: how training and judging are kept apart ("speaker" or "sentence").

    `train`, `judge`, `judge_known`: recordings that train, that judge with a text of their own, and that judge with a
    text that trained too; `left_out`: lines that cannot be used; `kept_apart`: usable ones whose text judges the model
    in synthetic voices. `hours`: of `train`.
    """

    digest: str
    by: str
    train: int
    judge: int
    judge_known: int
    left_out: int
    kept_apart: int
    train_speakers: int
    judge_speakers: int
    hours: float


@dataclass(frozen=True, slots=True)
class Round:
    """One alignment of all recordings that train. `collapsed`: no possible path; `doubtful`: the lowest scores. Both
    are left out until the next round. `score`: mean log posterior of the others.
    """

    aligned: int
    collapsed: int
    doubtful: int
    score: float


@dataclass(frozen=True, slots=True)
class OwnSpeech:
    """The recordings in their working directory."""

    workdir: Path
    gathered: Gathered

    @classmethod
    def gather(
        cls, directory: Path, workdir: Path, *, seed: int, kept_apart: Iterable[str], say: Callable[[str], None]
    ) -> OwnSpeech:
        """Read and check the folder, put a part aside to judge, and write chunk files. Tells what is left out.

        Raises `AsrFault` when nothing can be used, or when `workdir` was begun with other recordings.
        """
        if not (directory / MANIFEST).is_file():
            raise AsrFault(
                f"{directory / MANIFEST}: no such file; --speech names the folder that has it", permanent=True
            )
        now, done = digest(directory), workdir / "gathered.json"
        if done.exists():
            gathered = Gathered(**json.loads(done.read_text(encoding="utf-8")))
            if gathered.digest != now:
                raise AsrFault(f"{workdir} was begun with other recordings; name a fresh --workdir", permanent=True)
            return cls(workdir, gathered)
        shutil.rmtree(workdir, ignore_errors=True)
        workdir.mkdir(parents=True)
        left_out: dict[int, str] = {}
        parts = split(read_entries(directory, left_out.__setitem__), seed, frozenset(kept_apart))
        train = _stored(parts.train, workdir / "train", left_out)
        texts = {speech.text for path in _chunks(workdir / "train") for speech in read_chunk(path)}
        judge = _stored([e for e in parts.judge if e.text not in texts], workdir / "judge", left_out)
        known = _stored([e for e in parts.judge if e.text in texts], workdir / "judge-known", left_out)
        _tell(directory / MANIFEST, left_out, workdir / "left_out.txt", say)
        if not train:
            raise AsrFault(f"{directory / MANIFEST}: none of its recordings can be used for training", permanent=True)
        gathered = Gathered(
            digest=now,
            by=parts.by,
            train=len(train),
            judge=len(judge),
            judge_known=len(known),
            left_out=len(left_out),
            kept_apart=parts.kept_apart,
            train_speakers=len({entry.speaker for entry in train} - {""}),
            judge_speakers=len({entry.speaker for entry in judge} - {""}),
            hours=round(sum(map(seconds_of, _chunks(workdir / "train"))) / 3600, 2),
        )
        part = done.with_suffix(".part")
        part.write_text(json.dumps(asdict(gathered)), encoding="utf-8")
        part.rename(done)
        judging = gathered.judge + gathered.judge_known
        say(
            f"recordings: {gathered.train} ({gathered.hours:.2f} h) train, {judging} judge"
            f" (kept apart by {gathered.by}), {gathered.left_out} left out"
        )
        return cls(workdir, gathered)

    @property
    def judging(self) -> dict[str, list[Path]]:
        """Chunk files of the recordings that judge, by the name their rates have in the model's manifest."""
        found = {"recordings": _chunks(self.workdir / "judge")}
        known = _chunks(self.workdir / "judge-known")
        return {**found, "recordings, text trained": known} if known else found

    def cut(
        self,
        stages: Sequence[Stage],
        dev: Sequence[Path],
        *,
        begin_with: Listener | None,
        share: float,
        seed: int,
        shape: Shape,
        processes: int,
        say: Callable[[str], None],
    ) -> tuple[list[Path], Listener]:
        """Align the recordings in rounds; gives their chunk files and the network that the last round trained.

        Each of `stages` has synthetic speech, to which the recordings are mixed as they are cut so far. The first cut
        is by `begin_with` where there is one with our sounds, else an even one.
        """
        current = _chunks(self.workdir / "train")
        if begin_with is not None and begin_with.knows_our_sounds:
            current = self._realigned(begin_with, 0, processes, say)
        mixed_stages: list[Stage] = []
        listener = begin_with
        for number, stage in enumerate(stages, 1):
            chunks = mixed(stage.chunks, current, share)
            mixed_stages.append(Stage(stage.name, chunks, stage.quarters, stage.first_rate, stage.last_rate))
            network = self.workdir / "network"
            if not self._report(number).exists():
                train_network(
                    mixed_stages,
                    dev,
                    network,
                    seed=seed,
                    shape=shape,
                    begin_with=begin_with.layers if begin_with else (),
                    threads=1,
                    progress=say,
                    after_quarter=lambda *_: None,
                )
                listener = Listener.of(*load_network(network))
                current = self._realigned(listener, number, processes, say)
            else:
                listener = Listener.of(*load_network(network))
                current = _chunks(self._round(number))
        if listener is None:
            raise ValueError("neither a model to begin with nor a stage of training")
        return current, listener

    def rounds(self) -> list[Round]:
        """What the alignments so far came to."""
        reports = sorted(self.workdir.glob("round-*.json"), key=lambda path: int(path.stem.removeprefix("round-")))
        return [Round(**json.loads(path.read_text(encoding="utf-8"))) for path in reports]

    def made(self) -> dict[str, Any]:
        """What a model's manifest says of the recordings: amounts, no name and no text."""
        return {**asdict(self.gathered), "rounds": [asdict(each) for each in self.rounds()]}

    def _round(self, number: int) -> Path:
        return self.workdir / f"round-{number}"

    def _report(self, number: int) -> Path:
        return self.workdir / f"round-{number}.json"

    def _realigned(self, listener: Listener, number: int, processes: int, say: Callable[[str], None]) -> list[Path]:
        """Align everything that trains anew; what the round before last wrote is removed."""
        directory, report = self._round(number), self._report(number)
        if report.exists():
            return _chunks(directory)
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        sources = _chunks(self.workdir / "train")
        # Children of their own: libvosk, which tracks pitch, must not meet kaldifst in this process.
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        scores: list[list[float]] = []
        with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
            targets = [directory / path.name for path in sources]
            for done, part in enumerate(pool.map(align_chunk, itertools.repeat(listener), sources, targets)):
                scores.append(part)
                if done % 20 == 0:
                    say(f"round {number}: chunk {done} of {len(sources)} aligned")
        aligned = np.sort(np.concatenate([np.array(part) for part in scores]))
        total = sum(1 for path in sources for _ in read_chunk(path))
        if not len(aligned):
            raise AsrFault(
                f"round {number}: none of {total} recordings fits its text; is the manifest the right one?",
                permanent=True,
            )
        least = aligned[int(len(aligned) * _WORST_SHARE)]
        for path, part in zip(targets, scores, strict=True):
            if min(part, default=0.0) < least:
                keep = [speech for speech, score in zip(read_chunk(path), part, strict=True) if score >= least]
                path.unlink()
                if keep:
                    write_chunk(path, keep)
        kept = aligned[aligned >= least]
        told = Round(len(kept), total - len(aligned), len(aligned) - len(kept), round(float(kept.mean()), 3))
        report.write_text(json.dumps(asdict(told)), encoding="utf-8")
        say(
            f"round {number}: {told.aligned} recordings aligned, mean score {told.score:.2f}; left out"
            f" {told.collapsed} that do not fit their text and {told.doubtful} of the lowest scores"
        )
        shutil.rmtree(self._round(number - 1), ignore_errors=True)
        return _chunks(directory)


def align_chunk(listener: Listener, source: Path, target: Path) -> list[float]:
    """Align the utterances of one chunk file and write those that can be into another; gives their scores."""
    torch.set_num_threads(1)
    network, log_priors = listener.network(), np.log(listener.priors)
    speeches, scores = [], []
    for speech in read_chunk(source):
        readings = possible_readings(words_of(speech.text))
        aligned = align(log_posteriors(network, speech.samples), log_priors, readings, len(speech.samples))
        if aligned is not None and not aligned.collapsed:
            speeches.append(Speech(speech.text, speech.variant, aligned.syllables, speech.samples, aligned.segments))
            scores.append(aligned.score)
    if speeches:
        write_chunk(target, speeches)
    return scores


def mixed(synthetic: Sequence[Path], own: Sequence[Path], share: float) -> tuple[Path, ...]:
    """Chunk files of both, those of `own` repeated so that they are about this share of the sound."""
    wanted = share / (1 - share) * sum(map(seconds_of, synthetic))
    times = round(wanted / max(1e-9, sum(map(seconds_of, own))))
    return (*synthetic, *(tuple(own) * max(1, min(_MOST_REPEATS, times))))


def texts_of(chunks: Iterable[Path]) -> Iterator[str]:
    """What is said in chunk files."""
    for path in chunks:
        with np.load(path) as data:
            meta = json.loads(bytes(data["meta"]).decode())
        yield from (text for text, *_ in meta)


def _stored(entries: Sequence[Entry], directory: Path, left_out: dict[int, str]) -> list[Entry]:
    """Write recordings, evenly cut, as chunk files of about the same length; gives those that are usable."""
    directory.mkdir()
    chunks = max(1, -(-len(entries) // CHUNK))
    stored: list[Entry] = []
    for number in range(chunks):
        speeches = []
        for entry in entries[number::chunks]:
            try:
                samples = sound_of(entry)
                even = cut_evenly(samples, entry.readings)
                if even is None:
                    raise ValueError(f"has {entry.syllables} syllables, yet hardly a sound")
            except ValueError as problem:
                left_out[entry.line] = str(problem)
                continue
            speeches.append(Speech(entry.text, entry.speaker, even.syllables, samples, even.segments))
            stored.append(entry)
        if speeches:
            write_chunk(directory / f"chunk-{number:04d}.npz", speeches)
    return stored


def _chunks(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("chunk-*.npz") if ".part" not in path.name)


def _tell(manifest: Path, left_out: dict[int, str], everything: Path, say: Callable[[str], None]) -> None:
    lines = [f"{manifest.name}, line {number}: {why}" for number, why in sorted(left_out.items())]
    everything.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    for line in lines[:_TOLD]:
        say(f"left out: {line}")
    if len(lines) > _TOLD:
        say(f"left out: {len(lines) - _TOLD} lines more, see {everything}")
