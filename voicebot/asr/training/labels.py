"""From segments on the sample clock to one state for each output frame of the network."""

from __future__ import annotations

import numpy as np

SUBSAMPLING = 3  # an output frame for every third 10 ms frame
STEP = 240  # samples between output frames
CENTRE = 100  # the middle of the first window


def output_frames(frames: int) -> int:
    """How many outputs the network gives for this many input frames."""
    return (frames + SUBSAMPLING - 1) // SUBSAMPLING


def states_of(segments: np.ndarray, frames: int) -> np.ndarray:
    """The state (2·unit for a unit's first output frame, 2·unit + 1 for the others) of every output frame, int16.

    Every segment gets a frame at least, as the decoder's topology wants; neighbours with the same unit are joined
    when the unit is silence.
    """
    count = output_frames(frames)
    states = np.zeros(count, np.int16)
    previous_unit, start = -1, -1
    for unit, begin, _ in segments:
        if unit == previous_unit == 0:
            continue
        previous_unit = unit
        start = 0 if start < 0 else max(start + 1, -((CENTRE - int(begin)) // STEP))
        if start >= count:
            break
        states[start:] = 2 * unit + 1
        states[start] = 2 * unit
    return states
