"""Confidences: a model's measurement of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.asr.confidence import CALIBRATION_NAME, Calibration, read_calibration
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.vosk import _final

LINE = Calibration(given=(0.2, 0.6, 1.0), right=(0.1, 0.3, 0.9))


@pytest.mark.parametrize(("given", "right"), [(0, 0.1), (0.2, 0.1), (0.4, 0.2), (0.6, 0.3), (0.8, 0.6), (1, 0.9)])
def test_straight_lines_between(given: float, right: float) -> None:
    assert LINE.apply(given) == pytest.approx(right)


def test_words_carry_what_was_measured() -> None:
    heard = _final('{"text": "好 的", "result": [{"word": "好", "start": 0, "end": 0.2, "conf": 1.0},'
                   '{"word": "的", "start": 0.2, "end": 0.4, "conf": 0.6}]}', LINE)  # fmt: skip
    assert [word.confidence for word in heard.words] == pytest.approx([0.9, 0.3])
    assert heard.confidence == pytest.approx(0.6)


def test_a_model_without_measurement(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", '{"given": [0, 1]}', '{"given": [1, 0], "right": [0, 1]}', '{"given": [0, 1], "right": [0, 2]}']
)
def test_a_damaged_one(tmp_path: Path, text: str) -> None:
    (tmp_path / CALIBRATION_NAME).write_text(text)
    with pytest.raises(AsrFault, match="no calibration") as fault:
        read_calibration(tmp_path)
    assert fault.value.permanent


def test_the_embedded_model_has_one(model: Path) -> None:
    assert read_calibration(model) is not None
