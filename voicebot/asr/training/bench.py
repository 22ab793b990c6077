"""`voicebot bench asr`: the goals of the embedded ear beside what was measured, on what never trained it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from voicebot.asr.evaluate import Recording, evaluate
from voicebot.asr.recognizer import Ear
from voicebot.asr.training.assessment import CONDITIONS, assess, heard_over
from voicebot.asr.training.calibration import rated_words, reliability
from voicebot.asr.training.corpus import build_corpus
from voicebot.asr.training.judging import judging_sets, speak_sets

_TIMED = 60  # recordings, some three minutes
_HELD_OUT = ("test-everyday", "test-trade", "test-talk", "test-fill")
# Loads the model, hears some minutes and says what that took; in a process of its own, so nothing else is counted.
_FOOTPRINT = """
import json, sys, time
from pathlib import Path
import vosk
vosk.SetLogLevel(-1)

def most():  # not ru_maxrss, which a child inherits from its parent
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

began = time.process_time()
model = vosk.Model(sys.argv[1])
loaded = time.process_time() - began
recognizer = vosk.KaldiRecognizer(model, 8000)
recognizer.SetWords(True)
pcm = Path(sys.argv[2]).read_bytes()
memory = []
began = time.process_time()
for start in range(0, len(pcm), 320):
    if start == 20 * 16000:
        memory.append(most())
    if recognizer.AcceptWaveform(pcm[start : start + 320]):
        recognizer.Result()
    else:
        recognizer.PartialResult()
recognizer.FinalResult()
factor = (time.process_time() - began) / (len(pcm) / 16000)
memory.append(most())
print(json.dumps([loaded, memory[0], memory[-1], factor]))
"""


def measure_goals(
    ear: Ear, model: Path, workdir: Path, *, limit: int | None, human: Path | None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Everything that the table of goals and docs/asr.md say of a model.

    `workdir` keeps the speech; `limit`: sentences of each set (None: all); `human`: a manifest of people's recordings.
    Needs the extra `train` for the sentences' words and the noises, not PyTorch. Raises `AsrFault`.
    """
    say("speaking the test sets")
    chunks = speak_sets(judging_sets(build_corpus(1), 1, "test"), workdir, 1, say)
    say("hearing them under every condition")
    table = assess(ear, chunks, seed=1, limit=limit)
    say("rating its confidences")
    held_out = [path for name in _HELD_OUT for path in chunks[name]]
    heard = [recording for condition in CONDITIONS for recording in heard_over(held_out, condition, 1, limit)]
    result = {
        "model": {"name": ear.info.model, "version": ear.info.version},
        "sets": {name: table[name] for name in table if name.startswith("test-")},
        "false_words_a_minute": table["false words a minute"],
        "reliability": reliability(rated_words(ear, heard)),
        "footprint": footprint(model, heard[:_TIMED], workdir),
    }
    if human is not None:
        say("hearing people")
        result["human"] = {key: value for key, value in evaluate(ear, human, "pcma").items() if key != "by"}
    result["goals"] = goals(result)
    return result


def footprint(model: Path, recordings: Sequence[Recording], workdir: Path) -> dict[str, float]:
    """A model's size on disk, processor time to load it and to hear a second, and the memory of a bare process after
    20 s of speech and after all of it: what a stream composed of the graph stays until it is closed. Medians of five.
    """
    sound = workdir / "footprint.pcm"
    parts = (r.pcm if isinstance(r.pcm, bytes) else b"".join(r.pcm) for r in recordings)
    sound.write_bytes(b"".join(parts))
    command = [sys.executable, "-c", _FOOTPRINT, str(model), str(sound)]
    taken = [json.loads(subprocess.run(command, capture_output=True, check=True).stdout) for _ in range(5)]
    load_s, rss_mb, late_mb, factor = np.median(np.array(taken), axis=0).round(4).tolist()
    size = sum(path.stat().st_size for path in model.rglob("*") if path.is_file())
    return {
        "disk_mb": round(size / 1e6, 1),
        "load_cpu_s": load_s,
        "rss_mb": rss_mb,
        "rss_mb_after_all": late_mb,
        "rtf_cpu": factor,
    }


def goals(result: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of the table: what, the goal, the figure, whether it is met."""

    def rows() -> Iterator[tuple[str, float, float | None]]:
        for condition, goal in (("alaw", 0.03), ("alaw, noise 10 dB", 0.06), ("alaw, loss 3 %", 0.06)):
            for name in (*_HELD_OUT, "test-core"):
                yield f"CER {name.removeprefix('test-')}, {condition}", goal, result["sets"][name][condition]["cer"]
        for sound, words in result["false_words_a_minute"].items():
            yield f"false words a minute, {sound}", 1.0, words
        yield "real-time factor, processor time", 0.03, result["footprint"]["rtf_cpu"]
        yield "MB on disk", 25.0, result["footprint"]["disk_mb"]
        yield "MB of memory, bare process, 20 s heard", 150.0, result["footprint"]["rss_mb"]
        yield "MB of memory, one stream of minutes", 150.0, result["footprint"]["rss_mb_after_all"]
        yield "s to load, processor time", 0.5, result["footprint"]["load_cpu_s"]
        if "human" in result:
            yield "people: wrong and sure (share of utterances)", 0.05, result["human"]["confident_wrong"]

    return [{"what": w, "goal": g, "measured": m, "met": m is not None and m <= g} for w, g, m in rows()]
