"""The verdict on a row: every rule, and that nothing in a cell raises."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.campaign.lists import CONTACT, FLOW, INVITATION, INVITED, NOW
from voicebot.campaign.columns import map_columns
from voicebot.campaign.facts import fact
from voicebot.campaign.rows import CellFault, row_of
from voicebot.campaign.verdicts import CHINESE, Accepted, Refused, judge_row

SHANGHAI = ZoneInfo("Asia/Shanghai")


def judge(contact, flow=FLOW, now=NOW):
    row = row_of(7, list(contact.values()), len(contact))
    return judge_row(row, map_columns(list(contact), flow), flow, now, SHANGHAI)


def test_a_contact_as_it_should_be():
    verdict = judge(CONTACT | {"zone": "Asia/Urumqi"})
    assert verdict == Accepted(
        7,
        "13800138000",
        "K1",
        "+8613800138000",
        ("Asia/Urumqi",),
        {
            "firm": "海川证券", "name": "王建国", "title": "先生", "level": "追保", "ratio": "128.50", "line": "140",
            "shortfall": "120000.00", "deadline": "2026-11-26T15:00", "as_of": "2026-11-23",
        },
        {"as_of": "2026-11-23"},
    )  # fmt: skip


def test_days_as_excel_writes_them_in_china():
    verdict = judge(CONTACT | {"deadline": "2026/11/26 15:00", "as_of": "2026年11月3日"})
    assert isinstance(verdict, Accepted)
    assert (verdict.slots["deadline"], verdict.facts["as_of"]) == ("2026-11-26T15:00", "2026-11-03")


def test_marketing_with_all_it_needs():
    verdict = judge(INVITED, INVITATION)
    assert isinstance(verdict, Accepted)
    facts = {"margin_call": "no", "open_complaint": "no", "as_of": "2026-11-23", "consent_until": "2026-12-31"}
    assert verdict.facts == facts


@pytest.mark.parametrize(
    ("changed", "rule", "told"),
    [
        ({"number": "12345678901234567890"}, "number", "20 digits"),
        ({"number": ""}, "number", "missing"),
        ({"number": "=A1"}, "formula", "values only"),
        ({"ref": "=A1"}, "formula", "values only"),
        ({"ref": "x" * 129}, "ref", "128"),
        ({"zone": "Mars/Base"}, "zone", "no such time zone"),
        ({"ratio": "很低"}, "slots", "ratio"),
        ({"ratio": ""}, "slots", "ratio: missing"),
        ({"ratio": "150"}, "slots", "not below line"),
        ({"deadline": ""}, "slots", "needed when"),
        ({"deadline": "2026-11-23 15:00"}, "slots", "past"),
        ({"name": "稳赚"}, "slots", "稳赚"),
        ({"title": "博士"}, "slots", "title"),
        ({"as_of": "2026-11-25"}, "facts", "ahead"),
    ],
)
def test_rules_of_a_service_call(changed, rule, told):
    verdict = judge(CONTACT | changed)
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule
    assert told in verdict.evidence["why"]
    assert "王建国" not in str(verdict.evidence)
    assert rule in CHINESE


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"client_grade": "C2"}, "suitability"),
        ({"client_grade": ""}, "suitability"),
        ({"product_grade": "R9"}, "suitability"),
        ({"grade_valid_until": "2026-11-23"}, "grade_valid"),
        ({"grade_valid_until": ""}, "grade_valid"),
        ({"consent": ""}, "consent"),
        ({"consent_until": "2026-11-23"}, "consent"),
        ({"client_grade": "", "consent": "", "documents": ""}, "slots"),
        ({"margin_call": "maybe"}, "facts"),
        ({"open_complaint": "?"}, "facts"),
        ({"as_of": "yesterday"}, "facts"),
        ({"consent_until": "31.12.2026"}, "facts"),
    ],
)
def test_rules_of_marketing(changed, rule):
    verdict = judge(INVITED | changed, INVITATION)
    assert isinstance(verdict, Refused)
    assert verdict.rule == rule


def test_the_day_of_the_firm_counts_not_that_of_utc():
    late = NOW.replace(hour=17)  # 01:00 of the 25th in Shanghai
    assert isinstance(judge(INVITED | {"consent_until": "2026-11-24"}, INVITATION), Accepted)
    assert isinstance(judge(INVITED | {"consent_until": "2026-11-24"}, INVITATION, late), Refused)


def test_a_cell_without_a_value_is_told_with_its_column():
    columns = map_columns(list(CONTACT), FLOW)
    row = row_of(7, list(CONTACT.values()), len(CONTACT), [CellFault(3, "cell_error", "the cell shows #N/A")])
    verdict = judge_row(row, columns, FLOW, NOW, SHANGHAI)
    assert (verdict.rule, verdict.evidence) == ("cell_error", {"column": "name", "why": "the cell shows #N/A"})


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("margin_call", "是", "yes"), ("margin_call", "NO", "no"), ("open_complaint", "FALSE", "no"),
        ("open_complaint", "有", "yes"), ("as_of", "2026-11-23", "2026-11-23"),
        ("as_of", "2026/11/24 9:30", "2026-11-24T09:30"), ("consent_until", "2027年1月1日", "2027-01-01"),
    ],
)  # fmt: skip
def test_facts_have_one_form(name, text, value):
    assert fact(name, text, NOW.astimezone(SHANGHAI)) == value


@given(st.data())
def test_no_cell_raises_anything(data):
    contact, flow = data.draw(st.sampled_from([(CONTACT | {"zone": ""}, FLOW), (INVITED, INVITATION)]))
    name = data.draw(st.sampled_from(list(contact)))
    text = data.draw(st.text(max_size=300) | st.text(alphabet="0123456789-/:T.%年月日 +=@", max_size=24))
    row = row_of(2, list((contact | {name: text}).values()), len(contact))
    verdict = judge_row(row, map_columns(list(contact), flow), flow, NOW, SHANGHAI)
    kept = [verdict.given, verdict.ref]
    if isinstance(verdict, Refused):
        assert verdict.rule in CHINESE
        kept += [value for value in verdict.evidence.values() if isinstance(value, str)]
    assert all(value.isprintable() for value in kept)
