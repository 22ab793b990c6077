"""Commands about people and their roles."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape

from voicebot.campaign import people
from voicebot.campaign.people import Person
from voicebot.cli.terminal import Json, open_settings, out, print_json
from voicebot.robot import open_store

people_app = typer.Typer(no_args_is_help=True, help="People and their roles 人员与权限.")
_Name = Annotated[str, typer.Argument(help="As it stands in logs, and after --by.")]


@people_app.command("add")
def add(
    name: _Name,
    role: Annotated[list[str], typer.Option("--role", help=f"One of {', '.join(people.ROLES)}; repeatable.")],
) -> None:
    """Add somebody. One who is there already has exactly these roles from now on."""
    with closing(open_store(open_settings("ERROR"))) as store:
        _print(people.add(store, name, role))


@people_app.command("list")
def list_(as_json_: Json = False) -> None:
    """Everybody and their roles."""
    with closing(open_store(open_settings("ERROR"))) as store:
        everybody = people.everybody(store)
    if as_json_:
        print_json([asdict(person) | {"created_at": person.created_at.isoformat()} for person in everybody])
        return
    for person in everybody:
        _print(person)
    if not everybody:
        out.print("nobody yet: `voicebot people add NAME --role operations`")


@people_app.command("remove")
def remove(name: _Name) -> None:
    """Let somebody do nothing more. The name stays in logs; `add` lets him back in."""
    with closing(open_store(open_settings("ERROR"))) as store:
        _print(people.remove(store, name))


def _print(person: Person) -> None:
    roles = ", ".join(f"{role} {people.ROLES[role]}" for role in person.roles)
    gone = "" if person.active else "  [red]removed 已停用[/]"
    out.print(f"{escape(person.name)}  {roles}{gone}", soft_wrap=True)
