"""YAML tables of configuration into pydantic: every mistake with its file and place, in one way for all packages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

_Model = TypeVar("_Model", bound=BaseModel)


def read(file: Path, model: type[_Model], fault: Callable[[str], Exception], *, every: bool = False) -> _Model:
    """A file as `model`. Raises what `fault` makes of the message: the file, the line or key, and what is wanted there;
    of several mistakes the first, or, with `every`, a line for each.
    """
    try:
        return model.model_validate(yaml.safe_load(file.read_text("utf-8")))
    except OSError as error:
        raise fault(f"{file}: {(error.strerror or str(error)).lower()}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{file}:{mark.line + 1}" if mark else str(file)
        raise fault(f"{place}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    except ValidationError as error:
        told = list(_mistakes(error, str(file)))
        raise fault("\n".join(told if every else told[:1])) from None


def _mistakes(error: ValidationError, file: str) -> Iterator[str]:
    for mistake in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in mistake["loc"])
        said = mistake["msg"].removeprefix("Value error, ")
        yield f"{file}: {key}: {said}" if key else f"{file}: {said}"
