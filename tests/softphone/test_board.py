"""Boards: who answers at which number, what is refused and where it is said to be, and many callees at one endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.endings import cause_of
from voicebot.call.session import UNANSWERED
from voicebot.flow.dispositions import Disposition
from voicebot.softphone.board import Board, load_board
from voicebot.softphone.persona import FOLDER, PersonaError, load

# YAML; the line at fault; words of the complaint
BAD = [
    ("numbers: {1620000: }\n", 1, "numbers.1620000"),
    ("numbers:\n  1620000: nobody\n", 2, "no persona 'nobody'"),
    ("numbers:\n  1620000:\n    - cooperative\n    - none.yaml\n", 4, "none.yaml: no such file"),
    ("numbers:\n  1620000: 486\n", 2, "numbers.1620000"),
    ("numbers:\n  1620000: []\n", 2, "numbers.1620000"),
    ("numbers:\n  1620000: {reject: 200}\n", 2, "numbers.1620000.reject"),
    ("numbers:\n  1620000: [cooperative, {rejects: 486}]\n", 2, "[2].rejects: unknown key, did you mean reject?"),
    ("numbers:\n  1620000: {ring_ms: 5}\n", 2, "reject or never is needed"),
    ("numbers:\n  1620000: {reject: 486, never: true}\n", 2, "exclude each other"),
    ("numbers:\n  16200000001: silent\n  +86 162 0000 0001: silent\n", 3, "stands here already"),
    ("numbers: [silent]\n", 1, "numbers"),
    ("otherwise: nobody\n", 1, "no persona 'nobody'"),
    ("number: {}\n", 1, "unknown key, did you mean numbers?"),
    ("- silent\n", 1, "a board is a mapping"),
    ("numbers: {a: [silent}\n", 1, "not YAML"),
]


def board(folder: Path, text: str) -> Board:
    file = folder / "board.yaml"
    file.write_text(text, encoding="utf-8")
    return load_board(file)


@pytest.mark.parametrize(("text", "line", "words"), BAD)
def test_a_bad_board_is_told_with_file_and_line(tmp_path, text, line, words):
    with pytest.raises(PersonaError) as caught:
        board(tmp_path, text)
    first = str(caught.value).splitlines()[0]
    assert first.startswith(f"{tmp_path / 'board.yaml'}:{line}: "), first
    assert words in first


def test_no_file(tmp_path):
    with pytest.raises(PersonaError, match="no such file"):
        load_board(tmp_path / "board.yaml")


def test_a_persona_beside_the_board_may_be_named(tmp_path):
    (tmp_path / "own.yaml").write_text("about: x\nexpect: silent\n", encoding="utf-8")
    assert board(tmp_path, "otherwise: own.yaml\n").answering("1", 1).name == "own"


def test_calls_to_a_number_go_to_its_personas_in_turn(tmp_path):
    read = board(tmp_path, "numbers:\n  16200000001: [{reject: 486}, {never: true}, cooperative]\n")
    turns = [read.answering("+8616200000001", n).name for n in range(1, 6)]
    assert turns == ["rejects_486", "never_answers", "cooperative", "cooperative", "cooperative"]
    assert [read.answering("16200000002", n).name for n in (1, 2)] == ["rejects_404"] * 2
    assert {persona.name for persona in read.personas} == {*turns, "rejects_404"}


@pytest.mark.parametrize("spelling", ["16200000001", "+8616200000001", "008616200000001"])
def test_a_number_is_known_however_it_was_dialled(tmp_path, spelling):
    read = board(tmp_path, "numbers: {162 0000 0001: silent}\n")
    assert read.answering(spelling, 1) == load("silent")


@given(st.text(max_size=40), st.integers(1, 200))
def test_any_number_is_answered(called, nth):
    assert Board.of(load("silent")).answering(called, nth) == load("silent")


@pytest.mark.parametrize("code", [404, 408, 480, 486, 488, 500, 503, 600, 603])
def test_a_failure_expects_what_the_robot_makes_of_it(tmp_path, code):
    failing = board(tmp_path, f"otherwise: {{reject: {code}, ring_ms: 30}}\n").answering("x", 1)
    assert failing.expect == UNANSWERED[cause_of(code)]
    assert (failing.answer.reject, failing.answer.ring_ms, failing.talks) == (code, 30, False)


def test_who_never_answers_is_expected_not_to(tmp_path):
    assert board(tmp_path, "otherwise: {never: true}\n").answering("x", 1).expect is Disposition.NO_ANSWER


def test_every_shipped_persona_can_stand_on_a_board(tmp_path):
    names = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    read = board(tmp_path, "numbers:\n" + "".join(f"  162000000{n:02}: {name}\n" for n, name in enumerate(names)))
    assert [persona.name for persona in read.personas[:-1]] == names
