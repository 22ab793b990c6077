"""JSON Schema of scripts and of their shared parts, from the model: an editor that knows it completes keys, explains
them and marks what is wrong while a script is written. What only a whole script shows, `voicebot flow check` finds.
"""

from __future__ import annotations

import json
from typing import Any

from voicebot.flow.include import LISTED, NAMED
from voicebot.flow.model import Script

Json = dict[str, Any]

_DRAFT = "http://json-schema.org/draft-07/schema#"

# What editors show beside a key, by block and key.
_ABOUT = {
    "Script": {
        "name": "The folder's name.",
        "title": "What people call the script.",
        "kind": "service: never offers anything; marketing: needs `suitability`.",
        "about": "For readers; never spoken.",
        "off": "Why the script is switched off; then it is never dialled.",
        "suitability": "The slots that a marketing call is checked by before the dial.",
        "start": "The first step.",
        "max_turns": "After so many turns of the callee the call goes to `out_of_turns`.",
        "out_of_turns": "The step for a call with too many turns; it must lead to an end.",
        "ear_lost": "The step for a call whose recogniser fails; from there on only keys are understood.",
        "slots": "Everything that varies: the contact's data, what the callee says, what the script sets.",
        "disclosures": "Statements that the client must hear to their end.",
        "urgent": "Branches that come before all others, at any moment.",
        "anywhere": "Branches that come after a step's own.",
        "answers": "What is replied to a question, after which the step asks again.",
        "steps": "The places of the script.",
        "prompts": "All that the robot may say, word for word.",
    },
    "SlotSpec": {
        "type": "How the value is written and read.",
        "about": "For readers; never spoken.",
        "choices": "The values that a slot of the type choice may have.",
        "source": "contact: the client's data; callee: said in the call (`hears`); script: `set` by it.",
        "hears": "Which value of the understander fills it.",
        "before_identity": "It may be said before the callee has confirmed to be the client.",
        "optional": "A contact may lack it; prompts that say it need an `otherwise`.",
        "needed_when": "It is needed all the same when other slots have one of these values.",
        "below": "The slot of the contact's data that must be greater.",
        "below_when": "`below` counts only when other slots have one of these values.",
        "future": "It must lie after the call's start.",
        "past": "It must lie before the call's start.",
    },
    "DisclosureSpec": {
        "about": "For readers; never spoken.",
        "needed_for": "Outcomes that count only once this was played to its end.",
    },
    "PromptSpec": {
        "text": "The words, with {slot} for values; several wordings are used in turn.",
        "otherwise": "The words while a slot of `text` is not known.",
        "interruptible": "Whether the callee may cut it off.",
        "disclosure": "The disclosure that this prompt is; it is never interrupted.",
    },
    "ActSpec": {
        "act": "What is done.",
        "slots": "The values it carries.",
        "reason": "A fixed reason that it carries.",
        "template": "The approved template of a message.",
        "hook": "The hook of the configuration that a webhook goes to.",
    },
    "Branch": {
        "heard": "One of these was meant.",
        "also": "All of these were meant in the same breath.",
        "given": "The slot of the callee that was said in this turn.",
        "same": "`given` has the value it already had.",
        "when_identified": "Only after (true) or before (false) the callee has confirmed to be the client.",
        "at_most": "How often it may be taken in a call.",
        "questions": "A question in the same breath is answered instead of this, first, or is skipped.",
        "identified": "From here on the callee is (or is not) taken for the client.",
        "outcome": "How the call ended, if nothing else comes.",
        "set": "Values for slots with `source: script`.",
        "do": "What is done outside the call.",
        "say": "Prompts, in order.",
        "goto": "The step that follows.",
        "ask_again": "The step asks again.",
        "repeat": "The last words are said once more.",
        "wait_s": "Listen on for so many seconds without asking.",
    },
    "Answer": {
        "say": "Prompts, in order.",
        "before_identity": "What is said instead until the callee has confirmed to be the client.",
        "do": "What is done outside the call.",
    },
    "Fallback": {
        "say": "What is said the first time, the second time, …",
        "goto": "The step that follows after that.",
    },
    "KeyValue": {"slot": "The slot of the callee that the key fills.", "value": "The value it is given."},
    "ListenSpec": {
        "silence_s": "Seconds without speech that count as silence.",
        "keys": "What a key of the telephone means: an intent, or a slot's value.",
        "ask_again": "What is said after an answer or an interruption, to ask once more.",
        "branches": "What follows when the callee says something; the first that fits is taken.",
        "no_input": "What follows when nothing is said.",
        "not_understood": "What follows when nothing fits.",
    },
    "Fork": {
        "slot": "The slot that decides.",
        "is": "It has one of these values.",
        "known": "It is known, or is not.",
        "below": "It is smaller than this slot.",
        "at_least": "It is this slot's value or more.",
        "goto": "The step that follows.",
    },
    "Step": {
        "about": "For readers; never spoken.",
        "outcome": "How the call ended, if nothing else comes.",
        "set": "Values for slots with `source: script`.",
        "do": "What is done outside the call.",
        "say": "Prompts, in order.",
        "listen": "Wait for the callee.",
        "branch": "Ways on that the data decides; the first that fits is taken, else `goto`.",
        "goto": "The step that follows.",
        "end": "The call ends here.",
    },
    "Suitability": {
        "client": "The slot with the client's grade, C1 to C5.",
        "product": "The slot with the product's grade, R1 to R5.",
        "valid_until": "The slot with the last day on which the client's grade is valid.",
        "consent": "The slot with the reference of the live consent.",
    },
}

_INCLUDE = {
    "description": "Shared parts (files in shared/) that belong to this; their `goto: next` leads to the step `next`.",
    "type": "array",
    "items": {
        "anyOf": [
            {"type": "string"},
            {
                "type": "object",
                "properties": {"part": {"type": "string"}, "next": {"type": "string"}},
                "required": ["part"],
                "additionalProperties": False,
            },
        ]
    },
}


def script() -> Json:
    """The schema of a flow.yaml."""
    schema = Script.model_json_schema()
    for name, block in [("Script", schema), *schema["$defs"].items()]:
        for key, about in _ABOUT[name].items():
            block["properties"][key]["description"] = about
    schema = _tidy(schema)
    # Steps, prompts and the rest may come from shared parts.
    schema["required"] = [key for key in schema["required"] if key not in NAMED]
    schema["properties"]["include"] = _INCLUDE
    return {"$schema": _DRAFT, "title": "flow.yaml", **schema}


def part() -> Json:
    """The schema of a shared part."""
    whole = script()
    properties = {key: whole["properties"][key] for key in ("about", "include", *NAMED, *LISTED)}
    about = "Blocks that scripts share: `include: [NAME]` puts them into one. Its steps may `goto: next`."
    return {**whole, "title": "a shared part", "description": about, "properties": properties, "required": []}


def text(schema: Json) -> str:
    """As it is written to a file."""
    return json.dumps(schema, ensure_ascii=False, indent=1) + "\n"


def _tidy(node: Any) -> Any:
    """What pydantic writes, without titles that repeat the key, defaults that say nothing, and `null` for what is left
    out; with the closed set of keys that a telephone has.
    """
    if isinstance(node, list):
        return [_tidy(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    tidy = {key: _tidy(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}
    if tidy.get("default") in ("", [], {}, None):
        tidy.pop("default", None)
    if (some := [one for one in tidy.get("anyOf", ()) if one != {"type": "null"}]) and len(some) == 1:
        tidy.pop("anyOf")
        tidy = {**some[0], **tidy}
    if tidy.get("type") == "array" and "minLength" in tidy:
        tidy["minItems"] = tidy.pop("minLength")
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    if isinstance(tidy.get("description"), str):
        tidy["description"] = " ".join(tidy["description"].split())
    return tidy
