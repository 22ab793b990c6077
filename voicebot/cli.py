"""The command line. Each command prints help that suffices; errors are one clear line and a non-zero exit code."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console

from sip.line import SipFault
from sip.uri import parse_target
from tts import wav
from tts.normalise import readable
from tts.voice import Style, VoiceFault
from voicebot import demo as demo_
from voicebot.asr.evaluate import evaluate
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.transcribe import transcribe
from voicebot.calling import Refused, call_once
from voicebot.events import Event
from voicebot.flow.advance import begin
from voicebot.flow.loading import check as check_flow
from voicebot.flow.problems import FlowFault
from voicebot.logs import start_logging
from voicebot.nlu import lexicon
from voicebot.report import SYNTHETIC_EAR, as_json, live_lines, print_result
from voicebot.robot import load_ear, load_flow, make_voice, open_store
from voicebot.settings import Settings, SettingsFault, load_settings
from voicebot.softphone import program
from voicebot.softphone.fault import SoftphoneFault
from voicebot.softphone.persona import load as load_persona
from voicebot.store.fault import StoreFault
from voicebot.store.migration import upgrade
from voicebot.store.records import CallRecord
from voicebot.workers import Pool, WorkerFault

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
asr_app = typer.Typer(no_args_is_help=True, help="Ears: 语音识别.")
tts_app = typer.Typer(no_args_is_help=True, help="The voice: 语音合成.")
nlu_app = typer.Typer(no_args_is_help=True, help="Understanding: 语义理解.")
flow_app = typer.Typer(no_args_is_help=True, help="Scripts: 话术.")
models_app = typer.Typer(no_args_is_help=True, help="Models of our own: 模型.")
db_app = typer.Typer(no_args_is_help=True, help="The database: 数据库.")
bench_app = typer.Typer(no_args_is_help=True, help="Measurements: 测量.")
for name, sub in [
    ("asr", asr_app),
    ("tts", tts_app),
    ("nlu", nlu_app),
    ("flow", flow_app),
    ("models", models_app),
    ("db", db_app),
    ("bench", bench_app),
]:
    app.add_typer(sub, name=name)

out = Console(highlight=False)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]
FlowName = Annotated[str, typer.Option("--flow", help="The script: a folder's name below dialog_flows/.")]
T = TypeVar("T")


class Wrong(Exception):
    """The command cannot be done as asked; one line says why and what to do."""


FAULTS = (
    AsrFault,
    FlowFault,
    Refused,
    SettingsFault,
    SipFault,
    SoftphoneFault,
    StoreFault,
    VoiceFault,
    WorkerFault,
    Wrong,
)


def main() -> NoReturn:
    """Run a command; what is known to go wrong ends in one line, not in a traceback."""
    try:
        app(standalone_mode=True)
    except FAULTS as fault:
        lines = str(fault).splitlines() or [type(fault).__name__]
        print("\n".join([f"voicebot: error: {lines[0]}", *lines[1:]]), file=sys.stderr)  # noqa: T201 - for a person
    except KeyboardInterrupt:
        print("voicebot: interrupted", file=sys.stderr)  # noqa: T201
        sys.exit(130)
    sys.exit(1)


def _settings(log_level: str | None = None) -> Settings:
    settings = load_settings()
    level = log_level or settings.log_level
    start_logging(level)
    return settings.model_copy(update={"log_level": level})


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _print_json(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201 - the command's output


# ---------------------------------------------------------------- calls


@app.command()
def demo(
    flow: FlowName = "margin_call",
    persona: Annotated[
        str, typer.Option("--persona", help="Who answers: a name below personas/ or a YAML file.")
    ] = "cooperative",
    as_json_: Json = False,
) -> None:
    """The main job: the robot calls the simulated softphone over real SIP and follows a script to its end."""
    settings = _settings("ERROR" if as_json_ else "WARNING")
    follow = (lambda _event: None) if as_json_ else _print_live
    if not as_json_:
        out.print(f"[bold]voicebot demo[/] · flow {flow} · persona {persona}")
        out.print(f"[yellow]{SYNTHETIC_EAR}[/]\n", soft_wrap=True)
    record = _run(demo_.run(settings, flow, persona, follow))
    _give(record, settings, as_json_)


@app.command()
def call(
    to: Annotated[str, typer.Option("--to", help="sip:user@host[:port], or a number for the configured trunk.")],
    flow: FlowName = "margin_call",
    slot: Annotated[
        list[str] | None, typer.Option("--slot", help="The contact's data, name=value; once for each slot.")
    ] = None,
    contact: Annotated[str, typer.Option("--contact", help="Your own key of the client, kept in the record.")] = "",
    as_json_: Json = False,
) -> None:
    """Place one call and follow it to its record. Exit code 0 when the call was made, whatever the callee said."""
    settings = _settings("ERROR" if as_json_ else None)
    target = parse_target(to, trunk_host=settings.sip_proxy or settings.sip_registrar)
    script = load_flow(settings, flow)
    slots = _slots(slot or [])
    begin(script, slots, datetime.now(settings.zone))  # wrong data is told before a database or worker is opened

    async def work() -> CallRecord:
        store = open_store(settings)
        pool = Pool(settings, store)
        try:
            await pool.start(1)
            follow = (lambda _event: None) if as_json_ else _print_live
            return await call_once(settings, store, pool, script, target, slots, contact_ref=contact, follow=follow)
        finally:
            await pool.close()
            store.close()

    record = _run(work())
    _give(record, settings, as_json_)


@app.command()
def softphone(
    persona: Annotated[str, typer.Option("--persona", help="A name below personas/ or a YAML file.")] = "cooperative",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="SIP port; 0 takes any free one.")] = 0,
    bind: Annotated[str, typer.Option("--bind", help="The address to answer at.")] = "127.0.0.1",
    calls: Annotated[int, typer.Option("--calls", min=0, help="End after so many calls; 0 goes on.")] = 0,
    save: Annotated[Path | None, typer.Option("--save", help="Stereo WAV: left heard, right said.")] = None,
    as_json_: Json = False,
) -> None:
    """A simulated client: answers by real SIP and plays a persona (模拟软电话)."""
    settings = _settings("ERROR")
    options = program.Options(bind=bind, port=port, calls=calls, save=save, json=as_json_, cache=settings.tts_cache_dir)
    _run(program.run(load_persona(persona, settings.personas_dir), options))


def _give(record: CallRecord, settings: Settings, as_json_: bool) -> None:
    if as_json_:
        _print_json(as_json(record, settings.recordings_dir, settings.zone))
    else:
        print_result(out, record, settings.recordings_dir, settings.zone)
    if record.disposition == "fault":
        raise typer.Exit(1)


def _print_live(event: Event) -> None:
    for line in live_lines(event):
        out.print(line, soft_wrap=True)


def _slots(pairs: list[str]) -> dict[str, str]:
    slots: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Wrong(f"--slot {pair!r}: write name=value, such as --slot name=王建国")
        if name in slots:
            raise Wrong(f"--slot {name} is given twice")
        slots[name] = value
    return slots


# ---------------------------------------------------------------- parts by hand


@asr_app.command("transcribe")
def asr_transcribe(
    file: Annotated[Path, typer.Argument(help="Mono WAV of any rate.")],
    model: Annotated[str | None, typer.Option("--model", help="A model below asr_models/, or its folder.")] = None,
    as_json_: Json = False,
) -> None:
    """Write down what is said in a WAV file."""
    settings = _settings("ERROR")
    ear = load_ear(settings, model)
    finals = transcribe(ear, file)
    if as_json_:
        _print_json(
            {
                "text": "".join(t.text for t in finals),
                "synthetic_ear": ear.info.synthetic,
                "model": ear.info.model,
                "segments": [
                    {
                        "text": t.text,
                        "confidence": round(t.confidence, 3),
                        "words": [
                            {"text": w.text, "start_ms": w.start_ms, "end_ms": w.end_ms, "confidence": w.confidence}
                            for w in t.words
                        ],
                    }
                    for t in finals
                ],
            }
        )
        return
    for transcript in finals:
        out.print(transcript.text)
    if ear.info.synthetic:
        Console(stderr=True).print(f"[yellow]{SYNTHETIC_EAR}[/]", soft_wrap=True)


@asr_app.command("eval")
def asr_eval(
    manifest: Annotated[
        Path, typer.Option("--manifest", help='JSON lines {"audio": …, "text": …}, the WAV files beside it.')
    ],
    model: Annotated[str | None, typer.Option("--model", help="A model below asr_models/, or its folder.")] = None,
    codec: Annotated[str | None, typer.Option("--codec", help="pcma or pcmu: through the telephone first.")] = None,
    as_json_: Json = False,
) -> None:
    """Measure the ear on your own recordings: character error rate, sentences right, real-time factor."""
    settings = _settings("ERROR")
    result = evaluate(load_ear(settings, model), manifest, codec)
    if as_json_:
        _print_json(result)
        return
    out.print(
        f"{result['utterances']} utterances · CER {result['cer']:.2%} · "
        f"sentences right {result['sentence_accuracy']:.2%} · real-time factor {result['rtf']:.3f}"
    )
    for name, values in result["by"].items():
        for value, rates in values.items():
            out.print(f"  {name}={value}: CER {rates['cer']:.2%}, sentences right {rates['sentence_accuracy']:.2%}")


@tts_app.command("say")
def tts_say(
    text: Annotated[str, typer.Argument(help="What to say, in Chinese; figures are read as a script's text would be.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The WAV file to write (8 kHz, mono, 16 bit).")],
    variant: Annotated[str, typer.Option("--variant", help="The engine's speaker, such as f2 or m3.")] = "",
    rate: Annotated[int, typer.Option("--rate", min=80, max=450, help="Words a minute.")] = 185,
) -> None:
    """Speak a text into a WAV file."""
    settings = _settings("ERROR")

    async def work() -> bytes:
        voice = make_voice(settings)
        try:
            return await voice.render(readable(text), Style(variant=variant or settings.tts_variant, rate=rate))
        finally:
            await voice.close()

    pcm = _run(work())
    try:
        wav.write(output, pcm)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Wrong(f"{output}: {why}: name a file in a folder you may write") from None
    out.print(f"{output}: {len(pcm) / 16000:.1f} s")


@nlu_app.command("parse")
def nlu_parse(
    text: Annotated[str, typer.Argument(help="What the callee said.")],
    expecting: Annotated[
        list[str] | None, typer.Option("--expecting", help="An intent that the step waits for; repeatable.")
    ] = None,
    as_json_: Json = False,
) -> None:
    """Show the intents and slots of an utterance."""
    settings = _settings()
    meaning = lexicon.load().understand(text, expecting=expecting or (), now=datetime.now(settings.zone))
    if as_json_:
        _print_json(
            {
                "text": meaning.text,
                "intents": [{"name": i.name, "confidence": round(i.confidence, 3)} for i in meaning.intents],
                "slots": [
                    {"type": s.type, "text": s.text, "value": s.value, "start": s.start, "end": s.end}
                    for s in meaning.slots
                ],
            }
        )
        return
    for intent in meaning.intents:
        out.print(f"{intent.name}  {intent.confidence:.2f}")
    for slot in meaning.slots:
        out.print(f"{slot.type} = {slot.value}  〔{slot.text}〕")


@flow_app.command("check")
def flow_check(
    name: Annotated[str | None, typer.Argument(help="A script; all of them without it.")] = None,
    as_json_: Json = False,
) -> None:
    """Check scripts: every problem with its file, line and mend. Exit code 1 if there is one."""
    settings = _settings()
    names = [name] if name else sorted(p.parent.name for p in settings.flows_dir.glob("*/flow.yaml"))
    problems = [problem for each in names for problem in check_flow(each, flows=settings.flows_dir)]
    errors = [p for p in problems if p.severity == "error"]
    if as_json_:
        rows = [
            {"file": p.file, "line": p.line, "code": p.code, "message": p.message, "fix": p.fix, "severity": p.severity}
            for p in problems
        ]
        _print_json(
            {
                "errors": [r for r in rows if r["severity"] == "error"],
                "warnings": [r for r in rows if r["severity"] != "error"],
            }
        )
    else:
        for p in problems:
            out.print(f"{p.file}:{p.line}: {p.severity}: {p.message}; {p.fix} \\[{p.code}]", soft_wrap=True)
        out.print(f"{len(names)} flows checked, {len(errors)} errors, {len(problems) - len(errors)} warnings")
    if errors:
        raise typer.Exit(1)


# ---------------------------------------------------------------- models, database


@models_app.command("list")
def models_list(as_json_: Json = False) -> None:
    """The recognition models below asr_models/."""
    settings = _settings("ERROR")
    folders = sorted(path for path in settings.asr_models_dir.iterdir() if path.is_dir())
    infos = [load_ear(settings, folder.name).info for folder in folders]
    if as_json_:
        _print_json([{s: getattr(info, s) for s in info.__slots__} for info in infos])
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
    _settings("INFO")
    # Imported here because what it needs (PyTorch and others) is installed for training only.
    from voicebot.asr.training.train import train

    train(output, workdir=workdir, seed=seed, quick=quick, progress=out.print)


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database's tables to this version (SQLite does so by itself when it is opened)."""
    settings = _settings()
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
    settings = _settings("ERROR")
    table = _run(demo_.repeat(settings, persona or None, runs, parallel))
    if as_json_:
        _print_json(table)
        return
    out.print("| persona | expected | as expected | response p50 ms | response p95 ms |\n|---|---|---|---|---|")
    for row in table:
        wrong = ", ".join(f"{k}×{v}" for k, v in row["outcomes"].items() if k != row["expected"])
        told = f"{row['as_expected']}/{row['runs']}" + (f" ({wrong})" if wrong else "")
        out.print(
            f"| {row['persona']} | {row['expected']} | {told} | {row['response_p50_ms']} | {row['response_p95_ms']} |"
        )
