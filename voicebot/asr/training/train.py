"""Making the embedded model from nothing: one entry, `train`, in stages that a second start does not repeat.

corpus → speech → words, language model and graph → acoustic network → model directory with its manifest.
"""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from voicebot.asr.recognizer import AsrFault

_NEEDED = {
    "torch": "torch",
    "jieba": "jieba",
    "kaldifst": "kaldifst",
    "kaldi_native_fbank": "kaldi-native-fbank",
    "scipy": "scipy",
    "pypinyin": "pypinyin",
    "espeakng_loader": "espeakng-loader",
}


def check_bench_tools() -> None:
    """Raise `AsrFault` with one line naming everything that measuring the ear needs and does not find."""
    _check(("jieba", "scipy", "pypinyin", "espeakng_loader"), "measuring")


def _check(modules: Iterable[str], what: str) -> None:
    missing = [_NEEDED[module] for module in modules if importlib.util.find_spec(module) is None]
    if missing:
        packages = ", ".join(missing)
        raise AsrFault(f"{what} needs {packages}: `make setup-train` (pip install '.[train]')", permanent=True)


def check_tools() -> None:
    """Raise `AsrFault` with one line naming everything that training needs and does not find."""
    _check(_NEEDED, "training")
    from voicebot.asr.training.graph import missing_tools  # imports kaldifst, only now known to be there

    if missing_tool := missing_tools():
        raise AsrFault(f"training needs {missing_tool}", permanent=True)


def train(
    out: Path,
    *,
    workdir: Path,
    seed: int = 1,
    quick: bool = False,
    processes: int | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Make the model directory `out` (replaced as a whole when done); gives it back.

    `workdir` keeps speech (2 GB), checkpoints and `progress.txt`: a second call goes on where the first one stopped.
    `quick`: some minutes, to see that everything works; such a model hears little. `processes`: that speak (default:
    one a core); the network learns on one thread, beside a process that distorts speech for it. Raises `AsrFault`.
    """
    check_tools()
    from voicebot.asr.training.recipe import FULL, QUICK, Kitchen  # needs the tools just checked

    workdir.mkdir(parents=True, exist_ok=True)

    def say(line: str) -> None:
        stamped = f"{time.strftime('%H:%M:%S')} {line}"
        with (workdir / "progress.txt").open("a", encoding="utf-8") as file:
            file.write(stamped + "\n")
        if progress is not None:
            progress(line)

    kitchen = Kitchen(workdir, seed, QUICK if quick else FULL, processes or os.cpu_count() or 1, say)
    return kitchen.make(out)
