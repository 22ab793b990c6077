"""`voicebot tts studio`: what of a script a speaker must record, and what is there."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.table import Table

from tts.normalise import spoken
from voicebot.cli.terminal import Json, Wrong, open_settings, out, print_json
from voicebot.flow import recorded
from voicebot.flow.advance import begin
from voicebot.flow.loading import draft
from voicebot.flow.model import Flow, Reference
from voicebot.flow.problems import FlowFault
from voicebot.flow.recorded import Found, Standing
from voicebot.flow.rules.wording import SYLLABLES_PER_S
from voicebot.flow.sample import sample_slots

_COLUMNS = ("file", "words", "before", "after", "state", "rate_hz", "seconds", "characters", "prompt")
_WRITTEN = ("name", "title", "text")  # a person reads these as they are written
_NEARBY = 12  # characters of context in the table; JSON and CSV have all of it
_MARKS = {Standing.READY: "green", Standing.MISSING: "dim", Standing.NEW: "yellow"}


def tts_studio(
    flow: Annotated[str, typer.Argument(help="The script: a folder's name below dialog_flows/.")],
    accept: Annotated[
        bool, typer.Option("--accept", help="You listened: every new recording in audio/ says its words. Noted there.")
    ] = False,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="Write the list for the speaker there (opens in Excel).")
    ] = None,
    as_json_: Json = False,
) -> None:
    """List what a speaker must record for a script, piece by piece, and what is there. Exit code 1 if a recording that
    is there cannot be used.
    """
    settings = open_settings("ERROR")
    folder, script = draft(flow, flows=settings.flows_dir)
    name = f"{settings.flows_dir.name}/{folder.resolve().name}/{recorded.FOLDER}"
    accepted: list[str] = []
    if accept:
        survey, accepted = recorded.accept(folder, script.prompts, name=name)
    else:
        survey = recorded.survey(folder, script.prompts, name=name)
    context = _context(folder, script)
    rows = [_row(found, context) for found in survey.found]
    total = _sums(survey.found)
    if csv_file is not None:
        _write_csv(csv_file, rows)
    errors = [p for p in survey.problems if p.severity == "error"]
    if as_json_:
        problems = [
            {"file": p.file, "line": p.line, "code": p.code, "message": p.message, "fix": p.fix, "severity": p.severity}
            for p in survey.problems
        ]
        print_json({"pieces": rows, "summary": total, "accepted": accepted, "problems": problems})
    else:
        if csv_file is None and not accept:
            _show(survey.found, rows)
        for file in accepted:
            out.print(f"{file}: accepted", soft_wrap=True)
        for p in survey.problems:
            text = f"{p.file}:{p.line}: {p.severity}: {p.message}; {p.fix} [{p.code}]"
            out.print(escape(text), soft_wrap=True)
        if csv_file is not None:
            out.print(f"{csv_file}: {len(rows)} pieces", soft_wrap=True)
        out.print(_told(total), soft_wrap=True)
    if errors:
        raise typer.Exit(1)


def _told(total: dict[str, Any]) -> str:
    return (
        f"{total['pieces']} pieces, {total['characters']} characters, about {total['minutes']:.1f} min of speech · "
        f"ready {total['ready_pieces']} · missing {total['missing_pieces']} "
        f"({total['missing_characters']} characters) · to be mended or accepted {total['other_pieces']}"
    )


def _row(found: Found, context: Callable[[Iterable[str | Reference]], str]) -> dict[str, Any]:
    piece, take = found.piece, found.take
    return {
        "file": piece.file,
        "words": piece.text,
        "before": context(piece.before),
        "after": context(piece.after),
        "state": str(found.standing),
        "rate_hz": take.rate if take else None,
        "seconds": round(take.seconds, 2) if take else None,
        "characters": _characters(piece.text),
        "prompt": piece.prompt,
    }


def _sums(found: tuple[Found, ...]) -> dict[str, Any]:
    characters = {f.piece.file: _characters(f.piece.text) for f in found}
    missing = [f.piece.file for f in found if f.standing is Standing.MISSING]
    ready = sum(f.standing is Standing.READY for f in found)
    return {
        "pieces": len(found),
        "characters": sum(characters.values()),
        "minutes": round(sum(characters.values()) / SYLLABLES_PER_S / 60, 1),
        "ready_pieces": ready,
        "missing_pieces": len(missing),
        "missing_characters": sum(characters[file] for file in missing),
        "other_pieces": len(found) - len(missing) - ready,
    }


def _show(found: tuple[Found, ...], rows: list[dict[str, Any]]) -> None:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("file", overflow="fold")
    table.add_column("say 「」", overflow="fold")
    table.add_column("there", no_wrap=True)
    table.add_column("Hz", justify="right", no_wrap=True)
    table.add_column("s", justify="right", no_wrap=True)
    for f, row in zip(found, rows, strict=True):
        before, after = row["before"], row["after"]
        before = "…" + before[-_NEARBY:] if len(before) > _NEARBY else before
        after = after[:_NEARBY] + "…" if len(after) > _NEARBY else after
        words = f"[dim]{escape(before)}[/]「[bold]{escape(row['words'])}[/]」[dim]{escape(after)}[/]"
        state = f"[{_MARKS.get(f.standing, 'red')}]{row['state']}[/]"
        seconds = f"{row['seconds']:.1f}" if row["seconds"] is not None else ""
        table.add_row(row["file"], words, state, str(row["rate_hz"] or ""), seconds)
    out.print(table)


def _context(folder: Path, flow: Flow) -> Callable[[Iterable[str | Reference]], str]:
    """Writes the words around a piece, with the sample contact's values as they are heard; `{slot}` without one."""
    now = datetime.now()
    try:
        known = begin(flow, sample_slots(folder, now), now).slots
    except FlowFault:
        known = {}

    def written(parts: Iterable[str | Reference]) -> str:
        return "".join(part if isinstance(part, str) else value(part.slot) for part in parts)

    def value(slot: str) -> str:
        if slot not in known:
            return f"{{{slot}}}"
        value = flow.value(slot, known[slot])
        return value.written if value.type in _WRITTEN else spoken(value.type, value.value)

    return written


def _characters(text: str) -> int:
    return sum(map(str.isalnum, text))


def _write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    try:
        path.write_bytes(text.getvalue().encode("utf-8-sig"))  # the mark tells Excel that it is UTF-8
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Wrong(f"{path}: {why}: name a file in a folder you may write") from None
