import pytest

from voicebot.campaign.described import hours, terms
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy

POLICY = read_policy()


def told(plan, kind="service"):
    return {term.name: (term.plan, term.policy) for term in terms(plan, POLICY, kind)}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "none 无"),
        ({"mon": ["09:00-12:00"]}, "mon 09:00-12:00"),
        ({day: ["09:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}, "mon–sun 09:00-24:00"),
        (
            {"mon": ["09:00-12:00"], "tue": ["09:00-12:00"], "thu": ["09:00-12:00", "13:00-14:00"], "sun": []},
            "mon–tue 09:00-12:00; thu 09:00-12:00, 13:00-14:00",
        ),
    ],
)
def test_hours(given, said):
    assert hours(Plan.model_validate({"hours": given}).hours) == said


def test_a_plan_that_says_nothing_has_the_policys_terms():
    service, marketing = told(Plan()), told(Plan(), "marketing")
    assert service["hours"] == ("as the policy 同制度", "mon–sun 09:00-21:00")
    assert marketing["hours"] == ("as the policy 同制度", "mon–fri 09:00-20:00")
    assert service["calls to one number a day"] == ("as the policy 同制度", "3")
    assert marketing["calls to one number a day"] == ("as the policy 同制度", "1")
    assert service["calls in all"] == ("any number 不限", "")
    assert service["days"] == ("any 不限", "")


def test_what_a_plan_says_is_told():
    plan = Plan.model_validate(
        {
            "holidays": "skip",
            "last_day": "2026-05-01",
            "channels": 8,
            "dials": 2,
            "per_day": 1,
            "budget": 500,
            "ring_s": 30,
            "unknown": "redial",
            "redial_after": "90min",
        }
    )
    said = told(plan)
    assert said["public holidays"] == ("no calls 不拨", "no calls 不拨")
    assert said["days"][0] == "… – 2026-05-01"
    assert said["calls at once"] == ("8", "200 in all")
    assert said["calls to one contact"][0] == "at most 2"
    assert said["calls to one number a day"] == ("1", "3")
    assert said["calls in all"][0] == "500"
    assert said["ringing"][0] == "30 s"
    assert said["where nobody knows if it rang"][0] == "it is called again 重拨, after 90min"


def test_every_key_of_a_plan_is_told():
    """A key that an approver does not see is approved blindly."""
    other = {
        "hours": {"mon": ["10:00-11:00"]},
        "holidays": "call",
        "first_day": "2026-05-01",
        "last_day": "2026-05-02",
        "channels": 7,
        "dials": 7,
        "per_day": 7,
        "budget": 7,
        "priority": 7,
        "trunk": "seven",
        "ring_s": 7,
        "unknown": "close",
    }
    assert {*other, "redial_after"} == set(Plan.model_fields)
    for key, value in other.items():
        assert told(Plan.model_validate({key: value})) != told(Plan()), key
    later = Plan.model_validate({"unknown": "redial", "redial_after": "7d"})
    assert told(later) != told(Plan(unknown="redial"))
