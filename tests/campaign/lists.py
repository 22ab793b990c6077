"""Contact lists for tests, as files. Everybody in them is made up."""

import csv
import io
from datetime import UTC, datetime

from openpyxl import Workbook

from voicebot.flow.loading import load

NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)  # Tuesday, 11:00 in Shanghai
FLOW = load("margin_call")
INVITATION = load("product_invitation")
CONTACT = {
    "number": "13800138000",
    "ref": "K1",
    "firm": "海川证券",
    "name": "王建国",
    "title": "先生",
    "level": "追保",
    "ratio": "128.5",
    "line": "140",
    "shortfall": "120000",
    "deadline": "2026-11-26 15:00",
    "as_of": "2026-11-23",
}
INVITED = {
    "number": "13800138000",
    "firm": "海川证券",
    "name": "周文静",
    "title": "女士",
    "client_grade": "C4",
    "grade_valid_until": "2027-01-01",
    "consent": "2026年第1号",
    "product": "海川均衡成长混合基金",
    "product_kind": "混合型基金",
    "product_grade": "R3",
    "documents": "交易软件的产品详情页",
    "margin_call": "no",
    "open_complaint": "否",
    "as_of": "2026-11-23",
    "consent_until": "2026-12-31",
}


def people(count, **changed):
    """So many contacts with numbers of their own."""
    return [CONTACT | {"number": f"138001{i:05}", "ref": f"K{i}"} | changed for i in range(count)]


def as_csv(contacts, encoding="utf-8", delimiter=","):
    text = io.StringIO()
    writer = csv.DictWriter(text, list(contacts[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows(contacts)
    return text.getvalue().encode(encoding)


def write_csv(file, contacts, **how):
    file.write_bytes(as_csv(contacts, **how))
    return file


def write_xlsx(file, rows, title="名单"):
    """Rows of values; the first is the header. A (value, number format) pair sets both."""
    book = Workbook()
    sheet = book.active
    sheet.title = title
    for r, row in enumerate(rows, start=1):
        for c, value in enumerate(row, start=1):
            cell = sheet.cell(r, c)
            if isinstance(value, tuple):
                cell.value, cell.number_format = value
            else:
                cell.value = value
    book.save(file)
    book.close()
    return file
