"""Commands for those who write scripts: check, chat, test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tts.voice import Style
from voicebot.call.hot_words import hot_words
from voicebot.callee_voice import CalleeVoice, other_style
from voicebot.cli.flow_chat import HINT, Desk, Tape
from voicebot.cli.terminal import Json, Wrong, given_slots, open_settings, out, print_json
from voicebot.flow import loading
from voicebot.flow.cases import CASES
from voicebot.flow.chat import Chat
from voicebot.flow.document import shown
from voicebot.flow.junit import junit
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.replay import CaseResult, FlowResult, replay, tryable
from voicebot.flow.sample import SAMPLE
from voicebot.flow.sample import contact as read_contact
from voicebot.nlu import lexicon
from voicebot.nlu.understanding import Understander
from voicebot.report import SYNTHETIC_EAR
from voicebot.robot import load_ear, load_flow, make_voice
from voicebot.settings import Settings
from voicebot.trial import try_over_sip

flow_app = typer.Typer(no_args_is_help=True, help="Scripts: 话术.")

# ---------------------------------------------------------------- check


@flow_app.command("check")
def flow_check(
    name: Annotated[
        str | None, typer.Argument(help="A script, its folder, or a folder of scripts; all shipped ones without it.")
    ] = None,
    as_json_: Json = False,
) -> None:
    """Check scripts: every problem with its file, line and mend, and the steps and branches that no case tries. Exit
    code 1 if there is an error.
    """
    settings = open_settings()
    folders = _scripts(name, settings.flows_dir)
    understander = lexicon.load()
    problems = [problem for each in folders for problem in _problems(each, settings.flows_dir, understander)]
    errors = [p for p in problems if p.severity == "error"]
    if as_json_:
        rows: dict[str, list[dict[str, Any]]] = {"errors": [], "warnings": []}
        for p in problems:
            row = {"file": p.file, "line": p.line, "code": p.code, "message": p.message, "fix": p.fix}
            rows["errors" if p.severity == "error" else "warnings"].append(row)
        print_json(rows)
    else:
        for p in problems:
            out.print(
                f"{escape(p.file)}:{p.line}: {p.severity}: {escape(f'{p.message}; {p.fix} [{p.code}]')}", soft_wrap=True
            )
        out.print(f"{len(folders)} flows checked, {len(errors)} errors, {len(problems) - len(errors)} warnings")
    if errors:
        raise typer.Exit(1)


def _scripts(name: str | None, flows: Path) -> list[str | Path]:
    """The scripts that an argument means: a name, a folder, or a folder of several."""
    folder = flows if name is None else Path(name)
    is_script = name is not None and ((flows / name / loading.SCRIPT).is_file() or (folder / loading.SCRIPT).is_file())
    if not is_script and folder.is_dir():
        several: list[str | Path] = [folder / each for each in loading.names(flows=folder)]
        if not several:
            raise Wrong(f"{folder}: no scripts in it: a script is a folder with a {loading.SCRIPT}")
        return several
    return [name] if name is not None else []


def _problems(name: str | Path, flows: Path, understander: Understander) -> Iterator[Problem]:
    found = loading.check(name, flows=flows)
    yield from found
    if any(problem.severity == "error" for problem in found):
        return
    cases = loading.find(name, flows=flows) / CASES
    if not cases.is_file():
        message = f"no {CASES} beside it: nobody has tried the script"
        fix = "write down conversations that it must pass (docs/flows.md)"
        yield Problem(shown(cases.with_name(loading.SCRIPT)), 1, "no_cases", message, fix, "warning")
        return
    try:
        tried = replay(name, understander, flows=flows)
    except FlowError as error:
        yield from error.problems
        return
    # Shared parts are tried by the scripts that came with them; `flow test` counts their places for each script.
    yield from sorted(problem for problem in tried.coverage.problems(tried.doc) if problem.file == tried.doc.file)


# ---------------------------------------------------------------- chat


@flow_app.command("chat")
def flow_chat(
    name: Annotated[str, typer.Argument(help="A script by name or folder.")],
    slot: Annotated[
        list[str] | None, typer.Option("--slot", help="A value of the contact, name=value; over the sample's.")
    ] = None,
    contact: Annotated[
        Path | None, typer.Option("--contact", help="A YAML or JSON file `slot: value`, instead of sample.yaml.")
    ] = None,
    voice: Annotated[
        bool, typer.Option("--voice", help="Speak what is typed and let the ear hear it (VOICEBOT_ASR_MODEL).")
    ] = False,
    play: Annotated[bool, typer.Option("--play", help="With --voice: play both sides.")] = False,
    save: Annotated[Path | None, typer.Option("--save", help="With --voice: keep both sides as WAV in here.")] = None,
) -> None:
    """Try a script in the terminal: you type what the callee says. Nobody is called."""
    if (play or save is not None) and not voice:
        raise Wrong("--play and --save go with --voice")
    settings = open_settings("ERROR")
    flow = load_flow(settings, name)
    now = datetime.now(settings.zone)
    file = contact or loading.find(name, flows=settings.flows_dir) / SAMPLE
    given = given_slots(slot or [])
    slots = {**(read_contact(file, now) if contact or file.is_file() else {}), **given}
    understander = lexicon.load()
    chat = Chat.open(flow, slots, understander, now)
    out.print(f"[bold]{escape(flow.script.title)}[/] {flow.name} · {flow.version[:12]}", soft_wrap=True)
    if flow.script.off:
        out.print(f"[yellow]已停用，仅供试用 switched off, tried all the same: {escape(flow.script.off)}[/]")
    whose = "" if contact else "样例联系人 the sample contact: "
    changed = "".join(f" {key}={value}" for key, value in given.items())
    out.print(f"[dim]{escape(f'{whose}{shown(file)}{changed}')}[/]", soft_wrap=True)
    out.print(f"[dim]{escape(HINT)}[/]\n", soft_wrap=True)
    style = Style(variant=settings.tts_variant, rate=settings.tts_rate)
    tape = Tape(save, play=play)
    if not voice:
        Desk(chat, None, style, tape).hold()
        return
    ear = load_ear(settings)
    if ear.info.synthetic:
        out.print(f"[yellow]{SYNTHETIC_EAR}[/]", soft_wrap=True)
    phrases = hot_words(flow, chat.state.slots, understander)
    with CalleeVoice(make_voice(settings), other_style(style), ear, phrases) as callee:
        Desk(chat, callee, style, tape).hold()


# ---------------------------------------------------------------- test


@flow_app.command("test")
def flow_test(
    names: Annotated[
        list[str] | None, typer.Argument(help="Scripts by name or folder; all shipped ones without it.")
    ] = None,
    case: Annotated[str, typer.Option("--case", help="Only cases with this in their name.")] = "",
    least: Annotated[
        float, typer.Option("--least", min=0, max=100, help="Least coverage of steps and of branches, percent.")
    ] = 0,
    coverage: Annotated[
        bool, typer.Option("--coverage/--no-coverage", help="List the places that no case tries.")
    ] = True,
    sip: Annotated[
        bool, typer.Option("--sip", help="Over the telephone: the simulated softphone says the callee's lines.")
    ] = False,
    parallel: Annotated[int, typer.Option("--parallel", min=1, max=4, help="With --sip: calls at once.")] = 2,
    junit_: Annotated[Path | None, typer.Option("--junit", help="Write the results as JUnit XML too.")] = None,
    as_json_: Json = False,
) -> None:
    """Hold scripts against their cases: path, outcome, what was said and done, values. Exit code 1 if a case fails or
    less than `--least` is covered.
    """
    settings = open_settings("ERROR")
    understander = lexicon.load()
    asked: list[str | None] = [*names] if names else [None]
    folders = [folder for name in asked for folder in _scripts(name, settings.flows_dir)]
    tried: list[FlowResult] = []
    broken: dict[str, FlowError] = {}
    for folder in folders:
        try:
            if sip:
                tried.append(_call(settings, folder, understander, case, parallel, quiet=as_json_))
            else:
                tried.append(replay(folder, understander, flows=settings.flows_dir, only=case))
        except FlowError as error:
            broken[Path(folder).name] = error
    _give(tried, broken, junit_, least=0 if case else least, missing=coverage and not case, as_json_=as_json_)
    if case and not any(flow.results for flow in tried):
        raise Wrong(f"--case {case}: no case has that in its name")


def _call(
    settings: Settings, folder: str | Path, understander: Understander, only: str, parallel: int, *, quiet: bool
) -> FlowResult:
    """A script's cases over SIP, each told as it is done: they take their time."""

    def follow(result: CaseResult) -> None:
        if not quiet and not result.skipped:
            mark = "[green]✓[/]" if result.passed else "[red]✗[/]"
            out.print(f"  {mark} [dim]{result.seconds:5.1f} s[/] {escape(result.case.name)}", soft_wrap=True)

    script = tryable(folder, flows=settings.flows_dir)
    return asyncio.run(try_over_sip(settings, script, understander, only=only, parallel=parallel, follow=follow))


def _give(
    tried: list[FlowResult],
    broken: dict[str, FlowError],
    file: Path | None,
    *,
    least: float,
    missing: bool,
    as_json_: bool,
) -> None:
    """Tell what came of it, and fail if it is not what is wanted."""
    if file is not None:
        try:
            file.write_bytes(junit(tried, broken))
        except OSError as error:
            raise Wrong(f"{file}: {(error.strerror or str(error)).lower()}: name a file you may write") from None
    if as_json_:
        print_json({"flows": [_as_json(flow) for flow in tried], "errors": _errors(broken)})
    else:
        for flow in tried:
            _print_flow(flow, missing=missing)
        for why in broken.values():
            for problem in why.problems:
                out.print(f"[red]✗[/] {escape(str(problem))}", soft_wrap=True)
    low = [flow.flow.name for flow in tried if flow.coverage.percent < least]
    if low and not as_json_:
        out.print(f"[red]✗[/] under {least:g} % of the steps or branches are covered: {', '.join(low)}")
    if low or broken or any(flow.failed for flow in tried):
        raise typer.Exit(1)


def _print_flow(flow: FlowResult, *, missing: bool) -> None:
    steps, branches = flow.coverage.steps, flow.coverage.branches
    passed = sum(result.passed for result in flow.results)
    told = f"{passed} passed, {len(flow.failed)} failed"
    if skipped := len(flow.results) - passed - len(flow.failed):
        told += f", {skipped} skipped"
    covered = f"steps {steps.taken}/{steps.of} {steps.percent:.0f} % · branches {branches.taken}/{branches.of} "
    mark = "[red]✗[/]" if flow.failed else "[green]✓[/]"
    off = " [yellow](switched off 已停用)[/]" if flow.flow.script.off else ""
    out.print(f"{mark} [bold]{flow.flow.name}[/]{off} {told} · {covered}{branches.percent:.0f} %", soft_wrap=True)
    for result in flow.results:
        _print_case(flow, result)
    for problem in flow.coverage.problems(flow.doc) if missing else ():
        out.print(f"  [dim]{escape(f'{problem.file}:{problem.line}: {problem.message}')}[/]", soft_wrap=True)


def _print_case(flow: FlowResult, result: CaseResult) -> None:
    place = escape(f"{flow.file}:{result.line}: {result.case.name}")
    if result.skipped:
        out.print(f"  [yellow]–[/] {place}: [yellow]skipped: {escape(result.skipped)}[/]", soft_wrap=True)
    if result.differences:
        out.print(f"  [red]✗[/] {place}", soft_wrap=True)
        for difference in result.differences:
            out.print(f"      [red]{escape(difference)}[/]", soft_wrap=True)
        for line in result.transcript:
            out.print(f"      [dim]{escape(line)}[/]", soft_wrap=True)
    for note in result.notes:
        where = "" if result.differences else f"{place}: "
        out.print(f"    [yellow]≠ {where}{escape(note)}[/]", soft_wrap=True)


def _as_json(flow: FlowResult) -> dict[str, Any]:
    steps, branches = flow.coverage.steps, flow.coverage.branches
    return {
        "flow": flow.flow.name,
        "version": flow.flow.version,
        "off": flow.flow.script.off,
        "file": flow.file,
        "passed": sum(result.passed for result in flow.results),
        "failed": len(flow.failed),
        "skipped": sum(bool(result.skipped) for result in flow.results),
        "cases": [
            {
                "name": result.case.name,
                "line": result.line,
                "passed": result.passed,
                "skipped": result.skipped,
                "differences": list(result.differences),
                "notes": list(result.notes),
                "transcript": list(result.transcript),
                "seconds": round(result.seconds, 3),
            }
            for result in flow.results
        ],
        "coverage": {
            "steps": {"taken": steps.taken, "of": steps.of, "percent": round(steps.percent, 1)},
            "branches": {"taken": branches.taken, "of": branches.of, "percent": round(branches.percent, 1)},
            "missing": [
                dict(zip(("file", "line"), flow.doc.at(*place.at), strict=True))
                | {"place": place.key, "kind": place.kind, "label": place.label}
                for place in flow.coverage.missing
            ],
        },
    }


def _errors(broken: dict[str, FlowError]) -> list[dict[str, Any]]:
    return [
        {"file": p.file, "line": p.line, "code": p.code, "message": p.message, "fix": p.fix}
        for error in broken.values()
        for p in error.problems
    ]
