"""What callees say against the shipped lexicon: hand-written tables, and every example the lexicon itself gives."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from voicebot.nlu.lexicon import load
from voicebot.nlu.slots.times import CHINA

HERE = Path(__file__).parent
NOW = datetime(2026, 11, 23, 10, tzinfo=CHINA)
LEXICON = load()
CRITICAL = ("do_not_call", "complaint", "not_self", "wrong_number", "acknowledged")


def table() -> Iterator[tuple[str, frozenset[str], frozenset[str], tuple[str, ...]]]:
    """(text, intents it must have, those it may have, expecting)."""
    for line in (HERE / "utterances.tsv").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            text, wanted, *expecting = line.split("\t")
            must = frozenset(name for name in wanted.split() if not name.startswith("~"))
            may = frozenset(name.removeprefix("~") for name in wanted.split())
            yield text, must, may, tuple(" ".join(expecting).split())


TABLE = list(table())
OFF_TOPIC = [line for line in (HERE / "off_topic.txt").read_text(encoding="utf-8").splitlines() if line[:1] not in "#"]


def meant(text: str, expecting: tuple[str, ...] = ()) -> set[str]:
    return {intent.name for intent in LEXICON.understand(text, expecting=expecting, now=NOW).intents}


def test_the_tables_are_as_large_as_they_claim():
    assert len(TABLE) >= 600
    assert len(OFF_TOPIC) >= 140
    assert {name for _, must, _, _ in TABLE for name in must} >= LEXICON.lexicon.intents.keys()


@pytest.mark.parametrize(("text", "must", "may", "expecting"), TABLE, ids=[row[0] for row in TABLE])
def test_an_utterance_means_these_intents_and_no_others(text, must, may, expecting):
    got = meant(text, expecting)
    assert must <= got
    assert got <= (may if must else may | {"unknown"})


def test_off_topic_sentences_mean_nothing():
    wrong = {text: names for text in OFF_TOPIC if (names := meant(text)) != {"unknown"}}
    # Each is a sentence that would make the robot act; none of them may be a safety-critical act.
    assert not any(set(CRITICAL) & names for names in wrong.values()), wrong
    assert len(wrong) <= len(OFF_TOPIC) // 50, wrong


@pytest.mark.parametrize("name", LEXICON.lexicon.intents)
def test_every_phrase_of_the_lexicon_means_its_intent_first(name):
    tops = {phrase: LEXICON.understand(phrase, now=NOW).top for phrase in LEXICON.lexicon.intents[name].phrases}
    assert {phrase: top for phrase, top in tops.items() if top != name} == {}


@pytest.mark.parametrize("name", LEXICON.lexicon.intents)
def test_no_counter_example_of_the_lexicon_means_its_intent(name):
    examples = LEXICON.lexicon.intents[name].counter_examples
    assert [text for text in examples if name in meant(text)] == []


@pytest.mark.parametrize("text", [row[0] for row in TABLE if row[1] & set(CRITICAL)][::3])
@pytest.mark.parametrize("disturb", ["嗯那个{}", "呃{}啊", "{}嗯", "哎{}哈", "[unk] {}", "喂{}"])
def test_safety_critical_intents_survive_fillers(text, disturb):
    rows = [row for row in TABLE if row[0] == text]
    must, expecting = rows[0][1] & set(CRITICAL), rows[0][3]
    assert must <= meant(disturb.format(text), expecting)


@pytest.mark.parametrize("text", [row[0] for row in TABLE if row[1] & set(CRITICAL) and "[" not in row[0]])
def test_blanks_between_words_change_nothing(text):
    # vosk writes Chinese words with blanks between them
    assert meant(" ".join(text)) == meant(text)


def test_the_surest_intent_comes_first():
    for text, *_ in TABLE:
        confidences = [intent.confidence for intent in LEXICON.understand(text, now=NOW).intents]
        assert confidences == sorted(confidences, reverse=True)
        assert all(0.5 <= confidence <= 1 for confidence in confidences)


def test_the_expectation_is_no_filter():
    for text, must, _, expecting in TABLE:
        if not expecting and "unknown" not in must:
            assert must <= meant(text, ("identity_confirm", "affirm"))


def test_what_is_awaited_comes_before_its_twin():
    awaited = LEXICON.understand("对", expecting=("identity_confirm",), now=NOW)
    assert awaited.top == "identity_confirm"
    assert awaited.has("affirm")
    acknowledged = LEXICON.understand("好的", expecting=("acknowledged", "affirm"), now=NOW)
    assert [intent.name for intent in acknowledged.intents] == ["acknowledged", "affirm"]
