"""Reading a contact list, CSV or XLSX, row by row in constant memory. What kind of file it is its bytes say, not its
name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, Final

from voicebot.campaign.csv_rows import csv_rows, examine, read_csv
from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.rows import CellFault, Row
from voicebot.campaign.xlsx_rows import open_workbook, read_sheet, sheet_of, sheet_rows, total_of

_ZIP: Final = b"PK\x03\x04"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_WIDEST: Final = 500
# Other things that are handed in as lists, by how they begin.
_OTHERS: Final = {b"%PDF": "a PDF", b"\x1f\x8b": "a gzip file", b"Rar!": "a RAR file", b"7z\xbc\xaf": "a 7z file"}


@dataclass(frozen=True, slots=True)
class ContactList:
    """An open list. `header`: the names of its columns; `rows`: all that are not blank, once; `total`: about how many
    the file has, None if it does not say.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    total: int | None


@contextmanager
def open_list(path: Path, sheet: str = "") -> Iterator[ContactList]:
    """Open a list for as long as the context lasts. `sheet`: of a workbook, needed if several hold something. Raises
    `CampaignFault`, here or from `rows`, for a file that is no list, naming the line where there is one.
    """
    shown = str(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
            _check_kind(file, start, shown)
            if start.startswith(_ZIP):
                with closing(open_workbook(file, shown)) as workbook:
                    chosen = sheet_of(workbook, sheet, shown)
                    total = total_of(chosen)
                    with closing(read_sheet(chosen, shown)) as filled:
                        number, cells, faults = next(filled, (0, [], []))
                        header = _header(cells, shown, number, faults)
                        yield _list(header, sheet_rows(filled, len(header)), total, shown)
            else:
                if sheet:
                    raise CampaignFault(f"{shown}: a CSV file has no sheets: leave out --sheet")
                encoded = examine(file, shown)
                with closing(read_csv(file, encoded, shown)) as lines:
                    number, cells = next(lines, (0, []))
                    header = _header(cells, shown, number)
                    yield _list(header, csv_rows(lines, len(header)), encoded.lines, shown)
    except OSError as error:
        raise CampaignFault(f"{shown}: {(error.strerror or str(error)).lower()}") from None


def _check_kind(file: BinaryIO, start: bytes, shown: str) -> None:
    if not start:
        raise CampaignFault(f"{shown}: the file is empty")
    if start == _OLE:
        file.seek(0)
        if _contains(file, "EncryptedPackage".encode("utf-16-le")):
            raise CampaignFault(f"{shown}: the workbook is locked with a password: save it without one")
        raise CampaignFault(f"{shown}: this is an old .xls: save the list as .xlsx or CSV UTF-8")
    for begins, what in _OTHERS.items():
        if start.startswith(begins):
            raise CampaignFault(f"{shown}: this is {what}: save the list as .xlsx or CSV UTF-8")


def _contains(file: BinaryIO, wanted: bytes) -> bool:
    tail = b""
    while block := file.read(1 << 20):
        if wanted in tail + block:
            return True
        tail = block[-len(wanted) :]
    return False


def _header(cells: Sequence[str], shown: str, number: int, faults: Sequence[CellFault] = ()) -> tuple[str, ...]:
    names = [cell.strip() for cell in cells]
    while names and not names[-1]:
        names.pop()
    if not names:
        raise CampaignFault(f"{shown}: there is no list in it, not even a header")
    if len(names) > _WIDEST:
        raise CampaignFault(f"{shown}: {len(names)} columns are more than a list has; is another delimiter meant?")
    if faults:
        raise CampaignFault(f"{shown}: row {number}, the header: {faults[0].why}")
    empty = [str(i) for i, name in enumerate(names, start=1) if not name]
    if empty:
        raise CampaignFault(
            f"{shown}: row {number} must name every column, but column {', '.join(empty)} has no name (merged cells?)"
        )
    if any(re.search(r"[0-9]{5}", name) for name in names):
        raise CampaignFault(f"{shown}: row {number} looks like a contact: the first row must name the columns")
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise CampaignFault(f"{shown}: row {number} names {', '.join(map(repr, twice))} twice: one column a thing")
    return tuple(names)


def _list(header: tuple[str, ...], rows: Iterable[Row], total: int | None, shown: str) -> ContactList:
    given = iter(rows)
    first = next(given, None)
    if first is None:
        raise CampaignFault(f"{shown}: the list has a header and no row below it")
    return ContactList(header, chain([first], given), None if total is None else max(total - 1, 1))
