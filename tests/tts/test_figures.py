"""Figures are read in a process of their own, which may die."""

from __future__ import annotations

import subprocess
import sys

from tts.figures import Figures


def test_a_reader_that_died_is_replaced():
    figures = Figures()
    try:
        assert figures.read("3月5日") == "三月五日"
        assert figures._process is not None
        figures._process.kill()
        figures._process.wait()
        assert figures.read("3月5日") == "三月五日"
    finally:
        figures.close()


def test_a_reader_that_cannot_start_leaves_the_text_as_it_is(monkeypatch):
    figures = Figures()
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert figures.read("3月5日") == "3月5日"


def test_the_ear_and_the_reader_of_figures_live_in_one_robot():
    # libvosk and wetext's kaldifst carry two versions of OpenFst; side by side the second to load would hang.
    code = (
        "from tts.readable import readable; from voicebot.robot import load_ear;"
        "from voicebot.settings import Settings;"
        "assert readable('3月5日') == '三月五日'; load_ear(Settings()).open().close()"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
