"""What a person or a program reads of a call: the live transcript line by line, the result, the result as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

from voicebot import events
from voicebot.flow.dispositions import Disposition
from voicebot.store.records import CallRecord, Lead

SYNTHETIC_EAR = (
    "语音识别模型仅由合成语音训练，只能听软电话，不能用于真实客户 · "
    "the embedded ear was trained on synthetic speech only"
)


def clock(at_ms: int) -> str:
    """Ms of the audio clock as `m:ss.s`."""
    return f"{at_ms // 60_000}:{at_ms / 1000 % 60:04.1f}"


def live_lines(event: events.Event) -> Iterator[str]:
    """The event as a reader follows it (rich markup); nothing for what only a program needs."""
    at = f"[dim]{clock(event.at_ms)}[/]"
    match event:
        case events.Dialling():
            yield f"{at} [dim]拨号 dialling {escape(event.target)}[/]"
        case events.Ringing():
            yield f"{at} [dim]振铃 ringing ({event.code}{', early media' if event.early_media else ''})[/]"
        case events.Answered():
            yield f"{at} [dim]接通 answered[/]"
        case events.Said():
            cut = "" if event.complete else " [yellow]〔被打断 cut〕[/]"
            yield f"[dim]{clock(event.start_ms)}[/] [bold cyan]机器人[/] {escape(event.text)}{cut}"
        case events.Heard():
            yield f"[dim]{clock(event.start_ms)}[/] [bold green]客户　[/] {escape(event.written or event.text)}"
        case events.Understood():
            meant = ", ".join(f"{name} {confidence:.2f}" for name, confidence in event.intents)
            slots = "".join(f" · {type_}={escape(value)}" for type_, _, value in event.slots)
            yield f"       [dim]→ {meant}{slots}[/]"
        case events.DisclosurePlayed():
            yield f"       [dim]✓ 告知已完整播放 disclosure played: {event.disclosure}[/]"
        case events.DtmfReceived():
            yield f"{at} [bold green]客户　[/] 〔按键 {event.digit}〕"
        case events.BargeIn():
            yield f"{at} [yellow]打断 barge-in[/]"
        case events.SilenceNoticed():
            yield f"{at} [dim]静默 silence[/]"
        case events.Acted():
            data = " ".join(f"{key}={escape(value)}" for key, value in event.data.items())
            yield f"{at} [magenta]→ {event.action} {data}[/]"
        case events.Fault():
            yield f"{at} [red]故障 fault ({event.part}): {escape(event.reason)}[/]"
        case events.Ended():
            who = "对方挂断 by the callee" if event.by_far_end else "结束"
            yield f"{at} [dim]{who}: {event.cause} {event.code or ''}[/]"
        case _:
            return


def as_json(record: CallRecord, recordings_dir: Path, zone: ZoneInfo) -> dict[str, Any]:
    """The call's result for programs. Times in ms on the audio clock, which is the position in
    the recording; `zone`: in which due times are shown.
    """
    return {
        "call_id": record.id,
        "flow": record.flow,
        "flow_version": record.flow_version,
        "disposition": record.disposition,
        "disposition_zh": Disposition(record.disposition).chinese,
        "grade": record.grade,
        "sip": {"code": record.sip_code, "cause": record.sip_cause, "by_far_end": record.ended_by_far_end},
        "turns": [
            {
                "role": turn.role,
                "text": turn.text,
                "written": turn.written or turn.text,
                "start_ms": turn.start_ms,
                "end_ms": turn.end_ms,
                "intent": turn.intent,
                "complete": turn.complete,
            }
            for turn in record.turns
        ],
        "disclosures": list(record.disclosures),
        "recording": str(recordings_dir / record.recording_path) if record.recording_path else "",
        "recording_problem": record.recording_problem,
        "sha256": record.recording_sha256,
        "lead": _lead_json(record.lead, zone) if record.lead else None,
        "response_ms": {"p50": record.response_p50_ms, "p95": record.response_p95_ms},
        "ear": {"engine": record.engines.asr, "synthetic": record.engines.synthetic_ear},
    }


def _lead_json(lead: Lead, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": lead.id,
        "kind": lead.kind,
        "grade": lead.grade,
        "rule": lead.rule,
        "words": lead.words,
        "slots": dict(lead.slots),
        "owner": lead.owner,
        "due_at": lead.due_at.astimezone(zone).isoformat(),
        "complaint": lead.complaint,
        "status": lead.status,
    }


def print_result(console: Console, record: CallRecord, recordings_dir: Path, zone: ZoneInfo) -> None:
    """The outcome as a person reads it."""
    result = as_json(record, recordings_dir, zone)
    rows = [
        ("结果 outcome", f"{result['disposition_zh']} {record.disposition} · 等级 grade {record.grade}"),
        ("SIP", f"{record.sip_code} {record.sip_cause}"),
        ("告知 disclosures", ", ".join(record.disclosures) or "—"),
    ]
    if record.response_p50_ms is not None:
        rows.append(("应答时延 response", f"p50 {record.response_p50_ms} ms · p95 {record.response_p95_ms} ms"))
    if record.lead is not None:
        lead = record.lead
        slots = " ".join(f"{key}={value}" for key, value in lead.slots.items())
        rows.append(
            (
                "线索 lead",
                f"{lead.kind} · {lead.owner} · 截止 due {lead.due_at.astimezone(zone):%Y-%m-%d %H:%M} {slots}".rstrip(),
            )
        )
    else:
        rows.append(("线索 lead", "—"))
    if record.recording_path:
        seconds = record.recording_ms / 1000
        rows.append(("录音 recording", f"{result['recording']} ({seconds:.1f} s, left robot, right callee)"))
        rows.append(("sha256", record.recording_sha256))
    if record.recording_problem:
        rows.append(("录音问题 problem", record.recording_problem))
    if record.fault:
        rows.append(("故障 fault", record.fault))
    console.print()
    for name, value in rows:
        console.print(f"[bold]{name}[/]  {escape(value)}", soft_wrap=True)
    if record.engines.synthetic_ear:
        console.print(f"[yellow]{SYNTHETIC_EAR}[/]", soft_wrap=True)
