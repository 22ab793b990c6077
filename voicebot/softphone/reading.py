"""A YAML file of the softphone's as a checked value; every mistake is told with file and line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from voicebot.flow import document
from voicebot.flow.problems import FlowError
from voicebot.softphone.fault import PersonaError


class Part(BaseModel):
    """A block of YAML: frozen, and a key it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_Model = TypeVar("_Model", bound=Part)


def read(
    file: Path, model: type[_Model], given: Mapping[str, Any], *, name: str, what: str, parts: Iterable[type[Part]]
) -> tuple[_Model, document.Document]:
    """A file as `model`, and the document for the lines of later complaints. `given`: fields that are not the file's to
    say; `name`: how messages call the file; `what`: what it should be, with an example; `parts`: all blocks whose keys
    may stand in it, for proposals. Raises `PersonaError`.
    """
    try:
        content = document.read(file, name=name)
    except FlowError as error:
        raise PersonaError("\n".join(f"{p.file}:{p.line}: {p.message}" for p in error.problems)) from error
    if not isinstance(content.content, dict):
        raise PersonaError(f"{content.file}:1: {what}")
    if reserved := sorted(given.keys() & content.content.keys()):
        line = content.line_of(reserved[0])
        raise PersonaError(f"{content.file}:{line}: unknown key {reserved[0]!r}: the file's name is its name")
    keys = set(model.model_fields).union(*(part.model_fields for part in parts)) - given.keys()
    try:
        return model.model_validate({**content.content, **given}), content
    except ValidationError as error:
        raise PersonaError("\n".join(_complaints(error, content, sorted(keys)))) from error


def _complaints(error: ValidationError, content: document.Document, keys: list[str]) -> Iterator[str]:
    for detail in error.errors(include_url=False):
        place = tuple(_place(detail, content.content))
        where = "".join(f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
        line = content.line_of(*place) if place else 1
        said = _explain(detail, str(place[-1]) if place else "", keys)
        yield f"{content.file}:{line}: {where}: {said}" if where else f"{content.file}:{line}: {said}"


def _place(detail: ErrorDetails, here: Any) -> Iterator[str | int]:
    """Where in the file it is: pydantic puts the branch of a union in between, which is not there. The key that is
    missing belongs to it.
    """
    for part in detail["loc"]:
        known: Any = here if isinstance(here, dict) else dict(enumerate(here)) if isinstance(here, list) else {}
        if part in known:
            here = known[part]
            yield part
        elif detail["type"] == "missing" and part == detail["loc"][-1]:
            yield part


def _explain(detail: ErrorDetails, key: str, keys: list[str]) -> str:
    match detail["type"]:
        case "extra_forbidden":
            near = get_close_matches(key, keys, n=1)
            return f"unknown key{f', did you mean {near[0]}?' if near else ''}"
        case "missing":
            return "is needed"
        case "literal_error" | "enum":
            return f"must be {detail['ctx']['expected']}"
        case _:
            message: str = detail["msg"].removeprefix("Value error, ")
            return message[0].lower() + message[1:]
