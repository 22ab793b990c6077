"""Whether a model with a firm's recordings in it was shown to hear people. Until then it stays marked synthetic, so
that no client is called with it unless the operator insists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MOST_CER = 0.15  # through A-law, on recordings that judge; above it every second sentence has an error in it
LEAST_JUDGED = 100  # recordings, each with a text that did not train
LEAST_SPEAKERS = 5  # who judge and did not train: one familiar voice says nothing of strangers
CONDITION = "alaw"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`hears_people`, and why or why not in one line."""

    hears_people: bool
    reason: str


def judge_recordings(rates: Mapping[str, Mapping[str, Any]], made: Mapping[str, Any]) -> Verdict:
    """`rates`: of the recordings that judge, by condition (see `assessment`); `made`: how they were gathered."""
    measured = rates.get(CONDITION, {})
    count, speakers, cer = measured.get("utterances", 0), made["judge_speakers"], measured.get("cer", 1.0)
    told = f"CER {cer:.1%} through A-law on {count} held-out recordings of {speakers} speakers"
    if made["by"] != "speaker":
        return Verdict(False, f"{told}; without speakers in the manifest nobody knows who trained it")
    if count < LEAST_JUDGED or speakers < LEAST_SPEAKERS:
        return Verdict(False, f"{told}; at least {LEAST_JUDGED} of {LEAST_SPEAKERS} speakers are needed to tell")
    if cer > MOST_CER:
        return Verdict(False, f"{told}; at most {MOST_CER:.0%} is wanted")
    return Verdict(True, told)
