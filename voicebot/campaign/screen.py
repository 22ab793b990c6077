"""A campaign on a terminal: bars, outcomes, key figures, what goes on; and in one line where there is no terminal."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo
from typing import Final

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from voicebot.campaign import chinese
from voicebot.campaign.look import Picture
from voicebot.campaign.progress import Line, Progress

# From so many columns on, contacts and outcomes stand side by side.
WIDE: Final = 132
# With fewer lines on the terminal, the figures go without their definitions.
TALL: Final = 44
_BAR: Final = 18
_HALF: Final = 64
# From so many on, the list of campaigns has their scripts too.
_WITH_SCRIPT: Final = 100
_STATE: Final = {"running": "bold green", "paused": "yellow", "cancelled": "red", "done": "bold"}
_CONTACT: Final = {
    "done": "green",
    "admitted": "cyan",
    "waiting": "blue",
    "unknown": "yellow",
    "refused": "red",
    "cancelled": "bright_black",
}
_GOOD: Final = frozenset({"acknowledged", "will_do", "done_already"})
_BAD: Final = frozenset({"complaint", "do_not_call", "fault", "unknown"})

Bar = tuple[str, int, str]


def screen(picture: Picture, zone: tzinfo, *, width: int, definitions: bool = True) -> RenderableType:
    """The whole picture. `width` in columns; `definitions`: of the key figures, which take room."""
    seen = picture.progress
    left = Group(
        _title("联系人 contacts", sum(seen.contacts.values())), _contact_bars(seen), _calls(seen), _refusals(seen)
    )
    right = Group(_title("结果 outcomes"), _outcomes(seen))
    if width >= WIDE:
        beside = Table.grid(padding=(0, 4, 0, 0))
        for _ in range(2):
            beside.add_column(width=_HALF)
        beside.add_row(left, right)
        body: RenderableType = beside
    else:
        body = Group(left, Text(), right)
    # What matters most stands on top: a low terminal shows no more.
    return Group(_head(seen, zone), _now(picture, zone), Text(), body, _figures(picture, definitions=definitions))


def line(picture: Picture, zone: tzinfo) -> str:
    """The picture in one line, for logs and pipes."""
    seen, contacts = picture.progress, picture.progress.contacts
    parts = [
        f"{seen.campaign.state}",
        f"contacts {contacts['done']} done, {seen.remaining} to go, {contacts['refused']} refused,"
        f" {contacts['unknown']} unknown",
        f"calls {seen.dials}, answered {seen.tally.connected}, conversations {seen.tally.conversations}",
        f"{seen.busy} under way",
        f"{seen.recent_per_minute:.1f}/min",
    ]
    if picture.forecast.end and not seen.over:
        parts.append(f"end {when(picture.forecast.end, seen.at, zone)}")
    if seen.trunk.is_open(seen.at):
        parts.append(f"trunk {seen.trunk.name} is left alone")
    return " · ".join(parts)


def table(lines: Iterable[Line], now: datetime, zone: tzinfo, *, width: int) -> Table:
    """All campaigns, a row each. `width` in columns."""
    shown = Table(box=box.SIMPLE_HEAD, padding=0)
    with_script = width >= _WITH_SCRIPT
    for head in ("活动\ncampaign", "状态\nstate", *(["话术\nscript"] if with_script else [])):
        shown.add_column(head, no_wrap=True)
    for head in ("联系人\ncontacts", "完成\ndone", "待拨\nto go", "不拨\nrefused", "待核实\nunknown", "拨出\ncalls"):
        shown.add_column(head, justify="right", no_wrap=True)
    shown.add_column("自\nsince", no_wrap=True)
    for one in lines:
        campaign, contacts = one.campaign, one.contacts
        numbers = (
            sum(contacts.values()),
            contacts["done"],
            contacts["waiting"] + contacts["admitted"],
            contacts["refused"],
            contacts["unknown"],
            campaign.dials,
        )
        shown.add_row(
            Text(campaign.name),
            _state(campaign.state),
            *([Text(campaign.flow)] if with_script else []),
            *(f"{number:,}" for number in numbers),
            when(campaign.state_since, now, zone),
        )
    return shown


def when(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """A moment as somebody at `now` says it: the time of today, else with its day."""
    there, here = moment.astimezone(zone), now.astimezone(zone)
    if there.date() == here.date():
        return f"{there:%H:%M}"
    return f"{there:%m-%d %H:%M}" if there.year == here.year else f"{there:%Y-%m-%d %H:%M}"


# ------------------------------------------------------------ parts


def _head(seen: Progress, zone: tzinfo) -> Text:
    campaign = seen.campaign
    text = Text.assemble((campaign.name, "bold"), "  ", _state(campaign.state))
    text.append(f"  since {when(campaign.state_since, seen.at, zone)}", "dim")
    if campaign.state_why:
        text.append(f" ({campaign.state_why})", "dim")
    text.append(f"\n{campaign.flow} · {campaign.kind} {chinese.FLOW_KIND[campaign.kind]} · by {campaign.author}", "dim")
    if campaign.approval:
        approved = when(campaign.approval.at, seen.at, zone)
        text.append(f" · approved 已审批 by {campaign.approval.by}, {approved}", "dim")
    return text


def _state(state: str) -> Text:
    return Text(f"{state} {chinese.CAMPAIGN[state]}", _STATE.get(state, ""))


def _title(text: str, number: int | None = None) -> Text:
    title = Text(text, "bold")
    return title if number is None else title.append(f"  {number:,}", "dim")


def _bars(bars: Iterable[Bar], total: int) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=24)
    grid.add_column(width=_BAR)
    grid.add_column(justify="right", min_width=8, no_wrap=True)
    grid.add_column(justify="right", min_width=6, no_wrap=True, style="dim")
    for name, number, style in bars:
        bar = ProgressBar(max(total, 1), number, _BAR, complete_style=style, finished_style=style)
        grid.add_row(name, bar, f"{number:,}", f"{number / total:.1%}" if total else "")
    return grid


def _contact_bars(seen: Progress) -> Table:
    total = sum(seen.contacts.values())
    always = ("done", "waiting")
    return _bars(
        [
            (f"{chinese.CONTACT[state]} {state}", seen.contacts[state], style)
            for state, style in _CONTACT.items()
            if seen.contacts[state] or state in always
        ],
        total,
    )


def _calls(seen: Progress) -> RenderableType:
    tally = seen.tally
    bars = [
        ("拨出 placed", seen.dials, "blue"),
        ("接通 answered", tally.connected, "cyan"),
        ("有效通话 conversations", tally.conversations, "green"),
    ]
    return Group(Text(), _title("呼叫 calls"), _bars(bars, max(seen.dials, tally.dialled)))


def _outcomes(seen: Progress) -> RenderableType:
    found = sorted(seen.tally.outcomes.items(), key=lambda one: (-one[1], one[0]))
    if not found:
        return Text("none yet 暂无", "dim")
    bars = [
        (
            f"{chinese.outcome(name)} {name}",
            number,
            "green" if name in _GOOD else "red" if name in _BAD else "cyan",
        )
        for name, number in found
    ]
    return _bars(bars, sum(seen.tally.outcomes.values()))


def _refusals(seen: Progress) -> RenderableType:
    if not seen.refused:
        return Text()
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=24)
    for _ in range(2):
        grid.add_column(justify="right", min_width=14)
    grid.add_row("", Text("联系人 contacts", "dim"), Text("次数 times", "dim"))
    for one in seen.refused:
        contacts, times = (f"{number:,}" if number else "—" for number in (one.contacts, one.times))
        grid.add_row(f"{chinese.rule(one.rule)} {one.rule}".strip(), contacts, times)
    return Group(Text(), _title("不予拨打 refused, by rule"), grid)


def _figures(picture: Picture, *, definitions: bool) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, min_width=24)
    grid.add_column(justify="right", style="bold", min_width=7)
    grid.add_column(justify="right", style="dim", min_width=10)
    if definitions:
        grid.add_column(style="dim", overflow="fold")
    for figure in picture.figures:
        shares = f"{figure.numerator:,.0f} ÷ {figure.denominator:,}"
        cells = [f"{figure.chinese} {figure.english}", figure.shown, shares]
        grid.add_row(*cells, *([figure.definition] if definitions else []))
    return Group(Text(), _title("指标 key figures, per call"), grid)


def _now(picture: Picture, zone: tzinfo) -> RenderableType:
    seen = picture.progress
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column()
    pace = f"{seen.recent_per_minute:.1f} calls a minute lately, {seen.overall_per_minute:.1f} since the start"
    grid.add_row("速度 pace", pace)
    grid.add_row("预计 forecast", _expected(picture, zone))
    if seen.deferred:
        due = f", the first at {when(seen.next_due, seen.at, zone)}" if seen.next_due else ""
        grid.add_row("稍后 deferred", f"{seen.deferred:,} contacts{due}")
    channels = sum(host.channels for host in seen.hosts)
    busy = f"{seen.busy} of {seen.campaign.plan.channels} of the plan"
    grid.add_row("线路 channels", f"{busy}; hosts have {channels}" if channels else busy)
    names = ", ".join(f"{host.name} ({host.busy}/{host.channels})" for host in seen.hosts)
    nobody = Text("none at work: start `voicebot worker`", "yellow" if seen.campaign.state == "running" else "dim")
    grid.add_row("主机 hosts", names or nobody)
    grid.add_row("中继 trunk", _trunk(seen, zone))
    if failed := seen.tally.failed:
        told = ", ".join(f"{number:,} {rule} {chinese.rule(rule)}" for rule, number in sorted(failed.items()))
        grid.add_row("未响铃 no ring", f"{told}: tried again, not counted as calls")
    if number := seen.attempts["unknown"]:
        told = f"{number} calls of which nobody knows: `voicebot campaign unknown {seen.campaign.name}`"
        grid.add_row("待核实 unknown", Text(told, "yellow"))
    return Padding(grid, (1, 0, 0, 0))


def _expected(picture: Picture, zone: tzinfo) -> Text:
    seen, expected = picture.progress, picture.forecast
    if seen.over:
        return Text(f"over since {when(expected.end, seen.at, zone)}" if expected.end else "over")
    if expected.end is None:
        return Text(f"none: {expected.why}", "dim")
    told = Text(f"through at {when(expected.end, seen.at, zone)}, some {expected.calls:,} calls to go")
    return told.append(f" ({expected.why})", "yellow") if expected.why else told


def _trunk(seen: Progress, zone: tzinfo) -> Text:
    trunk = seen.trunk
    if trunk.open_until is not None and trunk.is_open(seen.at):
        told = f"{trunk.name}: left alone 熔断 until {trunk.open_until.astimezone(zone):%H:%M:%S}: {trunk.why}"
        return Text(told, "red")
    failing = f", {trunk.failures} failures in a row" if trunk.failures else ""
    return Text(f"{trunk.name}: open for calls 正常{failing}", "yellow" if failing else "")
