"""The single words and lists that a script's blocks are made of, and the complaint about one that is wrong."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from voicebot.flow.dispositions import FROM_SCRIPT
from voicebot.flow.vocabulary import INTENTS

# The step that follows a shared part, named by the script that includes it (voicebot/flow/include.py).
NEXT = "next"


def mistake(code: str, message: str, fix: str, key: str = "") -> PydanticCustomError:
    """What a validator raises: the rule, what is wrong, the mend, and the key of the block that is at fault."""
    return PydanticCustomError(code, "{message}", {"message": message, "fix": fix, "key": key})


def one_of(words: Collection[str], code: str, what: str) -> AfterValidator:
    """A word must be one of `words`; another is complained of under the rule `code`."""

    def check(word: str) -> str:
        if word not in words:
            close = get_close_matches(word[:60], words, 1)
            fix = f"did you mean {close[0]}?" if close else f"there are: {', '.join(sorted(words))}"
            raise mistake(code, f"there is no {what} {word!r}", fix)
        return word

    return AfterValidator(check)


def listed(value: Any) -> Any:
    """One thing may be written without its list."""
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


def texts(value: Any) -> Any:
    """Values are texts, however YAML reads them."""
    if isinstance(value, dict):
        return {key: _text(inner) for key, inner in value.items()}
    return [_text(inner) for inner in value] if isinstance(value, list) else _text(value)


def _all_listed(value: Any) -> Any:
    return {key: texts(listed(inner)) for key, inner in value.items()} if isinstance(value, dict) else value


def _free(word: str) -> str:
    if word == NEXT:
        raise mistake("reserved_name", "`next` is no name for a step: in a shared part it stands for the step that "
                       "the script names", "give the step another name")  # fmt: skip
    return word


def _on_telephone(key: str) -> str:
    if not re.fullmatch(r"[0-9*#]", key):
        raise mistake("bad_digit", f"{key!r} is no key of a telephone", "write 0 to 9, '*' or '#'")
    return key


Name = Annotated[str, AfterValidator(_named)]
StepName = Annotated[str, AfterValidator(_named), AfterValidator(_free)]
NameOrNone = Annotated[str, AfterValidator(_named_or_not)]
Key = Annotated[str, AfterValidator(_on_telephone)]
Intent = Annotated[str, one_of(INTENTS, "unknown_intent", "intent")]
Outcome = Annotated[
    str, one_of(frozenset(d.value for d in FROM_SCRIPT), "unknown_outcome", "outcome a script can give")
]
Prompts = Annotated[tuple[str, ...], BeforeValidator(listed)]
Intents = Annotated[tuple[Intent, ...], BeforeValidator(listed)]
Wordings = Annotated[tuple[str, ...], BeforeValidator(listed)]
Names = Annotated[tuple[str, ...], BeforeValidator(listed)]
TextValue = Annotated[str, BeforeValidator(texts)]
TextValues = Annotated[tuple[str, ...], BeforeValidator(listed), BeforeValidator(texts)]
Setting = Annotated[Mapping[str, str], BeforeValidator(texts)]
Conditions = Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(_all_listed)]
