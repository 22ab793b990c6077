"""`voicebot campaign import`: a list of contacts becomes a campaign in draft, with a verdict on every row."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from voicebot.campaign.arrivals import Import, import_list
from voicebot.campaign.plan import Plan, read_plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.verdicts import CHINESE
from voicebot.cli.terminal import FlowName, Json, open_settings, out, print_json
from voicebot.robot import load_flow, open_store


class _Rate(ProgressColumn):
    """Rows a second."""

    def render(self, task: Task) -> Text:
        """How fast it is going at the moment."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f} rows/s" if speed else "", style="progress.data.speed")


_COLUMNS = (
    SpinnerColumn(),
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    _Rate(),
    TimeRemainingColumn(),
)


def import_(
    file: Annotated[
        Path, typer.Argument(help="The list: CSV (UTF-8, GBK, UTF-16) or .xlsx; the first row names columns.")
    ],
    name: Annotated[str, typer.Option("--name", help="What the campaign is called from now on.")],
    flow: FlowName,
    plan: Annotated[
        Path | None, typer.Option("--plan", help="When and how often is called (YAML); the policy's limits without it.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who does it; without it, the name you are logged in with.")] = "",
    sheet: Annotated[str, typer.Option("--sheet", help="Of a workbook in which several sheets hold something.")] = "",
    as_json_: Json = False,
) -> None:
    """Import a list: every row gets its verdict, and what is accepted waits in a draft for approval 导入名单.

    Nothing is dialled. Whatever goes wrong, nothing is half imported. Exit code 1 if no row was accepted.
    """
    settings = open_settings("ERROR")
    script = load_flow(settings, flow)
    terms = read_plan(plan) if plan else Plan()
    policy = read_policy(settings.policy_file)
    errors = Console(stderr=True, highlight=False)
    bar = Progress(*_COLUMNS, console=errors, disable=as_json_ or not errors.is_terminal, transient=True)
    task = bar.add_task(escape(file.name), total=None)
    store = open_store(settings)
    try:
        with bar:
            done = import_list(
                store,
                file,
                script,
                terms,
                policy,
                name,
                by or getpass.getuser(),
                datetime.now(UTC),
                sheet=sheet,
                zone=settings.zone,
                progress=lambda rows, total: bar.update(task, completed=rows, total=total),
            )
    except KeyboardInterrupt:
        errors.print("voicebot: interrupted; nothing was imported", soft_wrap=True)
        raise typer.Exit(130) from None
    finally:
        store.close()
    if as_json_:
        told = {"campaign": done.campaign, "rows": done.rows, "accepted": done.accepted, "refused": dict(done.refused)}
        print_json(told)
    else:
        _print(done, name)
    if not done.accepted:
        raise typer.Exit(1)


def _print(done: Import, name: str) -> None:
    refused = done.rows - done.accepted
    out.print(
        f"[bold]{escape(name)}[/]: {done.rows:,} rows 行, [green]{done.accepted:,} accepted 接受[/],"
        f" {refused:,} refused 拒绝",
        soft_wrap=True,
    )
    if done.refused:
        table = Table(box=box.SIMPLE_HEAD)
        table.add_column("rule 规则")
        table.add_column("rows 行数", justify="right")
        table.add_column("such as 例")
        for rule, rows in done.refused.most_common():
            examples = ", ".join(f"row {row} {number}".strip() for row, number in done.examples[rule])
            table.add_row(escape(f"{rule} {CHINESE.get(rule, '')}"), f"{rows:,}", escape(examples))
        out.print(table)
        out.print(
            f"Each row's verdict and reason: voicebot campaign export {escape(_quoted(name))} --to verdicts.csv",
            soft_wrap=True,
        )
    if done.accepted:
        out.print(f"Next 下一步: voicebot campaign submit {escape(_quoted(name))}", soft_wrap=True)
    else:
        out.print("No row was accepted: mend the list and import it under another name.", soft_wrap=True)


def _quoted(name: str) -> str:
    return f"'{name}'" if " " in name else name
