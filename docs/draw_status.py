"""Draws what `voicebot campaign status` shows, as SVG, of a campaign made up for it.

python docs/draw_status.py > docs/campaign-status.svg
"""

from __future__ import annotations

import io
import re
import sys
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.terminal_theme import MONOKAI

from voicebot.campaign.book import Approval, Campaign
from voicebot.campaign.forecast import forecast, hours_of
from voicebot.campaign.kpi import Tally, kpis
from voicebot.campaign.look import Picture
from voicebot.campaign.plan import Plan
from voicebot.campaign.policy import read_policy
from voicebot.campaign.progress import HostState, Progress, Refused, TrunkState
from voicebot.campaign.screen import WIDE, screen
from voicebot.settings import Settings

NOW = datetime(2026, 11, 25, 6, 30, tzinfo=UTC)  # Wednesday, 14:30 in Shanghai
START = NOW - timedelta(hours=5)
OUTCOMES = {
    "acknowledged": 4310, "will_do": 2874, "done_already": 1122, "no_answer": 1918, "busy": 1254, "hung_up": 846,
    "powered_off": 611, "unreachable": 402, "voicemail": 518, "callback": 236, "empty_number": 173, "not_self": 151,
    "transfer_human": 96, "silent": 64, "do_not_call": 31, "complaint": 4, "unknown": 2,
}  # fmt: skip
UNANSWERED = ("no_answer", "busy", "powered_off", "unreachable", "empty_number", "unknown")
CAMPAIGN = Campaign(
    id="1", name="margin-november", flow="margin_call", flow_version="", kind="service", author="li",
    state="running", state_since=START, state_why="", trunk="default", plan=Plan(channels=60), contacts_sha256="",
    rows_read=20_000,
    contacts_accepted=19_640, zones=("Asia/Shanghai",), approval=Approval("zhao", START, "", "", ""),
    dials=sum(OUTCOMES.values()) + 41, created_at=START, started_at=START, ended_at=None,
)  # fmt: skip


def picture() -> Picture:
    """The campaign in the middle of its day."""
    answered = {name: number for name, number in OUTCOMES.items() if name not in UNANSWERED}
    conversed = {name: number for name, number in answered.items() if name not in ("voicemail", "silent")}
    calls = sum(answered.values())
    whole = frozenset({"notice", "warning"})
    tally = Tally(
        dialled=CAMPAIGN.dials, connected=calls + 29, outcomes=OUTCOMES, conversed=conversed,
        disclosed={whole: 8534, frozenset({"notice"}): calls - 8534 + 29}, talks=calls, talk_s=calls * 43.6,
        people=10_382,
    )  # fmt: skip
    seen = Progress(
        campaign=CAMPAIGN,
        at=NOW,
        contacts={"waiting": 9217, "admitted": 52, "done": 10_298, "refused": 431, "unknown": 2, "cancelled": 0},
        refused=(
            Refused("number", 214, 0), Refused("duplicate", 102, 0), Refused("do_not_call", 61, 17),
            Refused("stale_data", 54, 54), Refused("gap", 0, 388),
        ),
        attempts={"queued": 11, "dialling": 41, "closed": CAMPAIGN.dials - 43, "unknown": 2, "refused": 17},
        tally=tally,
        recent_dials=521,
        deferred=1876,
        next_due=NOW + timedelta(minutes=3),
        last_due=NOW + timedelta(hours=4),
        hosts=(HostState("sh-01", 32, 22, NOW), HostState("sh-02", 32, 19, NOW)),
        trunk=TrunkState("default", 0, None, ""),
    )  # fmt: skip
    opened = hours_of(CAMPAIGN, read_policy())
    return Picture(seen, kpis(tally, "service", whole), forecast(seen, opened, Settings().zone))


def main() -> None:
    """The picture on stdout."""
    console = Console(record=True, width=WIDE, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(screen(picture(), Settings().zone, width=WIDE))
    title = f"voicebot campaign status {CAMPAIGN.name} --watch"
    drawn = console.export_svg(title=title, theme=MONOKAI, unique_id="status")
    # Its fonts would be fetched from the net; the reader's own will do.
    sys.stdout.write(re.sub(r"@font-face \{.*?\}\n", "", drawn, flags=re.DOTALL))


if __name__ == "__main__":
    main()
