"""What is wrong with a script or a contact's data, said so that its author can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake: where (`line` counts from 1), its rule (`code`), what is wrong (`message`) and the mend (`fix`).
    `severity` is "error" (the script does not load) or "warning".
    """

    file: str
    line: int
    code: str
    message: str
    fix: str
    severity: str = "error"

    def __post_init__(self) -> None:
        # A script may hold anything: what is quoted from it breaks no line and no terminal.
        for part in ("message", "fix"):
            object.__setattr__(self, part, _plain(getattr(self, part)))

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}; {self.fix} [{self.code}]"


_LONGEST = 400


def _plain(text: str) -> str:
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


class FlowFault(Exception):
    """Root of this package's faults. None of them goes away by trying again."""

    permanent = True


class FlowError(FlowFault):
    """A script that must not be used, with every problem found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class SlotError(FlowFault):
    """A contact's data does not fit the script: one line that names every slot at fault. Raised before any dial."""
