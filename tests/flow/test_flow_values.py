"""Values by type: the canonical form, what is refused, and the written form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.flow.values import TYPES, canonical, written


@pytest.mark.parametrize(
    ("type_", "text", "value", "shown"),
    [
        ("money", "120000", "120000.00", "12万元"),
        ("money", "0.01", "0.01", "0.01元"),
        ("money", "123456.78", "123456.78", "123456.78元"),
        ("money", "125500", "125500.00", "12.55万元"),
        ("money", "999999999999.99", "999999999999.99", "999999999999.99元"),
        ("money", "300000000", "300000000.00", "3亿元"),
        ("money", "100", "100.00", "100元"),
        ("percent", "128.5", "128.50", "128.50%"),
        ("percent", "140%", "140", "140%"),
        ("date", "2028-02-29", "2028-02-29", "2月29日"),
        ("full_date", "2031-02-05", "2031-02-05", "2031年2月5日"),
        ("time", "09:05", "09:05", "09:05"),
        ("datetime", "2026-11-25 15:00", "2026-11-25T15:00", "11月25日15:00"),
        ("digits", "000001", "000001", "000001"),
        ("integer", "-012", "-12", "-12"),
        ("name", "阿卜杜拉·买买提", "阿卜杜拉·买买提", "阿卜杜拉·买买提"),
        ("name", "𠮷田", "𠮷田", "𠮷田"),
        ("title", " 女士 ", "女士", "女士"),
        ("text", "海川证券（北京）", "海川证券（北京）", "海川证券（北京）"),
    ],
)
def test_a_value_has_one_form(type_, text, value, shown):
    assert canonical(type_, text) == value
    assert canonical(type_, value) == value
    assert written(type_, value) == shown


@pytest.mark.parametrize(
    ("type_", "text"),
    [
        ("money", "0"), ("money", "0.00"), ("money", "-1"), ("money", "1.005"), ("money", "1e5"), ("money", "１２"),
        ("money", "1000000000000"), ("money", "12万"), ("money", "nan"), ("money", "1,2"),
        ("percent", "-1"), ("percent", "128.5%%"), ("percent", "一百"),
        ("date", "2026-02-29"), ("date", "2026-13-01"), ("date", "1999-12-31"), ("date", "20261125"),
        ("date", "٢٠٢٦-11-25"),
        ("time", "24:00"), ("time", "9:00"), ("datetime", "2026-11-25"), ("datetime", "2026-11-25T15:00:00"),
        ("digits", "6005-19"), ("digits", "²"),
        ("digits", "1" * 21), ("integer", "1.0"),
        ("name", "王 建国"), ("name", "王3"), ("name", "·王"), ("name", "王" * 21), ("name", "保本王"),
        ("name", "<王>"),
        ("title", "大人"), ("text", "x" * 61), ("text", "a\nb"), ("text", "<speak>"), ("text", "{name}"),
        ("text", "稳 赚"), ("text", "零\u200b风险"), ("text", "a\u202eb"), ("text", ""),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_refused(type_, text):
    with pytest.raises(ValueError, match=r"wanted|forbidden"):
        canonical(type_, text)


@given(st.sampled_from(sorted(TYPES)), st.text(max_size=80))
def test_any_text_is_a_value_or_refused(type_, text):
    try:
        value = canonical(type_, text)
    except ValueError:
        return
    assert canonical(type_, value) == value
    assert written(type_, value)
