"""Reading lists: encodings, delimiters, what cells mean, and one clear line for what is no list."""

import zipfile
from datetime import date, datetime, time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from tests.campaign.lists import CONTACT, as_csv, write_xlsx
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.reading import open_list
from voicebot.campaign.xlsx_rows import text_of


def read(file, sheet=""):
    with open_list(file, sheet) as found:
        return found.header, list(found.rows)


def cells(file):
    return [row.cells for row in read(file)[1]]


def faults(file):
    return [(row.number, fault.column, fault.rule) for row in read(file)[1] for fault in row.faults]


@pytest.fixture
def csv_file(tmp_path):
    def write(content, name="list.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


# ---------------------------------------------------------------- CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-be"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_list_is_the_same_in_every_encoding(csv_file, encoding, delimiter):
    content = as_csv([CONTACT], encoding, delimiter)
    header, rows = read(csv_file(b"\xfe\xff" + content if encoding == "utf-16-be" else content))
    assert header == tuple(CONTACT)
    assert [row.cells for row in rows] == [tuple(CONTACT.values())]
    assert rows[0].number == 2


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_line_ends_of_every_system(csv_file, ending):
    assert cells(csv_file(ending.join(["number,name", "13800138000,王"]))) == [("13800138000", "王")]


def test_rows_have_the_number_of_their_line(csv_file):
    file = csv_file('number,name\n\n13800138000,"王\n建国"\n , \n13800138001,李\n')
    with open_list(file) as found:
        assert [row.number for row in found.rows] == [3, 6]
        assert found.total == 5


def test_two_encodings_in_one_file_are_told_with_both_lines(csv_file):
    lines = [b"number,name", "1,王建国".encode(), b"2,", "3,李明，先生".encode("gbk"), b""]
    with pytest.raises(CampaignFault, match="line 2 is UTF-8, line 4 is GBK"):
        read(csv_file(b"\n".join(lines)))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"number,name\n1,\xff\xff\xff\n", "line 2"),
        ("number,name\n1,王\n".encode("utf-8-sig") + "2,李明\n".encode("gbk"), "line 3 is not UTF-8"),
        ("number\n1\n".encode("utf-16") + b"\x00\xd8", "line 3 cannot be read as UTF-16"),
        (b"number\n1\x002\n", "line 2 is no text"),
        (b"number\n" + b"1" * 2_000_000, "line 2 is longer than a megabyte"),
        (b'number,name\n1,"a\n2,b\n', "line 2: unexpected end of data: look for a quotation mark"),
        (b'number,name\n1,"a"b\n', "line 2: ',' expected"),
        (b"", "the file is empty"),
        (b"\n \n", "not even a header"),
        (b"number,name\n", "a header and no row"),
        (b"number,name\n\n , \n", "a header and no row"),
        (b"number,,name\n1,2,3\n", "column 2 has no name"),
        (b"number,name,number\n1,2,3\n", "'number' twice"),
        (b"13800138000,x\n13800138001,y\n", "looks like a contact"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "an old .xls"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"PK\x03\x04 not really", "a damaged workbook"),
        (b"\x1f\x8b\x08\x00", "a gzip file"),
    ],
)
def test_what_is_no_list_is_told_in_one_line(csv_file, content, told):
    with pytest.raises(CampaignFault) as refused:
        read(csv_file(content))
    assert told in str(refused.value)
    assert "list.csv" in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_that_is_not_there_and_a_folder(tmp_path):
    with pytest.raises(CampaignFault, match="no such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(CampaignFault, match="is a directory"):
        read(tmp_path)


def test_a_sheet_of_a_csv(csv_file):
    with pytest.raises(CampaignFault, match="has no sheets"):
        read(csv_file(b"number\n1\n"), "名单")


@pytest.mark.parametrize(
    ("cell", "rule"),
    [("=1+1", "formula"), ("@SUM(A1)", "formula"), ("-cmd|' /C calc'!A0", "formula"), ("+cmd", "formula"),
     ("＝HYPERLINK(1)", "formula"), (" =1", "formula"),
     ("+8613800138000", ""), ("-5", ""), ("-.5", ""), ("-", ""), ("a=b", ""), ("王@公司", "")],
)  # fmt: skip
def test_a_formula_is_no_value(csv_file, cell, rule):
    found = faults(csv_file(f"number,name\n1,{cell}\n"))
    assert found == ([(2, 1, rule)] if rule else [])


def test_rows_of_other_widths(csv_file):
    file = csv_file("number,name\n1\n2,b,,\n3,c,d\n")
    assert cells(file) == [("1", ""), ("2", "b"), ("3", "c")]
    assert faults(file) == [(4, 2, "row_too_long")]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_list_or_one_clear_line(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("any") / "list.csv"
    file.write_bytes(content)
    try:
        header, rows = read(file)
    except CampaignFault as fault:
        assert len(str(fault).splitlines()) == 1
    else:
        assert all(len(row.cells) == len(header) for row in rows)


# ---------------------------------------------------------------- XLSX


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        (13800138000, "General", "13800138000"),
        (13800138000.0, "General", "13800138000"),
        (12.5, "General", "12.5"),
        (0.1 + 0.2, "General", "0.3"),
        (1e-7, "General", "0.0000001"),
        (-3, "0", "-3"),
        (1.285, "0.00%", "128.5%"),
        (0.5, "0%", "50%"),
        (0.1285, '0.0000"%"', "0.1285"),
        (True, "General", "TRUE"),
        (datetime(2026, 11, 26), "yyyy/m/d", "2026-11-26"),
        (datetime(2026, 11, 26), "yyyy/m/d h:mm", "2026-11-26T00:00"),
        (datetime(2026, 11, 26, 15), 'yyyy"年"m"月"d"日" h:mm', "2026-11-26T15:00"),
        (datetime(2026, 11, 26, 14, 59, 59, 999_600), "yyyy/m/d h:mm", "2026-11-26T15:00"),
        (datetime(2026, 11, 26, 15, 0, 30), "yyyy/m/d h:mm:ss", "2026-11-26T15:00:30"),
        (date(2026, 11, 26), "yyyy/m/d", "2026-11-26"),
        (time(9, 30), "h:mm", "09:30"),
    ],
)
def test_a_cell_as_a_person_would_type_it(value, shape, text):
    assert text_of(value, shape) == text


@pytest.mark.parametrize("value", [10**15, 12345678901234567890, 1.5e20, float("inf")])
def test_digits_that_excel_does_not_keep(value):
    with pytest.raises(ValueError, match="15 digits"):
        text_of(value, "General")


def test_a_workbook(tmp_path):
    rows = [
        ["手机号", "比例", "期限", "称谓"],
        [13800138000, (1.285, "0.00%"), (datetime(2026, 11, 26, 15), "yyyy-mm-dd hh:mm"), "先生"],
        [None, None, None, None],
        ["13800138001", 128.5, "2026-11-26", None],
    ]
    header, found = read(write_xlsx(tmp_path / "list.xlsx", rows))
    assert header == ("手机号", "比例", "期限", "称谓")
    assert [(row.number, row.cells) for row in found] == [
        (2, ("13800138000", "128.5%", "2026-11-26T15:00", "先生")),
        (4, ("13800138001", "128.5", "2026-11-26", "")),
    ]


def test_cells_without_a_value_are_told(tmp_path):
    rows = [["number", "name"], ["=A1", "a"], [1, "#N/A"], [10**16, "c"], [2, "d", "e"], ["3", "'=x"]]
    assert faults(write_xlsx(tmp_path / "list.xlsx", rows)) == [
        (2, 0, "formula"), (3, 1, "cell_error"), (4, 0, "digits_lost"), (5, 2, "row_too_long"),
    ]  # fmt: skip


def test_which_sheet(tmp_path):
    book = Workbook()
    book.active.append(["number"])
    book.active.append([1])
    book.create_sheet("empty")
    hidden = book.create_sheet("hidden")
    hidden.append(["x"])
    hidden.sheet_state = "hidden"
    file = tmp_path / "list.xlsx"
    book.save(file)
    assert cells(file) == [("1",)]
    book.create_sheet("second").append(["phone"])
    book["second"].append([2])
    book.save(file)
    with pytest.raises(CampaignFault, match=r"several sheets hold something \(Sheet, second\)"):
        read(file)
    assert [row.cells for row in read(file, "second")[1]] == [("2",)]
    with pytest.raises(CampaignFault, match="there is no sheet 'third'; there are: Sheet, empty, hidden, second"):
        read(file, "third")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([[None]], "no sheet holds anything"),
        ([["number", "name"]], "a header and no row"),
        ([["number", None, "name"], [1, 2, 3]], "column 2 has no name"),
        ([["number", "=A1"], [1, 2]], "the header: a formula"),
    ],
)
def test_a_workbook_without_a_list(tmp_path, rows, told):
    with pytest.raises(CampaignFault, match=told):
        read(write_xlsx(tmp_path / "list.xlsx", rows))


def test_a_size_that_is_too_small_cuts_nothing(tmp_path):
    """As some programs write it: <dimension ref="A1"/>."""
    whole = write_xlsx(tmp_path / "whole.xlsx", [["number", "name"], [1, "a"], [2, "b"]])
    file = tmp_path / "list.xlsx"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(file, "w") as copy:
        for name in source.namelist():
            content = source.read(name)
            copy.writestr(name, content.replace(b'<dimension ref="A1:B3"', b'<dimension ref="A1"'))
    assert cells(file) == [("1", "a"), ("2", "b")]


@pytest.mark.parametrize(
    ("part", "content", "told"),
    [
        ("xl/worksheets/sheet1.xml", b" " * (40 << 20), "would unpack to 40 MB"),
        ("xl/worksheets/sheet1.xml", b"<worksheet><sheetData><row r='x'>", "a damaged workbook"),
        ("xl/workbook.xml", b"<", "a damaged workbook"),
    ],
)
def test_a_bomb_or_a_broken_part(tmp_path, part, content, told):
    whole = write_xlsx(tmp_path / "whole.xlsx", [["number"], [1]])
    file = tmp_path / "list.xlsx"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as copy:
        for name in source.namelist():
            copy.writestr(name, content if name == part else source.read(name))
    with pytest.raises(CampaignFault, match=told):
        read(file)


@pytest.mark.parametrize(
    ("inside", "told"), [("content.xml", "an .ods"), ("xl/workbook.bin", "an .xlsb"), ("a", "a zip")]
)
def test_other_archives(tmp_path, inside, told):
    file = tmp_path / "list.xlsx"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(inside, "x")
    with pytest.raises(CampaignFault, match=told):
        read(file)
