"""What is wrong with a script's shape, in its author's words: pydantic's complaints with a rule, a line and a mend."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voicebot.flow import model
from voicebot.flow.document import Document, Path_
from voicebot.flow.problems import Problem


def explain(error: ValidationError, doc: Document) -> Iterator[Problem]:
    """One problem for each complaint. `doc`: where the lines are."""
    for detail in error.errors(include_url=False, include_input=False):
        code, message, fix = _complaint(detail)
        at_fault = (detail.get("ctx") or {}).get("key")
        place = (*detail["loc"], at_fault) if at_fault else detail["loc"]
        yield Problem(*doc.at(*place), code, message, fix)


_MISSING = {
    "no_input": ("missing_no_input", "say what happens when the callee is silent: `no_input: {say: …, goto: …}`"),
    "not_understood": (
        "missing_not_understood",
        "say what happens when the callee is not understood: `not_understood: {say: …, goto: …}`",
    ),
    "ask_again": ("missing_key", "name the prompt that asks once more: `ask_again: …`"),
}
# What pydantic calls a wrong type, and what is wanted, with an example.
_WANTED = {
    "string": ("a text", "quote it: `'…'`"),
    "tuple": ("a list", "write `[one, another]`"),
    "mapping": ("a block of names", "write `name: …` lines below it"),
    "dict": ("a block of names", "write `name: …` lines below it"),
    "model": ("a block of keys", "write `key: …` lines below it"),
    "bool": ("true or false", "write true or false"),
    "int": ("a whole number", "write a number without point"),
    "float": ("a number", "write a number"),
}


def _complaint(detail: ErrorDetails) -> tuple[str, str, str]:
    """(code, message, fix) for one complaint."""
    place, type_ = detail["loc"], detail["type"]
    ctx: Mapping[str, Any] = detail.get("ctx") or {}
    where = _spoken(place)
    if "message" in ctx and "fix" in ctx:
        return type_, f"{where}: {ctx['message']}", ctx["fix"]
    if type_ == "extra_forbidden":
        known = _keys_at(place[:-1])
        close = get_close_matches(str(place[-1])[:60], known, 1)
        fix = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
        return "unknown_key", f"{place[-1]} is no key here", fix
    if type_ == "missing":
        code, fix = _MISSING.get(str(place[-1]), ("missing_key", f"add `{place[-1]}: …`"))
        return code, f"{where} is missing", fix
    if type_ == "literal_error":
        return "unknown_word", f"{where}: no such word", f"write {ctx['expected']}"
    if type_ in {"greater_than_equal", "less_than_equal"}:
        bound = f"at least {ctx['ge']}" if "ge" in ctx else f"at most {ctx['le']}"
        return "out_of_range", f"{where}: {bound} is wanted", f"write {bound.rpartition(' ')[2]} or choose another"
    if type_ in {"too_short", "string_too_short"}:
        return "empty", f"{where}: nothing in it", "write at least one, or remove the key"
    if type_ == "string_too_long":
        return "out_of_range", f"{where}: over {ctx['max_length']} characters", "shorten it"
    for name, (wanted, fix) in _WANTED.items():
        if type_.startswith(f"{name}_"):
            return "wrong_type", f"{where}: {wanted} is wanted", fix
    return "invalid", f"{where}: {detail['msg'][0].lower()}{detail['msg'][1:]}", "see docs/flows.md"


def _spoken(place: Path_) -> str:
    words = [str(part) for part in place if not isinstance(part, int) and part not in ("[key]", "intent", "value")]
    return ".".join(words)[:120] or "the script"


def _keys_at(place: Path_) -> list[str]:
    """The keys a block may have, by its place."""
    block: type[BaseModel] = model.Script
    parts = iter(place)
    for part in parts:
        if isinstance(part, str) and (field := block.model_fields.get(part)) is not None:
            block = next(_blocks(field.annotation), block)
            if get_origin(field.annotation) is Mapping:
                next(parts, "")  # a name of the author's
    keys = [field.alias or name for name, field in block.model_fields.items()]
    return sorted([*keys, "include"] if block is model.Script else keys)


def _blocks(annotation: Any) -> Iterator[type[BaseModel]]:
    """The kinds of block in a type such as `Mapping[Name, Step]` or `Branch | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _blocks(inner)
