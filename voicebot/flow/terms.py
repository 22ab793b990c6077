"""The single words and lists that a script's blocks are made of, and the complaint about one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from voicebot.flow.dispositions import FROM_SCRIPT
from voicebot.flow.vocabulary import INTENTS

# The step that follows a shared part, named by the script that includes it (voicebot/flow/include.py).
NEXT = "next"


def mistake(code: str, message: str, fix: str, key: str = "") -> PydanticCustomError:
    """What a validator raises: the rule, what is wrong, the mend, and the key of the block that is at fault."""
    return PydanticCustomError(code, "{message}", {"message": message, "fix": fix, "key": key})


@dataclass(frozen=True)
class OneOf:
    """A word must be one of `words`; another is complained of under the rule `code`, as no `what`."""

    words: Collection[str]
    code: str
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "enum": sorted(self.words)}

    def _check(self, word: str) -> str:
        if word not in self.words:
            close = get_close_matches(word[:60], self.words, 1)
            fix = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(self.words))}"
            raise mistake(self.code, f"there is no {self.what} {word!r}", fix)
        return word


class OrOne:
    """A list of one thing may be written as that thing."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        inner = handler(schema)
        return {"anyOf": [inner["items"], inner]}


@dataclass(frozen=True)
class Short:
    """A block with nothing but one key may be written as what that key holds, if it is one of `types`."""

    key: str
    types: tuple[type, ...]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self._long, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        block = handler(schema)
        held = handler.resolve_ref_schema(block)["properties"][self.key]
        return {"anyOf": [{key: value for key, value in held.items() if key != "title"}, block]}

    def _long(self, value: Any) -> Any:
        return {self.key: value} if isinstance(value, self.types) else value


class AsText:
    """Values are texts, however YAML reads them."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_text, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "type": ["string", "number"]}


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) or value is None else [value]


def _named(word: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", word):
        fix = "use small letters, digits and _, at most 40, a letter first"
        raise mistake("bad_name", f"{word!r} is no name", fix)
    return word


def _named_or_not(word: str) -> str:
    return _named(word) if word else word


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _free(word: str) -> str:
    if word == NEXT:
        raise mistake("reserved_name", "`next` is no name for a step: in a shared part it stands for the step that "
                       "the script names", "give the step another name")  # fmt: skip
    return word


def _on_telephone(key: str) -> str:
    if not re.fullmatch(r"[0-9*#]", key):
        raise mistake("bad_digit", f"{key!r} is no key of a telephone", "write 0 to 9, '*' or '#'")
    return key


_NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,39}$"}

Name = Annotated[str, AfterValidator(_named), WithJsonSchema(_NAME)]
StepName = Annotated[str, AfterValidator(_named), AfterValidator(_free), WithJsonSchema(_NAME)]
NameOrNone = Annotated[str, AfterValidator(_named_or_not)]
Key = Annotated[str, AfterValidator(_on_telephone), WithJsonSchema({"type": "string", "pattern": "^[0-9*#]$"})]
Intent = Annotated[str, OneOf(INTENTS, "unknown_intent", "intent")]
Outcome = Annotated[str, OneOf(frozenset(d.value for d in FROM_SCRIPT), "unknown_outcome", "outcome a script can give")]
Outcomes = Annotated[tuple[Outcome, ...], OrOne()]
Prompts = Annotated[tuple[str, ...], OrOne()]
Intents = Annotated[tuple[Intent, ...], OrOne()]
Wordings = Annotated[tuple[str, ...], OrOne()]
Names = Annotated[tuple[str, ...], OrOne()]
TextValue = Annotated[str, AsText()]
TextValues = Annotated[tuple[TextValue, ...], OrOne()]
Setting = Mapping[str, TextValue]
Conditions = Mapping[str, TextValues]
