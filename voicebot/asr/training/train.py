"""Making the embedded model from nothing: one entry, `train`, in stages that a second start does not repeat.

corpus → speech → words, language model and graph → acoustic network → model directory with its manifest.
"""

from __future__ import annotations

import importlib.util
import json
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
    start_from: Path | None = None,
    speech: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Make the model directory `out` (replaced as a whole when done); gives it back.

    `workdir` keeps speech (2 GB), checkpoints and `progress.txt`: a second call goes on where the first one stopped.
    `quick`: some minutes, to see that everything works; such a model hears little. `processes`: that speak (default:
    one a core); the network learns on one thread, beside a process that distorts speech for it. `start_from`: a model
    of ours whose network is trained on, in a third of the time. `speech`: a folder of transcribed recordings (see
    `recordings`) that are mixed in. Raises `AsrFault`.
    """
    check_tools()
    from voicebot.asr.training.recipe import FULL, QUICK, Kitchen, going_on  # needs the tools just checked

    workdir.mkdir(parents=True, exist_ok=True)
    _begin(workdir, start_from, speech)

    def say(line: str) -> None:
        stamped = f"{time.strftime('%H:%M:%S')} {line}"
        with (workdir / "progress.txt").open("a", encoding="utf-8") as file:
            file.write(stamped + "\n")
        if progress is not None:
            progress(line)

    recipe = QUICK if quick else FULL
    if start_from is not None:
        recipe = going_on(recipe)
    kitchen = Kitchen(workdir, seed, recipe, processes or os.cpu_count() or 1, say, start_from, speech)
    return kitchen.make(out)


def _begin(workdir: Path, start_from: Path | None, speech: Path | None) -> None:
    """Note what a working directory is for. Raises `AsrFault` when it is another thing's already: its stages would be
    taken for those of this run.
    """
    purpose = {"start_from": str(start_from.resolve()) if start_from else "", "speech": speech is not None}
    noted = workdir / "purpose.json"
    begun = any((workdir / stage).exists() for stage in ("network", "model", "recordings/gathered.json"))
    before = json.loads(noted.read_text(encoding="utf-8")) if noted.exists() else {"start_from": "", "speech": False}
    if begun and before != purpose:
        message = f"{workdir} was begun with other --speech or --start-from; name a fresh --workdir"
        raise AsrFault(message, permanent=True)
    noted.write_text(json.dumps(purpose), encoding="utf-8")
