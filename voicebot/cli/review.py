"""The command that shows a script to those who approve it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from voicebot.cli.terminal import Wrong, open_settings
from voicebot.flow.loading import find, load
from voicebot.review.mermaid import mermaid
from voicebot.review.page import page
from voicebot.review.sentences import sample
from voicebot.review.svg import svg


class Format(StrEnum):
    """What a script can be shown as."""

    HTML = "html"
    SVG = "svg"
    MERMAID = "mermaid"


def show(
    name: Annotated[str, typer.Argument(help="A script: its name, or its folder.")],
    format_: Annotated[
        Format,
        typer.Option("--format", help="html: the review page, every sentence 审批页; svg, mermaid: the graph 流程图."),
    ] = Format.HTML,
    out: Annotated[Path | None, typer.Option("--out", help="The file to write; printed without it.")] = None,
) -> None:
    """Show a script: its graph, or the page on which compliance reads every sentence the robot may ever say."""
    settings = open_settings("ERROR")
    flow = load(name, flows=settings.flows_dir)
    match format_:
        case Format.SVG:
            told = svg(flow)
        case Format.MERMAID:
            told = mermaid(flow)
        case Format.HTML:
            told = page(flow, sample(find(name, flows=settings.flows_dir)))
    if out is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(told.encode())
        sys.stdout.buffer.flush()
    else:
        _write(out, told, find(name, flows=settings.flows_dir))


def _write(out: Path, text: str, script: Path) -> None:
    """All of it or nothing: whoever reads the file meanwhile sees the old one. Raises `Wrong`."""
    try:
        file = out.resolve()
        if file.is_relative_to(script.resolve()):
            raise Wrong(f"{out}: in the script's folder it would change the script's version: name a file elsewhere")
        if file.exists() and not file.is_file():
            raise Wrong(f"{out}: is no file: name a file in a folder you may write")
        part = file.parent / f".{file.name[:80]}.{os.getpid()}.part"
        try:
            part.write_text(text, encoding="utf-8", newline="\n")
            part.replace(file)
        finally:
            with suppress(OSError):
                part.unlink()
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or str(error)).lower()
        raise Wrong(f"{out}: {why}: name a file in a folder you may write") from None
