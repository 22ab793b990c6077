"""What all commands share: the terminal, the settings, the common options."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console

from voicebot.logs import start_logging
from voicebot.settings import Settings, load_settings

out = Console(highlight=False)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
FlowName = Annotated[str, typer.Option("--flow", help="The script: a folder's name below dialog_flows/.")]


class Wrong(Exception):
    """The command cannot be done as asked; one line says why and what to do."""


def open_settings(log_level: str | None = None) -> Settings:
    """Read the settings and start logging; `log_level` outranks the settings' own. Raises `SettingsFault`."""
    settings = load_settings()
    level = log_level or settings.log_level
    start_logging(level)
    return settings.model_copy(update={"log_level": level})


def print_json(value: Any) -> None:
    """One line of JSON on stdout, for programs."""
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201 - the command's output


def given_slots(pairs: Iterable[str]) -> dict[str, str]:
    """The contact's data from `--slot name=value`, once for each slot. Raises `Wrong`."""
    slots: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Wrong(f"--slot {pair!r}: write name=value, such as --slot name=王建国")
        if name in slots:
            raise Wrong(f"--slot {name} is given twice")
        slots[name] = value
    return slots
