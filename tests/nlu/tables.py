"""The hand-written tables: what callees say and what it means, and sentences that mean nothing."""

from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
CRITICAL = frozenset({"do_not_call", "complaint", "not_self", "wrong_number", "acknowledged"})


class Row(NamedTuple):
    """One line of the table: the intents it must have, those it may have, and what the script expects."""

    text: str
    must: frozenset[str]
    may: frozenset[str]
    expecting: tuple[str, ...]

    def is_met(self, got: set[str]) -> bool:
        return self.must <= got <= (self.may if self.must else self.may | {"unknown"})


def read_utterances() -> dict[str, list[Row]]:
    """Section title → rows."""
    sections: dict[str, list[Row]] = {}
    rows: list[Row] = []
    for line in (HERE / "utterances.tsv").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            rows = sections.setdefault(line.strip("# "), [])
        elif line:
            text, wanted, *expecting = line.split("\t")
            must = frozenset(name for name in wanted.split() if not name.startswith("~"))
            may = frozenset(name.removeprefix("~") for name in wanted.split())
            rows.append(Row(text, must, may, tuple(" ".join(expecting).split())))
    return {title: rows for title, rows in sections.items() if rows}


def read_off_topic() -> list[str]:
    lines = (HERE / "off_topic.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


SECTIONS = read_utterances()
TABLE = [row for rows in SECTIONS.values() for row in rows]
OFF_TOPIC = read_off_topic()
