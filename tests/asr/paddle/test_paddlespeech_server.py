"""Our client against PaddleSpeech's real streaming server, on a tiny model with random weights: the protocol is judged,
never the words.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from tests.asr.servers import Cable, until
from voicebot.asr.conversation import Patience
from voicebot.asr.evaluate import hear
from voicebot.asr.recognizer import AsrFault, Recognizer, Transcript
from voicebot.asr.remote import open_ear

PYTHON = os.environ.get("VOICEBOT_TEST_PADDLE", "")
pytestmark = [pytest.mark.paddle, pytest.mark.skipif(not PYTHON, reason="`make test-paddle` gives the environment")]
QUIET = bytes(16 * 200)
STARTING_S = 600  # importing it takes a minute on a busy machine
PATIENT = Patience(connect_s=20, answer_s=20, lost_s=40, finish_s=60)


def speech(ms: int) -> bytes:
    """Something that changes, so that a network says something."""
    t = np.arange(8 * ms) / 8000
    return (6000 * np.sin(2 * np.pi * (200 + 300 * np.sin(5 * t)) * t)).astype("<i2").tobytes()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("paddle")
    environment = {**os.environ, "PIP_NO_INDEX": "1"}  # on import it wants to install a package that there is not
    with (folder / "output.txt").open("wb") as output:
        server = subprocess.Popen(
            [PYTHON, str(Path(__file__).with_name("serve.py")), str(folder / "model"), str(port)],
            stdout=output, stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + STARTING_S
            while True:
                assert server.poll() is None, (folder / "output.txt").read_text()[-3000:]
                assert time.monotonic() < deadline
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.5)
            yield port
        finally:
            server.terminate()
            server.wait()


def feed(recognizer: Recognizer, pcm: bytes) -> list[Transcript]:
    """At the pace of a call."""
    given = []
    for start in range(0, len(pcm), 320):
        given.append(recognizer.accept(pcm[start : start + 320]))
        time.sleep(0.02)
    return [transcript for transcript in given if transcript is not None]


def test_partials_grow_and_a_final_with_times_follows(port: int) -> None:
    recognizer = open_ear(f"paddlespeech+ws://127.0.0.1:{port}", PATIENT).open()
    for turn in range(3):
        began = turn * 2400
        partials = feed(recognizer, QUIET + speech(2000) + QUIET)
        assert partials
        assert all(one.text != other.text for one, other in pairwise(partials))
        final = recognizer.finish()
        assert final.final
        assert final.text
        assert "".join(word.text for word in final.words) == final.text
        assert began + 50 <= final.words[0].start_ms
        assert final.words[-1].end_ms <= began + 2350
        assert all(one.end_ms <= other.start_ms + 1 for one, other in pairwise(final.words))
    recognizer.close()


def test_a_pause_ends_the_utterance(port: int) -> None:
    recognizer = open_ear(f"paddlespeech+ws://127.0.0.1:{port}", PATIENT).open()
    heard = feed(recognizer, QUIET + speech(1000) + bytes(16 * 1000))
    until(lambda: heard.extend(feed(recognizer, QUIET)) or any(t.final for t in heard))
    assert sum(t.final for t in heard) == 1
    assert recognizer.finish() == Transcript("", final=True)
    recognizer.close()


@pytest.mark.parametrize("ms", [20, 60, 200])
def test_a_sound_too_short_to_be_a_word_ends_well(port: int, ms: int) -> None:
    recognizer = open_ear(f"paddlespeech+ws://127.0.0.1:{port}", PATIENT).open()
    for before in (b"", QUIET):
        feed(recognizer, before + speech(ms))
        assert recognizer.finish().final
    recognizer.close()


def test_a_file_is_heard_whole(port: int) -> None:
    ear = open_ear(f"paddlespeech+ws://127.0.0.1:{port}", PATIENT)
    finals = hear(ear, (QUIET + speech(1500) + bytes(16 * 900)) * 2)
    words = [word for final in finals for word in final.words]
    assert words[0].end_ms < 2000  # of both stretches, on one clock
    assert words[-1].end_ms > 3000


def test_a_connection_that_breaks_in_the_middle_is_made_again(port: int) -> None:
    with Cable(port) as cable:
        recognizer = open_ear(f"paddlespeech+ws://127.0.0.1:{cable.port}", PATIENT).open()
        undisturbed = open_ear(f"paddlespeech+ws://127.0.0.1:{port}", PATIENT).open()
        for each in (recognizer, undisturbed):
            feed(each, QUIET + speech(1000))
        cable.snap()
        for each in (recognizer, undisturbed):
            feed(each, speech(500) + QUIET)
        assert recognizer.finish() == undisturbed.finish()
        recognizer.close()
        undisturbed.close()


def test_what_is_not_its_path_is_refused(port: int) -> None:
    with pytest.raises(AsrFault, match="HTTP status") as fault:
        open_ear(f"paddlespeech+ws://127.0.0.1:{port}/nowhere", PATIENT)
    assert fault.value.permanent
