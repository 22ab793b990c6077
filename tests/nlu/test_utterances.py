"""What callees say against the shipped lexicon: hand-written tables, and every example the lexicon itself gives."""

from datetime import datetime

import pytest

from tests.nlu.tables import CRITICAL, OFF_TOPIC, SECTIONS, TABLE
from voicebot.nlu.lexicon import load
from voicebot.nlu.slots.times import CHINA

NOW = datetime(2026, 11, 23, 10, tzinfo=CHINA)
LEXICON = load()


def meant(text: str, expecting: tuple[str, ...] = ()) -> set[str]:
    return {intent.name for intent in LEXICON.understand(text, expecting=expecting, now=NOW).intents}


def test_the_tables_are_as_large_as_they_claim():
    assert len(TABLE) >= 1000
    assert len(OFF_TOPIC) >= 230
    assert {name for _, must, _, _ in TABLE for name in must} >= LEXICON.lexicon.intents.keys()


@pytest.mark.parametrize("title", SECTIONS)
def test_an_utterance_means_these_intents_and_no_others(title):
    wrong = {}
    for row in SECTIONS[title]:
        got = meant(row.text, row.expecting)
        if not row.is_met(got):
            wrong[row.text] = (sorted(row.may), sorted(got))
    assert wrong == {}


def test_off_topic_sentences_mean_nothing():
    wrong = {text: names for text in OFF_TOPIC if (names := meant(text)) != {"unknown"}}
    # Each is a sentence that would make the robot act; none of them may be a safety-critical act.
    assert not any(CRITICAL & names for names in wrong.values()), wrong
    assert len(wrong) <= len(OFF_TOPIC) // 50, wrong


@pytest.mark.parametrize("name", LEXICON.lexicon.intents)
def test_every_phrase_of_the_lexicon_means_its_intent_first(name):
    tops = {phrase: LEXICON.understand(phrase, now=NOW).top for phrase in LEXICON.lexicon.intents[name].phrases}
    assert {phrase: top for phrase, top in tops.items() if top != name} == {}


@pytest.mark.parametrize("name", LEXICON.lexicon.intents)
def test_no_counter_example_of_the_lexicon_means_its_intent(name):
    examples = LEXICON.lexicon.intents[name].counter_examples
    assert [text for text in examples if name in meant(text)] == []


@pytest.mark.parametrize("disturb", ["嗯那个{}", "呃{}啊", "{}嗯", "哎{}哈", "[unk] {}", "喂{}"])
def test_safety_critical_intents_survive_fillers(disturb):
    rows = [row for row in TABLE if row.must & CRITICAL][::4]
    lost = [row.text for row in rows if not row.must & CRITICAL <= meant(disturb.format(row.text), row.expecting)]
    assert lost == []


def test_blanks_between_words_change_nothing():
    # vosk writes Chinese words with blanks between them
    texts = [row.text for row in TABLE[::4] if "[" not in row.text]
    assert [text for text in texts if meant(" ".join(text)) != meant(text)] == []


def test_the_surest_intent_comes_first():
    for text, *_ in TABLE[::4]:
        confidences = [intent.confidence for intent in LEXICON.understand(text, now=NOW).intents]
        assert confidences == sorted(confidences, reverse=True)
        assert all(0.5 <= confidence <= 1 for confidence in confidences)


def test_the_expectation_is_no_filter():
    for text, must, _, expecting in TABLE[::4]:
        if not expecting and "unknown" not in must:
            assert must <= meant(text, ("identity_confirm", "affirm"))


def test_what_is_awaited_comes_before_its_twin():
    awaited = LEXICON.understand("对", expecting=("identity_confirm",), now=NOW)
    assert awaited.top == "identity_confirm"
    assert awaited.has("affirm")
    acknowledged = LEXICON.understand("好的", expecting=("acknowledged", "affirm"), now=NOW)
    assert [intent.name for intent in acknowledged.intents] == ["acknowledged", "affirm"]
