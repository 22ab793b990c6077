"""The pieces that make the embedded model: speech with labels, features, the corpus and its split."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from voicebot.asr.training.babble import foreign_speech
from voicebot.asr.training.corpus import build_corpus, more_sentences, trade_phrases
from voicebot.asr.training.espeak import Manner
from voicebot.asr.training.features import BINS, fbank
from voicebot.asr.training.labels import output_frames, states_of
from voicebot.asr.training.language import END, START, UNKNOWN, LanguageModel, Tuning
from voicebot.asr.training.lexicon import build_lexicon
from voicebot.asr.training.phones import SYLLABLES, TONES, UNITS, as_heard, split_syllables, toneless, units_of
from voicebot.asr.training.reading import espeak_readings
from voicebot.asr.training.spoken_numbers import cardinal
from voicebot.asr.training.synthesis import Utterance, read_chunk, speak, speak_all
from voicebot.asr.training.voices import DEV_VOICES, TEST_VOICES, TRAIN_VOICES, UNUSED_VOICES

from .conftest import PHRASES, espeak


@pytest.fixture(scope="module")
def corpus():
    return build_corpus(1)


def test_corpus_is_large_and_the_same_again(corpus) -> None:
    assert len({sentence.text for sentence in corpus.core + corpus.train + corpus.talk}) >= 40_000
    assert build_corpus(1).digest() == corpus.digest()
    assert build_corpus(2).digest() != corpus.digest()


def test_the_committed_model_was_made_of_this_corpus(corpus, vosk_manifest) -> None:
    assert vosk_manifest.made["corpus_sha256"] == corpus.digest()


def test_sentences_that_judge_never_train(corpus) -> None:
    sets = [corpus.core + corpus.train + corpus.talk, *corpus.judging()]
    texts = [{sentence.text for sentence in part} for part in sets]
    assert all(texts)
    for index, one in enumerate(texts):
        for other in texts[index + 1 :]:
            assert not one & other
    judging = set.union(*texts[1:])
    assert not judging & set(more_sentences(1, 30, corpus))


def test_voices_and_noises_that_judge_never_train() -> None:
    groups = [set(TRAIN_VOICES), set(DEV_VOICES), set(TEST_VOICES), set(UNUSED_VOICES)]
    assert sum(map(len, groups)) == len(set.union(*groups))
    pytest.importorskip("scipy", reason="augmentation belongs to the extra `train`")
    from voicebot.asr.training.augmentation import TEST_NOISES, TRAIN_NOISES

    assert not set(TRAIN_NOISES) & set(TEST_NOISES)
    assert not set(TRAIN_NOISES.values()) & set(TEST_NOISES.values())


def test_the_phrases_of_the_trade_are_in_the_corpus(corpus) -> None:
    known = {sentence.text for sentence in (*corpus.core, *corpus.train, *trade_phrases())}
    assert set(PHRASES) - known == set()
    topics = {sentence.topic for sentence in corpus.core + corpus.train}
    assert {"announcements", "numbers", "general", "complaint", "visit"} <= topics


@pytest.mark.parametrize(
    ("number", "spoken"),
    [(0, "零"), (10, "十"), (205, "二百零五"), (1010, "一千零一十"), (20003, "二万零三"), (110, "一百一十")],
)
def test_cardinals(number: int, spoken: str) -> None:
    assert cardinal(number) == spoken


def test_every_syllable_has_units() -> None:
    assert len(SYLLABLES) >= 410
    toned = [syllable + tone for syllable in SYLLABLES for tone in TONES]
    assert {unit for syllable in toned for unit in units_of(syllable)} == set(UNITS) - {"SIL", "GBG"}
    assert len(UNITS) == len(set(UNITS))


def test_the_table_is_what_the_installed_engine_says() -> None:
    engine = espeak()
    for syllable in sorted(SYLLABLES)[::7]:
        utterance = Utterance(("",), ((syllable + "4",),))
        speech = speak(engine, utterance, Manner(rate=200), random.Random(1))
        assert speech is not None
        assert speech.syllables == (syllable + "4",)


def test_phonemes_are_cut_into_syllables() -> None:
    phonemes = [phoneme for syllable in ("ni", "hao", "ma") for phoneme in SYLLABLES[syllable]]
    assert split_syllables(phonemes, [["ni"], ["hao"], ["ma"]]) == ["ni", "hao", "ma"]
    # The preferred reading is wrong: what was really said is found.
    assert split_syllables(phonemes, [["ni"], ["hang"], ["ma"]]) == ["ni", "hao", "ma"]
    assert split_syllables(phonemes, [["ni"], ["hao"]]) is None


def test_speech_comes_with_gapless_segments() -> None:
    utterance = Utterance(
        ("我", "明天", "转", "二", "十", "万"),
        (("wo3",), ("ming2", "tian1"), ("zhuan3",), ("er4",), ("shi2",), ("wan4",)),
    )
    speech = speak(espeak(), utterance, Manner("f1"), random.Random(3))
    assert speech is not None
    assert speech.syllables == ("wo3", "ming2", "tian1", "zhuan3", "er4", "shi2", "wan4")
    assert np.array_equal(speech.segments[1:, 1], speech.segments[:-1, 2])
    assert np.all(speech.segments[:, 2] > speech.segments[:, 1])
    assert 0 <= speech.segments[-1, 2] - len(speech.samples) <= 1 or speech.segments[-1, 2] <= len(speech.samples)
    spoken = [UNITS[unit] for unit in speech.segments[:, 0] if unit]
    assert spoken == [unit for syllable in speech.syllables for unit in units_of(syllable)]


def test_hanzi_are_spoken_with_the_tones_that_are_written_down() -> None:
    utterance = Utterance(("老板", "想", "买", "水果"), (("lao2", "ban3"), ("xiang3",), ("mai3",), ("shui2", "guo3")))
    said = [speak(espeak(), utterance, Manner(rate=rate), random.Random(rate)) for rate in (150, 160, 170, 180)]
    heard = {speech.syllables for speech in said if speech}
    assert ("lao2", "ban2", "xiang2", "mai2", "shui2", "guo3") in heard
    assert all(syllables[:2] == ("lao2", "ban2") for syllables in heard)  # elsewhere the speaker may pause


@pytest.mark.parametrize(
    ("given", "breaks", "heard"),
    [
        (("ni3", "hao3"), (), ("ni2", "hao3")),
        (("hen3", "hao3", "ma5"), (), ("hen2", "hao3", "ma5")),
        (("hao3", "wo3"), (0,), ("hao3", "wo3")),
        (("wo3", "ye3", "xiang3"), (1,), ("wo2", "ye3", "xiang3")),
        ((), (), ()),
    ],
)
def test_third_tones_in_a_row(given: tuple[str, ...], breaks: tuple[int, ...], heard: tuple[str, ...]) -> None:
    assert as_heard(given, frozenset(breaks)) == heard


def test_both_readings_of_a_word_are_known() -> None:
    words = ("知道", "老板", "行", "穷人")
    dictionary = espeak_readings(words)
    assert dictionary["知道"] == ("zhi1", "dao5")  # pypinyin: dao4
    assert "穷人" not in dictionary  # espeak reads it as English letters
    lexicon = build_lexicon([], {}, words, dictionary)
    assert set(lexicon["知道"]) == {("zhi1", "dao5"), ("zhi1", "dao4")}
    assert set(lexicon["老板"]) == {("lao2", "ban3"), ("lao2", "ban2")}  # the second: before a third tone
    assert {toneless(reading[0]) for reading in lexicon["行"]} == {"xing", "hang"}
    assert all(min(costs.values()) == 0 for costs in lexicon.values())


def test_other_languages_that_judge_never_train() -> None:
    training = {utterance.language for utterance in foreign_speech(300, 1)}
    judging = {utterance.language for utterance in foreign_speech(300, 1, judging=True)}
    assert len(training) > 5
    assert len(judging) > 2
    assert not training & judging


def test_the_language_model_gives_every_word_its_chance() -> None:
    everyday = {word: float(rank) for rank, word in enumerate("我你他知道钱还了", 1)}
    model = LanguageModel(everyday, Tuning(order=3))
    model.add([("我", "知道", "了"), ("我", "还", "了"), ("你", "知道", "了")], 1.0)
    arcs = list(model.arcs())
    words = sorted(model.words() | {END})
    for history in ((), (START,), ("我",), ("我", "知道"), (START, "你")):
        assert sum(model.probability(history, word) for word in words) == pytest.approx(1.0)
    assert model.probability(("我", "知道"), "了") > model.probability(("我", "知道"), "我") > 0
    assert 0 < model.probability((), UNKNOWN) < 0.05
    backoffs = {arc.source for arc in arcs if arc.word is None}
    assert {arc.source for arc in arcs} - backoffs == {()}  # from everywhere there is a way to any word


def test_chunks_sound_the_same_again(tmp_path: Path) -> None:
    utterances = [Utterance(("好", "的"), (("hao3",), ("de5",)))] * 3
    chunks = [
        list(read_chunk(speak_all(utterances, ["", "f1"], tmp_path / name, seed=5, processes=1, progress=print)[0]))
        for name in ("one", "two")
    ]
    assert len(chunks[0]) == 3
    for one, other in zip(*chunks, strict=True):
        assert one.variant == other.variant
        assert np.array_equal(one.samples, other.samples)
        assert np.array_equal(one.segments, other.segments)


def test_states_follow_the_segments() -> None:
    segments = np.array([[0, 0, 2400], [5, 2400, 4800], [7, 4800, 4810], [0, 4810, 8000]])
    states = states_of(segments, 98)
    assert len(states) == output_frames(98)
    assert states[0] == 0
    assert 10 in states
    assert list(states[states >= 2]).count(14) == 1  # too short for a frame of its own, yet it has one
    order = [int(state) // 2 for state in states]
    assert [unit for index, unit in enumerate(order) if index == 0 or unit != order[index - 1]] == [0, 5, 7, 0]


def test_features_are_kaldis() -> None:
    native = pytest.importorskip("kaldi_native_fbank", reason="the reference belongs to the extra `train`")
    options = native.FbankOptions()
    options.frame_opts.samp_freq = 8000
    options.frame_opts.dither = 0
    options.mel_opts.num_bins = BINS
    options.mel_opts.low_freq = 60
    options.mel_opts.high_freq = -200
    options.use_energy = False
    samples = (np.random.default_rng(0).standard_normal(8000) * 2000).astype(np.int16)
    reference = native.OnlineFbank(options)
    reference.accept_waveform(8000, samples.astype(np.float32).tolist())
    reference.input_finished()
    wanted = np.stack([reference.get_frame(index) for index in range(reference.num_frames_ready)])
    assert np.abs(fbank(samples) - wanted).max() < 1e-3
    assert fbank(samples[:199]).shape == (0, BINS)


def test_without_its_tools_training_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; import importlib.util as u; real = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'torch' else real(name, *a);"
        "from pathlib import Path; from voicebot.asr.training.train import train;"
        "train(Path(sys.argv[1]) / 'out', workdir=Path(sys.argv[1]) / 'work')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert "training needs torch" in last
    assert "AsrFault" in last
    assert not (tmp_path / "out").exists()
