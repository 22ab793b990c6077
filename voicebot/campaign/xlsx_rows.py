"""A list as a workbook (.xlsx), read by openpyxl without holding it. Its table of shared strings is the exception: rows
refer to it, so it is held, and has a bound.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO, Final, TypeVar

from openpyxl import load_workbook
from openpyxl.workbook import Workbook

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.rows import CELL_ERROR, DIGITS_LOST, FORMULA, CellFault, Row, row_of

_MAX_ROWS: Final = 1_048_576  # of a sheet, says Excel
# Bytes unpacked: a million rows of 20 columns are some 1.5 GB of XML, a million names 50 MB of shared strings. What is
# held in memory is bounded strictly; what is streamed must not be packed tighter than lists are (20 to 60 times).
_STREAMED_MAX: Final = 8 << 30
_HELD_MAX: Final = 256 << 20
_TIGHTEST: Final = 250
_SMALL: Final = 16 << 20
_CHUNK: Final = 500
_DIGITS: Final = 15  # decimal digits that Excel keeps of a number
_SHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml")
_QUOTED: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')

_T = TypeVar("_T")


def open_workbook(file: BinaryIO, shown: str) -> Workbook:
    """Open a workbook for streaming; the caller closes it. Raises `CampaignFault` for what is none, or would unpack to
    more than a list ever is.
    """
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    # The last is how `zipfile` refuses an archive of a kind it does not read (a multi-disk one, a newer version).
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CampaignFault(f"{shown}: a damaged workbook ({error}): save it again as .xlsx or CSV UTF-8") from None
    names = {part.filename for part in parts}
    if "xl/workbook.xml" not in names:
        kind = "an .ods" if "content.xml" in names else "an .xlsb" if "xl/workbook.bin" in names else "a zip file"
        raise CampaignFault(f"{shown}: this is {kind}, no .xlsx: save the list as .xlsx or CSV UTF-8")
    for part in parts:
        most = _STREAMED_MAX if _SHEET.fullmatch(part.filename) else _HELD_MAX
        tight = part.file_size > _SMALL and part.file_size > _TIGHTEST * part.compress_size
        if part.file_size > most or tight:
            raise CampaignFault(
                f"{shown}: {part.filename} would unpack to {part.file_size >> 20} MB, which no list does: save the list"
                " as CSV UTF-8"
            )
    file.seek(0)
    return _guarded(lambda: load_workbook(file, read_only=True, keep_links=False), shown)


def _guarded(work: Callable[[], _T], shown: str) -> _T:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and extensions, which no list needs
            return work()
    except CampaignFault:
        raise
    except Exception as error:  # a broken part makes openpyxl stumble over anything
        why = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise CampaignFault(f"{shown}: a damaged workbook ({why}): save it again as .xlsx or CSV UTF-8") from None


def sheet_of(workbook: Workbook, name: str, shown: str) -> Any:
    """The sheet with the list: the one named, or the only one with anything in it. Raises `CampaignFault`."""
    sheets = {sheet.title: sheet for sheet in workbook.worksheets}
    if name:
        if name not in sheets:
            raise CampaignFault(f"{shown}: there is no sheet {name!r}; there are: {', '.join(sheets) or 'none'}")
        chosen = sheets[name]
    else:
        filled = [s for s in sheets.values() if s.sheet_state == "visible" and _holds_something(s, shown)]
        if len(filled) > 1:
            there = ", ".join(sheet.title for sheet in filled)
            raise CampaignFault(f"{shown}: several sheets hold something ({there}): name the list's with --sheet")
        if not filled:
            raise CampaignFault(f"{shown}: no sheet holds anything: there is no list in it")
        chosen = filled[0]
    return chosen


def _holds_something(sheet: Any, shown: str) -> bool:
    rows = sheet.iter_rows(max_row=100, values_only=True)
    return _guarded(lambda: any(value is not None for row in rows for value in row), shown)


def read_sheet(sheet: Any, shown: str) -> Generator[tuple[int, list[str], list[CellFault]], None, None]:
    """Rows that hold anything: number, cells as text, and cells that have none. Raises `CampaignFault`."""
    # Some programs write a size that is too small, by which openpyxl would cut the list.
    sheet.reset_dimensions()
    rows = enumerate(sheet.iter_rows(max_row=_MAX_ROWS), start=1)
    while chunk := _guarded(lambda: [(n, *_texts(cells)) for n, cells in islice(rows, _CHUNK)], shown):
        for number, cells, faults in chunk:
            if faults or any(cells):
                yield number, cells, faults


def _texts(cells: Sequence[Any]) -> tuple[list[str], list[CellFault]]:
    texts: list[str] = []
    faults: list[CellFault] = []
    for column, cell in enumerate(cells):
        text, rule, why = "", "", ""
        value = cell.value
        if value is None:
            pass
        elif cell.data_type == "f":
            rule, why = FORMULA, "a formula is no value: paste the list as values only"
        elif cell.data_type == "e":
            rule, why = CELL_ERROR, f"the cell shows {value}"
        elif isinstance(value, str):
            text = value
        else:
            try:
                text = text_of(value, cell.number_format or "")
            except ValueError as error:
                rule, why = DIGITS_LOST, str(error)
        texts.append(text)
        if rule:
            faults.append(CellFault(column, rule, why))
    return texts, faults


def text_of(value: Any, number_format: str) -> str:
    """A cell's value as a person would type it: "13800138000", "12.5", "128.5%" where the cell shows per cent, ISO 8601
    for days and times (seconds only where there are any). Raises `ValueError` for a number whose digits are lost.
    """
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return _number(value, number_format)
        case datetime():
            whole = (value + timedelta(milliseconds=500)).replace(microsecond=0)
            shown = _QUOTED.sub("", number_format).lower()
            if whole.time() == time(0) and not {"h", "s"} & set(shown):
                return whole.date().isoformat()
            return whole.isoformat("T", "seconds" if whole.second else "minutes")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat("seconds" if value.second else "minutes")
        case _:  # a duration
            return str(value)


def _number(value: float, number_format: str) -> str:
    if abs(value) >= 10**_DIGITS:  # also infinite ones
        raise ValueError(f"Excel keeps {_DIGITS} digits of a number: give the column the format Text and fill it anew")
    # What is beyond 15 digits is noise of binary fractions (0.1 + 0.2), which Excel does not show either.
    exact = Decimal(format(value, f".{_DIGITS}g"))
    percent = "%" in _QUOTED.sub("", number_format)
    shown = format(exact * 100 if percent else exact, "f")
    if "." in shown:
        shown = shown.rstrip("0").rstrip(".")
    return f"{shown}%" if percent else shown


def sheet_rows(records: Iterable[tuple[int, list[str], list[CellFault]]], width: int) -> Iterator[Row]:
    """Records as rows `width` columns wide."""
    for number, cells, faults in records:
        if (row := row_of(number, cells, width, faults)) is not None:
            yield row


def total_of(sheet: Any) -> int | None:
    """How many rows the file says it has, for a progress bar; None if it does not say."""
    with suppress(AttributeError, TypeError):
        return int(sheet.max_row)
    return None
