"""The command line. Each command prints help that suffices; errors are one clear line and a non-zero exit code."""

from __future__ import annotations

import sys
from typing import NoReturn

import typer

from sip.line import SipFault
from tts.voice import VoiceFault
from voicebot.asr.recognizer import AsrFault
from voicebot.calling import Refused
from voicebot.campaign.fault import CampaignFault
from voicebot.cli import (
    calls,
    campaign_import,
    campaign_show,
    campaign_view,
    campaigns,
    flows,
    parts,
    people,
    review,
    schema,
    studio,
    upkeep,
    worker,
)
from voicebot.cli.campaign_app import campaign_app
from voicebot.cli.terminal import Wrong
from voicebot.flow.problems import FlowFault
from voicebot.nlu.errors import NluError
from voicebot.settings import SettingsFault
from voicebot.softphone.fault import SoftphoneFault
from voicebot.store.fault import StoreFault
from voicebot.workers import WorkerFault

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(calls.app)
app.add_typer(worker.app)
app.add_typer(parts.asr_app, name="asr")
app.add_typer(parts.tts_app, name="tts")
parts.tts_app.command("studio")(studio.tts_studio)
app.add_typer(parts.nlu_app, name="nlu")
app.add_typer(flows.flow_app, name="flow")
flows.flow_app.command("show")(review.show)
flows.flow_app.command("schema")(schema.show)
campaign_app.command("import")(campaign_import.import_)
campaign_app.add_typer(campaigns.app)
campaign_app.add_typer(campaign_show.app)
campaign_app.add_typer(campaign_view.app)
app.add_typer(campaign_app, name="campaign")
app.add_typer(people.people_app, name="people")
app.add_typer(upkeep.models_app, name="models")
app.add_typer(upkeep.db_app, name="db")
app.add_typer(upkeep.bench_app, name="bench")


FAULTS = (
    AsrFault,
    CampaignFault,
    FlowFault,
    NluError,
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
