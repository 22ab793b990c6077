"""A campaign as a file: what is in it, who may see what, and nothing half-written."""

import csv
import subprocess
import sys
import zipfile
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import openpyxl
import pytest
from sqlalchemy import insert

from tests.campaign.seeing import (
    NAME,
    NOW,
    START,
    ZONE,
    Call,
    campaign,
    contact,
    gate,
    log_of,
    number,
    person,
    refused_row,
)
from voicebot.campaign import sheets
from voicebot.campaign.export import Wanted, What, export
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.sheets import Column, Sheet, safe, write
from voicebot.store.campaign_tables import contacts

SHANGHAI = ZoneInfo(ZONE)
FULL = "13912345678901"


@pytest.fixture
def filled(store):
    campaign(store)
    contact(store, 2, Call("busy", ago=90), Call("acknowledged", ago=60, talk_s=20, disclosures=("warning",)))
    contact(store, 3, Call("busy", ago=9), state="waiting", due_in=30)
    refused_row(store, 4, "number", f"{NAME} {FULL}", why=f"{FULL} is no number")
    late = contact(store, 5, state="refused", rule="do_not_call", evidence={"since": "2026-11-20"})
    gate(store, late, "gap", until=NOW, last="2026-11-25T12:00:00+08:00")
    gate(store, late, "do_not_call", stage="dial", since="2026-11-20")
    person(store, "ops", "operations")
    person(store, "cy", "compliance")
    return store


def wanted(to, **changed):
    return Wanted(to, changed.pop("who", "ops"), SHANGHAI, **changed)


def rows_of(file):
    assert file.read_bytes().startswith(b"\xef\xbb\xbf")
    with file.open(encoding="utf-8-sig", newline="") as opened:
        return list(csv.DictReader(opened))


def column(row, word):
    (found,) = [value for head, value in row.items() if head.split(" (")[0].endswith(word)]
    return found


def test_a_row_for_every_contact(filled, tmp_path):
    file = tmp_path / "c.csv"
    assert export(filled, "c1", wanted(file), NOW) == {"contacts": 4}
    done, waiting, bad, late = rows_of(file)
    assert column(done, "row") == "2"
    assert column(done, "number") == "138****8002"
    assert column(done, "outcome name") == "已告知确认"
    assert column(done, "last call") == "2026-11-25 13:00:00"
    assert (column(done, "calls"), column(done, "talk s"), column(done, "next due")) == ("2", "20.0", "")
    assert column(waiting, "next due") == "2026-11-25 14:30:00"
    assert column(bad, "rule name") == "号码无效"
    assert (column(late, "rule"), column(late, "evidence")) == ("do_not_call", '{"since": "2026-11-20"}')
    assert column(late, "last call") == ""


def test_a_row_for_every_attempt(filled, tmp_path):
    file = tmp_path / "a.csv"
    export(filled, "c1", wanted(file, what=What.ATTEMPTS), NOW)
    first, second, third = rows_of(file)
    assert [column(row, "n") for row in (first, second, third)] == ["1", "2", "1"]
    assert (column(first, "outcome"), column(first, "answered"), column(first, "SIP")) == ("busy", "", "486")
    assert (column(second, "talk s"), column(second, "kind"), column(second, "host")) == ("20.0", "retry", "host-1")


def test_a_row_for_every_refusal_those_at_the_import_first(filled, tmp_path):
    file = tmp_path / "r.csv"
    export(filled, "c1", wanted(file, what=What.REFUSALS), NOW)
    seen = [(column(row, "row"), column(row, "stage"), column(row, "rule")) for row in rows_of(file)]
    assert seen == [("4", "import", "number"), ("5", "enqueue", "gap"), ("5", "dial", "do_not_call")]


def test_a_workbook_has_all_three_with_heads_that_stay(filled, tmp_path):
    file = tmp_path / "c.xlsx"
    assert export(filled, "c1", wanted(file), NOW) == {"contacts": 4, "attempts": 3, "refusals": 3}
    book = openpyxl.load_workbook(file)
    assert book.sheetnames == ["contacts", "attempts", "refusals"]
    page = book["contacts"]
    assert page.freeze_panes == "A2"
    assert page["A1"].font.bold
    assert page["C1"].value == "号码 number"
    assert page.column_dimensions["C"].width == 18
    assert page.max_row == 5
    times = [cell.value for cell in page[2] if isinstance(cell.value, datetime)]
    assert times == [datetime(2026, 11, 25, 13, 0)]


def everything(file):
    """All bytes of a file, those of its packed parts too."""
    data = file.read_bytes()
    if file.suffix == ".xlsx":
        with zipfile.ZipFile(file) as packed:
            data += b"".join(packed.read(name) for name in packed.namelist())
    return data


@pytest.mark.parametrize("what", [*What, None])
@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_masked_export_holds_no_clear_number_and_no_name(filled, tmp_path, what, suffix):
    file = tmp_path / f"c{suffix}"
    export(filled, "c1", wanted(file, what=what), NOW)
    data = everything(file)
    for secret in (*(number(row)[-8:] for row in (2, 3, 5)), FULL, FULL[3:-4], NAME, "120000.00"):
        assert secret.encode() not in data, secret


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_unmasked_it_holds_them_for_whoever_may_see(filled, tmp_path, suffix):
    file = tmp_path / f"c{suffix}"
    export(filled, "c1", wanted(file, who="cy", unmasked=True), NOW)
    data = everything(file)
    for known in (number(2)[3:], FULL, NAME, "120000.00"):
        assert known.encode() in data


@pytest.mark.parametrize("who", ["ops", "nobody"])
def test_who_may_not_see_gets_no_file(filled, tmp_path, who):
    file = tmp_path / "c.csv"
    with pytest.raises(CampaignFault, match="supervisor"):
        export(filled, "c1", wanted(file, who=who, unmasked=True), NOW)
    assert list(tmp_path.glob("*.csv")) + list(tmp_path.glob(".*.part*")) == []
    assert len(log_of(filled)) == 1


def test_every_export_is_noted(filled, tmp_path):
    export(filled, "c1", wanted(tmp_path / "a.csv"), NOW)
    export(filled, "c1", wanted(tmp_path / "b.csv", who="cy", unmasked=True), NOW)
    first, second = log_of(filled)[1:]
    assert (first["who"], first["change"], first["data"]["masked"]) == ("ops", "exported", True)
    assert (second["who"], second["data"]["masked"], second["data"]["rows"]) == ("cy", False, {"contacts": 4})


def test_a_broken_export_leaves_the_old_file_and_no_other(filled, tmp_path, monkeypatch):
    file = tmp_path / "c.csv"
    file.write_text("old")

    def fails(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("voicebot.campaign.export.write", fails)
    with pytest.raises(CampaignFault, match="no space left"):
        export(filled, "c1", wanted(file), NOW)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("name", "told"), [("c.pdf", "csv or .xlsx"), ("c", "csv or .xlsx"), ("none/c.csv", "no such file or directory")]
)
def test_a_file_that_cannot_be(filled, tmp_path, name, told):
    with pytest.raises(CampaignFault, match=told):
        export(filled, "c1", wanted(tmp_path / name), NOW)


def test_only_its_owner_may_read_it(filled, tmp_path):
    for name in ("c.csv", "c.xlsx"):
        export(filled, "c1", wanted(tmp_path / name), NOW)
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"])
def test_no_cell_is_a_formula(text, tmp_path):
    cell = safe(text, SHANGHAI)
    assert cell[0] == "'"
    file = tmp_path / "f.xlsx"
    write(file, [Sheet("s", [Column("a")], [[text]], SHANGHAI)])
    assert openpyxl.load_workbook(file)["s"]["A2"].data_type == "s"


def test_other_values_stay_what_they_are():
    assert safe(-1, SHANGHAI) == -1
    assert safe(None, SHANGHAI) is None
    assert safe({}, SHANGHAI) == ""
    assert safe({"why": "王"}, SHANGHAI) == '{"why": "王"}'
    assert safe("a\x07b", SHANGHAI) == "ab"
    assert safe(START, SHANGHAI) == datetime(2026, 11, 25, 10, 0)


def test_what_is_too_long_for_a_sheet_goes_on_in_another(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets, "_SHEET_ROWS", 3)
    file = tmp_path / "long.xlsx"
    write(file, [Sheet("s", [Column("a")], [[n] for n in range(5)], SHANGHAI)])
    book = openpyxl.load_workbook(file)
    assert [[row[0].value for row in page.rows] for page in book] == [["a", 0, 1], ["a", 2, 3], ["a", 4]]


_MEASURE = """
import resource, sys
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo
from voicebot.campaign.export import Wanted, export
from voicebot.store.store import Store
store = Store.open(sys.argv[1])
for name in sys.argv[3:]:
    export(store, name, Wanted(Path(sys.argv[2]), "ops", ZoneInfo("Asia/Shanghai")), datetime.now(UTC))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_memory_does_not_grow_with_the_rows(store, database_url, tmp_path):
    """50,000 rows after 2,000, in MB of one process: a row kept would cost far more."""
    row = {
        "ref": "client", "zone": ZONE, "slots": {"name": NAME, "text": "x" * 200}, "facts": {}, "state": "waiting",
        "rule": "", "evidence": {}, "attempts": 0, "dials": 0, "due_at": NOW + timedelta(days=1), "wish_call_id": "",
        "outcome": "", "settled_at": None,
    }  # fmt: skip
    for name, rows in (("few", 2_000), ("many", 50_000)):
        campaign(store, name)
        numbers = ({"row": n, "number": f"+86{name}{n}", "given": "1", "campaign_id": name} for n in range(rows))
        with store.writing() as connection:
            connection.execute(insert(contacts), [row | number for number in numbers])
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, database_url, str(tmp_path / "m.csv"), "few", "many"],
        capture_output=True,
        text=True,
        check=True,
    )
    few, many = map(int, done.stdout.split())
    assert len(rows_of(tmp_path / "m.csv")) == 50_000
    assert many - few < 25
