"""`voicebot flow schema`: what an editor has to know to help with a script."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from voicebot.flow import schema


def show(
    part: Annotated[bool, typer.Option("--part", help="Of a shared part instead of a flow.yaml.")] = False,
) -> None:
    """Print the JSON Schema of scripts, for editors (docs/flows.md says how to use it)."""
    sys.stdout.write(schema.text(schema.part() if part else schema.script()))
