"""What cells hold in place of a number, and the zones numbers lie in."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.numbers import dialled
from voicebot.campaign.zones import zones_of
from voicebot.store.number import canonical

SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("13800138000", "+8613800138000"),
        (" 138 0013 8000 ", "+8613800138000"),
        ("138-0013-8000", "+8613800138000"),
        ("+86 13800138000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("8613800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("\u202d13800138000\u202c", "+8613800138000"),
        ("13800138000.0", "+8613800138000"),
        ("tel:13800138000", "+8613800138000"),
        ("010-65551234", "+861065551234"),
        ("(021) 6555 1234", "+862165551234"),
        ("+852 9123 4567", "+85291234567"),
        ("+44 20 7946 0000", "+442079460000"),
        ("0014155550123", "+14155550123"),
        ("sip:wang@gateway.example", "sip:wang@gateway.example"),
        ("SIP:13800138000@10.0.0.1:5080", "+8613800138000"),
    ],
)
def test_a_number_has_one_form(text, number):
    assert dialled(text) == number
    assert canonical(dialled(text)) == number


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "missing"),
        ("12345678901234567890", "20 digits"),
        ("1.38E+10", "Excel has shortened it"),
        ("1380013800", "no number of China"),
        ("138001380000", "no number of China"),
        ("10086", "no number of China"),
        ("110", "no number"),
        ("16888888888", "no number of China"),
        ("400-820-8820", "a service number"),
        ("+1 800 555 0123", "a service number"),
        ("+999 1234567", "no number"),
        ("王建国", "digits are wanted"),
        ("13800138000转801", "digits are wanted"),
        ("13800138000、13900139000", "digits are wanted"),
        ("13800138000/13900139000", "digits"),
        ("----", "no number that can be dialled"),
        ("sip:@nowhere", "no SIP address"),
        ("sips:a@b", "no SIP address"),
        ("wang@gateway.example", "no SIP address"),
        ("sip:" + "a" * 300 + "@b", "more than 255"),
    ],
)
def test_what_is_no_number(text, why):
    with pytest.raises(ValueError, match=why) as refused:
        dialled(text)
    assert len(text) < 4 or text not in str(refused.value)


@given(st.text(max_size=60) | st.text(alphabet="0123456789+- ().E/sip:@", max_size=40))
def test_any_text_is_a_number_or_none(text):
    try:
        number = dialled(text)
    except ValueError as why:
        assert str(why)
    else:
        assert canonical(number) == number


@pytest.mark.parametrize(
    ("number", "given_", "zones"),
    [
        ("+8613800138000", "", ("Asia/Shanghai",)),
        ("+861065551234", "Asia/Urumqi", ("Asia/Urumqi",)),
        ("+85291234567", "", ("Asia/Hong_Kong",)),
        ("+14155550123", "", ("America/Los_Angeles",)),
        ("sip:wang@gateway.example", "", ("Asia/Shanghai",)),
        ("sip:wang@gateway.example", "Europe/London", ("Europe/London",)),
    ],
)
def test_zones(number, given_, zones):
    assert zones_of(number, given_, SHANGHAI) == zones


def test_a_number_that_may_lie_in_several_zones_has_them_all():
    zones = zones_of("+351912345678", "", SHANGHAI)
    assert set(zones) == {"Atlantic/Azores", "Europe/Lisbon"}


@pytest.mark.parametrize(
    ("number", "given_", "why"),
    [
        ("+8613800138000", "Asia", "no such time zone"),
        ("+8613800138000", "北京时间", "no such time zone"),
        ("+18005550123", "", "time zones: name its own"),
        ("+88213123456", "", "nobody knows"),
    ],
)
def test_zones_nobody_knows(number, given_, why):
    with pytest.raises(ValueError, match=why):
        zones_of(number, given_, SHANGHAI)
