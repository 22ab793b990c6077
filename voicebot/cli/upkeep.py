"""Commands for those who run it: models, database, measurements."""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from voicebot import demo
from voicebot.asr.catalogue import find_official, load_catalogue
from voicebot.asr.inventory import inventory
from voicebot.asr.pull import Order, pull
from voicebot.campaign_bench import figures
from voicebot.campaign_bench import run as campaign_bench
from voicebot.cli.terminal import Json, Wrong, open_settings, out, print_json
from voicebot.robot import load_ear, try_model
from voicebot.settings import ROOT
from voicebot.store.migration import upgrade

models_app = typer.Typer(no_args_is_help=True, help="Models of our own: 模型.")
db_app = typer.Typer(no_args_is_help=True, help="The database: 数据库.")
bench_app = typer.Typer(no_args_is_help=True, help="Measurements: 测量.")

_COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    DownloadColumn(),
    TransferSpeedColumn(),
    TimeRemainingColumn(),
)


@models_app.command("list")
def models_list(
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every file and hold it against its digest (seconds a GB).")
    ] = False,
    as_json_: Json = False,
) -> None:
    """The recognition models in asr_models/, and the official ones that `models pull` can fetch."""
    settings = open_settings("ERROR")
    rows = inventory(settings.asr_models_dir, load_catalogue(), contents=verify)
    if as_json_:
        print_json([asdict(row) for row in rows])
        return
    for row in rows:
        told = [
            row.state,
            f"{row.engine} {row.version}".strip(),
            row.language,
            row.licence,
            f"{row.bytes / 1e6:.0f} MB",
        ]
        notes = ["合成语音训练 trained on synthetic speech only"] if row.synthetic else []
        notes += ["unverified archive"] if row.verified is False else []
        told = [row.state, row.fault] if row.fault else [*filter(None, told), *notes]
        mark = {"installed": "green", "damaged": "red", "available": "dim"}[row.state]
        out.print(f"[{mark}]{row.name}[/]  {escape('  '.join(told))}", soft_wrap=True)


@models_app.command("pull")
def models_pull(
    name: Annotated[str, typer.Argument(help="An official model's name; see `voicebot models list`.")],
    url: Annotated[str, typer.Option("--url", help="Fetch the archive here instead of where it is published.")] = "",
    archive: Annotated[
        Path | None, typer.Option("--archive", help="Install from this file instead of the network.")
    ] = None,
    sha256: Annotated[str, typer.Option("--sha256", help="The archive's SHA-256, instead of the known one.")] = "",
    accept_unverified: Annotated[
        bool, typer.Option("--accept-unverified", help="Install an archive whose SHA-256 nobody has confirmed.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the model of that name.")] = False,
    as_json_: Json = False,
) -> None:
    """Fetch an official model, check it and install it in asr_models/; a broken-off download goes on where it stopped.

    VOICEBOT_MODELS_MIRROR names a mirror; proxies are taken from HTTPS_PROXY and HTTP_PROXY.
    """
    settings = open_settings("ERROR")
    if sha256 and not re.fullmatch(r"[0-9a-fA-F]{64}", sha256):
        raise Wrong(f"--sha256 {sha256}: 64 hexadecimal digits are expected, as sha256sum prints them")
    model = find_official(name, load_catalogue())
    order = Order(url, settings.models_mirror, archive, sha256.lower(), accept_unverified, force)
    errors = Console(stderr=True, highlight=False)
    bar = Progress(*_COLUMNS, console=errors, disable=as_json_ or not errors.is_terminal)
    task = bar.add_task(model.name, total=None)

    def progress(here: int, total: int | None) -> None:
        bar.start()
        bar.update(task, completed=here, total=total)

    try:
        done = pull(model, settings.asr_models_dir, order, progress, try_model)
    except KeyboardInterrupt:
        bar.stop()
        errors.print("voicebot: interrupted; what has come is kept, the same command goes on with it", soft_wrap=True)
        raise typer.Exit(130) from None
    finally:
        bar.stop()
    receipt = done.manifest.archive
    if receipt is not None and not receipt.verified:
        warning = f"warning: nobody has confirmed this archive; its SHA-256 is {receipt.sha256}, noted in the manifest"
        errors.print(f"[yellow]{warning}[/]", soft_wrap=True)
    if as_json_:
        seen = receipt.model_dump() if receipt else None
        print_json({"name": name, "folder": str(done.directory), "fresh": done.fresh, "archive": seen})
        return
    state = "is installed" if done.fresh else "is installed already; --force replaces it"
    out.print(f"{name} {state}; VOICEBOT_ASR_MODEL={name} uses it (licence: {model.licence})", soft_wrap=True)


@models_app.command("train-asr")
def models_train_asr(
    output: Annotated[Path, typer.Option("--out", help="The model's folder; replaced as a whole when it is done.")],
    workdir: Annotated[
        Path, typer.Option("--workdir", help="Where 2 GB of intermediate files go; a stopped run goes on from there.")
    ],
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same model.")] = 1,
    quick: Annotated[bool, typer.Option("--quick", help="A poor model in minutes, to try the steps.")] = False,
    start_from: Annotated[
        str | None,
        typer.Option("--start-from", help="Train on from this model of ours: a name below asr_models/, or its folder."),
    ] = None,
    speech: Annotated[
        Path | None,
        typer.Option("--speech", help='Mix in your own recordings: a folder with manifest.jsonl ({"audio", "text"}).'),
    ] = None,
) -> None:
    """Train the embedded recogniser (needs `make setup-train`; hours on two cores)."""
    settings = open_settings("INFO")
    # Imported here because what it needs (PyTorch and others) is installed for training only.
    from voicebot.asr.training.train import train

    train(
        output,
        workdir=workdir,
        seed=seed,
        quick=quick,
        progress=lambda line: out.print(escape(line), soft_wrap=True),
        start_from=_model_folder(settings.asr_models_dir, start_from) if start_from else None,
        speech=speech,
    )


def _model_folder(models: Path, name: str) -> Path:
    return models / name if (models / name).is_dir() else Path(name)


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


@bench_app.command("asr")
def bench_asr(
    model: Annotated[str | None, typer.Option("--model", help="A model below asr_models/, or its folder.")] = None,
    workdir: Annotated[Path, typer.Option("--workdir", help="Where the test speech is kept for the next time.")] = ROOT
    / "var"
    / "bench-asr",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Sentences of each set; a set has 76 to 479.")] = 150,
    human: Annotated[
        Path | None, typer.Option("--human", help="A manifest of people's recordings, as `asr eval` takes it.")
    ] = None,
    as_json_: Json = False,
) -> None:
    """The goals of the embedded ear beside what is measured on voices, sentences and noises that never trained it.

    Needs `make setup-train` (for words and noises; not PyTorch). Some ten minutes.
    """
    settings = open_settings("ERROR")
    # Imported here because what it needs is installed for training only.
    from voicebot.asr.training.train import check_bench_tools

    check_bench_tools()
    from voicebot.asr.training.bench import measure_goals

    folder = settings.asr_models_dir / (model or settings.asr_model)
    errors = Console(stderr=True, highlight=False)
    result = measure_goals(load_ear(settings, str(folder)), folder, workdir, limit=limit, human=human, say=errors.print)
    if as_json_:
        print_json(result)
        return
    out.print("| goal | at most | measured | |\n|---|---|---|---|")
    for row in result["goals"]:
        measured = "—" if row["measured"] is None else f"{row['measured']:.3g}"
        out.print(f"| {row['what']} | {row['goal']:g} | {measured} | {'✓' if row['met'] else '✗'} |")
    out.print("\n| confidence | words | right |\n|---|---|---|")
    for row in result["reliability"]:
        out.print(f"| {row['confidence']:.2f} | {row['words']} | {row['right']:.2f} |")


@bench_app.command("campaign")
def bench_campaign(
    contacts: Annotated[
        str, typer.Option("--contacts", help="Sizes of the lists, the smallest first: ratios are to it.")
    ] = "1000,10000,100000,1000000",
    attempts: Annotated[int, typer.Option("--attempts", min=100, max=100_000, help="Calls of each host.")] = 400,
    database: Annotated[
        str,
        typer.Option("--database", help="sqlite, or the URL of a PostgreSQL database whose user may create others."),
    ] = campaign_bench.SQLITE,
    as_json_: Json = False,
) -> None:
    """What lists cost, from the import to an attempt of the dispatcher. Nobody is called: calls are records only.

    Some ten minutes, nearly all for the million. Everything lies in a temporary folder (TMPDIR) and is removed.
    """
    settings = open_settings("ERROR")
    sizes = _sizes(contacts)
    errors = Console(stderr=True, highlight=False)
    errors.print(f"needs {campaign_bench.disk_needed(sizes) / 1e9:.1f} GB of disk for a while", soft_wrap=True)
    measured = campaign_bench.run(settings, sizes, attempts, database, lambda what: errors.print(what, soft_wrap=True))
    if as_json_:
        print_json(figures.as_json(database.partition(":")[0], measured))
        return
    out.print(figures.tables(measured), soft_wrap=True)


def _sizes(written: str) -> list[int]:
    try:
        sizes = [int(part.replace("_", "")) for part in written.split(",")]
    except ValueError:
        sizes = []
    if not sizes or not all(1000 <= size <= 100_000_000 for size in sizes):
        raise Wrong(f"--contacts {written}: write sizes from 1000 on, such as 1000,100000")
    return sizes
