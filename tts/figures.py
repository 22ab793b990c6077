"""Figures in free text (dates, times, amounts, ranges) as words, by wetext, in a process of its own.

Of its own because wetext brings OpenFst (kaldifst), and so does libvosk, in another version: in one process the second
to be loaded hangs, or the process crashes at its end (seen with kaldifst 1.8.3 and vosk 0.3.45). Run as a program it
reads a JSON string a line and answers with another.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import logging
import signal
import subprocess
import sys
import threading

log = logging.getLogger(__name__)


class Figures:
    """The process that reads figures, started when it is first needed. Its methods may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def read(self, text: str) -> str:
        """The text with its figures in words: "3月5日" → 三月五日. Should the process fail twice, the text as it is."""
        with self._lock:
            for _attempt in range(2):
                with contextlib.suppress(OSError, ValueError):  # it died; a half answer is no JSON
                    return self._ask(text)
                self._stop()
        log.error("figures could not be read: wetext failed twice")
        return text

    def close(self) -> None:
        """End the process. Idempotent; a later `read` starts another."""
        with self._lock:
            self._stop()

    def _ask(self, text: str) -> str:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tts.figures"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        process = self._process
        assert process.stdin is not None  # noqa: S101 # opened with PIPE
        assert process.stdout is not None  # noqa: S101
        process.stdin.write(json.dumps(text) + "\n")
        process.stdin.flush()
        answer = json.loads(process.stdout.readline())
        if not isinstance(answer, str):
            raise ValueError("no text came back")
        return answer

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()  # it holds nothing worth a polite end
        with contextlib.suppress(OSError):
            process.communicate()


FIGURES = Figures()
atexit.register(FIGURES.close)


def main() -> None:
    """Answer until stdin ends, which it does when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to act on
    from wetext import Normalizer  # 0.4 s and 20 MB that only this process pays

    normalizer = Normalizer(lang="zh", operator="tn")
    for line in sys.stdin:
        print(json.dumps(normalizer.normalize(json.loads(line))), flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
