"""Lines in the gap between two columns: each has one upright stretch, and no two lie on each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
    begins = sorted((y, j) for j, net in enumerate(bent) for y in net.ends_right)
    for i, net in enumerate(bent):
        for y in net.ends_left:
            near = begins[bisect_right(begins, (y - CLEAR, len(bent))) : bisect_left(begins, (y + CLEAR, -1))]
            for _, j in near:
                if j != i and j not in after[i]:
                    after[i].append(j)
                    before[j].append(i)
    spans = [net.span for net in bent]
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
        low, high = spans[i][0] - CLEAR, spans[i][1] + CLEAR
        beside = [track for j, track in taken.items() if spans[j][0] < high and low < spans[j][1]]
        taken[i] = max((*beside, *(taken[j] for j in before[i] if j in taken)), default=-1) + 1
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
