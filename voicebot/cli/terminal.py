"""What all commands share: the terminal, the settings, the common options."""

from __future__ import annotations

import json
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
