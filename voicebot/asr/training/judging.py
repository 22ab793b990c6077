"""What judges a model: sentences, voices and sounds that never trained it, spoken for the occasion."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from voicebot.asr.training.babble import foreign_speech
from voicebot.asr.training.corpus import Corpus, Sentence
from voicebot.asr.training.lexicon import tones_of, words_of
from voicebot.asr.training.synthesis import Utterance, speak_all
from voicebot.asr.training.voices import DEV_VOICES, TEST_VOICES

_CORE_JUDGED = 400  # fixed phrases of the trade, known as text, spoken by the voices that judge
_FOREIGN_JUDGED = 60  # utterances of languages that the training has not


def utterances_of(sentences: Iterable[Sentence]) -> list[Utterance]:
    """Sentences cut into words and read."""
    cut = (words_of(sentence.text) for sentence in sentences)
    return [Utterance(words, tones_of(words)) for words in cut]


def judging_sets(corpus: Corpus, seed: int, part: str) -> dict[str, tuple[list[Utterance], Sequence[str], int]]:
    """The sets of a part ("dev" or "test"): name → utterances, voices, seed.

    core: fixed phrases; fill: fillings of templates; talk: lines written one by one; everyday, trade, mixed: by another
    hand; foreign: other languages.
    """
    voices, offset = (DEV_VOICES, 3000) if part == "dev" else (TEST_VOICES, 4000)
    fill, talk, free = (
        (corpus.dev, corpus.dev_talk, corpus.dev_free)
        if part == "dev"
        else (corpus.test, corpus.test_talk, corpus.test_free)
    )
    core = list(corpus.core)
    random.Random(f"{part}:core").shuffle(core)  # noqa: S311 - reproducible, not secret
    sets = {"fill": utterances_of(fill), "core": utterances_of(core[:_CORE_JUDGED]), "talk": utterances_of(talk)}
    sets["foreign"] = foreign_speech(_FOREIGN_JUDGED, seed + offset, judging=True)
    for topic in sorted({sentence.topic for sentence in free}):
        sets[topic] = utterances_of(sentence for sentence in free if sentence.topic == topic)
    return {
        f"{part}-{name}": (utterances, voices, offset + 100 * number + 10000 * (seed - 1))
        for number, (name, utterances) in enumerate(sets.items())
    }


def speak_sets(
    sets: Mapping[str, tuple[list[Utterance], Sequence[str], int]],
    directory: Path,
    processes: int,
    progress: Callable[[str], None],
) -> dict[str, list[Path]]:
    """Speak sets into a folder each; gives their chunk files. What is there already is not spoken again."""
    return {
        name: speak_all(utterances, voices, directory / name, seed=seed, processes=processes, progress=progress)
        for name, (utterances, voices, seed) in sets.items()
    }
