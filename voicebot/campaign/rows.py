"""Rows of a contact list, whatever file they come from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# Rules that a cell breaks by itself, before anybody asks what it means.
FORMULA: Final = "formula"
CELL_ERROR: Final = "cell_error"
DIGITS_LOST: Final = "digits_lost"
ROW_TOO_LONG: Final = "row_too_long"

# What a spreadsheet takes for a formula when the list, or an export of it, is opened (CWE-1236): "=", "@", and a sign
# before anything but a number, such as "-cmd|' /C calc'!A0".
_FORMULA: Final = re.compile(r"[=@]|[+-][^0-9.\s(]")
_FORMULA_STARTS: Final = frozenset("=@+-＝＠＋－")


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell without a usable value. `column` counts from 0 and may lie beyond the header; `rule`: one of this
    module's; `why`: what to do about it.
    """

    column: int
    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """`number`: the line or row a person sees in the file, from 1 (a quoted cell may span lines: then its first);
    `cells`: one for each column of the header, without spaces around; `faults`: cells that hold no value ("" there).
    """

    number: int
    cells: tuple[str, ...]
    faults: tuple[CellFault, ...] = ()


def row_of(number: int, cells: Sequence[str], width: int, faults: Sequence[CellFault] = ()) -> Row | None:
    """A row as wide as the header: what is short is filled, what is over is a fault; None for a blank one."""
    stripped = [cell.strip() for cell in cells]
    if not any(stripped) and not faults:
        return None
    found = list(faults)
    for column, cell in enumerate(stripped):
        if column >= width and cell:
            found.append(CellFault(column, ROW_TOO_LONG, f"there are {width} columns and more cells in this row"))
            break
        if cell and cell[0] in _FORMULA_STARTS and _FORMULA.match(unicodedata.normalize("NFKC", cell)):
            stripped[column] = ""
            found.append(CellFault(column, FORMULA, "a formula is no value: paste the list as values only"))
    stripped += [""] * (width - len(stripped))
    return Row(number, tuple(stripped[:width]), tuple(found))
