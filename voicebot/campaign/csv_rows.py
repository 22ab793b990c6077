"""A list as CSV: its encoding and delimiter are found out, since no file says them.

The whole file is read once before the first row is given: so a file that cannot be right is refused before anything of
it is used, and the number of its lines is known.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from voicebot.campaign.fault import CampaignFault
from voicebot.campaign.rows import Row, row_of

# Bytes; no line of a contact list is as long, so whoever has one has no list (or no line ends) and is told so.
_LONGEST_LINE: Final = 1 << 20
_DELIMITERS: Final = (",", ";", "\t")
_ADVICE: Final = "save the list as CSV UTF-8, or as .xlsx"
# Chinese characters and punctuation begin here. In UTF-8 a Chinese text has hardly a character between ASCII and this;
# GBK bytes that pass for UTF-8 by chance have hardly any beyond.
_CHINESE: Final = "\u2e80"


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a first reading found. `name`: Python's name of the encoding, its byte order mark left out; `lines`: how
    many there are.
    """

    name: str
    lines: int


def examine(file: BinaryIO, shown: str) -> Encoded:
    """Read a text file through: UTF-8 or UTF-16 by its mark, else UTF-8 or GB18030 (GBK is part of it) by what its
    lines are valid in. Raises `CampaignFault` naming the line, or both lines of two encodings in one file.
    """
    file.seek(0)
    start = file.read(4)
    file.seek(0)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Encoded("utf-16", _lines_of_utf16(file, shown))
    marked = start.startswith(codecs.BOM_UTF8)
    first_utf8 = first_gb = number = 0
    for number, line in enumerate(iter(lambda: file.readline(_LONGEST_LINE), b""), start=1):
        if len(line) == _LONGEST_LINE:
            raise CampaignFault(f"{shown}: line {number} is longer than a megabyte: this is no list; {_ADVICE}")
        if line.isascii():
            if b"\0" in line:
                raise CampaignFault(f"{shown}: line {number} is no text; {_ADVICE}")
            continue
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            if marked:
                raise CampaignFault(
                    f"{shown}: line {number} is not UTF-8, which the file begins as; {_ADVICE}"
                ) from None
            _check_gb(line, number, first_utf8, shown)
            first_gb = first_gb or number
        else:
            first_utf8 = first_utf8 or (number if _surely_utf8(text) else 0)
        if first_utf8 and first_gb:
            raise CampaignFault(
                f"{shown}: two encodings in one file: line {first_utf8} is UTF-8, line {first_gb} is GBK; {_ADVICE}"
            )
    if marked:
        return Encoded("utf-8-sig", number)
    return Encoded("gb18030" if first_gb else "utf-8", number)


def _surely_utf8(text: str) -> bool:
    chinese = sum(c >= _CHINESE for c in text)
    return chinese > sum("\x7f" < c < _CHINESE for c in text)


def _check_gb(line: bytes, number: int, first_utf8: int, shown: str) -> None:
    try:
        line.decode("gb18030")
    except UnicodeDecodeError:
        which = "UTF-8, as the lines before it are" if first_utf8 else "UTF-8 or GBK"
        raise CampaignFault(f"{shown}: line {number} cannot be read as {which}; {_ADVICE}") from None


def _lines_of_utf16(file: BinaryIO, shown: str) -> int:
    text = io.TextIOWrapper(file, "utf-16", errors="replace", newline="")
    number = 0
    try:
        for number, line in enumerate(iter(lambda: text.readline(_LONGEST_LINE), ""), start=1):
            if "\ufffd" in line or len(line) == _LONGEST_LINE:
                raise CampaignFault(f"{shown}: line {number} cannot be read as UTF-16; {_ADVICE}")
    finally:
        text.detach()
    return number


def read_csv(file: BinaryIO, encoded: Encoded, shown: str) -> Generator[tuple[int, list[str]], None, None]:
    """The records of a file: the line each begins at, and its cells. Blank lines are left out. Raises `CampaignFault`
    where quotes do not match.
    """
    file.seek(0)
    text = io.TextIOWrapper(file, encoded.name, newline="")
    try:
        # Strict: a quote that is never closed would otherwise swallow the contacts after it.
        reader = csv.reader(text, delimiter=_delimiter(text), strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                why = str(error).removesuffix(" (131072)")
                raise CampaignFault(
                    f"{shown}: line {line}: {why}: look for a quotation mark without its pair"
                ) from None
            if any(cells):
                yield line, cells
    finally:
        text.detach()


def _delimiter(text: io.TextIOWrapper) -> str:
    """Of the first line that holds anything; the reader begins at the start again."""
    head = next((line for line in _some(text) if line.strip()), "")
    text.seek(0)
    outside = "".join(head.split('"')[::2])
    return max(_DELIMITERS, key=outside.count)


def _some(text: Iterable[str]) -> Iterator[str]:
    for _, line in zip(range(100), text, strict=False):
        yield line


def csv_rows(records: Iterable[tuple[int, list[str]]], width: int) -> Iterator[Row]:
    """Records as rows `width` columns wide."""
    for number, cells in records:
        if (row := row_of(number, cells, width)) is not None:
            yield row
