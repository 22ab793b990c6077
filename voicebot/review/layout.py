"""Where boxes and lines of a layered drawing go: columns from left to right, every way on leaving a box at its right
edge and entering its target at the left.

The usual four stages: columns by the longest path; order within a column by barycentres; places by weighted least
squares that keep the order (pool adjacent violators); lines through the gaps between columns (`channels`). Lines to
the same target run together, so that each target takes one lane through a column, however many ways lead there.
Written here because the pure Python library there is (grandalf, last released in 2023, GPL or EPL) has neither places
at a box's edge where a line starts nor lines that run together.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from voicebot.review.channels import Net, tracks
from voicebot.review.graph import onward

GAP = 26.0  # between boxes
LANE = 12.0  # between lines that pass between boxes
TRACK = 9.0  # between lines side by side in a channel
SIDE = 20.0  # between a box and the nearest line
_SWEEPS = 14
_IDLE_SWEEPS = 4
_LANE_WEIGHT = 4.0

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """A box to be placed. `entry`: where lines come in, from its top; `exits`: where each line leaves, from its top,
    and the box it leads to.
    """

    id: str
    height: float
    entry: float
    exits: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """All lines to one target within one gap or column: polylines that run together towards it."""

    target: str
    paths: tuple[tuple[Point, ...], ...]
    is_back: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """Places of the boxes (left, top), lines, and the size of all."""

    places: Mapping[str, Point]
    lines: tuple[Line, ...]
    width: float
    height: float


@dataclass(slots=True, eq=False)
class _Item:
    """What takes room in a column: a box, or a lane of lines to `target` (`is_back`: towards the left)."""

    column: int
    height: float
    entry: float
    box: Box | None = None
    target: str = ""
    is_back: bool = False
    y: float = 0.0
    links: list[tuple[_Item, float, float]] = field(default_factory=list)  # other, its port, our port; from their tops


def layout(boxes: Sequence[Box], start: str, width: float) -> Drawing:
    """Places for boxes that are all `width` wide. `start` stands leftmost; boxes that nothing leads to stand close to
    what they lead to.
    """
    columns = _columns(boxes, start)
    grid = _Grid(boxes, columns)
    grid.arrange()
    return grid.draw(width)


def _columns(boxes: Sequence[Box], start: str) -> dict[str, int]:
    ways = {box.id: list(dict.fromkeys(target for _, target in box.exits)) for box in boxes}
    order = onward(ways, [start, *(box.id for box in boxes)])
    place = {name: i for i, name in enumerate(order)}
    column = dict.fromkeys(order, 0)
    entered = {start}
    for name in order:
        for target in ways[name]:
            if place[target] > place[name]:
                column[target] = max(column[target], column[name] + 1)
                entered.add(target)
    for name in order:
        later = [column[target] for target in ways[name] if place[target] > place[name]]
        if name not in entered and later:
            column[name] = max(0, min(later) - 1)
    return column


class _Grid:
    """The items of every column, top to bottom."""

    def __init__(self, boxes: Sequence[Box], columns: Mapping[str, int]) -> None:
        self.columns: list[list[_Item]] = [[] for _ in range(max(columns.values(), default=-1) + 1)]
        self.items: dict[str, _Item] = {}
        for box in boxes:
            item = _Item(columns[box.id], box.height, box.entry, box)
            self.items[box.id] = item
            self.columns[item.column].append(item)
        self.lanes: dict[tuple[str, bool, int], _Item] = {}
        for target, sources in _sources(boxes).items():
            self._lanes(target, [self.items[source].column for source in sources])
        self.ties: list[list[tuple[_Item, float, _Item, float]]] = [[] for _ in self.columns]  # across each gap
        self._link()

    def _lanes(self, target: str, sources: list[int]) -> None:
        to = self.items[target].column
        forward = [column for column in sources if column < to]
        backward = [column for column in sources if column >= to]
        spans = [(False, c) for c in range(min(forward) + 1, to)] if forward else []
        spans += [(True, c) for c in range(to, max(backward) + 1)] if backward else []
        for is_back, column in spans:
            lane = _Item(column, 0.0, 0.0, None, target, is_back)
            self.lanes[target, is_back, column] = lane
            self.columns[column].append(lane)

    def _link(self) -> None:
        """Which item is tied to which across each gap: they want to stand level."""
        for gap, ties in enumerate(self.ties):
            for (target, _), net in self._ends(gap).items():
                goal, port = self._goal(target, gap)
                for item, at in net:
                    item.links.append((goal, port, at))
                    goal.links.append((item, at, port))
                    if item.column == gap != goal.column:
                        ties.append((item, at, goal, port))

    def _goal(self, target: str, gap: int) -> tuple[_Item, float]:
        """Where lines to a target are heading in the gap right of column `gap`: a lane, or the target itself."""
        item = self.items[target]
        if item.column == gap + 1:
            return item, item.entry
        lane = self.lanes[(target, False, gap + 1) if item.column > gap + 1 else (target, True, gap)]
        return lane, 0.0

    def _ends(self, gap: int) -> dict[tuple[str, bool], list[tuple[_Item, float]]]:
        """Per target the items whose lines come into the gap right of column `gap` (-1: left of the first)."""
        ends: dict[tuple[str, bool], list[tuple[_Item, float]]] = {}
        left = self.columns[gap] if gap >= 0 else []
        right = self.columns[gap + 1] if gap + 1 < len(self.columns) else []
        for item in left:
            if item.box is not None:
                for at, target in item.box.exits:
                    ends.setdefault((target, self.items[target].column <= gap), []).append((item, at))
            elif not item.is_back:
                ends.setdefault((item.target, False), []).append((item, 0.0))
        for item in right:
            if item.box is None and item.is_back:
                is_back = self.items[item.target].column <= gap
                ends.setdefault((item.target, is_back), []).append((item, 0.0))
        return ends

    # ------------------------------------------------------------ order and place

    def arrange(self) -> None:
        """Sweep to and fro; keep the order with the fewest crossings, then draw level what is tied."""
        for column in self.columns:
            _stack(column)
        best: list[list[_Item]] = [list(column) for column in self.columns]
        fewest, idle = self._crossings(), 0
        for sweep in range(_SWEEPS):
            for column in self.columns if sweep % 2 == 0 else reversed(self.columns):
                wanted = {id(item): _wanted(item, sweep % 2 == 0) for item in column}
                column.sort(key=lambda item: wanted[id(item)])
                _place(column, [wanted[id(item)] for item in column])
            if (crossings := self._crossings()) < fewest:
                fewest, best, idle = crossings, [list(column) for column in self.columns], 0
            elif (idle := idle + 1) == _IDLE_SWEEPS:
                break
        self.columns = best
        for column in self.columns:
            _stack(column)
        for sweep in range(_SWEEPS):
            for column in self.columns if sweep % 2 == 0 else reversed(self.columns):
                side = None if sweep > _SWEEPS // 2 else sweep % 2 == 0
                _place(column, [_wanted(item, side) if item.links else 0.0 for item in column])
        top = min((item.y for column in self.columns for item in column), default=0.0)
        for column in self.columns:
            for item in column:
                item.y = float(round(item.y - top))

    def _crossings(self) -> int:
        total = 0
        for ties in self.ties:
            seen: list[float] = []
            for _, y in sorted((item.y + at, goal.y + port) for item, at, goal, port in ties):
                total += len(seen) - bisect_left(seen, y + 0.001)
                insort(seen, y)
        return total

    # ------------------------------------------------------------ lines

    def draw(self, width: float) -> Drawing:
        """Coordinates: each gap as wide as its lines need."""
        nets = {gap: self._nets(gap) for gap in range(-1, len(self.columns))}
        track = {gap: tracks(found) for gap, found in nets.items()}
        room = {gap: (max(t.values()) + 1) * TRACK + 2 * SIDE if t else 2 * SIDE for gap, t in track.items()}
        room[-1] = room[-1] if track[-1] else 0.0
        room[len(self.columns) - 1] = room[len(self.columns) - 1] if nets[len(self.columns) - 1] else 0.0
        left: list[float] = []
        x = room[-1]
        for column in range(len(self.columns)):
            left.append(x)
            x += width + room[column]
        lines: list[Line] = []
        for gap, found in nets.items():
            start = left[gap] + width if gap >= 0 else 0.0
            end = start + room[gap] if gap >= 0 else room[-1]
            lines += [_line(net, start, end, start + SIDE + TRACK * track[gap].get(net.key, 0)) for net in found]
        for (target, is_back, column), lane in self.lanes.items():
            ends = (left[column], lane.y), (left[column] + width, lane.y)
            lines.append(Line(target, (ends[::-1] if is_back else ends,), is_back))
        places = {name: (left[item.column], item.y) for name, item in self.items.items()}
        height = max((item.y + item.height for column in self.columns for item in column), default=0.0)
        return Drawing(places, tuple(lines), x, height)

    def _nets(self, gap: int) -> list[Net]:
        nets = []
        for key, ends in self._ends(gap).items():
            goal, port = self._goal(key[0], gap)
            left = tuple(item.y + at for item, at in ends if item.column == gap)
            right = tuple(item.y + at for item, at in ends if item.column != gap)
            nets.append(Net(key, left, right, goal.y + port, goal.column != gap))
        return nets


def _sources(boxes: Iterable[Box]) -> dict[str, list[str]]:
    sources: dict[str, list[str]] = {}
    for box in boxes:
        for _, target in box.exits:
            sources.setdefault(target, []).append(box.id)
    return sources


def _wanted(item: _Item, from_left: bool | None) -> float:
    """The place at which an item is level with its neighbours on one side (None: on both)."""
    found = [
        other.y + theirs - ours
        for other, theirs, ours in item.links
        if from_left is None or other.column == item.column or (other.column < item.column) == from_left
    ]
    return sum(found) / len(found) if found else item.y


def _room(upper: _Item, lower: _Item) -> float:
    """The least distance from one item's top to the next one's."""
    gap = LANE if upper.box is None and lower.box is None else GAP if upper.box and lower.box else GAP * 0.75
    return upper.height + gap


def _stack(column: list[_Item]) -> None:
    y = 0.0
    for i, item in enumerate(column):
        item.y = y
        if i + 1 < len(column):
            y += _room(item, column[i + 1])


def _place(column: list[_Item], wanted: list[float]) -> None:
    """As near to the wanted places as the order allows."""
    offset = 0.0
    offsets = []
    pools: list[tuple[float, float, int]] = []  # (weighted mean, weight, how many)
    for i, item in enumerate(column):
        offsets.append(offset)
        weight = _LANE_WEIGHT if item.box is None else 1.0 + len(item.links) / 8 if item.links else 0.001
        pools.append((wanted[i] - offset, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, wa, na), (b, wb, nb) = pools[-2:]
            pools[-2:] = [((a * wa + b * wb) / (wa + wb), wa + wb, na + nb)]
        if i + 1 < len(column):
            offset += _room(item, column[i + 1])
    places = [mean for mean, _, many in pools for _ in range(many)]
    for item, place, off in zip(column, places, offsets, strict=True):
        item.y = place + off


def _line(net: Net, start: float, end: float, x: float) -> Line:
    goal = (end if net.goal_is_right else start, net.goal)
    paths = []
    for ys, side in ((net.left, start), (net.right, end)):
        for y in ys:
            bend = ((x, y), (x, net.goal)) if not net.is_straight else ()
            paths.append(((side, y), *bend, goal))
    return Line(net.key[0], tuple(paths), net.key[1])
