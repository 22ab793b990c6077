"""Lines in the gap between two columns: each has one upright stretch, and no two lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

CLEAR = 7.0  # nearer than this, two level stretches are one to the eye


@dataclass(frozen=True, slots=True)
class Net:
    """Lines that come into a gap at `left` and `right` (heights) and leave together at `goal`, on the right or left."""

    key: tuple[str, bool]
    left: tuple[float, ...]
    right: tuple[float, ...]
    goal: float
    goal_is_right: bool

    @property
    def ends_left(self) -> tuple[float, ...]:
        """All heights at which it touches the left side."""
        return self.left if self.goal_is_right else (*self.left, self.goal)

    @property
    def ends_right(self) -> tuple[float, ...]:
        """All heights at which it touches the right side."""
        return (*self.right, self.goal) if self.goal_is_right else self.right

    @property
    def span(self) -> tuple[float, float]:
        """From its topmost to its lowest height."""
        heights = (*self.left, *self.right, self.goal)
        return min(heights), max(heights)

    @property
    def is_straight(self) -> bool:
        """Whether it goes across without an upright stretch."""
        return self.span[0] == self.span[1] and not (self.right and self.goal_is_right)


def tracks(nets: Sequence[Net]) -> dict[tuple[str, bool], int]:
    """The track of every net that needs one, counted from the left. Where one net's stretch on the left is level with
    another's on the right, the first turns off before the second begins.
    """
    bent = sorted((net for net in nets if not net.is_straight), key=_preference)
    before: list[list[int]] = [[] for _ in bent]
    after: list[list[int]] = [[] for _ in bent]
    for i, net in enumerate(bent):
        for j, other in enumerate(bent):
            if i != j and any(abs(a - b) < CLEAR for a in net.ends_left for b in other.ends_right):
                after[i].append(j)
                before[j].append(i)
    taken: dict[int, int] = {}
    waiting = [len(found) for found in before]
    ready = [i for i, count in enumerate(waiting) if not count]
    heapify(ready)
    left = dict.fromkeys(range(len(bent)))
    while left:
        i = heappop(ready) if ready else next(iter(left))  # a ring of such pairs is cut where it is met
        if i not in left:
            continue
        del left[i]
        low, high = bent[i].span
        beside = [
            t for j, t in taken.items()
            if j in before[i] or (bent[j].span[0] - CLEAR < high and low < bent[j].span[1] + CLEAR)
        ]  # fmt: skip
        taken[i] = max(beside, default=-1) + 1
        for j in after[i]:
            waiting[j] -= 1
            if waiting[j] == 0:
                heappush(ready, j)
    return {bent[i].key: track for i, track in taken.items()}


def _preference(net: Net) -> tuple[int, float]:
    """Falling lines, the lowest first, then rising ones, the highest first: then they cross least."""
    ends = net.ends_left or net.ends_right
    middle = sum(ends) / len(ends)
    return (0, -middle) if net.goal >= middle else (1, middle)
