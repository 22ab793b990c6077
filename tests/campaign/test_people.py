import pytest

from voicebot.campaign import people
from voicebot.campaign.fault import CampaignFault


def roles_of(store, name):
    with store.reading() as connection:
        return people.roles_of(connection, name)


def require(store, name, *roles):
    with store.reading() as connection:
        people.require(connection, name, *roles, act="approve 批准")


def test_people_come_and_go_and_come_back(store):
    assert people.add(store, " li ", ["operations", "operations"]).roles == ("operations",)
    people.add(store, "王芳", ["compliance", "supervisor"])
    assert [(p.name, p.active) for p in people.everybody(store)] == [("li", True), ("王芳", True)]
    assert not people.remove(store, "li").active
    assert [(p.name, p.active) for p in people.everybody(store)] == [("li", False), ("王芳", True)]
    assert roles_of(store, "li") == frozenset()
    came = people.everybody(store)[0].created_at
    back = people.add(store, "li", ["advisor"])
    assert (back.roles, back.active, back.created_at) == (("advisor",), True, came)
    assert roles_of(store, "li") == {"advisor"}
    assert roles_of(store, "nobody") == frozenset()


def test_one_role_of_those_wanted_is_enough(store):
    people.add(store, "li", ["operations"])
    require(store, "li", "supervisor", "operations")
    require(store, "li")
    people.add(store, "boss", ["admin"])
    require(store, "boss", "compliance")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("li", "li may not approve 批准: needs role compliance, has operations, advisor"),
        ("gone", "gone was removed and may not approve"),
        ("x", "nobody is called 'x': `voicebot people add x --role compliance`"),
    ],
)
def test_who_may_not_is_told_why(store, name, said):
    people.add(store, "li", ["operations", "advisor"])
    people.add(store, "gone", ["compliance"])
    people.remove(store, "gone")
    with pytest.raises(CampaignFault, match=said.replace("(", r"\(")):
        require(store, name, "compliance")


@pytest.mark.parametrize(
    ("name", "roles", "said"),
    [
        ("", ["operations"], "1 to 64 printable"),
        ("x" * 65, ["operations"], "1 to 64 printable"),
        ("a\nb", ["operations"], "1 to 64 printable"),
        ("System", ["operations"], "stands in logs for the dispatcher"),
        ("li", [], "needs a role: --role operations"),
        ("li", ["boss"], "'boss' is no role; there are operations"),
        # Two spellings would be two people to the rule that nobody approves his own campaign.
        ("ANN", ["compliance"], "too like 'ann'"),
        ("ａｎｎ", ["compliance"], "too like 'ann'"),
    ],
)
def test_who_cannot_be_added(store, name, roles, said):
    people.add(store, "ann", ["operations"])
    with pytest.raises(CampaignFault, match=said):
        people.add(store, name, roles)
    assert [(p.name, p.roles) for p in people.everybody(store)] == [("ann", ("operations",))]


def test_nobody_unknown_is_removed(store):
    with pytest.raises(CampaignFault, match="voicebot people list"):
        people.remove(store, "x")
