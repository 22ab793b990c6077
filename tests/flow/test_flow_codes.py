"""The page on scripts lists every rule there is and no other, and every rule that a script can break is broken once."""

import ast
import re
from pathlib import Path

import voicebot.flow
from tests.flow.test_flow_mistakes import MISTAKES
from voicebot.flow import recorded

ROOT = Path(voicebot.flow.__file__).parent
PAGE = (ROOT.parents[1] / "docs" / "flows.md").read_text(encoding="utf-8")
CODE = re.compile(r"[a-z]+(_[a-z]+)*")
# What makes a problem, and how many arguments come before its rule at most.
MAKERS = {"Problem": 2, "add": 1, "warn": 1, "_add": 1, "_complain": 2, "mistake": 0, "OneOf": 1}
# Handed on in a variable before they make one.
HANDED_ON = {"bad_slot", "endless_silence", "endless_misses", "next"}
HANDED_ON |= {
    "untested_step",
    "untested_branch",
    "undefined_slot",
    "unknown_step",
    "unknown_prompt",
    "unknown_disclosure",
}
# Not of a flow.yaml or its parts, or tried elsewhere.
ELSEWHERE = (
    recorded.CODES
    | {"untested_step", "untested_branch"}
    | {"case", "contact", "empty", "encoding", "invalid", "no_such_flow", "too_big", "too_deep", "unreadable"}
)


def made():
    found = HANDED_ON | recorded.CODES
    for file in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            words = []
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args) if name in MAKERS:
                    words = args[: MAKERS[name] + 1]
                case ast.Tuple(elts=elts) if file.name == "shape.py":
                    words = elts[:1]
            texts = [word.value for word in words if isinstance(word, ast.Constant)]
            found |= {text for text in texts if isinstance(text, str) and CODE.fullmatch(text)}
    return found


def listed():
    checked = PAGE.split("## What is checked")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", checked, re.MULTILINE)
    return {code for row in rows for code in re.findall("`([a-z_]+)`", row)}


def test_the_page_lists_every_rule_and_no_other():
    assert made() - listed() == set()
    assert listed() - made() == set()


def test_every_rule_is_broken_by_one_seeded_mistake():
    assert {mistake.code for mistake in MISTAKES} >= made() - ELSEWHERE
