"""What columns mean, and everything that is wrong with a header at once."""

import pytest

from tests.campaign.lists import CONTACT, FLOW, INVITATION, INVITED
from voicebot.campaign.columns import map_columns
from voicebot.campaign.fault import CampaignFault
from voicebot.flow.loading import load


def complaints(header, flow=FLOW):
    with pytest.raises(CampaignFault) as fault:
        map_columns(header, flow)
    first, *lines = str(fault.value).splitlines()
    assert flow.name in first
    return [line.strip() for line in lines]


def test_names():
    columns = map_columns(list(CONTACT), FLOW)
    assert (columns.number, columns.ref, columns.zone) == (0, 1, None)
    assert columns.slots == {name: i for i, name in enumerate(CONTACT) if i > 1}
    assert columns.facts == {}


@pytest.mark.parametrize("number", ["phone", "Mobile", "手机号", " 手机 号 ", "电话", "号码", "手机"])
def test_chinese_names_in_any_order(number):
    header = ["级别", "客户姓名", number, "称谓", "公司简称", "客户号", "合同约定的警戒线", "当前维持担保比例", "时区"]
    columns = map_columns(header, FLOW)
    assert (columns.number, columns.ref, columns.zone) == (2, 5, 8)
    assert columns.slots == {"level": 0, "name": 1, "title": 3, "firm": 4, "line": 6, "ratio": 7}


def test_what_the_gates_ask_for():
    header = [*(name for name in INVITED if name not in ("margin_call", "open_complaint", "as_of", "consent_until"))]
    columns = map_columns([*header, "追保状态", "未结投诉", "数据日期", "同意有效期"], INVITATION)
    at = len(header)
    assert columns.facts == {"margin_call": at, "open_complaint": at + 1, "as_of": at + 2, "consent_until": at + 3}


def test_the_day_of_the_figures_is_a_slot_where_the_script_says_it():
    columns = map_columns([*CONTACT], FLOW)
    assert "as_of" in columns.slots
    assert "as_of" not in columns.facts
    renamed = ["数据日期" if name == "as_of" else name for name in CONTACT]
    assert map_columns(renamed, FLOW).slots == columns.slots


def test_all_that_is_wrong_is_told_at_once():
    header = ["phone", "手机号", "nmae", "title", "ratio", "line", "level", "plan_amount", "颜色"]
    told = complaints(header)
    assert "'手机号': is number, as 'phone' is: keep one".replace("'", "") in told
    assert "nmae: unknown column: did you mean name?" in told
    assert "plan_amount: is no column: the callee says it in the call" in told
    assert "颜色: unknown column: remove it from the list" in told
    assert any(line.startswith("name: missing: name, 客户姓名") for line in told)
    assert any(line.startswith("firm: missing: text, 公司简称") for line in told)
    assert len(told) == 6


def test_no_name_is_proposed_that_another_column_has():
    assert "nam: unknown column: remove it from the list" in complaints([*CONTACT, "nam"])


def test_a_list_without_numbers():
    assert complaints([name for name in CONTACT if name != "number"]) == [
        "number: missing: whom to dial, also called 手机号 or 电话"
    ]


def test_marketing_without_what_its_gates_need():
    told = complaints([name for name in INVITED if name not in ("margin_call", "as_of", "consent")], INVITATION)
    assert [line.split(":")[0] for line in told] == ["consent", "margin_call", "as_of"]


def test_a_label_that_two_slots_share_is_no_name():
    flow = load("risk_assessment_expiry")
    told = complaints(["number", "firm", "name", "title", "status", "过期的日子"], flow)
    assert told == ["过期的日子: may be expires_on or expired_on: write one of these names"]


def test_a_title_that_breaks_lines_breaks_none():
    assert all(line for line in complaints([*CONTACT, "a\nb\x1b[31m" + "x" * 100]))
