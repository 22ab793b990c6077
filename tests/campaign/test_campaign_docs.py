"""docs/campaigns.md and its picture say what the program does."""

import runpy
from xml.etree import ElementTree

import pytest

from voicebot.campaign import chinese, people
from voicebot.campaign.moves import MOVES
from voicebot.settings import ROOT

DOCS = ROOT / "docs"
TEXT = (DOCS / "campaigns.md").read_text("utf-8")
SVG = (DOCS / "life.svg").read_text("utf-8")


def rows():
    cells = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("| `")
    )
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_picture_is_drawn_from_the_table():
    assert runpy.run_path(str(DOCS / "draw_life.py"))["draw"]() == SVG, "python docs/draw_life.py > docs/life.svg"


def test_the_picture_names_every_state_and_move():
    said = {node.text for node in ElementTree.fromstring(SVG).iter("{http://www.w3.org/2000/svg}text")}
    for state, name in chinese.CAMPAIGN.items():
        assert {state, name} <= said
    for move in MOVES.values():
        assert any(move.name in each for each in said)
        assert any(move.chinese in each for each in said)


@pytest.mark.parametrize("move", MOVES.values(), ids=lambda m: m.name)
def test_the_table_says_what_is_checked(move):
    name, from_, to, who, _checked = rows()[move.name]
    assert name == move.chinese
    assert tuple(from_.split(", ")) == move.states
    assert to == move.to
    assert who.startswith("the dispatcher") if not move.roles else tuple(who.split(", ")) == move.roles


def test_the_roles_are_named():
    for role, name in people.ROLES.items():
        assert f"`{role}` {name}" in TEXT
