"""Calibrating and judging a model in a child process: libvosk hangs beside kaldifst, with which the graph was made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from voicebot.asr.confidence import CALIBRATION_NAME


def calibrate_apart(model: Path, sets: Mapping[str, Sequence[Path]], *, seed: int, limit: int | None = None) -> None:
    """Write a model's confidence.json, measured on `sets`. Raises `RuntimeError` when the child fails."""
    (model / CALIBRATION_NAME).unlink(missing_ok=True)
    table = _run("calibrate", model, sets, seed, limit)
    (model / CALIBRATION_NAME).write_text(json.dumps(table, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def assess_apart(
    model: Path, sets: Mapping[str, Sequence[Path]], *, seed: int, limit: int | None = None
) -> dict[str, Any]:
    """What `assessment.assess` says of a model. Raises `RuntimeError` when the child fails."""
    return _run("assess", model, sets, seed, limit)


def _run(task: str, model: Path, sets: Mapping[str, Sequence[Path]], seed: int, limit: int | None) -> dict[str, Any]:
    job = {"sets": {name: [str(path) for path in paths] for name, paths in sets.items()}, "seed": seed, "limit": limit}
    done = subprocess.run(
        [sys.executable, "-m", "voicebot.asr.training.apart", task, str(model)],
        input=json.dumps(job),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"judging {model} failed: {done.stderr.strip()[-300:]}")
    table: dict[str, Any] = json.loads(done.stdout)
    return table


def _child(task: str, model: Path) -> None:
    from voicebot.asr.training.assessment import assess
    from voicebot.asr.training.calibration import calibrate
    from voicebot.asr.vosk import VoskEar

    job = json.load(sys.stdin)
    sets = {name: [Path(path) for path in paths] for name, paths in job["sets"].items()}
    ear = VoskEar(model, trusted=True)
    if task == "calibrate":
        table = calibrate(ear, sets, seed=job["seed"], limit=job["limit"]).model_dump()
    else:
        table = assess(ear, sets, seed=job["seed"], limit=job["limit"])
    sys.stdout.write(json.dumps(table))


if __name__ == "__main__":
    _child(sys.argv[1], Path(sys.argv[2]))
