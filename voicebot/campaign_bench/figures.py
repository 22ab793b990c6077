"""What is measured, as values and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Parts:
    """What an attempt costs, part by part: medians, in ms of the wall clock; `cpu`: ms of this process over all parts
    together. `called`: contacts that had been called before; `record`: writing the call's record, which stands for the
    telephone; `sweep`: one look for what crashes left, made every few seconds however many attempts there are.
    """

    called: int
    admit: float
    read: float
    pace: float
    fence: float
    record: float
    settle: float
    cpu: float
    sweep: float

    @property
    def dispatch(self) -> float:
        """All of it but the telephone's part."""
        return self.admit + self.read + self.pace + self.fence + self.settle


@dataclass(frozen=True, slots=True)
class Size:
    """A list's way. Times in s, memory in MB: before the list is read, and the most while it is. `parts`: with nobody
    called, and with half of them called; `beside`: of a small list, taken by turns with these; `host_wall_ms`,
    `host_cpu_ms`: an attempt in a host at work, with queue and record, at that later moment; `attempts`: how many it
    placed.
    """

    contacts: int
    accepted: int
    import_s: float
    memory_before_mb: float
    memory_peak_mb: float
    submit_s: float
    approve_s: float
    start_s: float
    status_s: float
    export_s: float
    parts: tuple[Parts, ...]
    beside: tuple[Parts, ...]
    attempts: int
    host_wall_ms: float
    host_cpu_ms: float
    database_mb: float


def as_json(database: str, sizes: Sequence[Size]) -> dict[str, Any]:
    """For programs."""
    return {"database": database, "sizes": [asdict(size) for size in sizes]}


def tables(sizes: Sequence[Size]) -> str:
    """As Markdown. Ratios of parts are to the small list beside, of hosts to the first size."""
    return "\n\n".join((_of_lists(sizes), _of_parts(sizes), _of_hosts(sizes)))


def _of_lists(sizes: Sequence[Size]) -> str:
    heads = (
        "contacts", "import s", "rows/s", "memory MB, before → most", "submit s", "approve s", "start s", "status s",
        "export s", "database MB",
    )  # fmt: skip
    return _table(
        heads,
        [
            (
                f"{size.contacts:,}",
                f"{size.import_s:.1f}",
                f"{size.contacts / size.import_s:,.0f}",
                f"{size.memory_before_mb:.0f} → {size.memory_peak_mb:.0f}",
                f"{size.submit_s:.2f}",
                f"{size.approve_s:.2f}",
                f"{size.start_s:.2f}",
                f"{size.status_s:.2f}",
                f"{size.export_s:.1f}",
                f"{size.database_mb:,.0f}",
            )
            for size in sizes
        ],
    )


def _of_parts(sizes: Sequence[Size]) -> str:
    heads = (
        "contacts", "called before", "admit ms", "read", "pace", "fence", "settle", "all ms", "beside", "ratio",
        "CPU ms", "beside", "ratio", "sweep ms", "beside",
    )  # fmt: skip
    rows = []
    for size in sizes:
        for own, beside in zip(size.parts, size.beside, strict=True):
            rows.append(
                (
                    f"{size.contacts:,}",
                    f"{own.called:,}",
                    *(f"{ms:.2f}" for ms in (own.admit, own.read, own.pace, own.fence, own.settle)),
                    *_against(own.dispatch, beside.dispatch),
                    *_against(own.cpu, beside.cpu),
                    f"{own.sweep:.2f}",
                    f"{beside.sweep:.2f}",
                )
            )
    return _table(heads, rows)


def _against(own: float, beside: float) -> tuple[str, str, str]:
    return f"{own:.2f}", f"{beside:.2f}", f"{own / beside:.2f}"


def _of_hosts(sizes: Sequence[Size]) -> str:
    heads = ("contacts", "attempts by a host", "wall ms each", "ratio", "CPU ms each", "ratio")
    first = sizes[0]
    return _table(
        heads,
        [
            (
                f"{size.contacts:,}",
                f"{size.attempts:,}",
                f"{size.host_wall_ms:.1f}",
                f"{size.host_wall_ms / first.host_wall_ms:.2f}",
                f"{size.host_cpu_ms:.1f}",
                f"{size.host_cpu_ms / first.host_cpu_ms:.2f}",
            )
            for size in sizes
        ],
    )


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(row) + " |" for row in (heads, *rows)]
    return "\n".join([lines[0], "|" + "---:|" * len(heads), *lines[1:]])
