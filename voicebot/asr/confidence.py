"""From what an engine calls confidence to how often it is right: a model's own measurement of itself."""

from __future__ import annotations

import bisect
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from voicebot.asr.recognizer import AsrFault

CALIBRATION_NAME = "confidence.json"
Share = Annotated[float, Field(ge=0, le=1)]


class Calibration(BaseModel):
    """`right[i]` of the words that the engine gave the confidence `given[i]` were right; straight lines between.

    `measured`: on what, for people.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    given: tuple[Share, ...] = Field(min_length=2)
    right: tuple[Share, ...]
    measured: str = ""

    @model_validator(mode="after")
    def _rises(self) -> Calibration:
        if len(self.right) != len(self.given) or any(a >= b for a, b in zip(self.given, self.given[1:], strict=False)):
            raise ValueError("`given` must rise and `right` be as long")
        return self

    def apply(self, confidence: float) -> float:
        """The share of right words at this confidence of the engine."""
        given, right = self.given, self.right
        at = bisect.bisect_right(given, confidence)
        if at == 0:
            return right[0]
        if at == len(given):
            return right[-1]
        share = (confidence - given[at - 1]) / (given[at] - given[at - 1])
        return right[at - 1] + share * (right[at] - right[at - 1])


def read_calibration(directory: Path) -> Calibration | None:
    """What a model directory says of its confidences; None where it says nothing. Raises `AsrFault`."""
    path = directory / CALIBRATION_NAME
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise AsrFault(f"{path}: no calibration of confidences; restore it or delete it", permanent=True) from error
