"""A prompt cut at its slots: what is approved word for word, and what the data completes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Reference:
    """A slot's place in a prompt."""

    slot: str


@dataclass(frozen=True, slots=True)
class Wording:
    """One wording, cut at its slots. `slots`: those it says."""

    parts: tuple[str | Reference, ...]
    # Kept, because every contact of a list is held against every wording.
    slots: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        said = frozenset(part.slot for part in self.parts if isinstance(part, Reference))
        object.__setattr__(self, "slots", said)

    def told(self, shown: Mapping[str, str]) -> str:
        """The words with each slot's value as `shown`."""
        return "".join(part if isinstance(part, str) else shown[part.slot] for part in self.parts)

    @property
    def literal(self) -> str:
        """The approved words alone, slots left out as a gap."""
        return "".join(part if isinstance(part, str) else " " for part in self.parts)


_PART = re.compile(r"\{([a-z][a-z0-9_]*)\}|([^{}]+)")


def cut(text: str) -> Wording:
    """Cut a text at its `{slot}`s. Raises `ValueError` for braces that hold no slot name."""
    parts: list[str | Reference] = []
    end = 0
    for match in _PART.finditer(text):
        if match.start() != end:
            break
        parts.append(Reference(match[1]) if match[1] else match[2])
        end = match.end()
    if end != len(text):
        raise ValueError("a brace that holds no slot name")
    return Wording(tuple(parts))


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt ready for use."""

    id: str
    wordings: tuple[Wording, ...]
    otherwise: tuple[Wording, ...]
    interruptible: bool
    disclosure: str

    def wording(self, known: Mapping[str, str], times: int) -> Wording:
        """The wording for the `times`-th use (from 0), given the slots that are known."""
        complete = all(wording.slots <= known.keys() for wording in self.wordings)
        if complete or not self.otherwise:
            return self.wordings[times % len(self.wordings)]
        return next((w for w in self.otherwise if w.slots <= known.keys()), self.otherwise[-1])
