"""Whatever the tables may hold has a name in Chinese."""

import re
from pathlib import Path

import pytest

from voicebot import campaign
from voicebot.campaign import chinese, gates, verdicts
from voicebot.campaign.snapshot import SILENT_ENDINGS
from voicebot.flow.dispositions import Disposition
from voicebot.store.campaign_tables import ATTEMPT_STATES, CAMPAIGN_STATES, CONTACT_STATES


def test_every_state():
    assert set(chinese.CAMPAIGN) == set(CAMPAIGN_STATES)
    assert set(chinese.CONTACT) == set(CONTACT_STATES)
    assert set(chinese.ATTEMPT) == set(ATTEMPT_STATES)


@pytest.mark.parametrize("disposition", Disposition)
def test_every_outcome(disposition):
    assert chinese.outcome(disposition.value) == disposition.chinese


def test_every_rule_that_the_code_names():
    source = "".join(file.read_text("utf-8") for file in Path(campaign.__file__).parent.glob("*.py"))
    named = set(re.findall(r'Refusal\(\s*"(\w+)"', source))
    assert len(named) > 10
    named |= {*SILENT_ENDINGS, *gates.CHINESE, *verdicts.CHINESE}
    assert {rule for rule in named if not chinese.rule(rule)} == set()


def test_what_has_no_name():
    assert chinese.outcome("") == ""
    assert chinese.outcome("new") == "new"
    assert chinese.rule("") == ""
