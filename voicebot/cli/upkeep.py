"""Commands for those who run it: models, database, measurements."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from voicebot import demo
from voicebot.cli.terminal import Json, open_settings, out, print_json
from voicebot.robot import load_ear
from voicebot.store.migration import upgrade

models_app = typer.Typer(no_args_is_help=True, help="Models of our own: 模型.")
db_app = typer.Typer(no_args_is_help=True, help="The database: 数据库.")
bench_app = typer.Typer(no_args_is_help=True, help="Measurements: 测量.")


@models_app.command("list")
def models_list(as_json_: Json = False) -> None:
    """The recognition models below asr_models/."""
    settings = open_settings("ERROR")
    folders = sorted(path for path in settings.asr_models_dir.iterdir() if path.is_dir())
    infos = [load_ear(settings, folder.name, "auto").info for folder in folders]
    if as_json_:
        print_json([{s: getattr(info, s) for s in info.__slots__} for info in infos])
        return
    for info in infos:
        note = "合成语音训练 trained on synthetic speech only" if info.synthetic else ""
        out.print(f"{info.model}  {info.engine} {info.version}  {info.licence}  {note}")


@models_app.command("train-asr")
def models_train_asr(
    output: Annotated[Path, typer.Option("--out", help="The model's folder; replaced as a whole when it is done.")],
    workdir: Annotated[
        Path, typer.Option("--workdir", help="Where 2 GB of intermediate files go; a stopped run goes on from there.")
    ],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same model.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="A poor model in minutes, to try the steps.")] = False,
) -> None:
    """Train the embedded recogniser from nothing (needs `make setup-train`; hours on two cores)."""
    open_settings("INFO")
    # Imported here because what it needs (PyTorch and others) is installed for training only.
    from voicebot.asr.training.train import train

    train(output, workdir=workdir, seed=seed, quick=quick, progress=out.print)


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database's tables to this version (SQLite does so by itself when it is opened)."""
    settings = open_settings()
    upgrade(settings.database_url)
    out.print("database is up to date")


@bench_app.command("personas")
def bench_personas(
    runs: Annotated[int, typer.Option("--runs", min=1, max=100)] = 10,
    persona: Annotated[
        list[str] | None, typer.Option("--persona", help="Only these; repeatable. All shipped ones without it.")
    ] = None,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=4, help="Calls at once.")] = 2,
    as_json_: Json = False,
) -> None:
    """Call each persona several times over real SIP: how often the outcome is the expected one, and how fast."""
    settings = open_settings("ERROR")
    table = asyncio.run(demo.repeat(settings, persona or None, runs, parallel))
    if as_json_:
        print_json(table)
        return
    out.print("| persona | expected | as expected | response p50 ms | response p95 ms |\n|---|---|---|---|---|")
    for row in table:
        wrong = ", ".join(f"{k}×{v}" for k, v in row["outcomes"].items() if k != row["expected"])
        told = f"{row['as_expected']}/{row['runs']}" + (f" ({wrong})" if wrong else "")
        out.print(
            f"| {row['persona']} | {row['expected']} | {told} | {row['response_p50_ms']} | {row['response_p95_ms']} |"
        )
