"""Reading this package's tables: YAML into pydantic, every mistake with its file and place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel

from voicebot import checked_yaml
from voicebot.flow.vocabulary import INTENTS

_Table = TypeVar("_Table", bound=BaseModel)


class LeadsFault(Exception):
    """A table of this package cannot be used; the line says where and why. Always permanent."""

    permanent = True


def _known_intents(names: frozenset[str]) -> frozenset[str]:
    unknown = sorted(names - INTENTS)
    if unknown:
        raise ValueError(f"no such intent: {', '.join(unknown)}")
    return names


Ids = frozenset[str]
Intents = Annotated[frozenset[str], AfterValidator(_known_intents)]


def read(file: Path, table: type[_Table]) -> _Table:
    """Read and check a table. Raises `LeadsFault`."""
    return checked_yaml.read(file, table, LeadsFault)
