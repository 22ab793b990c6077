"""意向等级 by the shipped table, and tables that are refused."""

import pytest

from voicebot.flow.dispositions import Disposition
from voicebot.leads.conversation import Conversation, Spoken
from voicebot.leads.grading import GRADES, grade, read_grades, shipped_grades
from voicebot.leads.table import LeadsFault


def call(disposition, *turns, connected=True):
    return Conversation(disposition, connected, tuple(Spoken("话", intents) for intents in turns))


@pytest.mark.parametrize(
    ("expected", "finished"),
    [
        # A: two business questions, or two affirmations, and no refusal
        ("A", call("acknowledged", ("identity_confirm",), ("ask_ratio",), ("ask_deadline",))),
        ("A", call("acknowledged", ("ask_ratio", "ask_line"))),
        ("A", call("will_do", ("affirm",), ("give_plan",))),
        ("A", call("hung_up", ("acknowledged",), ("will_do",))),
        # B: one of either, and at most one refusal
        ("B", call("acknowledged", ("identity_confirm",), ("acknowledged",))),
        ("B", call("refuse", ("ask_fee", "affirm"), ("refuse",))),
        ("B", call("refuse", ("affirm",), ("affirm",), ("refuse",))),
        ("B", call("acknowledged", ())),  # pressed 1 for "I have taken note"
        # C: neutral, or two refusals
        ("C", call("callback", ("busy",), ("callback",))),
        ("C", call("refuse", ("ask_fee",), ("refuse",), ("refuse",))),
        ("C", call("refuse", ("refuse",), ("refuse",))),
        # D: connected otherwise
        ("D", call("refuse", ("refuse",))),
        ("D", call("hung_up")),
        ("D", call("silent")),
        ("D", call("not_understood", ("unknown",), ("unknown",))),
        ("D", call("not_self", ("not_self",), ("affirm",), ("affirm",))),
        ("D", call("wrong_number", ("ask_which",), ("ask_which",))),
        ("D", call("voicemail", ("affirm",), ("affirm",))),
        ("D", call("fault")),
        # E: not connected
        ("E", call("no_answer", connected=False)),
        ("E", call("fault", connected=False)),
        # F: nobody follows up
        ("F", call("do_not_call", ("affirm",), ("ask_ratio",), ("do_not_call",))),
        ("F", call("complaint", ("ask_ratio",), ("ask_line",), ("complaint",))),
    ],
)
def test_the_shipped_table(expected, finished):
    assert grade(finished) == expected


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("disposition", list(Disposition))
def test_every_call_has_a_grade(disposition, connected):
    assert grade(Conversation(disposition, connected)) in "ABCDEF"


def test_a_turn_counts_once_as_an_affirmation():
    assert grade(call("acknowledged", ("affirm", "acknowledged", "will_do"))) == "B"


def test_a_firms_own_table(tmp_path):
    file = tmp_path / "grades.yaml"
    file.write_text(
        "version: 7\nquestions: []\naffirmations: []\nrefusals: [refuse]\nrules:\n  - {grade: C}\n", "utf-8"
    )
    table = read_grades(file)
    assert table.version == 7
    assert grade(call("do_not_call", ("do_not_call",)), table) == "C"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("rules:", "rulez:"), "rules: Field required"),
        (("refusals: [refuse, do_not_call]", "refusals: [refused]"), "refusals: no such intent: refused"),
        (
            ("dispositions: [do_not_call, complaint]", "dispositions: [dnc]"),
            "rules.0.dispositions.0: Input",
        ),
        (("  - {grade: D}\n", ""), "the last rule must be a grade alone"),
        (("{grade: E, connected: false}", "{grade: G}"), "rules.1.grade: Input"),
        (("version: 1", "version: [1"), "grades.yaml:7: "),
    ],
)
def test_a_wrong_table_is_refused_with_its_place(tmp_path, change, said):
    file = tmp_path / "grades.yaml"
    text = GRADES.read_text("utf-8")
    changed = text.replace(*change)
    assert changed != text
    file.write_text(changed, "utf-8")
    with pytest.raises(LeadsFault) as refused:
        read_grades(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.permanent


def test_no_table_no_grades(tmp_path):
    with pytest.raises(LeadsFault, match=r"absent\.yaml: no such file"):
        read_grades(tmp_path / "absent.yaml")


def test_the_shipped_table_is_read_once():
    assert shipped_grades() is shipped_grades()
