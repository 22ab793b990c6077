"""docs/compliance.md says what the code does: every rule in order, every outcome with its wait."""

import re
from pathlib import Path

import pytest

from voicebot.campaign.gates import CHINESE, RULES
from voicebot.campaign.policy import read_policy
from voicebot.campaign.terms import shown_span
from voicebot.flow.dispositions import Disposition

PAGE = (Path(__file__).parents[2] / "docs" / "compliance.md").read_text("utf-8")


def rows(heading):
    """The cells of each row of the table under a heading."""
    part = PAGE.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("| `")
    ]


def test_every_rule_is_explained_in_the_order_in_which_it_is_asked():
    table = [(row[0].strip("`"), row[1]) for row in rows("Rules")]
    assert table == [(rule.__name__, CHINESE[rule.__name__]) for rule in RULES]
    assert all(cell for row in rows("Rules") for cell in row)


def test_every_outcome_has_the_wait_of_the_shipped_policy():
    table = {row[0].strip("`"): row[1:] for row in rows("Retries")}
    assert table == {
        outcome: [outcome.chinese, *([shown_span(retry.after), shown_span(retry.spread)] if retry else ["never", ""])]
        for outcome, retry in read_policy().retries.items()
    }
    assert set(table) == set(Disposition)


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)#]+)\)", PAGE))
def test_its_links_lead_somewhere(link):
    assert (Path(__file__).parents[2] / "docs" / link).exists()
