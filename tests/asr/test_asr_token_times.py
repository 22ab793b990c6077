"""Words from tokens with time stamps."""

from __future__ import annotations

import pytest

from voicebot.asr.token_times import Token, words_of


@pytest.mark.parametrize(
    ("text", "tokens", "expected"),
    [
        ("", [], []),
        ("好", [], []),
        ("知道了", [("知", 1000), ("道", 1200), ("了", 1400)], [("知", 1000), ("道", 1200), ("了", 1400)]),
        # A token of two characters shares its time; a mark of a word's beginning is no character.
        ("知道了", [("▁知道", 1000), ("了", 1400)], [("知", 1000), ("道", 1200), ("了", 1400)]),
        # Pieces of Latin words; the engine's case does not matter.
        (
            "打开wechat pay",
            [("打", 0), ("开", 200), ("▁WE", 400), ("CHAT", 500), ("▁PAY", 900)],
            [("打", 0), ("开", 200), ("wechat", 400), ("pay", 900)],
        ),
        ("we好", [("we@@", 100), ("好", 300)], [("we", 100), ("好", 300)]),
        ("好[unk]", [("好", 0), ("<unk>", 300)], [("好", 0), ("[unk]", 300)]),
        # What does not spell the text: spread over it.
        ("一二三四", [("ƌŕ", 0), ("ţş", 400)], [("一", 0), ("二", 200), ("三", 400), ("四", 640)]),
        # Times never go back.
        ("知道了", [("知", 500), ("道", 300), ("了", 700)], [("知", 500), ("道", 500), ("了", 700)]),
    ],
)
def test_words_and_starts(text: str, tokens: list[tuple[str, int]], expected: list[tuple[str, int]]) -> None:
    words = words_of(text, [Token(symbol, start, 0.9) for symbol, start in tokens], 10_000)
    assert [(word.text, word.start_ms) for word in words] == expected


def test_ends() -> None:
    tokens = [Token("好", 1000, 0.5), Token("的", 1100, 1.0), Token("吗", 3000, 0.9)]
    words = words_of("好的吗", tokens, 3100)
    assert [(word.start_ms, word.end_ms) for word in words] == [(1000, 1100), (1100, 1500), (3000, 3100)]
    assert [word.confidence for word in words] == [0.5, 1.0, 0.9]


def test_nothing_lies_behind_the_clock() -> None:
    words = words_of("好的", [Token("好", 900, 1.0), Token("的", 1400, 1.0)], 1000)
    assert [(word.start_ms, word.end_ms) for word in words] == [(900, 1000), (1000, 1000)]


def test_unknown_words_count_nothing() -> None:
    assert [word.confidence for word in words_of("[unk]", [Token("<unk>", 0, 0.9)], 500)] == [0.0]
