"""Loading a model in a child process first: engines in C++ may end the process on a model they do not like."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from voicebot.asr.recognizer import AsrFault

_TIMEOUT_S = 180  # vosk-model-cn-0.22 (1.3 GB) needs some 20 s on a slow disk


def load_on_trial(engine: str, directory: Path, program: str, argument: str) -> None:
    """Run the Python text `program` with `argument`, which loads the model. Raises `AsrFault` when it fails."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, argument], capture_output=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired as error:
        raise AsrFault(f"{directory}: loading took over {_TIMEOUT_S} s; is the disk well?") from error
    if done.returncode:
        ended = f"signal {-done.returncode}" if done.returncode < 0 else f"code {done.returncode}"
        message = f"{directory}: {engine} fails on this model ({ended}); fetch or make it again"
        raise AsrFault(message, permanent=True)
