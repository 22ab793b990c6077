"""Reading this package's tables: YAML into pydantic, every mistake with its file and place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ValidationError

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
    try:
        return table.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except OSError as error:
        raise LeadsFault(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        raise LeadsFault(f"{place}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        said = first["msg"].removeprefix("Value error, ")
        raise LeadsFault(f"{file}: {place}: {said}" if place else f"{file}: {said}") from None
