"""What is shown of numbers, names and figures to those who need not know them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.masking import (
    mask_name,
    mask_number,
    mask_value,
    masked_ref,
    may_see,
    scrubbed,
    shown_number,
)
from voicebot.flow.values import TYPES


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        ("+8613800138000", "138****8000"),
        ("13800138000", "138****8000"),
        ("138 0013 8000", "138****8000"),
        ("+861065551234", "010****1234"),
        ("+14155552671", "+14****2671"),
        ("95555", "9****5"),
        ("110", "***"),
        ("12345678901234567890", "123****7890"),
        ("sip:wangjianguo@gateway.example:5060", "sip:w***@gateway.example:5060"),
        ("sip:1001@10.0.0.5", "sip:1****1@10.0.0.5"),
        ("sip:13800138000@10.0.0.5;user=phone", "sip:138****8000@10.0.0.5"),
        ("sip:wang@a.example@b.example", "sip:w***@a.example"),
        ("sip:gateway.example", "sip:g***"),
        ("王建国 13800138000", "王***"),
        ("", ""),
    ],
)
def test_numbers(number, masked):
    assert mask_number(number) == masked


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("+8613800138000", "13800138000"),
        ("+861065551234", "010 6555 1234"),
        ("+14155552671", "+14155552671"),
        ("sip:a@b.example", "sip:a@b.example"),
        ("+86", "+86"),
    ],
)
def test_in_the_clear_a_number_is_written_as_it_is_dialled_here(number, shown):
    assert shown_number(number) == shown


@given(st.from_regex(r"\+?(86)?1[3-9][0-9]{9}", fullmatch=True) | st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_number_never_comes_through_whole_nor_its_middle(number):
    digits = number.lstrip("+").removeprefix("86")
    masked = mask_number(number)
    assert digits not in masked
    assert digits[3:-4] == "" or f"{digits[:3]}{digits[3:-4]}" not in masked
    assert "*" in masked


@given(st.text(max_size=40))
def test_any_text_in_a_number_s_place_is_masked_without_a_fault(text):
    masked = mask_number(text)
    assert "*" in masked or not text.strip()


@pytest.mark.parametrize(
    ("name", "masked"), [("王建国", "王**"), ("王", "王*"), ("John Smith", "J*****"), ("欧阳建国", "欧***"), ("", "")]
)
def test_names(name, masked):
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("type_", "value", "masked"),
    [
        ("name", "王建国", "王**"),
        ("digits", "600123456789", "***6789"),
        ("digits", "600519", "***"),
        ("money", "120000.00", "***"),
        ("percent", "128.50", "***"),
        ("integer", "2000", "***"),
        ("text", "信用账户 6001", "***"),
        ("title", "先生", "先生"),
        ("choice", "追保", "追保"),
        ("date", "2026-11-25", "2026-11-25"),
        ("money", "", ""),
    ],
)
def test_values_by_their_type(type_, value, masked):
    assert mask_value(type_, value) == masked


def test_every_type_of_a_slot_is_sorted():
    """A new type of a script's slots is masked or named here as harmless."""
    harmless = {"title", "choice", "date", "full_date", "time", "datetime"}
    assert {type_ for type_ in TYPES if mask_value(type_, "1234567890") == "1234567890"} == harmless


def test_evidence_keeps_its_dates_and_counts_and_loses_long_figures():
    evidence = {
        "why": "13800138000 is on the list",
        "since": "2026-11-25T14:00:00+08:00",
        "seen": [{"calls": 3}, "6001234567"],
    }
    assert scrubbed(evidence) == {
        "why": "138****8000 is on the list",
        "since": "2026-11-25T14:00:00+08:00",
        "seen": [{"calls": 3}, "60****67"],
    }


def test_a_ref_stays_unless_it_is_the_number():
    assert masked_ref("10012345", "+8613800138000") == "10012345"
    assert masked_ref("C13800138000", "+8613800138000") == "C***"
    assert masked_ref("13800138000", "+8613800138000") == "138****8000"
    assert masked_ref("K-1", "text without digits") == "K-1"


def test_who_may_see():
    assert may_see({"operations", "compliance"})
    assert not may_see({"operations", "advisor"})
    assert not may_see(())
