"""What the shipped scripts refuse before the dial, by the rules of docs/domain.md §2 and §3."""

import pytest

from voicebot.flow.advance import begin
from voicebot.flow.loading import find, load, names
from voicebot.flow.model import SlotSpec
from voicebot.flow.problems import SlotError
from voicebot.flow.sample import sample_slots


def refused(name, change, now, *, trial=True):
    slots = {slot: value for slot, value in {**sample_slots(find(name), now), **change}.items() if value is not None}
    with pytest.raises(SlotError) as error:
        begin(load(name), slots, now, trial=trial)
    return str(error.value)


@pytest.mark.parametrize("name", names())
def test_the_sample_of_a_shipped_script_can_be_tried(name, now):
    assert begin(load(name), sample_slots(find(name), now), now, trial=True).slots


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"client_grade": "C2"}, "R3 is not suitable for a client of C2"),
        ({"product_grade": "R5"}, "R5 is not suitable for a client of C4"),
        ({"client_grade": "专业投资者"}, "client_grade: no choice"),
        ({"client_grade": None}, "client_grade: missing"),
        ({"grade_valid_until": "2026-11-22"}, "grade_valid_until: 2026-11-22 is past"),
        ({"grade_valid_until": None}, "grade_valid_until: missing"),
        ({"consent": None}, "consent: missing"),
        ({"product": "稳赚一号"}, "forbidden phrase"),
    ],
)
def test_no_product_is_told_of_without_suitability_and_consent(now, change, complaint):
    assert complaint in refused("product_invitation", change, now)


def test_the_visit_after_the_cooling_off_is_switched_off(now):
    assert "switched off" in refused("private_fund_visit", {}, now, trial=False)


@pytest.mark.parametrize("until", ["2026-11-23T10:01", "2026-11-24T15:00"])
def test_the_cooling_off_must_be_over(now, until):
    assert f"cooling_until: {until} is still to come" in refused("private_fund_visit", {"cooling_until": until}, now)


def test_only_a_moment_is_past_and_not_also_future():
    with pytest.raises(ValueError, match="neither past nor future"):
        SlotSpec(type="text", past=True)
    with pytest.raises(ValueError, match="no moment is both"):
        SlotSpec(type="date", past=True, future=True)
    with pytest.raises(ValueError, match="is for the contact's data"):
        SlotSpec(type="date", source="script", past=True)
