"""Tables as files that Excel opens: CSV and XLSX, row by row in constant memory, whole or not there at all."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from voicebot.campaign.fault import CampaignFault

# A cell that begins so may be run by a spreadsheet (OWASP, CSV injection); the wide forms are what IMEs write.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_SHEET_ROWS: Final = 1_048_576
_HEADER: Final = Font(bold=True, color="FFFFFF")
_FILL: Final = PatternFill("solid", fgColor="1F4E79")

Value = str | int | float | datetime | Mapping[str, Any] | None
Cell = str | int | float | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head, and its width in characters."""

    head: str
    width: int = 12


@dataclass(slots=True)
class Sheet:
    """A table: read once, from the first row to the last. `written`: rows so far. Times are shown in `zone`."""

    name: str
    columns: Sequence[Column]
    rows: Iterable[Sequence[Value]]
    zone: ZoneInfo
    written: int = 0

    def cells(self) -> Iterator[list[Cell]]:
        """Every row as a spreadsheet may have it."""
        for row in self.rows:
            self.written += 1
            yield [safe(value, self.zone) for value in row]


def safe(value: Value, zone: ZoneInfo) -> Cell:
    """A value as it may stand in a cell: times as local ones, which is all that spreadsheets know; mappings as JSON;
    text that would be a formula behind an apostrophe, without control characters.
    """
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None, microsecond=0)
    if isinstance(value, Mapping):
        value = json.dumps(dict(value), ensure_ascii=False) if value else ""
    if not isinstance(value, str):
        return value
    text = f"'{value}" if value.startswith(_FORMULA) else value
    return ILLEGAL_CHARACTERS_RE.sub("", text)


def write(file: Path, sheets: Sequence[Sheet]) -> None:
    """Write the file: all sheets of an XLSX, the only one of a CSV. Raises `CampaignFault`."""
    if file.suffix == ".csv":
        _write_csv(file, sheets[0])
    else:
        _write_xlsx(file, sheets)


@contextmanager
def arriving(file: Path) -> Iterator[Path]:
    """A file beside `file` to write into, which takes its place at the end, or is removed if anything goes wrong. Only
    its owner may read it. Raises `CampaignFault`.
    """
    part = file.with_name(f".{file.name}.{os.getpid()}.part{file.suffix}")
    try:
        part.touch(mode=0o600)
        yield part
        part.replace(file)
    except OSError as error:
        raise CampaignFault(f"{file}: cannot be written: {(error.strerror or str(error)).lower()}") from None
    finally:
        part.unlink(missing_ok=True)


def _write_csv(file: Path, sheet: Sheet) -> None:
    # With the byte order mark Excel knows that it is UTF-8.
    with file.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([column.head for column in sheet.columns])
        writer.writerows(sheet.cells())


def _write_xlsx(file: Path, sheets: Sequence[Sheet]) -> None:
    book = Workbook(write_only=True)
    for sheet in sheets:
        page = _page(book, sheet, "")
        for n, row in enumerate(sheet.cells()):
            if n and n % (_SHEET_ROWS - 1) == 0:  # a page of a workbook is full
                page = _page(book, sheet, f" {n // (_SHEET_ROWS - 1) + 1}")
            page.append(row)
    book.save(file)


def _page(book: Workbook, sheet: Sheet, suffix: str) -> Any:
    page = book.create_sheet(sheet.name + suffix)
    page.freeze_panes = "A2"
    for n, column in enumerate(sheet.columns, start=1):
        page.column_dimensions[get_column_letter(n)].width = column.width
    page.append([_head(page, column.head) for column in sheet.columns])
    return page


def _head(page: Any, text: str) -> Any:
    cell = WriteOnlyCell(page, text)
    cell.font, cell.fill = _HEADER, _FILL
    return cell
