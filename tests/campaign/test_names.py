"""Names that become part of something else: a queue's, a command's, a file's."""

import pytest
from pydantic import ValidationError

from voicebot.campaign.plan import Plan
from voicebot.campaign.trunks import Trunk
from voicebot.settings import Settings


@pytest.mark.parametrize(
    "named",
    [lambda name: Trunk(name=name, channels=1), lambda name: Plan(trunk=name), lambda name: Settings(host_name=name)],
    ids=["trunk", "plan's trunk", "host"],
)
@pytest.mark.parametrize("name", ["a b", "中继", "a\n", "x" * 65, "a;b"])
def test_a_name_is_looked_at_from_its_beginning_to_its_end(named, name):
    assert named("a-1")
    with pytest.raises(ValidationError):
        named(name)
