"""What commands about campaigns share: the settings and the database open, who acts, the common arguments."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import typer

from voicebot.campaign import book
from voicebot.campaign.book import Campaign
from voicebot.campaign.policy import Policy, read_policy
from voicebot.cli.terminal import Wrong, open_settings
from voicebot.robot import open_store
from voicebot.settings import Settings
from voicebot.store.store import Store

Name = Annotated[str, typer.Argument(help="The campaign's name.")]
By = Annotated[str, typer.Option("--by", help="Who does it; without it, the name you are logged in with.")]
Why = Annotated[str, typer.Option("--why", help="The reason, for the log.")]


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings and database, open for one command."""

    settings: Settings
    store: Store

    @property
    def policy(self) -> Policy:
        """The firm's policy as it is now. Raises `CampaignFault`."""
        return read_policy(self.settings.policy_file)

    def campaign(self, name: str) -> Campaign:
        """A campaign by its name. Raises `CampaignFault`."""
        with self.store.reading() as connection:
            return book.find(connection, name)

    def when(self, at: datetime) -> str:
        """An instant in the installation's zone."""
        return f"{at.astimezone(self.settings.zone):%Y-%m-%d %H:%M:%S}"


@contextmanager
def open_desk() -> Iterator[Desk]:
    """Closed at the end. Raises `SettingsFault`, `StoreFault`."""
    settings = open_settings("ERROR")
    store = open_store(settings)
    try:
        yield Desk(settings, store)
    finally:
        store.close()


def acting(by: str) -> str:
    """Who acts: `by`, or the user who is logged in. Raises `Wrong` where there is none."""
    try:
        return by or getpass.getuser()
    except (KeyError, OSError, ImportError):
        raise Wrong("this user has no name here: say who you are: --by NAME") from None
