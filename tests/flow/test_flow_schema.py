"""The schemas that editors use are those of the model, explain every key, and take what the shipped scripts hold."""

import json
from pathlib import Path

import jsonschema
import pytest
from typer.testing import CliRunner

from tests.flow.visit import FLOW, PART
from voicebot.cli import app
from voicebot.flow import document, schema
from voicebot.flow.loading import FLOWS

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT, SHARED = (json.loads((DOCS / f"{name}.schema.json").read_text(encoding="utf-8")) for name in ("flow", "part"))


@pytest.mark.parametrize(("name", "made"), [("flow", schema.script()), ("part", schema.part())])
def test_the_committed_schema_is_current(name, made):
    """If not: voicebot flow schema > docs/flow.schema.json; voicebot flow schema --part > docs/part.schema.json"""
    assert (DOCS / f"{name}.schema.json").read_text(encoding="utf-8") == schema.text(made)
    jsonschema.Draft7Validator.check_schema(made)


def test_every_key_is_explained():
    blocks = {"Script": SCRIPT, **SCRIPT["$defs"]}
    assert not [
        f"{name}.{key}" for name, b in blocks.items() for key, p in b["properties"].items() if "description" not in p
    ]


@pytest.mark.parametrize("file", sorted(FLOWS.glob("*/flow.yaml")), ids=lambda file: file.parent.name)
def test_a_shipped_script_fits(file):
    jsonschema.validate(document.read(file, name=file.name).content, SCRIPT)


@pytest.mark.parametrize("file", sorted(FLOWS.glob("shared/*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_part_fits(file):
    jsonschema.validate(document.read(file, name=file.name).content, SHARED)


def test_everything_a_script_may_hold_fits():
    jsonschema.validate(document.parse(FLOW, name="flow.yaml").content, SCRIPT)
    jsonschema.validate(document.parse(PART, name="opening.yaml").content, SHARED)


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("title: 回访", "tittle: 回访"),
        ("kind: service", "kind: friendly"),
        ("    say: warning\n", "    says: warning\n"),
        ("heard: will_do", "heard: would_do"),
        ("outcome: callback, do: {act", "outcome: called, do: {act"),
        ("do: complaint", "do: complain"),
        ("keys: {1: callback}", "keys: {one: callback}"),
        ("at_most: 1", "at_most: once"),
        ("      no_input: {say: clear_keys, goto: bye}\n", ""),
        ("  thanks: 谢谢您。", "  thanks: {words: 谢谢您。}"),
        ("type: choice", "type: choise"),
        ("[{part: opening, next: told}]", "[{parts: opening}]"),
    ],
)
def test_a_mistake_in_the_shape_does_not_fit(there, instead):
    assert FLOW.count(there) == 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document.parse(FLOW.replace(there, instead), name="flow.yaml").content, SCRIPT)


@pytest.mark.parametrize(("options", "made"), [([], SCRIPT), (["--part"], SHARED)])
def test_the_command_prints_it(options, made):
    done = CliRunner().invoke(app, ["flow", "schema", *options])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == made
