"""How the model is made: the amounts, the order of the stages, and what its manifest says of them."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.asr.manifest import MANIFEST_NAME, ModelManifest, digests
from voicebot.asr.training.acoustic import Stage, load_network, train_network
from voicebot.asr.training.apart import assess_apart, calibrate_apart
from voicebot.asr.training.babble import foreign_speech, random_syllables, random_words
from voicebot.asr.training.corpus import Corpus, build_corpus, more_sentences, trade_phrases
from voicebot.asr.training.features import FBANK_CONF, INPUTS
from voicebot.asr.training.graph import write_graph
from voicebot.asr.training.judging import judging_sets, speak_sets, utterances_of
from voicebot.asr.training.language import UNKNOWN, LanguageModel, Tuning
from voicebot.asr.training.lexicon import (
    Reading,
    build_lexicon,
    everyday_words,
    level_one_characters,
    words_of,
)
from voicebot.asr.training.listener import Listener, load_start
from voicebot.asr.training.network import Network, Shape, folded
from voicebot.asr.training.nnet3 import write_model
from voicebot.asr.training.own_speech import OwnSpeech, mixed, texts_of
from voicebot.asr.training.phones import UNITS
from voicebot.asr.training.pitch import PITCH_CONF
from voicebot.asr.training.reading import espeak_readings
from voicebot.asr.training.synthesis import Utterance
from voicebot.asr.training.verdict import Verdict, judge_recordings
from voicebot.asr.training.voices import DEV_VOICES, TEST_VOICES, TRAIN_VOICES

NAME = "zh-8k-synthetic"
OWN_NAME = "zh-8k-own"
VERSION = "2"
_DESCRIPTION = (
    "A small Mandarin model for 8 kHz telephone audio, trained on espeak-ng speech only. It hears synthetic voices,"
    " such as the simulated softphone's; it does not hear people. Use an official or your own model for real calls."
)
_CALIBRATING = ("dev-everyday", "dev-trade", "dev-talk", "dev-fill")
_OWN_DESCRIPTION = (
    "A small Mandarin model for 8 kHz telephone audio, trained on espeak-ng speech and a firm's own recordings."
)
_OWN_JUDGED = 1000  # recordings, of each set that judges
_WEIGHTS = {
    "core": 3.0,
    "phrases": 15.0,
    "train": 2.0,
    "talk": 1.0,
    "recordings": 1.0,
    "more": 0.3,
}  # of the sentences in the language model

# The decoder's settings: endpoints for turns on the telephone; with a larger min-active most of the time goes into
# states that the beam had ruled out (real-time factor 0.035 at 200, 0.013 at 20, the same words).
_MODEL_CONF = """\
--min-active=20
--max-active=3000
--beam={beam}
--lattice-beam={lattice_beam}
--acoustic-scale=1.0
--frame-subsampling-factor=3
--frames-per-chunk=21
--endpoint.silence-phones=1
--endpoint.rule2.min-trailing-silence=0.5
--endpoint.rule3.min-trailing-silence=0.8
--endpoint.rule4.min-trailing-silence=1.2
"""


@dataclass(frozen=True, slots=True)
class Course:
    """A stage of learning: on "babble" or "all", quarters of an epoch, learning rate at its start and end."""

    speech: str
    quarters: int
    first_rate: float
    last_rate: float


@dataclass(frozen=True, slots=True)
class Recipe:
    """Amounts. `words`, `syllables`: utterances of babble; `sentences`, `talk`: how many are spoken (None: all);
    `foreign`: utterances in other languages; `more`: expansions of each template that only the language model sees;
    `everyday`: words known beyond the corpus. `judged`: how many sentences of each test set the finished model is
    measured on (None: all).

    Of a firm's recordings: `rounds` of training, each with an alignment behind it, before the courses; `share` of the
    sound that they make up among "all".

    `acoustic_scale` goes into the network itself: Kaldi takes a scale of its own off again before it compares words,
    and every confidence is then near 1. It, the beams and the language model's `tuning` were chosen on the development
    set.
    """

    words: int
    syllables: int
    sentences: int | None
    talk: int | None
    foreign: int
    courses: tuple[Course, ...]
    more: int
    everyday: int
    shape: Shape = field(default_factory=Shape)
    tuning: Tuning = field(default_factory=Tuning)
    rounds: tuple[Course, ...] = (Course("all", 2, 2e-3, 1.5e-3),) * 3
    share: float = 1 / 3
    acoustic_scale: float = 0.36
    beam: float = 9.0
    lattice_beam: float = 4.5
    judged: int | None = 300


FULL = Recipe(
    words=9000,
    syllables=3000,
    sentences=12000,
    talk=None,
    foreign=6000,
    courses=(Course("babble", 4, 2e-3, 2e-3), Course("all", 8, 2e-3, 1.6e-3), Course("all", 12, 1.6e-3, 1e-5)),
    more=300,
    everyday=60000,
)
QUICK = Recipe(
    words=600,
    syllables=0,
    sentences=500,
    talk=200,
    foreign=60,
    courses=(Course("all", 4, 2e-3, 1e-4),),
    more=20,
    everyday=5000,
    rounds=(Course("all", 1, 2e-3, 1.5e-3),) * 3,
    judged=3,
)


def going_on(recipe: Recipe) -> Recipe:
    """The recipe for training on from a finished model: what that knows is not to be shaken out of it again."""
    rounds = tuple(replace(course, first_rate=6e-4, last_rate=6e-4) for course in recipe.rounds)
    return replace(recipe, courses=(Course("all", 4, 6e-4, 1e-5),), rounds=rounds)


def spoken_readings(chunks: Iterable[Path]) -> dict[str, Counter[Reading]]:
    """How espeak really read the words of some chunk files: now and then otherwise than pypinyin."""
    readings: dict[str, Counter[Reading]] = {}
    for path in chunks:
        with np.load(path) as data:
            meta = json.loads(bytes(data["meta"]).decode())
        for text, _, spoken, _, _ in meta:
            syllables, at = spoken.split(), 0
            for word in words_of(text) if text else ():
                readings.setdefault(word, Counter())[tuple(syllables[at : at + len(word)])] += 1
                at += len(word)
    return readings


def write_decoder_settings(model: Path, recipe: Recipe) -> None:
    """Write a model's `conf/`."""
    (model / "conf").mkdir(parents=True, exist_ok=True)
    settings = _MODEL_CONF.format(beam=recipe.beam, lattice_beam=recipe.lattice_beam)
    (model / "conf" / "model.conf").write_text(settings, encoding="ascii")
    (model / "conf" / "fbank.conf").write_text(FBANK_CONF, encoding="ascii")
    (model / "conf" / "pitch.conf").write_text(PITCH_CONF, encoding="ascii")


def write_manifest(model: Path, made: dict[str, Any], measured: dict[str, Any], verdict: Verdict | None = None) -> None:
    """Write a finished model's manifest over all its files. `verdict`: of a model with a firm's recordings in it."""
    manifest = ModelManifest(
        name=OWN_NAME if verdict else NAME,
        version=VERSION,
        engine="vosk",
        language="zh",
        licence="as the recordings it was made of" if verdict else "Apache-2.0",
        synthetic=not (verdict and verdict.hears_people),
        description=f"{_OWN_DESCRIPTION} {verdict.told}" if verdict else _DESCRIPTION,
        source="voicebot models train-asr",
        files=digests(model),
        made=made,
        measured=measured,
    )
    text = json.dumps(manifest.model_dump(), ensure_ascii=False, indent=1)
    (model / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")


def put_in_place(model: Path, out: Path) -> None:
    """Copy a model to `out`, which is replaced as a whole."""
    part = out.with_name(out.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    shutil.copytree(model, part)
    if out.is_symlink():
        out.unlink()
    elif out.exists():
        shutil.rmtree(out)
    part.rename(out)


@dataclass(frozen=True, slots=True)
class Kitchen:
    """One run of a recipe in `workdir`; every finished stage is kept there."""

    workdir: Path
    seed: int
    recipe: Recipe
    processes: int
    say: Callable[[str], None]
    start_from: Path | None = None  # a model whose network is trained on
    recordings: Path | None = None  # a folder of a firm's own speech, see `recordings`

    def make(self, out: Path) -> Path:
        """Go through all stages and put the model at `out`."""
        # First of all, because hours of work would be lost on a model that does not fit.
        begin_with = load_start(self.start_from, self.recipe.shape) if self.start_from else None
        corpus = build_corpus(self.seed)
        count = len(corpus.core) + len(corpus.train) + len(corpus.talk)
        self.say(f"corpus: {count} sentences, sha256 {corpus.digest()}")
        own = self.gather(corpus)
        speech = self.speak(corpus)
        if own is not None:
            speech["recordings"], begin_with = self.cut(own, speech, begin_with)
        model = self.workdir / "model"
        if not (model / "graph" / "phones" / "word_boundary.int").exists():
            self.say("words, language model and graph")
            self.connect(corpus, speech, model / "graph")
        write_decoder_settings(model, self.recipe)
        network, priors = self.learn(speech, begin_with)
        scale = self.recipe.acoustic_scale
        write_model(model / "am" / "final.mdl", folded(network, scale), priors**scale, len(UNITS), INPUTS)
        self.finish(corpus, speech, model, out, own)
        return out

    def gather(self, corpus: Corpus) -> OwnSpeech | None:
        """The firm's recordings, checked and put into chunk files; none of them says what judges the model."""
        if self.recordings is None:
            return None
        apart = {sentence.text for part in corpus.judging() for sentence in part}
        place = self.workdir / "recordings"
        return OwnSpeech.gather(self.recordings, place, seed=self.seed, kept_apart=apart, say=self.say)

    def cut(
        self, own: OwnSpeech, speech: dict[str, list[Path]], begin_with: Listener | None
    ) -> tuple[list[Path], Listener]:
        """Align the recordings; gives their chunk files and the network that learned to."""
        stages = [
            Stage(f"round-{number}", self._synthetic(speech), course.quarters, course.first_rate, course.last_rate)
            for number, course in enumerate(self.recipe.rounds, 1)
        ]
        return own.cut(
            stages,
            speech["dev-fill"][:1],
            begin_with=begin_with,
            share=self.recipe.share,
            seed=self.seed,
            shape=self.recipe.shape,
            processes=self.processes,
            say=self.say,
        )

    def speak(self, corpus: Corpus) -> dict[str, list[Path]]:
        """Speak every set; gives its chunk files. The sets that judge have voices of their own."""
        babble = random_words(self.recipe.words, self.seed) + random_syllables(self.recipe.syllables, self.seed)
        sentences = utterances_of((*corpus.core, *corpus.train))
        talk = utterances_of(corpus.talk)
        self._shuffle(babble, f"mix:{self.seed}")
        self._shuffle(sentences, f"mix:{self.seed + 1}")
        self._shuffle(talk, f"mix:{self.seed + 2}")
        offset = 10000 * (self.seed - 1)
        sets: dict[str, tuple[list[Utterance], Sequence[str], int]] = {
            "babble": (babble, TRAIN_VOICES, 1000 + offset),
            "sentences": (sentences[: self.recipe.sentences], TRAIN_VOICES, 5000 + offset),
            "talk": (talk[: self.recipe.talk], TRAIN_VOICES, 6000 + offset),
            "foreign": (foreign_speech(self.recipe.foreign, self.seed), TRAIN_VOICES, 7000 + offset),
            **judging_sets(corpus, self.seed, "dev"),
            **judging_sets(corpus, self.seed, "test"),
        }
        return speak_sets(sets, self.workdir / "speech", self.processes, self.say)

    def connect(self, corpus: Corpus, speech: dict[str, list[Path]], graph: Path) -> None:
        """Write the decoding graph: lexicon and language model."""
        sources = {
            "core": [words_of(sentence.text) for sentence in corpus.core],
            "phrases": [words_of(sentence.text) for sentence in trade_phrases()],
            "train": [words_of(sentence.text) for sentence in corpus.train],
            "talk": [words_of(sentence.text) for sentence in corpus.talk],
            "recordings": [words_of(text) for text in texts_of(speech.get("recordings", ()))],
            "more": [words_of(text) for text in more_sentences(self.seed, self.recipe.more, corpus)],
        }
        everyday = dict(everyday_words(self.recipe.everyday))
        own = speech.get("recordings", [])
        spoken = spoken_readings([*speech["babble"], *speech["sentences"], *speech["talk"], *own])
        words = {word for sentence in itertools.chain(*sources.values()) for word in sentence}
        dictionary = espeak_readings(sorted(words | everyday.keys() | level_one_characters()))
        lexicon = build_lexicon(itertools.chain(*sources.values()), spoken, everyday, dictionary)
        language = LanguageModel({word: float(everyday.get(word, 1)) for word in lexicon}, self.recipe.tuning)
        for name, sentences in sources.items():
            language.add(sentences, _WEIGHTS[name])
        # After an announcement in Chinese comes its English half: speech in no words of ours, of any length.
        announcements = (s.text for s in (*corpus.core, *corpus.train) if s.topic == "announcements")
        language.add(((*words_of(text), UNKNOWN, UNKNOWN, UNKNOWN) for text in announcements), 1.0)
        write_graph(graph, lexicon, language.arcs(), self.workdir / "graph")

    def learn(self, speech: dict[str, list[Path]], begin_with: Listener | None = None) -> tuple[Network, np.ndarray]:
        """Train the network, or take up its training where it stopped."""
        everything = self._synthetic(speech)
        if "recordings" in speech:
            everything = mixed(everything, speech["recordings"], self.recipe.share)
        chunks = {"babble": tuple(speech["babble"]), "all": everything}
        stages = [
            Stage(
                f"{course.speech}-{number}", chunks[course.speech], course.quarters, course.first_rate, course.last_rate
            )
            for number, course in enumerate(self.recipe.courses)
        ]

        def export(network: Network, priors: np.ndarray, name: str) -> None:
            network.eval()
            write_model(self.workdir / "checkpoints" / f"{name}.mdl", folded(network), priors, len(UNITS), INPUTS)
            network.train()

        train_network(
            stages,
            [*speech["dev-fill"], *speech["dev-everyday"], *speech["dev-trade"]],
            self.workdir / "network",
            seed=self.seed,
            shape=self.recipe.shape,
            begin_with=begin_with.layers if begin_with else (),
            threads=1,
            progress=self.say,
            after_quarter=export,
        )
        return load_network(self.workdir / "network")

    def finish(
        self, corpus: Corpus, speech: dict[str, list[Path]], model: Path, out: Path, own: OwnSpeech | None = None
    ) -> None:
        """Calibrate and judge the model, write its manifest and put it in its place."""
        self.say("calibrating its confidences on the development set")
        spoken = {name: paths for name, paths in speech.items() if name in _CALIBRATING}
        calibrate_apart(model, spoken, seed=self.seed, limit=self.recipe.judged)
        self.say("judging on the test set")
        judged = {name: paths for name, paths in speech.items() if name.startswith("test-")}
        measured = assess_apart(model, judged, seed=self.seed, limit=self.recipe.judged)
        made = self.made(corpus)
        verdict = None
        if own is not None:
            rates = assess_apart(model, own.judging, seed=self.seed, limit=_OWN_JUDGED)
            measured |= {name: rates[name] for name in own.judging}
            made["recordings"] = own.made()
            verdict = judge_recordings(measured["recordings"], made["recordings"])
            self.say(verdict.told)
        write_manifest(model, made, measured, verdict)
        put_in_place(model, out)
        self.say(f"done: {out}")

    def made(self, corpus: Corpus) -> dict[str, Any]:
        """What the manifest says of the making."""
        packages = ("espeakng-loader", "torch", "jieba", "pypinyin", "kaldifst", "numpy", "scipy", "soxr", "vosk")
        return {
            "seed": self.seed,
            "corpus_sha256": corpus.digest(),
            "sentences": {
                "core": len(corpus.core),
                "train": len(corpus.train),
                "talk": len(corpus.talk),
                "dev": len(corpus.dev) + len(corpus.dev_talk) + len(corpus.dev_free),
                "test": len(corpus.test) + len(corpus.test_talk) + len(corpus.test_free),
            },
            "recipe": asdict(self.recipe),
            "start_from": self.start_from.name if self.start_from else None,
            "voices": {"train": len(TRAIN_VOICES), "dev": list(DEV_VOICES), "test": list(TEST_VOICES)},
            "tools": {package: importlib.metadata.version(package) for package in packages},
        }

    @staticmethod
    def _synthetic(speech: dict[str, list[Path]]) -> tuple[Path, ...]:
        """What the network learns of the synthetic speech."""
        return (*speech["babble"], *speech["sentences"], *speech["talk"], *speech["foreign"])

    @staticmethod
    def _shuffle(items: list[Any], seed: str) -> None:
        random.Random(seed).shuffle(items)  # noqa: S311 - reproducible, not secret
